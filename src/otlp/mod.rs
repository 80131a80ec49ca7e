//! `trace otlp`: which requests are traced, and how their spans come to a collector (OTLP over HTTP, as JSON).
//!
//! A request that is not traced pays for the question alone. One that is leaves its spans in a queue when it has ended, and a
//! thread of its own sends them on. JSON rather than protobuf: collectors take both by the same specification, and it needs no
//! schema compiled in.

mod encode;
pub mod export;

#[cfg(test)]
mod tests;

use crate::fetch::address;
use crate::http::trace::{Spans, TRACEPARENT, TraceContext};
use crate::http::{Clock, Forwarding, Scheme};
use export::Waiting;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::{self, Sender};
use tokio::time::Instant;

/// Requests whose spans wait to be sent; when there are more, the newest are lost.
const WAITING_MAX: usize = 4_096;
/// Where collectors take spans when the URL names no path.
const PATH: &str = "/v1/traces";
/// All requests, as a share.
const WHOLE: u64 = 10_000;
/// The part of a trace's id that is random for certain (W3C Trace Context 2 §2.2.3): 56 bits.
const RANDOM: u64 = (1 << 56) - 1;

/// Decides which requests are traced, and takes their spans.
#[derive(Debug)]
pub struct Tracer {
    /// Traces whose random part is below this are left out, so that all who sample by it agree.
    threshold: u64,
    queue: Sender<Box<RequestSpan>>,
    waiting: Mutex<Option<Waiting>>,
    lost: Arc<AtomicU64>,
}

/// What is told of a request when it has ended.
#[derive(Debug)]
pub struct RequestSpan {
    /// Its place in its trace, and its attempts.
    pub spans: Arc<Spans>,
    /// The wall clock that it began under.
    pub clock: Clock,
    /// When it came
    pub began: Instant,
    /// and its reply had ended.
    pub ended: Instant,
    /// The method.
    pub method: Method,
    /// The scheme.
    pub scheme: Scheme,
    /// The host that was asked for.
    pub host: Arc<str>,
    /// The path, without the query.
    pub path: String,
    /// The route's name and the pattern of its path.
    pub route: Option<(Arc<str>, Arc<str>)>,
    /// The status of the reply.
    pub status: StatusCode,
    /// Who asked.
    pub client: IpAddr,
    /// The request's id.
    pub id: HeaderValue,
}

impl Tracer {
    /// A tracer of a share of the requests, in hundredths of a percent, for a collector; the gateway is called `instance`.
    ///
    /// # Errors
    /// Why the URL is none, in words that continue ``the url `…` ``.
    pub fn new(url: &str, share: u32, instance: &Arc<str>) -> Result<Self, &'static str> {
        let url = collector(address(url)?)?;
        let (queue, spans) = mpsc::channel(WAITING_MAX);
        let lost = Arc::<AtomicU64>::default();
        let waiting = Waiting { url, instance: Arc::clone(instance), spans, lost: Arc::clone(&lost) };
        let kept = (RANDOM + 1) / WHOLE * u64::from(share).min(WHOLE);
        let threshold = if u64::from(share) >= WHOLE { 0 } else { RANDOM + 1 - kept };
        Ok(Self { threshold, queue, waiting: Mutex::new(Some(waiting)), lost })
    }

    /// What is noted of a request, where it is traced: where a trusted hop says so, else by its trace's id.
    pub fn begin(&self, forwarding: &mut Forwarding, headers: &HeaderMap, trusted: bool) -> Option<Arc<Spans>> {
        let theirs = headers.get(TRACEPARENT).and_then(|value| TraceContext::parse(value.as_bytes()));
        let parent = theirs.filter(|theirs| theirs.shares_trace(&forwarding.trace));
        let sampled = match parent {
            Some(parent) if trusted => parent.is_sampled(),
            Some(_) | None => self.samples(&forwarding.trace),
        };
        forwarding.trace.mark(sampled);
        sampled.then(|| Arc::new(Spans::new(forwarding.trace, parent.map(|parent| parent.span()))))
    }

    fn samples(&self, context: &TraceContext) -> bool {
        u64::try_from(context.trace() & u128::from(RANDOM)).unwrap_or_default() >= self.threshold
    }

    /// Takes what is told of a request; nobody is waited for.
    pub fn tell(&self, span: Box<RequestSpan>) {
        if self.queue.try_send(span).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests whose spans did not get to the collector: it was away for too long, or too slow.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// What waits to be sent; once.
    #[must_use]
    pub fn take_waiting(&self) -> Option<Waiting> {
        self.waiting.lock().take()
    }
}

/// The collector's URL with the path it takes spans at.
fn collector(url: Uri) -> Result<Uri, &'static str> {
    if url.path() != "/" {
        return Ok(url);
    }
    let mut parts = url.into_parts();
    parts.path_and_query = Some(PATH.parse().map_err(|_| "is no url")?);
    Uri::from_parts(parts).map_err(|_| "is no url")
}
