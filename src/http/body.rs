//! Bodies: nothing, bytes at hand, or a stream. Streams are passed on as they come, with back-pressure. What stands where the
//! body of a 101 would stand is a tunnel; as a body it is none.

use super::{Fault, FaultKind, Tunnel};
use bytes::{Bytes, BytesMut};
use http::HeaderName;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use smallvec::SmallVec;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body whose faults say whose they are.
#[derive(Debug, Default)]
pub struct Body {
    kind: Kind,
}

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    Stream(UnsyncBoxBody<Bytes, Fault>),
    Tunnel(Box<Tunnel>),
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Bytes at hand.
    #[must_use]
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { kind: if bytes.is_empty() { Kind::Empty } else { Kind::Full(bytes) } }
    }

    /// A stream.
    pub fn stream(body: impl http_body::Body<Data = Bytes, Error = Fault> + Send + 'static) -> Self {
        Self { kind: Kind::Stream(UnsyncBoxBody::new(body)) }
    }

    /// What comes behind a 101.
    #[must_use]
    pub fn tunnel(tunnel: Tunnel) -> Self {
        Self { kind: Kind::Tunnel(Box::new(tunnel)) }
    }

    /// The tunnel, where there is one in a body's place; it is left without.
    #[must_use]
    pub fn take_tunnel(&mut self) -> Option<Box<Tunnel>> {
        match std::mem::take(&mut self.kind) {
            Kind::Tunnel(tunnel) => Some(tunnel),
            kind @ (Kind::Empty | Kind::Full(_) | Kind::Stream(_)) => {
                self.kind = kind;
                None
            }
        }
    }

    /// Takes the body, leaving none.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The whole body, read to its end; trailers are dropped.
    ///
    /// # Errors
    /// [`FaultKind::BodyTooLarge`] where it has more than `most` bytes, and else the fault it breaks off with.
    pub async fn collected(mut self, most: usize) -> Result<Bytes, Fault> {
        let too_large = || Fault::new(FaultKind::BodyTooLarge, format!("more than {most} bytes"));
        if let Some(bytes) = self.at_hand() {
            return if bytes.len() <= most { Ok(bytes) } else { Err(too_large()) };
        }
        let mut all = BytesMut::new();
        while let Some(frame) = self.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if all.len() + data.len() > most {
                return Err(too_large());
            }
            all.extend_from_slice(&data);
        }
        Ok(all.freeze())
    }

    /// The bytes, when they are all at hand.
    #[must_use]
    pub fn at_hand(&self) -> Option<Bytes> {
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => Some(Bytes::new()),
            Kind::Full(bytes) => Some(bytes.clone()),
            Kind::Stream(_) => None,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        match &mut self.kind {
            Kind::Empty | Kind::Tunnel(_) => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(stream) => Pin::new(stream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => true,
            Kind::Full(_) => false,
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => stream.size_hint(),
        }
    }
}

/// A stream that may not be larger than it was allowed to be.
struct Limited {
    body: Body,
    left: u64,
}

impl Body {
    /// This body, broken off with [`FaultKind::BodyTooLarge`] where it passes `max` bytes. Nothing is added to a body whose
    /// length is known to fit.
    #[must_use]
    pub fn limited(self, max: u64) -> Self {
        match http_body::Body::size_hint(&self).upper() {
            Some(upper) if upper <= max => self,
            Some(_) | None => Self::stream(Limited { body: self, left: max }),
        }
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let length = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        if length > self.left {
            self.body = Body::empty();
            self.left = 0;
            return Poll::Ready(Some(Err(Fault::new(FaultKind::BodyTooLarge, "the body passed its limit"))));
        }
        self.left -= length;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream without the trailers that something bars.
struct Barred<F> {
    body: Body,
    bars: F,
}

impl Body {
    /// This body without the trailers for whose names `bars` holds. Nothing is added to a body that is at hand, which has none.
    #[must_use]
    pub fn without_trailers<F: Fn(&HeaderName) -> bool + Send + Unpin + 'static>(self, bars: F) -> Self {
        match self.kind {
            Kind::Stream(_) => Self::stream(Barred { body: self, bars }),
            Kind::Empty | Kind::Full(_) | Kind::Tunnel(_) => self,
        }
    }
}

impl<F: Fn(&HeaderName) -> bool + Unpin> http_body::Body for Barred<F> {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let mut frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            let barred: SmallVec<[HeaderName; 4]> = trailers.keys().filter(|name| (self.bars)(name)).cloned().collect();
            for name in &barred {
                trailers.remove(name);
            }
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
