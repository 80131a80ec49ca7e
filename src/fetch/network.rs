//! Calls over the network, made on one thread for the whole process.

use super::connector::Connector;
use super::{Answer, Call, Failure, Fetch};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::header::USER_AGENT;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Most calls at once; more fail at once.
const CALLS_MAX: usize = 256;
/// Most connections to one service that wait for the next call.
const IDLE_CONNECTIONS_MAX: usize = 8;
/// How long such a connection waits.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Largest header section of an answer, in bytes.
const HEAD_MAX: usize = 64 << 10;

/// The authorities that services are believed by, in DER.
pub type Authorities = Vec<CertificateDer<'static>>;

/// Calls over the network. Its thread starts with the first call and ends when this is dropped.
pub struct Network {
    state: Mutex<State>,
    room: Arc<Semaphore>,
}

enum State {
    /// No call yet: this says which authorities to believe.
    New(Box<dyn FnOnce() -> Authorities + Send>),
    Running(mpsc::UnboundedSender<Job>),
    Failed(String),
}

/// A call under way. Each holds a part of the room, so there are never more than [`CALLS_MAX`].
struct Job {
    call: Call,
    answer: oneshot::Sender<Result<Answer, Failure>>,
    _room: OwnedSemaphorePermit,
}

impl Network {
    /// A network whose services are believed by the authorities that `authorities` names; asked with the first call.
    #[must_use]
    pub fn new(authorities: impl FnOnce() -> Authorities + Send + 'static) -> Self {
        Self { state: Mutex::new(State::New(Box::new(authorities))), room: Arc::new(Semaphore::new(CALLS_MAX)) }
    }

    fn jobs(&self) -> Result<mpsc::UnboundedSender<Job>, Failure> {
        let mut state = self.state.lock();
        if let State::New(_) = &*state
            && let State::New(authorities) = std::mem::replace(&mut *state, State::Failed(String::new()))
        {
            *state = match start(authorities) {
                Ok(jobs) => State::Running(jobs),
                Err(error) => State::Failed(error.to_string()),
            };
        }
        match &*state {
            State::Running(jobs) => Ok(jobs.clone()),
            State::Failed(cause) => Err(Failure::Broken(cause.clone())),
            State::New(_) => Err(Failure::Busy),
        }
    }
}

impl Fetch for Network {
    fn fetch(&self, call: Call) -> BoxFuture<'static, Result<Answer, Failure>> {
        let (sender, answer) = oneshot::channel();
        let sent = Arc::clone(&self.room).try_acquire_owned().map_err(|_| Failure::Busy).and_then(|room| {
            let gone = |_| Failure::Broken("the thread that makes calls has ended".to_owned());
            self.jobs()?.send(Job { call, answer: sender, _room: room }).map_err(gone)
        });
        Box::pin(async move {
            sent?;
            answer.await.unwrap_or_else(|_| Err(Failure::Broken("the thread that makes calls has ended".to_owned())))
        })
    }
}

fn start(authorities: impl FnOnce() -> Authorities + Send + 'static) -> std::io::Result<mpsc::UnboundedSender<Job>> {
    let (sender, mut jobs) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("gate-fetch".to_owned()).spawn(move || {
        let connector = Connector::new(authorities());
        runtime.block_on(async {
            let client = connector.map(client).map_err(|error| Failure::Broken(error.to_string()));
            while let Some(job) = jobs.recv().await {
                tokio::spawn(run(client.clone(), job));
            }
        });
    })?;
    Ok(sender)
}

type Http = Client<Connector, Full<Bytes>>;

fn client(connector: Connector) -> Http {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .http1_max_buf_size(HEAD_MAX)
        .retry_canceled_requests(true)
        .build(connector)
}

async fn run(client: Result<Http, Failure>, job: Job) {
    let Job { call, mut answer, _room } = job;
    let timeout = call.timeout;
    let answered = tokio::select! {
        answered = tokio::time::timeout(timeout, make(client, call)) => answered.unwrap_or(Err(Failure::Late)),
        () = answer.closed() => return,
    };
    // Nobody has to be there still.
    let _ = answer.send(answered);
}

async fn make(client: Result<Http, Failure>, call: Call) -> Result<Answer, Failure> {
    let Call { method, url, headers, body, body_max, timeout: _ } = call;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = url;
    *request.headers_mut() = headers;
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(concat!("gatewright/", env!("CARGO_PKG_VERSION"))));
    let answer = client?.request(request).await.map_err(|error| {
        let cause = whole(&error);
        if error.is_connect() { Failure::Unreachable(cause) } else { Failure::Broken(cause) }
    })?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, body_max)
        .collect()
        .await
        .map_err(|error| if error.is::<LengthLimitError>() { Failure::TooLarge } else { Failure::Broken(whole(&*error)) })?;
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
}

/// An error with its causes: the outermost alone says as little as "client error".
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
