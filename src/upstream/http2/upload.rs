//! A request's body on its way out, as fast as the other side takes it.

use crate::http::{Body, Fault, FaultKind, hop};
use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http_body::Body as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body on its way.
#[derive(Debug)]
pub struct Upload {
    body: Body,
    data: Bytes,
    stream: SendStream<Bytes>,
    /// Bytes that are to come, where that was said.
    left: Option<u64>,
    ended: bool,
}

impl Upload {
    /// A body that goes out on a stream; `ended` when the head was all there is.
    #[must_use]
    pub fn new(body: Body, stream: SendStream<Bytes>, ended: bool) -> Self {
        let left = body.size_hint().exact();
        Self { body, data: Bytes::new(), stream, left, ended }
    }

    /// True when nothing more is to go out.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Sends on; ready when all has been handed over, or the other side wants no more of it: what that means is for its answer
    /// to say.
    ///
    /// # Errors
    /// When the body fails. Its stream is given up then.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        while !self.ended {
            if self.data.is_empty() {
                ready!(self.poll_body(cx))?;
                continue;
            }
            match ready!(self.poll_room(cx)) {
                Some(room) => {
                    let part = self.data.split_to(room.min(self.data.len()));
                    let ends = self.data.is_empty() && self.body.is_end_stream() && self.left.is_none_or(|left| left == 0);
                    self.ended = self.stream.send_data(part, ends).is_err() || ends;
                }
                None => self.ended = true,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes in the next frame of the body.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let _ = ready!(self.stream.poll_reset(cx));
                self.ended = true;
                return Poll::Ready(Ok(()));
            }
        };
        Poll::Ready(match frame {
            None => self.end(None),
            Some(Err(fault)) => Err(self.give_up(fault)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => match self.left.map(|left| left.checked_sub(data.len() as u64)) {
                    Some(None) => Err(self.give_up(Fault::new(FaultKind::BodyBroken, "the body is longer than was said"))),
                    left => {
                        (self.left, self.data) = (left.flatten(), data);
                        Ok(())
                    }
                },
                Err(frame) => self.end(frame.into_trailers().ok()),
            },
        })
    }

    fn end(&mut self, trailers: Option<HeaderMap>) -> Result<(), Fault> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(self.give_up(Fault::new(FaultKind::BodyBroken, "the body is shorter than was said")));
        }
        self.ended = true;
        // Fails when the stream has been reset, of which its answer tells.
        let _ = match trailers {
            None => self.stream.send_data(Bytes::new(), true),
            Some(mut trailers) => {
                hop::strip_request(&mut trailers);
                self.stream.send_trailers(trailers)
            }
        };
        Ok(())
    }

    fn give_up(&mut self, fault: Fault) -> Fault {
        self.ended = true;
        self.stream.send_reset(Reason::CANCEL);
        fault
    }

    /// How many bytes the other side takes; none when it takes no more.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        self.stream.reserve_capacity(self.data.len());
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(self.stream.capacity()))
    }
}
