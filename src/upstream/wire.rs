//! One connection to an upstream and the exchanges on it.
//!
//! Polled by whoever waits for its answer, not by a task of its own: a response costs no wake-up from one task to another,
//! and a connection nobody waits for costs nothing.

use super::endpoint::Occupied;
use super::link::Link;
use super::pool::{Lane, Pool, Rooms};
use super::rest::Rest;
use super::tally::Connected;
use super::transport::Attempt;
use crate::http::h1::{Asked, BodyReader, Piece, Pump, PumpError, ResponseHead, ResponseScan};
use crate::http::{Body, Early, Fault, FaultKind, Reply, Source, Stall, Tunnel};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite as _};
use tokio::time::sleep;

/// Bytes read at a time; more when reads fill it.
const READ_BYTES: usize = 8 << 10;
/// How long a request's body waits for the upstream to ask for it; many never do.
const CONTINUE_MAX: Duration = Duration::from_secs(1);
/// The most bytes read at a time.
const READ_BYTES_MAX: usize = 256 << 10;

/// A connection to an upstream.
#[derive(Debug)]
pub struct Wire {
    link: Link,
    /// Without room while nothing is in it.
    input: BytesMut,
    rooms: Arc<Rooms>,
    scan: ResponseScan,
    read_bytes: usize,
    /// The sweep of its pool after which it was made.
    made: u64,
    counted: Connected,
}

/// No answer came.
#[derive(Debug)]
pub struct Unanswered {
    /// Why.
    pub fault: Fault,
    /// Nothing came back: a kept connection was closed by the other side.
    pub silent: bool,
}

impl Wire {
    /// Begins HTTP on a new connection of a pool.
    #[must_use]
    pub fn begin(link: Link, pool: &Pool, counted: Connected) -> Self {
        Self {
            link,
            input: BytesMut::new(),
            rooms: Arc::clone(pool.rooms()),
            scan: ResponseScan::default(),
            read_bytes: READ_BYTES,
            made: pool.sweeps(),
            counted,
        }
    }

    /// The sweep of its pool after which it was made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made
    }

    /// Sends a request and waits for the response's head. The request may still be going out when it comes. What is said
    /// ahead of it goes to `early`.
    pub async fn exchange(
        &mut self,
        pump: &mut Pump,
        asked: &Asked,
        headers: &mut HeaderMap,
        early: Option<&Early>,
    ) -> Result<ResponseHead, Unanswered> {
        let mut patience = if pump.is_held() { Some(Box::pin(sleep(CONTINUE_MAX))) } else { None };
        let mut is_silent = true;
        poll_fn(|cx| {
            loop {
                if let Some(waiting) = &mut patience
                    && waiting.as_mut().poll(cx).is_ready()
                {
                    patience = None;
                    pump.release();
                }
                let head = match ready!(self.poll_exchange(pump, asked, headers, cx)) {
                    Ok(head) if head.is_interim() => head,
                    Ok(head) => return Poll::Ready(Ok(head)),
                    Err(Unanswered { fault, silent }) => return Poll::Ready(Err(Unanswered { fault, silent: silent && is_silent })),
                };
                is_silent = false;
                if head.status == StatusCode::CONTINUE {
                    patience = None;
                    pump.release();
                } else if let Some(early) = early {
                    early.push(head.status, &head.headers);
                }
            }
        })
        .await
    }

    fn poll_exchange(
        &mut self,
        pump: &mut Pump,
        asked: &Asked,
        headers: &mut HeaderMap,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Unanswered>> {
        let unanswered = |fault, silent| Poll::Ready(Err(Unanswered { fault, silent }));
        // A server may answer and close before it has read all: what it said counts more than a failed write. The end of
        // the connection, which that write has met, comes to the reads below in any case.
        if !(pump.is_sent() && self.link.is_flushed())
            && let Err(fault) = self.send(pump, cx)
        {
            return unanswered(fault, false);
        }
        loop {
            match self.scan.next(&mut self.input, asked, headers) {
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
                Err(cause) => return unanswered(Fault::new(FaultKind::BadResponse, cause), false),
            }
            let silent = self.input.is_empty();
            match ready!(self.poll_fill(cx)) {
                Ok(true) => {}
                Ok(false) => return unanswered(Fault::new(FaultKind::Reset, "closed before a response"), silent),
                Err(error) => return unanswered(Fault::new(FaultKind::Reset, error), silent),
            }
        }
    }

    /// Writes what can be written of a request. What becomes of a connection that takes no more is for the reads to see.
    fn send(&mut self, pump: &mut Pump, cx: &mut Context<'_>) -> Result<(), Fault> {
        let sent = pump.poll(&mut self.link, cx);
        let _ = Pin::new(&mut self.link).poll_flush(cx);
        match sent {
            Poll::Ready(Err(PumpError::Body(fault))) => Err(fault),
            Poll::Ready(Ok(()) | Err(PumpError::Write(_))) | Poll::Pending => Ok(()),
        }
    }

    /// Reads more; false at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.input.is_empty() {
            ready!(self.link.poll_ready(cx))?;
            self.rooms.lend(&mut self.input);
        }
        if self.input.capacity() - self.input.len() < self.read_bytes / 2 {
            self.input.reserve(self.read_bytes);
        }
        let room = self.input.capacity() - self.input.len();
        let Poll::Ready(read) = pin!(self.link.read_buf(&mut self.input)).poll(cx)? else {
            if self.input.is_empty() {
                self.rooms.give(&mut self.input);
            }
            return Poll::Pending;
        };
        if read == room {
            self.read_bytes = (self.read_bytes * 2).min(READ_BYTES_MAX);
        }
        Poll::Ready(Ok(read > 0))
    }

    /// Gives back the room that an answer took.
    fn give_room(&mut self) {
        self.rooms.give(&mut self.input);
        self.read_bytes = READ_BYTES;
    }

    /// The connection for the reader of an answer, and the writer of a request that is not yet out.
    fn share(self) -> (Self, Link) {
        let (link, writer) = self.link.share();
        (Self { link, ..self }, writer)
    }

    /// The connection when its writer has let go of it.
    fn whole(self) -> Option<Self> {
        Some(Self { link: self.link.whole()?, ..self })
    }

    /// True while the connection can take another request: the other side neither closed it nor sent what nobody asked for.
    pub fn is_usable(&mut self) -> bool {
        self.input.is_empty() && self.poll_fill(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// The same for a request that may go out only once: a connection that was closed together with its last answer is often
    /// asked for again before the runtime has looked.
    pub fn is_usable_once(&mut self) -> bool {
        self.is_usable() && self.link.is_quiet()
    }
}

/// The response with a body that reads its connection and returns it to the pool at its end.
///
/// # Errors
/// When the body is broken from the start: nothing of the answer has gone on then.
pub fn answer(head: ResponseHead, wire: Box<Wire>, pump: Pump, pool: &Arc<Pool>, lane: Lane, attempt: Attempt) -> Result<Reply, Fault> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        if !pump.is_sent() {
            return Err(Fault::new(FaultKind::BadResponse, "an upgrade within the request"));
        }
        let Wire { link, input, counted, .. } = *wire;
        let tunnel = Tunnel { stream: Box::new(link), came: input.freeze(), idle: attempt.read, held: Box::new((attempt, counted)) };
        return Ok(Reply { status: head.status, headers: head.headers, body: Body::tunnel(tunnel), source: Source::Upstream });
    }
    let mut reader = BodyReader::new(head.length);
    let mut lease = Lease {
        wire,
        request: Request::Here(pump),
        keeps_alive: head.keeps_alive,
        pool: Arc::clone(pool),
        lane,
        _occupied: attempt.occupied,
    };
    let body = if let Some(bytes) = at_hand(&mut reader, &mut lease.wire.input) {
        lease.release();
        Body::full(bytes)
    } else {
        let mut body = AnswerBody { reader, stall: Stall::new(attempt.read), first: None, lease: Some(lease) };
        body.begin()?;
        if body.is_end_stream() {
            body.release();
            Body::empty()
        } else {
            body.lease = body.lease.map(Lease::part);
            Body::stream(body)
        }
    };
    Ok(Reply { status: head.status, headers: head.headers, body, source: Source::Upstream })
}

/// The whole body, when all of it came with the head.
fn at_hand(reader: &mut BodyReader, input: &mut BytesMut) -> Option<Bytes> {
    match reader {
        BodyReader::Ended => Some(Bytes::new()),
        BodyReader::Bytes(left) if *left <= input.len() as u64 => match reader.next(input) {
            Ok(Piece::Data(bytes)) => Some(bytes),
            Ok(Piece::More | Piece::End(_)) | Err(_) => None,
        },
        BodyReader::Bytes(_) | BodyReader::Chunked(_) | BodyReader::ToClose => None,
    }
}

/// The connection a body comes from.
struct Lease {
    wire: Box<Wire>,
    request: Request,
    keeps_alive: bool,
    pool: Arc<Pool>,
    lane: Lane,
    _occupied: Occupied,
}

/// The request that is answered.
enum Request {
    /// It is out, or nothing more of it is to go out.
    Here(Pump),
    /// The rest of it goes out by itself.
    GoingOut(Rest<Pump>),
    /// It broke off.
    Lost,
}

impl Lease {
    /// Lets what is left of the request go out by itself. One that waited for the upstream to ask for its body is answered
    /// without.
    fn part(self) -> Self {
        let Self { wire, request, keeps_alive, pool, lane, _occupied } = self;
        let (wire, request) = match request {
            Request::Here(pump) if !(pump.is_held() || pump.is_sent() && wire.link.is_flushed()) => {
                let (wire, writer) = wire.share();
                (Box::new(wire), Request::GoingOut(Rest::send(send_rest(pump, writer))))
            }
            request @ (Request::Here(_) | Request::GoingOut(_) | Request::Lost) => (wire, request),
        };
        Self { wire, request, keeps_alive, pool, lane, _occupied }
    }

    /// Gives the connection back when it is ready for its next request.
    fn release(mut self) {
        // It may have gone out without its reader having been told.
        let _ = self.poll_rest(&mut Context::from_waker(Waker::noop()));
        if let Request::Here(mut pump) = self.request
            && self.keeps_alive
            && pump.is_sent()
            && self.wire.link.is_flushed()
            // Surplus bytes would be taken for the next answer.
            && self.wire.input.is_empty()
            && let Some(mut wire) = whole(self.wire)
        {
            wire.give_room();
            self.pool.keep(self.lane, wire, pump.take_buffer());
        }
    }

    /// Looks after the rest of the request.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Result<(), Fault> {
        if let Request::GoingOut(rest) = &mut self.request
            && let Poll::Ready(sent) = rest.poll(cx)
        {
            self.request = Request::Lost;
            self.request = Request::Here(sent?);
        }
        Ok(())
    }
}

/// Writes what is left of a request. What becomes of a connection that takes no more is for the reads to see.
async fn send_rest(mut pump: Pump, mut link: Link) -> Result<Pump, Fault> {
    poll_fn(|cx| match pump.poll(&mut link, cx) {
        Poll::Ready(Err(PumpError::Body(fault))) => Poll::Ready(Err(fault)),
        Poll::Ready(Err(PumpError::Write(_))) => Poll::Ready(Ok(())),
        Poll::Ready(Ok(())) => Pin::new(&mut link).poll_flush(cx).map(|_| Ok(())),
        Poll::Pending => {
            let _ = Pin::new(&mut link).poll_flush(cx);
            Poll::Pending
        }
    })
    .await?;
    Ok(pump)
}

/// The connection when nobody else holds it; boxed anew only where it was shared.
fn whole(wire: Box<Wire>) -> Option<Box<Wire>> {
    if matches!(wire.link, Link::Shared(_)) { wire.whole().map(Box::new) } else { Some(wire) }
}

struct AnswerBody {
    reader: BodyReader,
    stall: Stall,
    /// What had come when the answer was handed over.
    first: Option<Frame<Bytes>>,
    /// Given back at the body's end; dropped, and so closed, when the body is not read to its end.
    lease: Option<Lease>,
}

impl AnswerBody {
    /// Takes what is there of the body without waiting for it; whoever reads on is woken.
    fn begin(&mut self) -> Result<(), Fault> {
        if let Poll::Ready(piece) = self.poll_piece(&mut Context::from_waker(Waker::noop())) {
            self.first = piece?;
        }
        Ok(())
    }

    fn release(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.release();
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Fault>> {
        let broken = |cause: &dyn std::fmt::Display| Fault::new(FaultKind::BodyBroken, cause);
        let Some(lease) = &mut self.lease else { return Poll::Ready(Ok(None)) };
        lease.poll_rest(cx)?;
        loop {
            match self.reader.next(&mut lease.wire.input).map_err(|cause| broken(&cause))? {
                Piece::Data(bytes) => return Poll::Ready(Ok(Some(Frame::data(bytes)))),
                Piece::End(trailers) => return Poll::Ready(Ok(trailers.map(Frame::trailers))),
                Piece::More => {}
            }
            if !ready!(lease.wire.poll_fill(cx)).map_err(|error| broken(&error))? {
                return match self.reader {
                    BodyReader::ToClose => Poll::Ready(Ok(None)),
                    _ => Poll::Ready(Err(broken(&"closed within the body"))),
                };
            }
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = self.get_mut();
        if let Some(frame) = this.first.take() {
            if this.reader.has_ended() {
                this.release();
            }
            return Poll::Ready(Some(Ok(frame)));
        }
        let Poll::Ready(piece) = this.poll_piece(cx) else {
            ready!(this.stall.poll(cx));
            this.lease = None;
            return Poll::Ready(Some(Err(Fault::new(FaultKind::BodyBroken, "no more of the body came in time"))));
        };
        this.stall.end();
        Poll::Ready(match piece {
            Ok(frame) => {
                if this.reader.has_ended() {
                    this.release();
                }
                frame.map(Ok)
            }
            Err(fault) => {
                this.lease = None;
                Some(Err(fault))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.reader.has_ended() && self.first.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        self.reader.left().map_or_else(SizeHint::new, |left| SizeHint::with_exact(left + first))
    }
}
