//! A message on its way out: its head, and its body as it comes, in as few writes as may be.

use super::Length;
use super::encode::{chunk_size, fields};
use crate::http::{Body, Fault, FaultKind};
use bytes::{Buf, Bytes};
use http_body::Body as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// The largest body that is copied behind its head: that takes less than a write of several parts does.
const COPIED_BYTES_MAX: usize = 4 << 10;

/// Why a message did not go out whole.
#[derive(Debug)]
pub enum PumpError {
    /// Its body failed.
    Body(Fault),
    /// It could not be written.
    Write(io::Error),
}

/// A message on its way out.
#[derive(Debug)]
pub struct Pump {
    /// The head, and whatever frames the data behind it.
    front: Vec<u8>,
    front_sent: usize,
    data: Bytes,
    data_sent: usize,
    /// What ends a chunk.
    back: &'static [u8],
    body: Body,
    length: Length,
    /// No more of the body is to come.
    ended: bool,
    /// The body was at hand, so that all can be sent once more.
    whole: bool,
    /// The body waits until whoever reads says that it wants it.
    held: bool,
    bytes: u64,
    written: u64,
}

impl Pump {
    /// A message of an encoded head and a body that is delimited as the head says.
    #[must_use]
    pub fn new(mut head: Vec<u8>, body: Body, length: Length) -> Self {
        let at_hand = body.at_hand().filter(|bytes| match length {
            Length::Bytes(length) => bytes.len() as u64 == length,
            Length::Chunked => false,
            Length::ToClose => true,
        });
        let (data, body, ended) = match at_hand {
            Some(bytes) => (bytes, Body::empty(), true),
            None => (Bytes::new(), body, false),
        };
        let bytes = data.len() as u64;
        let data = if data.len() <= COPIED_BYTES_MAX {
            head.extend_from_slice(&data);
            Bytes::new()
        } else {
            data
        };
        Self {
            front: head,
            front_sent: 0,
            data,
            data_sent: 0,
            back: b"",
            body,
            length,
            ended,
            whole: ended,
            held: false,
            bytes,
            written: 0,
        }
    }

    /// Bytes of body that went out, or are about to.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes written so far, head and framing included.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Sends the head alone, and the body once it is [released](Self::release); one that is at hand goes out with the head.
    pub fn hold(&mut self) {
        self.held = !self.ended;
    }

    /// Lets the body go.
    pub fn release(&mut self) {
        self.held = false;
    }

    /// True while the body waits to be released.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// True when all has been written.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.ended && !self.is_blocked()
    }

    /// True when bytes wait for the writer, not for the body.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.front_sent < self.front.len() || self.data_sent < self.data.len() || !self.back.is_empty()
    }

    /// True when nothing has been written.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.front_sent == 0 && self.whole
    }

    /// Goes back to the beginning; false when that cannot be done.
    pub fn rewind(&mut self) -> bool {
        if self.whole {
            (self.front_sent, self.data_sent) = (0, 0);
        }
        self.whole
    }

    /// The head's buffer, to be used again.
    #[must_use]
    pub fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.front)
    }

    /// Writes on; ready when the whole message has been written.
    ///
    /// # Errors
    /// When the body fails, or the writer does.
    pub fn poll<W: AsyncWrite + Unpin>(&mut self, writer: &mut W, cx: &mut Context<'_>) -> Poll<Result<(), PumpError>> {
        loop {
            // The body's beginning goes out with the head when it is there in time.
            let waiting = !self.ended && self.has_room() && (self.held || self.poll_body(cx)?.is_pending());
            ready!(self.poll_write(writer, cx)).map_err(PumpError::Write)?;
            if waiting {
                return Poll::Pending;
            }
            if self.ended {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn has_room(&self) -> bool {
        self.data_sent == self.data.len() && self.back.is_empty()
    }

    /// Takes in the next frame of the body.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PumpError>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(fault)) => return Poll::Ready(Err(PumpError::Body(fault))),
            None => return Poll::Ready(self.end(None)),
        };
        if self.front_sent == self.front.len() {
            self.front.clear();
            self.front_sent = 0;
        }
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                self.bytes += data.len() as u64;
                match &mut self.length {
                    Length::Bytes(left) => match left.checked_sub(data.len() as u64) {
                        Some(rest) => *left = rest,
                        None => return Poll::Ready(Err(broken("the body is longer than was said"))),
                    },
                    Length::Chunked => {
                        chunk_size(&mut self.front, data.len());
                        self.back = b"\r\n";
                    }
                    Length::ToClose => {}
                }
                self.data = data;
                self.data_sent = 0;
                if self.body.is_end_stream() {
                    match self.length {
                        Length::Bytes(0) => self.ended = true,
                        Length::Chunked => (self.ended, self.back) = (true, b"\r\n0\r\n\r\n"),
                        Length::Bytes(_) | Length::ToClose => {}
                    }
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return Poll::Ready(self.end(Some(&trailers)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, trailers: Option<&http::HeaderMap>) -> Result<(), PumpError> {
        self.ended = true;
        match self.length {
            Length::Bytes(0) | Length::ToClose => Ok(()),
            Length::Bytes(_) => Err(broken("the body is shorter than was said")),
            Length::Chunked => {
                self.front.extend_from_slice(b"0\r\n");
                if let Some(trailers) = trailers {
                    fields(&mut self.front, trailers, |_| false);
                }
                self.front.extend_from_slice(b"\r\n");
                Ok(())
            }
        }
    }

    fn poll_write<W: AsyncWrite + Unpin>(&mut self, writer: &mut W, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let front = self.front.get(self.front_sent..).unwrap_or_default();
            let data = self.data.get(self.data_sent..).unwrap_or_default();
            let parts = [IoSlice::new(front), IoSlice::new(data), IoSlice::new(self.back)];
            let (front, data) = (front.len(), data.len());
            if front + data + self.back.len() == 0 {
                return Poll::Ready(Ok(()));
            }
            let written = if data + self.back.len() == 0 {
                ready!(Pin::new(&mut *writer).poll_write(cx, self.front.get(self.front_sent..).unwrap_or_default()))?
            } else {
                ready!(Pin::new(&mut *writer).poll_write_vectored(cx, &parts))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written as u64;
            let (of_front, rest) = (written.min(front), written.saturating_sub(front));
            self.front_sent += of_front;
            self.data_sent += rest.min(data);
            self.back.advance(rest.saturating_sub(data));
        }
    }
}

fn broken(cause: &'static str) -> PumpError {
    PumpError::Body(Fault::new(FaultKind::BodyBroken, cause))
}
