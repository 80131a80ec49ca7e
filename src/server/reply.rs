//! A reply on its way to the client, and what happens when it has ended.

use super::ending::Ending;
use super::patience::UNTAKEN_MAX;
use crate::http::h1::{Length, Pump, PumpError, response_head};
use crate::http::{Body, Reply, Stall};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// What the reply depends on of the request.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method: HEAD has no body in its reply.
    pub method: &'a Method,
    /// HTTP/1.0 knows no chunks, and keeps a connection only when both say so.
    pub http_10: bool,
    /// The connection is to be used again.
    pub keep: bool,
}

/// A reply on its way.
pub struct Replying<'e> {
    pump: Pump,
    closes: bool,
    /// The client knows the reply's end by the end of the connection alone (HTTP/1.0 without a length).
    ends_by_close: bool,
    /// What was written when the client was last waited for.
    taken: u64,
    untaken: Stall,
    /// Is told what was sent.
    ending: &'e mut Ending,
}

impl<'e> Replying<'e> {
    /// A reply, its head written into `buffer`. Returned with it: the emptied header map, whose room is used again.
    #[must_use]
    pub fn new(
        reply: Reply,
        asked: Asked<'_>,
        mut buffer: Vec<u8>,
        date: impl FnOnce() -> HeaderValue,
        ending: &'e mut Ending,
    ) -> (Self, HeaderMap) {
        let Reply { status, mut headers, body, .. } = reply;
        let length = length(status, &body, asked);
        let left_out = body.size_hint().exact().filter(|bytes| *bytes > 0);
        if let Some(bytes) = left_out
            && *asked.method == Method::HEAD
        {
            // What a GET would have been told (RFC 9110 §9.3.2); an upstream has said it itself.
            headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(bytes));
        }
        let closes = !asked.keep || length == Some(Length::ToClose);
        let connection = if closes {
            Some("close")
        } else if asked.http_10 {
            Some("keep-alive")
        } else {
            None
        };
        response_head(&mut buffer, status, &headers, length, connection, date);
        headers.clear();
        let body = if length.is_some() { body } else { Body::empty() };
        let pump = Pump::new(buffer, body, length.unwrap_or(Length::Bytes(0)));
        (Self { pump, closes, ends_by_close: length == Some(Length::ToClose), taken: 0, untaken: Stall::new(UNTAKEN_MAX), ending }, headers)
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.pump.written()
    }

    /// True when the connection ends with this reply.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.closes
    }

    /// True when the connection's end is the reply's.
    #[must_use]
    pub fn ends_by_close(&self) -> bool {
        self.ends_by_close
    }

    /// Writes on.
    pub fn poll<W: AsyncWrite + Unpin>(&mut self, writer: &mut W, cx: &mut Context<'_>) -> Poll<Result<(), PumpError>> {
        self.pump.poll(writer, cx)
    }

    /// Ready when the client has taken nothing of what is there for it for too long.
    pub fn poll_untaken(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let taken = std::mem::replace(&mut self.taken, self.pump.written());
        if taken != self.taken || !self.pump.is_blocked() {
            self.untaken.end();
        }
        if self.pump.is_blocked() { self.untaken.poll(cx) } else { Poll::Pending }
    }

    /// The buffer of the head, to be used again.
    #[must_use]
    pub fn take_buffer(&mut self) -> Vec<u8> {
        self.pump.take_buffer()
    }
}

impl Drop for Replying<'_> {
    fn drop(&mut self) {
        self.ending.sent = self.pump.bytes();
    }
}

/// How a reply's body is delimited; `None` for a reply without one.
fn length(status: StatusCode, body: &Body, asked: Asked<'_>) -> Option<Length> {
    if *asked.method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return None;
    }
    Some(match body.size_hint().exact() {
        Some(bytes) => Length::Bytes(bytes),
        None if asked.http_10 => Length::ToClose,
        None => Length::Chunked,
    })
}
