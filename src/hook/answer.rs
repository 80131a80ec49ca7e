//! What a hook answers, and whether that can be done.

use super::Failure;
use crate::http::{Body, Reply, Source, hop};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value as Json};

/// Most fields that an answer may set.
const FIELDS_MAX: usize = 64;

/// What a hook wants changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Fields and their values, in the place of those that are there; a name may stand several times.
    pub set: Vec<(String, String)>,
    /// 200 to 599. Of a request: it is answered with this and goes no further.
    pub status: Option<u16>,
    /// The body of the reply.
    pub body: Option<Content>,
}

/// A body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its media type, where `set` names none.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Answer {
    /// With a field set.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set.push((name.into(), value.into()));
        self
    }

    /// With a status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// With a text as the body.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.body = Some(Content { media_type: "text/plain; charset=utf-8", bytes: Bytes::from(text.into()) });
        self
    }

    /// With JSON as the body.
    #[must_use]
    pub fn json(mut self, value: &Json) -> Self {
        self.body = Some(Content { media_type: "application/json", bytes: Bytes::from(value.to_string()) });
        self
    }

    /// What a service sent: `{"set": {NAME: VALUE}, "status": N, "body": …}`, each of which may be left out. A value may be a
    /// list. A body that is a string is text, any other is JSON.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(text: &[u8]) -> Result<Self, Failure> {
        let unusable = |why: &str| Failure::Unusable(why.to_owned());
        let Written { set, status, body } = serde_json::from_slice(text).map_err(|error| Failure::Unusable(shown(&error.to_string())))?;
        let mut answer = Self { status, ..Self::default() };
        for (name, value) in set {
            let values = match value {
                Json::Array(values) => values,
                value => vec![value],
            };
            for value in values {
                let value = match value {
                    Json::String(text) => text,
                    Json::Number(number) => number.to_string(),
                    Json::Bool(truth) => truth.to_string(),
                    Json::Null | Json::Array(_) | Json::Object(_) => return Err(unusable("a field's value is a string or a list of them")),
                };
                answer = answer.set(name.as_str(), value);
            }
        }
        Ok(match body {
            None => answer,
            Some(Json::String(text)) => answer.text(text),
            Some(value) => answer.json(&value),
        })
    }

    /// The answer as it can be carried out.
    ///
    /// # Errors
    /// When a field is none, or not for a hook to set; when the status is none of a reply's.
    pub fn judged(self, barred: &Barred) -> Result<Judged, Failure> {
        let Self { set, status, body } = self;
        if set.len() > FIELDS_MAX {
            return Err(Failure::Unusable(format!("it sets more than {FIELDS_MAX} fields")));
        }
        let field = |(name, value): (String, String)| {
            let known = HeaderName::try_from(&name).map_err(|_| Failure::Unusable(format!("`{}` is no field name", shown(&name))))?;
            if barred.holds(&known) {
                return Err(Failure::Unusable(format!("`{name}` is not for a hook to set")));
            }
            let value = HeaderValue::try_from(value)
                .map_err(|_| Failure::Unusable(format!("the value of `{}` cannot stand in a field", shown(&name))))?;
            Ok((known, value))
        };
        let set = set.into_iter().map(field).collect::<Result<Vec<_>, _>>()?;
        let status = match status {
            None => None,
            Some(code) => match StatusCode::from_u16(code) {
                Ok(status) if (200..600).contains(&code) => Some(status),
                Ok(_) | Err(_) => return Err(Failure::Unusable(format!("{code} is no status of a reply"))),
            },
        };
        Ok(Judged { set, status, body })
    }
}

/// The longest part of an answer that is shown in a message, in characters.
const SHOWN_MAX: usize = 200;

/// What somebody else wrote, fit for one line of a log.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect()
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    set: Map<String, Json>,
    status: Option<u16>,
    body: Option<Json>,
}

/// An answer that can be carried out.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Fields and their values.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// The status.
    pub status: Option<StatusCode>,
    /// The body.
    pub body: Option<Content>,
}

impl Judged {
    /// The reply that answers a request here and now; the fields alone where the request is to go on.
    ///
    /// # Errors
    /// The fields.
    pub fn reply(self) -> Result<Reply, Vec<(HeaderName, HeaderValue)>> {
        if self.status.is_none() && self.body.is_none() {
            return Err(self.set);
        }
        let mut reply = Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: Body::empty(), source: Source::Policy };
        self.change(&mut reply);
        Ok(reply)
    }

    /// Changes a reply.
    pub fn change(self, reply: &mut Reply) {
        let Self { set, status, body } = self;
        if let Some(status) = status {
            reply.status = status;
        }
        let bodiless = matches!(reply.status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
        if body.is_some() || (bodiless && status.is_some()) {
            for name in OF_THE_BODY {
                reply.headers.remove(*name);
            }
            reply.body = Body::empty();
        }
        if let Some(Content { media_type, bytes }) = body {
            // A part of another body, or none: neither is what the client now gets.
            if status.is_none() && (bodiless || reply.status == StatusCode::PARTIAL_CONTENT) {
                reply.status = StatusCode::OK;
            }
            if !bodiless || status.is_none() {
                reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
                reply.body = Body::full(bytes);
            }
        }
        put(&mut reply.headers, set.iter());
    }
}

/// Sets fields: the first of a name takes the place of what is there, the others stand beside it.
pub(super) fn put<'f>(headers: &mut HeaderMap, fields: impl Iterator<Item = &'f (HeaderName, HeaderValue)> + Clone) {
    for (name, _) in fields.clone() {
        headers.remove(name);
    }
    for (name, value) in fields {
        headers.append(name.clone(), value.clone());
    }
}

/// Fields that speak of a body, and of no other.
const OF_THE_BODY: &[&str] = &[
    "accept-ranges",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-range",
    "content-type",
    "digest",
    "etag",
    "last-modified",
    "repr-digest",
];

/// Fields that no hook sets: they belong to the connection or frame the message, or the gateway writes them itself.
const ALWAYS: &[&str] =
    &["content-encoding", "content-length", "content-range", "date", "expect", "host", "te", "traceparent", "tracestate", "trailer", "via"];

/// Which fields a hook may not set.
#[derive(Debug, Clone, Default)]
pub struct Barred(pub Vec<HeaderName>);

impl Barred {
    /// True for a field that is the gateway's own, or that the policy sets: under every spelling that an upstream may take for it.
    #[must_use]
    pub fn holds(&self, name: &HeaderName) -> bool {
        let dashed = name.as_str().replace('_', "-");
        ALWAYS.contains(&&*dashed)
            || hop::is_hop_by_hop(dashed.as_bytes())
            || hop::is_forwarding(&dashed)
            || self.0.iter().any(|own| hop::are_aliases(own, name))
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Barred, SHOWN_MAX};

    #[test]
    fn what_a_service_writes_stays_on_one_line_of_the_log_and_is_short() {
        let name = format!("a\\n2026 INFO all is well\\n{}", "b".repeat(100_000));
        let set = Answer::read(format!("{{\"set\": {{\"{name}\": \"x\"}}}}").as_bytes()).unwrap().judged(&Barred::default());
        let unknown = Answer::read(format!("{{\"{name}\": 1}}").as_bytes());
        for failure in [set.err().unwrap().to_string(), unknown.err().unwrap().to_string()] {
            assert!(!failure.contains('\n') && failure.chars().count() < 3 * SHOWN_MAX, "{failure}");
        }
    }
}
