//! One request head, line by line, without copying it.

use super::{Length, Limits, Refusal, has_control, is_token};
use http::StatusCode;
use memchr::memchr;

/// The method of the stand-in that the library is given for a refused head; no client may use it.
pub const STAND_IN_METHOD: &str = "GATEWRIGHT-REFUSED";

/// Digits of a `Content-Length` that surely fit 64 bits.
const LENGTH_DIGITS_MAX: usize = 18;

/// How far a head has been read. Positions count from its first byte.
#[derive(Debug, Default)]
pub struct Head {
    /// Where the next line begins.
    at: usize,
    started: bool,
    skipped_line: bool,
    http_10: bool,
    fields: usize,
    host: bool,
    length: Option<u64>,
    chunked: bool,
}

impl Head {
    /// Reads on. `bytes` begins with the head's first byte each time; lines that were read before are not read again.
    /// When the head is complete: its length and how its body ends.
    pub fn scan(&mut self, bytes: &[u8], limits: Limits) -> Result<Option<(usize, Length)>, Refusal> {
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let end = memchr(b'\n', rest);
            if self.at + end.unwrap_or(rest.len()) >= limits.bytes {
                return Err(Refusal { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail: "the request's head is too large" });
            }
            let Some(end) = end else { return Ok(None) };
            let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Refusal::bad("a line does not end in CRLF"))?;
            self.at += end + 1;
            if has_control(line) {
                return Err(Refusal::bad("the request's head holds a control character"));
            }
            if !self.started {
                self.first_line(line)?;
            } else if line.is_empty() {
                return self.end().map(|length| Some((self.at, length)));
            } else {
                self.field(line, limits)?;
            }
        }
    }

    fn first_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        // One empty line before a request is forgiven (RFC 9112 §2.2).
        if line.is_empty() && !self.skipped_line {
            self.skipped_line = true;
            return Ok(());
        }
        self.started = true;
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err(Refusal::bad("the request line is malformed"));
        };
        if !is_token(method) || method == STAND_IN_METHOD.as_bytes() {
            return Err(Refusal::bad("the request's method is malformed"));
        }
        self.http_10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Refusal { status: StatusCode::HTTP_VERSION_NOT_SUPPORTED, detail: "this version of HTTP is not supported" });
            }
            _ => return Err(Refusal::bad("the request's version is malformed")),
        };
        if method == b"CONNECT" {
            return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, detail: "the gateway is no proxy to connect through" });
        }
        if is_target(method, target) { Ok(()) } else { Err(Refusal::bad("the request's target is malformed")) }
    }

    fn field(&mut self, line: &[u8], limits: Limits) -> Result<(), Refusal> {
        self.fields += 1;
        if self.fields > limits.fields {
            return Err(Refusal { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail: "the request has too many fields" });
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(Refusal::bad("a field is folded over lines"));
        }
        let Some((name, value)) = memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) else {
            return Err(Refusal::bad("a field has no colon"));
        };
        if !is_token(name) {
            return Err(Refusal::bad("a field's name is malformed"));
        }
        let value = value.get(1..).unwrap_or_default();
        // Names of a length that says something about the framing; a name with `_` for `-` would be taken for the real
        // one by some servers.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host(value.trim_ascii()),
            14 if is_alias(name, b"content-length") => self.content_length(name, value.trim_ascii()),
            17 if is_alias(name, b"transfer-encoding") => self.transfer_encoding(name, value.trim_ascii()),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if std::mem::replace(&mut self.host, true) {
            return Err(Refusal::bad("the request has more than one Host"));
        }
        if is_authority(value) { Ok(()) } else { Err(Refusal::bad("the request's Host is malformed")) }
    }

    fn content_length(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let digits = !value.is_empty() && value.len() <= LENGTH_DIGITS_MAX && value.iter().all(u8::is_ascii_digit);
        if self.length.is_some() || !digits || name.contains(&b'_') {
            return Err(Refusal::bad("the request's Content-Length is malformed"));
        }
        self.length = Some(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
        Ok(())
    }

    fn transfer_encoding(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let twice = std::mem::replace(&mut self.chunked, true);
        if twice || self.http_10 || !value.eq_ignore_ascii_case(b"chunked") || name.contains(&b'_') {
            return Err(Refusal::bad("the request's Transfer-Encoding is not exactly `chunked`"));
        }
        Ok(())
    }

    fn end(&self) -> Result<Length, Refusal> {
        match (self.host, self.length, self.chunked) {
            (false, ..) => Err(Refusal::bad("the request has no Host")),
            (true, Some(_), true) => Err(Refusal::bad("the request has both Content-Length and Transfer-Encoding")),
            (true, None, true) => Ok(Length::Chunked),
            (true, length, false) => Ok(Length::Bytes(length.unwrap_or(0))),
        }
    }
}

/// Equal but for case and `_` standing for `-`.
fn is_alias(name: &[u8], of: &[u8]) -> bool {
    name.iter().zip(of).all(|(byte, of)| byte.eq_ignore_ascii_case(of) || (*byte == b'_' && *of == b'-'))
}

/// Origin form, absolute form, or `*` for OPTIONS (RFC 9112 §3.2).
fn is_target(method: &[u8], target: &[u8]) -> bool {
    if target.iter().fold(false, |found, byte| found | !byte.is_ascii_graphic() | (*byte == b'#')) {
        return false;
    }
    if target.first() == Some(&b'/') {
        return true;
    }
    if target == b"*" {
        return method == b"OPTIONS";
    }
    let after =
        |scheme: &[u8]| target.get(scheme.len()..).filter(|_| target.get(..scheme.len()).is_some_and(|at| at.eq_ignore_ascii_case(scheme)));
    after(b"http://").or_else(|| after(b"https://")).is_some_and(|rest| {
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        rest.get(..end).is_some_and(is_authority)
    })
}

/// A host, and perhaps a port: letters that names and addresses are made of, nothing a parser could stumble over.
fn is_authority(text: &[u8]) -> bool {
    let port = |text: &[u8]| text.len() <= 5 && text.iter().all(u8::is_ascii_digit);
    if let Some(rest) = text.strip_prefix(b"[") {
        return rest.iter().position(|byte| *byte == b']').and_then(|end| rest.split_at_checked(end)).is_some_and(|(ip, rest)| {
            let ip = std::str::from_utf8(ip).is_ok_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
            ip && rest.get(1..).is_some_and(|rest| rest.is_empty() || rest.strip_prefix(b":").is_some_and(port))
        });
    }
    let colon = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
    text.split_at_checked(colon).is_some_and(|(host, rest)| {
        !host.is_empty()
            && host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
            && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(port))
    })
}
