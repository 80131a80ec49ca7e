//! Heads as bytes.

use super::Length;
use crate::http::upgrade::WEBSOCKET;
use crate::http::{Forwarding, Outgoing};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};

/// Writes the head of a request to `host`, with what the upstream is told besides; framing fields are written from
/// `length`, whatever the map says.
pub fn request_head(out: &mut Vec<u8>, request: &mut Outgoing, host: &HeaderValue, length: Option<Length>) {
    if request.forwarding.as_ref().is_some_and(|forwarding| forwarding.lines().is_none()) {
        request.tell();
    }
    let Outgoing { method, target, headers, forwarding, .. } = request;
    for part in [method.as_str(), " ", target.as_str(), " HTTP/1.1\r\nhost: "] {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(host.as_bytes());
    out.extend_from_slice(b"\r\n");
    for part in forwarding.iter().filter_map(Forwarding::lines).flatten() {
        out.extend_from_slice(part);
    }
    let (mut upgrades, mut wants_trailers) = (false, false);
    fields(out, headers, |name| {
        upgrades |= name == UPGRADE;
        wants_trailers |= name == TE;
        name == CONTENT_LENGTH || name == TRANSFER_ENCODING || name == UPGRADE
    });
    framing(out, length);
    let upgrades = upgrades && headers.get(UPGRADE) == Some(&WEBSOCKET);
    if upgrades {
        out.extend_from_slice(b"upgrade: websocket\r\n");
    }
    // Both are for this hop alone (RFC 9110 §7.8, §10.1.4).
    match (upgrades, wants_trailers) {
        (false, false) => {}
        (true, false) => out.extend_from_slice(b"connection: upgrade\r\n"),
        (false, true) => out.extend_from_slice(b"connection: te\r\n"),
        (true, true) => out.extend_from_slice(b"connection: upgrade, te\r\n"),
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes an interim response.
pub fn interim_head(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    status_line(out, status);
    fields(out, headers, |_| false);
    out.extend_from_slice(b"\r\n");
}

/// Writes the head of a response. `length` is `None` for one without a body, whose Content-Length then stays as the map
/// has it (HEAD, 304). `connection` is what is said of the connection, `date` is written where the map has none.
pub fn response_head(
    out: &mut Vec<u8>,
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<Length>,
    connection: Option<&'static str>,
    date: impl FnOnce() -> HeaderValue,
) {
    status_line(out, status);
    let framed = length.is_some() || status == StatusCode::NO_CONTENT;
    let mut is_dated = false;
    fields(out, headers, |name| {
        is_dated |= name == DATE;
        name == TRANSFER_ENCODING || name == CONNECTION || (framed && name == CONTENT_LENGTH)
    });
    framing(out, length);
    if let Some(option) = connection {
        field(out, b"connection", option.as_bytes());
    }
    if !is_dated {
        field(out, b"date", date().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut Vec<u8>, status: StatusCode) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn framing(out: &mut Vec<u8>, length: Option<Length>) {
    match length {
        Some(Length::Bytes(bytes)) => {
            out.extend_from_slice(b"content-length: ");
            decimal(out, bytes);
            out.extend_from_slice(b"\r\n");
        }
        Some(Length::Chunked) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Some(Length::ToClose) | None => {}
    }
}

/// Writes the fields of a map but those to be left out.
pub(super) fn fields(out: &mut Vec<u8>, headers: &HeaderMap, mut leave_out: impl FnMut(&http::HeaderName) -> bool) {
    for (name, value) in headers {
        if !leave_out(name) {
            field(out, name.as_str().as_bytes(), value.as_bytes());
        }
    }
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        used += 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// Writes the size line of a chunk.
pub(super) fn chunk_size(out: &mut Vec<u8>, size: usize) {
    let mut started = false;
    for shift in (0..usize::BITS / 4).rev() {
        let digit = u32::try_from((size >> (shift * 4)) & 15).unwrap_or_default();
        started |= digit != 0 || shift == 0;
        if started {
            out.push(char::from_digit(digit, 16).map_or(b'0', |digit| digit as u8));
        }
    }
    out.extend_from_slice(b"\r\n");
}
