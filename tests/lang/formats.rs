//! The forms for other programs: SARIF is held against its official schema, GitHub's commands against how a runner reads them.

use crate::faults::FIVE;
use crate::support::findings;
use gatewright::diag::render::{Format, render};
use gatewright::diag::{Code, Diagnostic, Source, Sources, Span};
use serde_json::Value;

fn sarif(sources: &Sources, found: &[Diagnostic]) -> Value {
    let mut schema: Value = serde_json::from_str(include_str!("../schemas/sarif-2.1.0.json")).unwrap();
    // The schema as OASIS publishes it has a `]` too many in this pattern, which strict readers of regexes refuse.
    for part in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{part}/properties/language/pattern")).unwrap();
        assert_eq!(*language, "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
        *language = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$".into();
    }
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let log: Value = serde_json::from_str(&render(Format::Sarif, sources, found)).unwrap();
    let faults: Vec<String> = validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    log
}

#[test]
fn sarif_keeps_its_schema_with_findings_labels_and_fixes() {
    let (sources, found) = findings(FIVE);
    let log = sarif(&sources, &found);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    let first = &results[0];
    assert_eq!(first["ruleId"], "gate::type::unit");
    assert_eq!(first["level"], "error");
    let region = &first["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["startColumn"]), (&9.into(), &19.into()));
    let fixed = &results[1]["fixes"][0]["artifactChanges"][0];
    assert_eq!(fixed["artifactLocation"]["uri"], "policy.gate");
    assert_eq!(fixed["replacements"][0]["insertedContent"]["text"], "public");
    let index = usize::try_from(first["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][index]["id"], "gate::type::unit");
}

#[test]
fn sarif_keeps_its_schema_when_nothing_is_found_and_in_files_with_odd_names() {
    sarif(&Sources::new(), &[]);
    let mut sources = Sources::new();
    let file = sources.add(Source::new("/srv/my gates/ä#1.gate", "x"));
    let log = sarif(&sources, &[Diagnostic::new(Code::NameUnknown, "no x").at(Span::new(file, 0, 1), "")]);
    let location = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(*location, "file:///srv/my%20gates/%C3%A4%231.gate");
}

#[test]
fn a_workflow_command_has_a_finding_on_one_line_with_what_means_something_escaped() {
    let mut sources = Sources::new();
    let file = sources.add(Source::new("a,b:c.gate", "listen 50%\n"));
    let found = Diagnostic::new(Code::TypeMismatch, "`50%` is wrong").at(Span::new(file, 7, 10), "100% wrong").help("write\r\nmore");
    assert_eq!(
        render(Format::Github, &sources, &[found]),
        "::error file=a%2Cb%3Ac.gate,line=1,col=8,endLine=1,endColumn=11,title=gate%3A%3Atype%3A%3Amismatch::`50%25` is wrong: 100%25 wrong%0Ahelp: write?%0Amore\n"
    );
    let warning = Diagnostic::new(Code::SecretShortHmac, "short");
    assert_eq!(render(Format::Github, &sources, &[warning]), "::warning title=gate%3A%3Asecret%3A%3Ashort-hmac::short\n");
}
