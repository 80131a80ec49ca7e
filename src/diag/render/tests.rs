//! What a user sees of a finding in each form.

use super::{Format, Terminal, render, render_for};
use crate::diag::{Code, Diagnostic, Edit, FileId, Source, Sources, Span};

fn sources() -> Sources {
    let mut sources = Sources::new();
    sources.add(Source::new("shop.gate", "timeout { attempt 900ms; total 2s }\nretry { attempts 3; backoff 100ms }\n"));
    sources.add(Source::new("lib/a.gate", "policy p {\n\ttotal 1s\n}\n"));
    sources
}

fn at(file: u32, start: usize, end: usize) -> Span {
    Span::new(FileId(file), start, end)
}

fn retry() -> Diagnostic {
    Diagnostic::new(Code::RetryExceedsDeadline, "attempt 3 of 3 has no time left when the first two time out")
        .at(at(0, 44, 54), "3 attempts need 3 × 900ms + 2 × 100ms = 2.9s")
        .also(at(0, 10, 23), "per attempt")
        .also(at(0, 25, 33), "but everything stops after 2s")
        .help("use `attempts 2` (1.9s), `attempt 600ms` (2.0s) or `total 3s`")
}

#[test]
fn a_finding_is_drawn_for_people() {
    insta::assert_snapshot!(render(Format::Human, &sources(), &[retry()]), @r#"
    gate::retry::exceeds-deadline

      ⚠ attempt 3 of 3 has no time left when the first two time out
       ╭─[shop.gate:2:9]
     1 │ timeout { attempt 900ms; total 2s }
       ·           ──────┬──────  ────┬───
       ·                 │            ╰── but everything stops after 2s
       ·                 ╰── per attempt
     2 │ retry { attempts 3; backoff 100ms }
       ·         ─────┬────
       ·              ╰── 3 attempts need 3 × 900ms + 2 × 100ms = 2.9s
       ╰────
      help: use `attempts 2` (1.9s), `attempt 600ms` (2.0s) or `total 3s`
    "#);
}

#[test]
fn a_finding_in_two_files_shows_both() {
    let found = Diagnostic::new(Code::PolicyConflict, "two policies set `total`")
        .at(at(0, 25, 33), "set here")
        .also(at(1, 12, 20), "and here")
        .help("use one of them");
    insta::assert_snapshot!(render(Format::Human, &sources(), std::slice::from_ref(&found)), @r#"
    gate::policy::conflict

      × two policies set `total`
       ╭─[shop.gate:1:26]
     1 │ timeout { attempt 900ms; total 2s }
       ·                          ────┬───
       ·                              ╰── set here
       ╰────
      ☞ and in lib/a.gate
       ╭─[lib/a.gate:2:2]
     2 │     total 1s
       ·     ────┬───
       ·         ╰── and here
       ╰────
      help: use one of them
    "#);
    insta::assert_snapshot!(render(Format::Plain, &sources(), &[found]), @r#"
    shop.gate:1:26: error[gate::policy::conflict]: two policies set `total`
      1 | timeout { attempt 900ms; total 2s }
        |                          ^^^^^^^^ set here
    lib/a.gate:2:2: note: and here
      2 | 	total 1s
        | 	--------
      help: use one of them
    "#);
}

#[test]
fn a_finding_is_plain_for_pipes() {
    insta::assert_snapshot!(render(Format::Plain, &sources(), &[retry()]), @r#"
    shop.gate:2:9: warning[gate::retry::exceeds-deadline]: attempt 3 of 3 has no time left when the first two time out
      2 | retry { attempts 3; backoff 100ms }
        |         ^^^^^^^^^^ 3 attempts need 3 × 900ms + 2 × 100ms = 2.9s
    shop.gate:1:11: note: per attempt
      1 | timeout { attempt 900ms; total 2s }
        |           -------------
    shop.gate:1:26: note: but everything stops after 2s
      1 | timeout { attempt 900ms; total 2s }
        |                          --------
      help: use `attempts 2` (1.9s), `attempt 600ms` (2.0s) or `total 3s`
    "#);
}

#[test]
fn marks_stand_under_wide_letters_and_behind_tabs() {
    let text = "\tdoc \"日本語 🚀\"\tx y\n";
    let mut sources = Sources::new();
    let file = sources.add(Source::new("wide.gate", text));
    let shown = |what: &str| {
        let start = text.find(what).unwrap();
        let found = Diagnostic::new(Code::SyntaxUnexpected, "no").at(Span::new(file, start, start + what.len()), "here");
        let plain = render(Format::Plain, &sources, &[found]);
        plain.lines().nth(2).unwrap().to_owned()
    };
    assert_eq!(shown("\"日本語 🚀\""), "    | \t    ^^^^^^^^^^^ here");
    assert_eq!(shown("y"), "    | \t               \t  ^ here");
    assert_eq!(shown("🚀\"\tx"), "    | \t            ^^^\t^ here");
}

#[test]
fn a_finding_is_json_for_programs() {
    let found = Diagnostic::new(Code::SyntaxUnexpected, "`=>` has no meaning here")
        .at(at(0, 10, 17), "")
        .fix("write `->`", vec![Edit { span: at(0, 10, 17), text: "->".to_owned() }]);
    insta::assert_snapshot!(render(Format::Json, &sources(), &[found]), @r#"
    {
      "diagnostics": [
        {
          "code": "gate::syntax::unexpected",
          "severity": "error",
          "message": "`=>` has no meaning here",
          "help": null,
          "labels": [
            {
              "file": "shop.gate",
              "line": 1,
              "column": 11,
              "offset": 10,
              "length": 7,
              "text": "",
              "primary": true
            }
          ],
          "fixes": [
            {
              "message": "write `->`",
              "edits": [
                {
                  "file": "shop.gate",
                  "line": 1,
                  "column": 11,
                  "offset": 10,
                  "length": 7,
                  "text": "->"
                }
              ]
            }
          ]
        }
      ],
      "errors": 1,
      "warnings": 0
    }
    "#);
    let none: serde_json::Value = serde_json::from_str(&render(Format::Json, &sources(), &[])).unwrap();
    assert_eq!(none, serde_json::json!({"diagnostics": [], "errors": 0, "warnings": 0}));
}

#[test]
fn colour_is_used_only_when_asked_for() {
    let coloured = render_for(Terminal { width: 100, colour: true }, Format::Human, &sources(), &[retry()]);
    assert!(coloured.contains('\u{1b}'));
    assert!(!render(Format::Human, &sources(), &[retry()]).contains('\u{1b}'));
}

#[test]
fn every_place_of_a_strange_file_can_be_shown() {
    let long = format!("{}\u{1b}[31m{}\u{202e}", "é".repeat(400), "x\t".repeat(300));
    for text in ["", "\n", "\n\n\n", "a", "a\r\n", "é\u{1b}[2J\n\u{7f}", &long] {
        let mut sources = Sources::new();
        sources.add(Source::new("a", text));
        for start in 0..=text.len() + 1 {
            for length in [0, 1, 3, 500] {
                let found =
                    [Diagnostic::new(Code::SyntaxBrace, "m\u{1b}").at(at(0, start, start + length), "here").also(at(0, 0, 1), "there")];
                for format in [Format::Human, Format::Plain] {
                    let out = render(format, &sources, &found);
                    let shown = text.trim().is_empty() || out.contains("here");
                    assert!(shown && !out.contains(['\u{1b}', '\u{202e}', '\u{7f}']), "{out:?}");
                }
            }
        }
    }
}

#[test]
fn a_finding_without_a_place_has_its_message() {
    for format in [Format::Human, Format::Plain, Format::Json] {
        assert!(render(format, &sources(), &[Diagnostic::new(Code::TlsCertMissing, "no certificate")]).contains("no certificate"));
    }
}
