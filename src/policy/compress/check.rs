//! Reads `compress`.

use super::{Algorithm, Config};
use crate::diag::suggest::nearest;
use crate::diag::{Code, Diagnostic};
use crate::lang::{Checker, Node};

pub(super) fn check(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let Some(given) = node.get("algorithms") else { return Some(Config { algorithms: Algorithm::ALL.to_vec() }) };
    let mut algorithms = Vec::new();
    for (word, span) in checker.words(given)? {
        let Some(algorithm) = Algorithm::ALL.iter().find(|algorithm| algorithm.name() == word).copied() else {
            let mut found =
                Diagnostic::new(Code::TypeEnum, format!("`{word}` is no algorithm of `compress`")).at(span, "one of `zstd`, `br`, `gzip`");
            let near = if word == "brotli" { Some("br") } else { nearest(&word, Algorithm::ALL.iter().map(|algorithm| algorithm.name())) };
            if let Some(near) = near {
                found = found.help(format!("did you mean `{near}`?"));
            }
            checker.report.push(found);
            return None;
        };
        if algorithms.contains(&algorithm) {
            checker.error(Code::SchemaRepeated, format!("`{word}` is named twice"), span, "here again");
            return None;
        }
        algorithms.push(algorithm);
    }
    if algorithms.is_empty() {
        checker.error(Code::SchemaArity, "`compress` without an algorithm compresses nothing", given.expr.span, "name one");
        return None;
    }
    Some(Config { algorithms })
}
