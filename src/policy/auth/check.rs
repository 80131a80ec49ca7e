//! Statements to config.

use super::algorithm::Algorithm;
use super::config::{AttributeDecl, AttributeType, Basic, Carrier, Config, Declared, Jwt, Key, Kind, Mode, SingleKey, Terms};
use super::forms::{CLAUSES, clauses};
use super::remote::{self, Issuer, Remote};
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::{Expr, Ref};
use crate::lang::form::Declared as DeclaredKind;
use crate::lang::types::Type;
use crate::lang::{Checker, Node};
use crate::policy::Effective;
use std::time::Duration;

/// `leeway` when it is not written.
const LEEWAY_DEFAULT: Duration = Duration::from_secs(30);
/// Most auths of one `any` or `all`.
const AUTHS_MAX: usize = 16;

/// `auth A`, `auth any [A, B]`, `public "why"`: the innermost is in force.
pub fn statement(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Config> {
    let node = &statements.last()?.node;
    if node.damaged {
        return None;
    }
    if node.form.word == "public" {
        let why = match node.get("why") {
            Some(given) => Some(checker.text(given)?),
            None => None,
        };
        return Some(Config { mode: Mode::Public { why }, auths: Vec::new() });
    }
    let given = node.get("auths")?;
    let items = checker.items(given);
    let mode = match (node.word_in("mode").map(|word| word.text.as_str()), items.len()) {
        (None, 1) => Mode::One,
        (Some("any"), 1..=AUTHS_MAX) => Mode::Any,
        (Some("all"), 1..=AUTHS_MAX) => Mode::All,
        (Some("optional"), 1) => Mode::Optional,
        (None, _) => {
            checker.report.push(
                Diagnostic::new(Code::SchemaArity, "several auths need a word that says how many of them")
                    .at(given.expr.span, "one name is expected")
                    .help("write `auth any [A, B]` when one is enough, `auth all [A, B]` when each must identify the caller"),
            );
            return None;
        }
        (Some("optional"), _) => {
            checker.error(Code::SchemaArity, "`auth optional` takes one auth", given.expr.span, "one name is expected");
            return None;
        }
        (Some(_), _) => {
            checker.error(Code::SchemaArity, format!("between 1 and {AUTHS_MAX} auths are expected"), given.expr.span, "");
            return None;
        }
    };
    let found: Vec<Option<usize>> = items.into_iter().map(|item| checker.declared(item, DeclaredKind::Auth)).collect();
    let mut auths = Vec::new();
    for index in found {
        let index = u16::try_from(index?).ok()?;
        if !auths.contains(&index) {
            auths.push(index);
        }
    }
    Some(Config { mode, auths })
}

/// `auth KIND NAME { … }`. `None` when something was reported that leaves it unusable.
pub fn declare(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Declared> {
    if node.damaged {
        return None;
    }
    let name = node.word_in("name")?.text.clone();
    let kind = node.word_in("kind")?;
    let strangers = foreign(node, &kind.text, checker);
    let forward = node.child("forward").is_some();
    let (kind, attributes) = match kind.text.as_str() {
        "jwt" => {
            let attributes = attributes(node, "claims", checker);
            (jwt(node, checker)?, attributes?)
        }
        "key" => {
            let mut attributes = attributes(node, "attributes", checker)?;
            owner(&mut attributes, node, checker)?;
            (Kind::Key(key(node, &attributes, checker)?), attributes)
        }
        "forward" => {
            let service = remote::check::forward(node, checker)?;
            // Where nothing is copied, nothing is known of the caller.
            let attributes = service.copy.first().map(|_| AttributeDecl::text("name")).into_iter().collect();
            (Kind::Remote(Remote::Forward(service)), attributes)
        }
        "introspect" => {
            let attributes = attributes(node, "claims", checker);
            (Kind::Remote(Remote::Introspect(remote::check::introspect(node, checker)?)), attributes?)
        }
        _ => {
            let users = required(node, "users", "auth basic", checker)?.get("source")?;
            (Kind::Basic(Basic { users: checker.secret(users)? }), vec![AttributeDecl::text("name")])
        }
    };
    (!strangers).then_some(Declared { name, kind, attributes, forward })
}

/// Reports clauses of other kinds of auths.
fn foreign(node: &Node<'_>, kind: &str, checker: &mut Checker<'_>) -> bool {
    let own = clauses(kind);
    let mut found = false;
    for child in node.children.iter().filter(|child| !own.contains(&child.form.word)) {
        let homes: Vec<String> =
            CLAUSES.iter().filter(|(_, clauses)| clauses.contains(&child.form.word)).map(|(home, _)| format!("`auth {home}`")).collect();
        checker.report.push(
            Diagnostic::new(Code::SchemaWrongBlock, format!("`{}` has no meaning in `auth {kind}`", child.name))
                .at(child.word, "not here")
                .help(format!("it belongs in {}", homes.join(" or "))),
        );
        found = true;
    }
    found
}

/// A clause that this kind of auth cannot do without.
pub(super) fn required<'n, 'a>(node: &'n Node<'a>, word: &str, parent: &str, checker: &mut Checker<'_>) -> Option<&'n Node<'a>> {
    let found = node.child(word);
    if found.is_none() {
        checker.report.push(
            Diagnostic::new(Code::SchemaMissingKey, format!("`{parent}` needs `{word}`"))
                .at(node.span, format!("without `{word}`"))
                .help(format!("add `{word}`: {}", node.form.child(word).map_or("", |form| of_kind(form.doc, parent)))),
        );
    }
    found
}

/// What the description of a clause says for one kind of auth: `jwt: …; key: …` by its part.
fn of_kind<'d>(doc: &'d str, parent: &str) -> &'d str {
    let kind = parent.strip_prefix("auth ").unwrap_or(parent);
    doc.split("; ").find_map(|part| part.strip_prefix(kind)?.strip_prefix(": ")).unwrap_or(doc)
}

/// Reports keys from more than one place: only one of them would count.
fn several_sources(node: &Node<'_>, checker: &mut Checker<'_>) -> bool {
    let mut sources = node.children.iter().filter(|child| matches!(child.form.word, "key" | "public_key" | "jwks"));
    let (Some(first), Some(second)) = (sources.next(), sources.next()) else { return false };
    checker.report.push(
        Diagnostic::new(Code::SchemaArity, "an `auth jwt` has its keys from one place, not from several")
            .at(second.span, "and from here")
            .also(first.span, "its keys come from here")
            .help(
                "keep one of them; to take tokens of both, declare an `auth jwt` for each, and write `auth any [one, other]` on the route",
            ),
    );
    true
}

fn jwt(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Kind> {
    if several_sources(node, checker) {
        return None;
    }
    let outside = node.child("jwks").or_else(|| node.child("public_key"));
    let algorithms = algorithms(node, outside, checker);
    let keys = outside.map(|outside| remote::check::issuer_keys(outside, checker));
    let key = match (outside, node.child("key")) {
        (Some(_), _) => None,
        (None, Some(key)) if key.has("its_secret") || !key.children.is_empty() => {
            checker.error(Code::SchemaArity, "the key of an `auth jwt` has no name and no attributes", key.span, "write `key env(\"…\")`");
            None
        }
        (None, Some(key)) => key.get("name_or_secret").and_then(|given| checker.secret(given)),
        (None, None) => {
            required(node, "key", "auth jwt", checker);
            None
        }
    };
    let texts = |word: &str, slot: &str, checker: &mut Checker<'_>| match node.child(word).and_then(|child| child.get(slot)) {
        Some(given) => checker.texts(given),
        None => Some(Vec::new()),
    };
    let issuer = texts("issuer", "issuer", checker);
    let audience = texts("audience", "audience", checker);
    if let (Some(stranger), None) = (outside.or_else(|| node.child("issuer")), node.child("audience")) {
        checker.report.push(
            Diagnostic::new(Code::AuthNoAudience, "tokens of this issuer are accepted whoever they are meant for")
                .at(stranger.span, "no `audience` beside it")
                .help("add `audience [\"this-api\"]`: a token for another service of the same issuer is then refused (RFC 8725 §3.9)"),
        );
    }
    let leeway = match node.child("leeway").and_then(|child| child.get("time")) {
        Some(given) => checker.duration(given),
        None => Some(LEEWAY_DEFAULT),
    };
    let from = carriers(node, "jwt", checker);
    let terms = Terms { algorithms: algorithms?, issuer: issuer?, audience: audience?, leeway: leeway?, from: from? };
    Some(match keys {
        Some(keys) => Kind::Remote(Remote::Issuer(Issuer { keys: keys?, terms })),
        None => Kind::Jwt(Jwt { key: key?, terms }),
    })
}

/// The algorithms that an `auth jwt` lists. Those of public keys are never symmetric, and one key serves one family.
fn algorithms(node: &Node<'_>, public: Option<&Node<'_>>, checker: &mut Checker<'_>) -> Option<Vec<Algorithm>> {
    let words = match node.child("algorithms").and_then(|child| child.get("list")) {
        Some(given) => checker.words(given)?,
        None => Vec::new(),
    };
    if words.is_empty() {
        checker.report.push(
            Diagnostic::new(Code::AuthAlgorithmMissing, "a jwt auth must say which algorithms it accepts")
                .at(node.child("algorithms").map_or(node.span, |child| child.span), "none is named")
                .help("add `algorithms [HS256]`: a token's own word for its algorithm is never believed (RFC 8725 §3.1)"),
        );
        return None;
    }
    let mut algorithms: Vec<(Algorithm, Span)> = Vec::new();
    let mut sound = true;
    for (word, span) in words {
        let finding = match Algorithm::ALL.iter().find(|algorithm| algorithm.name() == word) {
            Some(symmetric) if symmetric.is_symmetric() && public.is_some() => {
                Diagnostic::new(Code::AuthWeakAlgorithm, format!("`{word}` beside a public key"))
                    .at(span, "who knows the public key could sign with it")
                    .also(public.map_or(span, |public| public.span), "this key is public")
                    .help("list only algorithms of the key's own family, such as `ES256` (RFC 8725 §3.2)")
            }
            Some(algorithm) => {
                let other = algorithms.iter().find(|(other, _)| public.is_none() && other.family() != algorithm.family());
                match other {
                    None => {
                        if algorithms.iter().all(|(known, _)| known != algorithm) {
                            algorithms.push((*algorithm, span));
                        }
                        continue;
                    }
                    Some((other, first)) => {
                        Diagnostic::new(Code::AuthWeakAlgorithm, format!("`{word}` and `{}` need different keys", other.name()))
                            .at(span, format!("a key of {}", algorithm.family().name()))
                            .also(*first, format!("a key of {}", other.family().name()))
                            .help("one `key` serves the algorithms of one family: leave out the others (RFC 8725 §3.1)")
                    }
                }
            }
            None if word.eq_ignore_ascii_case("none") => Diagnostic::new(Code::AuthWeakAlgorithm, "`none` is no signature")
                .at(span, "anyone could write such a token")
                .help("list the algorithm your issuer signs with, such as `HS256`"),
            None => {
                let near = crate::diag::suggest::nearest(&word, Algorithm::ALL.iter().map(|known| known.name()));
                let found = Diagnostic::new(Code::TypeEnum, format!("`{word}` is no signature algorithm that is known here")).at(span, "");
                let known = || Algorithm::ALL.iter().map(|known| format!("`{}`", known.name())).collect::<Vec<_>>().join(", ");
                found.help(near.map_or_else(|| format!("known: {}", known()), |near| format!("did you mean `{near}`?")))
            }
        };
        checker.report.push(finding);
        sound = false;
    }
    sound.then(|| algorithms.into_iter().map(|(algorithm, _)| algorithm).collect())
}

fn key(node: &Node<'_>, attributes: &[AttributeDecl], checker: &mut Checker<'_>) -> Option<Key> {
    let from = carriers(node, "key", checker);
    let keys: Option<Vec<_>> =
        node.children_of("keys").filter_map(|child| child.get("source")).map(|given| checker.secret(given)).collect();
    let single: Vec<Option<SingleKey>> = node.children_of("key").map(|child| single_key(child, attributes, checker)).collect();
    let (keys, single): (_, Option<Vec<_>>) = (keys?, single.into_iter().collect());
    let single = single?;
    if keys.is_empty() && single.is_empty() {
        required(node, "keys", "auth key", checker);
        return None;
    }
    Some(Key { from: from?, keys, single })
}

fn single_key(node: &Node<'_>, attributes: &[AttributeDecl], checker: &mut Checker<'_>) -> Option<SingleKey> {
    let (Some(name), Some(secret)) = (node.word_in("name_or_secret"), node.get("its_secret")) else {
        checker.report.push(
            Diagnostic::new(Code::SchemaArity, "an API key needs its owner's name and a secret")
                .at(node.span, "")
                .help("write `key acme env(\"ACME_KEY\")`"),
        );
        return None;
    };
    let secret = checker.secret(secret)?;
    let mut given = Vec::new();
    for row in &node.children {
        let Some(attribute) = attributes.iter().skip(1).find(|attribute| attribute.name == row.name) else {
            checker.error(Code::TypeUnknownClaim, format!("no attribute is called `{}`", row.name), row.word, "declare it in `attributes`");
            return None;
        };
        let value = checker.constant(row.get("value")?, attribute.expression_type().present().clone())?;
        given.push((attribute.name.clone(), value));
    }
    let missing = attributes
        .iter()
        .skip(1)
        .find(|attribute| !attribute.optional && attribute.default.is_none() && given.iter().all(|(name, _)| *name != attribute.name));
    if let Some(missing) = missing {
        checker.error(
            Code::SchemaMissingKey,
            format!("the key `{}` needs the attribute `{}`", name.text, missing.name),
            node.span,
            format!("without `{}`", missing.name),
        );
        return None;
    }
    Some(SingleKey { name: name.text.clone(), secret, attributes: given })
}

/// `key.name` is always there, and first.
fn owner(attributes: &mut Vec<AttributeDecl>, node: &Node<'_>, checker: &mut Checker<'_>) -> Option<()> {
    match attributes.iter().position(|attribute| attribute.name == "name") {
        None => attributes.insert(0, AttributeDecl::text("name")),
        Some(at) => {
            let declared = attributes.remove(at);
            if declared != AttributeDecl::text("name") {
                let span = node.child("attributes").map_or(node.span, |child| child.span);
                checker.error(
                    Code::TypeMismatch,
                    "`name` of a key is a `str` that is always there",
                    span,
                    "write `name str`, or leave it out",
                );
                return None;
            }
            attributes.insert(0, declared);
        }
    }
    Some(())
}

fn carriers(node: &Node<'_>, kind: &str, checker: &mut Checker<'_>) -> Option<Vec<Carrier>> {
    let Some(given) = node.child("from").and_then(|child| child.get("places")) else {
        let name = if kind == "jwt" { http::header::AUTHORIZATION } else { http::HeaderName::from_static("x-api-key") };
        return Some(vec![Carrier::Header(name)]);
    };
    let mut carriers = Vec::new();
    for item in checker.items(given) {
        let want = Want { ty: Some(Type::Str.optional()), by: Moment::Match, spot: Spot::Plain, response: false };
        let carrier = match checker.typed(item, &want)?.expr {
            Expr::Ref(Ref::Header(name)) => Carrier::Header(name),
            Expr::Ref(Ref::Cookie(name)) => Carrier::Cookie(name),
            Expr::Ref(Ref::Query(name)) if kind == "key" => {
                checker.report.push(
                    Diagnostic::new(Code::AuthKeyInQuery, "a key in the query ends up in logs, histories and caches")
                        .at(item.expr.span, "part of every address that is kept")
                        .help("ask for it in a field: `from header(\"x-api-key\")`"),
                );
                Carrier::Query(name)
            }
            _ => {
                checker.error(
                    Code::TypeMismatch,
                    "a credential stands in a field or a cookie",
                    item.expr.span,
                    "write `header(\"…\")` or `cookie(\"…\")`",
                );
                return None;
            }
        };
        if !carriers.contains(&carrier) {
            carriers.push(carrier);
        }
    }
    if carriers.is_empty() {
        checker.error(Code::SchemaArity, "`from` names no place", given.expr.span, "at least one is needed");
        return None;
    }
    Some(carriers)
}

fn attributes(node: &Node<'_>, word: &str, checker: &mut Checker<'_>) -> Option<Vec<AttributeDecl>> {
    let mut found: Vec<(AttributeDecl, Span)> = Vec::new();
    let mut sound = true;
    for row in node.child(word).map_or(&[][..], |child| &child.children) {
        let Some(attribute) = attribute(row, checker) else {
            sound = false;
            continue;
        };
        if let Some((_, first)) = found.iter().find(|(known, _)| known.name == attribute.name) {
            checker.report.push(
                Diagnostic::new(Code::NameDuplicate, format!("`{}` is declared twice", attribute.name))
                    .at(row.word, "here again")
                    .also(*first, "first here"),
            );
            sound = false;
            continue;
        }
        found.push((attribute, row.word));
    }
    sound.then(|| found.into_iter().map(|(attribute, _)| attribute).collect())
}

fn attribute(row: &Node<'_>, checker: &mut Checker<'_>) -> Option<AttributeDecl> {
    let given = row.get("type")?;
    let written = checker.type_in(given)?;
    let ty = match written.present() {
        Type::Bool => AttributeType::Bool,
        Type::Int => AttributeType::Int,
        Type::Str => AttributeType::Text,
        Type::Enum(choices) => AttributeType::Enum(choices.to_vec()),
        Type::Set(member) | Type::List(member) if **member == Type::Str => AttributeType::Set,
        other => {
            checker.report.push(
                Diagnostic::new(Code::TypeMismatch, format!("`{}` cannot be a `{other}`", row.name))
                    .at(given.expr.span, "")
                    .help("it is `str`, `int`, `bool`, `enum(a, b)` or `set<str>`, with `?` when it may be missing"),
            );
            return None;
        }
    };
    // A default that is none leaves the claim declared, so that what is said of claims is checked all the same.
    let default = row.get("default").and_then(|default| checker.constant(default, written.present().clone()));
    let source = match row.child("from").and_then(|child| child.get("source")) {
        Some(source) => checker.text(source)?,
        None => row.name.to_owned(),
    };
    Some(AttributeDecl { name: row.name.to_owned(), ty, optional: written.is_optional() && row.get("default").is_none(), default, source })
}
