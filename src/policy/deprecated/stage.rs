//! Tells of the route's end, and answers 410 when it has come.

use super::Config;
use super::date::midnight;
use crate::http::{Exchange, Problem, Reply};
use crate::policy::stage::{Flow, OnRequest, OnResponse};
use http::header::LINK;
use http::{HeaderName, HeaderValue, StatusCode};
use std::time::{Duration, UNIX_EPOCH};

/// RFC 9745
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
/// RFC 8594
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// The request part: refuses once the day has come.
pub(super) struct Gone(Duration);

impl Gone {
    /// None for a route without an end.
    pub(super) fn new(config: &Config) -> Option<Self> {
        config.sunset.as_deref().and_then(midnight).map(Self)
    }
}

impl OnRequest for Gone {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        if exchange.clock.at_instant(exchange.started) < self.0 {
            return Flow::Next;
        }
        Flow::Refuse(Problem::new(StatusCode::GONE, "this has gone away, as was announced"))
    }
}

/// The response part: what every reply of the route says.
pub(super) struct Notice(Vec<(HeaderName, HeaderValue)>);

impl Notice {
    pub(super) fn new(config: &Config) -> Self {
        let since = midnight(&config.since).and_then(|since| HeaderValue::try_from(format!("@{}", since.as_secs())).ok());
        let sunset = config.sunset.as_deref().and_then(midnight);
        let sunset = sunset.and_then(|day| HeaderValue::try_from(httpdate::fmt_http_date(UNIX_EPOCH + day)).ok());
        let link = config.link.as_ref().and_then(|url| HeaderValue::try_from(format!("<{url}>; rel=\"deprecation\"")).ok());
        let fields = [(DEPRECATION, since), (SUNSET, sunset), (LINK, link)];
        Self(fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }
}

impl OnResponse for Notice {
    fn response(&self, _: &Exchange, reply: &mut Reply) {
        for (name, value) in &self.0 {
            // Links to other things may stand beside (RFC 8288).
            if *name == LINK {
                reply.headers.append(name.clone(), value.clone());
            } else {
                reply.headers.insert(name.clone(), value.clone());
            }
        }
    }
}
