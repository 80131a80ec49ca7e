//! Connections that a proxy passes on with a header of the PROXY protocol: whose they are is known when that has come.

use super::drain::Ticket;
use super::site::Site;
use super::stream::Stream;
use super::worker::Worker;
use super::{connection, tls};
use crate::http::forward;
use crate::http::proxy::{self, Source, Step};
use crate::upstream::Transport;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Serves a connection that begins with a header, if its peer is trusted to say so; else it is closed.
pub async fn serve<T: Transport, S: Stream>(worker: Arc<Worker<T>>, mut stream: S, peer: SocketAddr, site: Arc<Site>, ticket: Ticket) {
    let engine = worker.engine();
    let settings = &engine.plan.settings;
    if !forward::is_trusted(peer.ip().to_canonical(), &settings.trust) {
        tracing::warn!(%peer, "a peer that is not trusted came to a listener with `proxy_protocol`");
        return;
    }
    let source = match timeout(settings.header_timeout, header(&mut stream)).await {
        Ok(Ok(source)) => source,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no header of the PROXY protocol");
            return;
        }
        Err(_) => return,
    };
    drop(engine);
    let mut client = site.client(source.map_or(peer, |source| source.address));
    client.scheme = source.and_then(|source| source.scheme).unwrap_or(client.scheme);
    match site.tls() {
        None => connection::serve(worker, stream, site.plain(client), ticket, true).await,
        Some(tls) => tls::serve(worker, stream, client, tls, ticket).await,
    }
}

/// Reads the header and not a byte more.
async fn header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Source>> {
    let mut bytes = Vec::new();
    loop {
        match proxy::read(&bytes).map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed.0))? {
            Step::Whole(source) => return Ok(source),
            Step::More(count) => {
                let known = bytes.len();
                bytes.resize(known + count, 0);
                stream.read_exact(bytes.get_mut(known..).unwrap_or_default()).await?;
            }
        }
    }
}
