//! A part of what is stored (RFC 9110 §14). One range is answered; of several, and of what cannot be read, the whole is.

use http::HeaderMap;
use http::header::RANGE;

/// What a request wants of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// Bytes from the first up to and with the last.
    Part(u64, u64),
    /// Nothing that is there.
    Nothing,
}

/// What a request wants of a body of so many bytes.
#[must_use]
pub fn wanted(request: &HeaderMap, length: u64) -> Wanted {
    let Some(text) = request.get(RANGE).and_then(|value| value.to_str().ok()) else { return Wanted::Whole };
    let Some((unit, set)) = text.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Number::None, Number::Some(0)) => Wanted::Nothing,
        (Number::None, Number::Some(_)) if length == 0 => Wanted::Nothing,
        (Number::None, Number::Some(suffix)) => Wanted::Part(length.saturating_sub(suffix), length - 1),
        (Number::Some(first), Number::None) if first < length => Wanted::Part(first, length - 1),
        (Number::Some(first), Number::Some(last)) if first > last => Wanted::Whole,
        (Number::Some(first), Number::Some(last)) if first < length => Wanted::Part(first, last.min(length - 1)),
        (Number::Some(_), Number::None | Number::Some(_)) => Wanted::Nothing,
        (Number::None, Number::None) | (Number::Bad, _) | (_, Number::Bad) => Wanted::Whole,
    }
}

enum Number {
    None,
    Some(u64),
    Bad,
}

fn number(text: &str) -> Number {
    if text.is_empty() {
        return Number::None;
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Number::Bad;
    }
    Number::Some(text.parse().unwrap_or(u64::MAX))
}
