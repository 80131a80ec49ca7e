//! One client connection: its requests, one after the other, each under the plan that is current when it begins.

use super::access_log::Line;
use super::body::{Ending, ReplyBody, of_request};
use super::drive::{Arrival, Asked, drive};
use super::framing::{Limits, Refusal, STAND_IN_METHOD};
use super::guard::{Guard, Signals};
use super::worker::Worker;
use crate::http::{Client, Problem, Reply, Scheme, forward};
use crate::upstream::Transport;
use http::header::{CONNECTION, EXPECT, HOST};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpStream;

/// What the requests of a connection share.
struct Connection<T> {
    worker: Arc<Worker<T>>,
    client: Client,
    signals: Arc<Signals>,
    /// What was asked for last: most connections ask for one host.
    asked: Mutex<Option<Arc<Asked>>>,
}

/// Serves a connection until it ends, by the client's will, its faults, or the drain.
pub async fn serve<T: Transport>(worker: Arc<Worker<T>>, stream: TcpStream, peer: SocketAddr, listener: Arc<str>) {
    let ticket = worker.connections().enter();
    let settings = &worker.engine().plan.settings;
    let limits = Limits { bytes: settings.header_bytes, fields: settings.headers };
    let signals = Arc::new(Signals::default());
    let guard = Guard::new(stream, limits, settings.header_timeout, settings.idle, Arc::clone(&signals));
    let mut builder = http1::Builder::new();
    // The guard has the clock and the limits; the library's would only answer less well.
    builder.header_read_timeout(None).max_buf_size(limits.bytes.max(BUFFER_BYTES_MAX));
    if limits.fields > LIBRARY_FIELDS {
        builder.max_headers(limits.fields);
    }
    let client = Client { ip: peer.ip().to_canonical(), peer, scheme: Scheme::Http, listener };
    let connection = Arc::new(Connection { worker: Arc::clone(&worker), client, signals, asked: Mutex::new(None) });
    let service = service_fn(|request| handle(Arc::clone(&connection), request));
    let mut serving = builder.serve_connection(TokioIo::new(guard), service);
    let mut told = false;
    let ended = poll_fn(|cx| {
        if !told && worker.connections().is_draining() {
            told = true;
            Pin::new(&mut serving).graceful_shutdown();
        }
        let polled = Pin::new(&mut serving).poll(cx);
        if polled.is_pending() {
            ticket.watch(cx);
        }
        polled
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended with an error");
        if connection.signals.is_cut() {
            serving.into_parts().io.into_inner().reset();
        }
    }
}

/// The library's own buffer bound; it refuses less than this.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// Fields the library reads without allocating for them.
const LIBRARY_FIELDS: usize = 100;

async fn handle<T: Transport>(connection: Arc<Connection<T>>, request: Request<Incoming>) -> Result<Response<ReplyBody>, Infallible> {
    let engine = connection.worker.engine();
    let (mut head, incoming) = request.into_parts();
    if let Some(refusal) = connection.signals.refusal()
        && head.method.as_str() == STAND_IN_METHOD
    {
        let id = forward::request_id(engine.clock.now(), &mut engine.random.lock());
        return Ok(respond(refused(refusal, &id), connection.ending(None)));
    }
    let authority = match head.uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => head.headers.get(HOST).cloned(),
    };
    head.headers.remove(HOST);
    // The gateway itself tells the client to go on, when the body is first asked for.
    head.headers.remove(EXPECT);
    let target = head.uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let arrival = Arrival {
        method: head.method,
        target,
        asked: connection.asked(authority.as_ref().unwrap_or(&NO_AUTHORITY)),
        headers: head.headers,
        body: of_request(incoming),
        client: connection.client.clone(),
    };
    let mut driven = drive(&engine, arrival).await;
    let line = Line::of(&driven, &engine.plan, connection.worker.log());
    if connection.signals.is_broken() {
        driven.reply.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let mut ending = connection.ending(line);
    ending.by_close = head.version == Version::HTTP_10 && driven.reply.body.size_hint().exact().is_none();
    ending.guards = std::mem::replace(&mut driven.exchange.guards, SmallVec::new());
    Ok(respond(driven.reply, ending))
}

/// The guard lets no request pass without a Host.
static NO_AUTHORITY: HeaderValue = HeaderValue::from_static("invalid");

impl<T: Transport> Connection<T> {
    fn ending(&self, line: Option<Box<Line>>) -> Ending {
        Ending { signals: Arc::clone(&self.signals), by_close: false, line, guards: SmallVec::new() }
    }

    fn asked(&self, authority: &HeaderValue) -> Arc<Asked> {
        let mut last = self.asked.lock();
        match &*last {
            Some(asked) if asked.hop.authority == authority => Arc::clone(asked),
            Some(_) | None => Arc::clone(last.insert(Arc::new(Asked::new(&self.client, authority)))),
        }
    }
}

fn refused(refusal: Refusal, id: &HeaderValue) -> Reply {
    let mut reply = Problem::new(refusal.status, refusal.detail).render(None, id);
    reply.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

fn respond(reply: Reply, ending: Ending) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::new(reply.body, ending));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
