//! Directives that change what passes, and what of them is in force somewhere.

use super::super::draft::Draft;
use super::super::words;
use super::block::Shared;
use super::tokens::Directive;
use super::values;

/// What is in force: outermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Level {
    /// Lines of `request`.
    pub request: Vec<String>,
    /// Lines of `response`.
    pub response: Vec<String>,
    /// The auth.
    pub auth: Option<String>,
    /// What becomes of the path.
    pub path: Vec<String>,
    /// Further statements, by their word.
    pub other: Vec<(&'static str, String)>,
}

impl Level {
    /// This level with another inside it.
    pub fn with(&self, inner: &Self) -> Self {
        let mut out = self.clone();
        out.request.extend(inner.request.iter().cloned());
        out.response.extend(inner.response.iter().cloned());
        out.auth = inner.auth.clone().or(out.auth);
        out.path.extend(inner.path.iter().cloned());
        for (word, statement) in &inner.other {
            out.other.retain(|(known, _)| known != word);
            out.other.push((*word, statement.clone()));
        }
        out
    }

    /// Its statements on a route; what goes upstream only where there is an upstream.
    pub fn statements(&self, upstream: bool) -> Vec<String> {
        let mut out = vec![match &self.auth {
            Some(auth) => format!("auth {auth}"),
            None => "public \"the Caddyfile asks for no password\"".to_owned(),
        }];
        out.extend(self.other.iter().map(|(_, statement)| statement.clone()));
        if upstream {
            out.extend(self.path.iter().cloned());
        }
        for (word, lines, wanted) in [("request", &self.request, upstream), ("response", &self.response, true)] {
            if wanted && !lines.is_empty() {
                let mut once: Vec<&String> = Vec::new();
                lines.iter().for_each(|line| {
                    if !once.contains(&line) {
                        once.push(line);
                    }
                });
                out.push(format!("{word} {{\n{}\n}}", once.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n")));
            }
        }
        out
    }
}

/// True for directives that are read here.
pub(super) fn is_modifier(name: &str) -> bool {
    matches!(name, "header" | "request_header" | "basic_auth" | "basicauth" | "encode" | "request_body" | "uri" | "rewrite" | "log")
}

/// What a directive puts in force; its own words begin at `from`. None when it was left out and nobody may pass without it.
pub(super) fn modifier(directive: &Directive, from: usize, prefix: &str, shared: &mut Shared, draft: &mut Draft) -> Option<Level> {
    let own = directive.words.get(from..).unwrap_or_default();
    let mut level = Level::default();
    let mut refuse = |why: &str| draft.leave_out(directive.line, directive.text(), why);
    match directive.name() {
        "header" => {
            let lines = if own.is_empty() { directive.inner().iter().map(|inner| inner.words.as_slice()).collect() } else { vec![own] };
            for line in lines {
                match field(line, true, directive.line, draft) {
                    Ok(line) => level.response.push(line),
                    Err(why) => draft.leave_out(directive.line, format!("header {}", line.join(" ")), why),
                }
            }
        }
        "request_header" => match field(own, false, directive.line, draft) {
            Ok(line) => level.request.push(line),
            Err(why) => draft.leave_out(directive.line, directive.text(), why),
        },
        "basic_auth" | "basicauth" => return users(directive, shared, draft).map(|auth| Level { auth: Some(auth), ..level }),
        "encode" => {
            let named: Vec<&str> = own.iter().map(String::as_str).filter(|name| matches!(*name, "gzip" | "zstd" | "br")).collect();
            level
                .other
                .push(("compress", if named.is_empty() { "compress".to_owned() } else { format!("compress [{}]", named.join(", ")) }));
            if !directive.inner().is_empty() {
                refuse("`compress` takes compressible types from 1 KiB, and has no further settings");
            }
        }
        "request_body" => {
            for inner in directive.inner() {
                match values::size(inner.word(1)).filter(|_| inner.name() == "max_size") {
                    Some(size) => level.other.push(("body", format!("body max {size}"))),
                    None => draft.leave_out(inner.line, inner.text(), "`body` has no such setting"),
                }
            }
        }
        "uri" => match (own.first().map(String::as_str), own.get(1)) {
            (Some("strip_prefix"), Some(path)) if words::literal_path(path).is_some() => {
                level.path.push(format!("strip_prefix {prefix}{}", path.trim_end_matches('/')));
            }
            _ => refuse("only `uri strip_prefix /path` is read"),
        },
        "rewrite" => match own.first() {
            Some(to) if to.starts_with('/') => match to.strip_suffix("{uri}").or_else(|| to.strip_suffix("{path}")) {
                Some(before) if words::literal_path(before).is_some() => {
                    level.path.push(format!("add_prefix {}", before.trim_end_matches('/')))
                }
                _ => match values::string(to) {
                    Ok(to) => level.path.push(format!("rewrite {to}")),
                    Err(why) => refuse(&why),
                },
            },
            _ => refuse("a rewrite leads to a path"),
        },
        "log" => {
            level.other.push(("log", "log access json".to_owned()));
            if !own.is_empty() || !directive.inner().is_empty() {
                refuse("the access log goes to standard output as JSON, and has no such settings");
            }
        }
        _ => refuse("it has no counterpart"),
    }
    Some(level)
}

/// A line of `header`, `header_up` and the like as a line of `request` or `response`.
pub(super) fn field(line: &[String], response: bool, at: usize, draft: &mut Draft) -> Result<String, String> {
    let (name, rest) = line.split_first().ok_or("no field is named")?;
    if rest.len() > 1 {
        return Err("parts of a value are not replaced".to_owned());
    }
    if let Some(removed) = name.strip_prefix('-') {
        return Ok(format!("remove {}", words::text(removed)));
    }
    let written = rest.first().ok_or("no value is given")?;
    // A credential for the upstream stays out of the policy.
    let secret = !response && words::is_credential(name) && !written.is_empty() && !written.starts_with('{');
    if secret {
        let field = name.trim_start_matches(['+', '>', '?']);
        let variable = draft.secret(at, &format!("the value of {field}"), field);
        return Ok(format!(
            "{}\n{} {} {variable}",
            words::PUT_THERE,
            if name.starts_with('+') { "add" } else { "set" },
            words::text(field)
        ));
    }
    let value = values::expression(written)?;
    match name.chars().next() {
        Some('+') => Ok(format!("add {} {value}", words::text(name.trim_start_matches('+')))),
        Some('?') if response => Ok(format!("set {} {value} if_missing", words::text(name.trim_start_matches('?')))),
        Some('?') => Err("a request's field is set whether or not it is there".to_owned()),
        Some('>') => Ok(format!("set {} {value}", words::text(name.trim_start_matches('>')))),
        _ => Ok(format!("set {} {value}", words::text(name))),
    }
}

/// Declares an auth; the hashes of passwords do not stand in a policy.
fn users(directive: &Directive, shared: &mut Shared, draft: &mut Draft) -> Option<String> {
    if let Some(known) = shared.auths.get(&directive.line) {
        return Some(known.clone());
    }
    let names: Vec<&str> = directive.inner().iter().map(Directive::name).collect();
    if names.is_empty() {
        draft.leave_out(directive.line, directive.text(), "it names nobody who may come in: what it guards is not opened for everyone");
        return None;
    }
    let name = draft.name("auth", "people");
    shared.auths.insert(directive.line, name.clone());
    let file = format!("{name}.htpasswd");
    draft.leave_out(
        directive.line,
        directive.text(),
        format!("hashes do not stand in a policy: put a line `NAME:HASH` (bcrypt or argon2id) for {} into `{file}`", names.join(", ")),
    );
    draft.auths.push(format!("auth basic {name} {{\n{}\nusers file({})\n}}", words::PASSWORDS, words::text(&file)));
    Some(name)
}
