//! `gate explain`

use super::{Outcome, Policy, complain, print_json, print_out};
use crate::check::{self, Explained};
use crate::diag::{Code, Severity, explain};
use crate::docs::values::{REFERENCES, Reference, TYPES};
use crate::lang::form::{Form, Kind};
use crate::policy::stage::STAGES;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Arguments of `gate explain`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A policy; or a word of the language or a diagnostic code alone
    #[arg(value_name = "FILE|WORD|CODE")]
    what: String,
    /// A route of the policy, or a word
    #[arg(value_name = "ROUTE|WORD")]
    name: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = super::parse_set)]
    set: Vec<(String, String)>,
}

/// Explains.
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.name {
        None => alone(&arguments.what),
        Some(name) => in_file(arguments, &arguments.what, name),
    }
}

fn alone(name: &str) -> Outcome {
    if let Some(text) = code(name).or_else(|| words(name)).or_else(|| value(name)) {
        print_out(&text);
        return Outcome::Fine;
    }
    if Path::new(name).is_file() {
        complain(&format!(
            "`{name}` is a file: which route of it, or which word? `gate explain {name} ROUTE`; `gate routes {name}` lists them"
        ));
        return Outcome::Usage;
    }
    let full = full_name(name);
    let schema = check::schema();
    let mut words: Vec<&str> = Vec::new();
    schema.words().for_each(|word| all_words(&word.form, &mut words));
    let codes = Code::ALL.iter().map(|code| code.name());
    words.extend(STAGES);
    words.extend(REFERENCES.iter().map(|reference| reference.name));
    let near = crate::diag::suggest::nearest(name, words).or_else(|| crate::diag::suggest::nearest(&full, codes));
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    complain(&format!("`{name}` is neither a diagnostic code nor a word of the language{near} (a route: `gate explain FILE {name}`)"));
    Outcome::Usage
}

fn all_words(form: &Form, out: &mut Vec<&str>) {
    out.push(form.word);
    form.children.iter().for_each(|child| all_words(child, out));
}

fn full_name(name: &str) -> String {
    if name.starts_with("gate::") { name.to_owned() } else { format!("gate::{name}") }
}

/// What a code asks, why, and how it looks wrong and right.
fn code(name: &str) -> Option<String> {
    let full = full_name(name);
    let code = Code::ALL.iter().copied().find(|code| code.name() == full)?;
    let severity = match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = format!("{} ({severity})\n  {}\n", code.name(), code.summary());
    if let Some(explained) = explain::explain(code) {
        let _ = write!(text, "\n{}\n\nwrong:\n\n{}\nright:\n\n{}", explained.text, indented(explained.wrong), indented(explained.right));
    }
    Some(text)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

/// What the schema says of a word: of a statement, or of a clause of some statement.
fn words(name: &str) -> Option<String> {
    let schema = check::schema();
    let mut texts: Vec<String> = schema.words().filter(|word| word.form.word == name).map(check::explain_word).collect();
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for word in schema.words() {
        clauses(&word.form, &format!("`{}`", word.form.word), name, &mut found);
    }
    texts.extend(found.into_iter().map(|(text, homes)| format!("{text}  a clause of {}\n", homes.join(", and of "))));
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// What is no statement: a reference, a type, a stage, or a word of a choice.
fn value(name: &str) -> Option<String> {
    let mut out = String::new();
    for reference in REFERENCES.iter().filter(|reference| means(reference.name, name)) {
        let Reference { name, ty, stage, doc } = reference;
        let _ = write!(out, "{name}: a value, {ty}\n  {doc}\n  known from stage `{stage}` on\n");
    }
    for kind in TYPES.iter().filter(|kind| kind.name == name || kind.name.split(['<', '(']).next() == Some(name)) {
        let _ = write!(out, "{}: a type\n  {}\n", kind.name, kind.doc);
        if !kind.written.is_empty() {
            let _ = writeln!(out, "  written {}", listed(kind.written.iter().copied()));
        }
    }
    if let Some(at) = STAGES.iter().position(|stage| *stage == name) {
        let schema = check::schema();
        let mut here: Vec<&str> = schema.words().filter(|word| word.stage == name).map(|word| word.form.word).collect();
        here.sort_unstable();
        here.dedup();
        let _ = writeln!(out, "{name}: stage {} of {}", at + 1, STAGES.len());
        let around = |at: Option<usize>| at.and_then(|at| STAGES.get(at)).map(|stage| format!("`{stage}`"));
        if let Some(before) = around(at.checked_sub(1)) {
            let _ = writeln!(out, "  runs after {before}");
        }
        if let Some(after) = around(Some(at + 1)) {
            let _ = writeln!(out, "  runs before {after}");
        }
        if !here.is_empty() {
            let _ = writeln!(out, "  statements: {}", listed(here.into_iter()));
        }
    }
    let mut places: Vec<(String, Vec<&str>)> = Vec::new();
    check::schema().words().for_each(|word| choices(&word.form, &format!("`{}`", word.form.word), name, &mut places));
    for (place, words) in places {
        let line = format!("{name}: a choice of {place}\n  one of {}\n", listed(words.into_iter()));
        if !out.contains(&line) {
            out.push_str(&line);
        }
    }
    (!out.is_empty()).then_some(out)
}

/// True when a reference is the one that is asked about: `claim.sub` is a `claim.NAME`, `header` a `header("NAME")`.
fn means(reference: &str, asked: &str) -> bool {
    let own = |text: &str| text.split_once('(').map(|(function, _)| function.to_owned());
    match (reference.strip_suffix("NAME"), own(reference)) {
        (Some(family), _) if asked.strip_prefix(family).is_some_and(|name| !name.is_empty() && !name.contains('.')) => {
            !REFERENCES.iter().any(|other| other.name == asked)
        }
        (_, Some(function)) => asked == function || own(asked).is_some_and(|asked| asked == function),
        _ => reference == asked || reference.split_once('.').is_some_and(|(family, _)| family == asked),
    }
}

/// The places at any depth below a form where a word is one of a choice.
fn choices<'f>(form: &'f Form, path: &str, name: &str, out: &mut Vec<(String, Vec<&'f str>)>) {
    for slot in form.slots {
        if let Kind::Word(words) = slot.kind
            && words.contains(&name)
        {
            out.push((path.to_owned(), words.to_vec()));
        }
    }
    form.children.iter().for_each(|child| choices(child, &format!("`{}` in {path}", child.word), name, out));
}

fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The clauses of a name at any depth below a form: what is said of them, with what they are clauses of.
fn clauses(form: &Form, path: &str, name: &str, out: &mut Vec<(String, Vec<String>)>) {
    for child in form.children {
        if child.word == name {
            let text = check::explain_form(child);
            match out.iter_mut().find(|(known, _)| *known == text) {
                Some((_, homes)) if homes.iter().any(|home| home == path) => {}
                Some((_, homes)) => homes.push(path.to_owned()),
                None => out.push((text, vec![path.to_owned()])),
            }
        }
        clauses(child, &format!("`{}` in {path}", child.word), name, out);
    }
}

fn in_file(arguments: &Arguments, file: &str, name: &str) -> Outcome {
    let policy = Policy { file: PathBuf::from(file), set: arguments.set.clone() };
    let checked = match policy.load(policy.params(), Some(name)) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    if let Some(explained) = checked.explained {
        if arguments.json {
            print_json(&explained)
        } else {
            print_out(&text(&explained))
        }
        return Outcome::Fine;
    }
    if let Some(text) = words(name).or_else(|| code(name)).or_else(|| value(name)) {
        print_out(&text);
        return Outcome::Fine;
    }
    let routes = checked.program.iter().flat_map(|program| &program.routes).map(|route| route.name.as_str());
    let near = crate::diag::suggest::nearest(name, routes).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    complain(&format!("{file} has no route `{name}`, and it is no word of the language{near}"));
    Outcome::Usage
}

fn text(explained: &Explained) -> String {
    let mut out = format!("route {}: {}\n", explained.route, explained.takes);
    if let Some(doc) = &explained.doc {
        let _ = writeln!(out, "  {doc}");
    }
    let width = explained.lines.iter().map(|line| line.setting.chars().count() + 2 * line.depth).max().unwrap_or(0).min(72);
    let mut stage = "";
    for line in &explained.lines {
        let shown = if line.stage == stage { "" } else { line.stage };
        stage = line.stage;
        let setting = format!("{}{}", "  ".repeat(line.depth), line.setting);
        let _ = writeln!(out, "  {shown:<13} {setting:<width$}  {}", line.from);
    }
    out
}
