//! A gateway that is changed while it is in use: a policy in versions, and WebSockets that stay.

use super::client::Client;
use super::origin::{Answer, Origin};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Clients with a connection each that ask all the time.
pub const CLIENTS: usize = 64;
/// WebSockets that are open meanwhile.
pub const SOCKETS: usize = 200;
/// Where most versions listen.
pub const LISTEN: &str = "listen 127.0.0.1:0";

const HANDSHAKE: &str = "GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const GRANTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Fails `/bad`, opens WebSockets at `/live`, and answers the rest.
pub fn lively() -> Origin {
    Origin::start(|received| match (received.field("upgrade"), received.target.as_str()) {
        (Some(_), _) => Answer::Echo(GRANTED.as_bytes().to_vec()),
        (None, "/bad") => Answer::json(500, "{}"),
        (None, _) => Answer::json(200, "{}"),
    })
}

/// A policy that answers its version; `listen` is what `gateway` says.
pub fn versioned(app: &Origin, listen: &str, version: usize) -> String {
    format!(
        r#"
gateway {{
  {listen}
}}
upstream app {{ target http://{address} }}
upstream weak {{
  target http://{address}
  breaker {{
    open_after 3 failures
    cooldown 1h
  }}
}}
route everything ANY /** -> app {{ public "a test" }}
route bad GET /bad -> weak {{ public "a test" }}
route version GET /version {{
  public "a test"
  respond 200 text "{version}"
}}
route counted GET /counted {{
  public "a test"
  limit slow 100/h by client.ip
  respond 200 text "counted"
}}
"#,
        address = app.address()
    )
}

/// Opens WebSockets.
pub fn sockets(address: SocketAddr, count: usize) -> Vec<Client> {
    let open = |_| {
        let mut client = Client::connect(address);
        client.send(HANDSHAKE).read().expect(101);
        client
    };
    (0..count).map(open).collect()
}

/// Sends something through each, and waits for it to come back.
pub fn all_echo(sockets: &mut [Client]) {
    for socket in &mut *sockets {
        socket.send("ping");
    }
    for socket in sockets {
        assert_eq!(socket.exactly(4), b"ping");
    }
}

/// Tells clients to stop, also when an assertion fails.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
