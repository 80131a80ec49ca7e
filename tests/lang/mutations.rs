//! The sample policies, each with one thing broken: it is found where it was broken, in few words, and nothing panics.

use crate::support::findings;
use gatewright::diag::Severity;

/// Most findings that one fault may bring besides its own.
const FOLLOWING_MAX: usize = 2;

/// A changed text, the line that was changed, and how.
struct Mutation {
    text: String,
    line: usize,
    what: String,
}

fn samples() -> Vec<(&'static str, String)> {
    ["hello", "shop", "search"]
        .into_iter()
        .map(|name| (name, std::fs::read_to_string(format!("{}/gateways/{name}.gate", env!("CARGO_MANIFEST_DIR"))).unwrap()))
        .collect()
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
fn all_found(name: &str, mutations: Vec<Mutation>, near: usize, harmless: impl Fn(&Mutation) -> bool) -> usize {
    let mut wrong = String::new();
    let count = mutations.len();
    for mutation in mutations {
        let (sources, found) = findings(&mutation.text);
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
        if !touched {
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
    for (name, text) in samples() {
        // The first word of a statement, with two letters in another order.
        let mutations = each(&text, r"^\s*[a-z_]{4,}\b|[{;] [a-z_]{4,}\b", |word| {
            let mut letters: Vec<char> = word.chars().collect();
            let last = letters.len();
            letters.swap(last - 3, last - 2);
            letters.into_iter().collect()
        });
        let mutations: Vec<_> = mutations.into_iter().filter(|mutation| !same(&mutation.what) && !user_word(&mutation.what)).collect();
        count += all_found(name, mutations, 0, |_| false);
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
    ["`    sub", "`    role", "`    name", "`    plan", "name ", "plan ", "role "].iter().any(|word| what.contains(word))
}

#[test]
fn a_quantity_without_its_unit_is_found() {
    let mut count = 0;
    for (name, text) in samples() {
        let mutations = each(&text, r"\b[0-9]+(ms|s|m|h|/min)\b", |quantity| {
            quantity.trim_end_matches(|letter: char| !letter.is_ascii_digit()).to_owned()
        });
        count += all_found(name, mutations, 0, |_| false);
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn a_brace_that_is_gone_is_found_nearby() {
    let mut count = 0;
    for (name, text) in samples() {
        // The end of a block may be anywhere behind its last statement: the finding names where the block began.
        let lines = text.lines().count();
        let mutations = each(&text, r" \{$|^\s*\}$", |_| String::new());
        let blocks = mutations.len();
        all_found(name, mutations, lines.min(24), |_| false);
        count += blocks;
    }
    assert!(count > 60, "{count}");
}

#[test]
fn a_quote_that_is_gone_is_found() {
    let mut count = 0;
    for (name, text) in samples() {
        let mutations =
            each(&text, "\"", |_| String::new()).into_iter().filter(|mutation| !mutation.what.contains("\"\"\"")).collect::<Vec<_>>();
        count += all_found(name, mutations, 0, |_| false);
    }
    assert!(count > 60, "{count}");
}

#[test]
fn a_name_that_is_changed_is_found_where_it_is_used() {
    let mut count = 0;
    for (name, text) in samples() {
        for pattern in [
            r"-> [a-z]+",
            r"\buse [a-z]+",
            r"^\s*auth [a-z]+$",
            r"\bclaim\.[a-z]+",
            r"\bkey\.[a-z]+",
            r"limited by [a-z_]+",
            r"expect breaker [a-z]+",
        ] {
            count += all_found(name, each(&text, pattern, |found| format!("{found}x")), 0, |_| false);
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
fn a_declaration_that_is_renamed_is_found_where_it_was_used() {
    for (name, text) in samples() {
        for pattern in [r"^upstream [a-z]+", r"^policy [a-z]+", r"^auth [a-z]+ [a-z]+"] {
            for mutation in each(&text, pattern, |found| format!("{found}x")) {
                let (_, found) = findings(&mutation.text);
                assert!(!found.is_empty(), "{name}: {}", mutation.what);
                assert!(
                    found.iter().all(|found| found.code == gatewright::diag::Code::NameUnknown),
                    "{name}: {}: {found:?}",
                    mutation.what
                );
            }
        }
    }
}

#[test]
fn a_text_that_ends_anywhere_never_panics() {
    for (_, text) in samples() {
        for (end, _) in text.char_indices().step_by(7) {
            findings(&text[..end]);
        }
    }
}
