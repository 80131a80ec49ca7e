//! Where credentials stand in a request: found, and taken out again.

use super::config::Carrier;
use crate::http::{Request, said};
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::HeaderMap;
use std::borrow::Cow;

/// What stands in the places of a credential.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'r> {
    /// Nothing.
    Absent,
    /// One credential.
    One(Cow<'r, str>),
    /// Two, or one that is no text: nobody can say which is meant.
    Unclear,
}

/// Looks in every place. `scheme` is what stands before a credential in `Authorization`; another scheme is another's credential.
pub fn find<'r>(request: &'r Request, places: &[Carrier], scheme: Option<&str>) -> Found<'r> {
    let mut found = Found::Absent;
    for place in places {
        let here = match place {
            Carrier::Header(name) => field(&request.headers, name, scheme.filter(|_| *name == AUTHORIZATION)),
            Carrier::Cookie(name) => once(said::cookies(&request.headers, name).map(|value| std::str::from_utf8(value).ok().map(Cow::Borrowed))),
            Carrier::Query(name) => once(pairs(request).filter(|(key, _)| decode(key) == name.as_str()).map(|(_, value)| Some(decode(value)))),
        };
        found = match (found, here) {
            (found, Found::Absent) => found,
            (Found::Absent, here) => here,
            (Found::One(_) | Found::Unclear, Found::One(_) | Found::Unclear) => Found::Unclear,
        };
    }
    found
}

/// Takes the credential out of every place.
pub fn remove(request: &mut Request, places: &[Carrier]) {
    for place in places {
        match place {
            Carrier::Header(name) => {
                request.headers.remove(name);
            }
            Carrier::Cookie(name) => said::remove_cookie(&mut request.headers, name),
            Carrier::Query(name) => remove_query(request, name),
        }
    }
}

/// The only one; none in place of one that is no text.
fn once<'r>(mut all: impl Iterator<Item = Option<Cow<'r, str>>>) -> Found<'r> {
    match (all.next(), all.next()) {
        (None, _) => Found::Absent,
        (Some(Some(one)), None) => Found::One(one),
        (Some(None), None) | (Some(_), Some(_)) => Found::Unclear,
    }
}

fn field<'r>(headers: &'r HeaderMap, name: &http::HeaderName, scheme: Option<&str>) -> Found<'r> {
    let mut fields = headers.get_all(name).iter();
    let (first, second) = (fields.next(), fields.next());
    let Some(first) = first else { return Found::Absent };
    if second.is_some() {
        return Found::Unclear;
    }
    let Ok(text) = std::str::from_utf8(first.as_bytes()) else { return Found::Unclear };
    let Some(scheme) = scheme else { return Found::One(Cow::Borrowed(text)) };
    let (written, credential) = text.split_once(' ').unwrap_or((text, ""));
    if written.eq_ignore_ascii_case(scheme) { Found::One(Cow::Borrowed(credential.trim_start_matches(' '))) } else { Found::Absent }
}

fn pairs(request: &Request) -> impl Iterator<Item = (&str, &str)> {
    request.target.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

fn remove_query(request: &mut Request, name: &str) {
    let Some(query) = request.target.query() else { return };
    let left: Vec<&str> = query.split('&').filter(|pair| decode(pair.split_once('=').map_or(*pair, |(key, _)| key)) != name).collect();
    let path = request.target.path();
    let target = if left.is_empty() { path.to_owned() } else { format!("{path}?{}", left.join("&")) };
    if let Ok(target) = PathAndQuery::try_from(target) {
        request.target = target;
    }
}
