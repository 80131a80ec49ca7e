//! What the gateway has to know of gRPC over HTTP: the form of its errors, and its deadlines.

use super::{Body, Problem, Reply, Source};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::fmt::Write as _;
use std::time::Duration;

/// `grpc-status`
pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// `grpc-message`
pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Digits of a deadline.
const DIGITS_MAX: usize = 8;
/// The longest deadline that is kept; what is longer bounds nothing.
const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// A call: kept of a request whose fields have gone on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call;

/// True for the request of a call.
#[must_use]
pub fn is_call(method: &Method, headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let of_grpc = |value: &HeaderValue| {
        let (kind, rest) = value.as_bytes().split_at_checked(GRPC.len()).unwrap_or_default();
        kind.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b'-' | b' '))
    };
    *method == Method::POST && headers.get(CONTENT_TYPE).is_some_and(of_grpc)
}

/// How long the caller waits, by its `grpc-timeout`.
#[must_use]
pub fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let (unit, digits) = headers.get(GRPC_TIMEOUT)?.as_bytes().split_last()?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.len() <= DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let count: u64 = digits.parse().ok()?;
    let time = match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    };
    Some(time).filter(|time| *time <= TIMEOUT_MAX)
}

/// A refusal or a failure as a caller understands it: 200 without a body, its status in the fields.
#[must_use]
pub fn refusal(problem: Problem) -> Reply {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from(code(problem.status)));
    headers.insert(GRPC_MESSAGE, message(&problem.detail));
    for (name, value) in problem.headers {
        headers.append(name, value);
    }
    Reply { status: StatusCode::OK, headers, body: Body::empty(), source: Source::Gateway }
}

/// The status of gRPC that says what one of HTTP says.
fn code(status: StatusCode) -> u16 {
    const UNKNOWN: u16 = 2;
    const DEADLINE_EXCEEDED: u16 = 4;
    const PERMISSION_DENIED: u16 = 7;
    const RESOURCE_EXHAUSTED: u16 = 8;
    const UNIMPLEMENTED: u16 = 12;
    const INTERNAL: u16 = 13;
    const UNAVAILABLE: u16 = 14;
    const UNAUTHENTICATED: u16 = 16;
    match status {
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        StatusCode::FORBIDDEN => PERMISSION_DENIED,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => UNIMPLEMENTED,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => DEADLINE_EXCEEDED,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => RESOURCE_EXHAUSTED,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
        StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR => INTERNAL,
        _ => UNKNOWN,
    }
}

/// Text as `grpc-message` has it: all but visible ASCII in percent-encoding, and `%` too.
fn message(text: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    HeaderValue::try_from(encoded).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::{GRPC_MESSAGE, GRPC_STATUS, is_call, refusal, timeout};
    use crate::http::Problem;
    use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
    use http_body::Body as _;
    use std::time::Duration;

    fn field(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn calls_are_told_by_their_media_type() {
        for kind in ["application/grpc", "application/grpc+proto", "Application/gRPC;x=1", "application/grpc-web+proto"] {
            assert!(is_call(&Method::POST, &field("content-type", kind)), "{kind}");
            assert!(!is_call(&Method::GET, &field("content-type", kind)), "{kind}");
        }
        for kind in ["application/grpcs", "application/json", "", "text/application/grpc"] {
            assert!(!is_call(&Method::POST, &field("content-type", kind)), "{kind}");
        }
    }

    #[test]
    fn deadlines_are_read_with_their_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("250m", Some(Duration::from_millis(250))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("5n", Some(Duration::from_nanos(5))),
            ("0m", Some(Duration::ZERO)),
            ("99999999H", None),
            ("999999999m", None),
            ("1s", None),
            ("-1S", None),
            ("S", None),
            ("", None),
        ] {
            assert_eq!(timeout(&field("grpc-timeout", text)), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_says_in_its_fields_what_is_wrong() {
        for (status, code) in [(401, "16"), (403, "7"), (404, "12"), (429, "8"), (502, "14"), (503, "14"), (504, "4"), (418, "2")] {
            let reply = refusal(Problem::new(StatusCode::from_u16(status).unwrap(), "50% é"));
            assert_eq!((reply.status, &reply.headers[GRPC_STATUS]), (StatusCode::OK, &HeaderValue::from_static(code)));
            assert_eq!(reply.headers[GRPC_MESSAGE], "50%25 %C3%A9");
            assert!(reply.body.is_end_stream());
        }
    }
}
