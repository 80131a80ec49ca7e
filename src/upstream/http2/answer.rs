//! The body of an answer. What of the request is still to go out when it begins goes out by itself.

use super::super::rest::Rest;
use super::super::transport::Attempt;
use super::duplex::Duplex;
use super::request::Answered;
use super::sessions::Room;
use crate::http::{Body, Fault, FaultKind, Reply, Source, Stall, Tunnel, hop, upgrade};
use bytes::Bytes;
use h2::RecvStream;
use http::header::{CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT};
use http::{HeaderValue, Method, StatusCode};
use http_body::{Frame, SizeHint};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An answer with a body that comes as it is read.
#[must_use]
pub fn answer(answered: Answered, attempt: Attempt) -> Reply {
    let Answered { response, method, mut upload, room, key } = answered;
    let (mut parts, stream) = response.into_parts();
    hop::strip_reply(&mut parts.headers);
    if let Some(key) = key
        && parts.status.is_success()
    {
        // What the same is over HTTP/1.1.
        if let Ok(accept) = HeaderValue::try_from(upgrade::answer_to(&key)) {
            parts.headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        let stream = Box::new(Duplex::new(stream, upload.into_stream()));
        let tunnel = Tunnel { stream, came: Bytes::new(), idle: attempt.read, held: Box::new((room, attempt)) };
        let body = Body::tunnel(tunnel);
        return Reply { status: StatusCode::SWITCHING_PROTOCOLS, headers: parts.headers, body, source: Source::Upstream };
    }
    let body = if stream.is_end_stream() {
        Body::empty()
    } else {
        // INVARIANT: the frames have been held against the length that was said.
        let said = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let left = said.filter(|_| method != Method::HEAD);
        let rest = (!upload.has_ended()).then(|| Rest::send(async move { poll_fn(|cx| upload.poll(cx)).await }));
        Body::stream(AnswerBody { stall: Stall::new(attempt.read), stream, left, state: State::Data, held: Some((rest, room, attempt)) })
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
    held: Option<(Option<Rest<()>>, Room, Attempt)>,
}

impl AnswerBody {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let broken = |error: h2::Error| Fault::new(FaultKind::BodyBroken, error);
        if let Some((going_out, ..)) = &mut self.held
            && let Some(rest) = going_out
            && let Poll::Ready(sent) = rest.poll(cx)
        {
            *going_out = None;
            if let Err(fault) = sent {
                return Poll::Ready(Some(Err(fault)));
            }
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
        Poll::Ready(trailers.map(|mut trailers| {
            hop::strip_trailers(&mut trailers);
            Ok(Frame::trailers(trailers))
        }))
    }
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
