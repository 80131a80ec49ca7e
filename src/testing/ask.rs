//! A request as somebody writes it on a command line, read by the reader that reads sockets: nothing of the URL is folded,
//! decoded or resolved before it gets there.

use super::asked::Asked;
use super::rig::Door;
use crate::compile::Settings;
use crate::http::h1::{Limits, Refusal, RequestHead, RequestScan};
use crate::http::{Client, Scheme};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use serde_json::{Map, Value};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The client's port.
const PORT: u16 = 50_000;

/// A request to be traced.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// The method.
    pub method: String,
    /// A path with its query, or a URL whose authority becomes the `Host`; raw.
    pub url: String,
    /// Fields, in order.
    pub headers: Vec<(String, String)>,
    /// The body; JSON where it reads as such, unless a field says what it is.
    pub body: Option<String>,
    /// Where it comes from.
    pub client_ip: Option<IpAddr>,
    /// The caller's token has these claims.
    pub claims: Option<Map<String, Value>>,
    /// The caller's key has these attributes, `name` among them.
    pub key: Option<Map<String, Value>>,
    /// The caller is this user.
    pub user: Option<String>,
    /// The name of the listener it comes in by; else it is told from the URL.
    pub listener: Option<String>,
}

/// What the reader made of a request.
pub enum Read {
    /// It is one.
    Asked(Box<Asked>),
    /// It was refused before it was one.
    Refused(Refusal),
}

impl Ask {
    /// Reads the request under the gateway's limits.
    ///
    /// # Errors
    /// When nothing of this kind can be sent at all: the URL has no path, a line end stands where it would begin another field.
    pub fn read(&self, settings: &Settings, door: &Door) -> Result<Read, String> {
        let (scheme, authority, target) = self.parts()?;
        let head = self.head(authority, &target)?;
        let limits = Limits { bytes: settings.header_bytes, fields: settings.headers };
        let mut input = BytesMut::from(head.as_bytes());
        let head: RequestHead = match RequestScan::new(limits).next(&mut input, &mut HeaderMap::new()) {
            Ok(Some(head)) => head,
            Ok(None) => return Err("this is no whole request".to_owned()),
            Err(refusal) => return Ok(Read::Refused(refusal)),
        };
        let ip = self.client_ip.unwrap_or(super::rig::CLIENT);
        let client = Client { peer: SocketAddr::new(ip, PORT), ip, scheme, listener: Arc::clone(&door.name), certificate: None };
        let body = self.body.as_ref().map(|text| Bytes::copy_from_slice(text.as_bytes())).unwrap_or_default();
        Ok(Read::Asked(Box::new(Asked::read(head, body, client, door, self.url.clone()))))
    }

    /// Scheme, authority and the rest of the URL, cut apart and otherwise left alone.
    fn parts(&self) -> Result<(Scheme, Option<&str>, String), String> {
        let url = self.url.as_str();
        let schemes = [("http://", Scheme::Http), ("https://", Scheme::Https)];
        let absolute = schemes.into_iter().find_map(|(start, scheme)| {
            let (written, rest) = url.split_at_checked(start.len())?;
            written.eq_ignore_ascii_case(start).then_some((scheme, rest))
        });
        if let Some((scheme, rest)) = absolute {
            let end = rest.find(['/', '?', '\\', '#']).unwrap_or(rest.len());
            let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let slash = if target.starts_with('/') { "" } else { "/" };
            return Ok((scheme, Some(authority), format!("{slash}{target}")));
        }
        if url.starts_with('/') || url == "*" {
            return Ok((Scheme::Http, None, url.to_owned()));
        }
        Err(format!("`{url}` is neither a path that begins with `/` nor a URL that begins with `http://` or `https://`"))
    }

    /// The request's head as bytes on a connection.
    fn head(&self, authority: Option<&str>, target: &str) -> Result<String, String> {
        let given = |wanted: &str| self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let mut lines = vec![format!("{} {target} HTTP/1.1", self.method)];
        if !given("host") {
            lines.push(format!("Host: {}", authority.unwrap_or("localhost")));
        }
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if let Some(body) = &self.body {
            if !given("content-type") {
                let json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
                lines.push(format!("Content-Type: {}", if json { "application/json" } else { "text/plain; charset=utf-8" }));
            }
            if !given("content-length") && !given("transfer-encoding") {
                lines.push(format!("Content-Length: {}", body.len()));
            }
        }
        match lines.iter().find(|line| line.contains(['\r', '\n'])) {
            Some(line) => Err(format!("`{}` has a line end in it", line.escape_debug())),
            None => Ok(lines.join("\r\n") + "\r\n\r\n"),
        }
    }
}
