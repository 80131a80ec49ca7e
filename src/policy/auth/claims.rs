//! The JSON of tokens: objects in base64url, and claims in them by name or by pointer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value as Json};

/// A JSON object in canonical base64url: no padding, no surplus bits, no member twice.
pub fn object(part: &str) -> Option<Map<String, Json>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice::<Unique>(&bytes).ok().map(|unique| unique.0)
}

/// An object without two members of one name, of which readers could disagree (RFC 7515 §4).
struct Unique(Map<String, Json>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Unique;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Json>()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member stands twice"));
                    }
                }
                Ok(Unique(map))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The member of a literal name, or what a JSON pointer (RFC 6901) leads to.
pub fn at<'p>(payload: &'p Map<String, Json>, source: &str) -> Option<&'p Json> {
    let Some(pointer) = source.strip_prefix('/') else { return payload.get(source) };
    let (first, rest) = pointer.split_once('/').map_or((pointer, None), |(first, rest)| (first, Some(rest)));
    let member = payload.get(&unescape(first))?;
    match rest {
        None => Some(member),
        Some(rest) => member.pointer(&format!("/{rest}")),
    }
}

/// Puts a value where [`at`] finds it. Members on the way become objects.
pub fn put(payload: &mut Map<String, Json>, source: &str, value: Json) {
    let Some(pointer) = source.strip_prefix('/') else {
        payload.insert(source.to_owned(), value);
        return;
    };
    match pointer.split_once('/') {
        None => {
            payload.insert(unescape(pointer), value);
        }
        Some((first, rest)) => {
            let member = payload.entry(unescape(first)).or_insert_with(|| Json::Object(Map::new()));
            if !member.is_object() {
                *member = Json::Object(Map::new());
            }
            if let Json::Object(inner) = member {
                put(inner, &format!("/{rest}"), value);
            }
        }
    }
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}
