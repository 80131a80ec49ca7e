//! A listening address while it is served: what the current plan says of it.

use super::peer::Peer;
use crate::compile::plan::Listener;
use crate::compile::tls::Tls;
use crate::http::{Address, Client, Scheme};
use arc_swap::ArcSwap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Held by whoever accepts at an address, until the socket is closed.
pub type Accepts = mpsc::Sender<Infallible>;

/// How long it is waited for sockets to be closed: who accepts is woken to do it, and has nothing else to do first.
const CLOSED_MAX: Duration = Duration::from_secs(1);

/// Tells when nobody accepts at an address any more.
#[derive(Debug)]
pub struct Closed(mpsc::Receiver<Infallible>);

/// What those have who accept at an address, and how to know that all have let go of it.
#[must_use]
pub fn accepting() -> (Accepts, Closed) {
    let (accepts, closed) = mpsc::channel();
    (accepts, Closed(closed))
}

impl Closed {
    /// Waits until nobody accepts there.
    pub fn wait(&self) {
        if self.0.recv_timeout(CLOSED_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("an address that was left is not closed yet");
        }
    }
}

/// A listening address, shared by the workers.
#[derive(Debug)]
pub struct Site {
    listener: ArcSwap<Listener>,
    /// Cancelled when it is to be closed.
    closing: CancellationToken,
    handed_over: AtomicBool,
}

impl Site {
    /// An address as a plan declares it, served until `closing` is cancelled.
    #[must_use]
    pub fn new(listener: Listener, closing: CancellationToken) -> Self {
        Self { listener: ArcSwap::from_pointee(listener), closing, handed_over: AtomicBool::new(false) }
    }

    /// What the current plan says of it.
    #[must_use]
    pub fn declared(&self) -> Arc<Listener> {
        self.listener.load_full()
    }

    /// Follows another plan.
    pub fn follow(&self, listener: Listener) {
        self.listener.store(Arc::new(listener));
    }

    /// Cancelled when it is to be closed: nobody is accepted any more, and connections end with what runs.
    #[must_use]
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Leaves its sockets to another process.
    pub fn hand_over(&self) {
        self.handed_over.store(true, Ordering::Release);
    }

    /// True when its sockets are another process's as well.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Acquire)
    }

    /// Takes other certificates, where this is the address they are for.
    pub fn renew(&self, address: &Address, tls: &Tls) {
        let listener = self.listener.load();
        if listener.address == *address {
            self.listener.store(Arc::new(Listener { tls: Some(tls.clone()), ..Listener::clone(&listener) }));
        }
    }

    /// What a connection begins with: TLS, or HTTP at once.
    #[must_use]
    pub fn tls(&self) -> Option<Tls> {
        self.listener.load().tls.clone()
    }

    /// True when a connection begins with a header of the PROXY protocol.
    #[must_use]
    pub fn is_proxied(&self) -> bool {
        self.listener.load().proxied
    }

    /// A client that has connected.
    #[must_use]
    pub fn client(&self, peer: SocketAddr) -> Client {
        let listener = Arc::clone(&self.listener.load().name);
        Client { ip: peer.ip().to_canonical(), peer, scheme: Scheme::Http, listener, certificate: None }
    }

    /// The other end of a connection without TLS. Who is at https by a proxy's word is not sent there.
    #[must_use]
    pub fn plain(&self, client: Client) -> Peer {
        let to_https = self.listener.load().to_https.filter(|_| client.scheme == Scheme::Http);
        Peer::plain(client, to_https)
    }
}

#[cfg(test)]
mod tests {
    use super::accepting;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::{scope, yield_now};

    #[test]
    fn an_address_is_left_when_the_last_one_has_let_go_of_it() {
        let ((one, closed), let_go) = (accepting(), AtomicBool::new(false));
        let other = one.clone();
        drop(one);
        scope(|scope| {
            scope.spawn(|| {
                (0..1000).for_each(|_| yield_now());
                let_go.store(true, Ordering::Release);
                drop(other);
            });
            closed.wait();
            assert!(let_go.load(Ordering::Acquire));
        });
    }
}
