//! Sends copies of requests.

use super::Config;
use crate::http::share::Evenly;
use crate::http::{Body, Calls, Exchange, Fault, Outgoing, UpstreamIndex};
use crate::policy::stage::{Flow, OnRequest};
use bytes::{Bytes, BytesMut};
use http::header::UPGRADE;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::sync::Semaphore;

/// 100%
const WHOLE: u64 = 10_000;
/// The largest body that is copied. It passes to the target as it comes; the copy is sent once it has.
pub const BODY_MAX: usize = 64 << 10;
/// Copies under way at once, over all workers.
pub const COPIES_MAX: usize = 256;
/// What is read of an answer, so that its connection can be used again.
const ANSWER_MAX: usize = 64 << 10;

/// The request part.
pub(super) struct Mirror {
    share: u64,
    upstream: UpstreamIndex,
    evenly: Evenly,
    state: Arc<State>,
}

/// What all workers share.
#[derive(Debug)]
pub struct State {
    places: Arc<Semaphore>,
    left_out: AtomicU64,
}

impl Default for State {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(COPIES_MAX)), left_out: AtomicU64::new(0) }
    }
}

impl State {
    /// Copies that should have been sent, and were not: too large, or too many at once.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    fn leave_out(&self, why: &str) {
        let count = self.left_out.fetch_add(1, Ordering::Relaxed) + 1;
        // The first one, and then ever more seldom.
        if count.is_power_of_two() {
            tracing::warn!(count, why, "requests are not mirrored");
        }
    }
}

impl Mirror {
    pub(super) fn new(config: &Config, state: Arc<State>) -> Self {
        Self { share: u64::from(config.share.0), upstream: UpstreamIndex(config.upstream), evenly: Evenly::default(), state }
    }
}

impl OnRequest for Mirror {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        // A tunnel has nothing that could be copied.
        if exchange.request.headers.contains_key(UPGRADE) || self.evenly.next(WHOLE) >= self.share {
            return Flow::Next;
        }
        let request = &exchange.request;
        let outgoing = Outgoing {
            method: request.method.clone(),
            target: request.target.clone(),
            authority: request.authority.clone(),
            headers: request.headers.clone(),
            forwarding: None,
            affinity: exchange.calls.affinity(self.upstream, exchange),
            body: Body::empty(),
            early: None,
        spans: None,
        };
        let copy = Copy { outgoing, upstream: self.upstream, calls: Arc::clone(&exchange.calls), state: Arc::clone(&self.state) };
        match exchange.body.at_hand() {
            Some(bytes) if bytes.len() <= BODY_MAX => copy.send(bytes),
            Some(_) => self.state.leave_out("the body is too large"),
            None => exchange.body = Body::stream(Copied { body: exchange.body.take(), copy: Some(copy), seen: BytesMut::new() }),
        }
        Flow::Next
    }
}

/// A copy that waits for its body.
struct Copy {
    outgoing: Outgoing,
    upstream: UpstreamIndex,
    calls: Arc<dyn Calls>,
    state: Arc<State>,
}

impl Copy {
    /// Sends it. Nobody waits for it, and what it is answered goes nowhere.
    fn send(mut self, body: Bytes) {
        let Ok(place) = Arc::clone(&self.state.places).try_acquire_owned() else {
            self.state.leave_out("too many copies are under way");
            return;
        };
        self.outgoing.body = Body::full(body);
        tokio::spawn(async move {
            match self.calls.call(self.upstream, self.outgoing).await {
                Ok(reply) => drop(Limited::new(reply.body, ANSWER_MAX).collect().await),
                Err(fault) => tracing::debug!(%fault, "a mirrored call failed"),
            }
            drop(place);
        });
    }
}

/// A body that is noted while it passes.
struct Copied {
    body: Body,
    /// None once it is sent or left out.
    copy: Option<Copy>,
    seen: BytesMut,
}

impl Copied {
    fn note(&mut self, frame: Option<&Frame<Bytes>>) {
        let Some(data) = frame.and_then(Frame::data_ref) else { return };
        if self.seen.len() + data.len() <= BODY_MAX {
            self.seen.extend_from_slice(data);
        } else if let Some(copy) = self.copy.take() {
            self.seen = BytesMut::new();
            copy.state.leave_out("the body is too large");
        }
    }

    fn end(&mut self) {
        if let Some(copy) = self.copy.take() {
            copy.send(std::mem::take(&mut self.seen).freeze());
        }
    }
}

impl http_body::Body for Copied {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(part)) if self.copy.is_some() => self.note(Some(part)),
            // A body that breaks off is no request.
            Some(Err(_)) => self.copy = None,
            Some(Ok(_)) | None => {}
        }
        if frame.is_none() || (self.copy.is_some() && self.body.is_end_stream()) {
            self.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
