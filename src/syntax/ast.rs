//! The tree of one file: shapes only. Which words exist and what their clauses mean is the schema's business.

use crate::diag::{FileId, Span};

/// A name with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ident {
    /// The letters.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A parsed file.
#[derive(Debug, Clone, PartialEq)]
pub struct Ast {
    /// Which file.
    pub file: FileId,
    /// Its statements.
    pub body: Body,
    /// Words that stand at the start of statements which could not be parsed, with the name behind them where
    /// there is one: whatever they declare counts as declared, so that one fault raises no follow-up errors.
    pub broken: Vec<Broken>,
}

/// What could still be read of a statement that is no statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Identifier-like words of its first line, in order.
    pub words: Vec<Ident>,
    /// The whole broken text.
    pub span: Span,
}

/// Statements of a file or a block, in the order they stand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Body {
    /// Statements.
    pub statements: Vec<Statement>,
    /// From the opening to the closing brace; the whole file at the top.
    pub span: Span,
    /// True when a statement in here was broken and left out: "missing" findings are then not trustworthy.
    pub damaged: bool,
}

/// `word clause* block?`
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The `##` lines before it, without the marks.
    pub docs: Vec<String>,
    /// Its first word.
    pub word: Ident,
    /// The rest of its head.
    pub clauses: Vec<Clause>,
    /// Its block.
    pub block: Option<Body>,
    /// From the word to the last clause or the closing brace.
    pub span: Span,
}

impl Statement {
    /// From the word to the last clause, without the block.
    #[must_use]
    pub fn head_span(&self) -> Span {
        self.clauses.last().map_or(self.word.span, |last| self.word.span.to(last.span))
    }
}

/// One part of a statement's head.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// What it is.
    pub kind: ClauseKind,
    /// True when a comma stands before it (`GET,POST`).
    pub comma: bool,
    /// Where.
    pub span: Span,
}

/// The kinds of clauses.
#[derive(Debug, Clone, PartialEq)]
pub enum ClauseKind {
    /// A value or a keyword.
    Expr(Expr),
    /// `-> expr`
    Arrow(Expr),
    /// `= expr`
    Assign(Expr),
    /// `: type`
    Annotation(TypeName),
    /// An operator's word where a name should stand (`let and = 1`).
    Operator(Ident),
}

/// An expression with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A literal in the user's own letters; what it is worth is the language's business.
    Literal(LiteralKind, String),
    /// `"…"` or `"""…"""`
    Text(Vec<TextPart>),
    /// `re"…"`: the pattern between the quotes, with `\"` already a quote.
    Regex(String),
    /// A bare path such as `/users/{id:int}`, as written.
    Path(String),
    /// A bare URL, as written.
    Url(String),
    /// A name, a reference, a call or a type: `users`, `claim.sub`, `header("x")`, `set<str>`, `str?`.
    Term(Term),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `(a)`
    Paren(Box<Expr>),
    /// `not a`
    Not(Box<Expr>),
    /// `a and b`
    Binary(Box<Expr>, Operator, Box<Expr>),
}

/// Literals by their shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiteralKind {
    /// `5_000`
    Integer,
    /// `1m30s`
    Duration,
    /// `64KiB`
    Size,
    /// `25%`
    Percent,
    /// `100/min`, `10MiB/s`
    Rate,
    /// `2xx`
    StatusClass,
    /// `500..599`, `50ms..400ms`
    Range,
    /// `2027-01-31`
    Date,
    /// `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`
    Ip,
    /// `:8080`, `127.0.0.1:9901`, `[::]:443`
    Address,
    /// `*.example.com`, `3com.example`
    Host,
    /// `localhost:8080`
    HostPort,
    /// `unix:/run/gate.sock`
    Located,
    /// `sha256:…`
    Digest,
    /// A word that begins with a digit and is no literal: `30sec`.
    Odd,
}

/// A part of a string.
#[derive(Debug, Clone, PartialEq)]
pub enum TextPart {
    /// Letters, escapes already resolved.
    Literal(String),
    /// `${expr}`
    Interpolation(Expr),
}

/// A dotted name, perhaps called, perhaps a type.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// `claim`, `sub`
    pub path: Vec<Ident>,
    /// `(…)`
    pub args: Option<Vec<Arg>>,
    /// `<…>`
    pub generics: Vec<TypeName>,
    /// `?` behind it.
    pub optional: bool,
}

/// An argument of a call, or a parameter of a policy's declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// `name = …` or `name: type = …`
    pub name: Option<Ident>,
    /// `: type`
    pub annotation: Option<TypeName>,
    /// The value.
    pub value: Option<Expr>,
    /// Where.
    pub span: Span,
}

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeName {
    /// `set`
    pub name: Ident,
    /// `<str>`
    pub generics: Vec<TypeName>,
    /// The choices of `enum(a, b)`.
    pub choices: Vec<Ident>,
    /// `?` behind it.
    pub optional: bool,
    /// Where.
    pub span: Span,
}

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `matches`
    Matches,
    /// `??`
    OrElse,
}

impl Expr {
    /// The single bare name this expression is, if it is one: `users`, not `claim.sub` nor `header("x")`.
    #[must_use]
    pub fn as_word(&self) -> Option<&Ident> {
        match self.as_reference()? {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The dotted name this expression is, if it is nothing more.
    #[must_use]
    pub fn as_reference(&self) -> Option<&[Ident]> {
        match &self.kind {
            ExprKind::Term(Term { path, args: None, generics, optional: false }) if generics.is_empty() => Some(path),
            _ => None,
        }
    }

    /// The text of a string without interpolation.
    #[must_use]
    pub fn as_plain_text(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Text(parts) => match parts.as_slice() {
                [] => Some(""),
                [TextPart::Literal(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }
}
