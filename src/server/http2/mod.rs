//! A connection of HTTP/2 (RFC 9113): its requests run side by side, in the connection's own task.
//!
//! The frames are the `h2` crate's to read and write; what it leaves open is closed here: floods ([`watch`]), clients that
//! stall, and heads with more than one reading ([`head`]).

mod body;
mod exchange;
mod frames;
mod head;
mod watch;

use super::drain::Ticket;
use super::metrics::Entered;
use super::patience::{For, Patience, UNTAKEN_MAX};
use super::peer::Peer;
use super::worker::Worker;
use crate::http::Stall;
use crate::upstream::Transport;
use body::RequestBody;
use bytes::{Bytes, BytesMut};
use exchange::Arrived;
use futures_util::stream::{FuturesUnordered, StreamExt};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};
use watch::{Seen, Watched};

/// Requests of one connection that may run at once.
const STREAMS_MAX: u32 = 100;
/// Bytes of a request's body that may come before it is asked for.
const STREAM_WINDOW: u32 = 64 << 10;
/// The same for all requests of a connection, and so the most that it holds of bodies nobody has read: 6.25 MiB. A request whose
/// body nobody reads holds up no other.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS_MAX;
/// Bytes of replies that may wait in the gateway for the client to take them, per request.
const SEND_BUFFER_MAX: usize = 128 << 10;
/// Requests that are reset before they were looked at.
const RESET_UNSEEN_MAX: usize = 20;
/// How long a connection that was told to end may take for it.
const LINGER: Duration = Duration::from_secs(2);

/// Serves a connection until it ends: by the client's will, by a fault, or by the drain. `came` is what was read of it.
pub async fn serve<T, S>(worker: Arc<Worker<T>>, stream: S, came: BytesMut, peer: Peer, ticket: Ticket)
where
    T: Transport,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let engine = worker.engine();
    let settings = &engine.plan.settings;
    let (watched, seen) = Watched::new(stream, came);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(settings.header_bytes).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER_MAX)
        .max_pending_accept_reset_streams(RESET_UNSEEN_MAX)
        .enable_connect_protocol();
    let begun = tokio::time::timeout(settings.header_timeout, builder.handshake::<_, Bytes>(watched)).await;
    let Ok(Ok(connection)) = begun else { return };
    let _open = Entered::one_of(worker.shard().sessions());
    let mut patience = Patience::new(settings.header_timeout, settings.idle);
    patience.new_request();
    let mut serving = Serving {
        fields_max: settings.headers,
        body_patience: (settings.header_timeout, settings.idle),
        worker,
        peer,
        ticket,
        seen,
        connection,
        patience,
        untaken: Stall::new(UNTAKEN_MAX),
        leaving: Leaving::No,
    };
    drop(engine);
    let mut running = FuturesUnordered::new();
    poll_fn(|cx| {
        serving.begin_to_leave(cx);
        loop {
            while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
            match serving.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    let arrived = serving.arrived(request);
                    running.push(exchange::answer(Arc::clone(&serving.worker), arrived, respond));
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, peer = %serving.peer.client.peer, "a connection of HTTP/2 broke");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => match serving.judge(running.is_empty(), cx) {
                    Verdict::GoesOn => return Poll::Pending,
                    Verdict::Changed => {}
                    Verdict::Over => return Poll::Ready(()),
                },
            }
        }
    })
    .await;
}

/// Whether a connection is on its way out.
enum Leaving {
    No,
    /// It takes no more requests; those that run may end.
    Gently,
    /// It was told to end, and has this long for it.
    Now(Pin<Box<Sleep>>),
}

enum Verdict {
    GoesOn,
    /// Something was said to the client, which has to go out.
    Changed,
    Over,
}

struct Serving<T, S> {
    worker: Arc<Worker<T>>,
    peer: Peer,
    ticket: Ticket,
    seen: Arc<Mutex<Seen>>,
    connection: Connection<Watched<S>, Bytes>,
    patience: Patience,
    untaken: Stall,
    leaving: Leaving,
    fields_max: usize,
    body_patience: (Duration, Duration),
}

impl<T: Transport, S: AsyncRead + AsyncWrite + Unpin> Serving<T, S> {
    /// Tells the client when its listener is closed: it takes its further requests elsewhere.
    fn begin_to_leave(&mut self, cx: &Context<'_>) {
        self.ticket.watch(cx);
        if self.ticket.is_ending() && matches!(self.leaving, Leaving::No) {
            self.connection.graceful_shutdown();
            self.leaving = Leaving::Gently;
        }
    }

    fn arrived(&mut self, request: Request<RecvStream>) -> Arrived {
        self.patience.new_request();
        let (parts, stream) = request.into_parts();
        let head = head::judge(parts, self.fields_max);
        let asked = head.as_ref().ok().map(|head| self.peer.asked(&head.authority));
        let client = self.peer.client.clone();
        let (head_patience, idle) = self.body_patience;
        let body = RequestBody::new(stream, Patience::new(head_patience, idle));
        Arrived { head, asked, client, body }
    }

    /// How the connection goes on while nothing comes.
    fn judge(&mut self, is_idle: bool, cx: &mut Context<'_>) -> Verdict {
        let (flooded, in_head, blocked) = {
            let mut seen = self.seen.lock();
            (seen.is_flooded(), seen.in_head(), seen.is_blocked())
        };
        if let Leaving::Now(timer) = &mut self.leaving {
            return if timer.as_mut().poll(cx).is_ready() { Verdict::Over } else { Verdict::GoesOn };
        }
        if flooded {
            return self.end_now(Reason::ENHANCE_YOUR_CALM);
        }
        if !blocked {
            self.untaken.end();
        } else if self.untaken.poll(cx).is_ready() {
            return Verdict::Over;
        }
        let waits_for = match (in_head, is_idle) {
            (true, _) => For::Head,
            (false, true) => For::Next,
            (false, false) => {
                self.patience.new_request();
                return Verdict::GoesOn;
            }
        };
        if self.patience.poll_wait(waits_for, cx).is_pending() {
            return Verdict::GoesOn;
        }
        self.end_now(if in_head { Reason::ENHANCE_YOUR_CALM } else { Reason::NO_ERROR })
    }

    fn end_now(&mut self, reason: Reason) -> Verdict {
        self.connection.abrupt_shutdown(reason);
        self.leaving = Leaving::Now(Box::pin(sleep(LINGER)));
        Verdict::Changed
    }
}

/// The way back to a client.
type Respond = SendResponse<Bytes>;

#[cfg(test)]
mod tests;
