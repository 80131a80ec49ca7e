//! What a request or a reply says under a name: in fields, cookies and parameters of the query. Values are bytes (RFC 9110 §5.5):
//! whoever drops what is no ASCII does not see what the next hop gets.

use http::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCESS_CONTROL_REQUEST_HEADERS, CACHE_CONTROL, CONTENT_ENCODING,
    CONTENT_LANGUAGE, COOKIE, FORWARDED, IF_MATCH, IF_NONE_MATCH, LINK, PRAGMA, TE, TRAILER, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What a field may be taken to say: its lines one by one, or together where it [is a list](is_list).
pub fn readings<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = Cow<'h, [u8]>> {
    let (whole, lines) = if is_list(name) { (field(headers, name), None) } else { (None, Some(headers.get_all(name))) };
    whole.into_iter().chain(lines.into_iter().flatten().map(|line| Cow::Borrowed(line.as_bytes())))
}

/// A field's value: of a list all lines, joined (RFC 9110 §5.3; those of cookies by `;`, RFC 9113 §8.2.3), else the first.
#[must_use]
pub fn field<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Cow<'h, [u8]>> {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = lines.next()?;
    let more = lines.take_while(|_| is_list(name));
    Some(more.fold(Cow::Borrowed(first), |value, line| {
        let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
        Cow::Owned([&*value, separator, line].concat())
    }))
}

/// True for fields that are lists by their definition, so that who reads them joins their lines. Of others some next hops read the
/// first line, some the last.
#[must_use]
pub fn is_list(name: &HeaderName) -> bool {
    const DEFINED: &[HeaderName] = &[
        ACCEPT,
        ACCEPT_CHARSET,
        ACCEPT_ENCODING,
        ACCEPT_LANGUAGE,
        ACCESS_CONTROL_REQUEST_HEADERS,
        CACHE_CONTROL,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        COOKIE,
        FORWARDED,
        IF_MATCH,
        IF_NONE_MATCH,
        LINK,
        PRAGMA,
        TE,
        TRAILER,
        UPGRADE,
        VIA,
    ];
    DEFINED.contains(name) || matches!(name.as_str(), "x-forwarded-for" | "prefer" | "priority" | "tracestate" | "baggage")
}

/// The values of a cookie in the order they stand (RFC 6265 §4.2.1), without the quotes around them.
pub fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let values = pairs(headers).filter_map(move |pair| value_of(pair, name));
    values.map(|value| value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(value))
}

fn value_of<'h>(pair: &'h [u8], name: &str) -> Option<&'h [u8]> {
    pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// Takes the cookies of a name away; the others stay as they are.
pub fn remove_cookie(headers: &mut HeaderMap, name: &str) {
    let left = pairs(headers).filter(|pair| !pair.is_empty() && value_of(pair, name).is_none()).collect::<Vec<_>>().join(&b"; "[..]);
    headers.remove(COOKIE);
    if !left.is_empty()
        && let Ok(value) = HeaderValue::from_bytes(&left)
    {
        headers.insert(COOKIE, value);
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).map(<[u8]>::trim_ascii)
}

/// The values of a parameter of the query in the order they stand, with `+` and percent-encoding resolved.
pub fn parameters<'q>(query: &'q str, name: &str) -> impl Iterator<Item = Cow<'q, [u8]>> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(key, _)| *decoded(key) == *name.as_bytes()).map(|(_, value)| decoded(value))
}

fn decoded(raw: &str) -> Cow<'_, [u8]> {
    if raw.contains('+') { Cow::Owned(percent_decode_str(&raw.replace('+', " ")).collect()) } else { percent_decode_str(raw).into() }
}

/// Bytes as text, with U+FFFD for what is none.
#[must_use]
pub fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{cookies, field, parameters, readings, remove_cookie};
    use http::header::{COOKIE, VIA};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(lines: &[(&str, &[u8])]) -> HeaderMap {
        let line = |(name, value): &(&str, &[u8])| (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value).unwrap());
        lines.iter().map(line).collect()
    }

    #[test]
    fn lines_of_a_list_are_one_value() {
        let headers =
            headers(&[("via", b"1.1 a"), ("cookie", b"a=1"), ("via", b"1.1 b\xff"), ("cookie", b"b=2"), ("x", b"1"), ("x", b"2")]);
        assert_eq!(field(&headers, &VIA).as_deref(), Some(&b"1.1 a, 1.1 b\xff"[..]));
        assert_eq!(field(&headers, &HeaderName::from_static("x")).as_deref(), Some(&b"1"[..]));
        let lines: Vec<_> = readings(&headers, &HeaderName::from_static("x")).collect();
        assert_eq!(lines, [&b"1"[..], b"2"]);
        assert_eq!(field(&headers, &COOKIE).as_deref(), Some(&b"a=1; b=2"[..]));
        assert_eq!(field(&headers, &HeaderName::from_static("x-none")), None);
    }

    #[test]
    fn a_cookie_is_found_and_removed_beside_one_that_is_no_ascii() {
        let mut headers = headers(&[("cookie", b"city=K\xc3\xb6ln; session=\"v\"; session2=w"), ("cookie", b"old=K\xf6ln;session=x")]);
        assert_eq!(cookies(&headers, "session").collect::<Vec<_>>(), [b"v", b"x"]);
        remove_cookie(&mut headers, "session");
        assert_eq!(
            headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>(),
            [b"city=K\xc3\xb6ln; session2=w; old=K\xf6ln"]
        );
    }

    #[test]
    fn parameters_are_decoded_to_bytes_and_all_there() {
        let all = |name| parameters("a=1&b=%ff&a=x+y&%61=%2B&c", name).map(|value| value.into_owned()).collect::<Vec<_>>();
        assert_eq!(all("a"), [b"1".to_vec(), b"x y".to_vec(), b"+".to_vec()]);
        assert_eq!(all("b"), [b"\xff".to_vec()]);
        assert_eq!((all("c"), all("d")), (vec![Vec::new()], Vec::new()));
    }
}
