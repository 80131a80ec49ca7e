//! What a cache means together with the rest of its route: whose response it keeps, and which requests it answers.

use crate::diag::{Code, Diagnostic, Sources, Span};
use crate::lang::Node;
use crate::lang::checker::{AttributeFact, Checker};
use crate::lang::expr::{Ref, SlotNames};
use crate::policy::auth::{Declared, Kind, Remote};
use crate::policy::cache::Keep;
use crate::policy::{Config, Effective, cache, told};
use crate::syntax::ast::{Expr as Tree, ExprKind, Term, TextPart};

/// Words whose statements decide what is kept, in the order they are spoken of.
const TELLING: &[&str] = &["request", "query", "rewrite", "add_prefix", "to", "aggregate", "respond", "redirect", "issue"];

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
    if keep.shared {
        return;
    }
    let facts = &checker.facts.attributes;
    let has_credential = keep.key.iter().any(|expr| expr.mentions(|reference| parts.credentials.contains(reference)));
    // Narrower than what is a caller's own: where a route is authenticated, an address or a certificate may be that of many.
    let identifies = has_credential || keep.key.iter().any(|expr| expr.mentions(|of| matches!(of, Ref::Attribute(_))));
    let flag_keys = &checker.names.flag_keys;
    let mut missing =
        told::missing(&told::exprs(parts.policies, &keep.key), &keep.key, |index| flag_keys.get(usize::from(index))?.as_ref());
    missing.retain(|reference| !(has_credential && matches!(reference, Ref::Attribute(_))));
    let auth = parts.statement("auth");
    if missing.is_empty() && (identifies || auth.is_none()) {
        return;
    }
    let names = Attributes(facts);
    let add: Vec<String> = match missing.as_slice() {
        [] => facts.iter().find(|fact| fact.ty.is_scalar()).map(|fact| format!("{}.{}", fact.root, fact.name)).into_iter().collect(),
        missing => missing.iter().map(|reference| reference.spelled(&names)).collect(),
    };
    let by = node.child("by").and_then(|child| child.get("keys"));
    let written: Vec<&str> =
        by.map(|given| checker.items(given)).unwrap_or_default().iter().map(|item| sources.text(item.expr.span)).collect();
    let (at, label) = match by {
        Some(given) if auth.is_some() && !identifies => (given.expr.span, "but this key does not contain the caller".to_owned()),
        Some(given) => {
            let lacks = add.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
            (given.expr.span, format!("but this key does not contain {lacks}"))
        }
        None => (node.span, "but this keeps one response for all callers".to_owned()),
    };
    let mut found = Diagnostic::new(Code::CacheIdentity, "responses for one caller could be served to another").at(at, label);
    if let Some(auth) = auth {
        found = found.also(auth.node.span, "the route is authenticated");
    }
    if let Some((span, word, reference)) = missing.iter().find_map(|reference| first_use(parts, &reference.spelled(&names), reference)) {
        let what = match reference {
            Ref::Attribute(_) => "who calls".to_owned(),
            other => format!("`{}`", other.spelled(&names)),
        };
        let and = if auth.is_some() { "and " } else { "" };
        let use_of_it = match word {
            "to" => format!("{and}{what} decides which upstream answers"),
            "respond" | "redirect" | "issue" => format!("{and}the response says {what}"),
            _ => format!("{and}the upstream is told {what}"),
        };
        found = found.also(span, use_of_it);
    }
    // Path and query are part of the key as they are; a `by` that names the path would take the query out.
    let with = |add: &[String]| add.iter().map(String::as_str).chain(written.iter().copied()).collect::<Vec<_>>().join(", ");
    let who = if auth.is_some() { "allowed caller" } else { "caller" };
    found = found.help(match (add.is_empty(), parts.token()) {
        (false, _) => format!("use `by [{}]`, or `shared` if the body is the same for every {who}", with(&add)),
        (true, Some(token)) => format!(
            "add `claims {{ sub str }}` to the auth `{}` and use `by [{}]`, or `shared` if the body is the same for every {who}",
            token.name,
            with(&["claim.sub".to_owned()])
        ),
        (true, None) => format!("write `shared` if the body is the same for every {who}, else leave `cache` out"),
    });
    checker.report.push(found);
}

/// How attributes of the caller are written.
struct Attributes<'f>(&'f [AttributeFact]);

impl SlotNames for Attributes<'_> {
    fn param(&self, _: u16) -> Option<&str> {
        None
    }

    fn attribute(&self, slots: &[(u16, u16)]) -> Option<(&str, &str)> {
        self.0.iter().find(|fact| fact.slots == slots).map(|fact| (fact.root, fact.name.as_str()))
    }
}

/// Where a reference first stands in what decides what is kept, and by which word.
fn first_use<'r>(parts: &Parts<'_, '_>, spelled: &str, reference: &'r Ref) -> Option<(Span, &'static str, &'r Ref)> {
    TELLING
        .iter()
        .flat_map(|word| parts.in_force.iter().filter(move |statement| statement.node.form.word == *word))
        .find_map(|statement| in_node(&statement.node, spelled).map(|span| (span, statement.node.form.word, reference)))
}

fn in_node(node: &Node<'_>, spelled: &str) -> Option<Span> {
    let own = node.form.slots.iter().flat_map(|slot| node.all(slot.name)).find_map(|given| in_tree(given.expr, spelled));
    own.or_else(|| node.children.iter().find_map(|child| in_node(child, spelled)))
}

/// Names of fields are the same in upper and lower case; a cookie of another case is not found, and then not pointed at.
fn is_written(term: &Term, spelled: &str) -> bool {
    let path = term.path.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
    let args: Option<Vec<&str>> =
        term.args.iter().flatten().map(|arg| arg.value.as_ref().and_then(|value| value.as_plain_text())).collect();
    match args.as_deref() {
        Some([]) => path == spelled,
        Some([name]) if path == "header" => format!("header(\"{}\")", name.to_ascii_lowercase()) == spelled,
        Some([name]) => format!("{path}(\"{name}\")") == spelled,
        Some(_) | None => false,
    }
}

fn in_tree(tree: &Tree, spelled: &str) -> Option<Span> {
    match &tree.kind {
        ExprKind::Term(term) if is_written(term, spelled) => Some(tree.span),
        ExprKind::Term(term) => term.args.iter().flatten().filter_map(|arg| arg.value.as_ref()).find_map(|inner| in_tree(inner, spelled)),
        ExprKind::Paren(inner) | ExprKind::Not(inner) => in_tree(inner, spelled),
        ExprKind::Binary(left, _, right) => in_tree(left, spelled).or_else(|| in_tree(right, spelled)),
        ExprKind::List(items) => items.iter().find_map(|inner| in_tree(inner, spelled)),
        ExprKind::Text(parts) => parts.iter().find_map(|part| match part {
            TextPart::Interpolation(inner) => in_tree(inner, spelled),
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
