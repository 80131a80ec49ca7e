//! What a policy's `check.rs` works with: names in scope, where findings go, and typed readers over slots.

use super::expr::{Encoding, Expr, Secret};
use super::form::Declared;
use super::missed::Missed;
use super::read::{Given, Node, ScopeId};
use super::types::Type;
use super::value::{Percent, Rate, Value};
use crate::diag::{Code, Diagnostic, Edit, Report, Span};
use crate::route::RouteKey;
use crate::syntax::ast::{ExprKind, Ident};
use http::HeaderName;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

/// A compile-time constant: a `let`, a `param`, or an argument of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Its value, or where the secret comes from.
    pub expr: Expr,
    /// Its type.
    pub ty: Type,
    /// Where it is declared.
    pub span: Span,
}

/// Names of one file, or of one use of a policy.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Where names not found here are looked up.
    pub parent: Option<ScopeId>,
    /// Constants.
    pub constants: HashMap<String, Constant>,
    /// Imported files, by the name they were given.
    pub imports: HashMap<String, ScopeId>,
    /// The folder relative file names start from.
    pub folder: PathBuf,
}

/// Something declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// Its place among the declarations of its kind.
    pub index: usize,
    /// Where its name stands.
    pub span: Span,
}

/// All names of a compilation.
#[derive(Debug, Default)]
pub struct Names {
    /// By [`ScopeId`].
    pub scopes: Vec<Scope>,
    /// Declarations of each file's scope.
    pub declared: HashMap<(Declared, ScopeId, String), Declaration>,
    /// When each flag is known, by its place among the declarations.
    pub flags: Vec<Moment>,
    /// What a share of each flag is of, by the same place; none for those that are the same for all.
    pub flag_keys: Vec<Option<Expr>>,
    /// Words of statements that were not understood: they may have been declarations.
    pub suspects: HashSet<String>,
    /// Where imported files were given their names.
    pub import_spans: HashMap<(ScopeId, String), Span>,
    /// Where claims and attributes are declared, by the place of their auth among the auths.
    pub attributes: HashMap<(u16, String), Span>,
    /// Where used names were declared.
    pub used: RefCell<HashSet<Span>>,
    /// Uses of names that are not declared, where one that is declared is near.
    pub missed: RefCell<Vec<Missed>>,
}

impl Names {
    /// The scope of an id.
    #[must_use]
    pub fn scope(&self, id: ScopeId) -> Option<&Scope> {
        self.scopes.get(id.0 as usize)
    }

    /// A scope and its parents, innermost first.
    pub fn chain(&self, id: ScopeId) -> impl Iterator<Item = (ScopeId, &Scope)> {
        std::iter::successors(self.scope(id).map(|scope| (id, scope)), |(_, scope)| {
            scope.parent.and_then(|parent| self.scope(parent).map(|found| (parent, found)))
        })
    }

    /// The constant of a name.
    #[must_use]
    pub fn constant(&self, id: ScopeId, name: &str) -> Option<&Constant> {
        let found = self.chain(id).find_map(|(_, scope)| scope.constants.get(name))?;
        self.used.borrow_mut().insert(found.span);
        Some(found)
    }

    /// The imported file of a name.
    #[must_use]
    pub fn import(&self, id: ScopeId, name: &str) -> Option<ScopeId> {
        let (home, found) = self.chain(id).find_map(|(home, scope)| Some((home, *scope.imports.get(name)?)))?;
        self.used.borrow_mut().extend(self.import_spans.get(&(home, name.to_owned())));
        Some(found)
    }

    /// The declaration that `name` or `module.name` means.
    #[must_use]
    pub fn declaration(&self, kind: Declared, id: ScopeId, path: &[Ident]) -> Option<(ScopeId, Declaration)> {
        let (home, name) = match path {
            [name] => (self.chain(id).last().map(|(id, _)| id)?, name),
            [module, name] => (self.import(id, &module.text)?, name),
            _ => return None,
        };
        let found = self.declared.get(&(kind, home, name.text.clone())).copied()?;
        self.used.borrow_mut().insert(found.span);
        Some((home, found))
    }
}

/// When a value is known, in the order of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// At compile time.
    Constant,
    /// As soon as there is a connection.
    Accept,
    /// When the route has been chosen.
    Match,
    /// When the caller is known.
    Authenticate,
    /// When the upstream has been chosen.
    Target,
    /// When the body has been read.
    Body,
    /// When there is a response.
    Response,
}

impl Moment {
    /// The stage's name.
    #[must_use]
    pub fn stage(self) -> &'static str {
        match self {
            Self::Constant => "compile",
            Self::Accept => "accept",
            Self::Match => "match",
            Self::Authenticate => "authenticate",
            Self::Target => "target",
            Self::Body => "body",
            Self::Response => "respond",
        }
    }
}

/// An attribute of the caller that the auth in force declares.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeFact {
    /// `claim`, `key` or `user`.
    pub root: &'static str,
    /// Its name.
    pub name: String,
    /// Its type; optional when only some of the auths in force declare it.
    pub ty: Type,
    /// Auth and slot, for each auth that declares it.
    pub slots: Vec<(u16, u16)>,
}

/// A path parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamFact {
    /// Its name; `rest` for `/**`.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// True for `param.rest` and captures of a regex: their `/` stay when they are interpolated.
    pub keeps_slashes: bool,
}

/// An auth as statements that hand out its credentials see it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthFact {
    /// Its name.
    pub name: String,
    /// The claims of its tokens; `None` when the gateway cannot sign tokens for it.
    pub claims: Option<Vec<ClaimFact>>,
}

/// A claim of a token.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimFact {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// True when a token without it is refused.
    pub required: bool,
}

/// A way for requests to come to routes: a listener that does not send them elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// The listener's name, `request.listener`.
    pub listener: String,
    /// What `request.scheme` can be there.
    pub schemes: &'static [&'static str],
}

/// What is known of the route whose statements are being checked.
#[derive(Debug, Clone, Default)]
pub struct RouteFacts {
    /// Its name, for messages.
    pub route: String,
    /// Its path's parameters, in slot order.
    pub params: Vec<ParamFact>,
    /// What its auth declares.
    pub attributes: Vec<AttributeFact>,
    /// True when a caller is always identified here.
    pub identified: bool,
    /// True when the auth in force could not be understood: what it declares is then not known either.
    pub uncertain: bool,
    /// Methods in upper case; empty when it takes any.
    pub methods: Vec<String>,
    /// Where its path is written.
    pub path: Option<Span>,
    /// Where the names of its parameters stand in it, as far as it is a plain path.
    pub param_names: Vec<(String, Span)>,
    /// Which requests it takes; none outside routes.
    pub key: Option<std::sync::Arc<RouteKey>>,
    /// What holds for all of them: the route's `match` conditions.
    pub given: Vec<Expr>,
    /// Every auth of the program, in the order of their declarations.
    pub auths: std::sync::Arc<[AuthFact]>,
    /// True when something asks for a value of the body.
    pub reads_body: bool,
    /// Where requests come in; empty when that is not known.
    pub entrances: std::sync::Arc<[Entrance]>,
}

/// Where a value goes: decides how holes in strings are encoded, and what may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Compared, counted or used as a key.
    Plain,
    /// A header field towards the upstream: may hold a secret.
    RequestField,
    /// A header field towards the client.
    ResponseField,
    /// JSON text.
    Json,
    /// A URL or path: segments before `?`, query values behind it.
    Url,
    /// A query value.
    Query,
    /// HTML text.
    Html,
    /// A credential or key of the gateway's own: a secret.
    Secret,
}

/// What an expression must be.
#[derive(Debug, Clone)]
pub struct Want {
    /// Its type, where only one will do.
    pub ty: Option<Type>,
    /// The latest stage that may know it.
    pub by: Moment,
    /// Where it goes.
    pub spot: Spot,
    /// True inside `response { }`: `header("x")` is the response's.
    pub response: bool,
}

impl Want {
    /// A constant of a type.
    #[must_use]
    pub fn constant(ty: Type) -> Self {
        Self { ty: Some(ty), by: Moment::Constant, spot: Spot::Plain, response: false }
    }

    /// A condition that is decided at a stage.
    #[must_use]
    pub fn condition(by: Moment) -> Self {
        Self { ty: Some(Type::Bool), by, spot: Spot::Plain, response: by == Moment::Response }
    }

    /// Any scalar that is known at a stage.
    #[must_use]
    pub fn scalar(by: Moment, spot: Spot) -> Self {
        Self { ty: None, by, spot, response: by == Moment::Response }
    }
}

/// An expression with what was found out about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed {
    /// The expression.
    pub expr: Expr,
    /// Its type.
    pub ty: Type,
    /// When it is known.
    pub moment: Moment,
    /// Where it stands.
    pub span: Span,
}

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

    /// A secret: `env("X")`, `file("p")`, or a `param` of that type. A literal is refused.
    pub fn secret(&mut self, given: Given<'_>) -> Option<Secret> {
        if given.expr.as_plain_text().is_some() {
            self.report.push(
                Diagnostic::new(Code::SecretLiteral, "a secret stands in the file")
                    .at(given.expr.span, "everyone who reads the policy knows it")
                    .help("write `env(\"NAME\")` or `file(\"path\")`, and rotate this one"),
            );
            return None;
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

    /// What a file holds and everyone may know, such as a certificate: read as a secret is, and its path is not its content.
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
        None
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
