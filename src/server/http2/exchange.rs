//! One request of a connection of HTTP/2, and its reply.

use super::super::access_log::Line;
use super::super::connection::Unanswered;
use super::super::drive::{self, Arrival, Asked, Begun, Engine};
use super::super::ending::Ending;
use super::super::input::{DISCARD_BYTES_MAX, LINGER};
use super::super::patience::UNTAKEN_MAX;
use super::super::tunnel;
use super::super::worker::Worker;
use super::Respond;
use super::body::RequestBody;
use super::head::Head;
use crate::http::h1::Refusal;
use crate::http::{Body, Client, Early, Problem, Reply, Stall, Tunnel, forward, hop, upgrade};
use crate::upstream::{Duplex, Transport};
use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONTENT_LENGTH, DATE, EXPECT, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::time::timeout;

/// A request as it came.
pub struct Arrived {
    /// Its head, or what is wrong with it.
    pub head: Result<Head, Refusal>,
    /// What it asks for; none when the head is refused.
    pub asked: Option<Arc<Asked>>,
    /// Who asks.
    pub client: Client,
    /// Its body.
    pub body: RequestBody,
}

/// Answers a request; ends at once when the client does not want the answer any more.
pub async fn answer<T: Transport>(worker: Arc<Worker<T>>, arrived: Arrived, mut respond: Respond) {
    let engine = worker.engine();
    let Arrived { head, asked, client, body } = arrived;
    let (head, asked) = match (head, asked) {
        (Ok(head), Some(asked)) => (head, asked),
        (Ok(_), None) => return,
        (Err(refusal), _) => return refuse(&worker, &engine, refusal, &client, respond).await,
    };
    let Head { method, target, authority: _, mut headers, length, expects_continue, opens_websocket } = head;
    let wanted = expects_continue.then(Arc::<AtomicBool>::default);
    let received = body.received();
    let mut receive = None;
    let body = if opens_websocket {
        headers.insert(SEC_WEBSOCKET_KEY, upgrade::new_key(&mut engine.random.lock()));
        receive = Some(body.into_stream());
        Body::empty()
    } else if body.is_none() {
        Body::empty()
    } else {
        Body::stream(body.announced(length, wanted.clone()))
    };
    if expects_continue && body.at_hand().is_none() {
        headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
    }
    let early = Arc::<Early>::default();
    let arrival = Arrival { method: method.clone(), target, asked, headers, body, client, early: Some(Arc::clone(&early)) };
    let (mut answer, ending, unread) = {
        let mut unanswered = Unanswered::new(drive::begin(&engine, arrival), &engine, &worker);
        let Some(answer) = drive_on(&engine, &mut unanswered.begun, wanted, &early, &mut respond).await else { return };
        let ending = unanswered.answered(&answer);
        (answer, ending, unanswered.begun.exchange.body.take())
    };
    if answer.status == StatusCode::SWITCHING_PROTOCOLS
        && let (Some(receive), Some(tunnel)) = (receive, answer.body.take_tunnel())
    {
        let ending = ending.of_tunnel(worker.shard().tunnels());
        return Box::pin(open(answer.headers, receive, *tunnel, ending, worker.date(&engine.clock), respond)).await;
    }
    let replying = Replying { ending, received, untaken: Stall::new(UNTAKEN_MAX) };
    reply(answer, &method, replying, worker.date(&engine.clock), respond).await;
    if !expects_continue {
        // Whether it comes is the client's own affair.
        let _ = timeout(LINGER, discard(unread)).await;
    }
}

/// Reads the rest of an unwanted body, when that is small. Without it the stream would be reset behind its reply, as it may be
/// (RFC 9113 §8.1); there are clients that lose the reply by that.
async fn discard(mut body: Body) {
    let mut left = DISCARD_BYTES_MAX;
    while body.size_hint().lower() <= left
        && let Some(Ok(frame)) = body.frame().await
    {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len) as u64) else { return };
        left = rest;
    }
}

/// Drives a request; `None` when the client does not want it any more.
async fn drive_on<T: Transport>(
    engine: &Arc<Engine<T>>,
    begun: &mut Begun,
    mut wanted: Option<Arc<AtomicBool>>,
    early: &Early,
    respond: &mut Respond,
) -> Option<Reply> {
    let mut answering = pin!(begun.answer(engine, ()));
    poll_fn(|cx| {
        let answered = answering.as_mut().poll(cx);
        for (status, headers) in early.take() {
            let mut interim = Response::new(());
            *interim.status_mut() = status;
            *interim.headers_mut() = headers;
            if respond.send_informational(interim).is_err() {
                return Poll::Ready(None);
            }
        }
        if let Poll::Ready(reply) = answered {
            return Poll::Ready(Some(reply));
        }
        if wanted.as_ref().is_some_and(|wanted| wanted.load(Ordering::Relaxed)) {
            wanted = None;
            let mut go_on = Response::new(());
            *go_on.status_mut() = StatusCode::CONTINUE;
            if respond.send_informational(go_on).is_err() {
                return Poll::Ready(None);
            }
        }
        respond.poll_reset(cx).map(|_| None)
    })
    .await
}

/// Opens a tunnel: what is a 101 over HTTP/1.1 is a 200 here (RFC 8441 §5).
async fn open(mut headers: HeaderMap, receive: RecvStream, tunnel: Tunnel, ending: Ending, date: HeaderValue, mut respond: Respond) {
    hop::strip_reply(&mut headers);
    headers.remove(SEC_WEBSOCKET_ACCEPT);
    headers.entry(DATE).or_insert(date);
    let mut head = Response::new(());
    *head.headers_mut() = headers;
    // Fails when the client has gone, or reset the stream.
    let Ok(send) = respond.send_response(head, false) else { return };
    tunnel::run(Duplex::new(receive, send), Bytes::new(), Vec::new(), tunnel, ending).await;
}

/// Answers what was no request.
async fn refuse<T: Transport>(worker: &Worker<T>, engine: &Engine<T>, refusal: Refusal, client: &Client, respond: Respond) {
    let id = forward::request_id(engine.clock.now(), &mut engine.random.lock());
    let mut answer = Problem::new(refusal.status, refusal.detail).render(None, &id);
    answer.headers.insert(engine.plan.settings.request_id.clone(), id.clone());
    let line = Line::refused(&engine.plan, worker.log(), engine.clock, &id, client.ip, refusal.status);
    let replying = Replying { ending: worker.refused(&refusal, line), received: Arc::default(), untaken: Stall::new(UNTAKEN_MAX) };
    reply(answer, &Method::GET, replying, worker.date(&engine.clock), respond).await;
}

/// A reply on its way.
struct Replying {
    ending: Ending,
    /// Bytes of the request's body, which may still come.
    received: Arc<AtomicU64>,
    untaken: Stall,
}

impl Drop for Replying {
    fn drop(&mut self) {
        self.ending.received = self.received.load(Ordering::Relaxed);
    }
}

async fn reply(reply: Reply, method: &Method, mut replying: Replying, date: HeaderValue, mut respond: Respond) {
    let Reply { status, mut headers, body, .. } = reply;
    hop::strip_reply(&mut headers);
    let bodiless = *method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let length = body.size_hint().exact();
    if status == StatusCode::NO_CONTENT || !bodiless {
        headers.remove(CONTENT_LENGTH);
    }
    match length {
        Some(bytes) if !bodiless => _ = headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes)),
        // What a GET would have been told (RFC 9110 §9.3.2); an upstream has said it itself.
        Some(bytes @ 1..) if *method == Method::HEAD => _ = headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(bytes)),
        Some(_) | None => {}
    }
    headers.entry(DATE).or_insert(date);
    let mut head = Response::new(());
    *head.status_mut() = status;
    *head.headers_mut() = headers;
    let is_whole = bodiless || length == Some(0);
    // Fails when the client has gone, or reset the stream.
    let Ok(mut stream) = respond.send_response(head, is_whole) else { return };
    if !is_whole {
        let (mut body, mut data) = (body, Bytes::new());
        poll_fn(|cx| replying.poll(&mut body, &mut data, &mut stream, cx)).await;
    }
}

impl Replying {
    /// Passes a body on; ready when it has ended, or nobody takes it.
    fn poll(&mut self, body: &mut Body, data: &mut Bytes, stream: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if data.is_empty() {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Pending => return stream.poll_reset(cx).map(drop),
                    Poll::Ready(None) => {
                        let _ = stream.send_data(Bytes::new(), true);
                        return Poll::Ready(());
                    }
                    Poll::Ready(Some(Err(fault))) => {
                        tracing::debug!(%fault, "a reply broke off");
                        stream.send_reset(Reason::INTERNAL_ERROR);
                        return Poll::Ready(());
                    }
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(bytes) => *data = bytes,
                        Err(frame) => {
                            let _ = stream.send_trailers(frame.into_trailers().unwrap_or_default());
                            return Poll::Ready(());
                        }
                    },
                }
                continue;
            }
            let Some(room) = ready!(self.poll_room(data.len(), stream, cx)) else { return Poll::Ready(()) };
            let part = data.split_to(room.min(data.len()));
            self.ending.sent += part.len() as u64;
            let ends = data.is_empty() && body.is_end_stream();
            if stream.send_data(part, ends).is_err() || ends {
                return Poll::Ready(());
            }
        }
    }

    /// How many of so many bytes the client takes; none when it takes no more.
    fn poll_room(&mut self, wanted: usize, stream: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        stream.reserve_capacity(wanted);
        while stream.capacity() == 0 {
            match stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(None),
                Poll::Pending => {
                    ready!(self.untaken.poll(cx));
                    stream.send_reset(Reason::CANCEL);
                    return Poll::Ready(None);
                }
            }
        }
        self.untaken.end();
        Poll::Ready(Some(stream.capacity()))
    }
}
