//! One connection: it is made when the other side has shown that it speaks HTTP/2, and runs until nobody holds it.

use super::super::link::Link;
use super::super::tally::Connected;
use super::{CONNECTION_WINDOW, STREAM_WINDOW, STREAMS_MAX};
use crate::http::{Fault, FaultKind};
use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::sleep;

/// How often a connection that is in use is asked whether it is still there. It is over when the answer takes as long.
const PING_EVERY: Duration = Duration::from_secs(20);
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
}

impl Session {
    /// Makes a connection one of HTTP/2.
    ///
    /// # Errors
    /// When the other side does not speak it.
    pub async fn begin(link: Link, address: SocketAddr, made: u64, counted: Connected) -> Result<Self, Fault> {
        let other = |error| Fault::new(FaultKind::ConnectError, format!("it does not speak HTTP/2: {error}"));
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
        let state = Arc::<State>::default();
        tokio::spawn(run(connection, pings, Arc::clone(&state), counted));
        Ok(Self { send, state, address, made })
    }

    /// A way to send one request, when there is room for it and the other side takes requests still.
    pub fn place(self: &Arc<Self>) -> Option<Place> {
        if self.is_over() || self.streams() >= self.send.current_max_send_streams().min(STREAMS_MAX) {
            return None;
        }
        let mut send = self.send.clone();
        match send.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => {
                self.state.streams.fetch_add(1, Ordering::Relaxed);
                Some(Place { send, session: Arc::clone(self) })
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
}

impl Drop for Place {
    fn drop(&mut self) {
        self.session.state.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a connection to its end: nobody can send on it any more, it broke, or it has fallen silent. It counts as long.
async fn run(mut connection: Connection<Link>, mut pings: PingPong, state: Arc<State>, _counted: Connected) {
    let mut asked = false;
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
            }
            () = sleep(PING_EVERY) => {
                if asked {
                    tracing::debug!("a connection of HTTP/2 to an upstream has fallen silent");
                    break;
                }
                asked = state.streams.load(Ordering::Relaxed) > 0 && pings.send_ping(Ping::opaque()).is_ok();
            }
        }
    }
    state.over.store(true, Ordering::Relaxed);
}
