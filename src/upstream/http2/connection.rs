//! One connection: it is made when the other side has shown that it speaks HTTP/2, and runs until nobody holds it.
//!
//! One that falls silent is given no more requests from the first that waited in vain, and is asked whether it is still there.

use super::super::link::Link;
use super::super::tally::Connected;
use super::{CONNECTION_WINDOW, STREAM_WINDOW, STREAMS_MAX};
use crate::http::{Fault, FaultKind};
use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// How often a connection that is in use is asked whether it is still there. It is over when the answer takes as long.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Between two such questions, however many requests end in silence: other sides may take more for an attack.
const PINGS_APART: Duration = Duration::from_secs(1);
/// How long a request must have been on it without a byte of anything for its end to say something of the connection.
const SILENCE_MIN: Duration = Duration::from_millis(100);
/// Bytes of a response's fields.
const FIELDS_BYTES_MAX: u32 = 64 << 10;
/// Bytes of requests that may wait in the gateway for the other side to take them, per request.
const SEND_BUFFER_MAX: usize = 128 << 10;

/// A connection that stands.
#[derive(Debug)]
pub struct Session {
    send: SendRequest<Bytes>,
    state: Arc<State>,
    /// Where it leads.
    pub address: SocketAddr,
    /// The sweep after which it was made.
    pub made: u64,
}

#[derive(Debug, Default)]
struct State {
    streams: AtomicUsize,
    over: AtomicBool,
    /// How often something was read.
    heard: AtomicUsize,
    /// A request waited in vain and nothing was heard since: it gets no further ones until it has answered.
    silent: AtomicBool,
    fell_silent: Notify,
}

impl Session {
    /// Makes a connection one of HTTP/2.
    ///
    /// # Errors
    /// When the other side does not speak it.
    pub async fn begin(link: Link, address: SocketAddr, made: u64, counted: Connected) -> Result<Self, Fault> {
        let other = |error| Fault::new(FaultKind::ConnectError, format!("it does not speak HTTP/2: {error}"));
        let state = Arc::<State>::default();
        let link = Heard { link, state: Arc::clone(&state) };
        let (send, mut connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(FIELDS_BYTES_MAX)
            .max_send_buffer_size(SEND_BUFFER_MAX)
            .handshake::<_, Bytes>(link)
            .await
            .map_err(other)?;
        let mut pings = connection.ping_pong().ok_or_else(|| Fault::new(FaultKind::ConnectError, "it cannot be pinged"))?;
        // The answer comes behind the settings, which say how many requests are taken at once.
        pings.send_ping(Ping::opaque()).map_err(other)?;
        poll_fn(|cx| match (Pin::new(&mut connection).poll(cx), pings.poll_pong(cx)) {
            (_, Poll::Ready(Ok(_))) => Poll::Ready(Ok(())),
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => Poll::Ready(Err(other(error))),
            (Poll::Ready(Ok(())), Poll::Pending) => Poll::Ready(Err(Fault::new(FaultKind::ConnectError, "it was closed at once"))),
            (Poll::Pending, Poll::Pending) => Poll::Pending,
        })
        .await?;
        tokio::spawn(run(connection, pings, Arc::clone(&state), counted));
        Ok(Self { send, state, address, made })
    }

    /// A way to send one request, when there is room for it and the other side takes requests still.
    pub fn place(self: &Arc<Self>) -> Option<Place> {
        if self.is_over()
            || self.state.silent.load(Ordering::Relaxed)
            || self.streams() >= self.send.current_max_send_streams().min(STREAMS_MAX)
        {
            return None;
        }
        let mut send = self.send.clone();
        match send.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => {
                self.state.streams.fetch_add(1, Ordering::Relaxed);
                let heard = self.state.heard.load(Ordering::Relaxed);
                Some(Place { send, session: Arc::clone(self), heard, since: Instant::now() })
            }
            // It was told to go away, and ends when the requests on it have.
            Poll::Ready(Err(_)) => {
                self.state.over.store(true, Ordering::Relaxed);
                None
            }
            Poll::Pending => None,
        }
    }

    /// True when it takes no more requests.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.over.load(Ordering::Relaxed)
    }

    /// Requests on it.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.state.streams.load(Ordering::Relaxed)
    }
}

/// Room for one request on a connection, for as long as it is held.
#[derive(Debug)]
pub struct Place {
    /// Sends the request.
    pub send: SendRequest<Bytes>,
    session: Arc<Session>,
    /// What had been heard of the connection by then.
    heard: usize,
    since: Instant,
}

impl Drop for Place {
    fn drop(&mut self) {
        let state = &self.session.state;
        state.streams.fetch_sub(1, Ordering::Relaxed);
        if state.heard.load(Ordering::Relaxed) == self.heard && self.since.elapsed() >= SILENCE_MIN {
            state.silent.store(true, Ordering::Relaxed);
            state.fell_silent.notify_one();
        }
    }
}

/// A connection that notes when something comes.
struct Heard {
    link: Link,
    state: Arc<State>,
}

impl AsyncRead for Heard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.link).poll_read(cx, into);
        if read.is_ready() {
            self.state.heard.fetch_add(1, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.link.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(cx)
    }
}

/// Runs a connection to its end: nobody can send on it any more, it broke, or it has fallen silent. It counts as long.
async fn run(mut connection: Connection<Heard>, mut pings: PingPong, state: Arc<State>, _counted: Connected) {
    let mut asked = false;
    let mut asked_last = Instant::now();
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection of HTTP/2 to an upstream broke");
                }
                break;
            }
            pong = poll_fn(|cx| pings.poll_pong(cx)), if asked => {
                asked = false;
                if pong.is_err() {
                    break;
                }
                state.silent.store(false, Ordering::Relaxed);
            }
            () = async { state.fell_silent.notified().await; sleep_until(asked_last + PINGS_APART).await }, if !asked => {
                asked = pings.send_ping(Ping::opaque()).is_ok();
                asked_last = Instant::now();
            }
            () = sleep(PING_EVERY) => {
                if asked {
                    tracing::debug!("a connection of HTTP/2 to an upstream has fallen silent");
                    break;
                }
                let in_use = state.streams.load(Ordering::Relaxed) > 0 || state.silent.load(Ordering::Relaxed);
                asked = in_use && pings.send_ping(Ping::opaque()).is_ok();
            }
        }
    }
    state.over.store(true, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::super::super::link::Link;
    use super::super::super::tally::Tally;
    use super::{SILENCE_MIN, Session};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::{mpsc, oneshot};

    #[tokio::test]
    async fn one_that_falls_silent_gets_no_requests_until_it_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (other, _) = listener.accept().await.unwrap();
        let (fall_silent, mut told) = mpsc::channel::<oneshot::Sender<()>>(1);
        let (speak_again, again) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(other).await.unwrap();
            tokio::select! {
                _ = connection.accept() => panic!("nobody asks for anything"),
                silent = told.recv() => silent.unwrap().send(()).unwrap(),
            }
            again.await.unwrap();
            while connection.accept().await.is_some() {}
        });
        let address = "127.0.0.1:1".parse().unwrap();
        let session = Arc::new(Session::begin(Link::Plain(stream), address, 0, Arc::<Tally>::default().connected()).await.unwrap());
        let (silent, fallen) = oneshot::channel();
        fall_silent.send(silent).await.unwrap();
        fallen.await.unwrap();
        // What a request that ends soon says is nothing, and what was still on its way counts.
        drop(session.place().expect("a place"));
        tokio::time::pause();
        while let Some(place) = session.place() {
            tokio::time::advance(SILENCE_MIN).await;
            drop(place);
        }
        assert!(!session.is_over());
        tokio::time::resume();
        speak_again.send(()).unwrap();
        let back = async {
            while session.place().is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), back).await.expect("it is back when it has answered");
    }
}
