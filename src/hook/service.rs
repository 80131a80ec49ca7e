//! A hook that is a service: asked by a POST of JSON, it answers with JSON.

use super::{Answer, Failure, Hook, On, Question, Response, Said};
use crate::fetch::{self, Call, Fetch, address};
use crate::http::Credentials;
use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

/// Largest answer of a service, in bytes.
const ANSWER_MAX: usize = 256 << 10;

/// A service at a URL.
pub struct Service {
    url: Uri,
    timeout: Duration,
    hidden: Credentials,
    fetch: Arc<dyn Fetch>,
}

impl Service {
    /// The service at a URL, which is not told what is hidden.
    ///
    /// # Errors
    /// Why the text is no URL, in words that continue ``the url `…` ``.
    pub fn new(url: &str, timeout: Duration, hidden: Credentials, fetch: Arc<dyn Fetch>) -> Result<Self, &'static str> {
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

    /// The fields that may be told, as JSON: a string, or a list where a field stands several times.
    fn fields(&self, headers: &HeaderMap) -> Map<String, Json> {
        let text = |value: &HeaderValue| Json::from(String::from_utf8_lossy(value.as_bytes()));
        let told = headers.keys().filter(|name| !self.hidden.has_field(name));
        let values = |name: &HeaderName| headers.get_all(name).iter().map(text).collect::<Vec<_>>();
        told.map(|name| match <[Json; 1]>::try_from(values(name)) {
            Ok([only]) => (name.to_string(), only),
            Err(several) => (name.to_string(), Json::Array(several)),
        })
        .collect()
    }

    fn text(&self, on: On, question: Option<Question<'_>>) -> String {
        let mut told = Map::new();
        told.insert("on".to_owned(), on.name().into());
        if let Some(question) = question {
            let Question { method, host, target, headers, client_ip, request_id, route, response } = question;
            let mut request = Map::from_iter([
                ("id".to_owned(), Json::from(request_id.to_str().unwrap_or_default())),
                ("method".to_owned(), method.as_str().into()),
                ("host".to_owned(), host.into()),
                ("path".to_owned(), target.path().into()),
                ("headers".to_owned(), self.fields(headers).into()),
                ("client_ip".to_owned(), client_ip.to_string().into()),
                ("route".to_owned(), route.into()),
            ]);
            let query = target.query().and_then(|query| self.hidden.left_out(query));
            request.extend(query.map(|query| ("query".to_owned(), query.into())));
            told.insert("request".to_owned(), request.into());
            if let Some(Response { status, headers }) = response {
                told.insert("response".to_owned(), json!({ "status": status.as_u16(), "headers": self.fields(headers) }));
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
