//! Evaluation of typed expressions for one request. Total: never fails, never loops; what is missing is [`Scalar::Missing`].

use super::expr::{Comparison, Encoding, Expr, Piece, Ref};
use super::value::Value;
use crate::http::{Attribute, Exchange, Reply, json, said};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A value at run time, borrowed from the request where it can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// Not there.
    Missing,
    /// `bool`
    Bool(bool),
    /// `int`, `size`, `status`
    Int(u64),
    /// Text.
    Text(Cow<'a, str>),
    /// `duration`
    Duration(Duration),
    /// `ip`
    Ip(IpAddr),
    /// A set of the caller's.
    Set(&'a [Arc<str>]),
    /// A constant that is no scalar.
    Const(&'a Value),
}

/// What an expression is evaluated against.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The exchange.
    pub exchange: &'a Exchange,
    /// The reply, inside response stages.
    pub reply: Option<&'a Reply>,
    /// Where the parameters of the path stand in it.
    pub params: &'a [(u32, u32)],
}

impl<'a> Facts<'a> {
    /// Facts of a request on its way in.
    #[must_use]
    pub fn request(exchange: &'a Exchange) -> Self {
        Self { exchange, reply: None, params: &exchange.params }
    }

    /// Facts of a request and a route that may take it, whose parameters stand here in the path.
    #[must_use]
    pub fn tried(exchange: &'a Exchange, params: &'a [(u32, u32)]) -> Self {
        Self { exchange, reply: None, params }
    }

    /// Facts of a reply on its way out.
    #[must_use]
    pub fn response(exchange: &'a Exchange, reply: &'a Reply) -> Self {
        Self { exchange, reply: Some(reply), params: &exchange.params }
    }
}

/// What references are looked up in: a request, or values that an analysis assumes.
pub trait Source<'a>: Copy {
    /// The value of a reference; [`Scalar::Missing`] when there is none.
    fn value(self, reference: &'a Ref) -> Scalar<'a>;
}

impl<'a> Source<'a> for Facts<'a> {
    fn value(self, reference: &'a Ref) -> Scalar<'a> {
        reference.eval(self)
    }
}

impl Expr {
    /// True when the condition holds; a condition that is not a boolean (the checker lets none through) does not.
    #[must_use]
    pub fn holds<'a>(&'a self, facts: impl Source<'a>) -> bool {
        matches!(self.eval(facts), Scalar::Bool(true))
    }

    /// The value for this request.
    #[must_use]
    pub fn eval<'a>(&'a self, facts: impl Source<'a>) -> Scalar<'a> {
        match self {
            Self::Const(value) => constant(value),
            Self::Ref(reference) => facts.value(reference),
            Self::Text(pieces) => Scalar::Text(Cow::Owned(render(pieces, facts))),
            // Secrets are replaced by constants when a plan is built; one that is left has no value.
            Self::Secret(_) => Scalar::Missing,
            Self::Not(inner) => Scalar::Bool(!inner.holds(facts)),
            Self::And(all) => Scalar::Bool(all.iter().all(|each| each.holds(facts))),
            Self::Or(any) => Scalar::Bool(any.iter().any(|each| each.holds(facts))),
            Self::Compare(left, how, right) => Scalar::Bool(compare(&left.eval(facts), *how, &right.eval(facts))),
            Self::In(item, set) => Scalar::Bool(contains(&set.eval(facts), &item.eval(facts))),
            Self::Matches(text, pattern) => Scalar::Bool(text.eval(facts).as_text().is_some_and(|text| pattern.matches(&text))),
            Self::OrElse(first, second) => match first.eval(facts) {
                Scalar::Missing => second.eval(facts),
                value => value,
            },
            Self::Has(inner) => Scalar::Bool(inner.eval(facts) != Scalar::Missing),
            Self::Lower(inner) => match inner.eval(facts) {
                Scalar::Text(text) => Scalar::Text(Cow::Owned(text.to_lowercase())),
                value => value,
            },
        }
    }
}

impl Ref {
    fn eval<'a>(&'a self, facts: Facts<'a>) -> Scalar<'a> {
        let exchange = facts.exchange;
        let request = &exchange.request;
        let text = |found: Option<&'a str>| found.map_or(Scalar::Missing, |text| Scalar::Text(Cow::Borrowed(text)));
        let bytes = |found: Option<Cow<'a, [u8]>>| found.map_or(Scalar::Missing, |bytes| Scalar::Text(said::text(bytes)));
        match self {
            Self::Method => text(Some(request.method.as_str())),
            Self::Path => text(Some(exchange.arrived().path())),
            Self::Host => text(Some(&request.host)),
            Self::Scheme => text(Some(exchange.client.scheme.as_str())),
            Self::Id => text(exchange.id.to_str().ok()),
            Self::Size => {
                let length = exchange.fields().get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
                length.and_then(|length| length.parse().ok()).map_or(Scalar::Missing, Scalar::Int)
            }
            Self::Listener => text(Some(&exchange.client.listener)),
            Self::Header(name) => bytes(said::field(exchange.fields(), name)),
            Self::Query(name) => query(exchange.arrived().query().unwrap_or_default(), name).map_or(Scalar::Missing, Scalar::Text),
            Self::Cookie(name) => bytes(said::cookies(exchange.fields(), name).next().map(Cow::Borrowed)),
            Self::Body(steps) => {
                let found = exchange.json().and_then(|body| json::scalar(body, steps));
                found.map_or(Scalar::Missing, |text| Scalar::Text(Cow::Owned(text)))
            }
            Self::ClientIp => Scalar::Ip(exchange.client.ip),
            Self::ClientSubject => text(exchange.client.certificate.as_ref().and_then(|shown| shown.subject.as_deref())),
            Self::ClientName => {
                let name = exchange.client.certificate.as_ref().and_then(|shown| shown.names.first());
                name.map_or(Scalar::Missing, |name| Scalar::Text(name.text()))
            }
            Self::Param { slot, int } => match exchange.part(facts.params, usize::from(*slot)) {
                None => Scalar::Missing,
                Some(raw) if *int => raw.parse().map_or(Scalar::Missing, Scalar::Int),
                Some(raw) => Scalar::Text(percent_decode_str(raw).decode_utf8_lossy()),
            },
            Self::Attribute(slots) => slots
                .iter()
                .map(|(auth, slot)| exchange.attribute(*auth, *slot))
                .find(|attribute| **attribute != Attribute::Missing)
                .map_or(Scalar::Missing, attribute),
            Self::Flag { index, .. } => Scalar::Bool(exchange.calls.flag(*index, exchange)),
            Self::UpstreamName => text(exchange.upstream_name.as_deref()),
            Self::ResponseStatus => facts.reply.map_or(Scalar::Missing, |reply| Scalar::Int(u64::from(reply.status.as_u16()))),
            Self::ResponseDuration => Scalar::Duration(exchange.started.elapsed()),
            Self::ResponseHeader(name) => bytes(facts.reply.and_then(|reply| said::field(&reply.headers, name))),
        }
    }
}

fn constant(value: &Value) -> Scalar<'_> {
    match value {
        Value::None => Scalar::Missing,
        Value::Bool(truth) => Scalar::Bool(*truth),
        Value::Int(number) | Value::Size(number) => Scalar::Int(*number),
        Value::Text(text) => Scalar::Text(Cow::Borrowed(text)),
        Value::Duration(duration) => Scalar::Duration(*duration),
        Value::Ip(ip) => Scalar::Ip(*ip),
        Value::Percent(_) | Value::Rate(_) | Value::Status(..) | Value::Network(_) | Value::Range(..) | Value::List(_) => {
            Scalar::Const(value)
        }
    }
}

fn attribute(attribute: &Attribute) -> Scalar<'_> {
    match attribute {
        Attribute::Missing => Scalar::Missing,
        Attribute::Bool(truth) => Scalar::Bool(*truth),
        Attribute::Int(number) => Scalar::Int(*number),
        Attribute::Text(text) => Scalar::Text(Cow::Borrowed(text)),
        Attribute::Set(set) => Scalar::Set(set),
    }
}

/// The first value of a query parameter, with `+` and percent-encoding resolved.
#[must_use]
pub fn query<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    said::parameters(query, name).next().map(said::text)
}

/// A missing value equals only a missing one; two values of different types are never equal nor ordered.
fn compare(left: &Scalar<'_>, how: Comparison, right: &Scalar<'_>) -> bool {
    use std::cmp::Ordering;
    let status_range = |value: &Scalar<'_>, range: &Scalar<'_>| match (value, range) {
        (Scalar::Int(code), Scalar::Const(Value::Status(low, high))) => Some((u64::from(*low)..=u64::from(*high)).contains(code)),
        _ => None,
    };
    let equal = || status_range(left, right).or_else(|| status_range(right, left)).unwrap_or_else(|| left == right);
    let number = |value: &Scalar<'_>| match value {
        Scalar::Int(number) => Some(*number),
        Scalar::Const(Value::Status(low, high)) if low == high => Some(u64::from(*low)),
        _ => None,
    };
    let order = || -> Option<Ordering> {
        if let (Some(a), Some(b)) = (number(left), number(right)) {
            return Some(a.cmp(&b));
        }
        match (left, right) {
            (Scalar::Duration(a), Scalar::Duration(b)) => Some(a.cmp(b)),
            (Scalar::Text(a), Scalar::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    };
    match how {
        Comparison::Equal => equal(),
        Comparison::NotEqual => !equal(),
        Comparison::Less => order().is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
        Comparison::Greater => order().is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
    }
}

fn contains(set: &Scalar<'_>, item: &Scalar<'_>) -> bool {
    match (set, item) {
        (_, Scalar::Missing) => false,
        (Scalar::Set(members), Scalar::Text(text)) => members.iter().any(|member| **member == **text),
        (Scalar::Const(Value::List(members)), item) => members.iter().any(|member| match (member, item) {
            (Value::Network(network), Scalar::Ip(ip)) => network.contains(ip),
            (member, item) => compare(&constant(member), Comparison::Equal, item),
        }),
        (Scalar::Const(Value::Network(network)), Scalar::Ip(ip)) => network.contains(ip),
        (Scalar::Const(Value::Status(low, high)), Scalar::Int(code)) => (u64::from(*low)..=u64::from(*high)).contains(code),
        (Scalar::Const(Value::Range(low, high)), item) => {
            compare(item, Comparison::GreaterOrEqual, &constant(low)) && compare(item, Comparison::LessOrEqual, &constant(high))
        }
        _ => false,
    }
}

impl<'a> Scalar<'a> {
    /// The value as text: what a header, a query value, a key or an interpolation gets. Missing and sets have none.
    ///
    /// A duration prints as seconds: whole ones plain, others with three decimals.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Missing | Self::Set(_) => return None,
            Self::Const(value) => Cow::Owned(value_text(value)?),
            Self::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
            Self::Int(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => text.clone(),
            Self::Duration(duration) => Cow::Owned(seconds(*duration)),
            Self::Ip(ip) => Cow::Owned(ip.to_string()),
        })
    }
}

fn value_text(value: &Value) -> Option<String> {
    match value {
        Value::Network(network) => Some(network.to_string()),
        Value::Rate(rate) => Some(rate.to_string()),
        Value::Percent(share) => Some(format!("{}%", f64::from(share.0) / 100.0)),
        Value::Status(low, high) if low == high => Some(low.to_string()),
        Value::Status(low, high) => Some(format!("{low}..{high}")),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Duration(_) | Value::Size(_) | Value::Ip(_) => {
            constant(value).as_text().map(Cow::into_owned)
        }
        Value::Range(..) | Value::List(_) => None,
    }
}

fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        duration.as_secs().to_string()
    } else {
        format!("{}.{:03}", duration.as_secs(), duration.subsec_millis())
    }
}

/// Unreserved characters (RFC 3986 §2.3) stay.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, and `/`.
const PATH: &AsciiSet = &SEGMENT.remove(b'/');
/// What a path may have (RFC 3986 §3.3), its escapes included.
const ARRIVED: &AsciiSet = &PATH
    .remove(b'%')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// A string with its holes filled, each encoded for its place.
#[must_use]
pub fn render<'a>(pieces: &'a [Piece], facts: impl Source<'a>) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Hole(expr, encoding) => {
                let value = expr.eval(facts);
                let bare = matches!(value, Scalar::Int(_) | Scalar::Bool(_) | Scalar::Duration(_));
                match value.as_text() {
                    Some(text) if bare && *encoding == Encoding::JsonValue => out.push_str(&text),
                    Some(text) => encode(&text, *encoding, &mut out),
                    None if *encoding == Encoding::JsonValue => out.push_str("null"),
                    None => {}
                }
            }
        }
    }
    out
}

fn encode(text: &str, encoding: Encoding, out: &mut String) {
    match encoding {
        Encoding::Plain => out.push_str(text),
        Encoding::Json => {
            let quoted = serde_json::Value::from(text).to_string();
            out.push_str(quoted.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or_default());
        }
        Encoding::JsonValue => out.push_str(&serde_json::Value::from(text).to_string()),
        // A segment of dots alone would be a step in the path.
        Encoding::Segment if text == "." || text == ".." => out.push_str(&text.replace('.', "%2E")),
        Encoding::Segment | Encoding::Query => out.extend(utf8_percent_encode(text, SEGMENT)),
        Encoding::Path => {
            let segments = text.split('/').map(|segment| if segment == "." || segment == ".." { "" } else { segment });
            for (at, segment) in segments.enumerate() {
                if at > 0 {
                    out.push('/');
                }
                out.extend(utf8_percent_encode(segment, PATH));
            }
        }
        Encoding::Arrived => out.extend(utf8_percent_encode(text, ARRIVED)),
        Encoding::Field => out.extend(text.chars().filter(|letter| !matches!(letter, '\r' | '\n' | '\0'))),
        Encoding::Html => {
            for letter in text.chars() {
                match letter {
                    '&' => out.push_str("&amp;"),
                    '<' => out.push_str("&lt;"),
                    '>' => out.push_str("&gt;"),
                    '"' => out.push_str("&quot;"),
                    '\'' => out.push_str("&#39;"),
                    other => out.push(other),
                }
            }
        }
    }
}

/// A constant as text, if it is a scalar.
pub(super) fn constant_text(value: &Value) -> Option<Cow<'_, str>> {
    constant(value).as_text()
}
