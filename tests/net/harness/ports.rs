//! Ports of this machine that a policy can name.

use socket2::{Domain, Protocol, Socket, Type};
use std::net::SocketAddr;

/// Ports that nobody else is given until this is dropped. Nobody listens there, and a gateway may: its sockets share addresses.
pub struct Ports<const COUNT: usize>([Socket; COUNT]);

impl<const COUNT: usize> Ports<COUNT> {
    /// Ports that nobody has now.
    pub fn held() -> Self {
        Self([(); COUNT].map(|()| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
            socket.set_reuse_address(true).unwrap();
            socket.set_reuse_port(true).unwrap();
            socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
            socket
        }))
    }

    /// Their numbers.
    pub fn numbers(&self) -> [u16; COUNT] {
        self.0.each_ref().map(|socket| socket.local_addr().unwrap().as_socket().unwrap().port())
    }
}
