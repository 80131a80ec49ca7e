//! What a client sends, as it comes: heads, bodies, and the end. Shared by the connection and the body under way, which
//! are polled by one task.

use super::patience::{For, Patience};
use super::spare::Spare;
use super::stream::Incoming;
use crate::http::h1::{BodyReader, Limits, Piece, Refusal, RequestHead, RequestScan};
use crate::http::{Body, Fault, FaultKind};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{Sleep, sleep};

/// Bytes read at a time; more while a body comes.
const READ_BYTES: usize = 8 << 10;
const BODY_READ_BYTES: usize = 64 << 10;
/// Bytes a client may send ahead of the reply to its last request before they are left in the kernel.
const AHEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes of an unwanted body that are read and thrown away to keep the connection.
pub const DISCARD_BYTES_MAX: u64 = 64 << 10;
/// Bytes that are read and thrown away before a connection is closed, so that the kernel does not answer them with a
/// reset that could overtake the reply.
const LINGER_BYTES_MAX: usize = 1 << 20;
/// How long that may take.
pub const LINGER: Duration = Duration::from_secs(2);

/// The client's side of a connection.
#[derive(Debug)]
pub struct Input<R> {
    half: R,
    buffer: BytesMut,
    scan: RequestScan,
    reader: BodyReader,
    /// Bytes of the body that were read.
    received: u64,
    patience: Patience,
    /// Where the buffer and the map of fields wait while nothing is in them.
    spare: Arc<Spare>,
    /// No head has been read yet.
    first: bool,
    /// A first message may be the preface of HTTP/2.
    may_be_http2: bool,
    /// The client sends nothing more.
    ended: bool,
    /// What came last was no request, or broke within its body: nothing behind it can be read.
    broken: bool,
    /// The client waits for 100 before it sends its body.
    expects_continue: bool,
    /// Someone wants that body.
    continue_asked: bool,
}

/// What came instead of more.
pub enum Next {
    /// A request.
    Head(RequestHead),
    /// The client speaks HTTP/2, and has said so without being asked (RFC 9113 §3.3).
    Http2,
    /// No request: nothing behind it can be read.
    Refused(Refusal),
    /// The client has gone, or did not use the connection any more.
    Closed,
}

/// What a connection of HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl<R: Incoming> Input<R> {
    /// The beginning of a connection, over which HTTP/2 may be spoken instead.
    #[must_use]
    pub fn new(half: R, limits: Limits, patience: Patience, spare: Arc<Spare>, may_be_http2: bool) -> Self {
        Self {
            half,
            buffer: BytesMut::new(),
            scan: RequestScan::new(limits),
            reader: BodyReader::Ended,
            received: 0,
            patience,
            spare,
            first: true,
            may_be_http2,
            ended: false,
            broken: false,
            expects_continue: false,
            continue_asked: false,
        }
    }

    /// Reads the next head; its fields use the room of `headers`.
    pub fn poll_head(&mut self, headers: &mut HeaderMap, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            let scanned = match self.preface() {
                Some(true) => return Poll::Ready(Next::Http2),
                Some(false) => Ok(None),
                None => self.scan.next(&mut self.buffer, headers),
            };
            match scanned {
                Ok(Some(head)) => {
                    self.first = false;
                    self.reader = BodyReader::new(head.length);
                    self.received = 0;
                    self.expects_continue = head.expects_continue && !self.reader.has_ended();
                    self.continue_asked = false;
                    self.patience.new_request();
                    return Poll::Ready(Next::Head(head));
                }
                Ok(None) => {}
                Err(refusal) => {
                    self.broken = true;
                    return Poll::Ready(Next::Refused(refusal));
                }
            }
            match self.poll_more(headers, cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Next::Closed),
                Poll::Pending => {
                    let begun = self.has_begun();
                    ready!(self.patience.poll_wait(if begun || self.first { For::Head } else { For::Next }, cx));
                    return Poll::Ready(if begun {
                        Next::Refused(Refusal { status: StatusCode::REQUEST_TIMEOUT, detail: "the request's head took too long" })
                    } else {
                        Next::Closed
                    });
                }
            }
        }
    }

    /// Bytes that were read of the body of the request whose head came last.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// True when a part of a request has come. A lone CRLF is none.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.buffer.len() > 2
    }

    /// Whether the connection began with the whole preface of HTTP/2, or so far with a part of it.
    fn preface(&self) -> Option<bool> {
        if !self.first || !self.may_be_http2 || self.buffer.is_empty() {
            return None;
        }
        let (whole, came) = (self.buffer.len() >= PREFACE.len(), self.buffer.iter().take(PREFACE.len()));
        PREFACE.iter().zip(came).all(|(byte, came)| byte == came).then_some(whole)
    }

    /// Gives back what it reads from, and what was read of it.
    #[must_use]
    pub fn into_parts(self) -> (R, BytesMut) {
        (self.half, self.buffer)
    }

    /// Reads more of a head. A connection that waits for its next request holds no room for it.
    fn poll_more(&mut self, headers: &mut HeaderMap, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.is_empty() {
            if self.half.poll_ready(cx)?.is_pending() {
                self.spare.give(&mut self.buffer, headers);
                return Poll::Pending;
            }
            self.spare.lend(&mut self.buffer, headers);
        }
        self.poll_fill(READ_BYTES, cx)
    }

    /// Reads more; 0 at the end of the stream.
    fn poll_fill(&mut self, bytes: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.capacity() - self.buffer.len() < bytes / 2 {
            self.buffer.reserve(bytes);
        }
        pin!(self.half.read_buf(&mut self.buffer)).poll(cx)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Fault>> {
        let piece = ready!(self.poll_whole_piece(cx));
        self.broken |= piece.is_err();
        Poll::Ready(piece)
    }

    fn poll_whole_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Fault>> {
        loop {
            match self.reader.next(&mut self.buffer).map_err(|cause| Fault::new(FaultKind::ClientBody, cause))? {
                Piece::Data(bytes) => {
                    self.received += bytes.len() as u64;
                    self.patience.body(bytes.len());
                    return Poll::Ready(Ok(Some(Frame::data(bytes))));
                }
                Piece::End(trailers) => return Poll::Ready(Ok(trailers.map(Frame::trailers))),
                Piece::More => {}
            }
            match self.poll_fill(BODY_READ_BYTES, cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Fault::new(FaultKind::ClientBody, "closed within the body"))),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Fault::new(FaultKind::ClientBody, error))),
                Poll::Pending => {
                    self.continue_asked |= self.expects_continue;
                    ready!(self.patience.poll_wait(For::Body, cx));
                    return Poll::Ready(Err(Fault::new(FaultKind::ClientSlow, "the body came too slowly")));
                }
            }
        }
    }

    /// True once, when the client is to be told to go on with its body.
    pub fn take_continue(&mut self) -> bool {
        let asked = self.continue_asked && self.expects_continue;
        if asked {
            self.expects_continue = false;
        }
        asked
    }

    /// True when a connection whose body was not read is worth reading on.
    #[must_use]
    pub fn is_worth_keeping(&self) -> bool {
        let comes = self.reader.has_ended() || !self.expects_continue;
        !self.broken && comes && self.reader.left().is_some_and(|left| left <= DISCARD_BYTES_MAX)
    }

    /// True between requests: nothing was left unread.
    fn is_clean(&self) -> bool {
        self.reader.has_ended() && self.buffer.is_empty() && !self.broken
    }

    /// Ready when the client has gone while it is being answered; `sent` is what has been sent of the reply. What it sends
    /// ahead is kept, within bounds. One that closed its side alone cannot be told from one that has gone until the reply
    /// is written: it is answered, if that does not take too long.
    pub fn poll_gone(&mut self, sent: u64, cx: &mut Context<'_>) -> Poll<()> {
        while self.reader.has_ended() && !self.ended && self.buffer.len() < AHEAD_BYTES_MAX {
            match ready!(self.poll_fill(READ_BYTES, cx)) {
                Ok(1..) => {}
                Ok(0) => self.ended = true,
                Err(_) => return Poll::Ready(()),
            }
        }
        if self.ended { self.patience.poll_reply(sent, cx) } else { Poll::Pending }
    }

    /// Reads the rest of an unwanted body; false when it cannot be read.
    pub fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while !self.reader.has_ended() {
            if ready!(self.poll_piece(cx)).is_err() {
                return Poll::Ready(false);
            }
        }
        Poll::Ready(true)
    }

    /// Reads and drops what still comes, within bounds.
    fn poll_linger(&mut self, timer: Pin<&mut Sleep>, left: &mut usize, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.buffer.clear();
            match self.poll_fill(READ_BYTES, cx) {
                Poll::Pending => return timer.poll(cx),
                Poll::Ready(Ok(bytes @ 1..)) if bytes < *left => *left -= bytes,
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}

/// Where a client was answered before it had sent all: waits until it has taken the reply and closed its side, within
/// bounds.
pub async fn linger<R: Incoming>(input: &Mutex<Input<R>>) {
    if input.lock().is_clean() {
        return;
    }
    let mut timer = pin!(sleep(LINGER));
    let mut left = LINGER_BYTES_MAX;
    std::future::poll_fn(|cx| input.lock().poll_linger(timer.as_mut(), &mut left, cx)).await;
}

/// The body of the request whose head was read last.
#[must_use]
pub fn body<R: Incoming>(input: &Arc<Mutex<Input<R>>>) -> Body {
    let mut now = input.lock();
    if now.reader.has_ended() {
        return Body::empty();
    }
    let left = now.reader.left();
    // All of it has come with the head.
    if left.is_some_and(|left| left <= now.buffer.len() as u64)
        && let Input { reader, buffer, received, .. } = &mut *now
        && let Ok(Piece::Data(bytes)) = reader.next(buffer)
    {
        *received = bytes.len() as u64;
        return Body::full(bytes);
    }
    Body::stream(RequestBody { input: Arc::clone(input), left, ended: false })
}

struct RequestBody<R> {
    input: Arc<Mutex<Input<R>>>,
    left: Option<u64>,
    ended: bool,
}

impl<R: Incoming> http_body::Body for RequestBody<R> {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut input = self.input.lock();
        let piece = ready!(input.poll_piece(cx));
        let (left, over) = (input.reader.left(), input.reader.has_ended());
        drop(input);
        self.left = left;
        self.ended = over || piece.is_err();
        Poll::Ready(piece.transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
