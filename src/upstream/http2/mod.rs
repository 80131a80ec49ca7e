//! HTTP/2 towards upstreams (RFC 9113): over TLS by ALPN, in plain text by prior knowledge.
//!
//! A connection has a task of its own, which reads and writes its frames; the requests on it are driven by those who wait for
//! their answers, as they are over HTTP/1.1.

mod answer;
mod connection;
mod request;
mod sessions;
mod upload;

pub use answer::answer;
pub use connection::Session;
pub use request::exchange;
pub use sessions::Sessions;

use crate::http::{Fault, FaultKind};
use h2::Reason;

/// Requests of one connection that may run at once, however many the other side takes.
const STREAMS_MAX: usize = 128;
/// Bytes of a response's body that may come before they are asked for.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same for all responses of a connection: one that nobody reads holds up no other.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS_MAX as u32;

/// What a broken stream means for its request. What the other side refused, or says in GOAWAY not to have looked at, can be
/// sent again whatever it is (RFC 9113 §8.7).
fn fault(error: &h2::Error) -> Fault {
    let untouched = error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
    let kind = if untouched {
        FaultKind::Stale
    } else if error.is_remote() || error.is_io() {
        FaultKind::Reset
    } else {
        FaultKind::BadResponse
    };
    Fault::new(kind, error)
}
