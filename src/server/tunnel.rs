//! A connection on which HTTP has ended: bytes pass as they come, in both directions, with back-pressure.
//!
//! Knows nothing of what the bytes mean. A tunnel that waits holds no buffer.

use super::ending::Ending;
use crate::http::Tunnel;
use bytes::{Buf, Bytes};
use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

/// Bytes read at a time, and so the most that wait to be written, per direction.
const ROOM: usize = 16 << 10;
/// How long one direction may stand still when the other has ended.
const ENDED_MAX: Duration = Duration::from_secs(10);

/// Runs a tunnel to its end: both sides have said theirs, one broke off, or nothing came for too long. `came` is what was
/// read of the client already, `head` what it is sent first.
pub async fn run<C: AsyncRead + AsyncWrite + Unpin>(mut client: C, came: Bytes, head: Vec<u8>, tunnel: Tunnel, mut ending: Ending) {
    let Tunnel { mut stream, came: answered, idle, held: _held } = tunnel;
    (ending.received, ending.sent) = (came.len() as u64, answered.len() as u64);
    let mut up = Direction::beginning_with(came);
    let mut down = Direction::beginning_with(join(head, answered));
    let mut last = Instant::now();
    let mut timer = pin!(sleep_until(last + idle));
    poll_fn(|cx| {
        let (sent, received) = (up.poll(&mut client, &mut stream, cx), down.poll(&mut stream, &mut client, cx));
        ending.sent += std::mem::take(&mut down.came);
        ending.received += std::mem::take(&mut up.came);
        match (sent, received) {
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => {
                tracing::debug!(%error, "a tunnel broke off");
                return Poll::Ready(());
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(()),
            (Poll::Ready(Ok(())) | Poll::Pending, Poll::Ready(Ok(())) | Poll::Pending) => {}
        }
        let now = Instant::now();
        if up.has_moved() | down.has_moved() {
            last = now;
        }
        let deadline = last + if up.has_ended() || down.has_ended() { idle.min(ENDED_MAX) } else { idle };
        if deadline <= now {
            tracing::debug!("a tunnel stood still for too long");
            return Poll::Ready(());
        }
        // One that goes off too early finds the later deadline then.
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    })
    .await;
}

/// One after the other; whatever room they had is free.
fn join(mut head: Vec<u8>, behind: Bytes) -> Bytes {
    head.extend_from_slice(&behind);
    head.into()
}

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    /// What was read and not yet taken.
    held: Bytes,
    end: End,
    /// Bytes read since they were last counted.
    came: u64,
    moved: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum End {
    #[default]
    Open,
    /// The reader has ended; the writer does not know yet.
    Read,
    Written,
}

impl Direction {
    fn beginning_with(held: Bytes) -> Self {
        Self { held, ..Self::default() }
    }

    /// True when something went through since this was last asked.
    fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    fn has_ended(&self) -> bool {
        self.end != End::Open
    }

    /// Passes bytes on; ready when the reader has ended and the writer knows.
    fn poll<R, W>(&mut self, reader: &mut R, writer: &mut W, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            while !self.held.is_empty() {
                let written = ready!(Pin::new(&mut *writer).poll_write(cx, &self.held))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.held.advance(written);
                self.moved = true;
            }
            // An empty part still holds the whole it is of.
            self.held = Bytes::new();
            match self.end {
                End::Open => {}
                End::Read => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    self.end = End::Written;
                }
                End::Written => return Poll::Ready(Ok(())),
            }
            if self.end == End::Open && self.poll_read(reader, writer, cx)?.is_pending() {
                // What TLS holds back goes out before anybody waits.
                let _ = Pin::new(&mut *writer).poll_flush(cx)?;
                return Poll::Pending;
            }
        }
    }

    /// Reads once, into room that is there for as long as this runs, and writes what it can at once.
    fn poll_read<R, W>(&mut self, reader: &mut R, writer: &mut W, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut room = [const { MaybeUninit::<u8>::uninit() }; ROOM];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut *reader).poll_read(cx, &mut read))?;
        self.moved = true;
        let came = read.filled();
        if came.is_empty() {
            self.end = End::Read;
            return Poll::Ready(Ok(()));
        }
        self.came += came.len() as u64;
        let written = match Pin::new(&mut *writer).poll_write(cx, came)? {
            Poll::Ready(written) => written,
            Poll::Pending => 0,
        };
        self.held = Bytes::copy_from_slice(came.get(written..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
