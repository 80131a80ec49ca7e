//! A request of a test, ready to be sent as often as it is wanted.

use super::caller::Credential;
use super::rig::{Door, Rig};
use super::trace::Sent;
use crate::http::h1::RequestHead;
use crate::http::{Body, Client, Scheme};
use crate::ir::script::Request;

use crate::server::{Arrival, Asked as Hop, Peer};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The client's port.
const PORT: u16 = 50_000;
/// The host where the target names none.
const HOST_DEFAULT: HeaderValue = HeaderValue::from_static("localhost");

/// A request that can be sent.
#[derive(Debug)]
pub struct Asked {
    method: Method,
    target: PathAndQuery,
    hop: Arc<Hop>,
    headers: HeaderMap,
    body: Bytes,
    client: Client,
    written: String,
    credentials: Vec<Credential>,
}

impl Asked {
    /// A request as its step says it, with the fields given for all requests; a field of the request's own takes the place of
    /// a given one.
    ///
    /// # Errors
    /// When it is no request that HTTP knows.
    pub fn new(request: &Request, given: &[(String, String)], ip: IpAddr, door: &Door) -> Result<Self, String> {
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| format!("`{}` is no method", request.method))?;
        let (target, authority, scheme) = target(&request.target)?;
        let mut headers = fields(given)?;
        let own = fields(&request.headers)?;
        for name in own.keys() {
            headers.remove(name);
        }
        for (name, value) in own.iter() {
            headers.append(name, value.clone());
        }
        let body = request.body.as_ref().map(|(media_type, text)| {
            if let (false, Ok(value)) = (headers.contains_key(CONTENT_TYPE), HeaderValue::from_str(media_type)) {
                headers.insert(CONTENT_TYPE, value);
            }
            headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
            Bytes::copy_from_slice(text.as_bytes())
        });
        // An authority in the target wins over the field (RFC 9112 §3.2.2).
        let authority = authority.or_else(|| headers.get(HOST).cloned()).unwrap_or(HOST_DEFAULT);
        headers.remove(HOST);
        let client = Client { peer: SocketAddr::new(ip, PORT), ip, scheme, listener: Arc::clone(&door.name), certificate: None };
        let hop = asked(&client, door, &authority);
        let written = request.target.clone();
        Ok(Self { method, target, hop, headers, body: body.unwrap_or_default(), client, written, credentials: Vec::new() })
    }

    /// A request as the reader of sockets read it, with its body and what was written of its target.
    #[must_use]
    pub fn read(head: RequestHead, body: Bytes, client: Client, door: &Door, written: String) -> Self {
        let RequestHead { method, target, authority, mut headers, .. } = head;
        headers.remove(HOST);
        let hop = asked(&client, door, &authority);
        Self { method, target, hop, headers, body, client, written, credentials: Vec::new() }
    }

    /// The same with credentials; a field that the request has itself stays as it is.
    #[must_use]
    pub fn with(mut self, credentials: Vec<Credential>) -> Self {
        self.credentials = credentials.into_iter().filter(|made| !self.headers.contains_key(&made.name)).collect();
        for credential in &self.credentials {
            self.headers.append(&credential.name, credential.value.clone());
        }
        self
    }

    /// True when the listener answers whatever is asked for there: no route takes it.
    #[must_use]
    pub fn is_sent_elsewhere(&self) -> bool {
        self.hop.instead.is_some()
    }

    /// The request on its way in.
    #[must_use]
    pub fn arrival(&self) -> Arrival {
        Arrival {
            method: self.method.clone(),
            target: self.target.clone(),
            asked: Arc::clone(&self.hop),
            headers: self.headers.clone(),
            body: Body::full(self.body.clone()),
            client: self.client.clone(),
            early: None,
        }
    }

    /// Path and query as they are sent.
    #[must_use]
    pub fn target(&self) -> &PathAndQuery {
        &self.target
    }

    /// True when its reply has no body.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// As a report shows it.
    #[must_use]
    pub fn sent(&self, rig: &Rig<'_>) -> Sent {
        let headers = self.headers.iter().map(|(name, value)| (name.to_string(), self.shown(name, value, rig))).collect();
        Sent {
            method: self.method.to_string(),
            target: rig.shown(&self.written),
            host: self.hop.host.to_string(),
            from: self.client.ip,
            headers,
        }
    }

    fn shown(&self, name: &HeaderName, value: &HeaderValue, rig: &Rig<'_>) -> String {
        match self.credentials.iter().find(|made| made.name == *name) {
            Some(made) => format!("(made for auth `{}`)", made.auth),
            None => rig.shown_field(name, value),
        }
    }
}

/// What a client asks for at a listener. Who is at https already is not sent there.
fn asked(client: &Client, door: &Door, authority: &HeaderValue) -> Arc<Hop> {
    Peer::plain(client.clone(), door.to_https.filter(|_| client.scheme == Scheme::Http)).asked(authority)
}

/// Path and query, and of a URL its authority and scheme.
fn target(text: &str) -> Result<(PathAndQuery, Option<HeaderValue>, Scheme), String> {
    let wrong = || format!("`{text}` is no target of a request");
    if text.starts_with('/') {
        return Ok((PathAndQuery::try_from(text).map_err(|_| wrong())?, None, Scheme::Http));
    }
    let uri = Uri::try_from(text).map_err(|_| wrong())?;
    let authority = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()).ok_or_else(wrong)?;
    let scheme = if uri.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
    let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    Ok((target, Some(authority), scheme))
}

fn fields(written: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in written {
        let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` is no name of a field"))?;
        let value = HeaderValue::try_from(value).map_err(|_| format!("the value of `{name}` cannot stand in a field"))?;
        headers.append(name, value);
    }
    Ok(headers)
}
