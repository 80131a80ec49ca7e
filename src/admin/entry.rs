//! Who may come in, and what a browser that was sent here by another site may not.
//!
//! Without `auth` the listener is on loopback and believes whoever reaches it. A web page reaches it as well, through the
//! browser of somebody at this machine: by a name of the attacker's that leads here (DNS rebinding), so the name asked for has
//! to be an address or `localhost`; and by a form, so what changes anything must not come from another site.

use super::answer::{Refusal, status, unclear};
use super::logins::Logins;
use crate::http::exchange::{Client, Exchange, Request, Scheme};
use crate::http::{Credentials, Problem, Reply};
use crate::policy::auth::{Authenticate, Carrier, Mode, Runtime};
use crate::policy::stage::{Flow, OnRequest};
use crate::route::host;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const FETCH_SITE: &str = "sec-fetch-site";

/// What becomes of a request that does not come in.
pub type Turned = Result<Reply, Refusal>;

/// Refuses what another site has sent here.
///
/// # Errors
/// With 400 or 403, and why.
pub fn from_here(head: &Parts, asks_nobody: bool) -> Result<(), Problem> {
    let authority = authority(head)?;
    // Browsers always say what they ask for; some health checks do not.
    if asks_nobody && !authority.is_empty() && !is_local(&authority) {
        let detail = format!("`{}` is no name of this listener: ask for an address or for `localhost`", host::bare(&authority));
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    if head.method == Method::GET || head.method == Method::HEAD {
        return Ok(());
    }
    let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text(FETCH_SITE).is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin = text(ORIGIN.as_str()).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, of)| of == authority));
    if site && origin { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, "a page of another site has sent this")) }
}

/// The name that was asked for, with its port; empty where nothing was said.
fn authority(head: &Parts) -> Result<String, Problem> {
    if let Some(authority) = head.uri.authority() {
        return Ok(authority.as_str().to_ascii_lowercase());
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next().map(|host| host.to_str().unwrap_or("?")), hosts.next()) {
        (host, None) => Ok(host.unwrap_or_default().to_ascii_lowercase()),
        (_, Some(_)) => Err(unclear("there is more than one `Host`")),
    }
}

fn is_local(authority: &str) -> bool {
    let name = host::bare(authority).trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok()
}

/// Who is let in at a listener: whoever its auth knows.
pub struct Gate {
    auth: Arc<Runtime>,
    judge: Authenticate,
}

impl Gate {
    /// Asks an auth.
    #[must_use]
    pub fn new(auth: Arc<Runtime>) -> Self {
        Self { judge: Authenticate::new(Mode::One, vec![Arc::clone(&auth)]), auth }
    }

    /// The parameters of the query in which the auth looks for a credential.
    #[must_use]
    pub fn in_query(&self) -> Credentials {
        let names = self.auth.declared().from().iter().filter_map(|carrier| match carrier {
            Carrier::Query(name) => Some(name.clone()),
            Carrier::Header(_) | Carrier::Cookie(_) => None,
        });
        Credentials { fields: Vec::new(), parameters: names.collect() }
    }

    /// Lets the auth judge a request as it judges those to routes: who asks, where it says so. A login that fails is told to
    /// `logins`; a request without a credential is none.
    ///
    /// # Errors
    /// What it answers to a caller that it does not let in.
    pub async fn judge(&self, head: &Parts, peer: SocketAddr, logins: &Logins) -> Result<Option<Arc<str>>, Turned> {
        let mut exchange = exchange(head, peer);
        let tried = self.auth.is_addressed(&exchange.request);
        let turned = {
            let flow = match self.judge.request(&mut exchange) {
                Flow::Wait(waiting) => waiting.await,
                flow @ (Flow::Next | Flow::Answer(_) | Flow::Refuse(_)) => flow,
            };
            match flow {
                Flow::Next => None,
                Flow::Answer(reply) => Some(Ok(reply)),
                Flow::Refuse(problem) => Some(Err(problem.into())),
                // What was waited for never waits again; whoever is not known is not let in.
                Flow::Wait(_) => Some(Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "nobody can say who asks").into())),
            }
        };
        let Some(turned) = turned else {
            return Ok(exchange.identities.first().and_then(|identity| self.auth.name_of(identity)).cloned());
        };
        // Somebody who is sent to where they can log in, or of whom nobody can say anything, has not failed to.
        if tried && matches!(status(&turned), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            logins.failed(peer);
        }
        Err(turned)
    }
}

/// The request as an auth sees it.
fn exchange(head: &Parts, peer: SocketAddr) -> Exchange {
    let authority = head.headers.get(HOST).cloned().unwrap_or_else(|| HeaderValue::from_static(""));
    let request = Request {
        method: head.method.clone(),
        host: host::bare(authority.to_str().unwrap_or_default()).to_ascii_lowercase().into(),
        authority,
        target: head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")),
        headers: head.headers.clone(),
    };
    Exchange::nowhere(
        request,
        Client { peer, ip: peer.ip().to_canonical(), scheme: Scheme::Http, listener: "admin".into(), certificate: None },
    )
}
