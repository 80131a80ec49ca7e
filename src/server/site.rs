//! A listening address while it is served: what the current plan says of it.

use super::peer::Peer;
use crate::compile::plan::Listener;
use crate::compile::tls::Tls;
use crate::http::{Client, Scheme};
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::sync::Arc;

/// A listening address, shared by the workers.
#[derive(Debug)]
pub struct Site {
    listener: ArcSwap<Listener>,
}

impl Site {
    /// An address as a plan declares it.
    #[must_use]
    pub fn new(listener: Listener) -> Self {
        Self { listener: ArcSwap::from_pointee(listener) }
    }

    /// Follows another plan, where that has the address.
    pub fn follow(&self, listeners: &[Listener]) {
        let address = self.listener.load().address;
        if let Some(listener) = listeners.iter().find(|listener| listener.address == address) {
            self.listener.store(Arc::new(listener.clone()));
        }
    }

    /// Takes other certificates, where this is the address they are for.
    pub fn renew(&self, address: SocketAddr, tls: &Tls) {
        let listener = self.listener.load();
        if listener.address == address {
            self.listener.store(Arc::new(Listener { tls: Some(tls.clone()), ..Listener::clone(&listener) }));
        }
    }

    /// What a connection begins with: TLS, or HTTP at once.
    #[must_use]
    pub fn tls(&self) -> Option<Tls> {
        self.listener.load().tls.clone()
    }

    /// A client that has connected.
    #[must_use]
    pub fn client(&self, peer: SocketAddr) -> Client {
        let listener = Arc::clone(&self.listener.load().name);
        Client { ip: peer.ip().to_canonical(), peer, scheme: Scheme::Http, listener, certificate: None }
    }

    /// The other end of a connection without TLS.
    #[must_use]
    pub fn plain(&self, peer: SocketAddr) -> Peer {
        Peer::plain(self.client(peer), self.listener.load().to_https)
    }
}
