//! A body that stands in the policy itself: its format and its text, whose holes are encoded so that they cannot leave
//! their place.

use crate::diag::{Code, Span};
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::{Encoding, Expr, Piece};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Given};
use serde::{Deserialize, Serialize};

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `application/json`
    Json,
    /// `text/plain; charset=utf-8`
    Text,
    /// `text/html; charset=utf-8`
    Html,
}

impl Format {
    /// The words for them.
    pub const WORDS: &'static [&'static str] = &["json", "text", "html"];

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The one of a word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "json" => Self::Json,
            "html" => Self::Html,
            _ => Self::Text,
        }
    }
}

/// Reads a body's text; one that is called JSON is JSON whatever its holes are filled with.
pub fn text(given: Given<'_>, format: Format, by: Moment, checker: &mut Checker<'_>) -> Option<Expr> {
    let spot = match format {
        Format::Json => Spot::Json,
        Format::Text => Spot::Plain,
        Format::Html => Spot::Html,
    };
    let typed = checker.typed(given, &Want { ty: Some(Type::Str), by, spot, response: by == Moment::Response })?;
    if format == Format::Json {
        json(&typed.expr, typed.span, checker)?;
    }
    Some(typed.expr)
}

fn json(text: &Expr, span: Span, checker: &mut Checker<'_>) -> Option<()> {
    let sample = match text {
        Expr::Const(Value::Text(text)) => text.to_string(),
        Expr::Text(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Hole(_, Encoding::JsonValue) => "null",
                Piece::Hole(..) => "x",
            })
            .collect(),
        _ => {
            checker.error(Code::TypeMismatch, "a JSON text is expected", span, "not written out");
            return None;
        }
    };
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&sample) {
        checker.error(Code::TypeMismatch, "this is not JSON", span, error.to_string());
        return None;
    }
    Some(())
}

/// One status of a range.
pub fn status(given: Given<'_>, range: std::ops::RangeInclusive<u16>, label: &str, checker: &mut Checker<'_>) -> Option<u16> {
    match checker.constant(given, Type::Status)? {
        Value::Status(low, high) if low == high && range.contains(&low) => Some(low),
        Value::Status(low, high) if low == high => {
            checker.error(Code::TypeRange, format!("`{low}` is out of range"), given.expr.span, label);
            None
        }
        _ => {
            checker.error(Code::TypeRange, "one status is expected", given.expr.span, label);
            None
        }
    }
}
