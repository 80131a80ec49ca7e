//! Matchers: which requests a directive is for.

use super::super::words;
use super::tokens::Directive;
use super::values;
use std::collections::BTreeMap;

/// Which requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Matcher {
    /// Patterns of the language; none is every path.
    pub paths: Vec<String>,
    /// Methods; none is every method.
    pub methods: Vec<String>,
    /// Further conditions.
    pub conditions: Vec<String>,
}

/// The named matchers of a block; those that cannot be said have their reason.
pub(super) type Named = BTreeMap<String, Result<Matcher, String>>;

/// Networks that `private_ranges` stands for.
const PRIVATE: &[&str] = &["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.0/8", "fd00::/8", "::1/128"];

impl Matcher {
    /// True when more than the path is asked.
    pub fn is_conditional(&self) -> bool {
        !self.methods.is_empty() || !self.conditions.is_empty()
    }
}

/// The matcher of a directive, and where its own words begin.
pub(super) fn of(directive: &Directive, named: &Named, prefix: &str) -> (Result<Matcher, String>, usize) {
    let first = directive.word(1);
    if first == "*" {
        return (Ok(Matcher::default()), 2);
    }
    if first.starts_with('/') {
        return (values::pattern(first, prefix).map(|path| Matcher { paths: vec![path], ..Matcher::default() }), 2);
    }
    match first.strip_prefix('@') {
        Some(name) => (named.get(name).cloned().unwrap_or_else(|| Err(format!("no matcher is called `@{name}`"))), 2),
        None => (Ok(Matcher::default()), 1),
    }
}

/// Reads `@name …`.
pub(super) fn read(directive: &Directive, prefix: &str) -> Result<Matcher, String> {
    let mut matcher = Matcher::default();
    if directive.words.len() > 1 {
        one(directive.words.get(1..).unwrap_or_default(), prefix, &mut matcher)?;
    }
    for inner in directive.inner() {
        one(&inner.words, prefix, &mut matcher)?;
    }
    Ok(matcher)
}

fn one(all: &[String], prefix: &str, matcher: &mut Matcher) -> Result<(), String> {
    let (kind, rest) = all.split_first().ok_or("an empty matcher")?;
    match kind.as_str() {
        "path" if matcher.paths.is_empty() => {
            matcher.paths = rest.iter().map(|path| values::pattern(path, prefix)).collect::<Result<_, _>>()?;
        }
        "method" => matcher.methods.extend(rest.iter().map(|method| method.to_ascii_uppercase())),
        "not" => {
            let mut inner = Matcher::default();
            one(rest, prefix, &mut inner)?;
            match (inner.paths.is_empty() && inner.methods.is_empty(), inner.conditions.as_slice()) {
                (true, [only]) => matcher.conditions.push(format!("not ({only})")),
                _ => return Err("`not` is read of addresses, fields and query parameters only".to_owned()),
            }
        }
        "header" | "query" => matcher.conditions.push(field(kind, rest)?),
        "remote_ip" | "client_ip" => {
            let networks: Vec<&str> =
                rest.iter().flat_map(|word| if word == "private_ranges" { PRIVATE.to_vec() } else { vec![word.as_str()] }).collect();
            let good = |text: &&str| text.parse::<std::net::IpAddr>().is_ok() || text.parse::<ipnet::IpNet>().is_ok();
            if networks.is_empty() || !networks.iter().all(good) {
                return Err("it names what is no network".to_owned());
            }
            matcher.conditions.push(format!("client.ip in [{}]", networks.join(", ")));
        }
        other => return Err(format!("a matcher of `{other}` has no counterpart")),
    }
    Ok(())
}

fn field(kind: &str, rest: &[String]) -> Result<String, String> {
    let (name, value) = match (kind, rest) {
        ("query", [only]) => only.split_once('=').ok_or("a query matcher is `name=value`")?,
        ("header", [name]) => (name.as_str(), "*"),
        ("header", [name, value]) => (name.as_str(), value.as_str()),
        _ => return Err("it asks for several fields at once".to_owned()),
    };
    if words::is_credential(name) && !name.starts_with('!') && value.chars().any(|letter| letter != '*') {
        return Err(words::CREDENTIAL.to_owned());
    }
    let reference = format!("{kind}({})", words::text(name.trim_start_matches('!')));
    Ok(match (name.starts_with('!'), value) {
        (true, _) => format!("{reference} == none"),
        (false, "*") => format!("{reference} != none"),
        (false, value) if value.contains('*') => {
            let pieces: Vec<String> = value.split('*').map(words::escaped).collect();
            format!("{reference} matches {}", words::regex(&pieces.join(".*")))
        }
        (false, value) => format!("{reference} == {}", words::text(value)),
    })
}
