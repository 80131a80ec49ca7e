//! What a client's bytes come over: TCP, a Unix socket, or TLS above either. HTTP is the same over all.

use std::io;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpStream, UnixStream, unix};
use tokio_rustls::server::TlsStream;

/// What a client sends.
pub trait Incoming: AsyncRead + Unpin + Send + 'static {
    /// Ready when a read may bring something. Asked while a connection waits for its next request, so that it needs no
    /// buffer; the default always is.
    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Incoming for OwnedReadHalf {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_ref().poll_read_ready(cx)
    }
}

/// What is readable of the socket is not yet of the client: records come first.
impl<S: Stream> Incoming for ReadHalf<TlsStream<S>> {}

impl Incoming for unix::OwnedReadHalf {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_ref().poll_read_ready(cx)
    }
}

/// A connection's bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// What the client sends.
    type Input: Incoming;
    /// What the client gets.
    type Output: AsyncWrite + Unpin + Send + 'static;

    /// Both directions apart. Runs when a connection of HTTP/1.1 begins.
    fn halves(self) -> (Self::Input, Self::Output);

    /// The two halves of one connection as one again; nothing for halves of different ones.
    fn whole(input: Self::Input, output: Self::Output) -> Option<Self>
    where
        Self: Sized;

    /// Ends the connection such that the client cannot take its end for that of a reply.
    fn reset(output: Self::Output);
}

impl Stream for TcpStream {
    type Input = OwnedReadHalf;
    type Output = OwnedWriteHalf;

    fn halves(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        self.into_split()
    }

    fn whole(input: OwnedReadHalf, output: OwnedWriteHalf) -> Option<Self> {
        input.reunite(output).ok()
    }

    fn reset(output: OwnedWriteHalf) {
        if let Err(error) = output.as_ref().set_zero_linger() {
            tracing::debug!(%error, "a connection could not be reset");
        }
        output.forget();
    }
}

impl Stream for UnixStream {
    type Input = unix::OwnedReadHalf;
    type Output = unix::OwnedWriteHalf;

    fn halves(self) -> (unix::OwnedReadHalf, unix::OwnedWriteHalf) {
        self.into_split()
    }

    fn whole(input: unix::OwnedReadHalf, output: unix::OwnedWriteHalf) -> Option<Self> {
        input.reunite(output).ok()
    }

    /// There is no reset: what was not read is lost with the end, and that is all a client can be told.
    fn reset(output: unix::OwnedWriteHalf) {
        output.forget();
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    type Input = ReadHalf<Self>;
    type Output = WriteHalf<Self>;

    fn halves(self) -> (ReadHalf<Self>, WriteHalf<Self>) {
        tokio::io::split(self)
    }

    fn whole(input: ReadHalf<Self>, output: WriteHalf<Self>) -> Option<Self> {
        input.is_pair_of(&output).then(|| input.unsplit(output))
    }

    /// An end without `close_notify` is no end (RFC 8446 §6.1).
    fn reset(output: WriteHalf<Self>) {
        drop(output);
    }
}
