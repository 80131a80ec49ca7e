//! Typed expressions: checked, names resolved to slots, ready to be evaluated for each request.

use super::literal::escaped;
use super::value::Value;
use crate::http::Credentials;
use http::HeaderName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An expression whose types and names have been checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// A constant.
    Const(Value),
    /// Something of the request, the caller or the response.
    Ref(Ref),
    /// A string with holes.
    Text(Vec<Piece>),
    /// A secret's value, known when the gateway starts.
    Secret(Secret),
    /// `not a`
    Not(Box<Expr>),
    /// `a and b and …`
    And(Vec<Expr>),
    /// `a or b or …`
    Or(Vec<Expr>),
    /// `a == b` and its kin.
    Compare(Box<Expr>, Comparison, Box<Expr>),
    /// `a in b`: `b` is a list of constants, networks, or a set of the caller's.
    In(Box<Expr>, Box<Expr>),
    /// `a matches re"…"`, anchored at both ends.
    Matches(Box<Expr>, Pattern),
    /// `a ?? b`
    OrElse(Box<Expr>, Box<Expr>),
    /// `has(a)`: `a` is not missing.
    Has(Box<Expr>),
    /// `lower(a)`
    Lower(Box<Expr>),
}

/// A part of a string with holes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Piece {
    /// Letters.
    Literal(String),
    /// A hole, encoded for the place the string goes to.
    Hole(Expr, Encoding),
}

/// How a hole's value is written so that it cannot leave its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// As it is: compared, or used as a key.
    Plain,
    /// Inside a JSON string.
    Json,
    /// A number, boolean or whole JSON value outside a JSON string.
    JsonValue,
    /// One path segment: everything but unreserved characters is percent-encoded.
    Segment,
    /// A path whose `/` stay.
    Path,
    /// The request's own path, which is percent-encoded already: what it has stays.
    Arrived,
    /// A query value.
    Query,
    /// A field value: CR, LF and NUL are dropped.
    Field,
    /// Inside HTML text or an attribute.
    Html,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
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
}

impl Comparison {
    /// As the language writes it.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// What an expression may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ref {
    /// `request.method`
    Method,
    /// `request.path`, normalised
    Path,
    /// `request.host`
    Host,
    /// `request.scheme`
    Scheme,
    /// `request.id`
    Id,
    /// `request.size`: the declared length of the body, missing when it is not declared
    Size,
    /// `request.listener`
    Listener,
    /// `header("x")` of the request
    Header(#[serde(with = "header_name")] HeaderName),
    /// `query("q")`, percent-decoded; the first of several
    Query(String),
    /// `cookie("c")`
    Cookie(String),
    /// `body("/pointer")`: the steps of the pointer
    Body(Vec<String>),
    /// `client.ip`
    ClientIp,
    /// `client.cert.subject`
    ClientSubject,
    /// `client.cert.san`: the first of them
    ClientName,
    /// `param.NAME`, by slot; percent-decoded
    Param {
        /// Its place among the pattern's parameters.
        slot: u16,
        /// True for `int` parameters.
        int: bool,
    },
    /// `claim.x`, `key.x`, `user.name`: auth and slot, one for each auth that may have identified the caller.
    Attribute(Vec<(u16, u16)>),
    /// `flag.NAME`, by its place among the flags
    Flag {
        /// Its name.
        name: String,
        /// Its place.
        index: u16,
    },
    /// `upstream.name`
    UpstreamName,
    /// `response.status`
    ResponseStatus,
    /// `response.duration`: since the request's head had been read
    ResponseDuration,
    /// `header("x")` inside `response { }`
    ResponseHeader(#[serde(with = "header_name")] HeaderName),
}

/// What the slots of references stand for, where that is known.
pub trait SlotNames {
    /// The name of a path parameter.
    fn param(&self, slot: u16) -> Option<&str>;

    /// Family and name of an attribute: `("claim", "sub")`.
    fn attribute(&self, slots: &[(u16, u16)]) -> Option<(&str, &str)>;
}

impl Ref {
    /// True when its value may be a credential.
    #[must_use]
    pub fn is_credential(&self, credentials: &Credentials) -> bool {
        match self {
            Self::Header(name) | Self::ResponseHeader(name) => credentials.has_field(name),
            Self::Query(name) => credentials.has_parameter(name),
            Self::Cookie(_) => true,
            Self::Method
            | Self::Path
            | Self::Host
            | Self::Scheme
            | Self::Id
            | Self::Size
            | Self::Listener
            | Self::Body(_)
            | Self::ClientIp
            | Self::ClientSubject
            | Self::ClientName
            | Self::Param { .. }
            | Self::Attribute(_)
            | Self::Flag { .. }
            | Self::UpstreamName
            | Self::ResponseStatus
            | Self::ResponseDuration => false,
        }
    }

    /// True for what is one caller's and not the next one's: what is made of it must not be answered to another. What is asked
    /// for (method, host, path, query, body) is nobody's own, and a flag is what it goes by.
    #[must_use]
    pub fn is_callers_own(&self) -> bool {
        match self {
            Self::Attribute(_) | Self::ClientIp | Self::ClientSubject | Self::ClientName | Self::Cookie(_) => true,
            Self::Header(name) => *name != http::header::HOST,
            Self::Flag { .. }
            | Self::Method
            | Self::Path
            | Self::Host
            | Self::Scheme
            | Self::Id
            | Self::Size
            | Self::Listener
            | Self::Query(_)
            | Self::Body(_)
            | Self::Param { .. }
            | Self::UpstreamName
            | Self::ResponseStatus
            | Self::ResponseDuration
            | Self::ResponseHeader(_) => false,
        }
    }

    /// The reference as the language writes it.
    #[must_use]
    pub fn spelled(&self, names: &impl SlotNames) -> String {
        match self {
            Self::Method => "request.method".to_owned(),
            Self::Path => "request.path".to_owned(),
            Self::Host => "request.host".to_owned(),
            Self::Scheme => "request.scheme".to_owned(),
            Self::Id => "request.id".to_owned(),
            Self::Size => "request.size".to_owned(),
            Self::Listener => "request.listener".to_owned(),
            Self::Header(name) | Self::ResponseHeader(name) => format!("header(\"{name}\")"),
            Self::Query(name) => format!("query(\"{}\")", escaped(name)),
            Self::Cookie(name) => format!("cookie(\"{}\")", escaped(name)),
            Self::Body(steps) => {
                let steps = steps.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect::<String>();
                format!("body(\"{}\")", escaped(&steps))
            }
            Self::ClientIp => "client.ip".to_owned(),
            Self::ClientSubject => "client.cert.subject".to_owned(),
            Self::ClientName => "client.cert.san".to_owned(),
            Self::Param { slot, .. } => names.param(*slot).map_or_else(|| "a parameter".to_owned(), |name| format!("param.{name}")),
            Self::Attribute(slots) => {
                names.attribute(slots).map_or_else(|| "an attribute of the caller".to_owned(), |(family, name)| format!("{family}.{name}"))
            }
            Self::Flag { name, .. } => format!("flag.{name}"),
            Self::UpstreamName => "upstream.name".to_owned(),
            Self::ResponseStatus => "response.status".to_owned(),
            Self::ResponseDuration => "response.duration".to_owned(),
        }
    }
}

/// Where a secret comes from. Its value is never part of a program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Secret {
    /// `env("X")`
    Env(String),
    /// `file("p")`: the path, resolved against the `.gate` file that says it
    File(String),
}

impl Secret {
    /// Where it is, in words: "`keys.txt`", "the environment variable `KEY`".
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable `{name}`"),
            Self::File(path) => format!("`{path}`"),
        }
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "secret(env {name})"),
            Self::File(path) => write!(f, "secret(file {path})"),
        }
    }
}

/// A regular expression anchored at both ends, at most 1 MiB compiled.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    regex: regex::Regex,
}

impl Pattern {
    /// Largest compiled size of an operator's regular expression, in bytes.
    pub const SIZE_MAX: usize = 16 << 20;

    /// Compiles a pattern.
    ///
    /// # Errors
    /// When the text is no regular expression, or compiles to more than [`Self::SIZE_MAX`].
    pub fn new(source: &str) -> Result<Self, regex::Error> {
        // By itself first: `a)|(b` would be a pattern between the anchors, and then match more than the whole text.
        regex::RegexBuilder::new(source).size_limit(Self::SIZE_MAX).build()?;
        let regex = regex::RegexBuilder::new(&format!(r"\A(?:{source})\z")).size_limit(Self::SIZE_MAX).build()?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// True when the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The pattern as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::new(&source).map_err(serde::de::Error::custom)
    }
}

/// Field names as text in JSON.
pub mod header_name {
    use http::HeaderName;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the name.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(name: &HeaderName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name.as_str())
    }

    /// Reads a name.
    ///
    /// # Errors
    /// When the text is no field name.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
        let text = String::deserialize(deserializer)?;
        HeaderName::try_from(text).map_err(serde::de::Error::custom)
    }
}
