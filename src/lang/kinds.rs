//! What values of some kinds may be asked: which have an order, and which words are methods.

use super::checker::{Moment, Typed};
use super::expr::{Expr, Piece, Ref};
use super::literal::LiteralError;
use super::types::Type;
use super::value::Value;
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::syntax::ast::Ident;
use std::borrow::Cow;

/// What is wrong with ordering a value: numbers, times and text have an order, of statuses only single ones.
pub(super) fn unordered(side: &Typed) -> Option<Diagnostic> {
    let class = matches!(&side.expr, Expr::Const(Value::Status(low, high)) if low != high);
    let ordered = matches!(side.ty, Type::Int | Type::Size | Type::Duration | Type::Status | Type::Str | Type::Date);
    if ordered && !class {
        return None;
    }
    let message = if class { "a class of statuses has no order".to_owned() } else { format!("`{}` has no order", side.ty) };
    let help = match side.ty {
        Type::Status => "compare with one status, such as `>= 500`, or ask `in 5xx`",
        Type::Ip | Type::Cidr => "ask for a network: `client.ip in [10.0.0.0/8]`",
        _ => "it can be compared with `==`, `!=` and `in` only",
    };
    Some(Diagnostic::new(Code::TypeMismatch, message).at(side.span, format!("`{}`", side.ty)).help(help))
}

/// A method as the language writes it: names are case-sensitive (RFC 9110 §9.1), those in use are in capitals.
pub(super) fn is_method(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '-')
}

/// The finding on a word that is none of the choices.
pub(super) fn no_choice(written: &str, choices: &[String], span: Span) -> Diagnostic {
    let all = choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
    let found = Diagnostic::new(Code::TypeEnum, format!("`{written}` is none of the choices")).at(span, format!("one of {all}"));
    match near(written, choices.iter().map(String::as_str)) {
        Some(near) => found.maybe(near.word),
        None => found,
    }
}

/// The finding on a word that is no method.
pub(super) fn no_method(written: &str, span: Span) -> Diagnostic {
    let found = Diagnostic::new(Code::TypeMismatch, format!("`{written}` is no method")).at(span, "not in capitals");
    let found = found.help("methods are written in capitals, such as `GET`");
    let capitals = written.to_ascii_uppercase();
    if written == capitals {
        return found;
    }
    found.fix(format!("write `{capitals}`"), vec![Edit { span, text: capitals }])
}

/// The warning on a method that is likely a common one misspelt. Any token is a method (RFC 9110 §9.1), so it stays one.
#[must_use]
pub fn unlikely_method(written: &str, span: Span) -> Option<Diagnostic> {
    const COMMON: &[&str] = &["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    /// Registered ones, which are meant as they are.
    const REGISTERED: &[&str] =
        &["CONNECT", "TRACE", "ANY", "BIND", "COPY", "LINK", "LOCK", "MOVE", "ACL", "PRI", "PURGE", "QUERY", "SEARCH", "LABEL"];
    if COMMON.contains(&written) || REGISTERED.contains(&written) {
        return None;
    }
    let near = near(written, COMMON.iter().copied())?;
    let found = Diagnostic::new(Code::TypeUnlikelyMethod, format!("the method `{written}` is an unusual one")).at(span, "taken as it is");
    Some(found.meant(span, written, near.word, near.sure))
}

/// Types as other languages call them.
const FOREIGN_TYPES: &[(&str, &str)] = &[
    ("string", "str"),
    ("text", "str"),
    ("integer", "int"),
    ("number", "int"),
    ("long", "int"),
    ("boolean", "bool"),
    ("array", "list"),
    ("ipaddr", "ip"),
];

/// The finding on a word that is no type.
pub(super) fn no_type(written: &str, span: Span) -> Diagnostic {
    let found = Diagnostic::new(Code::NameUnknown, format!("no type is called `{written}`")).at(span, "not a type");
    let lower = written.to_ascii_lowercase();
    if let Some((_, ours)) = FOREIGN_TYPES.iter().find(|(foreign, _)| *foreign == lower) {
        return found.meant(span, written, ours, true);
    }
    let known = Type::SIMPLE.iter().map(|(known, _)| *known).chain(Type::GENERIC.iter().copied());
    match near(written, known) {
        Some(near) => found.meant(span, written, near.word, near.sure),
        None => found.help("such as `str`, `int`, `bool`, `enum(a, b)` or `set<str>`, with `?` behind it where it may be missing"),
    }
}

/// The reference whose last part a word is: `client.ip` for `ip`.
pub(super) fn reference_ending_in(word: &str) -> Option<&'static str> {
    const REFERENCES: &[&str] = &[
        "client.ip",
        "request.method",
        "request.path",
        "request.host",
        "request.scheme",
        "request.id",
        "request.size",
        "request.listener",
        "upstream.name",
        "response.status",
        "response.duration",
    ];
    REFERENCES.iter().copied().find(|reference| reference.rsplit_once('.').is_some_and(|(_, last)| last == word))
}

/// How to do without a value that is known only from a moment after the one it is needed at.
pub(super) fn needed_before(known: Moment, by: Moment) -> String {
    match (by, known) {
        (Moment::Match, Moment::Authenticate) => {
            "nobody has been asked who they are by then: `require` is asked once the caller is known".to_owned()
        }
        (Moment::Body, Moment::Response) => {
            "this is worked out before there is a response: fields of the response are set in `response { … }`".to_owned()
        }
        _ => format!(
            "use something of the request instead: this is worked out at stage `{}`, which runs before `{}`",
            by.stage(),
            known.stage()
        ),
    }
}

/// The finding on a literal without a value.
pub(super) fn bad_literal(error: LiteralError, text: &str, span: Span) -> Diagnostic {
    let mut found = Diagnostic::new(error.code, error.message).at(span, "");
    found.help = error.help;
    match error.meant {
        Some(meant) => found.fix(format!("replace `{text}` with `{meant}`"), vec![Edit { span, text: meant }]),
        None => found,
    }
}

/// The finding on a value of another type than the one its place asks for.
pub(super) fn mismatch(typed: &Typed, wanted: &Type) -> Diagnostic {
    if *wanted == Type::Bool {
        return Diagnostic::new(Code::TypeMismatch, format!("a condition is expected, this is `{}`", typed.ty))
            .at(typed.span, "neither true nor false")
            .help("compare it with something, as in `client.ip in [10.0.0.0/8]`, or ask whether it is there: `has(…)`");
    }
    let found = Diagnostic::new(Code::TypeMismatch, format!("`{wanted}` is expected, this is `{}`", typed.ty));
    let found = found.at(typed.span, format!("`{}`", typed.ty));
    // Of two lists it is the members that differ.
    let (wanted, have) = (wanted.present(), typed.ty.present());
    let apart = match (wanted.member(), have.member()) {
        (Some(member), Some(_)) => member,
        _ => wanted,
    };
    if *wanted == Type::Status && have.is_text() {
        return found.help("a status is written without quotes, such as `404`, and stands before a text: `respond 200 text \"hi\"`");
    }
    match example(apart) {
        Some(example) if apart == wanted => found.help(format!("write it as {example}")),
        Some(example) => found.help(format!("its members are written as {example}")),
        None => found,
    }
}

/// The finding on two values of types that have nothing to do with each other.
pub(super) fn incomparable(left: &Typed, right: &Typed) -> Diagnostic {
    let found = Diagnostic::new(Code::TypeMismatch, format!("`{}` and `{}` cannot be compared", left.ty, right.ty))
        .at(right.span, format!("`{}`", right.ty))
        .also(left.span, format!("`{}`", left.ty));
    for (one, other) in [(left, right), (right, left)] {
        if matches!(one.ty.present(), Type::List(_) | Type::Set(_)) && one.ty.present().member() == Some(other.ty.present()) {
            return found.help("`in` asks whether a value is a member: `\"a\" in …`");
        }
        if matches!(one.expr, Expr::Ref(Ref::Param { int: false, .. })) && *other.ty.present() == Type::Int {
            return found.help("a path parameter is text, and a number where the path says so: `{name:int}`");
        }
    }
    if [left, right].iter().any(|side| *side.ty.present() == Type::Date) {
        return found.help("a date without quotes is a date; text is compared with text in quotes: `\"2027-01-31\"`");
    }
    let other = if matches!(right.expr, Expr::Const(_)) { &left.ty } else { &right.ty };
    match example(other) {
        Some(example) => found.help(format!("`{}` is written as {example}", other.present())),
        None => found,
    }
}

/// How values of a type are written, where that is not plain from its name.
fn example(wanted: &Type) -> Option<&'static str> {
    Some(match wanted.present() {
        Type::Bool => "`true` or `false`",
        Type::Str => "text in quotes: `\"…\"`",
        Type::Int => "digits without quotes: `12`",
        Type::Duration => "`250ms`, `30s` or `1m30s`",
        Type::Size => "`64KiB` or `1.5MB`",
        Type::Percent => "`25%`",
        Type::Rate => "`100/min` or `50/s`",
        Type::Status => "`404`, `2xx` or `500..599`",
        Type::Ip => "`10.0.0.1` or `fd00::1`",
        Type::Cidr => "`10.0.0.0/8` or `fd00::/8`",
        Type::Address => "`:8080`, `127.0.0.1:8080` or `unix:/run/gate.sock`",
        Type::Host => "`api.example.com`",
        Type::Regex => "`re\"…\"`",
        Type::Path => "`/users`",
        Type::Url => "`http://127.0.0.1:9000`",
        Type::Date => "`2027-01-31`",
        Type::Secret => "`env(\"NAME\")` or `file(\"path\")`",
        Type::List(_) | Type::Set(_) => "a list: `[a, b]`",
        Type::Method | Type::Enum(_) | Type::Range(_) | Type::Optional(_) | Type::Nothing => return None,
    })
}

/// The finding on a number without its unit, with the fix where there is only one unit.
pub(super) fn with_units(found: Diagnostic, span: Span, wanted: &Type) -> Diagnostic {
    if *wanted == Type::Percent { found.fix("write `%` behind it", vec![Edit { span: span.after(), text: "%".to_owned() }]) } else { found }
}

/// The finding on what stands where a regex should.
pub(super) fn no_regex(found: &Typed) -> Diagnostic {
    Diagnostic::new(Code::TypeMismatch, format!("`matches` needs a regular expression, this is `{}`", found.ty))
        .at(found.span, format!("`{}`", found.ty))
        .help("write `re\"…\"`, or the name of a `let` that is one")
}

/// Two sides of a comparison, a number that is compared with a status being one.
pub(super) fn statuses(left: Typed, right: Typed) -> (Typed, Typed) {
    let to_status = |side: Typed, other: &Type| match (&side.expr, other) {
        (Expr::Const(Value::Int(code @ 100..=599)), Type::Status) => {
            let code = u16::try_from(*code).unwrap_or(u16::MAX);
            Typed { expr: Expr::Const(Value::Status(code, code)), ty: Type::Status, ..side }
        }
        _ => side,
    };
    let left = to_status(left, &right.ty);
    let right = to_status(right, &left.ty);
    (left, right)
}

/// Adds to a text, whose literal pieces stay one where they meet.
pub(super) fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    if let Some(Piece::Literal(last)) = pieces.last_mut() {
        last.push_str(text);
    } else if !text.is_empty() {
        pieces.push(Piece::Literal(text.to_owned()));
    }
}

/// A constant as a text holds it.
pub(super) fn constant_text(value: &Value) -> Cow<'_, str> {
    super::eval::constant_text(value).unwrap_or_default()
}

/// A constant integer where a status is expected is one.
pub(super) fn retyped(expr: Expr, hint: Option<&Type>) -> Expr {
    match (&expr, hint) {
        (Expr::Const(Value::Int(code @ 100..=599)), Some(Type::Status)) => {
            u16::try_from(*code).map_or(expr.clone(), |code| Expr::Const(Value::Status(code, code)))
        }
        _ => expr,
    }
}

/// `claim.sub`
pub(super) fn path_text(root: &Ident, rest: &[Ident]) -> String {
    std::iter::once(root).chain(rest).map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")
}
