//! A listening address while it is served: what the current plan says of it.

use super::peer::Peer;
use crate::compile::plan::Listener;
use crate::compile::tls::Tls;
use crate::http::{Address, Client, Scheme};
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
        let current = self.listener.load();
        if let Some(listener) = listeners.iter().find(|listener| listener.address == current.address) {
            self.listener.store(Arc::new(listener.clone()));
        }
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
