//! What a policy's `check.rs` works with: names in scope, where findings go, and typed readers over slots.

mod facts;
mod names;
mod want;

pub use facts::{AttributeFact, AuthFact, ClaimFact, Entrance, ParamFact, RouteFacts};
pub use names::{Constant, Declaration, Names, Scope};
pub use want::{Moment, Spot, Typed, Want};

use crate::diag::{Code, Diagnostic, Edit, Report, Span};
use crate::lang::expr::{Encoding, Expr, Secret};
use crate::lang::form::Declared;
use crate::lang::read::{Given, Node};
use crate::lang::types::Type;
use crate::lang::value::{Percent, Rate, Value};
use crate::syntax::ast::ExprKind;
use http::HeaderName;
use std::time::Duration;

/// Names in scope, where findings go, and typed readers over slots.
pub struct Checker<'c> {
    /// Where findings go.
    pub report: &'c mut Report,
    /// All names.
    pub names: &'c Names,
    /// The route being checked.
    pub facts: RouteFacts,
}

impl Checker<'_> {
    /// Reports an error or a warning with one place.
    pub fn error(&mut self, code: Code, message: impl Into<String>, span: Span, label: impl Into<String>) {
        self.report.push(Diagnostic::new(code, message).at(span, label));
    }

    /// A constant of a type.
    pub fn constant(&mut self, given: Given<'_>, ty: Type) -> Option<Value> {
        let typed = self.typed(given, &Want::constant(ty))?;
        match typed.expr {
            Expr::Const(value) => Some(value),
            _ => None,
        }
    }

    /// A duration that is longer than nothing.
    pub fn lasting(&mut self, given: Given<'_>) -> Option<Duration> {
        let time = self.duration(given)?;
        if time.is_zero() {
            self.error(Code::TypeRange, "`0` is no time", given.expr.span, "longer than 0");
            return None;
        }
        Some(time)
    }

    /// A duration.
    pub fn duration(&mut self, given: Given<'_>) -> Option<Duration> {
        match self.constant(given, Type::Duration)? {
            Value::Duration(duration) => Some(duration),
            _ => None,
        }
    }

    /// An integer within a range.
    pub fn int(&mut self, given: Given<'_>, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let Value::Int(number) = self.constant(given, Type::Int)? else { return None };
        if range.contains(&number) {
            return Some(number);
        }
        let most = if *range.end() == u64::MAX { String::new() } else { format!(" and at most {}", range.end()) };
        self.error(Code::TypeRange, format!("`{number}` is out of range"), given.expr.span, format!("at least {}{most}", range.start()));
        None
    }

    /// A size in bytes.
    pub fn size(&mut self, given: Given<'_>) -> Option<u64> {
        match self.constant(given, Type::Size)? {
            Value::Size(size) => Some(size),
            _ => None,
        }
    }

    /// A share.
    pub fn percent(&mut self, given: Given<'_>) -> Option<Percent> {
        match self.constant(given, Type::Percent)? {
            Value::Percent(share) => Some(share),
            _ => None,
        }
    }

    /// A rate of requests.
    pub fn rate(&mut self, given: Given<'_>) -> Option<Rate> {
        let Value::Rate(rate) = self.constant(given, Type::Rate)? else { return None };
        if rate.bytes {
            self.error(
                Code::TypeMismatch,
                "a rate of bytes where requests are counted",
                given.expr.span,
                "requests per time, such as `100/min`",
            );
            return None;
        }
        if rate.count == 0 {
            self.error(Code::TypeRange, "a rate of 0 lets nothing through", given.expr.span, "at least 1");
            return None;
        }
        Some(rate)
    }

    /// A constant string.
    pub fn text(&mut self, given: Given<'_>) -> Option<String> {
        match self.constant(given, Type::Str)? {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// A constant list of strings, or one string.
    pub fn texts(&mut self, given: Given<'_>) -> Option<Vec<String>> {
        if !matches!(given.expr.kind, ExprKind::List(_) | ExprKind::Term(_)) {
            return Some(vec![self.text(given)?]);
        }
        match self.constant(given, Type::List(Box::new(Type::Str)))? {
            Value::List(all) => Some(
                all.into_iter()
                    .filter_map(|value| match value {
                        Value::Text(text) => Some(text.to_string()),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => None,
        }
    }

    /// The name of a file, relative to the `.gate` file that says it; nobody looks whether it exists.
    pub fn file_name(&mut self, given: Given<'_>) -> Option<String> {
        let text = self.text(given)?;
        if text.is_empty() {
            self.error(Code::TypeMismatch, "a file name is expected", given.expr.span, "empty");
            return None;
        }
        let folder = self.names.chain(given.scope).last().map(|(_, scope)| scope.folder.clone()).unwrap_or_default();
        Some(folder.join(text).to_string_lossy().into_owned())
    }

    /// The items of a list in brackets, or the one item that stands there without.
    #[must_use]
    pub fn items<'a>(&self, given: Given<'a>) -> Vec<Given<'a>> {
        match &given.expr.kind {
            ExprKind::List(all) => all.iter().map(|expr| Given { expr, scope: given.scope }).collect(),
            _ => vec![given],
        }
    }

    /// Bare words (or strings) of a list, as they are written: `[GET, POST]`, `[zstd, br]`.
    pub fn words(&mut self, given: Given<'_>) -> Option<Vec<(String, Span)>> {
        let mut words = Vec::new();
        for item in self.items(given) {
            if let Some(word) = item.expr.as_word() {
                words.push((word.text.clone(), word.span));
            } else if let Some(text) = item.expr.as_plain_text() {
                words.push((text.to_owned(), item.expr.span));
            } else {
                self.error(Code::TypeMismatch, "a word is expected", item.expr.span, "no word");
                return None;
            }
        }
        Some(words)
    }

    /// A field name: a bare word or a string. Names of the connection's own fields are refused (RFC 9110 §7.6.1).
    pub fn header_name(&mut self, given: Given<'_>) -> Option<HeaderName> {
        let text = match given.expr.as_word() {
            Some(word) => word.text.clone(),
            None => self.text(given)?,
        };
        self.header_name_text(&text, given.expr.span)
    }

    /// The same for text at a place.
    pub fn header_name_text(&mut self, text: &str, span: Span) -> Option<HeaderName> {
        const HOP_BY_HOP: &[&str] =
            &["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"];
        let Ok(name) = HeaderName::try_from(text) else {
            self.report.push(
                Diagnostic::new(Code::HeadersInvalidName, format!("`{text}` is no field name"))
                    .at(span, "a character in it cannot stand in a name")
                    .help("a field name is made of letters, digits and `!#$%&'*+-.^_`|~` (RFC 9110 §5.1)"),
            );
            return None;
        };
        if HOP_BY_HOP.contains(&name.as_str()) {
            self.report.push(
                Diagnostic::new(Code::HeadersHopByHop, format!("`{text}` belongs to the connection, not to the message"))
                    .at(span, "the gateway sets and removes this field itself")
                    .help("leave it out: framing and connection fields are rebuilt on both sides (RFC 9110 §7.6.1)"),
            );
            return None;
        }
        Some(name)
    }

    /// A secret: `env("X")`, `file("p")`, or a `param` of that type. A literal is refused, and goes on as a secret of no place: what
    /// else is wrong is found in the same run.
    pub fn secret(&mut self, given: Given<'_>) -> Option<Secret> {
        if given.expr.as_plain_text().is_some() {
            self.report.push(
                Diagnostic::new(Code::SecretLiteral, "a secret stands in the file")
                    .at(given.expr.span, "everyone who reads the policy knows it")
                    .help("write `env(\"NAME\")` or `file(\"path\")`, and rotate this one"),
            );
            return Some(Secret::Env(String::new()));
        }
        let want = Want { ty: Some(Type::Secret), by: Moment::Constant, spot: Spot::Secret, response: false };
        match self.typed(given, &want)?.expr {
            Expr::Secret(secret) => Some(secret),
            _ => {
                self.report.push(
                    Diagnostic::new(Code::TypeMismatch, "one whole secret is expected")
                        .at(given.expr.span, "put together of several parts")
                        .help("write `env(\"NAME\")` or `file(\"path\")` alone"),
                );
                None
            }
        }
    }

    /// What a file holds and everyone may know, such as a certificate: read as a secret is, and a string goes on as the file it names.
    pub fn file(&mut self, given: Given<'_>) -> Option<Secret> {
        let Some(written) = given.expr.as_plain_text() else { return self.secret(given) };
        let span = given.expr.span;
        let found = Diagnostic::new(Code::TypeMismatch, "a file is expected").at(span, "a string is no file");
        self.report.push(if written.is_empty() || written.contains(['\n', '"', '\\', '$']) {
            found.help("put it in a file of its own, and write `file(\"path\")`")
        } else {
            let call = format!("file(\"{written}\")");
            found.help(format!("write `{call}`")).fix(format!("write `{call}`"), vec![Edit { span, text: call }])
        });
        Some(Secret::File(written.to_owned()))
    }

    /// A condition decided at a stage.
    pub fn condition(&mut self, given: Given<'_>, by: Moment) -> Option<Typed> {
        self.typed(given, &Want::condition(by))
    }

    /// What a slot of a kind of declarations names.
    pub fn declared(&mut self, given: Given<'_>, kind: Declared) -> Option<usize> {
        let Some(path) = given.expr.as_reference() else {
            let word = kind.word();
            let message = format!("the name of a declared `{word}` is expected");
            let found = Diagnostic::new(Code::TypeMismatch, message).at(given.expr.span, "no name");
            self.report.push(found.help(format!("say what it is in a declaration, `{word} NAME {{ … }}`, and write its name here")));
            return None;
        };
        let found = self.names.declaration(kind, given.scope, path);
        if found.is_none() {
            self.unknown_name(kind.word(), path, given.expr.span, given.scope);
        }
        found.map(|(_, declaration)| declaration.index)
    }

    /// The doc comment of a statement as one text.
    #[must_use]
    pub fn doc(node: &Node<'_>) -> String {
        node.docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }

    /// How a hole is encoded at a spot.
    #[must_use]
    pub(super) fn encoding(spot: Spot, before: &str, path: Encoding) -> Encoding {
        match spot {
            Spot::Plain | Spot::Secret => Encoding::Plain,
            Spot::RequestField | Spot::ResponseField => Encoding::Field,
            Spot::Html => Encoding::Html,
            Spot::Query => Encoding::Plain,
            Spot::Json if in_json_string(before) => Encoding::Json,
            Spot::Json => Encoding::JsonValue,
            Spot::Url if before.contains('?') => Encoding::Query,
            Spot::Url => path,
        }
    }
}

/// True when the text ends inside a JSON string.
fn in_json_string(text: &str) -> bool {
    let mut inside = false;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if inside => {
                letters.next();
            }
            '"' => inside = !inside,
            _ => {}
        }
    }
    inside
}
