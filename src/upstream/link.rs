//! The bytes of a connection to an upstream: plain, or in TLS. Its two directions can be had apart.

use parking_lot::Mutex;
use socket2::SockRef;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection.
#[derive(Debug)]
pub enum Link {
    /// In plain text.
    Plain(TcpStream),
    /// In TLS.
    Secure(Box<TlsStream<TcpStream>>),
    /// One of two holds on a connection: one task reads it, another writes it.
    Shared(Arc<Mutex<Link>>),
}

impl Link {
    /// True when nothing that was written is still held back.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Secure(stream) => !stream.get_ref().1.wants_write(),
            Self::Shared(link) => link.lock().is_flushed(),
        }
    }

    /// Ready when a read may bring something: what is readable under TLS is not yet an answer.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_read_ready(cx),
            Self::Secure(_) => Poll::Ready(Ok(())),
            Self::Shared(link) => link.lock().poll_ready(cx),
        }
    }

    /// True when the system has nothing to be read, neither bytes nor the end: what has only just come is not yet known to
    /// [`Self::poll_ready`]. It costs a system call.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Secure(stream) => stream.get_ref().0,
            Self::Shared(link) => return link.lock().is_quiet(),
        };
        let peeked = SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Two holds on the connection.
    #[must_use]
    pub fn share(self) -> (Self, Self) {
        let link = Arc::new(Mutex::new(self));
        (Self::Shared(Arc::clone(&link)), Self::Shared(link))
    }

    /// The connection itself; none while there is another hold on it.
    #[must_use]
    pub fn whole(self) -> Option<Self> {
        match self {
            Self::Shared(link) => Arc::into_inner(link).map(Mutex::into_inner),
            link @ (Self::Plain(_) | Self::Secure(_)) => Some(link),
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Shared(link) => Pin::new(&mut *link.lock()).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Shared(link) => Pin::new(&mut *link.lock()).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Self::Secure(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Self::Shared(link) => Pin::new(&mut *link.lock()).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
            Self::Shared(link) => Pin::new(&mut *link.lock()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Shared(link) => Pin::new(&mut *link.lock()).poll_shutdown(cx),
        }
    }
}
