//! The head of a request.

use super::lines::{Lines, Malformed};
use super::{Length, Limits, Refusal, is_token};
use crate::http::upgrade::{self, WEBSOCKET};
use bytes::{Bytes, BytesMut};
use http::header::{EXPECT, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use memchr::{memchr, memrchr};
use std::ops::Range;

/// What is asked for where nobody says which host it is of, as HTTP/1.0 does not have to (RFC 9112 §3.2): a host, so that no
/// link, redirect or upstream is left without one, and not the one that this machine has inside.
const UNNAMED: HeaderValue = HeaderValue::from_static("localhost");

/// A request's head with one reading.
#[derive(Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// Path and query as sent, or `*`.
    pub target: PathAndQuery,
    /// The authority of an absolute-form target, else the Host; `localhost` for HTTP/1.0 without either.
    pub authority: HeaderValue,
    /// All end-to-end fields but `Host` and an expectation of 100, and `Upgrade` where it asks for a WebSocket.
    pub headers: HeaderMap,
    /// How the body is delimited.
    pub length: Length,
    /// The connection may be used again.
    pub keeps_alive: bool,
    /// HTTP/1.0
    pub http_10: bool,
    /// The client waits for 100 before it sends its body.
    pub expects_continue: bool,
}

/// Reads the heads of a connection's requests.
#[derive(Debug)]
pub struct RequestScan {
    lines: Lines,
    limits: Limits,
    /// A Host that was found to be one: most connections ask for one host.
    known_host: Option<Bytes>,
    /// The first line of a head that has not come whole was looked at.
    judged: bool,
}

impl RequestScan {
    /// Reads heads within limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { lines: Lines::default(), limits, known_host: None, judged: false }
    }

    /// The next head, when it has come whole; its bytes are taken out of `input`. Its fields are put into `headers`, an
    /// empty map whose room is used again.
    ///
    /// # Errors
    /// When the head has more than one reading, or passes its limits. Nothing behind it can be read then.
    pub fn next(&mut self, input: &mut BytesMut, headers: &mut HeaderMap) -> Result<Option<RequestHead>, Refusal> {
        if input.is_empty() {
            return Ok(None);
        }
        let scanned = self.lines.scan(input, self.limits);
        if scanned != Ok(true) {
            // A first line that is none is refused at once, whatever comes behind it: who sends it may send nothing more
            // (HTTP/0.9).
            if !std::mem::replace(&mut self.judged, self.lines.first(input).is_some())
                && let Some(line) = self.lines.first(input)
            {
                RequestLine::read(line)?;
            }
            return scanned.map(|_| None).map_err(refusal);
        }
        self.judged = false;
        let head = input.split_to(self.lines.len()).freeze();
        let parsed = self.parse(&head, headers)?;
        self.lines.reset();
        Ok(Some(parsed))
    }

    fn parse(&mut self, head: &Bytes, headers: &mut HeaderMap) -> Result<RequestHead, Refusal> {
        let RequestLine { method, target, http_10 } = RequestLine::read(self.lines.first(head).unwrap_or_default())?;
        let method = Method::from_bytes(method).map_err(|_| Refusal::bad("the request's method is malformed"))?;
        let host = self.lines.host(head);
        match host {
            Some(host) if self.known_host.as_deref() == Some(host) => {}
            Some(host) if is_authority(host) => self.known_host = Some(Bytes::copy_from_slice(host)),
            Some(_) => return Err(Refusal::bad("the request's Host is malformed")),
            None if http_10 => {}
            None => return Err(Refusal::bad("the request has no Host")),
        }
        let (authority, target) = split_target(&method, target).ok_or(Refusal::bad("the request's target is malformed"))?;
        let length = self.lines.length().map_err(refusal)?;
        if http_10 && length == Some(Length::Chunked) {
            return Err(Refusal::bad("HTTP/1.0 knows no Transfer-Encoding"));
        }
        let bad = |_| Refusal::bad("the request's target is malformed");
        let target = match target {
            Target::Given(target) => PathAndQuery::from_maybe_shared(head.slice_ref(target)).map_err(bad)?,
            Target::Made(target) => PathAndQuery::try_from(target).map_err(bad)?,
        };
        let authority = match authority.or(host) {
            Some(authority) => HeaderValue::from_maybe_shared(head.slice_ref(authority)),
            None => Ok(UNNAMED),
        };
        let authority = authority.map_err(|_| Refusal::bad("the request's Host is malformed"))?;
        self.lines.fields(head, headers).map_err(refusal)?;
        if let Some(upgrade) = self.lines.upgrade(head)
            && method == Method::GET
            && !http_10
            && length.is_none_or(|length| length == Length::Bytes(0))
            && upgrade::is_asked(upgrade, headers)
        {
            headers.insert(UPGRADE, WEBSOCKET);
        }
        let expects_continue = self.lines.expects_continue();
        if expects_continue {
            // Met by the gateway itself, when the body is first asked for; HTTP/1.0 knows none (RFC 9110 §10.1.1).
            headers.remove(EXPECT);
        }
        Ok(RequestHead {
            method,
            target,
            authority,
            headers: std::mem::take(headers),
            length: length.unwrap_or(Length::Bytes(0)),
            keeps_alive: self.lines.keeps_alive(http_10),
            http_10,
            expects_continue: expects_continue && !http_10,
        })
    }
}

/// The first line of a request in its words; the target is not yet looked at.
struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    http_10: bool,
}

impl<'a> RequestLine<'a> {
    fn read(line: &'a [u8]) -> Result<Self, Refusal> {
        let (Some(first), Some(last)) = (memchr(b' ', line), memrchr(b' ', line)) else {
            return Err(Refusal::bad("the request line is malformed"));
        };
        let word = |range: Range<usize>| line.get(range).filter(|word| memchr(b' ', word).is_none());
        let (Some(method), Some(target), Some(version)) = (word(0..first), word(first + 1..last), word(last + 1..line.len())) else {
            return Err(Refusal::bad("the request line is malformed"));
        };
        let http_10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Refusal { status: StatusCode::HTTP_VERSION_NOT_SUPPORTED, detail: "this version of HTTP is not supported" });
            }
            _ => return Err(Refusal::bad("the request's version is malformed")),
        };
        if !is_token(method) {
            return Err(Refusal::bad("the request's method is malformed"));
        }
        if method == b"CONNECT" {
            return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, detail: "the gateway is no proxy to connect through" });
        }
        Ok(Self { method, target, http_10 })
    }
}

fn refusal(malformed: Malformed) -> Refusal {
    match malformed {
        Malformed::TooLarge(detail) => Refusal { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail },
        Malformed::Bad(detail) => Refusal::bad(detail),
    }
}

/// Path and query of a target.
enum Target<'a> {
    /// As they stand in the head.
    Given(&'a [u8]),
    /// A path that an absolute form leaves out.
    Made(String),
}

/// Origin form, absolute form, or `*` for OPTIONS (RFC 9112 §3.2): the authority, if there is one, and the rest.
fn split_target<'a>(method: &Method, target: &'a [u8]) -> Option<(Option<&'a [u8]>, Target<'a>)> {
    if target.iter().fold(false, |found, byte| found | !byte.is_ascii_graphic() | (*byte == b'#')) {
        return None;
    }
    if target.first() == Some(&b'/') {
        return Some((None, Target::Given(target)));
    }
    if target == b"*" {
        return (*method == Method::OPTIONS).then_some((None, Target::Given(target)));
    }
    let after = |scheme: &[u8]| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let rest = after(b"http://").or_else(|| after(b"https://"))?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let path = match path.first() {
        Some(b'/') => Target::Given(path),
        // It asks about the server, as `*` does (RFC 9112 §3.2.4).
        None if *method == Method::OPTIONS => Target::Made("*".to_owned()),
        Some(_) | None => Target::Made(format!("/{}", std::str::from_utf8(path).ok()?)),
    };
    is_authority(authority).then_some((Some(authority), path))
}

/// A host, and perhaps a port: letters that names and addresses are made of, nothing a parser could stumble over. A dot alone
/// is none: the dot at a name's end falls away.
#[must_use]
pub fn is_authority(text: &[u8]) -> bool {
    let port = |text: &[u8]| {
        let number = || std::str::from_utf8(text).is_ok_and(|text| text.parse::<u16>().is_ok());
        text.len() <= 5 && text.iter().all(u8::is_ascii_digit) && (text.is_empty() || number())
    };
    if let Some(rest) = text.strip_prefix(b"[") {
        return rest.iter().position(|byte| *byte == b']').and_then(|end| rest.split_at_checked(end)).is_some_and(|(ip, rest)| {
            let ip = std::str::from_utf8(ip).is_ok_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
            ip && rest.get(1..).is_some_and(|rest| rest.is_empty() || rest.strip_prefix(b":").is_some_and(port))
        });
    }
    let colon = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
    text.split_at_checked(colon).is_some_and(|(host, rest)| {
        !matches!(host, b"" | b".")
            && host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
            && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(port))
    })
}
