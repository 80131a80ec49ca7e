//! Bodies at the client's side: the request's with its faults named, the reply's with what ends when it ends.

use super::access_log::Line;
use super::guard::Signals;
use crate::http::{Body, Fault, FaultKind};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use smallvec::SmallVec;
use std::any::Any;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The body of a request from the client.
pub fn of_request(incoming: Incoming) -> Body {
    if incoming.is_end_stream() { Body::empty() } else { Body::stream(RequestBody(incoming)) }
}

struct RequestBody(Incoming);

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        Pin::new(&mut self.0).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(|error| fault(&error))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// The guard says by the kind of its error what it cut off.
fn fault(error: &hyper::Error) -> Fault {
    let mut source = error.source();
    while let Some(inner) = source {
        match inner.downcast_ref::<io::Error>() {
            Some(inner) if inner.kind() == io::ErrorKind::TimedOut => return Fault::new(FaultKind::ClientSlow, inner),
            Some(inner) => return Fault::new(FaultKind::ClientBody, inner),
            None => source = inner.source(),
        }
    }
    Fault::new(FaultKind::ClientBody, error)
}

/// The body of a reply on its way to the client.
pub struct ReplyBody {
    body: Body,
    bytes: u64,
    /// Told at the next poll: what came before it is written first.
    broken: Option<Fault>,
    ending: Ending,
}

/// What happens when a reply has ended, one way or the other.
pub struct Ending {
    /// The connection is told.
    pub signals: Arc<Signals>,
    /// The client knows the reply's end by the end of the connection alone (HTTP/1.0 without a length).
    pub by_close: bool,
    /// The request is logged.
    pub line: Option<Box<Line>>,
    /// Slots that the request held are free again.
    pub guards: SmallVec<[Box<dyn Any + Send + Sync>; 1]>,
}

impl ReplyBody {
    /// A body and its ending.
    #[must_use]
    pub fn new(body: Body, ending: Ending) -> Self {
        Self { body, bytes: 0, broken: None, ending }
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        if let Some(fault) = self.broken.take() {
            return Poll::Ready(Some(Err(fault)));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Err(fault)) => {
                tracing::debug!(%fault, "a reply broke off");
                if self.ending.by_close {
                    self.ending.signals.cut();
                }
                self.broken = Some(fault);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            frame => {
                if let Some(Ok(frame)) = &frame {
                    self.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        self.ending.signals.reply_ended();
        if let Some(line) = self.ending.line.take() {
            line.write(self.bytes);
        }
    }
}
