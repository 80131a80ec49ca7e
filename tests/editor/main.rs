//! The editors' grammars are those of the schema: they are rendered from templates and the language's own word lists, and
//! compared with what is committed. With `GATE_WRITE=1` in the environment they are written instead.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod textmate;
mod vim;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use words::Words;

/// What to run when a word of the language has changed.
const COMMAND: &str = "GATE_WRITE=1 cargo test --test editor";

/// A template, what is rendered from it, and how.
struct Rendered {
    template: &'static str,
    file: &'static str,
    render: fn(&str, &Words) -> String,
}

const RENDERED: [Rendered; 2] = [
    Rendered {
        template: "vscode/syntaxes/gate.tmLanguage.template.json",
        file: "vscode/syntaxes/gate.tmLanguage.json",
        render: textmate::render,
    },
    Rendered { template: "vim/syntax/gate.template.vim", file: "vim/syntax/gate.vim", render: vim::render },
];

/// `editor/` of the repository.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("editor")
}

#[test]
fn the_grammars_of_the_editors_know_the_words_of_the_schema() {
    let words = Words::of_the_language();
    let stale: Vec<&str> = RENDERED
        .iter()
        .filter(|rendered| {
            let template = fs::read_to_string(folder().join(rendered.template)).expect("the template is there");
            let fresh = (rendered.render)(&template, &words);
            assert!(!fresh.contains("{{"), "{}: a placeholder has no value", rendered.template);
            let file = folder().join(rendered.file);
            let stale = fs::read_to_string(&file).ok().as_ref() != Some(&fresh);
            if stale && std::env::var_os("GATE_WRITE").is_some() {
                fs::write(&file, fresh).expect("the grammar can be written");
                return false;
            }
            stale
        })
        .map(|rendered| rendered.file)
        .collect();
    assert!(stale.is_empty(), "editor/{} is not what its template and the schema say: run `{COMMAND}`", stale.join(" and editor/"));
}

#[test]
fn every_statement_of_the_schema_is_a_word_of_the_grammars() {
    let words = Words::of_the_language();
    for word in gatewright::check::schema().words() {
        assert!(words.heads.contains_key(word.form.word), "{}", word.form.word);
    }
    assert!(words.heads["limit"].own.clauses.contains("burst"), "clauses of a head");
    assert!(words.heads.contains_key("open_after"), "clauses are statements of the block");
    assert!(words.heads.contains_key("rate"), "slots are, too");
    assert!(words.heads["route"].names && words.heads["auth"].kinds.contains("jwt"), "what declares a name");
}
