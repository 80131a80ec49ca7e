//! The sample policies, each with one thing broken: it is found where it was broken, in few words, and nothing panics.

use crate::support::Folder;
use gatewright::check::{self, Files, Options};
use gatewright::diag::{Code, Diagnostic, Severity, Sources};
use gatewright::lang::form::{Form, Kind};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

const GATEWAYS: Folder = Folder("gateways");

/// Most findings that one fault may bring besides its own.
const FOLLOWING_MAX: usize = 2;

/// A changed text, the line that was changed, and how.
struct Mutation {
    text: String,
    line: usize,
    what: String,
}

/// A sample, with what is found in it as it stands.
struct Sample {
    name: String,
    text: String,
    known: BTreeSet<(Code, String)>,
}

fn samples() -> Vec<Sample> {
    let sample = |name: &str| {
        let name = format!("{name}.gate");
        let text = std::fs::read_to_string(GATEWAYS.root().join(&name)).unwrap();
        let mut sample = Sample { name, text, known: BTreeSet::new() };
        sample.known = sample.findings(&sample.text).1.into_iter().map(|found| (found.code, found.message)).collect();
        sample
    };
    ["hello", "shop", "search", "full", "patterns", "failures"].map(sample).into()
}

impl Sample {
    /// What is found in another text in its place, besides what is found in its own.
    fn findings(&self, text: &str) -> (Sources, Vec<Diagnostic>) {
        let checked = check::check(Path::new(&self.name), &Changed { sample: self, text }, &Options::default()).unwrap();
        assert_eq!(checked.program.is_none(), checked.report.has_errors(), "a policy has a program or a reason why not:\n{text}");
        let found = checked.report.into_sorted();
        let new = |found: &Diagnostic| !self.known.contains(&(found.code, found.message.clone()));
        (checked.sources, found.into_iter().filter(new).collect())
    }

    /// True when every word of it is carried out: then every fault in it is found.
    fn is_whole(&self) -> bool {
        self.known.iter().all(|(code, _)| code.severity() == Severity::Warning)
    }
}

/// The samples with one of them changed.
struct Changed<'c> {
    sample: &'c Sample,
    text: &'c str,
}

impl Files for Changed<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(&self.sample.name) { Ok(self.text.as_bytes().to_vec()) } else { GATEWAYS.read(path) }
    }
}

/// The text with one match on one line replaced, once for each match of the pattern outside comments.
fn each(text: &str, pattern: &str, change: impl Fn(&str) -> String) -> Vec<Mutation> {
    let pattern = regex::Regex::new(pattern).unwrap();
    let mut all = Vec::new();
    let mut start = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let code = line.find(" #").or_else(|| line.starts_with('#').then_some(0)).map_or(line, |comment| &line[..comment]).trim_end();
        for found in pattern.find_iter(code) {
            let changed = change(found.as_str());
            let mut text = text.to_owned();
            text.replace_range(start + found.start()..start + found.end(), &changed);
            all.push(Mutation {
                text,
                line: at + 1,
                what: format!("`{}` became `{changed}` in line {}: {}", found.as_str(), at + 1, line.trim()),
            });
        }
        start += line.len();
    }
    all
}

/// Every mutation is found, within `near` lines of where it was made, with few further findings.
#[track_caller]
fn all_found(sample: &Sample, mutations: Vec<Mutation>, near: usize, harmless: impl Fn(&Mutation) -> bool) -> usize {
    let name = &sample.name;
    let mut wrong = String::new();
    let count = mutations.len();
    for mutation in mutations {
        let (sources, found) = sample.findings(&mutation.text);
        let lines: Vec<(usize, usize)> = found
            .iter()
            .flat_map(|found| &found.labels)
            .map(|label| {
                let source = sources.get(label.span.file).unwrap();
                (source.position(label.span.start).line, source.position(label.span.end).line)
            })
            .collect();
        let errors = found.iter().filter(|found| found.severity() == Severity::Error).count();
        let touched = lines.iter().any(|(first, last)| first.saturating_sub(near) <= mutation.line && mutation.line <= last + near);
        let all = || found.iter().map(|found| format!("    {}: {}\n", found.code, found.message)).collect::<String>();
        if found.is_empty() && harmless(&mutation) {
            continue;
        }
        if !touched && sample.is_whole() {
            wrong.push_str(&format!("{name}: {} is not found there\n{}", mutation.what, all()));
        } else if errors > 1 + FOLLOWING_MAX {
            wrong.push_str(&format!("{name}: {} brings {errors} errors\n{}", mutation.what, all()));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    count
}

#[test]
fn a_misspelt_word_is_found() {
    let mut count = 0;
    for sample in samples() {
        let text = &sample.text;
        // The first word of a statement, with two letters in another order.
        let mutations = each(text, r"^\s*[a-z_]{4,}\b|[{;] [a-z_]{4,}\b", |word| {
            let mut letters: Vec<char> = word.chars().collect();
            let last = letters.len();
            letters.swap(last - 3, last - 2);
            letters.into_iter().collect()
        });
        let mutations: Vec<_> = mutations.into_iter().filter(|mutation| !same(&mutation.what) && !user_word(&mutation.what)).collect();
        count += all_found(&sample, mutations, 0, |_| false);
    }
    assert!(count > 100, "{count}");
}

/// Two equal letters changed places.
fn same(what: &str) -> bool {
    let mut parts = what.split('`');
    parts.nth(1) == parts.nth(1)
}

/// A claim, an attribute or a query parameter: the policy's own words, which may be called anything.
fn user_word(what: &str) -> bool {
    ["`    sub", "`    role", "`    name", "`    plan", "`    email", "`    tier", "name ", "plan ", "role "]
        .iter()
        .any(|word| what.contains(word))
}

#[test]
fn a_quantity_without_its_unit_is_found() {
    let mut count = 0;
    for sample in samples() {
        let text = &sample.text;
        let mutations = each(text, r"\b[0-9_]+(ms|s|m|h|KiB|MiB|/min|/s|/h|%)(\s|$|;)", |quantity| {
            let digits = quantity.find(|letter: char| !letter.is_ascii_digit() && letter != '_').unwrap_or(quantity.len());
            let end = quantity.find([' ', ';']).unwrap_or(quantity.len());
            format!("{}{}", &quantity[..digits], &quantity[end..])
        });
        count += all_found(&sample, mutations, 0, |_| false);
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn a_quote_that_is_gone_is_found() {
    let mut count = 0;
    for sample in samples() {
        let text = &sample.text;
        let mutations =
            each(text, "\"", |_| String::new()).into_iter().filter(|mutation| !mutation.what.contains("\"\"\"")).collect::<Vec<_>>();
        count += all_found(&sample, mutations, 0, |_| false);
    }
    assert!(count > 60, "{count}");
}

#[test]
fn a_brace_that_is_gone_or_doubled_anywhere_is_found_in_few_words() {
    let mut count = 0;
    for sample in samples() {
        // What stands in a text is the policy's own. The end of a block may be anywhere behind its last statement: the
        // finding names where the block began.
        let text = |mutation: &Mutation| mutation.what.contains('"');
        let changes: [(&str, &str); 4] = [(r"\{", ""), (r"\}", ""), (r"\{", "{ {"), (r"\}", "} }")];
        for (brace, with) in changes {
            count += all_found(&sample, each(&sample.text, brace, |_| with.to_owned()), 24, text);
        }
    }
    assert!(count > 400, "{count}");
}

#[test]
fn raw_quotes_that_are_torn_are_found_at_their_line_in_few_words() {
    let mut count = 0;
    for sample in samples() {
        let text = &sample.text;
        count += all_found(&sample, each(text, "\"\"\"", |_| "\"\"".to_owned()), 0, |_| false);
        // More quotes than three at the end belong to the text.
        count += all_found(&sample, each(text, "\"\"\"", |_| "\"\"\"\"\"\"".to_owned()), 0, |_| true);
        count += all_found(&sample, each(text, r#""""[^ ]+ "#, |word| format!("{word}{word}")), 0, |_| false);
    }
    assert!(count > 40, "{count}");
}

#[test]
fn a_name_that_is_changed_is_found_where_it_is_used() {
    let mut count = 0;
    for sample in samples() {
        let text = &sample.text;
        for pattern in [
            r"-> [a-z]+",
            r"\buse [a-z]+",
            r"^\s*auth [a-z]+$",
            r"\bclaim\.[a-z]+",
            r"\bkey\.[a-z]+",
            r"limited by [a-z_]+",
            r"expect breaker [a-z]+",
        ] {
            count += all_found(&sample, each(text, pattern, |found| format!("{found}x")), 0, |_| false);
        }
    }
    assert!(count > 25, "{count}");
}

/// Two letters of the last word of a text in another order, the first one left where it is.
fn misspelt(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let word = letters.iter().rposition(|letter| !letter.is_ascii_alphanumeric() && *letter != '_').map_or(0, |before| before + 1);
    let last = letters.len() - 1;
    match (word + 1..last).rev().find(|at| letters.get(*at) != letters.get(at + 1)) {
        Some(at) => letters.swap(at, at + 1),
        None => letters.push('x'),
    }
    letters.into_iter().collect()
}

#[test]
fn a_misspelt_declaration_is_found_where_it_stands() {
    let mut count = 0;
    for sample in samples() {
        for pattern in [
            r"^(upstream|policy|store|flag|hook|let|param) [a-z_]+",
            r"^auth [a-z]+ [a-z_]+",
            r"^\s*(route|limit) [a-z_]+",
            r"\bas [a-z_]+$",
            r"/\{[a-z]+",
        ] {
            count += all_found(&sample, each(&sample.text, pattern, misspelt), 0, |_| true);
        }
        // Claims and attributes, one in a line or several.
        let rows = each(&sample.text, r"(^|[{;])\s+[a-z_]+ (str|int|bool|enum|set)\b", |row| {
            let (name, kind) = row.rsplit_once(' ').unwrap();
            format!("{} {kind}", misspelt(name))
        });
        count += all_found(&sample, rows, 0, |_| true);
    }
    assert!(count > 80, "{count}");
}

#[test]
fn a_misspelt_declaration_that_is_used_is_an_error() {
    for sample in samples().iter().filter(|sample| sample.is_whole()) {
        for pattern in [r"^upstream [a-z_]+", r"^policy [a-z_]+", r"^auth [a-z]+ [a-z_]+"] {
            for mutation in each(&sample.text, pattern, misspelt) {
                let (_, mut found) = sample.findings(&mutation.text);
                found.retain(|found| found.severity() == Severity::Error);
                assert!(!found.is_empty(), "{}: {}", sample.name, mutation.what);
                assert!(found.iter().all(|found| found.code == Code::NameUnknown), "{}: {}: {found:?}", sample.name, mutation.what);
            }
        }
    }
}

#[test]
fn a_text_that_ends_anywhere_never_panics() {
    for sample in samples() {
        for (end, _) in sample.text.char_indices().step_by(11) {
            sample.findings(&sample.text[..end]);
        }
    }
}

/// Every word that the schema knows below statements: clauses, words of a choice, and those that only stand there.
fn clause_words() -> BTreeSet<&'static str> {
    fn inside(form: &Form, out: &mut BTreeSet<&'static str>) {
        for slot in form.slots {
            match slot.kind {
                Kind::Word(words) => out.extend(words),
                Kind::Fixed(word) => drop(out.insert(word)),
                Kind::Name | Kind::Value(_) | Kind::Methods | Kind::Path | Kind::Declared(_) | Kind::Rest(_) => {}
            }
        }
        for child in form.children {
            out.insert(child.word);
            inside(child, out);
        }
    }
    let mut words = BTreeSet::new();
    check::schema().words().for_each(|word| inside(&word.form, &mut words));
    words.into_iter().filter(|word| word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).collect()
}

#[test]
fn a_misspelt_clause_is_found_where_it_stands() {
    let mut count = 0;
    for sample in samples() {
        let text = &sample.text;
        for word in clause_words() {
            // A name that somebody gave is no clause.
            let named =
                regex::Regex::new(&format!(r"(upstream|route|group|policy|auth [a-z]+|limit|part|param|let|set) {word}\b")).unwrap();
            if named.is_match(text) {
                continue;
            }
            let mutations = each(text, &format!(r"^[^\x22]*[a-z0-9)] {word}( |$)"), |found| {
                let at = found.trim_end().len();
                let mut letters: Vec<char> = found.chars().collect();
                letters.swap(at - 1, at - 2);
                letters.into_iter().collect()
            });
            let mutations = mutations.into_iter().filter(|mutation| !same(&mutation.what)).collect();
            count += all_found(&sample, mutations, 0, |_| false);
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn a_parameter_without_its_brace_is_one_finding_at_its_place() {
    for sample in samples().iter().filter(|sample| sample.is_whole()) {
        for mutation in each(&sample.text, r"/\{[a-z]+(:[a-z]+)?\}", |found| found.trim_end_matches('}').to_owned()) {
            let (sources, found) = sample.findings(&mutation.text);
            let errors: Vec<&Diagnostic> = found.iter().filter(|found| found.severity() == Severity::Error).collect();
            let [error] = errors.as_slice() else { panic!("{}: {errors:?}", mutation.what) };
            let at = error.primary().unwrap();
            assert_eq!((error.code, sources.get(at.file).unwrap().position(at.start).line), (Code::SyntaxBrace, mutation.line));
        }
    }
}
