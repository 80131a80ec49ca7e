//! Holds the house rules that the compiler does not: which part may know which (`docs/architecture.md`), what a file looks
//! like, and what never stands in the source. Every violation of a run is named, with its file and line.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Who may import whom, floor by floor: a part sees itself and what is named here. `check` and `compile` meet only in `ir`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("http", &[]),
    ("meter", &[]),
    ("syntax", &["diag"]),
    ("route", &[]),
    ("lang", &["diag", "http", "syntax", "route"]),
    ("logic", &["lang", "route"]),
    ("fetch", &[]),
    ("events", &["http", "fetch"]),
    ("hook", &["http", "fetch"]),
    ("otlp", &["http", "fetch"]),
    ("store", &["events"]),
    ("policy", &["diag", "http", "syntax", "lang", "logic", "store", "fetch", "events", "hook"]),
    ("upstream", &["diag", "http", "meter", "syntax", "lang", "route", "events"]),
    ("ir", &["http", "lang", "route", "store", "hook", "policy", "upstream"]),
    ("check", &["diag", "http", "meter", "syntax", "lang", "route", "logic", "policy", "upstream", "ir", "events", "fetch", "hook"]),
    ("analyse", &["http", "lang", "route", "logic", "policy", "upstream", "ir"]),
    ("compile", &["diag", "http", "lang", "route", "store", "policy", "upstream", "ir", "fetch", "events", "otlp", "hook"]),
    ("import", &["syntax", "route"]),
    ("docs", &["diag", "http", "syntax", "lang", "route", "policy", "upstream", "ir", "check"]),
    ("server", &["http", "meter", "lang", "route", "events", "otlp", "policy", "upstream", "compile"]),
    ("admin", &["http", "lang", "route", "events", "policy", "upstream", "ir", "server"]),
    ("testing", &["diag", "http", "hook", "lang", "route", "policy", "upstream", "ir", "compile", "server"]),
    (
        "cli",
        &[
            "diag", "http", "syntax", "lang", "route", "logic", "policy", "upstream", "ir", "check", "analyse", "compile", "import",
            "docs", "server", "admin", "testing", "fetch", "events",
        ],
    ),
    ("embed", &["diag", "http", "policy", "upstream", "ir", "check", "compile", "fetch", "hook", "server", "cli"]),
];

/// The side of `lang` that is for the checker; `expr`, `value` and `eval` are what is left of it when a policy runs.
const LANGUAGE_SIDE: &[&str] = &[
    "lang::Checker",
    "lang::Given",
    "lang::Node",
    "lang::checker",
    "lang::form",
    "lang::literal",
    "lang::read",
    "lang::types",
    "lang::typing",
];

/// Files (by how their path begins and ends) that must not know what their floor may know.
const BLIND: &[(&str, &str, &[&str], &str)] = &[
    ("src/policy/", "/stage.rs", &["syntax", "diag"], "a stage runs what was checked and knows nothing of the text"),
    ("src/policy/", "/stage.rs", LANGUAGE_SIDE, "a stage runs what was checked and knows nothing of the language"),
    ("src/policy/", "/check.rs", &["http"], "a check reads statements and meets no request"),
    ("src/server/", ".rs", LANGUAGE_SIDE, "the hot path knows nothing of the language"),
];

/// Crates and parts of the standard library that belong to some folders only.
const AT_HOME: &[(&str, &[&str])] = &[
    ("pest", &["src/syntax/"]),
    ("pest_derive", &["src/syntax/"]),
    ("saphyr_parser", &["src/import/openapi/"]),
    ("miette", &["src/diag/render/"]),
    ("clap", &["src/cli/"]),
    ("notify", &["src/cli/"]),
    ("similar", &["src/cli/"]),
    ("jsonwebtoken", &["src/policy/auth/"]),
    ("h2", &["src/server/http2/", "src/upstream/http2/"]),
    ("redis", &["src/store/"]),
    ("rustls_native_certs", &["src/cli/"]),
    ("hickory_resolver", &["src/upstream/"]),
    ("hyper", &["src/fetch/", "src/admin/"]),
    ("hyper_util", &["src/fetch/", "src/admin/"]),
    ("rustls", &["src/compile/tls.rs", "src/upstream/tls.rs", "src/fetch/"]),
    ("tokio_rustls", &["src/server/", "src/upstream/", "src/fetch/"]),
    ("tokio::net", &["src/server/", "src/upstream/", "src/admin/"]),
    ("std::os::unix::net", &["src/server/"]),
    ("std::net::TcpListener", &["src/server/", "src/admin/", "src/store/testing.rs", "src/upstream/"]),
    ("std::net::TcpStream", &["src/server/", "src/upstream/"]),
    ("listenfd", &["src/server/inherit.rs"]),
    ("command_fds", &["src/server/upgrade.rs"]),
    ("nix", &["src/server/signals.rs", "src/server/upgrade.rs"]),
    ("std::process::Command", &["src/cli/", "src/server/upgrade.rs", "src/store/testing.rs"]),
    ("std::fs", &["src/cli/", "src/server/listener.rs", "src/server/metrics/process.rs"]),
    ("std::env", &["src/cli/", "src/store/testing.rs"]),
];

/// Text that stands nowhere, and what to do instead. Cut in two so that this table does not find itself.
const NEVER: &[(&str, &str, &str)] = &[
    ("to", "do!", "build it, or leave it out"),
    ("unimple", "mented!", "build it, or leave it out"),
    ("TO", "DO", "build it, or leave it out"),
    ("FIX", "ME", "fix it"),
    ("#[al", "low(", "write `#[expect(lint, reason = \"…\")]`"),
    ("#![al", "low(", "write `#[expect(lint, reason = \"…\")]`"),
    ("thread::", "sleep", "wait for what is awaited, or let virtual time pass"),
    ("#[ig", "nore", "a test runs or is deleted"),
    ("fn te", "st_", "a test's name is a sentence about behaviour"),
];

/// Most lines of a file.
const LINES_MAX: usize = 500;

#[test]
fn the_source_keeps_the_house_rules() {
    let policies = policies();
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for file in files_under(Path::new(folder), "rs") {
            let text = std::fs::read_to_string(&file).unwrap();
            found.extend(inspect(&file.to_string_lossy(), &text, &policies));
        }
    }
    report(&found);
}

#[test]
fn the_tables_and_the_folders_agree() {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !MAY_IMPORT.iter().any(|(part, _)| *part == name) {
            found.push(format!("src/{name}: has no floor: give it a line in `MAY_IMPORT`"));
        }
    }
    report(&found);
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut pages = files_under(Path::new("docs"), "md");
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from));
    let mut found = Vec::new();
    for page in &pages {
        for (number, line) in std::fs::read_to_string(page).unwrap().lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target)) {
                let file = target.split('#').next().unwrap_or_default();
                let outside = file.is_empty() || file.contains("://");
                if !outside && !page.parent().unwrap().join(file).exists() {
                    found.push(format!("{}:{}: there is no `{target}`", page.display(), number + 1));
                }
            }
        }
    }
    report(&found);
}

#[test]
fn the_policy_of_the_contributors_page_has_all_that_a_policy_must() {
    let page = std::fs::read_to_string("CONTRIBUTING.md").unwrap();
    let list = std::fs::read_to_string("src/policy/mod.rs").unwrap();
    let wanted = list.split("pub trait Policy").nth(1).unwrap().split("\n}").next().unwrap();
    let lines = wanted.lines().map(str::trim).filter(|line| line.ends_with(';') && !line.contains(" = "));
    let missing: Vec<String> = lines.filter(|line| !page.contains(line.trim_end_matches(';'))).map(str::to_owned).collect();
    report(&missing);
}

#[track_caller]
fn report(found: &[String]) {
    let list = found.iter().fold(String::new(), |mut list, line| {
        let _ = writeln!(list, "  {line}");
        list
    });
    assert!(found.is_empty(), "{} found:\n{list}", found.len());
}

/// The folders of `src/policy`: a policy each.
fn policies() -> Vec<String> {
    let folders = std::fs::read_dir("src/policy").unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// All files of an extension, in an order that does not depend on the machine.
fn files_under(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Everything a file does against the rules.
fn inspect(file: &str, text: &str, policies: &[String]) -> Vec<String> {
    let mut found = shape(file, text);
    let in_policy = file == "src/policy/mod.rs" || policies.iter().any(|policy| file.starts_with(&format!("src/policy/{policy}/")));
    if file.starts_with("src/") && !in_policy {
        for line in closed_matches(text, policies) {
            found.push(format!("{file}:{line}: a new policy would have to edit this `match`: ask it, by a method of `Policy`"));
        }
    }
    for (number, line) in text.lines().enumerate() {
        for (first, second, instead) in NEVER {
            let never = format!("{first}{second}");
            if line.contains(&never) {
                found.push(format!("{file}:{}: `{never}`: {instead}", number + 1));
            }
        }
    }
    if let Some(module) = module(file).filter(|_| !is_unit_tests(file)) {
        for (line, path) in paths(text) {
            if let Some(fault) = direction(file, &module, &path, policies) {
                found.push(format!("{file}:{line}: {fault}"));
            }
        }
    }
    found
}

/// How a file looks as a whole.
fn shape(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !is_unit_tests(file) && !text.starts_with("//!") {
        found.push(format!("{file}:1: opens without `//!`: say what it is, and what it must never know"));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        found.push(format!("{file}: {lines} lines, at most {LINES_MAX}: a file has one subject"));
    }
    found
}

/// The module a file is, as path segments below the crate; none outside `src`.
fn module(file: &str) -> Option<Vec<String>> {
    let inside = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    Some(module)
}

/// Files that hold unit tests only: they may use anything, and their subject opens with the `//!`.
fn is_unit_tests(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.ends_with("_tests.rs") || file.contains("/tests/")
}

/// What is wrong with a path that a file uses, if anything.
fn direction(file: &str, module: &[String], path: &[String], policies: &[String]) -> Option<String> {
    let Some(target) = within_crate(module, path) else { return stranger(file, path) };
    let (from, to) = (module.first()?, target.first()?);
    let (_, allowed) = MAY_IMPORT.iter().find(|(part, _)| part == from)?;
    let part_of_crate = MAY_IMPORT.iter().any(|(part, _)| part == to);
    if from != to && part_of_crate && !allowed.contains(&to.as_str()) {
        return Some(format!("`{from}` imports `{}`: imports go down only, see `MAY_IMPORT`", target.join("::")));
    }
    if let ([policy, own, ..], [home, other, ..]) = (module, target.as_slice())
        && policy == "policy"
        && home == "policy"
        && policies.contains(own)
        && policies.contains(other)
        && own != other
    {
        return Some(format!("the policy `{own}` imports the policy `{other}`: what they share goes below them"));
    }
    let written = target.join("::");
    BLIND.iter().find_map(|(start, end, hidden, why)| {
        let blind = file.starts_with(start) && file.ends_with(end);
        let seen = blind && hidden.iter().any(|hidden| begins(&written, hidden));
        seen.then(|| format!("uses `crate::{written}`: {why}"))
    })
}

/// What is wrong with a path into another crate, if anything.
fn stranger(file: &str, path: &[String]) -> Option<String> {
    let written = path.join("::");
    let (what, homes) = AT_HOME.iter().find(|(what, _)| begins(&written, what))?;
    let at_home = homes.iter().any(|home| file.starts_with(home));
    (!at_home).then(|| format!("uses `{written}`: `{what}` belongs in {}", homes.join(", ")))
}

/// True when a path is another one or goes on from it.
fn begins(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Where a path leads within the crate; none when it leads elsewhere.
fn within_crate(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|segment| *segment == "super").count();
    match path.first()?.as_str() {
        "crate" | "gatewright" => Some(path.iter().skip(1).cloned().collect()),
        "super" => Some(module.iter().take(module.len().saturating_sub(ups)).chain(path.iter().skip(ups)).cloned().collect()),
        _ => None,
    }
}

/// Every path of two or more segments in a file outside comments, with its line; groups in braces are taken apart.
fn paths(text: &str) -> Vec<(usize, Vec<String>)> {
    let code: String = text.lines().map(|line| format!("{}\n", line.split("//").next().unwrap_or_default())).collect();
    let letters: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < letters.len() {
        let starts = begins_name(letters[at]) && (at == 0 || !continues(letters[at - 1]));
        if !starts {
            line += usize::from(letters[at] == '\n');
            at += 1;
            continue;
        }
        let mut all = Vec::new();
        let end = path_from(&letters, at, &[], &mut all);
        found.extend(all.into_iter().filter(|path| path.len() > 1).map(|path| (line, path)));
        line += letters[at..end].iter().filter(|letter| **letter == '\n').count();
        at = end;
    }
    found
}

fn begins_name(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

/// True when what follows a letter is no path's beginning: the middle of a name or of a path, or a field.
fn continues(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':' | '.')
}

/// Reads a path behind a prefix; every path it stands for goes into `all`. Where it ends.
fn path_from(letters: &[char], start: usize, prefix: &[String], all: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    let mut at = start;
    loop {
        let name: String = letters[at..].iter().take_while(|letter| letter.is_ascii_alphanumeric() || **letter == '_').collect();
        at += name.len();
        path.push(name);
        if letters.get(at..at + 2) != Some(&[':', ':']) {
            break;
        }
        at += 2;
        match letters.get(at) {
            Some('{') => return group_from(letters, at + 1, &path, all),
            Some(letter) if begins_name(*letter) => {}
            _ => break,
        }
    }
    all.push(path);
    at
}

/// Reads `a, b::c, {…}}` behind a prefix.
fn group_from(letters: &[char], start: usize, prefix: &[String], all: &mut Vec<Vec<String>>) -> usize {
    let mut at = start;
    while let Some(letter) = letters.get(at) {
        match letter {
            '}' => return at + 1,
            letter if begins_name(*letter) => at = path_from(letters, at, prefix, all),
            _ => at += 1,
        }
    }
    at
}

/// The lines of each `match` over all policies' configs, as one that has no arm for the rest is.
fn closed_matches(text: &str, policies: &[String]) -> Vec<usize> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim()).collect::<Vec<_>>().join("\n");
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let variant = |policy: &String| policy.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect::<String>();
    let names: Vec<String> = policies.iter().map(|policy| format!("Config::{}", variant(policy))).collect();
    let names_policy = |pattern: &str| {
        names.iter().any(|name| {
            let (before, after) = pattern.split_once(name.as_str()).unwrap_or(("::", ""));
            (!before.ends_with("::") || before.ends_with("policy::")) && !after.starts_with(is_word)
        })
    };
    let takes_rest =
        |pattern: &str| pattern.split(|letter| !is_word(letter)).all(|word| word.to_lowercase() == word) && !pattern.contains(" if ");
    let begins = code.match_indices("match ").filter(|(at, _)| !code[..*at].ends_with(is_word));
    let closed = begins.filter(|(at, _)| {
        let arms = arms(&code[*at..]);
        arms.iter().any(|arm| names_policy(arm)) && !arms.iter().any(|arm| takes_rest(arm))
    });
    closed.map(|(at, _)| code[..at].matches('\n').count() + 1).collect()
}

/// The patterns of the `match` that a text begins with.
fn arms(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut in_pattern) = (0_usize, 0, false);
    let mut found = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '{' | '(' | '[' => {
                depth += 1;
                if depth == 1 && letter == '{' {
                    (start, in_pattern) = (at + 1, true);
                }
            }
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && letter == '}' {
                    break;
                }
                if depth == 1 && letter == '}' && !in_pattern {
                    (start, in_pattern) = (at + 1, true);
                }
            }
            ',' if depth == 1 => (start, in_pattern) = (at + 1, true),
            '>' if depth == 1 && in_pattern && text[..at].ends_with('=') => {
                found.push(text[start..at - 1].trim());
                in_pattern = false;
            }
            _ => {}
        }
    }
    found
}

/// The checker itself, on text of its own.
mod checker {
    use super::{inspect, paths};

    #[track_caller]
    fn faults(file: &str, text: &str) -> Vec<String> {
        inspect(file, &format!("//! A module.\n{text}"), &["cors".to_owned(), "limit".to_owned()])
    }

    #[track_caller]
    fn one_fault(file: &str, text: &str, says: &str) {
        let found = faults(file, text);
        assert!(matches!(found.as_slice(), [only] if only.contains(says)), "{found:?}");
    }

    #[test]
    fn groups_are_taken_apart_and_comments_passed_over() {
        let text = "use crate::{a::{B, c::D}, e};\n// use crate::never;\nfn f() -> std::io::Result<()> { g.h::<T>() }";
        let found: Vec<String> = paths(text).into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect();
        assert_eq!(found, ["1 crate::a::B", "1 crate::a::c::D", "1 crate::e", "3 std::io::Result"]);
    }

    #[test]
    fn imports_go_down_only() {
        one_fault("src/diag/mod.rs", "use crate::syntax::ast::Ast;", "src/diag/mod.rs:2: `diag` imports `syntax::ast::Ast`");
        one_fault("src/compile/mod.rs", "fn f(it: crate::check::Checked) {}", "`compile` imports `check::Checked`");
        one_fault("src/check/mod.rs", "use crate::{\n    compile::Plan,\n    ir,\n};", "`check` imports `compile::Plan`");
        one_fault("src/route/host.rs", "use super::super::lang::Node;", "`route` imports `lang::Node`");
        assert!(faults("src/compile/mod.rs", "use crate::ir::Program;\nuse super::policy::Config;").is_empty());
    }

    #[test]
    fn policies_do_not_know_each_other() {
        one_fault("src/policy/cors/mod.rs", "use super::limit::Config;", "the policy `cors` imports the policy `limit`");
        one_fault("src/policy/cors/stage.rs", "use crate::policy::limit::Quota;", "the policy `cors` imports the policy `limit`");
        assert!(faults("src/policy/cors/tests.rs", "use crate::policy::limit::Config;").is_empty());
        assert!(faults("src/policy/cors/mod.rs", "use super::{Build, Policy};\nuse super::stage::Place;").is_empty());
    }

    #[test]
    fn a_new_policy_edits_no_match() {
        let closed = "fn f(it: &Config) {\n    match it {\n        Config::Cors(it) if it.is() => {}\n        Config::Limit(_)\n        \
                      | Config::Cors(limit::Config { a, .. }) => g(a, 1),\n    }\n}";
        one_fault("src/policy/told.rs", closed, "src/policy/told.rs:3: a new policy would have to edit this");
        assert!(faults("src/policy/cors/mod.rs", closed).is_empty());
        assert!(faults("src/policy/told.rs", &closed.replace("1),", "1),\n        _ => {}")).is_empty());
        assert!(faults("src/ir/mod.rs", "fn f() { match it { limit::Config::Limit => 1, limit::Config::Cors => 2 } }").is_empty());
    }

    #[test]
    fn stages_know_no_language_and_checks_no_requests() {
        one_fault("src/policy/cors/stage.rs", "use crate::diag::Code;", "a stage runs what was checked");
        one_fault("src/policy/cors/stage.rs", "use crate::lang::{Checker, eval::Facts};", "`crate::lang::Checker`");
        one_fault("src/policy/cors/check.rs", "use crate::http::Exchange;", "a check reads statements");
        assert!(faults("src/policy/cors/stage.rs", "use crate::lang::eval::Facts;\nuse crate::http::Exchange;").is_empty());
        assert!(faults("src/policy/cors/tests.rs", "use crate::http::Exchange;\nuse crate::diag::Code;").is_empty());
    }

    #[test]
    fn crates_stay_at_home() {
        one_fault("src/check/mod.rs", "use pest::Parser as _;", "`pest` belongs in src/syntax/");
        one_fault("src/policy/cors/stage.rs", "use std::{env, net::IpAddr};", "uses `std::env`");
        one_fault("src/testing/mod.rs", "let it = tokio::net::TcpStream::connect(a);", "`tokio::net` belongs in");
        assert!(faults("src/syntax/parse.rs", "use pest::Parser as _;").is_empty());
        assert!(faults("src/check/tests.rs", "let text = std::fs::read(file);").is_empty());
    }

    #[test]
    fn every_file_has_a_first_word_and_an_end() {
        assert!(inspect("src/route/new.rs", "use std::fmt;\n", &[])[0].contains("opens without"));
        assert!(inspect("src/route/tests.rs", "use super::Host;\n", &[]).is_empty());
        one_fault("src/route/new.rs", &"\n".repeat(500), "501 lines, at most 500");
    }

    #[test]
    fn some_text_stands_nowhere() {
        for text in [["#[al", "low(dead_code)]"], ["to", "do!()"], ["std::thread::", "sleep(d)"], ["#[ig", "nore]"], ["fn te", "st_it()"]] {
            one_fault("tests/net.rs", &text.concat(), "tests/net.rs:2: ");
        }
    }
}
