mod again;
mod places;
mod storm;
mod upload;

use super::{Attempt, Endpoint, Fault, FaultKind, Outgoing, Reply, Terms, Transport, Upstream, call, retry, timeout};
use crate::http::Body;
use crate::lang::value::Percent;
use crate::upstream::{breaker, config};
use futures_core::future::BoxFuture;
use http::StatusCode;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

type Answered = Result<Reply, Fault>;

/// A request as it came to an endpoint.
struct Came {
    /// Its number, from 1.
    number: usize,
    request: Outgoing,
    /// Held as long as it is under way.
    attempt: Attempt,
}

type Act = dyn Fn(Came) -> BoxFuture<'static, Answered> + Send + Sync;

/// Endpoints that do what a function says, and where attempts went.
struct Played {
    act: Box<Act>,
    ports: Mutex<Vec<u16>>,
}

impl Played {
    fn by(act: impl Fn(Came) -> BoxFuture<'static, Answered> + Send + Sync + 'static) -> Self {
        Self { act: Box::new(act), ports: Mutex::default() }
    }

    fn ports(&self) -> Vec<u16> {
        self.ports.lock().clone()
    }
}

impl Transport for Played {
    async fn exchange(&self, _: &Upstream, endpoint: &Arc<Endpoint>, request: Outgoing, attempt: Attempt) -> Answered {
        let number = {
            let mut ports = self.ports.lock();
            ports.push(endpoint.target.port);
            ports.len()
        };
        (self.act)(Came { number, request, attempt }).await
    }
}

fn now(answer: Answered) -> BoxFuture<'static, Answered> {
    Box::pin(std::future::ready(answer))
}

fn status(status: u16) -> Answered {
    Ok(Reply::of(StatusCode::from_u16(status).unwrap(), "text/plain", "said"))
}

fn fault(kind: FaultKind) -> Answered {
    Err(Fault::new(kind, "as played"))
}

/// An upstream with targets at ports 1, 2, …, and what else is said of it.
fn upstream(targets: u16, said: config::Config) -> Upstream {
    let target = |port| config::Target { tls: false, host: "127.0.0.1".to_owned(), port, weight: 1, backup: false };
    Upstream::new(config::Config { name: "app".to_owned(), targets: (1..=targets).map(target).collect(), ..said })
}

fn plain(targets: u16) -> Upstream {
    upstream(targets, config::Config::default())
}

fn opens_after(failures: u32) -> Option<breaker::Config> {
    Some(breaker::Config { opens: breaker::Opens::AfterFailures(failures), cooldown: Duration::from_secs(30), probes: 1 })
}

/// Three attempts, 100 ms apart, and credit for all of them.
fn three() -> retry::Config {
    let wait = Duration::from_millis(100);
    retry::Config {
        attempts: 3,
        backoff: retry::Backoff { base: wait, cap: wait, jitter: false },
        budget: retry::Budget { share: Percent(10_000), min_per_second: 1_000 },
        ..retry::Config::default()
    }
}

fn request(method: &str, body: Body) -> Outgoing {
    Outgoing {
        method: method.parse().unwrap(),
        target: http::uri::PathAndQuery::from_static("/x"),
        authority: http::HeaderValue::from_static("shop.example"),
        headers: http::HeaderMap::from_iter([(http::header::ACCEPT, http::HeaderValue::from_static("text/plain"))]),
        forwarding: None,
        affinity: crate::http::Affinity::default(),
        body,
        early: None,
        spans: None,
    }
}

/// Calls, and says how many attempts that took.
async fn called<T: Transport>(
    transport: &T,
    upstream: &Upstream,
    (timeouts, retry): (timeout::Config, Option<&retry::Config>),
    outgoing: Outgoing,
) -> (Result<Reply, Fault>, u32) {
    let (random, mut attempts) = (Mutex::new(fastrand::Rng::with_seed(1)), 0);
    let answered = call(transport, upstream, Terms { timeouts, retry }, outgoing, &random, &mut attempts).await;
    (answered.map(|(reply, _)| reply), attempts)
}
