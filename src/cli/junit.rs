//! Outcomes of tests as the XML that build servers read (the schema of Ant's JUnit task, as they all understand it).

use super::test::{Suite, report};
use std::fmt::Write;

/// All suites as one document.
pub fn junit(suites: &[Suite<'_>], passed: usize, failed: usize) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites tests=\"{}\" failures=\"{failed}\">", passed + failed);
    for suite in suites {
        let failures = suite.tests.iter().filter(|test| test.failure.is_some()).count();
        let file = escaped(&suite.file);
        let _ = writeln!(out, "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{failures}\">", suite.tests.len());
        out.push_str(&properties(suite));
        for test in &suite.tests {
            let head = format!("    <testcase classname=\"{file}\" name=\"{}\"", escaped(&test.name));
            match &test.failure {
                None => {
                    let _ = writeln!(out, "{head}/>");
                }
                Some(failure) => {
                    let message = escaped(failure.expected.as_deref().unwrap_or(&failure.actual));
                    let text = escaped(&report(failure, &test.place));
                    let _ = writeln!(out, "{head}>\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>");
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// The coverage, where it was asked for.
fn properties(suite: &Suite<'_>) -> String {
    let Some(coverage) = &suite.coverage else { return String::new() };
    let mut out = String::from("    <properties>\n");
    for total in &coverage.totals {
        let (name, value) = (total.kind.name(), format!("{}/{}", total.reached, total.goals));
        let _ = writeln!(out, "      <property name=\"coverage: {name}\" value=\"{value}\"/>");
    }
    out.push_str("    </properties>\n");
    out
}

/// Text inside XML, in an attribute or not; characters that XML 1.0 cannot say at all are replaced.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // In an attribute a bare one would be read as a space.
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
        out
    })
}
