//! One client connection: its requests, one after the other, each under the plan that is current when it begins.

use super::access_log::Line;
use super::drain::Ticket;
use super::drive::{self, Arrival, Begun, Engine};
use super::ending::Ending;
use super::http2;
use super::input::{self, Input, Next};
use super::patience::Patience;
use super::peer::Peer;
use super::reply::{Asked, Replying};
use super::stream::Stream;
use super::traced;
use super::tunnel;
use super::worker::Worker;
use crate::http::h1::{Limits, PumpError, Refusal, RequestHead, interim_head, response_head};
use crate::http::upgrade::WEBSOCKET;
use crate::http::{Early, Problem, Reply, Tunnel, forward};
use crate::upstream::Transport;
use http::header::{EXPECT, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// How long a client that has just connected may take to send its first request while the gateway drains: it has not been told,
/// and may not know that it has to try again.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// A client connection.
struct Connection<T, S: Stream> {
    worker: Arc<Worker<T>>,
    peer: Peer,
    input: Arc<Mutex<Input<S::Input>>>,
    output: S::Output,
    ticket: Ticket,
    /// Room for the next head.
    headers: HeaderMap,
    /// Interim responses on their way.
    buffer: Vec<u8>,
    /// What has been written of them.
    interim_sent: usize,
    early: Arc<Early>,
    /// No request has come yet.
    fresh: bool,
}

/// How a connection goes on after a reply.
enum After {
    /// With the next request.
    Next,
    /// It is closed, once the client has taken the reply.
    Close,
    /// It is dropped: the client has gone, or sees by the reply that it is not whole.
    Drop,
    /// It is reset: the client must not take its end for that of the reply.
    Reset,
    /// HTTP ends here.
    Switch(Box<Switch>),
}

/// The end of HTTP on a connection.
struct Switch {
    /// The 101 that is to be written.
    head: Vec<u8>,
    tunnel: Box<Tunnel>,
    ending: Ending,
}

/// Serves a connection until it ends: by the client's will, by a fault, or by the drain. Where `may_be_http2`, the client
/// chooses the version by what it sends first.
pub async fn serve<T: Transport, S: Stream>(worker: Arc<Worker<T>>, stream: S, peer: Peer, ticket: Ticket, may_be_http2: bool) {
    let (limits, patience) = {
        // For no longer than this: a connection may outlive many plans.
        let engine = worker.engine();
        let settings = &engine.plan.settings;
        let limits = Limits { bytes: settings.header_bytes, fields: settings.headers };
        (limits, Patience::new(settings.header_timeout, settings.idle))
    };
    let (half, output) = stream.halves();
    let input = Arc::new(Mutex::new(Input::new(half, limits, patience, Arc::clone(worker.spare()), may_be_http2)));
    let (headers, buffer, early) = (HeaderMap::new(), Vec::new(), Arc::default());
    let mut connection: Connection<T, S> =
        Connection { worker, peer, input, output, ticket, headers, buffer, interim_sent: 0, early, fresh: true };
    loop {
        let after = match connection.next().await {
            Next::Head(head) => connection.answer(head).await,
            Next::Refused(refusal) => connection.refuse(refusal).await,
            Next::Http2 => return connection.go_on_with_http2().await,
            Next::Closed => return,
        };
        match after {
            After::Next => {}
            After::Close => {
                // The reply is out; whether the client takes it is its own affair.
                let _ = connection.output.shutdown().await;
                return input::linger(&connection.input).await;
            }
            After::Drop => return,
            After::Reset => {
                S::reset(connection.output);
                return;
            }
            After::Switch(switch) => return connection.go_on_with_tunnel(*switch).await,
        }
    }
}

impl<T: Transport, S: Stream> Connection<T, S> {
    /// The next request. A connection between requests ends when its listener does; one whose request is coming in, or has
    /// come and was not yet looked at, does not; nor, for a moment, one on which there was none yet.
    async fn next(&mut self) -> Next {
        let Self { input, ticket, headers, fresh, .. } = self;
        let mut patience = None;
        poll_fn(|cx| {
            ticket.watch(cx);
            let mut input = input.lock();
            match input.poll_head(headers, cx) {
                Poll::Pending if ticket.is_draining() && !input.has_begun() => {
                    let first = || Box::pin(tokio::time::sleep(FIRST_REQUEST));
                    if *fresh && patience.get_or_insert_with(first).as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    Poll::Ready(Next::Closed)
                }
                next => {
                    *fresh &= next.is_pending();
                    next
                }
            }
        })
        .await
    }

    async fn answer(&mut self, head: RequestHead) -> After {
        let engine = self.worker.engine();
        let RequestHead { method, target, authority, mut headers, keeps_alive, http_10, expects_continue, .. } = head;
        let body = input::body(&self.input);
        let has_body = !body.is_end_stream();
        if expects_continue && body.at_hand().is_none() {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        let arrival = Arrival {
            method: method.clone(),
            target,
            asked: self.peer.asked(&authority),
            headers,
            body,
            client: self.peer.client.clone(),
            early: (!http_10).then(|| Arc::clone(&self.early)),
        };
        let worker = Arc::clone(&self.worker);
        // Worked on where it stands: it is large. What is left of it after the answer may hold the rest of the request's
        // body; nobody wants that any more.
        let mut ending;
        let mut reply = {
            let mut unanswered = Unanswered::new(drive::begin(&engine, arrival), &engine, &worker);
            let Some(reply) = self.drive(&engine, &mut unanswered.begun).await else { return After::Drop };
            ending = unanswered.answered(&reply);
            reply
        };
        let keep = keeps_alive && !self.ticket.is_ending() && self.input.lock().is_worth_keeping();
        let asked = Asked { method: &method, http_10, keep };
        // Interim responses that are not yet out go out before it.
        let mut buffer = worker.spare().lend_for_reply();
        buffer.extend(self.buffer.drain(..).skip(std::mem::take(&mut self.interim_sent)));
        self.early.take().iter().for_each(|(status, headers)| interim_head(&mut buffer, *status, headers));
        if reply.status == StatusCode::SWITCHING_PROTOCOLS
            && let Some(tunnel) = reply.body.take_tunnel()
        {
            reply.headers.insert(UPGRADE, WEBSOCKET);
            response_head(&mut buffer, reply.status, &reply.headers, None, Some("upgrade"), || worker.date(&engine.clock));
            let ending = ending.of_tunnel(worker.shard().tunnels());
            return After::Switch(Box::new(Switch { head: buffer, tunnel, ending }));
        }
        let (mut replying, headers) = Replying::new(reply, asked, buffer, || worker.date(&engine.clock), &mut ending);
        self.headers = headers;
        let after = self.reply(&mut replying).await;
        drop(replying);
        if has_body {
            ending.received = self.input.lock().received();
        }
        after
    }

    /// Drives a request; `None` when the client went away meanwhile.
    async fn drive(&mut self, engine: &Arc<Engine<T>>, begun: &mut Begun) -> Option<Reply> {
        let Self { input, output, buffer, interim_sent, early, .. } = self;
        let mut answering = pin!(begun.answer(engine, ()));
        poll_fn(|cx| {
            if let Poll::Ready(reply) = answering.as_mut().poll(cx) {
                return Poll::Ready(Some(reply));
            }
            let mut input = input.lock();
            if input.take_continue() {
                interim_head(buffer, StatusCode::CONTINUE, &HeaderMap::new());
            }
            loop {
                // More of them wait until the client has taken these: how many may is bounded there.
                if buffer.is_empty() {
                    early.take().iter().for_each(|(status, headers)| interim_head(buffer, *status, headers));
                }
                if buffer.is_empty() {
                    break;
                }
                match poll_interim(output, buffer, interim_sent, cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(None),
                    Poll::Pending => break,
                }
            }
            input.poll_gone(0, cx).map(|()| None)
        })
        .await
    }

    async fn reply(&mut self, replying: &mut Replying<'_>) -> After {
        let Self { input, output, .. } = self;
        let sent = poll_fn(|cx| {
            if let Poll::Ready(sent) = replying.poll(output, cx) {
                return Poll::Ready(Some(sent));
            }
            if input.lock().poll_gone(replying.written(), cx).is_ready() || replying.poll_untaken(cx).is_ready() {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await;
        self.worker.spare().give_of_reply(replying.take_buffer());
        match sent {
            Some(Ok(())) if replying.closes() => After::Close,
            Some(Ok(())) if poll_fn(|cx| self.input.lock().poll_discard(cx)).await => After::Next,
            Some(Ok(())) => After::Close,
            Some(Err(PumpError::Body(fault))) => {
                tracing::debug!(%fault, "a reply broke off");
                if replying.ends_by_close() { After::Reset } else { After::Drop }
            }
            Some(Err(PumpError::Write(_))) | None => After::Drop,
        }
    }

    /// Answers what was no request. Nothing behind it is read.
    async fn refuse(&mut self, refusal: Refusal) -> After {
        let engine = self.worker.engine();
        let id = forward::request_id(engine.clock.now(), &mut engine.random.lock());
        let mut reply = Problem::new(refusal.status, refusal.detail).render(None, &id);
        reply.headers.insert(engine.plan.settings.request_id.clone(), id.clone());
        let line = Line::refused(&engine.plan, self.worker.log(), engine.clock, &id, self.peer.client.ip, refusal.status);
        let asked = Asked { method: &Method::GET, http_10: false, keep: false };
        let worker = Arc::clone(&self.worker);
        let mut ending = worker.refused(&refusal, line);
        let (mut replying, _) = Replying::new(reply, asked, Vec::new(), || worker.date(&engine.clock), &mut ending);
        self.reply(&mut replying).await
    }

    /// Boxed: few connections need the room.
    async fn go_on_with_tunnel(self, switch: Switch) {
        let Self { input, output, ticket, .. } = self;
        let Switch { head, tunnel, ending } = switch;
        // INVARIANT: a request that asks for it has no body, which would share the input.
        let Some(input) = Arc::into_inner(input) else { return };
        let (half, came) = input.into_inner().into_parts();
        if let Some(stream) = S::whole(half, output) {
            Box::pin(tunnel::run(stream, came.freeze(), head, *tunnel, ending)).await;
        }
        drop(ticket);
    }

    /// Boxed: few connections need the room.
    async fn go_on_with_http2(self) {
        let Self { worker, peer, input, output, ticket, .. } = self;
        // INVARIANT: no request was read, so no body shares the input.
        let Some(input) = Arc::into_inner(input) else { return };
        let (half, came) = input.into_inner().into_parts();
        if let Some(stream) = S::whole(half, output) {
            Box::pin(http2::serve(worker, stream, came, peer, ticket)).await;
        }
    }
}

/// A request without an answer. When it ends like this, because its client has gone or was cut off, that is counted and logged.
pub struct Unanswered<'a, T: Transport> {
    /// The request.
    pub begun: Begun,
    engine: &'a Engine<T>,
    worker: &'a Worker<T>,
    is_answered: bool,
}

impl<'a, T: Transport> Unanswered<'a, T> {
    /// A request that a worker carries out.
    pub fn new(begun: Begun, engine: &'a Engine<T>, worker: &'a Worker<T>) -> Self {
        Self { begun, engine, worker, is_answered: false }
    }

    /// What happens when its reply has ended.
    pub fn answered(&mut self, reply: &Reply) -> Ending {
        self.is_answered = true;
        let Begun { exchange, route, .. } = &mut self.begun;
        let plan = &self.engine.plan;
        traced::answered(exchange, *route, reply, plan);
        let line = Line::of(exchange, *route, reply, plan, self.worker.log());
        let guards = std::mem::take(&mut exchange.guards);
        let place = (Arc::clone(&self.engine.sheet), *route);
        Ending::new(place, exchange.started, reply.status.as_u16(), exchange.record.cache, line, guards)
    }
}

/// What is counted and logged of a client that has gone, as other servers do; it is never sent,
const GONE: u16 = 499;
/// nor is this, of one that the gateway has left itself.
const CUT: u16 = 503;

impl<T: Transport> Drop for Unanswered<'_, T> {
    fn drop(&mut self) {
        if !self.is_answered {
            let status = if self.worker.is_over() { CUT } else { GONE };
            let reply = Reply::empty(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST));
            drop(self.answered(&reply));
        }
    }
}

/// Writes what is left of interim responses.
fn poll_interim<W: AsyncWrite + Unpin>(output: &mut W, all: &mut Vec<u8>, sent: &mut usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    while *sent < all.len() {
        match ready!(Pin::new(&mut *output).poll_write(cx, all.get(*sent..).unwrap_or_default()))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            bytes => *sent += bytes,
        }
    }
    all.clear();
    *sent = 0;
    // What TLS holds back goes out now: the client may be waiting for it.
    Pin::new(output).poll_flush(cx)
}
