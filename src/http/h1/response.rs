//! The head of a response.

use super::lines::{Lines, Malformed};
use super::{Length, Limits};
use crate::http::{INTERIM_MAX, is_status, upgrade};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// Bounds of a response's head.
const LIMITS: Limits = Limits { bytes: 64 << 10, fields: 256 };

/// A response's head with one reading.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// All fields.
    pub headers: HeaderMap,
    /// How the body is delimited.
    pub length: Length,
    /// The connection may be used again.
    pub keeps_alive: bool,
}

impl ResponseHead {
    /// True when another head follows: this one is no answer yet.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// What a response answers, as far as its reading depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A request whose response may have a body.
    Plainly,
    /// A HEAD.
    Head,
    /// A WebSocket's handshake with this key.
    WebSocket(HeaderValue),
}

impl Asked {
    /// What a request asks for.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        if *method == Method::HEAD {
            return Self::Head;
        }
        let key = headers.get(UPGRADE).filter(|upgrade| **upgrade == upgrade::WEBSOCKET).and_then(|_| headers.get(SEC_WEBSOCKET_KEY));
        key.map_or(Self::Plainly, |key| Self::WebSocket(key.clone()))
    }
}

/// Reads the heads of a connection's responses.
#[derive(Debug, Default)]
pub struct ResponseScan {
    lines: Lines,
    interim: usize,
}

impl ResponseScan {
    /// The next head, an interim one (100, 103, …) too, when it has come whole; its bytes are taken out of `input`. Its fields are put into `headers`, an empty map whose room is used again.
    ///
    /// # Errors
    /// When the head has more than one reading or passes its limits, or the upstream wants to switch protocols, for which
    /// nobody asked, or not in the way that was asked for.
    pub fn next(&mut self, input: &mut BytesMut, asked: &Asked, headers: &mut HeaderMap) -> Result<Option<ResponseHead>, &'static str> {
        if !begins_as_http(input) {
            return Err("the status line is malformed");
        }
        if input.is_empty() || !self.lines.scan(input, LIMITS).map_err(detail)? {
            return Ok(None);
        }
        let head = input.split_to(self.lines.len()).freeze();
        let (status, http_10) = self.lines.first(&head).and_then(status).ok_or("the status line is malformed")?;
        if status != StatusCode::SWITCHING_PROTOCOLS && status.is_informational() {
            self.interim += 1;
            if self.interim > INTERIM_MAX {
                return Err("too many interim responses");
            }
            self.lines.fields(&head, headers).map_err(detail)?;
            self.lines.reset();
            let headers = std::mem::take(headers);
            return Ok(Some(ResponseHead { status, headers, length: Length::Bytes(0), keeps_alive: true }));
        }
        let parsed = self.parse(&head, status, http_10, asked, headers)?;
        self.lines.reset();
        self.interim = 0;
        Ok(Some(parsed))
    }

    fn parse(
        &mut self,
        head: &Bytes,
        status: StatusCode,
        http_10: bool,
        asked: &Asked,
        headers: &mut HeaderMap,
    ) -> Result<ResponseHead, &'static str> {
        let said = self.lines.length().map_err(detail)?;
        if http_10 && said == Some(Length::Chunked) {
            return Err("HTTP/1.0 knows no Transfer-Encoding");
        }
        if status == StatusCode::SWITCHING_PROTOCOLS {
            self.lines.fields(head, headers).map_err(detail)?;
            headers.remove(CONTENT_LENGTH);
            let (upgrade, accept) = (self.lines.upgrade(head).unwrap_or_default(), headers.get(SEC_WEBSOCKET_ACCEPT));
            return match asked {
                Asked::WebSocket(key) if upgrade::is_granted(upgrade, accept, key) && !http_10 => {
                    Ok(ResponseHead { status, headers: std::mem::take(headers), length: Length::ToClose, keeps_alive: false })
                }
                Asked::WebSocket(_) => Err("an upgrade that does not answer the request's"),
                Asked::Plainly | Asked::Head => Err("an upgrade nobody asked for"),
            };
        }
        let bodiless = *asked == Asked::Head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        let length = if bodiless { Length::Bytes(0) } else { said.unwrap_or(Length::ToClose) };
        self.lines.fields(head, headers).map_err(detail)?;
        // A body where none may be would be taken for the next answer.
        let forbidden = status == StatusCode::NO_CONTENT && said.is_some_and(|said| said != Length::Bytes(0));
        let keeps_alive = self.lines.keeps_alive(http_10) && length != Length::ToClose && !forbidden;
        Ok(ResponseHead { status, headers: std::mem::take(headers), length, keeps_alive })
    }
}

fn detail(malformed: Malformed) -> &'static str {
    match malformed {
        Malformed::TooLarge(detail) | Malformed::Bad(detail) => detail,
    }
}

/// False once it is plain that no answer is coming: whoever speaks another protocol need not be waited for, and an empty
/// line before an answer is surplus of the one before.
fn begins_as_http(input: &[u8]) -> bool {
    input.iter().zip(b"HTTP/1.").all(|(byte, expected)| byte == expected)
}

/// `HTTP/1.1 200 OK`: the status, and whether it is HTTP/1.0. The reason may be missing, its blank too.
fn status(line: &[u8]) -> Option<(StatusCode, bool)> {
    let (version, rest) = line.split_at_checked(8)?;
    let http_10 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        _ => return None,
    };
    let (code, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    let separate = reason.is_empty() || reason.first() == Some(&b' ');
    let status = StatusCode::from_bytes(code).ok().filter(|status| separate && is_status(*status))?;
    Some((status, http_10))
}
