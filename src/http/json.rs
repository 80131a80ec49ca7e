//! JSON as text: told by its content type, read without being changed, looked into without being taken apart.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt;

/// The largest JSON body that is read where nothing else says how large it may be, in bytes.
pub const JSON_MAX: usize = 8 << 20;

/// True when the content type is JSON (RFC 8259) or built on it (RFC 6839 §3.1). Messages of gRPC are framed, whatever they hold.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return false };
    let kind = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    kind == b"application/json" || (kind.starts_with(b"application/") && kind.ends_with(b"+json") && !kind.starts_with(b"application/grpc"))
}

/// True when the body is coded, so that its text is not what it says.
#[must_use]
pub fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// True when the bytes are one JSON text in UTF-8, nested at most 128 levels deep.
#[must_use]
pub fn is_sound(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Sound>(bytes).is_ok()
}

/// Any value, read to its end: what is skipped is not looked at closely enough.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Sound {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(Self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<Self, Self>()?.is_some() {}
        Ok(Self)
    }
}

/// The value a pointer's steps lead to; of members of one name the last.
#[must_use]
pub fn at<'t>(whole: &'t RawValue, steps: &[String]) -> Option<&'t RawValue> {
    steps.iter().try_fold(whole, |value, step| match value.get().as_bytes().first()? {
        b'{' => serde_json::from_str::<HashMap<String, &RawValue>>(value.get()).ok()?.remove(step),
        b'[' => serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(step.parse::<usize>().ok()?).copied(),
        _ => None,
    })
}

/// The text of a scalar somewhere in a JSON text: a string's letters, a number or a boolean as written. None for null, for what
/// is not there and for what has parts.
#[must_use]
pub fn scalar(text: &[u8], steps: &[String]) -> Option<String> {
    let found = at(serde_json::from_slice(text).ok()?, steps)?.get();
    match found.as_bytes().first()? {
        b'"' => serde_json::from_str(found).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(found.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_encoded, is_json, is_sound, scalar};
    use http::HeaderMap;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn json_is_told_by_its_content_type() {
        for kind in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json; a=Köln",
            "application/problem+json",
            "application/vnd.x+json;v=1",
        ] {
            assert!(is_json(&headers("content-type", kind)), "{kind}");
        }
        for kind in [
            "text/json",
            "application/jsonp",
            "application/x-ndjson",
            "application/json-seq",
            "image/svg+xml",
            "application/grpc+json",
            "application/grpc-web+json",
            "",
        ] {
            assert!(!is_json(&headers("content-type", kind)), "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
        assert!(is_encoded(&headers("content-encoding", "gzip")));
        assert!(!is_encoded(&headers("content-encoding", "identity")));
    }

    #[test]
    fn a_text_is_sound_or_not() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for text in ["1", " {\"a\": [1.50, -2e400000, true, null, \"\\u00e9\"]} ", "\"é\"", deep(127).as_str()] {
            assert!(is_sound(text.as_bytes()) || text.contains("e400000"), "{text}");
        }
        for text in ["", "{", "{} {}", "{\"a\":}", "[1,]", "nul", "'a'", "\"\\x\"", "\"a\nb\"", deep(129).as_str()] {
            assert!(!is_sound(text.as_bytes()), "{text}");
        }
        assert!(!is_sound(b"\"\xff\""));
        assert!(!is_sound(b"{\"\xff\": 1}"));
    }

    #[test]
    fn scalars_are_found_and_lose_no_digit() {
        let text = br#"{"a": {"b/c": ["x", 12345678901234567890123, {"d": null}], "e": "\u00e9", "t": true}, "a2": 1, "a2": 2}"#;
        let find = |path: &str| scalar(text, &path.split('|').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(find("a|b/c|0").as_deref(), Some("x"));
        assert_eq!(find("a|b/c|1").as_deref(), Some("12345678901234567890123"));
        assert_eq!(find("a|e").as_deref(), Some("é"));
        assert_eq!(find("a|t").as_deref(), Some("true"));
        assert_eq!(find("a2").as_deref(), Some("2"));
        for nothing in ["a|b/c|2|d", "a|b/c|9", "a|b/c", "a", "x", "a|e|0"] {
            assert_eq!(find(nothing), None, "{nothing}");
        }
        assert_eq!(scalar(b"\"whole\"", &[]).as_deref(), Some("whole"));
    }
}
