//! The head of a request of HTTP/2, judged by the rules the frames' reader leaves open.
//!
//! What has passed it already: pseudo-fields once each and first, names in lower case, no connection-specific fields, `TE`
//! of nothing but `trailers`, at most one length (RFC 9113 §8).

use crate::http::h1::{Refusal, is_authority};
use crate::http::upgrade::WEBSOCKET;
use h2::ext::Protocol;
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, request};

/// A request's head with one reading.
#[derive(Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// Path and query as sent, or `*`.
    pub target: PathAndQuery,
    /// `:authority`, else the Host.
    pub authority: HeaderValue,
    /// All fields but the Host and an expectation of 100.
    pub headers: HeaderMap,
    /// The length that was said of the body.
    pub length: Option<u64>,
    /// The client waits for 100 before it sends its body.
    pub expects_continue: bool,
    /// It is a WebSocket's CONNECT (RFC 8441 §4), told as the GET that it would be over HTTP/1.1, but for the key.
    pub opens_websocket: bool,
}

const fn bad(detail: &'static str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, detail }
}

/// Judges a head.
///
/// # Errors
/// When it has more than one reading, or too many fields.
pub fn judge(parts: request::Parts, fields_max: usize) -> Result<Head, Refusal> {
    let request::Parts { mut method, uri, mut headers, extensions, .. } = parts;
    let opens_websocket =
        method == Method::CONNECT && extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket");
    if opens_websocket {
        // What it would be over HTTP/1.1; so policies and upstreams see one kind of handshake. The key is added where there
        // is randomness.
        method = Method::GET;
        headers.insert(UPGRADE, WEBSOCKET);
    } else if method == Method::CONNECT {
        return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, detail: "the gateway is no proxy to connect through" });
    }
    join_cookies(&mut headers);
    if headers.len() > fields_max {
        return Err(Refusal { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail: "the head has too many fields" });
    }
    if headers.iter().any(|(name, value)| is_alias(name) || is_padded(value)) {
        return Err(bad("a field is malformed"));
    }
    let authority = authority(&uri, &headers)?;
    let target = uri.into_parts().path_and_query.ok_or(bad("the request's target is malformed"))?;
    let is_asterisk = target == "*" && method == Method::OPTIONS;
    if !is_asterisk && (!target.as_str().starts_with('/') || !target.as_str().bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(bad("the request's target is malformed"));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|digits| digits.parse().ok());
    let expects_continue = headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    headers.remove(HOST);
    if expects_continue {
        headers.remove(EXPECT);
    }
    Ok(Head { method, target, authority, headers, length, expects_continue, opens_websocket })
}

/// `:authority` and Host say the same where both are there (RFC 9113 §8.3.1).
fn authority(uri: &http::Uri, headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() {
        return Err(bad("there is more than one Host"));
    }
    let authority = match (uri.authority(), host) {
        (Some(authority), Some(host)) if !authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()) => {
            return Err(bad("the request's Host is not its authority"));
        }
        (Some(authority), _) => HeaderValue::from_str(authority.as_str()).map_err(|_| bad("the request's authority is malformed"))?,
        (None, Some(host)) => host.clone(),
        (None, None) => return Err(bad("the request has no authority")),
    };
    if is_authority(authority.as_bytes()) { Ok(authority) } else { Err(bad("the request's authority is malformed")) }
}

/// One field of what was sent in several, as HTTP/1.1 knows it (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let mut joined = Vec::new();
    for crumb in headers.get_all(COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(crumb.as_bytes());
    }
    // Parts of field values, and so one.
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, value);
    }
}

/// A name that some servers would take for that of a framing field.
fn is_alias(name: &HeaderName) -> bool {
    matches!(name.as_str(), "content_length" | "transfer_encoding")
}

/// A value does not begin or end with blanks (RFC 9113 §8.2.1).
fn is_padded(value: &HeaderValue) -> bool {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    blank(value.as_bytes().first()) || blank(value.as_bytes().last())
}

#[cfg(test)]
mod tests {
    use super::{Head, Refusal, judge};
    use http::{Request, StatusCode};

    fn judged(method: &str, uri: &str, fields: &[(&str, &str)]) -> Result<Head, Refusal> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        judge(request.body(()).unwrap().into_parts().0, 100)
    }

    #[test]
    fn the_authority_is_the_host_and_a_host_that_differs_is_refused() {
        let head = judged("GET", "http://shop.example/a?b", &[("host", "Shop.Example"), ("accept", "*/*")]).unwrap();
        assert_eq!((head.authority.to_str().unwrap(), head.target.as_str()), ("shop.example", "/a?b"));
        assert_eq!(head.headers.len(), 1);
        assert_eq!(judged("GET", "/a", &[("host", "shop.example")]).unwrap().authority, "shop.example");
        for fields in [&[("host", "evil.example")][..], &[("host", "shop.example"), ("host", "shop.example")]] {
            assert_eq!(judged("GET", "http://shop.example/", fields).unwrap_err().status, StatusCode::BAD_REQUEST);
        }
        assert!(judged("GET", "/", &[]).is_err());
        assert!(judged("GET", "http://user@shop.example/", &[]).is_err());
        for nameless in [judged("GET", "http://./a", &[]), judged("GET", "http://.:80/a", &[]), judged("GET", "/a", &[("host", ".")])] {
            assert_eq!(nameless.unwrap_err().status, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn cookies_are_joined() {
        let head = judged("GET", "http://a/", &[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]).unwrap();
        assert_eq!(head.headers["cookie"], "a=1; b=2; c=3");
        assert_eq!(head.headers.get_all("cookie").iter().count(), 1);
    }

    #[test]
    fn a_head_that_could_be_read_otherwise_is_refused() {
        for field in [("content_length", "3"), ("transfer_encoding", "chunked"), ("x", " padded"), ("x", "padded\t")] {
            assert!(judged("GET", "http://a/", &[field]).is_err(), "{field:?}");
        }
        assert_eq!(judged("CONNECT", "a:443", &[]).unwrap_err().status, StatusCode::METHOD_NOT_ALLOWED);
        for (protocol, opens) in [("websocket", true), ("connect-udp", false)] {
            let connect = Request::builder().method("CONNECT").uri("http://a/live").extension(h2::ext::Protocol::from(protocol));
            let judged = judge(connect.body(()).unwrap().into_parts().0, 100);
            assert_eq!(
                judged.is_ok_and(|head| head.opens_websocket && head.method == "GET" && head.headers["upgrade"] == "websocket"),
                opens
            );
        }
        assert!(judged("GET", "*", &[("host", "a")]).is_err());
        assert!(judged("OPTIONS", "*", &[("host", "a")]).is_ok());
        let many: Vec<(String, String)> = (0..101).map(|number| (format!("x-{number}"), "y".to_owned())).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(judged("GET", "http://a/", &many).unwrap_err().status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}
