//! Which requests a route takes: its methods, its hosts, its path, and what its `match`es ask.

use super::listen::told;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::lang::checker::{Checker, Moment, Typed};
use crate::lang::expr::{Expr, Ref};
use crate::lang::kinds::unlikely_method;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Given, Node};
use crate::logic::{Facts, satisfiable};
use crate::route::segment::TYPE_NAMES;
use crate::route::{HostPattern, Methods, Pattern, Predicate, SegmentType};
use crate::syntax::ast::{Expr as Tree, ExprKind};
use crate::upstream::check as upstream_check;

/// The methods, and the path behind the prefix of the groups around.
pub(super) fn shape(node: &Node<'_>, prefix: Option<&Pattern>, checker: &mut Checker<'_>) -> Option<(Methods, Pattern)> {
    let words = node.all("methods");
    let mut names = Vec::new();
    for given in &words {
        match given.expr.as_word() {
            Some(word) => names.push(word.text.as_str()),
            None => {
                let label = if matches!(given.expr.kind, ExprKind::List(_)) { "a list in brackets" } else { "no method" };
                let found = Diagnostic::new(Code::TypeMismatch, "a method is expected").at(given.expr.span, label);
                checker.report.push(found.help("write `GET`, `GET,POST` or `ANY`"));
                return None;
            }
        }
    }
    let methods = match Methods::parse(names.iter().copied()) {
        Ok(methods) => methods,
        Err(error) => {
            let small = names.iter().any(|name| name.bytes().any(|byte| byte.is_ascii_lowercase()));
            let found = Diagnostic::new(Code::TypeMismatch, error.to_string())
                .at(node.span_of("methods"), if small { "not in capitals" } else { "" })
                .help("methods are written in capitals: `GET,POST`, or `ANY`");
            let capitals: Vec<String> = names.iter().map(|name| name.to_ascii_uppercase()).collect();
            let edits = words.iter().zip(&capitals).map(|(given, text)| Edit { span: given.expr.span, text: text.clone() });
            checker.report.push(match Methods::parse(capitals.iter().map(String::as_str)) {
                Ok(_) => found.fix("write them in capitals", edits.collect()),
                Err(_) => found,
            });
            return None;
        }
    };
    for word in words.iter().filter_map(|given| given.expr.as_word()) {
        unlikely_method(&word.text, word.span).into_iter().for_each(|found| checker.report.push(found));
    }
    let path = node.get("path")?;
    let pattern = upstream_check::pattern(path, checker)?;
    choices_of_types(&pattern, path.expr.span, checker);
    let pattern = match prefix {
        None => pattern,
        Some(prefix) => prefixed(&pattern, prefix, path.expr.span, checker)?,
    };
    Some((methods, pattern))
}

/// The names of a plain path's parameters, where they stand.
pub(super) fn param_names(path: &Tree) -> Vec<(String, Span)> {
    let ExprKind::Path(text) = &path.kind else { return Vec::new() };
    let opens = text.match_indices('{').filter_map(|(at, _)| {
        let name = text.get(at + 1..)?.split([':', '}']).next()?;
        let start = path.span.start as usize + at + 1;
        Some((name.to_owned(), Span::new(path.span.file, start, start + name.len())))
    });
    opens.collect()
}

/// `{id:uuid|int}` takes the two words, and likely the two types were meant.
fn choices_of_types(pattern: &Pattern, span: Span, checker: &mut Checker<'_>) {
    for (name, kind) in pattern.params() {
        let SegmentType::Choice(words) = kind else { continue };
        if let Some(word) = words.iter().find(|word| TYPE_NAMES.contains(&word.as_str())) {
            checker.report.push(
                Diagnostic::new(Code::TypeChoiceOfTypes, format!("`{{{name}:{}}}` takes these words, not types", words.join("|")))
                    .at(span, format!("`{word}` is matched letter by letter"))
                    .help(format!("a choice lists words: for several types write a route each, or an expression: `{{{name}:re\"…\"}}`")),
            );
        }
    }
}

pub(super) fn prefixed(pattern: &Pattern, prefix: &Pattern, span: Span, checker: &mut Checker<'_>) -> Option<Pattern> {
    match pattern.prefixed(prefix) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let mut found =
                Diagnostic::new(Code::TypeMismatch, error.to_string()).at(span, format!("with the prefix `{}` before it", prefix.text()));
            found.help = error.help();
            checker.report.push(found);
            None
        }
    }
}

pub(super) fn hosts(given: Given<'_>, checker: &mut Checker<'_>) -> Vec<HostPattern> {
    let mut found = Vec::new();
    for item in checker.items(given) {
        let Some(Value::Text(text)) = checker.constant(item, Type::Host) else { continue };
        match HostPattern::parse(&text) {
            Ok(host) => found.push(host),
            Err(error) => checker.error(Code::TypeMismatch, error.to_string(), item.expr.span, ""),
        }
    }
    found
}

pub(super) fn matches<'a>(node: &Node<'a>) -> Vec<Given<'a>> {
    node.statements.iter().filter(|inner| inner.form.word == "match").filter_map(|inner| inner.get("condition")).collect()
}

/// All `match` conditions as one expression, and as the atoms that routes are compared by.
pub(super) fn predicate(
    conditions: &[Given<'_>],
    credentials: &[Ref],
    pattern: &Pattern,
    checker: &mut Checker<'_>,
) -> Option<(Expr, Predicate)> {
    let mut all = Vec::new();
    for given in conditions {
        let Some(Typed { expr, span, .. }) = checker.condition(*given, Moment::Match) else { continue };
        if super::order::names_credential(&expr, credentials) {
            checker.report.push(
                Diagnostic::new(Code::RouteMatchCredential, "a route is not chosen by a credential")
                    .at(span, "asks for a credential before anyone has verified it")
                    .help("match on something else, and let `auth` and `require` decide who may pass"),
            );
        }
        match expr {
            Expr::And(inner) => all.extend(inner),
            other => all.push(other),
        }
    }
    let predicate = super::predicate::atoms(&all, pattern);
    match all.len() {
        0 => None,
        1 => all.pop().map(|only| (only, predicate)),
        _ => Some((Expr::And(all), predicate)),
    }
}

/// A route whose `match` conditions cannot hold, or not for its methods, hosts and path.
pub(super) fn empty(conditions: &[Given<'_>], checker: &mut Checker<'_>) {
    let given: Vec<&Expr> = checker.facts.given.iter().collect();
    let facts = Facts::from(&checker.facts);
    if given.is_empty() || satisfiable(facts, &given) != Ok(None) {
        return;
    }
    let by_entrance = satisfiable(Facts { entrances: &[], ..facts }, &given) != Ok(None);
    let help = if by_entrance {
        format!("requests come to routes by {} only: change the `match`, or the listeners", told(&checker.facts.entrances))
    } else {
        "a route takes what its host, methods and path take and all its `match`es hold for: change one of them".to_owned()
    };
    let mut found = Diagnostic::new(Code::RouteEmpty, format!("route `{}` matches no request", checker.facts.route));
    // The innermost condition is the one that can be changed for this route alone.
    for (at, condition) in conditions.iter().rev().enumerate() {
        found =
            if at == 0 { found.at(condition.expr.span, "cannot hold here") } else { found.also(condition.expr.span, "together with this") };
    }
    checker.report.push(found.help(help));
}
