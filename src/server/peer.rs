//! The other end of a connection: who it is, and what it asked for last.

use super::drive::{Asked, Instead};
use crate::compile::tls::Names;
use crate::http::Client;
use http::HeaderValue;
use std::sync::Arc;

/// The port that `https` URLs leave out.
const HTTPS_PORT: u16 = 443;

/// The other end of a connection.
pub struct Peer {
    /// Who it is.
    pub client: Client,
    /// Over TLS: the names of the certificate that it was shown.
    names: Option<Arc<Names>>,
    /// Every request is sent to `https` at this port.
    to_https: Option<u16>,
    /// What was asked for last: most connections ask for one host.
    asked: Option<Arc<Asked>>,
}

impl Peer {
    /// A client of a listener without TLS, perhaps of one that sends all requests to `https` at a port.
    #[must_use]
    pub fn plain(client: Client, to_https: Option<u16>) -> Self {
        Self { client, names: None, to_https, asked: None }
    }

    /// A client that was shown a certificate.
    #[must_use]
    pub fn secured(client: Client, names: Arc<Names>) -> Self {
        Self { client, names: Some(names), to_https: None, asked: None }
    }

    /// What it asks for by an authority.
    pub fn asked(&mut self, authority: &HeaderValue) -> Arc<Asked> {
        match &self.asked {
            Some(asked) if asked.hop.authority == authority => Arc::clone(asked),
            Some(_) | None => {
                let mut asked = Asked::new(&self.client, authority);
                asked.instead = self.instead(&asked.host);
                Arc::clone(self.asked.insert(Arc::new(asked)))
            }
        }
    }

    fn instead(&self, host: &str) -> Option<Instead> {
        if let Some(port) = self.to_https {
            let base = if port == HTTPS_PORT { format!("https://{host}") } else { format!("https://{host}:{port}") };
            return Some(Instead::Redirect(base));
        }
        self.names.as_ref().filter(|names| !names.covers(host)).map(|_| Instead::Misdirected)
    }
}
