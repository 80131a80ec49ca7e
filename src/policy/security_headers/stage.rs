//! Sets the fields on every response of the route, the gateway's own errors included.

use super::{Config, OVER_TLS, USUAL};
use crate::http::{Exchange, Reply, Scheme};
use crate::policy::stage::OnResponse;
use http::{HeaderName, HeaderValue};

/// The response part.
pub(super) struct Fields {
    always: Vec<(HeaderName, HeaderValue)>,
    over_tls: Option<(HeaderName, HeaderValue)>,
}

impl Fields {
    pub(super) fn new(config: &Config) -> Self {
        let own = |name: &str| config.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let ready = |name: &str, value: &str| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?));
        let usual = USUAL.iter().filter(|(name, _)| own(name).is_none()).filter_map(|(name, value)| ready(name, value));
        let others = config.fields.iter().filter(|(name, _)| name != OVER_TLS.0).filter_map(|(name, value)| ready(name, value));
        Self { always: usual.chain(others).collect(), over_tls: ready(OVER_TLS.0, own(OVER_TLS.0).unwrap_or(OVER_TLS.1)) }
    }
}

impl OnResponse for Fields {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        let over_tls = self.over_tls.as_ref().filter(|_| exchange.client.scheme == Scheme::Https);
        for (name, value) in self.always.iter().chain(over_tls) {
            reply.headers.insert(name.clone(), value.clone());
        }
    }
}
