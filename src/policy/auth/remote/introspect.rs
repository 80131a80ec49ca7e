//! `auth introspect`: a service says what a token is worth (RFC 7662).

use super::{Introspect, Reach};
use crate::fetch::{Call, Failure, Fetch, address};
use crate::http::Identity;
use crate::policy::auth::attribute;
use crate::policy::auth::claims::at;
use crate::policy::auth::config::AttributeDecl;
use crate::policy::auth::kept::Kept;
use crate::policy::auth::runtime::Verdict;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

/// How long the service may take.
pub const INTROSPECT_MAX: Duration = Duration::from_millis(200);
/// Largest answer, in bytes.
const ANSWER_MAX: usize = 64 << 10;
const INACTIVE: &str = "the token is not active";

/// The service of one auth.
pub struct Service {
    auth: u16,
    url: Uri,
    /// The gateway's name there, where it has no secret.
    client: Option<String>,
    authorization: Option<HeaderValue>,
    claims: Vec<AttributeDecl>,
    cache: Option<Duration>,
    fetch: Arc<dyn Fetch>,
    active: Kept<Arc<Identity>>,
    /// Apart from those that are, so that made-up tokens push no real one out.
    inactive: Kept<()>,
    reach: Reach,
}

impl Service {
    /// A service as it is declared; `secret` is the gateway's own there.
    ///
    /// # Errors
    /// When the url is none.
    pub fn new(
        auth: u16,
        name: &str,
        declared: &Introspect,
        claims: Vec<AttributeDecl>,
        secret: Option<&str>,
        fetch: Arc<dyn Fetch>,
    ) -> Result<Self, String> {
        let url = address(&declared.url).map_err(|why| format!("the url `{}` {why}", declared.url))?;
        let id = declared.client_id.as_deref().unwrap_or_default();
        // RFC 6749 §2.3.1: both are encoded as in a form.
        let basic = |secret: &str| STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
        let authorization = secret.and_then(|secret| HeaderValue::try_from(format!("Basic {}", basic(secret))).ok()).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Self {
            auth,
            url,
            client: declared.client_id.clone().filter(|_| secret.is_none()),
            authorization,
            claims,
            cache: declared.cache,
            fetch,
            active: Kept::default(),
            inactive: Kept::default(),
            reach: Reach::new(name),
        })
    }

    /// The auth's index.
    pub fn auth(&self) -> u16 {
        self.auth
    }

    /// What it said of the token before, if that still counts.
    pub fn remembered(&self, token: &str, now: Duration) -> Option<Verdict> {
        self.cache?;
        if let Some(identity) = self.active.get(token.as_bytes(), now) {
            return Some(Verdict::Known(identity));
        }
        self.inactive.get(token.as_bytes(), now).map(|()| Verdict::Refused(INACTIVE))
    }

    /// Asks it about a token.
    pub async fn ask(&self, token: String, now: Duration) -> Verdict {
        let mut form = format!("token={}&token_type_hint=access_token", encoded(&token));
        if let Some(client) = &self.client {
            form.push_str("&client_id=");
            form.extend(utf8_percent_encode(client, NON_ALPHANUMERIC));
        }
        let mut call = Call::post(self.url.clone(), "application/x-www-form-urlencoded", form).within(INTROSPECT_MAX).at_most(ANSWER_MAX);
        call.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            call.headers.insert(AUTHORIZATION, authorization.clone());
        }
        let said = match self.fetch.fetch(call).await {
            Ok(answer) if answer.status == StatusCode::OK => {
                serde_json::from_slice::<Map<String, Json>>(&answer.body).map_err(|_| "its answer is no JSON object".to_owned())
            }
            Ok(answer) => Err(format!("it answers {}", answer.status)),
            Err(Failure::Offline) => return Verdict::Refused(INACTIVE),
            Err(failure) => Err(failure.to_string()),
        };
        match said {
            Ok(said) => {
                self.reach.answered();
                self.judge(&token, &said, now)
            }
            Err(cause) => {
                self.reach.failed(&cause);
                Verdict::Unavailable("the service that knows tokens does not answer")
            }
        }
    }

    fn judge(&self, token: &str, said: &Map<String, Json>, now: Duration) -> Verdict {
        let time = |name: &str| {
            said.get(name).and_then(Json::as_f64).map(|time| Duration::try_from_secs_f64(time.max(0.0)).unwrap_or(Duration::MAX))
        };
        let expires = time("exp").unwrap_or(Duration::MAX);
        let is_active = said.get("active") == Some(&Json::Bool(true)) && now < expires && time("nbf").is_none_or(|from| from <= now);
        let kept_until = self.cache.map(|time| now.saturating_add(time));
        if !is_active {
            if let Some(until) = kept_until {
                self.inactive.put(token.as_bytes(), (), until, now);
            }
            return Verdict::Refused(INACTIVE);
        }
        let attributes: Option<Box<[_]>> = self.claims.iter().map(|claim| attribute::from_json(claim, at(said, &claim.source))).collect();
        let Some(attributes) = attributes else { return Verdict::Refused("a claim of the token is missing or has another type") };
        let identity = Arc::new(Identity { auth: self.auth, attributes });
        if let Some(until) = kept_until {
            self.active.put(token.as_bytes(), Arc::clone(&identity), until.min(expires), now);
        }
        Verdict::Known(identity)
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
