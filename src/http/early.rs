//! What an upstream says ahead of its answer: interim responses (RFC 9110 §15.2) on their way to the client.

use http::header::LINK;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Interim responses ahead of one answer; an upstream that sends more is given up.
pub const INTERIM_MAX: usize = 16;
/// Interim responses that may wait for the client; further ones are left out.
const WAITING_MAX: usize = 8;

/// Interim responses that wait to be sent. Put in and taken out by one task.
#[derive(Debug, Default)]
pub struct Early {
    some: AtomicBool,
    waiting: Mutex<Vec<(StatusCode, HeaderMap)>>,
}

impl Early {
    /// Has an interim response sent on. Of its fields only `Link` goes on: what the policy says of a response's fields it
    /// says of the final one.
    pub fn push(&self, status: StatusCode, headers: &HeaderMap) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < WAITING_MAX {
            waiting.push((status, headers.get_all(LINK).iter().map(|value| (LINK, value.clone())).collect()));
            self.some.store(true, Ordering::Relaxed);
        }
    }

    /// Takes out those that wait, in order.
    pub fn take(&self) -> Vec<(StatusCode, HeaderMap)> {
        if !self.some.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.some.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.waiting.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::{Early, WAITING_MAX};
    use http::{HeaderMap, HeaderValue, StatusCode, header};

    #[test]
    fn links_go_on_and_nothing_else_and_not_without_end() {
        let early = Early::default();
        assert!(early.take().is_empty());
        let mut headers = HeaderMap::new();
        headers.append(header::LINK, HeaderValue::from_static("</a>"));
        headers.append(header::LINK, HeaderValue::from_static("</b>"));
        headers.append(header::SERVER, HeaderValue::from_static("secret/1.0"));
        for _ in 0..2 * WAITING_MAX {
            early.push(StatusCode::EARLY_HINTS, &headers);
        }
        let taken = early.take();
        assert_eq!((taken.len(), taken[0].0, taken[0].1.len()), (WAITING_MAX, StatusCode::EARLY_HINTS, 2));
        assert!(early.take().is_empty());
    }
}
