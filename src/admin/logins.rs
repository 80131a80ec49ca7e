//! Logins that fail, as the log tells them: each of them, until a peer tries too many; of those how many there were.

use hashbrown::HashMap;
use parking_lot::Mutex;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;

/// The most lines for a peer
const LINES_MAX: u32 = 10;
/// within so long.
const WINDOW: Duration = Duration::from_secs(60);
/// Peers that have a window each; all others share one.
const PEERS_MAX: usize = 64;
/// How often it is looked whether a flood has stopped.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The logins of a gateway's admin listeners.
#[derive(Debug, Default)]
pub struct Logins(Mutex<HashMap<Option<IpAddr>, Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    /// Those that had no line.
    untold: u64,
}

impl Logins {
    /// One has failed.
    pub fn failed(&self, peer: SocketAddr) {
        self.tell_over();
        if self.has_line(peer.ip().to_canonical()) {
            tracing::warn!(%peer, "a login at the admin listener has failed");
        }
    }

    /// Says how many logins had no line, of peers whose window is over.
    pub fn tell_over(&self) {
        for (peer, untold) in self.over() {
            match peer {
                Some(peer) => tracing::warn!(%peer, untold, "further logins at the admin listener have failed"),
                None => tracing::warn!(untold, "further logins at the admin listener have failed, of many peers"),
            }
        }
    }

    /// Takes a line of a peer, where there is one left.
    fn has_line(&self, peer: IpAddr) -> bool {
        let mut windows = self.0.lock();
        let whose = Some(peer).filter(|_| windows.len() < PEERS_MAX || windows.contains_key(&Some(peer)));
        let window = windows.entry(whose).or_insert_with(|| Window { began: Instant::now(), lines: 0, untold: 0 });
        let is_left = window.lines < LINES_MAX;
        window.lines += u32::from(is_left);
        window.untold += u64::from(!is_left);
        is_left
    }

    /// Ends windows whose time is over: whose they were, and how many had no line.
    fn over(&self) -> Vec<(Option<IpAddr>, u64)> {
        let over = |_: &Option<IpAddr>, window: &mut Window| window.began.elapsed() >= WINDOW;
        let ended = self.0.lock().extract_if(over).map(|(peer, window)| (peer, window.untold)).collect::<Vec<_>>();
        ended.into_iter().filter(|(_, untold)| *untold > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, Logins, PEERS_MAX, WINDOW};
    use std::net::IpAddr;
    use tokio::time::advance;

    fn peer(number: usize) -> IpAddr {
        format!("10.0.0.{number}").parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_is_told_and_of_a_flood_that_stops_how_many() {
        let logins = Logins::default();
        assert!((0..LINES_MAX).all(|_| logins.has_line(peer(1))));
        assert!((0..5).all(|_| !logins.has_line(peer(1))));
        assert!(logins.has_line(peer(2)), "nobody is silent for what another does");
        assert_eq!(logins.over(), []);
        advance(WINDOW).await;
        assert_eq!(logins.over(), [(Some(peer(1)), 5)]);
        assert_eq!(logins.over(), []);
        assert!(logins.has_line(peer(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn peers_beyond_the_table_share_a_window() {
        let logins = Logins::default();
        assert!((0..PEERS_MAX).all(|number| logins.has_line(peer(number))));
        assert!((0..LINES_MAX as usize).all(|number| logins.has_line(peer(100 + number))));
        assert!(!logins.has_line(peer(99)));
        assert!(logins.has_line(peer(0)));
        advance(WINDOW).await;
        assert_eq!(logins.over(), [(None, 1)]);
    }
}
