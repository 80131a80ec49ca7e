//! A door at a worker: connections come in by it until it is closed, and are brought to their end then, while those that came
//! in by others go on.

use super::connection;
use super::doors::{Door, Way};
use super::drain::Connections;
use super::listener::Accepted;
use super::proxy;
use super::site::{Accepts, Site};
use super::stream::Stream;
use super::tls;
use super::worker::Worker;
use crate::upstream::Transport;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

/// How long accepting rests when the process is out of file descriptors or memory.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that a listener takes in before it is closed.
pub const LAST_MAX: usize = 4096;

/// How long a connection without a request may stay when its listener is closed, so that a client which is about to send one
/// need not find out that it was too late: while the process goes on, or another one in its place,
const IDLE_WHILE_OTHERS_ACCEPT: Duration = Duration::from_secs(5);
/// and when its end is waited for.
const IDLE_AT_THE_END: Duration = Duration::from_secs(1);

/// A client of a Unix socket is this machine.
const LOCAL_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Serves what comes in by a door until its last connection has ended, or the time of the process is over: how many were left
/// then.
pub async fn serve<T: Transport>(worker: Arc<Worker<T>>, door: Door) -> usize {
    let Door { way, site } = door;
    let entrance = Entrance { worker, site, connections: Arc::default() };
    match way {
        Way::Own(listener, accepts) => {
            if let Err(error) = entrance.accept(listener, accepts).await {
                tracing::error!(%error, "a listener is closed");
            }
        }
        Way::Shared(handed) => {
            tokio::join!(entrance.receive(handed), entrance.until_closed());
        }
    }
    let Entrance { worker, site, connections } = entrance;
    let patience = if site.is_handed_over() || !worker.is_ending() { IDLE_WHILE_OTHERS_ACCEPT } else { IDLE_AT_THE_END };
    tokio::select! {
        () = connections.end(patience) => {}
        () = worker.time_is_over() => {}
    }
    connections.open()
}

struct Entrance<T> {
    worker: Arc<Worker<T>>,
    site: Arc<Site>,
    connections: Arc<Connections>,
}

impl<T: Transport> Entrance<T> {
    /// Accepts until the site is closed.
    async fn accept(&self, listener: TcpListener, accepts: Accepts) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut closing = pin!(self.site.closing().cancelled());
        loop {
            let next = tokio::select! {
                biased;
                next = listener.accept() => next,
                () = &mut closing => break,
            };
            match next {
                Ok((stream, peer)) => self.admit_tcp(stream, peer),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.connections.announce();
        // Whoever has connected meanwhile would see a reset when the socket is closed, which the end of this does.
        let listener = listener.into_std()?;
        for (stream, peer) in std::iter::from_fn(|| listener.accept().ok()).take(LAST_MAX) {
            stream.set_nonblocking(true)?;
            self.admit_tcp(TcpStream::from_std(stream)?, peer);
        }
        drop(listener);
        drop(accepts);
        Ok(())
    }

    /// Runs until whoever accepts has handed over all, and has ended.
    async fn receive(&self, mut handed: mpsc::Receiver<Accepted>) {
        while let Some(accepted) = handed.recv().await {
            let admitted = match accepted {
                Accepted::Tcp(stream, peer) => TcpStream::from_std(stream).map(|stream| self.admit_tcp(stream, peer)),
                Accepted::Unix(stream) => UnixStream::from_std(stream).map(|stream| self.admit(stream, LOCAL_PEER)),
            };
            if let Err(error) = admitted {
                tracing::warn!(%error, "cannot take a connection over");
            }
        }
    }

    async fn until_closed(&self) {
        self.site.closing().cancelled().await;
        self.connections.announce();
    }

    fn admit_tcp(&self, stream: TcpStream, peer: SocketAddr) {
        if stream.set_nodelay(true).is_ok() {
            self.admit(stream, peer);
        }
    }

    fn admit<S: Stream>(&self, stream: S, peer: SocketAddr) {
        let Some(place) = self.worker.place() else {
            // Over the cap: closed at once, so that those being served are served well.
            tracing::debug!(%peer, "connection cap reached");
            self.worker.tell_crowded();
            return;
        };
        let ticket = self.connections.enter();
        let (worker, site) = (Arc::clone(&self.worker), &self.site);
        if site.is_proxied() {
            let site = Arc::clone(site);
            tokio::spawn(async move {
                proxy::serve(worker, stream, peer, site, ticket).await;
                drop(place);
            });
            return;
        }
        // Tasks of their own kinds: one of plain text is not as large as the other.
        match site.tls() {
            None => {
                let peer = site.plain(site.client(peer));
                tokio::spawn(async move {
                    connection::serve(worker, stream, peer, ticket, true).await;
                    drop(place);
                });
            }
            Some(tls) => {
                let client = site.client(peer);
                tokio::spawn(async move {
                    tls::serve(worker, stream, client, tls, ticket).await;
                    drop(place);
                });
            }
        }
    }
}

/// Errors that say something of the connection that was to be accepted, not of the listener.
#[must_use]
pub fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}
