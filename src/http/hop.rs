//! Fields that are for one hop only (RFC 9110 §7.6.1), and forwarding fields a client must not forge.

use super::upgrade::WEBSOCKET;
use http::header::{CONNECTION, TE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

/// Names to remove; a message rarely has more than a few of them.
type Names = SmallVec<[HeaderName; 4]>;

/// Removes the hop-by-hop fields of a request; `TE: trailers` stays, as gRPC needs it, and an `Upgrade` that was judged.
pub fn strip_request(headers: &mut HeaderMap) {
    let trailers = headers.contains_key(TE) && headers.get_all(TE).iter().any(wants_trailers);
    strip(headers, |name| *name == UPGRADE);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Removes the hop-by-hop fields of a reply.
pub fn strip_reply(headers: &mut HeaderMap) {
    strip(headers, |_| false);
}

/// Removes those forwarding fields for which nobody who is trusted stands.
pub fn strip_forwarding(headers: &mut HeaderMap, forged: impl Fn(&HeaderName) -> bool) {
    let forged: Names = headers.keys().filter(|name| is_forwarding(name.as_str()) && forged(name)).cloned().collect();
    for name in &forged {
        headers.remove(name);
    }
}

/// Removes what has no place in trailers: what frames, routes or proves a message, or says how it is to be read
/// (RFC 9110 §6.5.1), and what is for one hop only.
pub fn strip_trailers(trailers: &mut HeaderMap) {
    let barred: Names = trailers.keys().filter(|name| is_barred_from_trailers(name.as_str())).cloned().collect();
    for name in &barred {
        trailers.remove(name);
    }
}

fn is_barred_from_trailers(name: &str) -> bool {
    let spelt = name.replace('_', "-");
    is_hop_by_hop(spelt.as_bytes())
        || is_protected(&spelt)
        || spelt.starts_with("if-")
        || spelt.starts_with("access-control-")
        || matches!(&*spelt, "age" | "expires" | "max-forwards" | "pragma" | "retry-after")
}

// One pass over the names that are there costs less than asking for each name that could be.
fn strip(headers: &mut HeaderMap, may_stay: impl Fn(&HeaderName) -> bool) {
    let mut doomed = Names::new();
    for name in headers.keys() {
        let stays = || may_stay(name) && headers.get(name) == Some(&WEBSOCKET);
        if (is_hop_by_hop(name.as_str().as_bytes()) || name == TE) && !stays() {
            doomed.push(name.clone());
        }
    }
    if doomed.contains(&CONNECTION) {
        let options: SmallVec<[HeaderValue; 2]> = headers.get_all(CONNECTION).iter().cloned().collect();
        for option in options {
            remove_named(headers, option.as_bytes());
        }
    }
    for name in &doomed {
        headers.remove(name);
    }
}

/// Removes the fields that a value of Connection names, but those that are end-to-end whatever it says.
pub fn remove_named(headers: &mut HeaderMap, options: &[u8]) {
    for option in options.split(|byte| *byte == b',') {
        if let Ok(name) = HeaderName::from_bytes(option.trim_ascii())
            && !is_protected(name.as_str())
        {
            headers.remove(name);
        }
    }
}

/// True when a list of tokens has this one.
#[must_use]
pub fn is_listed(list: &[u8], token: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|listed| listed.trim_ascii().eq_ignore_ascii_case(token))
}

/// A field for one hop only, but for `TE`. Asked of every field, so by length first.
#[must_use]
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    match name.len() {
        7 => name.eq_ignore_ascii_case(b"upgrade"),
        10 => name.eq_ignore_ascii_case(b"connection") || name.eq_ignore_ascii_case(b"keep-alive"),
        16 => name.eq_ignore_ascii_case(b"proxy-connection"),
        17 => name.eq_ignore_ascii_case(b"transfer-encoding"),
        18 => name.eq_ignore_ascii_case(b"proxy-authenticate"),
        19 => name.eq_ignore_ascii_case(b"proxy-authorization"),
        _ => false,
    }
}

/// A field that says where a request comes from, in lower case.
#[must_use]
pub fn is_forwarding(name: &str) -> bool {
    name == "forwarded" || name.len() == X_REAL_IP.len() && begins(name, X_REAL_IP) || begins(name, X_FORWARDED)
}

const X_REAL_IP: &str = "x-real-ip";
const X_FORWARDED: &str = "x-forwarded-";

fn begins(name: &str, with: &str) -> bool {
    name.len() >= with.len() && name.bytes().zip(with.bytes()).all(|(byte, of)| byte == of || (byte == b'_' && of == b'-'))
}

/// Removes what an upstream that reads fields as variables (CGI) would take for a forwarding field or for the request's
/// id: the same name with `_` for `-`. The gateway itself writes none of them, whoever is trusted.
pub fn strip_aliases(headers: &mut HeaderMap, request_id: &HeaderName) {
    let dashed = |name: &HeaderName| name.as_str().replace('_', "-");
    let is_alias = |name: &&HeaderName| {
        name.as_str().contains('_') && *name != request_id && (is_forwarding(&dashed(name)) || dashed(name) == dashed(request_id))
    };
    let forged: Names = headers.keys().filter(is_alias).cloned().collect();
    for name in &forged {
        headers.remove(name);
    }
}

/// Removes a field under every spelling that an upstream may take for it: those that read fields as variables (CGI) take
/// `X_User_Id` for `X-User-Id`.
pub fn remove_aliases(headers: &mut HeaderMap, name: &HeaderName) {
    headers.remove(name);
    if name.as_str().contains(['-', '_']) {
        let spelt: Names = headers.keys().filter(|other| are_aliases(other, name)).cloned().collect();
        for name in &spelt {
            headers.remove(name);
        }
    }
}

/// True when such an upstream takes one field's name for the other's.
#[must_use]
pub fn are_aliases(one: &HeaderName, other: &HeaderName) -> bool {
    let letter = |byte: u8| if byte == b'_' { b'-' } else { byte };
    one.as_str().bytes().map(letter).eq(other.as_str().bytes().map(letter))
}

/// Fields that are end-to-end whatever `Connection` says: without them a message means something else (a client could
/// otherwise take its own address, or the credential, out of a request).
#[must_use]
pub fn is_protected(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "authorization"
            | "cookie"
            | "set-cookie"
            | "content-length"
            | "content-type"
            | "content-encoding"
            | "content-range"
            | "cache-control"
            | "date"
            | "expect"
            | "location"
            | "origin"
            | "range"
            | "te"
            | "trailer"
            | "vary"
            | "via"
            | "www-authenticate"
            | "x-request-id"
            | "x-api-key"
            | "traceparent"
            | "tracestate"
    ) || is_forwarding(name)
}

fn wants_trailers(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|coding| {
        let name = coding.split(|byte| *byte == b';').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"trailers")
    })
}

#[cfg(test)]
mod tests {
    use super::{strip_aliases, strip_forwarding, strip_request, strip_trailers};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn hop_by_hop_fields_and_those_named_by_connection_are_dropped() {
        let mut headers = fields(&[
            ("connection", "close, X-Secret"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("upgrade", "h2c"),
            ("x-secret", "1"),
            ("accept", "*/*"),
        ]);
        strip_request(&mut headers);
        assert_eq!(headers, fields(&[("accept", "*/*")]));
    }

    #[test]
    fn connection_never_names_an_end_to_end_field_away() {
        let mut headers = fields(&[
            ("connection", "authorization, x-forwarded-for, host"),
            ("authorization", "Bearer x"),
            ("x-forwarded-for", "1.2.3.4"),
        ]);
        strip_request(&mut headers);
        assert_eq!(headers, fields(&[("authorization", "Bearer x"), ("x-forwarded-for", "1.2.3.4")]));
    }

    #[test]
    fn te_keeps_trailers_and_nothing_else() {
        let mut headers = fields(&[("te", "gzip, trailers;q=0.5")]);
        strip_request(&mut headers);
        assert_eq!(headers, fields(&[("te", "trailers")]));
    }

    #[test]
    fn trailers_frame_route_and_prove_nothing() {
        let barred = [
            "access-control-allow-origin",
            "authorization",
            "connection",
            "content-length",
            "content_length",
            "cookie",
            "expect",
            "forwarded",
            "host",
            "if-match",
            "keep-alive",
            "proxy-authorization",
            "set-cookie",
            "te",
            "trailer",
            "transfer-encoding",
            "transfer_encoding",
            "upgrade",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-request-id",
        ];
        let kept = [("grpc-status", "0"), ("checksum", "1"), ("digest", "2")];
        let mut trailers = fields(&kept);
        trailers.extend(fields(&barred.map(|name| (name, "x"))));
        strip_trailers(&mut trailers);
        assert_eq!(trailers, fields(&kept));
    }

    #[test]
    fn forged_forwarding_fields_are_dropped() {
        let kept = [("via", "1.1 a"), ("x-real-ipv6", "1"), ("x-forward", "1")];
        let forged = ["forwarded", "x-forwarded-for", "x_forwarded_for", "x-forwarded_port", "x-real-ip", "x_real_ip"];
        let mut headers = fields(&kept);
        headers.extend(fields(&forged.map(|name| (name, "x"))));
        strip_forwarding(&mut headers, |_| true);
        assert_eq!(headers, fields(&kept));
    }

    #[test]
    fn other_spellings_of_forwarding_fields_and_of_the_id_are_dropped() {
        let mut headers = fields(&[
            ("x_forwarded_for", "x"),
            ("x-forwarded_host", "x"),
            ("x_real_ip", "x"),
            ("x_request_id", "x"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-request-id", "1"),
            ("my_own", "1"),
        ]);
        strip_aliases(&mut headers, &HeaderName::from_static("x-request-id"));
        assert_eq!(headers, fields(&[("x-forwarded-for", "1.2.3.4"), ("x-request-id", "1"), ("my_own", "1")]));
    }
}
