//! Stands between the socket and the HTTP library: whole heads pass once they have been judged, what is refused never
//! does, and a client that keeps the gateway waiting too long is cut off.
//!
//! For a refused head the library is given a stand-in request instead, so that the refusal is answered in its turn,
//! after the requests before it; the service finds the reason in [`Signals`].

use super::framing::{Framing, Limits, Refusal, STAND_IN_METHOD, Scanned, Then};
use super::patience::{For, Patience};
use http::StatusCode;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Bytes read at a time while a head comes in parts.
const PART_BYTES: usize = 4096;
/// Bytes of a broken request that are read and thrown away so that its answer is not lost in a reset.
const LINGER_BYTES_MAX: usize = 1 << 20;
/// How long that may take.
const LINGER: Duration = Duration::from_secs(2);

/// What the service and the guard of one connection tell each other.
#[derive(Debug)]
pub struct Signals {
    /// When the connection began.
    began: Instant,
    /// Requests whose reply has ended.
    done: AtomicU32,
    /// When the last one ended, in milliseconds since the connection began.
    done_ms: AtomicU64,
    /// Why the stand-in request stands there.
    refusal: OnceLock<Refusal>,
    /// The body of the last request broke: nothing behind it can be read.
    broken: AtomicBool,
    /// A reply that ends with the connection broke off.
    cut: AtomicBool,
}

impl Signals {
    /// A reply has ended.
    pub fn reply_ended(&self) {
        let ended = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.done_ms.store(ended, Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// When the last reply ended.
    fn last_ended(&self) -> Instant {
        self.began + Duration::from_millis(self.done_ms.load(Ordering::Relaxed))
    }

    /// Why the last request of this connection was refused, if it was.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal.get().copied()
    }

    /// True when the connection ends after the reply under way, because the request's body broke.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// A reply that ends with the connection broke off.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// True when the connection's end must not be taken for a reply's.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            done: AtomicU32::new(0),
            done_ms: AtomicU64::new(0),
            refusal: OnceLock::new(),
            broken: AtomicBool::new(false),
            cut: AtomicBool::new(false),
        }
    }
}

/// A socket whose requests have one reading.
#[derive(Debug)]
pub struct Guard<S> {
    socket: S,
    framing: Framing,
    patience: Patience,
    /// The same for what is written.
    taking: Patience,
    signals: Arc<Signals>,
    /// A head that came in parts; of its bytes the first `ready` may pass.
    held: Vec<u8>,
    ready: usize,
    fate: Fate,
    linger: Option<(Pin<Box<Sleep>>, usize)>,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    /// The stand-in is the last request.
    Refused,
    /// The body under way broke.
    Broken(io::ErrorKind, &'static str),
    /// The client did not use it any more.
    Idle,
}

impl<S> Guard<S> {
    /// Guards a socket.
    #[must_use]
    pub fn new(socket: S, limits: Limits, head_timeout: Duration, idle: Duration, signals: Arc<Signals>) -> Self {
        Self {
            socket,
            framing: Framing::new(limits),
            patience: Patience::new(head_timeout, idle),
            taking: Patience::new(head_timeout, idle),
            signals,
            held: Vec::new(),
            ready: 0,
            fate: Fate::Open,
            linger: None,
        }
    }

    /// Replies are under way.
    fn is_busy(&self) -> bool {
        self.framing.heads() != self.signals.done.load(Ordering::Relaxed)
    }

    fn refuse(&mut self, refusal: Refusal) {
        // The first refusal is the only one: nothing is read after it.
        let _ = self.signals.refusal.set(refusal);
        self.fate = Fate::Refused;
        self.held.truncate(self.ready);
        self.held.extend_from_slice(STAND_IN_METHOD.as_bytes());
        self.held.extend_from_slice(b" / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n");
        self.ready = self.held.len();
    }

    fn break_off(&mut self, kind: io::ErrorKind, detail: &'static str) {
        self.signals.broken.store(true, Ordering::Relaxed);
        self.fate = Fate::Broken(kind, detail);
    }

    fn follow(&mut self, then: &Then) {
        match then {
            Then::End | Then::PartialHead => {}
            Then::Refused(refusal) => self.refuse(*refusal),
            Then::Broken(detail) => self.break_off(io::ErrorKind::InvalidData, detail),
        }
    }

    /// Hands over what may pass of the held bytes.
    fn deliver(&mut self, buf: &mut ReadBuf<'_>) {
        let length = self.ready.min(buf.remaining());
        buf.put_slice(self.held.get(..length).unwrap_or_default());
        self.held.drain(..length);
        self.ready -= length;
        if self.held.is_empty() {
            self.held = Vec::new();
        }
    }

    /// Nothing to read: ready when the client has used up the gateway's patience.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A lone CRLF is not the beginning of a request.
        let what = if self.held.len() > 2 || self.framing.heads() == 0 {
            For::Head
        } else if self.framing.in_body() {
            For::Body
        } else if self.is_busy() {
            self.patience.rest(cx);
            return Poll::Pending;
        } else {
            For::Next
        };
        ready!(self.patience.poll_wait(what, self.signals.last_ended(), cx));
        match what {
            For::Head if self.held.is_empty() => self.fate = Fate::Idle,
            For::Head => self.refuse(Refusal { status: StatusCode::REQUEST_TIMEOUT, detail: "the request's head took too long" }),
            For::Next => self.fate = Fate::Idle,
            For::Body | For::Taken => self.break_off(io::ErrorKind::TimedOut, "the request's body came too slowly"),
        }
        Poll::Ready(())
    }
}

impl Guard<TcpStream> {
    /// Ends the connection with a reset, which no client takes for the end of a reply.
    pub fn reset(self) {
        if let Err(error) = self.socket.set_zero_linger() {
            tracing::debug!(%error, "a connection could not be reset");
        }
    }
}

/// What came of writing; an error when the client has taken nothing for too long.
fn taken<R>(taking: &mut Patience, polled: Poll<io::Result<R>>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
    if polled.is_ready() {
        taking.taken();
        return polled;
    }
    ready!(taking.poll_wait(For::Taken, Instant::now(), cx));
    Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing of its reply")))
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Reads straight into the library's buffer; false at the end of the stream.
    fn poll_direct(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        let came = buf.filled().get(before..).unwrap_or_default();
        if came.is_empty() {
            return Poll::Ready(Ok(false));
        }
        let (in_body, heads) = (self.framing.in_body(), self.framing.heads());
        let Scanned { pass, then } = self.framing.scan(came);
        if in_body {
            self.patience.body(pass);
        }
        if heads != self.framing.heads() {
            self.patience.new_request();
        }
        if then == Then::PartialHead {
            self.held.extend_from_slice(came.get(pass..).unwrap_or_default());
        }
        buf.set_filled(before + pass);
        self.follow(&then);
        Poll::Ready(Ok(true))
    }

    /// Reads more of a head that comes in parts; false at the end of the stream.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut part = [0; PART_BYTES];
        let mut part = ReadBuf::new(&mut part);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut part))?;
        if part.filled().is_empty() {
            return Poll::Ready(Ok(false));
        }
        self.held.extend_from_slice(part.filled());
        let heads = self.framing.heads();
        let Scanned { pass, then } = self.framing.scan(&self.held);
        if heads != self.framing.heads() {
            self.patience.new_request();
        }
        self.ready = pass;
        self.follow(&then);
        Poll::Ready(Ok(true))
    }

    /// Reads and drops what the client still sends, within bounds, so that the kernel does not answer it with a reset
    /// that could overtake our reply.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (timer, left) = self.linger.get_or_insert_with(|| (Box::pin(sleep(LINGER)), LINGER_BYTES_MAX));
        loop {
            let mut scrap = [0; PART_BYTES];
            let mut scrap = ReadBuf::new(&mut scrap);
            match Pin::new(&mut self.socket).poll_read(cx, &mut scrap) {
                Poll::Pending => return timer.as_mut().poll(cx),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    *left = left.saturating_sub(scrap.filled().len());
                    if scrap.filled().is_empty() || *left == 0 {
                        return Poll::Ready(());
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            if this.ready > 0 {
                this.deliver(buf);
                return Poll::Ready(Ok(()));
            }
            match this.fate {
                Fate::Open => {}
                Fate::Idle => return Poll::Ready(Ok(())),
                Fate::Broken(kind, detail) => return Poll::Ready(Err(io::Error::new(kind, detail))),
                // The stand-in's answer is on its way; whatever else comes is not looked at.
                Fate::Refused => return Poll::Pending,
            }
            let read = if this.held.is_empty() { this.poll_direct(cx, buf) } else { this.poll_part(cx) };
            match read {
                Poll::Ready(Ok(true)) if buf.filled().len() > before => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => ready!(this.poll_patience(cx)),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, buf);
        taken(&mut self.taking, polled, cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        taken(&mut self.taking, polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        }
        if matches!(this.fate, Fate::Refused | Fate::Broken(..)) || this.framing.in_body() || !this.held.is_empty() {
            ready!(this.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Guard, Limits, Signals};
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, sleep};

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_not_read_again_behind_its_reply_is_idle_all_the_same() {
        let (socket, mut client) = duplex(1000);
        let limits = Limits { bytes: 1000, fields: 10 };
        let signals = Arc::new(Signals::default());
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut guard = Guard::new(socket, limits, Duration::from_secs(10), Duration::from_secs(75), Arc::clone(&signals));
        let mut buffer = [0; 100];
        assert!(guard.read(&mut buffer).await.unwrap() > 0);
        let next = tokio::spawn(async move { guard.read(&mut [0; 100]).await });
        sleep(Duration::from_secs(1)).await;
        signals.reply_ended();
        assert_eq!(next.await.unwrap().unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_of_its_reply_is_cut_off_and_a_slow_one_is_not() {
        let (socket, mut client) = duplex(16);
        let limits = Limits { bytes: 1000, fields: 10 };
        let (head, idle) = (Duration::from_secs(10), Duration::from_secs(75));
        let mut guard = Guard::new(socket, limits, head, idle, Arc::new(Signals::default()));
        let slow = tokio::spawn(async move {
            for _ in 0..10 {
                sleep(Duration::from_secs(200)).await;
                client.read_exact(&mut [0; 16]).await.unwrap();
            }
            client
        });
        guard.write_all(&[0; 16 * 11]).await.unwrap();
        let _client = slow.await.unwrap();
        let before = Instant::now();
        assert_eq!(guard.write_all(b"more").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(before.elapsed().as_secs(), 300);
    }
}
