//! One stream of HTTP/2 as bytes both ways: what a WebSocket's CONNECT becomes (RFC 8441).

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream. When it is dropped before both directions have ended, it is reset.
pub struct Duplex {
    receive: RecvStream,
    send: SendStream<Bytes>,
    /// What came and was not yet read.
    came: Bytes,
    ended: bool,
}

impl Duplex {
    /// Both directions of one stream.
    #[must_use]
    pub fn new(receive: RecvStream, send: SendStream<Bytes>) -> Self {
        Self { receive, send, came: Bytes::new(), ended: false }
    }
}

impl AsyncRead for Duplex {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.came.is_empty() {
            match ready!(this.receive.poll_data(cx)) {
                Some(data) => this.came = data.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let taken = this.came.len().min(into.remaining());
        into.put_slice(this.came.get(..taken).unwrap_or_default());
        this.came.advance(taken);
        // What was read may be sent anew; only a connection that has ended refuses it.
        let _ = this.receive.flow_control().release_capacity(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let send = &mut self.get_mut().send;
        send.reserve_capacity(bytes.len());
        while send.capacity() == 0 {
            match ready!(send.poll_capacity(cx)) {
                Some(room) => _ = room.map_err(io::Error::other)?,
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let part = bytes.get(..send.capacity().min(bytes.len())).unwrap_or_default();
        send.send_data(Bytes::copy_from_slice(part), false).map_err(io::Error::other)?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.ended, true) {
            this.send.send_data(Bytes::new(), true).map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        if !self.ended || !self.receive.is_end_stream() {
            self.send.send_reset(Reason::CANCEL);
        }
    }
}
