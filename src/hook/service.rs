//! A hook that is a service: asked by a POST of JSON, it answers with JSON.

use super::{Answer, Failure, Hook, On, Question, Response, Said};
use crate::fetch::{self, Call, Fetch, address};
use http::header::{ACCEPT, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, SET_COOKIE};
use http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

/// Largest answer of a service, in bytes.
const ANSWER_MAX: usize = 256 << 10;

/// What a service is not told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Fields that hold credentials.
    pub headers: Vec<HeaderName>,
    /// Parameters of the query that do.
    pub query: Vec<String>,
}

impl Hidden {
    /// The fields that hold credentials wherever they stand, and nothing else.
    #[must_use]
    pub fn usual() -> Self {
        Self { headers: vec![AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE], query: Vec::new() }
    }

    /// The fields that may be told, as JSON: a string, or a list where a field stands several times.
    fn fields(&self, headers: &HeaderMap) -> Map<String, Json> {
        let text = |value: &HeaderValue| Json::from(String::from_utf8_lossy(value.as_bytes()));
        let told = headers.keys().filter(|name| !self.headers.contains(name));
        let values = |name: &HeaderName| headers.get_all(name).iter().map(text).collect::<Vec<_>>();
        told.map(|name| match <[Json; 1]>::try_from(values(name)) {
            Ok([only]) => (name.to_string(), only),
            Err(several) => (name.to_string(), Json::Array(several)),
        })
        .collect()
    }

    /// The query without the parameters that hold credentials.
    fn query(&self, query: Option<&str>) -> Option<String> {
        // Under whatever spelling: that is how credentials are looked for.
        let decoded = |name: &str| percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned();
        let told = |pair: &&str| pair.split('=').next().is_none_or(|name| !self.query.contains(&decoded(name)));
        query.map(|query| query.split('&').filter(told).collect::<Vec<_>>().join("&"))
    }
}

/// A service at a URL.
pub struct Service {
    url: Uri,
    timeout: Duration,
    hidden: Hidden,
    fetch: Arc<dyn Fetch>,
}

impl Service {
    /// The service at a URL.
    ///
    /// # Errors
    /// Why the text is no URL, in words that continue ``the url `…` ``.
    pub fn new(url: &str, timeout: Duration, hidden: Hidden, fetch: Arc<dyn Fetch>) -> Result<Self, &'static str> {
        Ok(Self { url: address(url)?, timeout, hidden, fetch })
    }

    fn ask(&self, on: On, question: Option<Question<'_>>) -> Said<'_> {
        let mut call = Call::post(self.url.clone(), "application/json", self.text(on, question)).within(self.timeout).at_most(ANSWER_MAX);
        call.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answering = self.fetch.fetch(call);
        Said::Wait(Box::pin(async move {
            match answering.await {
                Ok(answer) if answer.status == StatusCode::NO_CONTENT || (answer.status.is_success() && answer.body.is_empty()) => {
                    Ok(Answer::default())
                }
                Ok(answer) if answer.status.is_success() => Answer::read(&answer.body),
                Ok(answer) => Err(Failure::Unusable(format!("it answers {}", answer.status.as_u16()))),
                Err(failure @ fetch::Failure::TooLarge) => Err(Failure::Unusable(failure.to_string())),
                Err(failure) => Err(Failure::Unreachable(failure.to_string())),
            }
        }))
    }

    fn text(&self, on: On, question: Option<Question<'_>>) -> String {
        let mut told = Map::new();
        told.insert("on".to_owned(), on.name().into());
        if let Some(question) = question {
            let Question { method, host, target, headers, client_ip, request_id, route, response } = question;
            told.insert(
                "request".to_owned(),
                json!({
                    "id": request_id.to_str().unwrap_or_default(),
                    "method": method.as_str(),
                    "host": host,
                    "path": target.path(),
                    "query": self.hidden.query(target.query()),
                    "headers": self.hidden.fields(headers),
                    "client_ip": client_ip.to_string(),
                    "route": route,
                }),
            );
            if let Some(Response { status, headers }) = response {
                told.insert("response".to_owned(), json!({ "status": status.as_u16(), "headers": self.hidden.fields(headers) }));
            }
        }
        Json::Object(told).to_string()
    }
}

impl Hook for Service {
    fn on_startup(&self) -> Said<'_> {
        self.ask(On::Startup, None)
    }

    fn on_request<'a>(&'a self, question: Question<'a>) -> Said<'a> {
        self.ask(On::Request, Some(question))
    }

    fn on_response<'a>(&'a self, question: Question<'a>) -> Said<'a> {
        self.ask(On::Response, Some(question))
    }

    fn on_error<'a>(&'a self, question: Question<'a>) -> Said<'a> {
        self.ask(On::Error, Some(question))
    }

    fn on_shutdown(&self) -> Said<'_> {
        self.ask(On::Shutdown, None)
    }
}

#[cfg(test)]
mod tests {
    use super::Hidden;

    #[test]
    fn a_credential_in_the_query_is_not_told_however_its_name_is_spelt() {
        let hidden = Hidden { query: vec!["api_key".to_owned()], ..Hidden::usual() };
        assert_eq!(hidden.query(Some("x=1&api%5fkey=s&api_key=s&%61pi_key&apikey=2")).as_deref(), Some("x=1&apikey=2"));
        assert_eq!(hidden.query(None), None);
    }
}
