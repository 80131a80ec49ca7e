//! Answers of the admin listener: JSON, and problems (RFC 9457) that may bring findings.

use crate::http::{Body, Problem, Reply};
use crate::server::control::Refused;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value as Json, json};

/// What comes of a request.
pub type Answered = Result<Reply, Refusal>;

/// Why nothing came of it.
#[derive(Debug)]
pub struct Refusal {
    problem: Problem,
    /// What is wrong with the policy, as it is printed.
    diagnostics: Option<String>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, diagnostics: None }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unfit(diagnostics) => {
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the policy cannot be put in force; the one before stays");
                Self { problem, diagnostics: Some(diagnostics) }
            }
            // Of the gateway, not of the policy: what becomes of that is another's to say.
            Refused::TakesNone(why) => Problem::new(StatusCode::CONFLICT, why).into(),
            Refused::NotKept(detail) => unknown(detail).into(),
        }
    }
}

impl Refusal {
    fn reply(self) -> Reply {
        let Problem { status, detail, headers } = self.problem;
        let mut body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": detail,
        });
        if let (Some(text), Json::Object(members)) = (self.diagnostics, &mut body) {
            members.insert("diagnostics".to_owned(), text.into());
        }
        let mut reply = json_of(status, &body);
        reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in headers {
            reply.headers.append(name, value);
        }
        reply
    }
}

/// A request that asks for something that is not there.
pub fn unknown(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, detail.into())
}

/// A request that says something that cannot be meant.
pub fn unclear(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail.into())
}

/// A status and JSON that people can read.
pub fn json_of(status: StatusCode, body: &Json) -> Reply {
    let text = serde_json::to_string_pretty(body).unwrap_or_default() + "\n";
    Reply::of(status, "application/json", text)
}

/// The status of what is sent.
pub fn status(answered: &Answered) -> StatusCode {
    answered.as_ref().map_or_else(|refusal| refusal.problem.status, |reply| reply.status)
}

/// What is sent.
pub fn response(answered: Answered) -> Response<Body> {
    let Reply { status, mut headers, body, source: _ } = answered.unwrap_or_else(Refusal::reply);
    // Never what another program takes it for, never yesterday's, and never with anything that is not from here.
    for (name, value) in FIELDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

const FIELDS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CONTENT_SECURITY_POLICY, FROM_HERE_ONLY),
];

/// What the page may load, and who may show it: nothing inline, and nothing of or for other sites.
const FROM_HERE_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                              frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
