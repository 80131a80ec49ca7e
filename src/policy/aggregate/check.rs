//! Reads `aggregate`.

use super::{Config, Part};
use crate::diag::{Code, Diagnostic};
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::{Expr, Piece};
use crate::lang::form::Declared;
use crate::lang::value::Value;
use crate::lang::{Checker, Given, Node};
use crate::policy::page::{self, Format};
use crate::policy::pointer::{field, take};

pub(super) fn check(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let nodes: Vec<&Node<'_>> = node.children_of("part").collect();
    if nodes.is_empty() && !node.damaged {
        checker.report.push(
            Diagnostic::new(Code::SchemaMissingKey, "`aggregate` needs a `part`")
                .at(node.span, "asks nobody")
                .help("add `part NAME GET \"/path\" -> upstream`"),
        );
    }
    let read: Vec<Option<Part>> = nodes.iter().map(|node| part(node, checker)).collect();
    let mut parts: Vec<Part> = Vec::new();
    for (part, node) in read.into_iter().zip(&nodes) {
        let part = part?;
        if let Some(at) = parts.iter().position(|other| other.name == part.name) {
            let first = nodes.get(at).map_or(node.span, |first| first.span_of("name"));
            checker.report.push(
                Diagnostic::new(Code::NameDuplicate, format!("two parts are called `{}`", part.name))
                    .at(node.span_of("name"), "here again")
                    .also(first, "first here"),
            );
            return None;
        }
        parts.push(part);
    }
    (!parts.is_empty()).then_some(Config { parts })
}

fn part(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Part> {
    let name = field(node.get("name")?, checker);
    let method = node.get("method").and_then(|given| method(given, checker));
    let target = node.get("path").and_then(|given| target(given, checker));
    let upstream = node.get("upstream").and_then(|given| checker.declared(given, Declared::Upstream));
    let body = match node.child("body").and_then(|child| child.get("text")) {
        Some(given) => page::text(given, Format::Json, Moment::Body, checker).map(Some),
        None => Some(None),
    };
    if let (Some(body), Some("GET")) = (node.child("body"), method.as_deref()) {
        checker.report.push(
            Diagnostic::new(Code::TypeMismatch, "a GET sends no body")
                .at(body.span, "nobody would read this")
                .also(node.span_of("method"), "the method")
                .help("write `POST`, or whatever method the upstream takes a body with"),
        );
        return None;
    }
    let take = take(node, checker);
    let optional = node.child("optional");
    let default = match optional {
        Some(optional) => default(optional, checker).map(Some),
        None => Some(None),
    };
    let within = within(node, optional, checker);
    Some(Part {
        name: name?,
        method: method?,
        target: target?,
        upstream: u16::try_from(upstream?).ok()?,
        body: body?,
        take: take?,
        default: default?,
        within: within?,
    })
}

fn method(given: Given<'_>, checker: &mut Checker<'_>) -> Option<String> {
    let written = field(given, checker)?;
    if matches!(written.as_str(), "HEAD" | "CONNECT" | "TRACE" | "OPTIONS" | "ANY")
        || !written.bytes().all(|byte| byte.is_ascii_uppercase())
    {
        checker.report.push(
            Diagnostic::new(Code::TypeMismatch, format!("`{written}` is no method that answers with JSON"))
                .at(given.expr.span, "")
                .help("write one method, such as `GET` or `POST`"),
        );
        return None;
    }
    Some(written)
}

fn target(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Expr> {
    let typed = checker.typed(given, &Want { ty: None, by: Moment::Body, spot: Spot::Url, response: false })?;
    let sound = match &typed.expr {
        Expr::Const(Value::Text(text)) => text.starts_with('/') && !text.contains(['{', '*', '#']),
        Expr::Text(pieces) => match pieces.first() {
            Some(Piece::Literal(text)) => text.starts_with('/'),
            _ => true,
        },
        _ => false,
    };
    if !sound {
        checker.report.push(
            Diagnostic::new(Code::RoutePathEncoding, "a part asks for a path of its upstream")
                .at(typed.span, "not a path")
                .help("begin it with `/`, and write parameters as `${param.name}` in a string"),
        );
        return None;
    }
    Some(typed.expr)
}

fn default(optional: &Node<'_>, checker: &mut Checker<'_>) -> Option<String> {
    let Some(given) = optional.child("default").and_then(|child| child.get("json")) else { return Some("null".to_owned()) };
    let text = checker.text(given)?;
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        checker.error(Code::TypeMismatch, "the default is not JSON", given.expr.span, error.to_string());
        return None;
    }
    Some(text)
}

fn within(node: &Node<'_>, optional: Option<&Node<'_>>, checker: &mut Checker<'_>) -> Option<Option<std::time::Duration>> {
    let (outer, inner) = (node.child("within"), optional.and_then(|optional| optional.child("within")));
    if let (Some(outer), Some(inner)) = (outer, inner) {
        checker.report.push(
            Diagnostic::new(Code::SchemaRepeated, "`within` of one part is written twice")
                .at(outer.span, "here again")
                .also(inner.span, "first here"),
        );
        return None;
    }
    let Some(given) = outer.or(inner).and_then(|child| child.get("time")) else { return Some(None) };
    let time = checker.duration(given)?;
    if time.is_zero() {
        checker.error(Code::TypeRange, "a part needs some time", given.expr.span, "nothing is done within 0");
        return None;
    }
    Some(Some(time))
}
