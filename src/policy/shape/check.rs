//! Reads the statements of shaping.

use super::body::{body, innermost};
use super::lines::Reader;
use super::{Config, Path};
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::{Expr, Piece};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Given, Node};
use crate::policy::Effective;

pub(super) fn check(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Config> {
    let mut request = Reader::request();
    let mut response = Reader::response();
    let mut query = Reader::query();
    for statement in statements {
        match statement.node.form.word {
            "request" => request.read(statement, checker),
            "response" => response.read(statement, checker),
            "query" => query.read(statement, checker),
            _ => {}
        }
    }
    let mut of = |word: &str, by: Moment| match innermost(statements, word, "body") {
        Some(node) => body(node, by, checker).map(Some),
        None => Some(None),
    };
    let (request_body, response_body) = (of("request", Moment::Body), of("response", Moment::Response));
    let config = Config {
        request: request.lines(),
        response: response.lines(),
        query: query.lines(),
        path: path(statements, checker)?,
        request_body: request_body?,
        response_body: response_body?,
        envelope: innermost(statements, "response", "envelope").is_some(),
    };
    (config != Config::default()).then_some(config)
}

/// None when something was reported.
fn path(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Path> {
    let written = |word: &str| statements.iter().rev().map(|statement| &statement.node).find(|node| node.form.word == word);
    let (strip, add, rewrite) = (written("strip_prefix"), written("add_prefix"), written("rewrite"));
    if let Some(rewrite) = rewrite {
        if let Some(other) = strip.or(add) {
            excluded(rewrite, other, checker);
            return None;
        }
        return Some(Path::Rewrite(text(rewrite.get("path")?, true, checker)?));
    }
    if strip.is_none() && add.is_none() {
        return Some(Path::Keep);
    }
    let strip = match strip {
        Some(node) => Some(prefix(node.get("path")?, checker)?),
        None => None,
    };
    let add = match add {
        Some(node) => Some(text(node.get("path")?, false, checker)?),
        None => None,
    };
    Some(Path::Prefix { strip, add })
}

fn excluded(rewrite: &Node<'_>, other: &Node<'_>, checker: &mut Checker<'_>) {
    let word = other.form.word;
    checker.report.push(
        Diagnostic::new(Code::PolicyConflict, format!("`rewrite` and `{word}` cannot both say what the path becomes"))
            .at(rewrite.span, "replaces the whole path")
            .also(other.span, "changes its front")
            .help(format!("keep one of them; `drop {word}` removes one that is inherited")),
    );
}

/// A constant path, whole segments.
fn prefix(given: Given<'_>, checker: &mut Checker<'_>) -> Option<String> {
    let Value::Text(text) = checker.constant(given, Type::Path)? else { return None };
    literal(&text, given.expr.span, checker)?;
    let trimmed = text.trim_end_matches('/');
    if trimmed.is_empty() {
        checker.error(Code::TypeRange, "nothing is left of `/` to take away", given.expr.span, "no segment");
        return None;
    }
    if trimmed.contains('?') {
        checker.error(Code::RoutePathEncoding, "a prefix has no query", given.expr.span, "");
        return None;
    }
    Some(trimmed.to_owned())
}

/// A path with holes, each encoded for its place.
fn text(given: Given<'_>, query: bool, checker: &mut Checker<'_>) -> Option<Expr> {
    let typed = checker.typed(given, &Want { ty: None, by: Moment::Body, spot: Spot::Url, response: false })?;
    let pieces: Vec<&str> = match &typed.expr {
        Expr::Const(Value::Text(text)) => vec![text],
        Expr::Text(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Hole(..) => "x",
            })
            .collect(),
        _ => {
            checker.report.push(
                Diagnostic::new(Code::TypeMismatch, "a path is expected")
                    .at(typed.span, "")
                    .help("write a string: `\"/files/${param.name}\"`"),
            );
            return None;
        }
    };
    // A hole at the very front is the request's own path.
    let sample = pieces.concat();
    let sample =
        if matches!(&typed.expr, Expr::Text(all) if matches!(all.first(), Some(Piece::Hole(..)))) { format!("/{sample}") } else { sample };
    literal(&sample, typed.span, checker)?;
    if !query && sample.contains('?') {
        checker.error(Code::RoutePathEncoding, "a prefix has no query", typed.span, "");
        return None;
    }
    Some(typed.expr)
}

/// The letters of a path that an upstream gets exactly so.
fn literal(text: &str, span: Span, checker: &mut Checker<'_>) -> Option<()> {
    let path = text.split('?').next().unwrap_or_default();
    let reason = if !path.starts_with('/') {
        "a path begins with `/`"
    } else if path.contains("//") {
        "an empty segment"
    } else if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        "a segment of dots is a step in the path"
    } else if text.contains(['{', '}', '*']) {
        "parameters are written as `${param.name}` in a string"
    } else if text.contains('#') {
        "a fragment never leaves the browser"
    } else if text.parse::<http::uri::PathAndQuery>().is_err() {
        "a letter that a path cannot have"
    } else {
        return Some(());
    };
    checker.error(Code::RoutePathEncoding, format!("`{text}` is no path of a request"), span, reason);
    None
}
