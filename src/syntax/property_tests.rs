//! What holds for any text: reading ends and never panics, scanner and grammar see the same tokens, printing changes
//! nothing but layout.

use super::grammar::{Grammar, Rule};
use super::lex::{Fault, Kind, lex};
use super::tests::{SAMPLES, read};
use super::{format, unplaced};
use pest::Parser as _;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::{collection, prop_assert, prop_assert_eq, proptest, sample};

/// What texts of the language are made of, and what breaks them.
const PIECES: &[&str] = &[
    "a",
    "route ",
    "x",
    "\"",
    "\"\"\"",
    "re\"",
    "${",
    "$${",
    "}",
    "{",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "#",
    "##",
    " # c\n",
    "\\",
    "\\\"",
    "/",
    "/a",
    "/{id}",
    "{id:int}",
    "//",
    "http://h",
    "->",
    "=",
    "==",
    "=>",
    "<",
    ">",
    "??",
    "?",
    ":",
    ":80",
    "::1",
    "1",
    "30s",
    "10.0.0.0/8",
    "5..6",
    " and ",
    " not ",
    " in ",
    "not",
    "é",
    "\u{FEFF}",
    "\u{A0}",
    ".",
    "-",
    "*",
    "*.a",
    "'",
    "!",
    "gate 1",
    "set<str>",
    "str?",
    "f(",
    "\"a ${b} c\"",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![collection::vec(sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat()), any::<String>(),]
}

/// A sample with a few edits in random places.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (any::<sample::Index>(), 0_usize..12, prop_oneof![Just(""), sample::select(PIECES)]);
    (sample::select(&SAMPLES[..]), collection::vec(edit, 1..6)).prop_map(|((_, text), edits)| {
        let mut text = text.to_owned();
        for (place, cut, new) in edits {
            let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let start = boundary(place.index(text.len() + 1));
            let end = boundary(start + cut).max(start);
            text.replace_range(start..end, new);
        }
        text
    })
}

/// A sample with other spaces between its tokens.
fn respaced() -> impl Strategy<Value = String> {
    (sample::select(&SAMPLES[..]), collection::vec(0_usize..5, 64)).prop_map(|((_, text), gaps)| {
        let mut out = String::new();
        let mut end = 0;
        for (at, token) in lex(text).into_iter().enumerate() {
            let gap = text.get(end..token.start as usize).unwrap_or_default();
            let more = [gap, "  ", "\t ", gap, "   "][gaps[at % gaps.len()]];
            out.push_str(if gap.is_empty() { gap } else { more });
            out.push_str(token.text(text));
            if token.kind == Kind::Newline && gaps[(at + 7) % gaps.len()] == 0 {
                out.push_str("\n\n");
            }
            end = token.end as usize;
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn reading_never_panics_and_spans_lie_in_the_text(text in prop_oneof![text(), mutated()]) {
        let (ast, found) = read(&text);
        for found in &found {
            for label in &found.labels {
                let span = label.span.start as usize..label.span.end as usize;
                prop_assert!(text.get(span.clone()).is_some(), "{span:?} of {found:?}");
            }
            prop_assert!(found.primary().is_some() && found.help.is_some() | !found.fixes.is_empty() | (!found.labels[0].text.is_empty()));
        }
        // A file is whole or something was said about it.
        prop_assert_eq!(ast.broken.is_empty() && !ast.body.damaged || !found.is_empty(), true);
    }

    #[test]
    fn printing_changes_nothing_but_layout_and_printing_again_nothing(text in prop_oneof![text(), mutated(), respaced()]) {
        let (ast, found) = read(&text);
        match format(&text) {
            Ok(printed) => {
                let (again, found) = read(&printed);
                prop_assert_eq!(found, []);
                prop_assert_eq!(unplaced::file(again), unplaced::file(ast));
                prop_assert_eq!(format(&printed).unwrap(), printed);
            }
            Err(refused) => prop_assert_eq!(refused, found),
        }
    }

    #[test]
    fn respaced_samples_are_printed_as_the_samples(text in respaced()) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&format(&text).unwrap()), words(&text));
    }

    #[test]
    fn scanner_and_grammar_agree_on_strings_and_regexes(body in collection::vec(sample::select(&["a", "\"", "\\", "${", "}", "{", "$", " ", "\n", "re\"", "é", "/", ",", "(", ")"][..]), 0..12), open in sample::select(&["\"", "\"\"\"", "re\""][..])) {
        let text = format!("{open}{}", body.concat());
        let token = lex(&text)[0];
        let rules = [Rule::string, Rule::raw, Rule::regex];
        // The grammar may refuse what stands in a hole or touches the end; where it reads something, both end alike.
        for rule in rules {
            if let Ok(mut pairs) = Grammar::parse(rule, &text) {
                let end = pairs.next().unwrap().as_span().end();
                let open_string = rule == Rule::string && open == "\"\"\"";
                prop_assert!(open_string || matches!(token.kind, Kind::Text | Kind::Regex), "{rule:?} {token:?}");
                prop_assert!(open_string || end == token.end as usize, "{rule:?} {token:?} {end}");
            }
        }
        // Without a hole the grammar reads whatever the scanner reads, unless something touches the end.
        let touched = text[token.end as usize..].starts_with(|next: char| next.is_ascii_alphanumeric() || matches!(next, '"' | '/' | '_' | '-'));
        if matches!(token.kind, Kind::Text | Kind::Regex) && !text.contains("${") && !touched {
            prop_assert!(rules.iter().any(|rule| Grammar::parse(*rule, &text).is_ok()), "{text:?}");
        }
    }

    #[test]
    fn a_path_token_is_a_path_of_the_grammar(body in collection::vec(sample::select(&["a", "/", "{", "}", "{id}", "{id:int}", "{a:re\"x}\"}", ":", "|", "*", "**", "#", " ", "-", ">", ",", "%2f", "[", "]"][..]), 0..10), open in sample::select(&["/", "http://h", "http://[::1]/"][..])) {
        let text = format!("{open}{}", body.concat());
        // At a line's start this is a comment of other languages.
        if text.starts_with("/*") {
            return Ok(());
        }
        let token = lex(&text)[0];
        prop_assert_eq!(token.kind, Kind::Path);
        // A block may follow at once: the grammar never sees its brace.
        let cut = if text[token.end as usize..].starts_with('{') { token.text(&text) } else { &text };
        for rule in [Rule::path, Rule::url] {
            if let Ok(mut pairs) = Grammar::parse(rule, cut) {
                prop_assert_eq!(pairs.next().unwrap().as_span().end(), token.end as usize);
            }
        }
    }
}

#[test]
fn every_truncation_of_a_sample_is_read() {
    for (name, text) in SAMPLES {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)).step_by(7) {
            let (_, found) = read(&text[..end]);
            assert!(found.len() <= 3, "{name} cut at {end}: {found:?}");
        }
    }
}

#[test]
fn a_fault_of_a_token_marks_its_statement_only() {
    let tokens = lex("a \"x\nb");
    assert_eq!(tokens[1].kind, Kind::Bad(Fault::OpenString));
    assert_eq!(tokens[3].kind, Kind::Word);
}
