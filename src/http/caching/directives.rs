//! What `Cache-Control` says (RFC 9111 §5.2), in requests, in responses, and in fields that are meant for caches such as this
//! one alone (RFC 9213).

use super::dictionary;
use http::header::AsHeaderName;
use http::{HeaderMap, HeaderName};
use std::borrow::Cow;

/// The largest time in seconds; longer ones count as this (RFC 9111 §1.2.2).
pub const SECONDS_MAX: u64 = 1 << 31;
/// Fields that take the place of `Cache-Control` where they are there and sound, the first of them first (RFC 9213 §2.2).
const TARGETED: &[&str] = &["gatewright-cache-control", "cdn-cache-control"];

/// What a response allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// `no-store`
    pub no_store: bool,
    /// `no-cache` without fields: not to be used before the origin was asked.
    pub no_cache: bool,
    /// `private` without fields.
    pub private: bool,
    /// `public`
    pub public: bool,
    /// `must-revalidate`: never used when stale.
    pub must_revalidate: bool,
    /// `proxy-revalidate`: the same, of shared caches.
    pub proxy_revalidate: bool,
    /// `must-understand`
    pub must_understand: bool,
    /// `s-maxage`, in seconds.
    pub s_maxage: Option<u64>,
    /// `max-age`, in seconds.
    pub max_age: Option<u64>,
    /// `stale-while-revalidate`, in seconds (RFC 5861 §3).
    pub stale_while_revalidate: Option<u64>,
    /// `stale-if-error`, in seconds (RFC 5861 §4).
    pub stale_if_error: Option<u64>,
    /// Fields named by `private` or `no-cache`: never kept.
    pub left_out: Vec<HeaderName>,
    /// It is said by a field for caches such as this one alone, so that `Expires` says nothing.
    pub targeted: bool,
}

impl Allowed {
    /// What a response's fields allow.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        for name in TARGETED {
            let members = joined(headers, *name).and_then(|text| dictionary::parse(&text));
            if let Some(members) = members.filter(|members| !members.is_empty()) {
                let mut allowed = Self { targeted: true, ..Self::default() };
                for (name, value) in &members {
                    allowed.note_targeted(name, value);
                }
                return allowed;
            }
        }
        Self::by_cache_control(headers)
    }

    /// What they allow caches that know of nothing else.
    #[must_use]
    pub fn by_cache_control(headers: &HeaderMap) -> Self {
        let mut allowed = Self::default();
        if let Some(text) = joined(headers, "cache-control") {
            each(&text, |name, argument| allowed.note(name, argument));
        }
        allowed
    }

    fn note(&mut self, name: &str, argument: Option<Cow<'_, str>>) {
        let time = |slot: &mut Option<u64>| {
            // Of two that differ the first counts; one that cannot be read has run out (RFC 9111 §4.2.1).
            slot.get_or_insert(argument.as_deref().and_then(seconds).unwrap_or(0));
        };
        match name {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache |= !self.leave_out(argument.as_deref()),
            "private" => self.private |= !self.leave_out(argument.as_deref()),
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "must-understand" => self.must_understand = true,
            "s-maxage" => time(&mut self.s_maxage),
            "max-age" => time(&mut self.max_age),
            "stale-while-revalidate" => time(&mut self.stale_while_revalidate),
            "stale-if-error" => time(&mut self.stale_if_error),
            _ => {}
        }
    }

    /// Members of the wrong type say nothing; of two with one name the last counts, and has already replaced the first.
    fn note_targeted(&mut self, name: &str, value: &dictionary::Value) {
        match value {
            dictionary::Value::Integer(number) => {
                if matches!(name, "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error") {
                    let number = u64::try_from(*number).unwrap_or(0).to_string();
                    self.note(name, Some(Cow::Owned(number)));
                }
            }
            dictionary::Value::Boolean(true) => match name {
                "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error" => {}
                name => self.note(name, None),
            },
            dictionary::Value::Text(text) => {
                if matches!(name, "private" | "no-cache") {
                    self.note(name, Some(Cow::Borrowed(text)));
                }
            }
            dictionary::Value::Boolean(false) | dictionary::Value::Other => {}
        }
    }

    /// False when no field is named.
    fn leave_out(&mut self, fields: Option<&str>) -> bool {
        let names = fields.unwrap_or_default().split(',').filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok());
        let before = self.left_out.len();
        self.left_out.extend(names);
        self.left_out.len() > before
    }
}

/// What a request asks of caches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// `no-store`: what answers it is not kept.
    pub no_store: bool,
    /// `no-cache`: the origin is to be asked.
    pub no_cache: bool,
    /// `only-if-cached`: the origin is not to be asked.
    pub only_if_cached: bool,
    /// `max-age`: nothing older, in seconds.
    pub max_age: Option<u64>,
    /// `min-fresh`: it is to stay fresh for so long, in seconds.
    pub min_fresh: Option<u64>,
    /// `max-stale`: this much past its time is good enough, in seconds.
    pub max_stale: Option<u64>,
    /// `stale-if-error`: the same where the origin fails (RFC 5861 §4).
    pub stale_if_error: Option<u64>,
}

impl Asked {
    /// What a request's fields ask for; `Pragma` counts only beside no `Cache-Control`, and only its `no-cache` (RFC 9111 §5.4).
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut asked = Self::default();
        if let Some(text) = joined(headers, "cache-control") {
            each(&text, |name, argument| asked.note(name, argument.as_deref()));
        } else if let Some(text) = joined(headers, "pragma") {
            each(&text, |name, _| asked.no_cache |= name == "no-cache");
        }
        asked
    }

    fn note(&mut self, name: &str, argument: Option<&str>) {
        let time = argument.and_then(seconds);
        match name {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "only-if-cached" => self.only_if_cached = true,
            // One that cannot be read was meant to say something.
            "max-age" => match time {
                Some(_) => self.max_age = self.max_age.or(time),
                None => self.no_cache = true,
            },
            "min-fresh" => self.min_fresh = self.min_fresh.or(time),
            // Without an argument any age will do (RFC 9111 §5.2.1.2).
            "max-stale" if argument.is_none() => self.max_stale = self.max_stale.or(Some(SECONDS_MAX)),
            "max-stale" => self.max_stale = self.max_stale.or(time),
            "stale-if-error" => self.stale_if_error = self.stale_if_error.or(time),
            _ => {}
        }
    }
}

/// A time in seconds (RFC 9111 §1.2.2): digits alone; too large ones count as the largest.
#[must_use]
pub fn seconds(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse::<u64>().unwrap_or(SECONDS_MAX).min(SECONDS_MAX))
}

/// All lines of a field as one.
fn joined(headers: &HeaderMap, name: impl AsHeaderName + Copy) -> Option<Cow<'_, str>> {
    let mut lines = headers.get_all(name).iter();
    let mut text = String::from_utf8_lossy(lines.next()?.as_bytes());
    for line in lines {
        let text = text.to_mut();
        text.push(',');
        text.push_str(&String::from_utf8_lossy(line.as_bytes()));
    }
    Some(text)
}

/// Each directive by its name in lower case, with its argument; a quoted one without its quotes.
fn each<'t>(text: &'t str, mut note: impl FnMut(&str, Option<Cow<'t, str>>)) {
    for member in members(text) {
        let (name, argument) = match member.split_once('=') {
            Some((name, argument)) => (name, Some(unquoted(argument.trim()))),
            None => (member, None),
        };
        let name = name.trim();
        if !name.is_empty() {
            note(&name.to_ascii_lowercase(), argument);
        }
    }
}

/// The members of a list; a comma in quotes is none of its commas.
pub fn members(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        let ends = !quoted && character == ',';
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    })
    .map(str::trim)
}

fn unquoted(text: &str) -> Cow<'_, str> {
    match text.strip_prefix('"') {
        None => Cow::Borrowed(text),
        Some(rest) => {
            let inner = rest.strip_suffix('"').unwrap_or(rest);
            if inner.contains('\\') { Cow::Owned(inner.replace('\\', "")) } else { Cow::Borrowed(inner) }
        }
    }
}
