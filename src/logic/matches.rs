//! The `match` conditions of some routes, asked together with what their keys say.

use super::TooComplex;
use super::facts::Facts;
use super::left::{Taken, left};
use super::model::{Example, Known, Model};
use super::placed::Condition;
use crate::lang::checker::Entrance;
use crate::lang::expr::{Expr, Ref};
use crate::route::remainder::{Judge, Remainder, Sample};
use crate::route::{Predicate, RouteKey};
use http::HeaderName;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The client of a request of which nothing else is said, as `gate trace` has it.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The conditions of some routes, by the predicates of their keys.
pub struct Matches<'c> {
    known: HashMap<&'c Predicate, Condition>,
    entrances: &'c [Entrance],
}

impl<'c> Matches<'c> {
    /// Those of routes with these keys and conditions, of a gateway with these entrances.
    #[must_use]
    pub fn new(routes: impl IntoIterator<Item = (&'c RouteKey, Option<&'c Expr>)>, entrances: &'c [Entrance]) -> Self {
        let mut known = HashMap::new();
        for (key, condition) in routes {
            if let Some(condition) = condition {
                known.entry(&key.predicate).or_insert_with(|| Condition::of(condition, &key.pattern));
            }
        }
        Self { known, entrances }
    }

    /// A request that all of `of` take and none of `by` does, for which all of `passed` hold and `then` does not. These are
    /// conditions of the first route.
    ///
    /// # Errors
    /// When the question is too complex.
    pub fn refutation(
        &self,
        facts: Facts<'_>,
        (passed, then): (&[&Expr], &Expr),
        of: &[&RouteKey],
        by: &[&RouteKey],
    ) -> Result<Option<Model>, TooComplex> {
        let Some(first) = of.first() else { return Ok(None) };
        let goals: Vec<(Condition, bool)> = passed
            .iter()
            .map(|passed| (Condition::of(passed, &first.pattern), true))
            .chain([(Condition::of(then, &first.pattern), false)])
            .collect();
        let goals: Vec<(&Condition, bool)> = goals.iter().map(|(goal, wanted)| (goal, *wanted)).collect();
        left(facts, &goals, &self.taken(of), &self.taken(by))
    }

    fn taken<'k>(&'k self, keys: &[&'k RouteKey]) -> Vec<Taken<'k>> {
        keys.iter().map(|key| Taken { key, condition: self.known.get(&key.predicate) }).collect()
    }
}

impl Judge for Matches<'_> {
    fn left(&self, of: &[&RouteKey], by: &[&RouteKey]) -> Remainder {
        let facts = Facts { entrances: self.entrances, ..Facts::default() };
        match left(facts, &[], &self.taken(of), &self.taken(by)) {
            Ok(Some(model)) => Remainder::Request(sample(&model)),
            Ok(None) => Remainder::Nothing,
            Err(TooComplex) => Remainder::TooComplex,
        }
    }

    fn holds(&self, key: &RouteKey, request: &Sample) -> bool {
        self.known.get(&key.predicate).is_none_or(|condition| condition.holds(&key.pattern, &model(request)))
    }
}

/// The request of values that are a whole one.
fn sample(model: &Model) -> Sample {
    let text = |reference: &Ref| match model.get(reference) {
        Some(Example::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let value = |known: &Known| {
        let value = match &known.value {
            Example::Text(text) => Some(text.to_string()),
            Example::Number(number) => Some(number.to_string()),
            Example::Address(ip) => Some(ip.to_string()),
            Example::Missing | Example::Truth(_) | Example::Duration(_) | Example::Set { .. } => None,
        };
        (known.name.clone(), value)
    };
    let values = model.known.iter().filter(|known| known.decisive && !matches!(known.reference, Ref::Method | Ref::Host | Ref::Path));
    Sample {
        method: text(&Ref::Method).unwrap_or_default(),
        host: text(&Ref::Host),
        path: text(&Ref::Path).unwrap_or_default(),
        values: values.map(value).collect(),
    }
}

/// What is so of a request, with what a plain one has where nothing else is said.
fn model(request: &Sample) -> Model {
    let mut model = Model::default();
    let mut know = |reference: Ref, value: Example| {
        model.known.push(Known { reference, name: String::new(), value, decisive: true });
    };
    let text = |text: &str| Example::Text(Arc::from(text));
    for (name, value) in request.values.iter().filter_map(|(name, value)| Some((name, value.as_deref()?))) {
        match attribute(name) {
            Some(Ref::ClientIp) => know(Ref::ClientIp, value.parse().map_or(Example::Missing, Example::Address)),
            Some(Ref::Size) => know(Ref::Size, value.parse().map_or(Example::Missing, Example::Number)),
            Some(reference) => know(reference, text(value)),
            None => {}
        }
    }
    know(Ref::Method, text(&request.method));
    know(Ref::Host, text(request.authority()));
    know(Ref::Path, text(&request.path));
    know(Ref::ClientIp, Example::Address(CLIENT));
    know(Ref::Scheme, text("http"));
    model
}

/// The reference of an attribute of a request, by its canonical text.
#[must_use]
pub fn attribute(name: &str) -> Option<Ref> {
    let inside = |root: &str| name.strip_prefix(root)?.strip_prefix("(\"")?.strip_suffix("\")");
    if let Some(field) = inside("header") {
        return HeaderName::try_from(field).ok().map(Ref::Header);
    }
    let plain = match name {
        "client.ip" => Some(Ref::ClientIp),
        "client.cert.subject" => Some(Ref::ClientSubject),
        "client.cert.san" => Some(Ref::ClientName),
        "request.scheme" => Some(Ref::Scheme),
        "request.listener" => Some(Ref::Listener),
        "request.id" => Some(Ref::Id),
        "request.size" => Some(Ref::Size),
        _ => None,
    };
    plain
        .or_else(|| inside("query").map(|name| Ref::Query(name.to_owned())))
        .or_else(|| inside("cookie").map(|name| Ref::Cookie(name.to_owned())))
}
