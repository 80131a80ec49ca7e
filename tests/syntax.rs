//! How long reading takes: whatever a file holds, an answer comes at once. Measured when built with optimisations;
//! in a debug build the same files are read without the clock.

use gatewright::diag::render::{Format, render};
use gatewright::diag::{Diagnostic, FileId, Report, Source, Sources};
use gatewright::syntax::{ast::Ast, format, parse};
use std::time::Duration;

/// Reads a text and renders what was found, within a time.
#[track_caller]
fn read(text: &str, within: Duration) -> (Ast, Vec<Diagnostic>) {
    #[expect(clippy::disallowed_types, reason = "measures real time, which tokio's clock may not show")]
    let start = std::time::Instant::now();
    let mut report = Report::new();
    let ast = parse(FileId(0), text, &mut report);
    let found = report.into_sorted();
    let mut sources = Sources::new();
    sources.add(Source::new("big.gate", text));
    let shown = render(Format::Human, &sources, &found);
    assert_eq!(shown.is_empty(), found.is_empty());
    let took = start.elapsed();
    eprintln!("{} bytes, {} findings: {took:?}", text.len(), found.len());
    if !cfg!(debug_assertions) {
        assert!(took < within, "{took:?}");
    }
    (ast, found)
}

const SOON: Duration = Duration::from_secs(2);

/// How much of a size is used: a debug build takes a tenth.
fn size(full: usize) -> usize {
    if cfg!(debug_assertions) { full / 10 } else { full }
}

#[test]
fn a_hundred_thousand_lines_are_read_at_once() {
    let route = "## A user's record.\nroute r GET /users/{id:uuid} -> users {\n  require claim.sub == param.id or \"support\" in claim.roles\n  cache 30s by [claim.sub, request.path] max 64MiB\n  timeout { connect 250ms; attempt 4s; total 13s }\n}\n\n";
    let text = route.repeat(size(100_000) / 7);
    let (ast, found) = read(&text, SOON);
    assert!(found.is_empty() && ast.broken.is_empty());
    assert_eq!(format(&text).map(|printed| printed.len()), Ok(text.len()));
}

#[test]
fn a_hundred_thousand_openers_are_refused_at_once() {
    for piece in ["{", "x {", "x {\n", "(", "x (\n", "[\n", "x \"${", "\"\"\"${", "a+", "x [\ny\n", "f(a = (", "not ", "/{a", "}", "\"\n"] {
        let (_, found) = read(&piece.repeat(size(100_000)), SOON);
        assert!(!found.is_empty() && found.len() <= 101, "{piece:?}: {}", found.len());
    }
}

#[test]
fn random_bytes_are_refused_at_once() {
    let mut random = fastrand::Rng::with_seed(7);
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(size(5_000_000)).collect();
    let (_, found) = read(&String::from_utf8_lossy(&bytes), SOON);
    assert!((50..=101).contains(&found.len()), "{}", found.len());
    let ascii: String = bytes.iter().map(|byte| char::from(byte & 0x7f)).collect();
    assert!(read(&ascii, SOON).1.len() >= 50);
    let one_line: String = ascii.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    assert!(!read(&one_line, SOON).1.is_empty());
    let letters: String = std::iter::repeat_with(|| random.alphabetic()).take(size(5_000_000)).collect();
    assert!(read(&format!("x {letters}"), SOON).1.is_empty());
}
