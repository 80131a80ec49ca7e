//! Answers preflights, and tells browsers on every reply whether their script may read it.

use super::{Config, Origin};
use crate::http::{Exchange, Reply};
use crate::policy::stage::{Flow, OnRequest, OnResponse};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};
use std::sync::Arc;

/// The policy with its fields written out.
pub(super) struct Rules {
    origins: Vec<Origin>,
    any: bool,
    credentials: bool,
    methods: Option<HeaderValue>,
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    max_age: HeaderValue,
}

impl Rules {
    pub(super) fn new(config: &Config) -> Self {
        let list = |entries: &[String]| (!entries.is_empty()).then(|| HeaderValue::try_from(entries.join(", ")).ok()).flatten();
        Self {
            origins: config.origins.clone(),
            any: config.origins.contains(&Origin::Any),
            credentials: config.credentials,
            methods: list(&config.methods),
            headers: list(&config.headers),
            expose: list(&config.expose),
            max_age: HeaderValue::from(config.max_age.as_secs()),
        }
    }

    fn admits(&self, origin: &HeaderValue) -> bool {
        self.any || origin.to_str().is_ok_and(|origin| self.origins.iter().any(|known| matches(known, origin)))
    }
}

fn matches(known: &Origin, origin: &str) -> bool {
    match known {
        Origin::Any => true,
        Origin::Exact(known) => known == origin,
        Origin::Under { scheme, suffix } => origin
            .strip_prefix(scheme.as_str())
            .and_then(|rest| rest.strip_suffix(suffix.as_str()))
            .is_some_and(|labels| labels.split('.').all(is_label)),
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// What the response part has to know of the request.
#[derive(Clone)]
struct Asked {
    origin: HeaderValue,
    preflight: bool,
}

/// The request part.
pub(super) struct Preflight(pub(super) Arc<Rules>);

impl OnRequest for Preflight {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let rules = &self.0;
        let request = &exchange.request;
        let Some(origin) = request.headers.get(ORIGIN).cloned() else { return Flow::Next };
        let asked = (request.method == Method::OPTIONS).then(|| request.headers.get(ACCESS_CONTROL_REQUEST_METHOD).cloned()).flatten();
        let admitted = rules.admits(&origin);
        exchange.kept.insert(Asked { origin, preflight: asked.is_some() });
        let Some(asked) = asked else { return Flow::Next };
        let mut reply = Reply::empty(StatusCode::NO_CONTENT);
        if admitted {
            let any = rules.methods.as_ref().is_none_or(|methods| methods == "*");
            let methods = if any { asked } else { rules.methods.clone().unwrap_or(asked) };
            reply.headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            if let Some(headers) = &rules.headers {
                reply.headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
            }
            reply.headers.insert(ACCESS_CONTROL_MAX_AGE, rules.max_age.clone());
        }
        Flow::Answer(reply)
    }
}

/// The response part.
pub(super) struct Fields(pub(super) Arc<Rules>);

impl OnResponse for Fields {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        let rules = &self.0;
        // What an upstream says of origins is not the policy's word.
        for name in [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_EXPOSE_HEADERS] {
            reply.headers.remove(name);
        }
        if exchange.request.method == Method::OPTIONS {
            // Whether it is a preflight decides what it is answered, whoever answers it.
            vary_by(reply, &["Access-Control-Request-Method", "Access-Control-Request-Headers", "Origin"]);
        } else if !rules.any {
            vary_by(reply, &["Origin"]);
        }
        // A request that was refused before the preflight stage kept nothing, but still has its fields.
        let kept = exchange.kept.get::<Asked>();
        let (origin, preflight) = match kept {
            Some(asked) => (&asked.origin, asked.preflight),
            None => match exchange.request.headers.get(ORIGIN) {
                Some(origin) => (origin, false),
                None => return,
            },
        };
        if !rules.admits(origin) {
            return;
        }
        let allowed = if rules.any { HeaderValue::from_static("*") } else { origin.clone() };
        reply.headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if rules.credentials {
            reply.headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let (Some(expose), false) = (&rules.expose, preflight) {
            reply.headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }
}

/// Says that the reply depends on these fields of the request, as far as it does not yet.
fn vary_by(reply: &mut Reply, names: &[&'static str]) {
    for name in names {
        let mut said =
            reply.headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim);
        if !said.any(|said| said == "*" || said.eq_ignore_ascii_case(name)) {
            reply.headers.append(VARY, HeaderValue::from_static(name));
        }
    }
}
