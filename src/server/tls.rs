//! Connections that begin with a TLS handshake.

use super::drain::Ticket;
use super::peer::Peer;
use super::stream::Stream;
use super::worker::Worker;
use super::{connection, http2};
use crate::compile::tls::{ALPN_HTTP2, Tls};
use crate::http::{Certificate, Client, Scheme};
use crate::upstream::Transport;
use bytes::BytesMut;
use std::sync::Arc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes under way at once, per worker. Those of clients that stall end with the time for a head.
pub const HANDSHAKES_MAX: usize = 1_000;

/// Serves a connection that begins with a handshake.
pub async fn serve<T: Transport, S: Stream>(worker: Arc<Worker<T>>, stream: S, client: Client, tls: Tls, ticket: Ticket) {
    let Some(stream) = Box::pin(shake_hands(&worker, stream, &client, &tls)).await else { return };
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(|chain| chain.first());
    let certificate = shown.map(|certificate| Arc::new(Certificate::read(certificate)));
    let speaks_http2 = session.alpn_protocol() == Some(ALPN_HTTP2);
    let peer = Peer::secured(Client { scheme: Scheme::Https, certificate, ..client }, tls.names(session.server_name()));
    if speaks_http2 {
        Box::pin(http2::serve(worker, stream, BytesMut::new(), peer, ticket)).await;
    } else {
        Box::pin(connection::serve(worker, stream, peer, ticket, false)).await;
    }
}

async fn shake_hands<T: Transport, S: Stream>(worker: &Worker<T>, stream: S, client: &Client, tls: &Tls) -> Option<TlsStream<S>> {
    let Ok(_slot) = worker.handshakes().try_acquire() else {
        tracing::warn!(peer = %client.peer, "too many handshakes under way");
        return None;
    };
    let longest = worker.engine().plan.settings.header_timeout;
    match timeout(longest, TlsAcceptor::from(Arc::clone(tls.config())).accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, peer = %client.peer, "a handshake failed");
            None
        }
        Err(_) => None,
    }
}
