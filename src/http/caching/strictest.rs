//! What a response that is made of several says of being kept: the strictest of what they say, each of itself.

use super::directives::Allowed;
use super::freshness;
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

/// For how long the file may keep what says nothing itself: one of its parts does.
#[derive(Debug, Clone, Copy)]
pub struct AtMost(pub Duration);

/// What the parts say.
#[derive(Debug, Default)]
pub struct Strictest {
    no_store: bool,
    private: bool,
    no_cache: bool,
    must_revalidate: bool,
    proxy_revalidate: bool,
    /// One does not say `public`.
    guarded: bool,
    /// One is for nobody else where who asks is known (RFC 9111 §3.5).
    own_if_known: bool,
    s_maxage: bool,
    /// In caches of one client.
    at_client: Least,
    /// In caches such as this one.
    shared: Least,
    stale_while_revalidate: Least,
    stale_if_error: Least,
    vary: Vec<HeaderName>,
    varies_by_all: bool,
}

/// The least of several times in seconds.
#[derive(Debug, Default, Clone, Copy)]
struct Least {
    said: Option<u64>,
    silent: bool,
}

impl Least {
    fn note(&mut self, said: Option<u64>) {
        self.silent |= said.is_none();
        self.said = self.said.into_iter().chain(said).min();
    }

    /// What all say.
    fn of_all(self) -> Option<u64> {
        self.said.filter(|_| !self.silent)
    }

    /// What is left where to say nothing is to allow nothing.
    fn or_none(self) -> Option<u64> {
        self.said.map(|said| if self.silent { 0 } else { said })
    }
}

impl Strictest {
    /// Adds what a part says that came just now. It varies only by fields that were the client's.
    pub fn add(&mut self, headers: &HeaderMap, came: Duration, is_clients: impl Fn(&HeaderName) -> bool) {
        let allowed = Allowed::of(headers);
        self.private |= headers.contains_key(SET_COOKIE) && !allowed.left_out.contains(&SET_COOKIE);
        if allowed.targeted {
            self.note(&Allowed::by_cache_control(headers), headers, came);
        }
        self.note(&allowed, headers, came);
        for line in headers.get_all(VARY) {
            for name in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()) {
                match HeaderName::from_bytes(name) {
                    Ok(name) if name != "*" => {
                        if is_clients(&name) && !self.vary.contains(&name) {
                            self.vary.push(name);
                        }
                    }
                    Ok(_) | Err(_) => self.varies_by_all = true,
                }
            }
        }
    }

    fn note(&mut self, allowed: &Allowed, headers: &HeaderMap, came: Duration) {
        self.no_store |= allowed.no_store;
        self.private |= allowed.private;
        self.no_cache |= allowed.no_cache;
        self.must_revalidate |= allowed.must_revalidate;
        self.proxy_revalidate |= allowed.proxy_revalidate;
        self.guarded |= !allowed.public;
        self.own_if_known |= !(allowed.public || allowed.must_revalidate || allowed.s_maxage.is_some());
        self.s_maxage |= allowed.s_maxage.is_some();
        let age = freshness::age_on_arrival(headers, came, came).as_secs();
        let left = |allowed: &Allowed| freshness::lifetime(allowed, headers, came).map(|time| time.as_secs().saturating_sub(age));
        self.shared.note(left(allowed));
        self.at_client.note(left(&Allowed { s_maxage: None, ..allowed.clone() }));
        self.stale_while_revalidate.note(allowed.stale_while_revalidate);
        self.stale_if_error.note(allowed.stale_if_error);
    }

    /// What the file may not go beyond, where only some of the parts say how long.
    #[must_use]
    pub fn at_most(&self) -> Option<AtMost> {
        self.shared.said.map(|seconds| AtMost(Duration::from_secs(seconds)))
    }

    /// Says it of the whole.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if let Some(value) = self.cache_control() {
            headers.insert(CACHE_CONTROL, value);
        }
        let names: Vec<&str> = self.vary.iter().map(HeaderName::as_str).collect();
        let vary = if self.varies_by_all { "*".to_owned() } else { names.join(", ") };
        if let Ok(vary) = HeaderValue::try_from(vary)
            && !vary.is_empty()
        {
            headers.insert(VARY, vary);
        }
    }

    fn cache_control(&self) -> Option<HeaderValue> {
        if self.no_store {
            return Some(HeaderValue::from_static("no-store"));
        }
        let lets_others = !self.own_if_known;
        // Both let a response be another's, so that they are only said where every part lets it.
        let (s_maxage, must_revalidate) = (self.s_maxage && lets_others, self.must_revalidate && lets_others);
        let proxy_revalidate = self.proxy_revalidate || (!lets_others && (self.s_maxage || self.must_revalidate));
        let at_client = self.at_client.of_all();
        let times = match (s_maxage, at_client) {
            (true, at_client) => (self.shared.of_all(), at_client),
            (false, Some(at_client)) => (None, self.shared.said.map(|shared| shared.min(at_client))),
            (false, None) => (None, None),
        };
        let flags = [
            (self.private, "private"),
            (!self.private && !self.guarded, "public"),
            (self.no_cache, "no-cache"),
            (must_revalidate, "must-revalidate"),
            (proxy_revalidate, "proxy-revalidate"),
        ];
        let times = [
            ("s-maxage", times.0),
            ("max-age", times.1),
            ("stale-while-revalidate", self.stale_while_revalidate.or_none()),
            ("stale-if-error", self.stale_if_error.or_none()),
        ];
        let flags = flags.into_iter().filter(|(holds, _)| *holds).map(|(_, name)| name.to_owned());
        let times = times.into_iter().filter_map(|(name, time)| Some(format!("{name}={}", time?)));
        let said: Vec<String> = flags.chain(times).collect();
        HeaderValue::try_from(said.join(", ")).ok().filter(|value| !value.is_empty())
    }
}
