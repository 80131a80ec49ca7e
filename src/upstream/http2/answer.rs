//! The body of an answer. What of the request is still to go out goes out while it is read.

use super::super::stall::Stall;
use super::super::transport::Attempt;
use super::request::Answered;
use super::sessions::Room;
use super::upload::Upload;
use crate::http::{Body, Fault, FaultKind, Reply, Source, hop};
use bytes::Bytes;
use h2::RecvStream;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An answer with a body that comes as it is read.
#[must_use]
pub fn answer(answered: Answered, attempt: Attempt) -> Reply {
    let Answered { response, method, upload, room } = answered;
    let (parts, stream) = response.into_parts();
    let body = if stream.is_end_stream() {
        Body::empty()
    } else {
        // INVARIANT: the frames have been held against the length that was said.
        let said = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let left = said.filter(|_| method != Method::HEAD);
        Body::stream(AnswerBody { stall: Stall::new(attempt.read), stream, left, state: State::Data, held: Some((upload, room, attempt)) })
    };
    Reply { status: parts.status, headers: parts.headers, body, source: Source::Upstream }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Trailers,
    Ended,
}

struct AnswerBody {
    stream: RecvStream,
    left: Option<u64>,
    state: State,
    stall: Stall,
    /// Given back at the end. What is not read to its end is reset.
    held: Option<(Upload, Room, Attempt)>,
}

impl AnswerBody {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let broken = |error: h2::Error| Fault::new(FaultKind::BodyBroken, error);
        if let Some((upload, ..)) = &mut self.held
            && !upload.has_ended()
            && let Poll::Ready(Err(fault)) = upload.poll(cx)
        {
            return Poll::Ready(Some(Err(fault)));
        }
        if self.state == State::Data {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    // Only a connection that has ended refuses to take back what it has given.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(broken(error)))),
                None => self.state = State::Trailers,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(broken)?;
        self.state = State::Ended;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(passed_on(trailers)))))
    }
}

/// What says how a message is framed, routed or read has no place in trailers (RFC 9110 §6.5.1).
fn passed_on(mut trailers: HeaderMap) -> HeaderMap {
    hop::strip_reply(&mut trailers);
    let barred: Vec<_> = trailers.keys().filter(|name| hop::is_protected(name.as_str())).cloned().collect();
    for name in barred {
        trailers.remove(name);
    }
    trailers
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = self.get_mut();
        if this.state == State::Ended {
            return Poll::Ready(None);
        }
        let frame = match this.poll_next(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(this.stall.poll(cx));
                Some(Err(Fault::new(FaultKind::BodyBroken, "no more of the body came in time")))
            }
        };
        this.stall.end();
        if matches!(frame, None | Some(Err(_))) {
            this.state = State::Ended;
        }
        if this.is_end_stream() {
            this.held = None;
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
