//! The listener: accepts on a thread of its own, bounds what connections may take, and brings requests to what they ask for.

use super::answer::{Answered, Refusal, response, status};
use super::desk::Desk;
use super::endpoints::{self, Asked};
use super::entry::{self, Gate};
use super::logins::{LOOK_EVERY, Logins};
use super::query::Query;
use crate::http::{Body, Problem};
use crate::policy::auth::Runtime;
use crate::server::{ACCEPT_PAUSE, Accepts, Closed, accepting, is_of_one_connection, listener};
use http::header::ACCEPT;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
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
use tokio_util::sync::{CancellationToken, DropGuard};
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
/// How long a client that has just connected may take to send its first request when the listener ends.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// How long an answer that is under way is waited for when the listener ends.
pub const LAST_WORDS: Duration = Duration::from_secs(5);

/// An address that is bound. As long as it is not [listened](Self::listen) at, nobody waits there for a policy that may not come
/// to be in force; another process may listen there meanwhile.
#[derive(Debug)]
pub struct Listening {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Has the address for this process alone.
    ///
    /// # Errors
    /// When it was taken meanwhile.
    pub fn listen(&self) -> io::Result<()> {
        listener::listen(&self.listener).map_err(|error| failed(self.address, &error))
    }
}

/// Takes an address for [`Admin::start`]. One that is this gateway's `own`, or that of the one it takes over from, may be listened at.
///
/// # Errors
/// When the address cannot be had: what is said names it.
pub fn bind(address: SocketAddr, own: bool) -> io::Result<Listening> {
    let bound = || {
        if !own && listener::is_taken(address)? {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let listener = listener::bind(address)?;
        Ok(Listening { address: listener.local_addr()?, listener })
    };
    bound().map_err(|error| failed(address, &error))
}

fn failed(address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the admin listener cannot listen on {address}: {error}"))
}

/// Who is let in at a listener; everybody on this machine where it is none.
type Guarded = Arc<Mutex<Option<Arc<Gate>>>>;

/// What a request comes to.
#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    gate: Guarded,
}

/// A running admin listener. It accepts until it is dropped.
pub struct Admin {
    address: SocketAddr,
    /// That of the last policy which has the listener at its address: whoever is at one that a policy has left is not let in
    /// by another's rules.
    gate: Guarded,
    ending: DropGuard,
    closed: Closed,
    thread: JoinHandle<io::Result<()>>,
}

impl Admin {
    /// Serves an address.
    ///
    /// # Errors
    /// When the address was taken meanwhile, or no thread can be started.
    pub fn start(listening: Listening, desk: Arc<Desk>) -> io::Result<Self> {
        listening.listen()?;
        let Listening { listener, address } = listening;
        let ending = CancellationToken::new();
        let (ended, (accepts, closed)) = (ending.clone(), accepting());
        let gate = Guarded::new(Mutex::new(desk.server.plan().admin_gate.clone().map(gate_of)));
        let door = Door { desk, gate: Arc::clone(&gate) };
        let thread = std::thread::Builder::new().name("gate-admin".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let served = runtime.block_on(accept((listener, accepts), door, ended));
            // What is still looked at is wanted by nobody any more.
            runtime.shutdown_background();
            served
        })?;
        Ok(Self { address, gate, ending: ending.drop_guard(), closed, thread })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets in whom another policy does.
    pub fn follow(&self, gate: Option<Arc<Runtime>>) {
        *self.gate.lock() = gate.map(gate_of);
    }

    /// Ends it where it is; what is under way is still answered.
    #[must_use]
    pub fn leave(self) -> Closed {
        self.closed
    }

    /// Ends it, once what is under way is answered, at most after [`LAST_WORDS`].
    pub fn end(self) {
        drop(self.ending);
        if !matches!(self.thread.join(), Ok(Ok(()))) {
            tracing::warn!("the admin listener did not end well");
        }
    }
}

async fn accept((listener, accepts): (std::net::TcpListener, Accepts), door: Door, ending: CancellationToken) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (places, connections) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), TaskTracker::new());
    let admit = |stream, peer| match Arc::clone(&places).try_acquire_owned() {
        Ok(place) => {
            let (door, ending) = (door.clone(), ending.clone());
            connections.spawn(async move {
                serve(stream, peer, door, ending).await;
                drop(place);
            });
        }
        Err(_) => tracing::warn!(%peer, "the admin listener has as many connections as it takes"),
    };
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = look.tick() => {
                door.desk.logins.tell_over();
                continue;
            }
            // Whoever asks from now on means the process that serves.
            () = door.desk.control.succeeded() => break,
            () = ending.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the admin listener cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Whoever has connected meanwhile would see a reset.
    let listener = listener.into_std()?;
    for (stream, peer) in std::iter::from_fn(|| listener.accept().ok()).take(CONNECTIONS_MAX) {
        stream.set_nonblocking(true)?;
        admit(TcpStream::from_std(stream)?, peer);
    }
    drop(listener);
    drop(accepts);
    connections.close();
    // Whoever has not read its answer by then does not want it.
    let _ = timeout(LAST_WORDS, connections.wait()).await;
    Ok(())
}

async fn serve(stream: TcpStream, peer: SocketAddr, door: Door, ending: CancellationToken) {
    let asked = CancellationToken::new();
    let has_asked = asked.clone();
    let service = service_fn(move |request| {
        has_asked.cancel();
        let door = door.clone();
        async move { Ok::<Response<Body>, Infallible>(response(answered(request, peer, &door).await)) }
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
            // Where nothing has come yet, hyper would close at once.
            let first = timeout(FIRST_REQUEST, asked.cancelled());
            tokio::select! {
                biased;
                _ = first => {
                    connection.as_mut().graceful_shutdown();
                    timeout(LAST_WORDS, connection).await.unwrap_or(Ok(()))
                }
                served = connection.as_mut() => served,
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "a connection to the admin listener broke off");
    }
}

async fn answered(request: Request<Incoming>, peer: SocketAddr, Door { desk, gate }: &Door) -> Answered {
    let (head, body) = request.into_parts();
    let gate = gate.lock().clone();
    let user = match admitted(&head, peer, gate.as_deref(), &desk.logins).await {
        Ok(user) => user,
        Err(turned) => return turned,
    };
    let (endpoint, name) = endpoints::find(&head.method, head.uri.path())?;
    if head.method == Method::POST && !body.is_end_stream() {
        let detail = "no body is taken: parameters stand in the query, such as `?route=NAME`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).into());
    }
    // The credential was judged before, and is no parameter of what is asked.
    let credential = gate.as_deref().map(Gate::in_query).unwrap_or_default();
    let given = head.uri.query().and_then(|query| credential.left_out(query)).unwrap_or_default();
    let query = Query::read(&given, endpoint.parameters)?;
    let accept = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).map(str::to_owned);
    let done = endpoint.answer(desk, Asked { name, query, accept, user: user.clone() }).await;
    if endpoint.changes() {
        let (user, target) = (user.as_deref().unwrap_or("-"), credential.masked(&head.uri.to_string()));
        tracing::info!(%peer, user, target, status = status(&done).as_u16(), "asked by hand");
    }
    done
}

fn gate_of(auth: Arc<Runtime>) -> Arc<Gate> {
    Arc::new(Gate::new(auth))
}

/// Lets a request in: who asks, where somebody says so. Whether the gateway is ready is nobody's secret: what asks that of it, a
/// balancer or Kubernetes, has no credential.
async fn admitted(head: &Parts, peer: SocketAddr, gate: Option<&Gate>, logins: &Logins) -> Result<Option<Arc<str>>, entry::Turned> {
    entry::from_here(head, gate.is_none()).map_err(|problem| Err(Refusal::from(problem)))?;
    match gate {
        Some(gate) if head.uri.path() != "/admin/ready" => gate.judge(head, peer, logins).await,
        Some(_) | None => Ok(None),
    }
}
