//! What every test is written with: a gateway ([`Gate`], or [`Program`] as a process of its own), clients that send
//! what they like and read strictly, and origins that can misbehave.

mod browser;
mod client;
mod gate;
mod live;
mod message;
mod origin;
mod page;
mod peer;
mod peers;
mod ports;
mod program;
#[path = "../../../src/store/testing.rs"]
mod redis;
mod secure;

pub use browser::Browser;
pub use client::{Ask, Client};
pub use gate::{Gate, Setup, key_line, password_line, token};
pub use live::{CLIENTS, LISTEN, SOCKETS, Stop, all_echo, lively, sockets, versioned};
pub use message::{Broken, Reader, Response};
pub use origin::{Answer, Origin};
pub use page::{Key, Page};
pub use peer::{Peer, python_with};
pub use peers::{curl, is_there, peer};
pub use ports::Ports;
pub use program::{Program, gate, signal};
pub use redis::Redis;
pub use secure::Secure;

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a test waits for what must happen; only a failing test waits that long.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How long between two looks at what is to happen.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks until there is something to see, for a bounded time.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looks = PATIENCE.as_millis() / LOOK_AGAIN.as_millis();
    for _ in 0..looks {
        if let Some(seen) = look() {
            return seen;
        }
        std::thread::park_timeout(LOOK_AGAIN);
    }
    panic!("waited in vain for: {what}");
}

/// The gateway in front of one upstream, with everything at its default.
pub const PLAIN: &str = r#"
gateway { listen 127.0.0.1:0 }
upstream app { target http://{app} }
route everything ANY /** -> app { public "a test" }
"#;

/// Waits until nobody listens at an address any more.
#[track_caller]
pub fn until_refused(address: SocketAddr) {
    until("the listener to close", || TcpStream::connect(address).is_err().then_some(()));
}

/// A gateway before an origin.
pub fn plain(origin: &Origin) -> Gate {
    Gate::source(PLAIN).origin("app", origin).start()
}
