//! A listening address while it is served: what the current plan says of it.

use super::peer::Peer;
use crate::compile::plan::Listener;
use crate::compile::tls::Tls;
use crate::http::{Address, Client, Scheme};
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

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
