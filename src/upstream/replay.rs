//! A request's body that may be sent more than once. What is at hand can be; a stream goes on as it comes, and what has gone
//! is kept as long as it is little.

use crate::http::{Body, Fault};
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Most bytes of a stream that are kept; one that has passed on more cannot be sent again.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// A body that may be asked for again.
#[derive(Debug)]
pub struct Replay {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    AtHand(Bytes),
    Stream(Arc<Mutex<Source>>),
}

/// A stream with what has passed of it.
#[derive(Debug)]
struct Source {
    body: Body,
    /// None when it was too much, or nobody will ask for it again.
    kept: Option<BytesMut>,
    ended: bool,
}

impl Replay {
    /// A body of which nothing has been sent.
    #[must_use]
    pub fn new(body: Body) -> Self {
        let kind = match body.at_hand() {
            Some(bytes) => Kind::AtHand(bytes),
            None => Kind::Stream(Arc::new(Mutex::new(Source { body, kept: Some(BytesMut::new()), ended: false }))),
        };
        Self { kind }
    }

    /// The body from its beginning; none when that is gone. Of several only the one that was taken last may be read.
    #[must_use]
    pub fn body(&self) -> Option<Body> {
        match &self.kind {
            Kind::AtHand(bytes) => Some(Body::full(bytes.clone())),
            Kind::Stream(source) => {
                let known = source.lock();
                let kept = known.kept.as_ref()?;
                Some(match known.ended {
                    true => Body::full(Bytes::copy_from_slice(kept)),
                    false => Body::stream(Replayed { source: Arc::clone(source), sent: 0 }),
                })
            }
        }
    }

    /// True when all of it is here: the client need not be waited for.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match &self.kind {
            Kind::AtHand(_) => true,
            Kind::Stream(source) => source.lock().ended,
        }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        if let Kind::Stream(source) = &self.kind {
            source.lock().kept = None;
        }
    }
}

struct Replayed {
    source: Arc<Mutex<Source>>,
    /// Bytes of what is kept that have been sent.
    sent: usize,
}

impl http_body::Body for Replayed {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = &mut *self;
        let mut source = this.source.lock();
        if let Some(rest) = source.kept.as_ref().and_then(|kept| kept.get(this.sent..)).filter(|rest| !rest.is_empty()) {
            let rest = Bytes::copy_from_slice(rest);
            this.sent += rest.len();
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        let frame = ready!(Pin::new(&mut source.body).poll_frame(cx));
        source.keep(frame.as_ref());
        this.sent = source.kept.as_ref().map_or(0, BytesMut::len);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let source = self.source.lock();
        source.unsent(self.sent) == 0 && source.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let source = self.source.lock();
        let unsent = source.unsent(self.sent);
        let rest = source.body.size_hint();
        match rest.exact() {
            Some(rest) => SizeHint::with_exact(unsent + rest),
            None => SizeHint::new(),
        }
    }
}

impl Source {
    fn keep(&mut self, frame: Option<&Result<Frame<Bytes>, Fault>>) {
        let data = match frame {
            None => None,
            Some(Ok(frame)) => frame.data_ref(),
            Some(Err(_)) => {
                self.kept = None;
                return;
            }
        };
        match (&mut self.kept, data) {
            (Some(kept), Some(data)) if kept.len() + data.len() <= KEPT_BYTES_MAX => kept.extend_from_slice(data),
            (_, Some(_)) => self.kept = None,
            // Trailers are not kept.
            (_, None) if frame.is_some() => self.kept = None,
            (_, None) => {}
        }
        self.ended |= frame.is_none() || self.body.is_end_stream();
    }

    fn unsent(&self, sent: usize) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.len().saturating_sub(sent)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Bytes, Fault, Frame, KEPT_BYTES_MAX, Replay};
    use http_body::Body as _;
    use http_body_util::{BodyExt, StreamBody};
    use proptest::prelude::{prop, proptest};

    fn stream(parts: Vec<Vec<u8>>) -> Body {
        let parts = parts.into_iter().map(|part| Ok::<_, Fault>(Frame::data(Bytes::from(part))));
        Body::stream(StreamBody::new(futures_util::stream::iter(parts)))
    }

    async fn whole(body: Body) -> Vec<u8> {
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn what_is_at_hand_is_there_as_often_as_it_is_wanted() {
        let replay = Replay::new(Body::full("abc"));
        for _ in 0..3 {
            assert_eq!(whole(replay.body().unwrap()).await, b"abc");
        }
        assert_eq!(Replay::new(Body::empty()).body().unwrap().size_hint().exact(), Some(0));
    }

    #[tokio::test]
    async fn a_stream_that_has_ended_is_at_hand_when_it_was_short() {
        let replay = Replay::new(stream(vec![b"abc".to_vec(), b"def".to_vec()]));
        assert!(!replay.is_whole());
        assert_eq!(whole(replay.body().unwrap()).await, b"abcdef");
        assert!(replay.is_whole());
        assert_eq!(replay.body().unwrap().at_hand().unwrap(), "abcdef");
    }

    #[tokio::test]
    async fn a_long_stream_goes_on_and_is_not_kept() {
        let part = vec![b'x'; KEPT_BYTES_MAX / 2];
        let replay = Replay::new(stream(vec![part.clone(), part.clone(), part.clone()]));
        let mut body = replay.body().unwrap();
        for _ in 0..2 {
            body.frame().await.unwrap().unwrap();
        }
        assert!(replay.body().is_some());
        body.frame().await.unwrap().unwrap();
        assert!(replay.body().is_none());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn what_nobody_will_ask_for_again_is_not_kept() {
        let replay = Replay::new(stream(vec![b"abc".to_vec(), b"def".to_vec()]));
        let mut body = replay.body().unwrap();
        body.frame().await.unwrap().unwrap();
        drop(replay);
        assert_eq!(whole(body).await, b"def");
    }

    proptest! {
        #[test]
        fn each_time_it_is_the_same_wherever_the_time_before_broke_off(
            parts in prop::collection::vec(prop::collection::vec(0_u8.., 1..40), 0..8),
            breaks in prop::collection::vec(0_usize..10, 0..4),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let replay = Replay::new(stream(parts.clone()));
                for frames in breaks {
                    let mut body = replay.body().unwrap();
                    for _ in 0..frames {
                        if body.frame().await.is_none() {
                            break;
                        }
                    }
                }
                assert_eq!(whole(replay.body().unwrap()).await, parts.concat());
            });
        }
    }
}
