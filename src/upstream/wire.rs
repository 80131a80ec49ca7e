//! One connection to an upstream and the exchanges on it.
//!
//! The library's connection is polled by whoever waits for its answer, not by a task of its own: a response costs no
//! wake-up from one task to another, and a connection nobody waits for costs nothing.

use super::pool::Pool;
use super::transport::Attempt;
use crate::http::{Body, Fault, FaultKind};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::{HeaderMap, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// A connection to an upstream.
#[derive(Debug)]
pub struct Wire {
    sender: SendRequest<Body>,
    driver: Driver,
}

/// The library's half of a connection, and the waker it is polled with.
#[derive(Debug)]
struct Driver {
    /// Gone when the connection has ended.
    connection: Option<Box<Connection<TokioIo<TcpStream>, Body>>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// A waker that does not wake a task which is running anyway: connection, answer and body are polled by one task, and what
/// one of them tells another while it is being polled would otherwise cost a wake-up and a second round each time.
#[derive(Debug, Default)]
struct Bell {
    task: AtomicWaker,
    polling: AtomicBool,
    rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.polling.load(Ordering::Acquire) {
            self.rung.store(true, Ordering::Release);
        } else {
            self.task.wake();
        }
    }
}

/// Most rounds of one poll; beyond them the task is woken again, so that others have their turn.
const ROUNDS_MAX: usize = 16;

impl Driver {
    fn new(connection: Connection<TokioIo<TcpStream>, Body>) -> Self {
        let bell = Arc::new(Bell::default());
        Self { connection: Some(Box::new(connection)), waker: Waker::from(Arc::clone(&bell)), bell }
    }

    fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Asks `end` for its result, driving the connection until neither gets further. Whatever `end` waits for comes from the
    /// connection, so it is polled with the same waker; what has come already needs no look at the socket.
    fn poll<R>(&mut self, cx: &mut Context<'_>, mut end: impl FnMut(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        self.bell.task.register(cx.waker());
        self.bell.polling.store(true, Ordering::Release);
        let mut inner = Context::from_waker(&self.waker);
        let mut polled = end(&mut inner);
        for _ in 0..ROUNDS_MAX {
            if polled.is_ready() {
                break;
            }
            self.bell.rung.store(false, Ordering::Release);
            // How it ended is told through the exchange that is under way.
            if self.connection.as_mut().is_some_and(|connection| Pin::new(connection).poll(&mut inner).is_ready()) {
                self.connection = None;
            }
            polled = end(&mut inner);
            if !self.bell.rung.load(Ordering::Acquire) {
                break;
            }
        }
        self.bell.polling.store(false, Ordering::Release);
        // INVARIANT: a ring that no further round has answered is passed on; after a result the task polls again by itself.
        if self.bell.rung.swap(false, Ordering::AcqRel) && polled.is_pending() {
            cx.waker().wake_by_ref();
        }
        polled
    }
}

/// No answer came.
#[derive(Debug)]
pub struct Unanswered {
    /// Why.
    pub fault: Fault,
    /// The request, when nothing of it was sent.
    pub unsent: Option<Box<http::Request<Body>>>,
}

impl Wire {
    /// Begins HTTP on a new connection.
    pub async fn begin(stream: TcpStream) -> Result<Self, Fault> {
        let broken = |error: &dyn std::fmt::Display| Fault::new(FaultKind::ConnectError, error);
        stream.set_nodelay(true).map_err(|error| broken(&error))?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        Ok(Self { sender, driver: Driver::new(driver) })
    }

    /// Sends a request and waits for the response's head.
    pub async fn exchange(mut self, request: http::Request<Body>) -> Result<(http::Response<Incoming>, Self), Unanswered> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answer = poll_fn(|cx| self.driver.poll(cx, |cx| answer.as_mut().poll(cx))).await;
        match answer {
            Ok(response) => match misframed(response.status(), response.headers()) {
                None => Ok((response, self)),
                Some(cause) => Err(Unanswered { fault: Fault::new(FaultKind::BadResponse, cause), unsent: None }),
            },
            Err(mut failed) => {
                let unsent = failed.take_message().map(Box::new);
                let fault = match &unsent {
                    Some(_) => Fault::new(FaultKind::Stale, failed.error()),
                    None => fault(failed.error()),
                };
                Err(Unanswered { fault, unsent })
            }
        }
    }

    /// True while the connection can take another request. Reads what the other side did meanwhile: closing, or bytes
    /// nobody asked for, end it.
    pub fn is_usable(&mut self) -> bool {
        self.is_usable_now(&mut Context::from_waker(Waker::noop()))
    }

    fn is_usable_now(&mut self, cx: &mut Context<'_>) -> bool {
        let _ = self.driver.poll(cx, |_| Poll::<()>::Pending);
        self.driver.is_open() && self.sender.is_ready()
    }
}

/// What is wrong with a response whose end two readers could see in different places.
fn misframed(status: StatusCode, headers: &HeaderMap) -> Option<&'static str> {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Some("an upgrade nobody asked for");
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() || length.is_some_and(|length| !length.as_bytes().iter().all(u8::is_ascii_digit)) {
        return Some("Content-Length is malformed");
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => None,
        (Some(coding), None) if length.is_none() && coding.as_bytes().eq_ignore_ascii_case(b"chunked") => None,
        (Some(_), _) => Some("Transfer-Encoding is not exactly `chunked`, or stands beside Content-Length"),
    }
}

/// Whose fault a failed exchange is: that of the request's body is found in the error's sources.
fn fault(error: &hyper::Error) -> Fault {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(fault) = inner.downcast_ref::<Fault>() {
            return fault.clone();
        }
        source = inner.source();
    }
    let kind = if error.is_parse() { FaultKind::BadResponse } else { FaultKind::Reset };
    Fault::new(kind, Causes(error))
}

/// An error with all that led to it.
struct Causes<'a>(&'a dyn Error);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(inner) = source {
            write!(f, ": {inner}")?;
            source = inner.source();
        }
        Ok(())
    }
}

/// The response with a body that drives its connection and returns it to the pool at its end.
pub fn answer(
    response: http::Response<Incoming>,
    wire: Wire,
    pool: &Arc<Pool>,
    address: SocketAddr,
    attempt: Attempt,
) -> http::Response<Body> {
    let (head, incoming) = response.into_parts();
    let mut body = AnswerBody {
        incoming,
        read: attempt.read,
        timer: None,
        deadline: None,
        lease: Some(Lease { wire, pool: Arc::clone(pool), address, _attempt: attempt }),
    };
    let body = if body.incoming.is_end_stream() {
        body.release(&mut Context::from_waker(Waker::noop()));
        Body::empty()
    } else {
        Body::stream(body)
    };
    http::Response::from_parts(head, body)
}

/// The connection a body comes from.
struct Lease {
    wire: Wire,
    pool: Arc<Pool>,
    address: SocketAddr,
    _attempt: Attempt,
}

struct AnswerBody {
    incoming: Incoming,
    read: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
    /// Given back at the body's end; dropped, and so closed, when the body is not read to its end.
    lease: Option<Lease>,
}

impl AnswerBody {
    fn release(&mut self, cx: &mut Context<'_>) {
        if let Some(mut lease) = self.lease.take()
            && lease.wire.is_usable_now(cx)
        {
            lease.pool.keep(lease.address, lease.wire);
        }
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let incoming = &mut self.incoming;
        match &mut self.lease {
            Some(lease) => lease.wire.driver.poll(cx, |cx| Pin::new(&mut *incoming).poll_frame(cx)),
            None => Pin::new(incoming).poll_frame(cx),
        }
    }

    /// Ready when nothing has come for too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let deadline = *self.deadline.get_or_insert(now + self.read);
        if deadline <= now {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // One that goes off too early finds the later deadline then.
        while timer.as_mut().poll(cx).is_ready() {
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = this.poll_incoming(cx) else {
            ready!(this.poll_stalled(cx));
            this.lease = None;
            return Poll::Ready(Some(Err(Fault::new(FaultKind::BodyBroken, "no more of the body came in time"))));
        };
        this.deadline = None;
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if this.incoming.is_end_stream() {
                    this.release(cx);
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                this.lease = None;
                Some(Err(Fault::new(FaultKind::BodyBroken, Causes(&error))))
            }
            None => {
                this.release(cx);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.release(&mut Context::from_waker(Waker::noop()));
        }
    }
}
