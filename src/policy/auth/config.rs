//! What `auth` declarations and statements say, checked: plain data.

use super::algorithm::Algorithm;
use super::remote::Remote;
use crate::http::Credentials;
use crate::lang::expr::{Secret, header_name};
use crate::lang::types::Type;
use crate::lang::value::Value;
use http::HeaderName;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The statement in force on a route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// What it asks of the auths.
    pub mode: Mode,
    /// The auths, by their place among the program's declarations; none when the route is public.
    pub auths: Vec<u16>,
}

/// What a route asks of its auths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// `public ["why"]`: nothing.
    Public {
        /// The reason, when it is written.
        why: Option<String>,
    },
    /// `auth A`: it identifies the caller.
    One,
    /// `auth any [A, B]`: at least one does.
    Any,
    /// `auth all [A, B]`: every one does.
    All,
    /// `auth optional A`: it does, or there is no credential at all.
    Optional,
}

impl Config {
    /// True when the route lets callers in that it cannot name: `public` and `auth optional`.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self.mode, Mode::Public { .. } | Mode::Optional)
    }
}

/// An `auth` declaration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// How callers prove who they are.
    pub kind: Kind,
    /// What is known of a caller, in slot order. Key auths have `name` first, basic auths have nothing else.
    pub attributes: Vec<AttributeDecl>,
    /// `forward credential`: the credential stays in the request that goes upstream.
    pub forward: bool,
}

impl Declared {
    /// Where it looks for a credential that is its own to choose; the other kinds look where HTTP says, or where a service does.
    #[must_use]
    pub fn from(&self) -> &[Carrier] {
        match &self.kind {
            Kind::Jwt(jwt) => &jwt.terms.from,
            Kind::Key(key) => &key.from,
            Kind::Remote(Remote::Issuer(issuer)) => &issuer.terms.from,
            Kind::Basic(_) | Kind::Remote(Remote::Forward(_) | Remote::Introspect(_)) => &[],
        }
    }
}

/// The names under which credentials come: those that are known everywhere, and those that auths look for.
#[must_use]
pub fn credentials(auths: &[Declared]) -> Credentials {
    let mut all = Credentials::usual();
    for declared in auths {
        for carrier in declared.from() {
            match carrier {
                Carrier::Header(name) => all.fields.push(name.clone()),
                Carrier::Query(name) => all.parameters.push(name.clone()),
                // Every cookie is one.
                Carrier::Cookie(_) => {}
            }
        }
        if let Kind::Remote(Remote::Forward(service)) = &declared.kind {
            all.fields.extend(service.headers.iter().filter_map(|name| HeaderName::try_from(name.as_str()).ok()));
        }
    }
    all
}

/// The kinds of auths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A signed token (RFC 7519).
    Jwt(Jwt),
    /// An API key.
    Key(Key),
    /// A name and a password (RFC 7617).
    Basic(Basic),
    /// What another service vouches for.
    Remote(Remote),
}

/// `auth jwt`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Jwt {
    /// The HMAC key; for algorithms with a key pair the private one, in PEM.
    pub key: Secret,
    /// What is accepted; all algorithms are of the key's family.
    #[serde(flatten)]
    pub terms: Terms,
}

/// Which tokens are accepted, whoever signs them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Algorithms. A key is never used for one of another family.
    pub algorithms: Vec<Algorithm>,
    /// Issuers; empty accepts any.
    pub issuer: Vec<String>,
    /// Audiences of which the token must name one; empty asks for none.
    pub audience: Vec<String>,
    /// How far the issuer's clock may be off (30 s).
    pub leeway: Duration,
    /// Where the token is looked for.
    pub from: Vec<Carrier>,
}

/// Where a credential is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// A field. In `Authorization` tokens stand behind `Bearer`.
    Header(#[serde(with = "header_name")] HeaderName),
    /// A cookie.
    Cookie(String),
    /// A query parameter, for keys only.
    Query(String),
}

/// `auth key`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Where the key is looked for.
    pub from: Vec<Carrier>,
    /// Lines of keys.
    pub keys: Vec<Secret>,
    /// Keys that are declared one by one.
    pub single: Vec<SingleKey>,
}

/// `key NAME SECRET { attribute value }`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SingleKey {
    /// Its owner's name.
    pub name: String,
    /// The key itself.
    pub secret: Secret,
    /// Attributes that are given, by name.
    pub attributes: Vec<(String, Value)>,
}

/// `auth basic`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Basic {
    /// htpasswd lines.
    pub users: Secret,
}

/// One claim or attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeDecl {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: AttributeType,
    /// `T?`: it may be missing.
    pub optional: bool,
    /// What it is when it is missing.
    pub default: Option<Value>,
    /// Where a token has it: a claim's literal name, or a JSON pointer that begins with `/`.
    pub source: String,
}

impl AttributeDecl {
    /// An attribute that is always there.
    #[must_use]
    pub fn text(name: &str) -> Self {
        Self { name: name.to_owned(), ty: AttributeType::Text, optional: false, default: None, source: name.to_owned() }
    }

    /// Its type in expressions.
    #[must_use]
    pub fn expression_type(&self) -> Type {
        let ty = match &self.ty {
            AttributeType::Bool => Type::Bool,
            AttributeType::Int => Type::Int,
            AttributeType::Text => Type::Str,
            AttributeType::Enum(choices) => Type::Enum(choices.as_slice().into()),
            AttributeType::Set => Type::Set(Box::new(Type::Str)),
        };
        if self.optional { ty.optional() } else { ty }
    }
}

/// Types of claims and attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// `bool`
    Bool,
    /// `int`, never negative
    Int,
    /// `str`
    Text,
    /// `enum(a, b)`
    Enum(Vec<String>),
    /// `set<str>` or `list<str>`: in a token an array, or a string with spaces between; in a line of keys with commas between
    Set,
}
