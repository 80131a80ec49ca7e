//! Looks at the frames of an HTTP/2 connection as they pass: how much of what the client sends is only work for the
//! gateway, and whether a head is under way.
//!
//! Every frame that asks for nothing costs something, whoever sends it: PING, SETTINGS, resets in both directions, empty
//! frames. Requests, bytes that the client takes and the passing of time pay for it. So no client of good faith runs out,
//! and a flood does at once (CVE-2019-9511 and its kin, CVE-2023-44487, CVE-2025-8671).

use super::frames::{Frame, Frames, Kind};
use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a connection begins with, and may have at most.
const CREDIT_MAX: i64 = 1_000;
/// What a second pays.
const CREDIT_PER_SECOND: i64 = 200;
/// Bytes the client takes that pay 1.
const BYTES_PER_CREDIT: usize = 1 << 10;
/// What a request pays.
const CREDIT_PER_REQUEST: i64 = 2;
/// What most frames without use cost, and what those cost that make more work than they are.
const COST: i64 = 1;
const COST_OF_WORK: i64 = 5;

/// What was seen of a connection. Shared by the connection and the stream below it, which one task polls.
#[derive(Debug)]
pub struct Seen {
    came: Frames,
    went: Frames,
    credit: i64,
    counted: Instant,
    taken: usize,
    blocked: bool,
}

impl Seen {
    fn new() -> Self {
        Self {
            came: Frames::behind_preface(),
            went: Frames::default(),
            credit: CREDIT_MAX,
            counted: Instant::now(),
            taken: 0,
            blocked: false,
        }
    }

    /// True when the client has made too much work for nothing.
    pub fn is_flooded(&mut self) -> bool {
        if self.credit >= 0 {
            return false;
        }
        let seconds = i64::try_from(self.counted.elapsed().as_secs()).unwrap_or(i64::MAX);
        self.credit = CREDIT_MAX.min(self.credit.saturating_add(seconds.saturating_mul(CREDIT_PER_SECOND)));
        self.counted = Instant::now();
        self.credit < 0
    }

    /// True when a head has begun and not ended.
    #[must_use]
    pub fn in_head(&self) -> bool {
        self.came.in_head()
    }

    /// True when the client takes nothing of what is there for it.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    fn came(&mut self, bytes: &[u8]) {
        let Self { came, credit, .. } = self;
        came.feed(bytes, |frame| *credit = CREDIT_MAX.min(*credit + worth(frame)));
    }

    fn went(&mut self, bytes: &[u8]) {
        let Self { went, credit, taken, .. } = self;
        went.feed(bytes, |frame| {
            if frame.kind == Kind::Reset {
                *credit -= COST_OF_WORK;
            }
        });
        *taken += bytes.len();
        *credit = CREDIT_MAX.min(*credit + i64::try_from(*taken / BYTES_PER_CREDIT).unwrap_or(0));
        *taken %= BYTES_PER_CREDIT;
    }
}

/// What a frame of the client pays, or costs.
fn worth(frame: Frame) -> i64 {
    match frame.kind {
        Kind::Data if frame.length == 0 && !frame.ends_stream => -COST_OF_WORK,
        Kind::Data => 0,
        Kind::Headers => CREDIT_PER_REQUEST,
        Kind::Continuation if frame.length == 0 => -COST_OF_WORK,
        Kind::Settings | Kind::Reset | Kind::GoAway => -COST_OF_WORK,
        Kind::Priority | Kind::Ping | Kind::WindowUpdate | Kind::Continuation | Kind::Other => -COST,
    }
}

/// A connection's bytes, looked at on their way. What was read before it became one of HTTP/2 comes first.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    before: BytesMut,
    seen: Arc<Mutex<Seen>>,
}

impl<S> Watched<S> {
    /// The bytes, and what is seen of them.
    pub fn new(stream: S, before: BytesMut) -> (Self, Arc<Mutex<Seen>>) {
        let seen = Arc::new(Mutex::new(Seen::new()));
        (Self { stream, before, seen: Arc::clone(&seen) }, seen)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let filled = into.filled().len();
        if this.before.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        } else {
            let length = this.before.len().min(into.remaining());
            into.put_slice(this.before.get(..length).unwrap_or_default());
            this.before.advance(length);
        }
        this.seen.lock().came(into.filled().get(filled..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        let mut seen = this.seen.lock();
        seen.blocked = written.is_pending();
        if let Poll::Ready(Ok(written)) = written {
            seen.went(bytes.get(..written).unwrap_or_default());
        }
        written
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        let mut seen = this.seen.lock();
        seen.blocked = written.is_pending();
        if let Poll::Ready(Ok(mut left)) = written {
            for slice in slices {
                let part = slice.len().min(left);
                seen.went(slice.get(..part).unwrap_or_default());
                left -= part;
            }
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, Watched};
    use crate::server::http2::frames::testing::frame;
    use bytes::BytesMut;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;

    fn begun() -> Seen {
        let mut seen = Seen::new();
        seen.came(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        seen
    }

    const PING: u8 = 6;
    const RESET: u8 = 3;
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;

    #[tokio::test(start_paused = true)]
    async fn a_flood_runs_out_of_credit_and_the_same_spread_over_time_does_not() {
        let (mut flood, mut calm) = (begun(), begun());
        for _ in 0..1_001 {
            flood.came(&frame(PING, 0, &[0; 8]));
        }
        assert!(flood.is_flooded());
        for _ in 0..100 {
            for _ in 0..100 {
                calm.came(&frame(PING, 0, &[0; 8]));
            }
            assert!(!calm.is_flooded());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_are_reset_at_once_run_out_and_those_that_are_answered_pay() {
        let (mut rapid, mut answered) = (begun(), begun());
        for _ in 0..400 {
            rapid.came(&frame(HEADERS, 0x5, b"x"));
            rapid.came(&frame(RESET, 0, &[0; 4]));
        }
        assert!(rapid.is_flooded());
        for _ in 0..10_000 {
            answered.came(&frame(HEADERS, 0x5, b"x"));
            answered.came(&frame(8, 0, &[0; 4]));
            answered.came(&frame(8, 0, &[0; 4]));
        }
        assert!(!answered.is_flooded());
    }

    #[tokio::test(start_paused = true)]
    async fn resets_that_the_gateway_must_send_count_as_well() {
        let mut seen = begun();
        for _ in 0..400 {
            seen.came(&frame(HEADERS, 0x5, b"x"));
            seen.went(&frame(RESET, 0, &[0; 4]));
        }
        assert!(seen.is_flooded());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_under_way_until_its_last_byte() {
        let mut seen = begun();
        let (first, last) = (frame(HEADERS, 0, b"abc"), frame(CONTINUATION, 0x4, b"def"));
        seen.came(&first[..10]);
        assert!(seen.in_head());
        seen.came(&first[10..]);
        assert!(seen.in_head(), "its block is not over");
        seen.came(&last[..last.len() - 1]);
        assert!(seen.in_head());
        seen.came(&last[last.len() - 1..]);
        assert!(!seen.in_head());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_over_although_more_came_with_it() {
        for behind in [frame(0, 0x1, b"body"), frame(4, 0x1, b""), frame(8, 0, &[0; 4]), frame(0, 0, b"body")[..5].to_vec()] {
            let mut seen = begun();
            seen.came(&[frame(HEADERS, 0x4, b"abc"), behind.clone()].concat());
            assert!(!seen.in_head(), "{behind:?}");
        }
        let mut seen = begun();
        seen.came(&[frame(HEADERS, 0x4, b"abc"), frame(HEADERS, 0, b"abc")].concat());
        assert!(seen.in_head(), "the second one is not over");
    }

    #[tokio::test]
    async fn what_was_read_before_comes_first() {
        let (mut watched, _) = Watched::new(&b"def"[..], BytesMut::from(&b"abc"[..]));
        let mut all = String::new();
        watched.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "abcdef");
    }
}
