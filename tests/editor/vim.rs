//! The Vim syntax file, and what Vim makes of the samples with it.

use crate::folder;
use crate::words::{Set, Words};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Fills the template.
pub fn render(template: &str, words: &Words) -> String {
    let mut clauses = Set::new();
    let mut choices = Set::new();
    let mut naming = Set::new();
    let mut kinds = Set::new();
    let mut naming_clauses = Set::new();
    for (word, head) in &words.heads {
        let rows = head.rows.as_ref().map(|row| &row.own);
        for own in std::iter::once(&head.own).chain(rows) {
            clauses.extend(&own.clauses);
            clauses.extend(&own.naming);
            naming_clauses.extend(&own.naming);
            choices.extend(&own.choices);
        }
        kinds.extend(&head.kinds);
        if head.names {
            naming.insert(*word);
        }
    }
    let choices = choices.difference(&clauses).copied().collect();
    let rows = words.heads.iter().filter(|(_, head)| head.rows.is_some()).map(|(word, _)| *word).collect();
    [
        ("{{statements}}", listed(&words.heads.keys().copied().collect())),
        ("{{modes}}", listed(&words.modes)),
        ("{{clauses}}", listed(&clauses)),
        ("{{choices}}", listed(&choices)),
        ("{{modes_any}}", any_of(&words.modes)),
        ("{{types}}", any_of(&words.types)),
        ("{{functions}}", any_of(&words.functions)),
        ("{{roots}}", any_of(&words.roots)),
        ("{{naming}}", any_of(&naming)),
        ("{{naming_clauses}}", any_of(&naming_clauses)),
        ("{{kinds}}", any_of(&kinds)),
        ("{{rows}}", any_of(&rows)),
    ]
    .iter()
    .fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Words of a `syn keyword`, over lines.
fn listed(words: &Set) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in words {
        if width == 0 || width + word.len() > 110 {
            text.push_str("\n  \\");
            width = 3;
        }
        let _ = write!(text, " {word}");
        width += word.len() + 1;
    }
    text
}

fn any_of(words: &Set) -> String {
    words.iter().copied().collect::<Vec<_>>().join(r"\|")
}

/// A place of a sample: the line that begins so, the text in it, and the group that Vim must give its first character.
struct Probe {
    file: &'static str,
    line: &'static str,
    text: &'static str,
    group: &'static str,
}

const fn probe(file: &'static str, line: &'static str, text: &'static str, group: &'static str) -> Probe {
    Probe { file, line, text, group }
}

const PROBES: &[Probe] = &[
    probe("shop.gate", "gate 1", "gate", "gateStatement"),
    probe("shop.gate", "gate 1", "1", "gateNumber"),
    probe("shop.gate", "## A shop", "A", "gateDoc"),
    probe("shop.gate", "  users env(", "# htpasswd", "gateComment"),
    probe("shop.gate", "  users env(", "users", "gateStatement"),
    probe("shop.gate", "  users env(", "env", "gateFunction"),
    probe("shop.gate", "  users env(", "SHOP_USERS", "gateString"),
    probe("shop.gate", "  listen 127", "127.0.0.1:8000", "gateAddress"),
    probe("shop.gate", "  log access", "access", "gateClause"),
    probe("shop.gate", "  log access", "json", "gateClause"),
    probe("shop.gate", "auth basic staff", "basic", "gateChoice"),
    probe("shop.gate", "auth basic staff", "staff", "gateName"),
    probe("shop.gate", "    sub str", "sub", "gateOwn"),
    probe("shop.gate", "    sub str", "str", "gateType"),
    probe("shop.gate", "    role str", "=", "gateOperator"),
    probe("shop.gate", "policy service", "service", "gateName"),
    probe("shop.gate", "  timeout {", "attempt", "gateStatement"),
    probe("shop.gate", "  timeout {", "250ms", "gateNumber"),
    probe("shop.gate", "    open_after", "failures", "gateClause"),
    probe("shop.gate", "  target http", "http://127", "gateUrl"),
    probe("shop.gate", "    GET /api/v1/users/{id", "GET", "gateMethod"),
    probe("shop.gate", "    GET /api/v1/users/{id", "/api", "gatePath"),
    probe("shop.gate", "    GET /api/v1/users/{id", "{id", "gateParameter"),
    probe("shop.gate", "    GET /api/v1/users/{id", "{\"id", "gateRaw"),
    probe("shop.gate", "    GET /api/v1/users/{id", "${", "gateHole"),
    probe("shop.gate", "    GET /api/v1/users/{id", "param.id", "gateReference"),
    probe("shop.gate", "    GET /api/v1/users/{id", ", \"name", "gateRaw"),
    probe("shop.gate", "  limit logins", "logins", "gateName"),
    probe("shop.gate", "  limit logins", "10/min", "gateNumber"),
    probe("shop.gate", "  limit logins", "by", "gateClause"),
    probe("shop.gate", "  limit logins", "client.ip", "gateReference"),
    probe("shop.gate", "group api", "/api", "gatePath"),
    probe("shop.gate", "  route list_users", "->", "gateOperator"),
    probe("shop.gate", "  route list_users", "users", "gateName"),
    probe("shop.gate", "      set user_id", "unless", "gateClause"),
    probe("shop.gate", "      set user_id", "==", "gateOperator"),
    probe("shop.gate", "  expect received query(\"user_id\") == none", "none", "gateConstant"),
    probe("search.gate", "param search_at", "search_at", "gateName"),
    probe("search.gate", "param search_at", "url", "gateType"),
    probe("search.gate", "    plan enum", "enum", "gateType"),
    probe("search.gate", "  route search GET,POST", "POST", "gateMethod"),
    probe("search.gate", "  route search GET,POST", "/search/", "gatePath"),
    probe("search.gate", "    when key.plan == pro", "key.plan", "gateReference"),
    probe("patterns.gate", "let office", "10.0.0.0/8", "gateAddress"),
    probe("patterns.gate", "route pattern", "re\"", "gateRegex"),
    probe("patterns.gate", "    backoff exponential", "50ms..400ms", "gateNumber"),
    probe("patterns.gate", "    open_when failures", "50%", "gateNumber"),
    probe("patterns.gate", "    expect 2xx", "2xx", "gateNumber"),
    probe("patterns.gate", "  require \"catalogue:write\"", "in", "gateOperatorWord"),
    probe("full.gate", "  error 429 json", "slow_down", "gateRaw"),
    probe("full.gate", "    respond 200 text", "\\n", "gateEscape"),
    probe("full.gate", "let office", "fd00::/8", "gateAddress"),
    probe("full.gate", "  listen [::]", "[::]:443", "gateAddress"),
];

#[test]
fn vim_highlights_the_samples() {
    if Command::new("vim").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "vim is missing: the syntax file cannot be tried");
        eprintln!("vim is missing: THE SYNTAX FILE WAS NOT TRIED");
        return;
    }
    let place = tempfile::tempdir().expect("a folder for what Vim says");
    let said = place.path().join("said");
    let script = place.path().join("probe.vim");
    fs::write(&script, self::script(&said)).expect("the script can be written");
    let status = Command::new("vim")
        .args(["-N", "-u", "NONE", "-i", "NONE", "-n", "-es", "-S"])
        .arg(&script)
        .stdin(Stdio::null())
        .status()
        .expect("vim runs");
    let said = fs::read_to_string(&said).unwrap_or_else(|error| panic!("vim ended with {status} and said nothing: {error}"));
    let wrong: Vec<String> = said
        .lines()
        .zip(PROBES)
        .filter(|(group, probe)| *group != probe.group)
        .map(|(group, probe)| format!("{}: `{}` in `{}…` is `{group}`, not `{}`", probe.file, probe.text, probe.line, probe.group))
        .collect();
    assert_eq!(said.lines().count(), PROBES.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Opens the samples as a user does, and writes the group of every probe on a line.
fn script(said: &Path) -> String {
    let vim = folder().join("vim");
    let mut script = format!("set runtimepath^={}\nfiletype plugin indent on\nsyntax on\nlet said = []\n", vim.display());
    let mut open = "";
    for probe in PROBES {
        let file = folder().join("../gateways").join(probe.file);
        if open != probe.file {
            let _ = writeln!(script, "edit {}", file.display());
            open = probe.file;
        }
        let text = fs::read_to_string(&file).expect("the sample is there");
        let found = text.lines().zip(1..).find(|(line, _)| line.starts_with(probe.line));
        let (line, number) = found.unwrap_or_else(|| panic!("{} has no line `{}`", probe.file, probe.line));
        let column = line.find(probe.text).unwrap_or_else(|| panic!("`{line}` has no `{}`", probe.text)) + 1;
        let _ = writeln!(script, "call add(said, synIDattr(synID({number}, {column}, 1), 'name'))");
    }
    let _ = writeln!(script, "call writefile(said, '{}')\nqall!", said.display());
    script
}
