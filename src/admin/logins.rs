//! Logins that fail, as the log tells them: each of them, until somebody tries too many.

use parking_lot::Mutex;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// The most lines
const LINES_MAX: u32 = 10;
/// within so long.
const WINDOW: Duration = Duration::from_secs(60);

/// The logins of a gateway's admin listeners.
#[derive(Debug)]
pub struct Logins(Mutex<Window>);

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    /// Those that no line told of yet.
    untold: u64,
}

impl Logins {
    /// Nobody has tried yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(Window { began: Instant::now(), lines: 0, untold: 0 }))
    }

    /// One has failed.
    pub fn failed(&self, peer: SocketAddr) {
        if let Some(untold) = self.line() {
            let untold = (untold > 0).then_some(untold);
            tracing::warn!(%peer, untold, "a login at the admin listener has failed");
        }
    }

    /// Takes a line, where there is one left: how many had none since the last one.
    fn line(&self) -> Option<u64> {
        let mut window = self.0.lock();
        if window.began.elapsed() >= WINDOW {
            (window.began, window.lines) = (Instant::now(), 0);
        }
        if window.lines == LINES_MAX {
            window.untold += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, Logins, WINDOW};
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn each_failure_is_told_and_of_a_flood_how_many() {
        let logins = Logins::new();
        assert!((0..LINES_MAX).all(|_| logins.line() == Some(0)));
        assert!((0..5).all(|_| logins.line().is_none()));
        advance(WINDOW).await;
        assert_eq!([logins.line(), logins.line()], [Some(5), Some(0)]);
    }
}
