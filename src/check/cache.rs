//! What a cache means together with the rest of its route: whose response it keeps, and which requests it answers.

use super::order::any_reference;
use crate::diag::{Code, Diagnostic, Sources, Span};
use crate::lang::Node;
use crate::lang::checker::{AttributeFact, Checker};
use crate::lang::expr::{Expr, Ref};
use crate::policy::auth::{Declared, Kind, Remote};
use crate::policy::cache::Keep;
use crate::policy::{Config, Effective, aggregate, cache, shape, to};
use crate::syntax::ast::{Expr as Tree, ExprKind, TextPart};

/// Words whose statements decide what the upstream is asked, in the order they are spoken of.
const ASKING: &[&str] = &["request", "query", "rewrite", "add_prefix", "to", "aggregate"];

/// What a route is made of.
pub struct Parts<'p, 'a> {
    /// Statements in force.
    pub in_force: &'p [Effective<'a>],
    /// Their configs.
    pub policies: &'p [Config],
    /// The declared auths, where none is broken.
    pub auths: Option<&'p [Declared]>,
    /// Where callers' credentials stand.
    pub credentials: &'p [Ref],
}

impl<'a> Parts<'_, 'a> {
    fn statement(&self, word: &str) -> Option<&Effective<'a>> {
        self.in_force.iter().find(|statement| statement.node.form.word == word)
    }

    /// The auth of the route that could tell claims.
    fn token(&self) -> Option<&Declared> {
        let tells = |declared: &&Declared| match declared.kind {
            Kind::Jwt(_) | Kind::Remote(Remote::Issuer(_) | Remote::Introspect(_)) => true,
            Kind::Key(_) | Kind::Basic(_) | Kind::Remote(Remote::Forward(_)) => false,
        };
        let in_force = self.policies.iter().filter_map(|config| match config {
            Config::Auth(config) => Some(&config.auths),
            _ => None,
        });
        in_force.flatten().filter_map(|index| self.auths?.get(usize::from(*index))).find(tells)
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
    let told = told(parts.policies, &checker.facts.attributes);
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
        let use_of_it = if word == "to" { "and who calls decides which upstream answers" } else { "and the upstream is told who calls" };
        found = found.also(span, use_of_it);
    }
    let add: Vec<String> = match missing.as_slice() {
        [] => checker.facts.attributes.iter().find(|fact| fact.ty.is_scalar()).map(name).into_iter().collect(),
        missing => missing.iter().map(|fact| name(fact)).collect(),
    };
    let rest = if by.is_some() { written } else { vec!["request.path"] };
    let key = add.iter().map(String::as_str).chain(rest).collect::<Vec<_>>().join(", ");
    found = found.help(match (add.is_empty(), parts.token()) {
        (false, _) => format!("use `by [{key}]`, or `shared` if the body is the same for every allowed caller"),
        (true, Some(token)) => format!(
            "add `claims {{ sub str }}` to the auth `{}` and use `by [claim.sub, {key}]`, or `shared` if the body is the same for every \
             allowed caller",
            token.name
        ),
        (true, None) => "write `shared` if the body is the same for every allowed caller, else leave `cache` out".to_owned(),
    });
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

/// Attributes of the caller that decide what is asked of which upstream.
fn told<'f>(policies: &[Config], facts: &'f [AttributeFact]) -> Vec<&'f AttributeFact> {
    let mut exprs: Vec<&Expr> = Vec::new();
    for policy in policies {
        match policy {
            Config::Shape(shape) => shaping(shape, &mut exprs),
            Config::To(to) => choosing(to, &mut exprs),
            Config::Aggregate(aggregate::Config { parts }) => {
                exprs.extend(parts.iter().flat_map(|part| part.body.iter().chain([&part.target])))
            }
            _ => {}
        }
    }
    attributes(facts, exprs.into_iter())
}

fn shaping<'e>(shape: &'e shape::Config, exprs: &mut Vec<&'e Expr>) {
    let lines = [&shape.request, &shape.query];
    let choices = lines.into_iter().flat_map(|lines| lines.set.iter().chain(&lines.add)).flat_map(|set| &set.choices);
    for choice in choices {
        exprs.push(&choice.value);
        exprs.extend(&choice.when);
    }
    exprs.extend(shape.request_body.iter().flat_map(|body| &body.set).map(|(_, value)| value));
    match &shape.path {
        shape::Path::Prefix { add, .. } => exprs.extend(add),
        shape::Path::Rewrite(path) => exprs.push(path),
        shape::Path::Keep => {}
    }
}

fn choosing<'e>(to: &'e to::Config, exprs: &mut Vec<&'e Expr>) {
    exprs.extend(to.arms.iter().map(|arm| &arm.when));
    if let Some(to::Choice::Split { sticky: Some(key), .. }) = &to.otherwise {
        exprs.push(key);
    }
}

/// Where an attribute is first asked for by what decides what the upstream is asked, and by which word.
fn first_use(parts: &Parts<'_, '_>, fact: &AttributeFact) -> Option<(Span, &'static str)> {
    ASKING
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
