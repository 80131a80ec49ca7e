//! A body that compresses another as it passes. What is held back is flushed when the source has nothing more at the
//! moment, so that nobody waits for an encoder's buffer to fill.

use super::Algorithm;
use crate::http::{Body, Fault, FaultKind};
use async_compression::Level;
use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// A frame is handed on when this many bytes have been compressed.
const FRAME: usize = 8 << 10;
/// At most so many bytes are read in one go, so that a source that is always ready does not keep the worker to itself.
const TURN: usize = 256 << 10;
/// Brotli's window is 2 to the power of this, in bytes: its memory is for each reply.
const BROTLI_WINDOW: i32 = 19;

/// The compressed body.
pub(super) struct Compressed {
    source: Body,
    encoder: Encoder,
    state: State,
    held: bool,
}

enum State {
    Running,
    Ending(Option<HeaderMap>),
    Ended,
}

/// Levels that cost little more than sending the bytes would.
enum Encoder {
    Zstd(ZstdEncoder<Vec<u8>>),
    Brotli(Box<BrotliEncoder<Vec<u8>>>),
    Gzip(GzipEncoder<Vec<u8>>),
}

impl Encoder {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Zstd => Self::Zstd(ZstdEncoder::with_quality(Vec::new(), Level::Precise(3))),
            Algorithm::Brotli => {
                let params = async_compression::brotli::EncoderParams::default().quality(Level::Precise(4)).window_size(BROTLI_WINDOW);
                Self::Brotli(Box::new(BrotliEncoder::with_params(Vec::new(), params)))
            }
            Algorithm::Gzip => Self::Gzip(GzipEncoder::with_quality(Vec::new(), Level::Precise(5))),
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Send + Unpin)> {
        match self {
            Self::Zstd(encoder) => Pin::new(encoder),
            Self::Brotli(encoder) => Pin::new(encoder.as_mut()),
            Self::Gzip(encoder) => Pin::new(encoder),
        }
    }

    fn out(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Zstd(encoder) => encoder.get_mut(),
            Self::Brotli(encoder) => encoder.get_mut(),
            Self::Gzip(encoder) => encoder.get_mut(),
        }
    }
}

impl Compressed {
    pub(super) fn new(source: Body, algorithm: Algorithm) -> Self {
        Self { source, encoder: Encoder::new(algorithm), state: State::Running, held: false }
    }

    fn write(&mut self, mut data: &[u8], cx: &mut Context<'_>) -> Result<(), Fault> {
        while !data.is_empty() {
            let written = done(self.encoder.writer().poll_write(cx, data))?;
            data = data.get(written..).unwrap_or_default();
        }
        self.held = true;
        Ok(())
    }

    fn end(&mut self, trailers: Option<HeaderMap>, cx: &mut Context<'_>) -> Result<(), Fault> {
        done(self.encoder.writer().poll_shutdown(cx))?;
        self.state = State::Ending(trailers);
        Ok(())
    }

    /// What has been compressed, if anything.
    fn frame(&mut self) -> Option<Frame<Bytes>> {
        let out = std::mem::take(self.encoder.out());
        (!out.is_empty()).then(|| Frame::data(Bytes::from(out)))
    }

    /// Reads until there is a frame; `Ok(None)` is the end.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Fault>> {
        let mut read = 0;
        loop {
            match &mut self.state {
                State::Ended => return Poll::Ready(Ok(None)),
                State::Ending(trailers) => {
                    let trailers = trailers.take();
                    if let Some(frame) = self.frame() {
                        self.state = State::Ending(trailers);
                        return Poll::Ready(Ok(Some(frame)));
                    }
                    self.state = State::Ended;
                    return Poll::Ready(Ok(trailers.map(Frame::trailers)));
                }
                State::Running => {}
            }
            if read > TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match http_body::Body::poll_frame(Pin::new(&mut self.source), cx) {
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) => {
                        read += data.len();
                        self.write(&data, cx)?;
                        if self.encoder.out().len() >= FRAME {
                            return Poll::Ready(Ok(self.frame()));
                        }
                    }
                    Err(frame) => self.end(frame.into_trailers().ok(), cx)?,
                },
                Poll::Ready(None) => self.end(None, cx)?,
                Poll::Pending => {
                    if std::mem::take(&mut self.held) {
                        done(self.encoder.writer().poll_flush(cx))?;
                    }
                    return match self.frame() {
                        Some(frame) => Poll::Ready(Ok(Some(frame))),
                        None => Poll::Pending,
                    };
                }
            }
        }
    }
}

/// An encoder that writes into memory is always done at once.
fn done<T>(poll: Poll<std::io::Result<T>>) -> Result<T, Fault> {
    match poll {
        Poll::Ready(Ok(value)) => Ok(value),
        Poll::Ready(Err(error)) => Err(Fault::new(FaultKind::BodyBroken, error)),
        Poll::Pending => Err(Fault::new(FaultKind::BodyBroken, "the encoder stalled")),
    }
}

impl http_body::Body for Compressed {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        self.next(cx).map(|next| {
            if next.is_err() {
                // A body that broke off must not be ended as if it were whole.
                self.state = State::Ended;
            }
            next.transpose()
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}
