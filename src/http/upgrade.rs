//! WebSocket handshakes (RFC 6455 §4): which requests ask for one, and which answers grant it.
//!
//! An `Upgrade` in a map of fields is one that was judged here: whoever reads a head leaves out all others, which are for one
//! hop only.

use super::hop::is_listed;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, HeaderValue};

/// The one protocol that HTTP is given up for.
pub const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// Bytes of a key.
const KEY_BYTES: usize = 16;
/// What an answer's digest adds to the key (RFC 6455 §1.3).
const ADDED: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// True for a GET of HTTP/1.1 without a body whose `Upgrade` has this value and whose other fields are these, if they are
/// those of a handshake: one key that is one, and the one version there is.
#[must_use]
pub fn is_asked(upgrade: &[u8], headers: &HeaderMap) -> bool {
    let version = only(headers, &SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let key = only(headers, &SEC_WEBSOCKET_KEY).is_some_and(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == KEY_BYTES));
    upgrade.eq_ignore_ascii_case(WEBSOCKET.as_bytes()) && version && key
}

/// True when an answer of 101 switches to what was asked for with this key, and shows that it has read it.
#[must_use]
pub fn is_granted(upgrade: &[u8], accept: Option<&HeaderValue>, key: &HeaderValue) -> bool {
    is_listed(upgrade, WEBSOCKET.as_bytes()) && accept.is_some_and(|accept| accept.as_bytes() == answer_to(key).as_bytes())
}

/// The value of `Sec-WebSocket-Accept` that answers a key.
#[must_use]
pub fn answer_to(key: &HeaderValue) -> String {
    let mut text = key.as_bytes().to_vec();
    text.extend_from_slice(ADDED);
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text))
}

/// A new key, for a client whose own handshake needs none (RFC 8441 §5).
#[must_use]
pub fn new_key(random: &mut fastrand::Rng) -> HeaderValue {
    let key: [u8; KEY_BYTES] = std::array::from_fn(|_| random.u8(..));
    HeaderValue::try_from(STANDARD.encode(key)).unwrap_or(WEBSOCKET)
}

fn only<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::{answer_to, is_asked, is_granted, new_key};
    use http::{HeaderMap, HeaderName, HeaderValue};

    static KEY: HeaderValue = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");

    fn asked(upgrade: &str, fields: &[(&'static str, &str)]) -> bool {
        let fields = fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        is_asked(upgrade.as_bytes(), &fields.collect::<HeaderMap>())
    }

    #[test]
    fn a_handshake_has_one_key_of_sixteen_bytes_and_version_13() {
        let (key, version) = (("sec-websocket-key", KEY.to_str().unwrap()), ("sec-websocket-version", "13"));
        assert!(asked("websocket", &[key, version]) && asked("WebSocket", &[key, version]));
        for upgrade in ["h2c", "websocket, h2c", "websocket/13", ""] {
            assert!(!asked(upgrade, &[key, version]), "{upgrade}");
        }
        assert!(!asked("websocket", &[key]) && !asked("websocket", &[version]));
        assert!(!asked("websocket", &[key, ("sec-websocket-version", "8")]));
        for bad in ["", "short", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZQ"] {
            assert!(!asked("websocket", &[("sec-websocket-key", bad), version]), "{bad}");
        }
    }

    #[test]
    fn an_answer_shows_that_the_key_was_read() {
        // The example of RFC 6455 §1.3.
        let accept = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer_to(&KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_granted(b"websocket", Some(&accept), &KEY) && is_granted(b"WebSocket", Some(&accept), &KEY));
        assert!(!is_granted(b"h2c", Some(&accept), &KEY) && !is_granted(b"websocket", None, &KEY));
        assert!(!is_granted(b"websocket", Some(&accept), &new_key(&mut fastrand::Rng::with_seed(1))));
    }
}
