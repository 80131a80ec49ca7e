//! Refuses bodies that are not the JSON they must be.

use crate::http::json::{is_encoded, is_json, is_sound};
use crate::http::{Body, Exchange, Problem};
use crate::lang::expr::Secret;
use crate::policy::build::Purpose;
use crate::policy::stage::{Flow, OnRequest};
use crate::policy::{Build, BuildError};
use http::header::ACCEPT_ENCODING;
use http::{HeaderValue, Method, StatusCode};
use http_body::Body as _;
use jsonschema::{PatternOptions, Validator};

/// The request part.
pub(super) struct Check {
    /// The largest body, in bytes.
    pub(super) most: usize,
    pub(super) schema: Option<Validator>,
}

/// The schema in a file. It refers to nothing outside itself, and its patterns take time in proportion to what they look at.
pub(super) fn schema(file: &Secret, build: &Build<'_>) -> Result<Validator, BuildError> {
    let bad = |why: String| BuildError::unfit(Purpose::Schema, file, format!("the schema in {} cannot be used: {why}", file.place()));
    let text = build.secrets.secret(file, Purpose::Schema)?;
    let schema = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    validator(&schema).map_err(bad)
}

pub(super) fn validator(schema: &serde_json::Value) -> Result<Validator, String> {
    let options = jsonschema::options().offline().with_pattern_options(PatternOptions::regex());
    options.build(schema).map_err(|error| error.to_string())
}

impl OnRequest for Check {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        let request = &exchange.request;
        if exchange.body.is_end_stream() {
            // A body has no meaning there (RFC 9110 §9.3), and none is sent.
            return if matches!(request.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS) {
                Flow::Next
            } else {
                Flow::Refuse(Problem::new(StatusCode::BAD_REQUEST, "the request has no body, and JSON is expected"))
            };
        }
        if !is_json(&request.headers) {
            return Flow::Refuse(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the request's body is not called JSON"));
        }
        if is_encoded(&request.headers) {
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the request's body is encoded");
            return Flow::Refuse(problem.with(ACCEPT_ENCODING, HeaderValue::from_static("identity")));
        }
        Flow::Wait(Box::pin(async move {
            let text = match exchange.body.take().collected(self.most).await {
                Ok(text) => text,
                Err(fault) => return Flow::Refuse(fault.problem()),
            };
            if let Err(problem) = self.judge(&text) {
                return Flow::Refuse(problem);
            }
            exchange.body = Body::full(text);
            Flow::Next
        }))
    }
}

impl Check {
    #[expect(clippy::result_large_err, reason = "the error is the answer, made once per refused request")]
    pub(super) fn judge(&self, text: &[u8]) -> Result<(), Problem> {
        let broken = || Problem::new(StatusCode::BAD_REQUEST, "the request's body is not JSON");
        let Some(schema) = &self.schema else {
            return if is_sound(text) { Ok(()) } else { Err(broken()) };
        };
        let value = serde_json::from_slice(text).map_err(|_| broken())?;
        schema.validate(&value).map_err(|error| {
            let place = match error.instance_path().as_str() {
                "" => "as a whole".to_owned(),
                place => format!("at `{place}`"),
            };
            Problem::new(StatusCode::BAD_REQUEST, format!("the request's body does not fit its schema {place}"))
        })
    }
}
