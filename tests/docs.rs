//! The pages say what is: their policies are sound and formatted, what they show of findings is what is printed, and the
//! language's reference names every word of the schema.

use gatewright::check::{Files, Options, check, schema};
use gatewright::diag::render::{Format, render};
use gatewright::diag::{FileId, Report, Source, Sources};
use gatewright::docs::{catalogue, pages, reference};
use gatewright::lang::form::Form;
use gatewright::policy;
use gatewright::syntax::{format, parse};
use gatewright::testing;
use std::path::Path;

const PAGES: &[(&str, &str)] = &[
    ("README.md", include_str!("../README.md")),
    ("CHANGELOG.md", include_str!("../CHANGELOG.md")),
    ("docs/language.md", LANGUAGE),
    ("docs/testing.md", TESTING),
    ("docs/tools.md", include_str!("../docs/tools.md")),
    ("docs/reference.md", include_str!("../docs/reference.md")),
    ("docs/limits.md", LIMITS),
    ("docs/checking.md", include_str!("../docs/checking.md")),
    ("docs/auth.md", include_str!("../docs/auth.md")),
    ("docs/shaping.md", include_str!("../docs/shaping.md")),
    ("docs/operating.md", include_str!("../docs/operating.md")),
    ("docs/hooks.md", include_str!("../docs/hooks.md")),
    ("docs/openapi.md", include_str!("../docs/openapi.md")),
    ("docs/running.md", include_str!("../docs/running.md")),
    ("docs/tracing.md", include_str!("../docs/tracing.md")),
    ("docs/caching.md", include_str!("../docs/caching.md")),
    ("docs/access.md", include_str!("../docs/access.md")),
    ("docs/routing.md", include_str!("../docs/routing.md")),
    ("docs/operating.md", include_str!("../docs/operating.md")),
];

const LANGUAGE: &str = include_str!("../docs/language.md");
const LIMITS: &str = include_str!("../docs/limits.md");
const TESTING: &str = include_str!("../docs/testing.md");

/// A fenced block: its language and text.
struct Block<'a> {
    kind: &'a str,
    text: String,
}

impl Block<'_> {
    /// True for a whole policy with tests: they have to pass.
    fn is_run(&self) -> bool {
        self.kind == "gate" && self.text.contains("gateway {") && self.text.contains("test \"")
    }

    /// True when a statement begins with a word, outside tests.
    fn says(&self, word: &str) -> bool {
        let policy = self.text.split("\ntest \"").next().unwrap_or_default();
        policy.lines().any(|line| line.split_whitespace().next() == Some(word))
    }
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(_), true) => open = false,
            (Some(kind), false) => {
                open = true;
                found.push(Block { kind, text: String::new() });
            }
            (None, true) => {
                if let Some(block) = found.last_mut() {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    found
}

/// One file that is not on the disk.
struct Only(String);

impl Files for Only {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }
}

/// What `gate check` prints for a policy that is called `orders.gate`.
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn findings(policy: &str) -> String {
    let checked = check(Path::new("orders.gate"), &Only(policy.to_owned()), &Options::default()).unwrap();
    render(Format::Human, &checked.sources, &checked.report.into_sorted())
}

#[test]
fn policies_in_the_pages_are_read_and_formatted() {
    for (page, text) in PAGES {
        for block in blocks(text).iter().filter(|block| block.kind == "gate") {
            let mut report = Report::new();
            parse(FileId(0), &block.text, &mut report);
            let mut sources = Sources::new();
            sources.add(Source::new(*page, block.text.as_str()));
            assert_eq!(render(Format::Plain, &sources, &report.into_sorted()), "", "{page}");
            assert_eq!(format(&block.text).ok().as_deref(), Some(block.text.as_str()), "{page}");
        }
    }
}

#[test]
fn policies_with_tests_in_the_pages_pass_them() {
    for (page, text) in PAGES {
        for block in blocks(text).iter().filter(|block| block.is_run()) {
            let checked = check(Path::new("page.gate"), &Only(block.text.clone()), &Options::default()).unwrap();
            let findings = render(Format::Human, &checked.sources, &checked.report.into_sorted());
            assert_eq!(findings, "", "{page}");
            let outcomes = testing::run(checked.program.as_ref().unwrap(), None, None);
            let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.failure.is_some()).collect();
            assert!(!outcomes.is_empty() && failed.is_empty(), "{page}: {failed:#?}");
        }
    }
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_policy_has_a_page_with_an_example_that_is_run() {
    let mut missing = Vec::new();
    for word in policy::ALL.iter().flat_map(|policy| policy.words) {
        let word = word.form.word;
        let section = pages::section_of(word).unwrap_or_default();
        let (name, heading) = section.split_once('#').unwrap_or((section, ""));
        let page = PAGES.iter().find(|(page, _)| page.strip_prefix("docs/") == Some(name)).map_or("", |(_, text)| *text);
        if !page.lines().any(|line| line.starts_with('#') && (heading.is_empty() || anchor(line) == heading)) {
            missing.push(format!("`{word}`: src/docs/pages.rs names no section of a page, or one that is not there: `{section}`"));
        } else if !blocks(page).iter().any(|block| block.is_run() && block.says(word)) {
            missing.push(format!("`{word}`: no policy with tests in docs/{name} says it"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_readmes_finding_is_what_is_printed() {
    let blocks = blocks(PAGES[0].1);
    let at = blocks.iter().position(|block| block.kind == "gate" && block.text.contains("gateway {")).unwrap();
    let shown = blocks[at + 1].text.replace("1 file checked: 1 error, 0 warnings\n", "");
    assert_eq!(findings(&blocks[at].text), shown);
}

#[test]
fn the_readmes_policy_is_sound_once_its_help_is_followed() {
    let blocks = blocks(PAGES[0].1);
    let policy = blocks.iter().find(|block| block.kind == "gate").unwrap().text.as_str();
    let fixed = policy.replace("/users/{id} -> users {", "/users/{id} -> users {\n    priority 1");
    assert_eq!(findings(&fixed), "");
}

#[test]
fn the_policies_of_the_pages_are_sound() {
    for (page, text) in PAGES.iter().filter(|(page, _)| page.starts_with("docs/")) {
        for block in blocks(text).iter().filter(|block| block.kind == "gate" && block.text.contains("gateway {")) {
            assert_eq!(findings(&block.text), "", "{page}: {}", block.text);
        }
    }
}

#[test]
fn the_page_on_the_language_names_every_word() {
    // A policy that the page has not taken up at all is left to `gate explain`.
    let left_out = policy::ALL.iter().filter(|policy| !policy.words.iter().any(|word| says(LANGUAGE, word.form.word)));
    let left_out: Vec<&str> = left_out.flat_map(|policy| policy.words).map(|word| word.form.word).collect();
    let mut missing = Vec::new();
    for word in schema().words().filter(|word| !left_out.contains(&word.form.word)) {
        named(&word.form, "", &mut missing);
    }
    assert!(missing.is_empty(), "docs/language.md does not name these: {missing:#?}");
}

/// Notes a form whose word is not on the page, and the same of its clauses.
fn named(form: &Form, of: &str, missing: &mut Vec<String>) {
    if !(says(LANGUAGE, form.word) || says(TESTING, form.word)) {
        missing.push(format!("{of}{}", form.word));
    }
    for child in form.children {
        named(child, &format!("{of}{} ", form.word), missing);
    }
}

/// True when a page has a word.
fn says(page: &str, word: &str) -> bool {
    page.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').any(|found| found == word)
}

#[test]
fn the_reference_is_what_the_schema_says() {
    let fresh = reference::markdown();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    if std::env::var_os("GATE_WRITE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let stale = std::fs::read_to_string(&file).ok() != Some(fresh);
    assert!(!stale, "docs/reference.md is not what the schema says: run `GATE_WRITE=1 cargo test --test docs`");
}

#[test]
fn the_catalogue_of_the_sample_shop_names_everything_and_no_secret() {
    let shop = include_str!("../gateways/shop.gate");
    let checked = check(Path::new("shop.gate"), &Only(shop.to_owned()), &Options::default()).unwrap();
    insta::assert_snapshot!("catalogue_of_shop", catalogue::markdown(&checked, "shop").unwrap());
}

#[test]
fn a_policy_with_errors_has_no_catalogue() {
    let checked = check(Path::new("broken.gate"), &Only("route r GET /r {}".to_owned()), &Options::default()).unwrap();
    assert_eq!(catalogue::markdown(&checked, "broken"), None);
}
