//! Types of the language.

use std::sync::Arc;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `str`
    Str,
    /// `duration`
    Duration,
    /// `size`
    Size,
    /// `percent`
    Percent,
    /// `rate`
    Rate,
    /// `status`: one or a set of codes
    Status,
    /// `method`
    Method,
    /// `ip`
    Ip,
    /// `cidr`
    Cidr,
    /// `address`
    Address,
    /// `host`
    Host,
    /// `regex`
    Regex,
    /// `path`
    Path,
    /// `url`
    Url,
    /// `date`
    Date,
    /// `secret`
    Secret,
    /// `enum(a, b)`
    Enum(Arc<[String]>),
    /// `range<T>`
    Range(Box<Type>),
    /// `list<T>`
    List(Box<Type>),
    /// `set<T>`
    Set(Box<Type>),
    /// `T?`
    Optional(Box<Type>),
    /// The type of `none` and of an empty list's members: fits any optional.
    Nothing,
}

impl Type {
    /// The type without `?`.
    #[must_use]
    pub fn present(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner,
            other => other,
        }
    }

    /// The same type with `?`.
    #[must_use]
    pub fn optional(self) -> Self {
        match self {
            Self::Optional(_) => self,
            other => Self::Optional(Box::new(other)),
        }
    }

    /// True when a value may be missing.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(self, Self::Optional(_) | Self::Nothing)
    }

    /// The type of the members of a list, set or range.
    #[must_use]
    pub fn member(&self) -> Option<&Self> {
        match self {
            Self::List(inner) | Self::Set(inner) | Self::Range(inner) => Some(inner),
            _ => None,
        }
    }

    /// True when the value is one piece of text, number or time: it can stand in a header or a key.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        !matches!(self.present(), Self::List(_) | Self::Set(_) | Self::Range(_) | Self::Regex | Self::Secret | Self::Nothing)
    }

    /// True when the value is kept as text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(
            self.present(),
            Self::Str | Self::Method | Self::Host | Self::Path | Self::Url | Self::Enum(_) | Self::Address | Self::Date
        )
    }

    /// True when a value of this type may be compared with one of the other. There is no implicit conversion, but text of
    /// any kind compares with `str`, and an address with a network.
    #[must_use]
    pub fn comparable(&self, other: &Self) -> bool {
        let (left, right) = (self.present(), other.present());
        left == right
            || matches!((left, right), (Self::Nothing, _) | (_, Self::Nothing))
            || matches!((left, right), (Self::Str, text) | (text, Self::Str) if text.is_text())
    }

    /// The names of the types that have no parameters, for did-you-mean.
    pub const SIMPLE: &'static [(&'static str, Self)] = &[
        ("bool", Self::Bool),
        ("int", Self::Int),
        ("str", Self::Str),
        ("duration", Self::Duration),
        ("size", Self::Size),
        ("percent", Self::Percent),
        ("rate", Self::Rate),
        ("status", Self::Status),
        ("method", Self::Method),
        ("ip", Self::Ip),
        ("cidr", Self::Cidr),
        ("address", Self::Address),
        ("host", Self::Host),
        ("regex", Self::Regex),
        ("path", Self::Path),
        ("url", Self::Url),
        ("date", Self::Date),
        ("secret", Self::Secret),
    ];

    /// The names of the types that have parameters.
    pub const GENERIC: &'static [&'static str] = &["enum", "list", "set", "range"];
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Enum(choices) => write!(f, "enum({})", choices.join(", ")),
            Self::Range(inner) => write!(f, "range<{inner}>"),
            Self::List(inner) => write!(f, "list<{inner}>"),
            Self::Set(inner) => write!(f, "set<{inner}>"),
            Self::Optional(inner) => write!(f, "{inner}?"),
            Self::Nothing => f.write_str("none"),
            simple => f.write_str(Self::SIMPLE.iter().find(|(_, known)| known == simple).map_or("?", |(name, _)| name)),
        }
    }
}
