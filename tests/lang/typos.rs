//! A word with a letter too few: what is suggested is the word that was meant, or one that is as near.

use crate::support::findings;
use gatewright::check::schema;
use gatewright::diag::suggest::near;
use gatewright::lang::form::{Form, Place};
use std::fmt::Write;

/// The word without one of its letters, each way; not those that are words themselves.
fn misspelt(word: &str) -> Vec<String> {
    let without = |at: usize| format!("{}{}", &word[..at], &word[at + 1..]);
    let letters = if word.len() < 4 { 0 } else { word.len() };
    (0..letters).map(without).filter(|typo| schema().homes(typo).is_empty()).collect()
}

fn is_meant(typo: &str, word: &str, suggested: &str) -> bool {
    suggested == word || strsim::damerau_levenshtein(typo, suggested) == 1
}

#[test]
fn a_statement_that_lacks_a_letter_is_recognised_wherever_it_is_valid() {
    let mut wrong = String::new();
    for (place, open) in [
        (Place::File, ""),
        (Place::Gateway, "gateway {\n"),
        (Place::Upstream, "upstream u {\n"),
        (Place::Group, "group g {\n"),
        (Place::Route, "route r GET / {\n"),
        (Place::Policy, "policy p {\n"),
        (Place::Test, "test \"t\" {\n"),
    ] {
        let schema = schema();
        let words = schema.words().filter(|word| word.places.contains(&place)).map(|word| word.form.word);
        let typos: Vec<(&str, String)> = words.flat_map(|word| misspelt(word).into_iter().map(move |typo| (word, typo))).collect();
        for (word, typo) in &typos {
            let text = format!("{open}{typo} x\n{}\n", if open.is_empty() { "" } else { "}" });
            let (sources, found) = findings(&text);
            let about = |span| sources.text(span) == typo.as_str();
            let help =
                found.iter().find(|found| found.primary().is_some_and(about)).and_then(|found| found.help.clone()).unwrap_or_default();
            let suggested = help.split('`').nth(1).unwrap_or_default();
            if !is_meant(typo, word, suggested) {
                writeln!(wrong, "{} `{typo}` for `{word}`: {help}", place.within()).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_clause_that_lacks_a_letter_is_recognised() {
    fn of(form: &Form, wrong: &mut String) {
        for clause in form.children {
            for typo in misspelt(clause.word) {
                let known = form.children.iter().map(|clause| clause.word).chain(form.slots.iter().map(|slot| slot.name));
                let suggested = near(&typo, known).map_or("", |near| near.word);
                if !is_meant(&typo, clause.word, suggested) {
                    writeln!(wrong, "in `{}` `{typo}` for `{}`: {suggested}", form.word, clause.word).unwrap();
                }
            }
            of(clause, wrong);
        }
    }
    let mut wrong = String::new();
    schema().words().for_each(|word| of(&word.form, &mut wrong));
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_word_of_another_place_is_suggested_before_one_that_is_less_near() {
    let (_, found) = findings("gateway { listen :8080 }\nlmit a 1/s by client.ip\n");
    let [found] = found.as_slice() else { panic!("{found:?}") };
    let help = found.help.clone().unwrap_or_default();
    assert_eq!(help, "did you mean `limit`? it belongs in `gateway`, a `group`, a `route` or a `policy`");
    assert!(found.fixes.is_empty(), "it would be no better here");
}
