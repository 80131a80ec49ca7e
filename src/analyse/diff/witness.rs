//! A request that shows a change, in full: method, URL, fields, and what else has to be so.

use crate::lang::expr::Ref;
use crate::logic::{self, Model};
use crate::route::{RouteKey, Sample};
use serde::Serialize;
use std::fmt;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// The method.
    pub method: String,
    /// The path with its query; the whole URL where the host matters.
    pub url: String,
    /// Its fields.
    pub headers: Vec<(String, String)>,
    /// What else is so: `without a credential`, `client.ip == 10.0.0.1`.
    pub with: Vec<String>,
}

impl Witness {
    /// The request of a sample: attributes become fields and parameters, what is neither is said in words.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        let mut parts = Parts::default();
        for (name, value) in sample.values.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            match logic::attribute(name) {
                Some(reference @ (Ref::Header(_) | Ref::Query(_) | Ref::Cookie(_))) => parts.carry(&reference, value),
                Some(_) | None => parts.with.push(format!("with `{name}` = `{value}`")),
            }
        }
        let Parts { query, mut headers, cookies, with } = parts;
        if !cookies.is_empty() {
            headers.push(("cookie".to_owned(), cookies.join("; ")));
        }
        let host = sample.host.as_ref().map_or_else(String::new, |host| format!("http://{host}"));
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        Self { method: sample.method.clone(), url: format!("{host}{}{query}", sample.path), headers, with }
    }

    /// The request of a sample for which the values of a model are so, as far as a request that is still `taken` can show them.
    #[must_use]
    pub fn shown(sample: &Sample, model: Option<&Model>, key: &RouteKey, taken: impl Fn(&Sample) -> bool) -> Self {
        let Some(model) = model.filter(|model| model.known.iter().any(|known| known.decisive)) else { return Self::of(sample) };
        let Some(request) = logic::sample(key, model) else { return Self::of(sample).with(vec![model.to_string()]) };
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let own = |reference: &Ref| matches!(reference, Ref::Method | Ref::Host | Ref::Path | Ref::Param { .. });
        let moved = if model.known.iter().any(|known| known.decisive && own(&known.reference)) {
            Sample { method: request.method, host: request.host.or(sample.host.clone()), path: path.to_owned(), ..sample.clone() }
        } else {
            sample.clone()
        };
        if !taken(&moved) {
            return Self::of(sample).with(vec![model.to_string()]);
        }
        let mut witness = Self::of(&moved);
        if !query.is_empty() {
            witness.url.push(if witness.url.contains('?') { '&' } else { '?' });
            witness.url.push_str(query);
        }
        witness.headers.extend(request.headers);
        witness.headers.sort();
        witness.headers.dedup();
        let given = request.given.into_iter().map(|given| format!("with {given}").replacen("with no ", "without ", 1));
        witness.with(given.collect())
    }

    /// The same request, of which more is so.
    #[must_use]
    pub fn with(mut self, more: Vec<String>) -> Self {
        self.with.extend(more);
        self
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method, self.url)?;
        for (name, value) in &self.headers {
            write!(out, " -H '{name}: {value}'")?;
        }
        for (index, what) in self.with.iter().enumerate() {
            write!(out, "{}{what}", if index == 0 { ", " } else { " and " })?;
        }
        Ok(())
    }
}

/// What a request consists of besides its method and path.
#[derive(Default)]
struct Parts {
    query: Vec<String>,
    headers: Vec<(String, String)>,
    cookies: Vec<String>,
    with: Vec<String>,
}

impl Parts {
    fn carry(&mut self, reference: &Ref, value: &str) {
        fn once<T: PartialEq>(list: &mut Vec<T>, part: T) {
            if !list.contains(&part) {
                list.push(part);
            }
        }
        match reference {
            Ref::Header(field) => once(&mut self.headers, (field.to_string(), value.to_owned())),
            Ref::Query(parameter) => once(&mut self.query, format!("{}={}", encoded(parameter), encoded(value))),
            Ref::Cookie(cookie) => once(&mut self.cookies, format!("{cookie}={value}")),
            _ => {}
        }
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
