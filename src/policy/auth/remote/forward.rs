//! `auth forward`: a service sees the head of each request and lets it pass, or answers it.

use super::{Forward, Reach};
use crate::fetch::{Answer, Call, Failure, Fetch, address};
use crate::http::{Attribute, Body, Exchange, Identity, Reply, Source, hop};
use crate::policy::auth::kept::Kept;
use crate::policy::auth::runtime::Verdict;
use http::Uri;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Largest body of the service's answer, in bytes.
const ANSWER_MAX: usize = 64 << 10;

/// The service of one auth.
pub struct Service {
    auth: u16,
    url: Uri,
    timeout: Duration,
    /// The fields it is sent.
    pub sent: Vec<HeaderName>,
    /// The fields of its answer that go upstream.
    pub copied: Vec<HeaderName>,
    cache: Option<Duration>,
    fetch: Arc<dyn Fetch>,
    passed: Kept<Arc<Vouched>>,
    reach: Reach,
}

/// Whom a service lets pass, and what it says of them.
pub struct Vouched {
    /// The caller.
    pub identity: Arc<Identity>,
    /// Fields for the upstream.
    pub fields: HeaderMap,
}

/// What a service is asked about one request. Requests that are equal here are the same to it.
pub struct Question {
    call: Call,
    print: [u8; 32],
}

impl Service {
    /// A service as it is declared.
    ///
    /// # Errors
    /// When the url is none, or a field's name.
    pub fn new(auth: u16, name: &str, declared: &Forward, fetch: Arc<dyn Fetch>) -> Result<Self, String> {
        let url = address(&declared.url).map_err(|why| format!("the url `{}` {why}", declared.url))?;
        let fields = |names: &[String]| {
            names
                .iter()
                .map(|name| HeaderName::try_from(name.as_str()).map_err(|_| format!("`{name}` is no field name")))
                .collect::<Result<Vec<_>, _>>()
        };
        let sent = if declared.headers.is_empty() { vec![AUTHORIZATION, COOKIE] } else { fields(&declared.headers)? };
        let (timeout, cache) = (declared.timeout, declared.cache);
        Ok(Self {
            auth,
            url,
            timeout,
            sent,
            copied: fields(&declared.copy)?,
            cache,
            fetch,
            passed: Kept::default(),
            reach: Reach::new(name),
        })
    }

    /// The auth's index.
    pub fn auth(&self) -> u16 {
        self.auth
    }

    /// What it is asked about a request: a GET with the request's method, scheme, host, target and client in `X-Forwarded-…`,
    /// and the fields that are named.
    pub fn question(&self, exchange: &Exchange) -> Question {
        let request = &exchange.request;
        let mut call = Call::get(self.url.clone()).within(self.timeout).at_most(ANSWER_MAX);
        let text = |text: &str| HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        for (name, value) in [
            ("x-forwarded-method", text(request.method.as_str())),
            ("x-forwarded-proto", HeaderValue::from_static(exchange.client.scheme.as_str())),
            ("x-forwarded-host", request.authority.clone()),
            ("x-forwarded-uri", text(request.target.as_str())),
            ("x-forwarded-for", text(&exchange.client.ip.to_string())),
        ] {
            call.headers.insert(HeaderName::from_static(name), value);
        }
        for name in &self.sent {
            for value in request.headers.get_all(name) {
                call.headers.append(name.clone(), value.clone());
            }
        }
        let mut print = Sha256::new();
        for (name, value) in &call.headers {
            for part in [name.as_str().as_bytes(), value.as_bytes()] {
                print.update((part.len() as u64).to_be_bytes());
                print.update(part);
            }
        }
        Question { print: print.finalize().into(), call }
    }

    /// What it answered to the same question before, if that still counts.
    pub fn remembered(&self, question: &Question, now: Duration) -> Option<Arc<Vouched>> {
        self.cache?;
        self.passed.get(&question.print, now)
    }

    /// Asks it.
    pub async fn ask(&self, question: Question, now: Duration) -> Verdict {
        let Question { call, print } = question;
        let answer = match self.fetch.fetch(call).await {
            Ok(answer) => answer,
            Err(Failure::Offline) => return Verdict::Refused("in a test the service knows whom the test names"),
            Err(failure) => {
                self.reach.failed(&failure);
                return Verdict::Unavailable("the service that knows callers does not answer");
            }
        };
        if !answer.status.is_success() {
            self.reach.answered();
            return Verdict::Answered(Box::new(reply(answer)));
        }
        let Some(vouched) = self.vouched(&answer) else {
            self.reach.failed(&format_args!("it lets a caller pass without `{}`", self.copied.first().map_or("", HeaderName::as_str)));
            return Verdict::Unavailable("the service that knows callers does not say who this one is");
        };
        self.reach.answered();
        let vouched = Arc::new(vouched);
        if let Some(time) = self.cache {
            self.passed.put(&print, Arc::clone(&vouched), now.saturating_add(time), now);
        }
        Verdict::Vouched(vouched)
    }

    fn vouched(&self, answer: &Answer) -> Option<Vouched> {
        let mut fields = HeaderMap::new();
        for name in &self.copied {
            for value in answer.headers.get_all(name) {
                fields.append(name.clone(), value.clone());
            }
        }
        let attributes: Box<[Attribute]> = match self.copied.first() {
            Some(name) => Box::new([Attribute::Text(std::str::from_utf8(fields.get(name)?.as_bytes()).ok()?.into())]),
            None => Box::default(),
        };
        Some(Vouched { identity: Arc::new(Identity { auth: self.auth, attributes }), fields })
    }
}

/// The service's answer as the client gets it.
fn reply(answer: Answer) -> Reply {
    let Answer { status, mut headers, body } = answer;
    hop::strip_reply(&mut headers);
    headers.remove(CONTENT_LENGTH);
    Reply { status, headers, body: Body::full(body), source: Source::Policy }
}
