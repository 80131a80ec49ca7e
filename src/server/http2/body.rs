//! The body of a request of HTTP/2, as it comes. The client may send on when what it sent has been taken.

use super::super::patience::{For, Patience};
use crate::http::{Fault, FaultKind, hop};
use bytes::Bytes;
use h2::RecvStream;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

/// A request's body.
pub struct RequestBody {
    stream: RecvStream,
    patience: Patience,
    /// The bytes that are to come, where the client has said so.
    left: Option<u64>,
    /// Set when the body is first waited for, where the client waits for that.
    wanted: Option<Arc<AtomicBool>>,
    /// Bytes that came, for whoever counts them.
    received: Arc<AtomicU64>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Trailers,
    Ended,
}

impl RequestBody {
    /// The body of a stream, which may keep the gateway waiting as long as `patience` lasts.
    #[must_use]
    pub fn new(stream: RecvStream, mut patience: Patience) -> Self {
        patience.new_request();
        Self { stream, patience, left: None, wanted: None, received: Arc::default(), state: State::Data }
    }

    /// What the head says of the body: its length, and who is to be told when it is wanted.
    #[must_use]
    pub fn announced(self, left: Option<u64>, wanted: Option<Arc<AtomicBool>>) -> Self {
        Self { left, wanted, ..self }
    }

    /// The bytes that came so far, now and whenever that is looked at.
    #[must_use]
    pub fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// The stream itself, of which nothing was read yet.
    pub fn into_stream(self) -> RecvStream {
        self.stream
    }

    /// True when there is none: the request ended with its head.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let broken = |error: h2::Error| Fault::new(FaultKind::ClientBody, error);
        if self.state == State::Data {
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) => {
                    self.received.fetch_add(data.len() as u64, Ordering::Relaxed);
                    self.patience.body(data.len());
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    // What was received may be given back; only a connection that has ended refuses it.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(broken(error)))),
                Poll::Ready(None) => self.state = State::Trailers,
                Poll::Pending => {
                    if let Some(wanted) = self.wanted.take() {
                        wanted.store(true, Ordering::Relaxed);
                    }
                    ready!(self.patience.poll_wait(For::Body, cx));
                    return Poll::Ready(Some(Err(Fault::new(FaultKind::ClientSlow, "the body came too slowly"))));
                }
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx));
        self.state = State::Ended;
        Poll::Ready(match trailers {
            Ok(Some(mut trailers)) => {
                hop::strip_trailers(&mut trailers);
                (!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers)))
            }
            Ok(None) => None,
            Err(error) => Some(Err(broken(error))),
        })
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        if self.state == State::Ended {
            return Poll::Ready(None);
        }
        let frame = ready!(self.poll_next(cx));
        if matches!(frame, None | Some(Err(_))) {
            self.state = State::Ended;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended || self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
