//! The listener: accepts on a thread of its own, bounds what connections may take, and brings requests to what they ask for.

use super::answer::{Answered, Refusal, response};
use super::desk::Desk;
use super::endpoints::{self, Asked};
use super::entry;
use super::query::Query;
use crate::http::{Body, Problem};
use crate::server::{ACCEPT_PAUSE, is_of_one_connection, listener};
use http::header::ACCEPT;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most connections at once; further ones are closed at once.
pub const CONNECTIONS_MAX: usize = 64;
/// Largest request line and header section, in bytes.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// Most fields of a request.
pub const FIELDS_MAX: usize = 64;
/// Longest time for a request's head to arrive.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time a connection stays.
pub const LIFE_MAX: Duration = Duration::from_secs(600);
/// How long an answer that is under way is waited for when the listener ends.
pub const LAST_WORDS: Duration = Duration::from_secs(5);

/// An address that is listened at, and not served yet.
#[derive(Debug)]
pub struct Listening {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

/// Listens at an address, `beside` a gateway that this one takes over from. Who connects waits until [`Admin::start`].
///
/// # Errors
/// When the address cannot be had: what is said names it.
pub fn bind(address: SocketAddr, beside: bool) -> io::Result<Listening> {
    let listen = || {
        if !beside && listener::is_taken(address)? {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let listener = listener::bind(address)?;
        Ok(Listening { address: listener.local_addr()?, listener })
    };
    listen().map_err(|error: io::Error| io::Error::new(error.kind(), format!("the admin listener cannot listen on {address}: {error}")))
}

/// A running admin listener. It accepts until it is dropped.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    ending: CancellationToken,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Admin {
    /// Serves an address.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(listening: Listening, desk: Arc<Desk>) -> io::Result<Self> {
        let Listening { listener, address } = listening;
        let ending = CancellationToken::new();
        let ended = ending.clone();
        let thread = std::thread::Builder::new().name("gate-admin".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(accept(listener, desk, ended))
        })?;
        Ok(Self { address, ending, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it, once what is under way is answered, at most after [`LAST_WORDS`].
    pub fn end(mut self) {
        self.ending.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        if !matches!(ended, None | Some(Ok(Ok(())))) {
            tracing::warn!("the admin listener did not end well");
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

async fn accept(listener: std::net::TcpListener, desk: Arc<Desk>, ending: CancellationToken) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (places, connections) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Whoever asks from now on means the process that serves.
            () = desk.control.succeeded() => break,
            () = ending.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let (desk, ending) = (Arc::clone(&desk), ending.clone());
                    connections.spawn(async move {
                        serve(stream, peer, desk, ending).await;
                        drop(place);
                    });
                }
                Err(_) => tracing::warn!(%peer, "the admin listener has as many connections as it takes"),
            },
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the admin listener cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    // Whoever has not read its answer by then does not want it.
    let _ = timeout(LAST_WORDS, connections.wait()).await;
    Ok(())
}

async fn serve(stream: TcpStream, peer: SocketAddr, desk: Arc<Desk>, ending: CancellationToken) {
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<Response<Body>, Infallible>(response(answered(request, peer, &desk).await)) }
    });
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX).max_headers(FIELDS_MAX);
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => Some(served),
        () = ending.cancelled() => None,
        () = tokio::time::sleep(LIFE_MAX) => None,
    };
    let served = match served {
        Some(served) => served,
        None => {
            connection.as_mut().graceful_shutdown();
            timeout(LAST_WORDS, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "a connection to the admin listener broke off");
    }
}

async fn answered(request: Request<Incoming>, peer: SocketAddr, desk: &Arc<Desk>) -> Answered {
    let (head, body) = request.into_parts();
    let found = match admitted(&head, peer, desk).await {
        Ok(()) => endpoints::find(&head.method, head.uri.path()),
        Err(turned) => return turned,
    };
    let (endpoint, name) = found?;
    if head.method == Method::POST && !body.is_end_stream() {
        let detail = "no body is taken: parameters stand in the query, such as `?route=NAME`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).into());
    }
    // The credential was judged before, and is no parameter of what is asked.
    let credential = entry::in_query(&desk.policy.program());
    let given = head.uri.query().and_then(|query| credential.left_out(query)).unwrap_or_default();
    let query = Query::read(&given, endpoint.parameters)?;
    let accept = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).map(str::to_owned);
    let done = endpoint.answer(desk, Asked { name, query, accept }).await;
    if endpoint.changes() {
        tracing::info!(%peer, target = credential.masked(&head.uri.to_string()), done = done.is_ok(), "asked by hand");
    }
    done
}

/// Lets a request in. Whether the gateway is ready is nobody's secret: what asks that of it, a balancer or Kubernetes, has no
/// credential.
async fn admitted(head: &Parts, peer: SocketAddr, desk: &Desk) -> Result<(), entry::Turned> {
    let plan = desk.server.plan();
    entry::from_here(head, plan.admin_gate.is_none()).map_err(|problem| Err(Refusal::from(problem)))?;
    match &plan.admin_gate {
        Some(gate) if head.uri.path() != "/admin/ready" => entry::judged(&**gate, head, peer).await,
        Some(_) | None => Ok(()),
    }
}
