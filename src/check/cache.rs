//! What a cache means together with the rest of its route: whose response it keeps, and which requests it answers.

use super::order::any_reference;
use super::told;
use crate::diag::{Code, Diagnostic, Sources, Span};
use crate::lang::Node;
use crate::lang::checker::{AttributeFact, Checker};
use crate::lang::expr::{Expr, Ref};
use crate::policy::cache::Keep;
use crate::policy::{Config, Effective, cache};
use crate::syntax::ast::{Expr as Tree, ExprKind, TextPart};

/// Words whose statements decide what is kept, in the order they are spoken of.
const TELLING: &[&str] = &["request", "query", "rewrite", "add_prefix", "to", "aggregate", "respond", "redirect", "issue"];

/// What a route is made of.
pub struct Parts<'p, 'a> {
    /// Statements in force.
    pub in_force: &'p [Effective<'a>],
    /// Their configs.
    pub policies: &'p [Config],
    /// Where callers' credentials stand.
    pub credentials: &'p [Ref],
}

impl<'a> Parts<'_, 'a> {
    fn statement(&self, word: &str) -> Option<&Effective<'a>> {
        self.in_force.iter().find(|statement| statement.node.form.word == word)
    }
}

/// Holds the cache of a route against its methods, its callers and its response's fields.
pub fn cache(parts: &Parts<'_, '_>, methods: Span, sources: &Sources, checker: &mut Checker<'_>) {
    let keep = parts.policies.iter().find_map(|config| match config {
        Config::Cache(cache::Config::Keep(keep)) => Some(keep),
        _ => None,
    });
    let (Some(keep), Some(statement)) = (keep, parts.statement("cache")) else { return };
    let all = &checker.facts.methods;
    if !all.is_empty() && !all.iter().any(|method| matches!(method.as_str(), "GET" | "HEAD")) {
        unsafe_method(statement, methods, checker);
        return;
    }
    identity(keep, &statement.node, parts, sources, checker);
    set_cookie(&statement.node, parts, checker);
}

/// A cache of the route's own; an inherited one has nothing to do here.
fn unsafe_method(statement: &Effective<'_>, methods: Span, checker: &mut Checker<'_>) {
    if !statement.site.starts_with("route ") {
        return;
    }
    let names = checker.facts.methods.iter().map(|method| format!("`{method}`")).collect::<Vec<_>>().join(" and ");
    checker.report.push(
        Diagnostic::new(Code::CacheUnsafeMethod, format!("responses to {names} are not kept: only those to `GET` and `HEAD` are"))
            .at(statement.node.span, "keeps nothing here")
            .also(methods, "takes neither `GET` nor `HEAD`")
            .help("leave `cache` out; to drop what other routes keep when this one succeeds, write `cache invalidate [routes]`"),
    );
}

/// What one caller was answered is never another's, unless the file says that it is the same.
fn identity(keep: &Keep, node: &Node<'_>, parts: &Parts<'_, '_>, sources: &Sources, checker: &mut Checker<'_>) {
    let Some(auth) = parts.statement("auth").filter(|_| !keep.shared) else { return };
    let credential = |expr: &Expr| any_reference(expr, &mut |reference| parts.credentials.contains(reference));
    if keep.key.iter().any(credential) {
        return;
    }
    let known = attributes(&checker.facts.attributes, keep.key.iter());
    let told = attributes(&checker.facts.attributes, told::exprs(parts.policies).into_iter());
    let missing: Vec<&AttributeFact> = told.into_iter().filter(|fact| !known.contains(fact)).collect();
    if missing.is_empty() && !known.is_empty() {
        return;
    }
    let by = node.child("by").and_then(|child| child.get("keys"));
    let written: Vec<&str> =
        by.map(|given| checker.items(given)).unwrap_or_default().iter().map(|item| sources.text(item.expr.span)).collect();
    let (at, label) = match by {
        Some(given) if known.is_empty() => (given.expr.span, "but this key does not contain the caller".to_owned()),
        Some(given) => (given.expr.span, format!("but this key does not contain {}", named(&missing))),
        None => (node.span, "but this keeps one response for all callers".to_owned()),
    };
    let mut found = Diagnostic::new(Code::CacheIdentity, "responses for one caller could be served to another")
        .at(at, label)
        .also(auth.node.span, "the route is authenticated");
    if let Some((span, word)) = missing.iter().find_map(|fact| first_use(parts, fact)) {
        let use_of_it = match word {
            "to" => "and who calls decides which upstream answers",
            "respond" | "redirect" | "issue" => "and the response is told who calls",
            _ => "and the upstream is told who calls",
        };
        found = found.also(span, use_of_it);
    }
    let add: Vec<String> = match missing.as_slice() {
        [] => checker.facts.attributes.iter().find(|fact| fact.ty.is_scalar()).map(name).into_iter().collect(),
        missing => missing.iter().map(|fact| name(fact)).collect(),
    };
    let rest = if by.is_some() { written } else { vec!["request.path"] };
    let key = add.iter().map(String::as_str).chain(rest).collect::<Vec<_>>().join(", ");
    found = match add.is_empty() {
        false => found.help(format!("use `by [{key}]`, or `shared` if the body is the same for every allowed caller")),
        true => found.help("write `shared` if the body is the same for every allowed caller, else leave `cache` out"),
    };
    checker.report.push(found);
}

/// `claim.sub`
fn name(fact: &AttributeFact) -> String {
    format!("{}.{}", fact.root, fact.name)
}

fn named(facts: &[&AttributeFact]) -> String {
    facts.iter().map(|fact| format!("`{}`", name(fact))).collect::<Vec<_>>().join(" and ")
}

/// Attributes of the caller that expressions ask for.
fn attributes<'f, 'e>(facts: &'f [AttributeFact], exprs: impl Iterator<Item = &'e Expr>) -> Vec<&'f AttributeFact> {
    let mut found: Vec<&AttributeFact> = Vec::new();
    for expr in exprs {
        any_reference(expr, &mut |reference| {
            if let Ref::Attribute(slots) = reference
                && let Some(fact) = facts.iter().find(|fact| fact.slots == *slots)
                && !found.contains(&fact)
            {
                found.push(fact);
            }
            false
        });
    }
    found
}

/// Where an attribute is first asked for by what decides what is kept, and by which word.
fn first_use(parts: &Parts<'_, '_>, fact: &AttributeFact) -> Option<(Span, &'static str)> {
    TELLING
        .iter()
        .flat_map(|word| parts.in_force.iter().filter(move |statement| statement.node.form.word == *word))
        .find_map(|statement| in_node(&statement.node, fact).map(|span| (span, statement.node.form.word)))
}

fn in_node(node: &Node<'_>, fact: &AttributeFact) -> Option<Span> {
    let own = node.form.slots.iter().flat_map(|slot| node.all(slot.name)).find_map(|given| in_tree(given.expr, fact));
    own.or_else(|| node.children.iter().find_map(|child| in_node(child, fact)))
}

fn in_tree(tree: &Tree, fact: &AttributeFact) -> Option<Span> {
    match &tree.kind {
        ExprKind::Term(term) => match term.path.as_slice() {
            [root, name] if root.text == fact.root && name.text == fact.name => Some(tree.span),
            _ => term.args.iter().flatten().filter_map(|arg| arg.value.as_ref()).find_map(|inner| in_tree(inner, fact)),
        },
        ExprKind::Paren(inner) | ExprKind::Not(inner) => in_tree(inner, fact),
        ExprKind::Binary(left, _, right) => in_tree(left, fact).or_else(|| in_tree(right, fact)),
        ExprKind::List(items) => items.iter().find_map(|inner| in_tree(inner, fact)),
        ExprKind::Text(parts) => parts.iter().find_map(|part| match part {
            TextPart::Interpolation(inner) => in_tree(inner, fact),
            TextPart::Literal(_) => None,
        }),
        ExprKind::Literal(..) | ExprKind::Regex(_) | ExprKind::Path(_) | ExprKind::Url(_) => None,
    }
}

/// A cookie that is set on what a cache keeps.
fn set_cookie(node: &Node<'_>, parts: &Parts<'_, '_>, checker: &mut Checker<'_>) {
    let sets = parts.policies.iter().any(|config| match config {
        Config::Shape(shape) => shape.response.set.iter().chain(&shape.response.add).any(|set| set.name == "set-cookie"),
        _ => false,
    });
    if !sets {
        return;
    }
    let lines =
        parts.in_force.iter().filter(|statement| statement.node.form.word == "response").flat_map(|statement| &statement.node.children);
    let line = lines.into_iter().rfind(|line| {
        let name =
            line.get("name").and_then(|given| given.expr.as_word().map(|word| word.text.as_str()).or_else(|| given.expr.as_plain_text()));
        matches!(line.form.word, "set" | "add") && name.is_some_and(|name| name.eq_ignore_ascii_case("set-cookie"))
    });
    let Some(line) = line else { return };
    checker.report.push(
        Diagnostic::new(Code::CacheSetCookie, "a response that may be kept sets a cookie")
            .at(line.span, "also set on what the cache answers")
            .also(node.span, "what is kept here is answered to many")
            .help("set cookies on a route without `cache`: caches between here and the client may hand one client's cookie to the next"),
    );
}
