//! `for route under /prefix`: of which routes it speaks, and of which of their requests. A route whose paths do not all lie
//! there is spoken of as well when it takes one that does, as a route of `/**` may.

use super::route::Spans;
use crate::ir::Route;
use crate::lang::checker::Entrance;
use crate::lang::expr::Expr;
use crate::logic::{Facts, Matches, Model, TooComplex};
use crate::route::remainder::{Judge, Remainder, Sample, TAKEN_MAX, remainder};
use crate::route::{Pattern, Predicate, RouteKey, Witness, relation};

/// How much of a route a prefix speaks of.
pub enum Part {
    /// All of it.
    Whole,
    /// Some requests, of which this is one.
    Some(Witness),
    /// Nothing.
    Nothing,
    /// That could not be decided.
    Unknown,
}

/// The routes in the order they are tried, with their conditions.
pub struct Order<'r> {
    routes: &'r [(Route, Spans)],
    matches: Matches<'r>,
}

impl<'r> Order<'r> {
    pub fn new(routes: &'r [(Route, Spans)], entrances: &'r [Entrance]) -> Self {
        let conditions = routes.iter().map(|(route, _)| (&route.key, route.predicate.as_ref()));
        Self { routes, matches: Matches::new(conditions, entrances) }
    }

    /// How much of the route at a place lies under the prefix, besides what the routes before it take.
    pub fn part(&self, at: usize, prefix: &Pattern) -> Part {
        let Some((route, _)) = self.routes.get(at) else { return Part::Nothing };
        if relation::lies_under(&route.key.pattern, prefix) {
            return Part::Whole;
        }
        let all = below(route, prefix);
        if !relation::share_paths(&route.key.pattern, &all.pattern) {
            return Part::Nothing;
        }
        let Some(some) = relation::overlap(&RouteKey { predicate: Predicate::default(), ..route.key.clone() }, &all) else {
            return Part::Nothing;
        };
        let before = self.before(at, route, &all);
        // Mostly one route takes all that lies there, however many others there are.
        if before.iter().any(|key| relation::subset(&all, key)) {
            return Part::Nothing;
        }
        let found = if before.len() > TAKEN_MAX {
            let samples = ["", "/~~", "/~~/~~/~~/~~"].map(|more| format!("{}{more}", some.path));
            let mut samples = samples.map(|path| Sample::plain(some.method.clone(), some.host.clone(), path)).into_iter();
            let free = |sample: &Sample| !before.iter().any(|key| takes(key, sample));
            let right = |sample: &Sample| route.key.pattern.matches(&sample.path) && self.matches.holds(&route.key, sample) && free(sample);
            samples.find(right).map_or(Remainder::TooComplex, Remainder::Request)
        } else {
            remainder(&[&route.key, &all], &before, &self.matches)
        };
        match found {
            Remainder::Request(Sample { method, host, path, values }) => {
                let told = |(name, value): (String, Option<String>)| match value {
                    Some(value) => format!("`{name}` = `{value}`"),
                    None => format!("no `{name}`"),
                };
                Part::Some(Witness { method, host, path, predicates: values.into_iter().map(told).collect() })
            }
            Remainder::TooComplex => Part::Unknown,
            Remainder::Nothing => Part::Nothing,
        }
    }

    /// A request under the prefix that the route at a place takes, for which all of `passed` hold and `condition` does not.
    pub fn refutation(&self, at: usize, prefix: &Pattern, facts: Facts<'_>, said: (&[&Expr], &Expr)) -> Result<Option<Model>, TooComplex> {
        let Some((route, _)) = self.routes.get(at) else { return Ok(None) };
        let all = below(route, prefix);
        let before = self.before(at, route, &all);
        if before.len() > TAKEN_MAX {
            return Err(TooComplex);
        }
        self.matches.refutation(facts, said, &[&route.key, &all], &before)
    }

    /// The routes that are tried before one and may take some of its requests.
    fn before(&self, at: usize, route: &Route, all: &RouteKey) -> Vec<&'r RouteKey> {
        let keys = self.routes.iter().take(at).map(|(route, _)| &route.key);
        let meets = |key: &&RouteKey| {
            key.methods.overlaps(&all.methods)
                && relation::share_paths(&key.pattern, &all.pattern)
                && relation::share_paths(&key.pattern, &route.key.pattern)
        };
        keys.filter(meets).collect()
    }
}

/// Every request under the prefix of the route's methods and hosts.
fn below(route: &Route, prefix: &Pattern) -> RouteKey {
    RouteKey {
        hosts: route.key.hosts.clone(),
        methods: route.key.methods.clone(),
        pattern: relation::below(prefix),
        predicate: Predicate::default(),
        priority: 0,
    }
}

/// True when a route takes the request as far as method, host and path go.
fn takes(key: &RouteKey, request: &Sample) -> bool {
    let host = request.host.as_ref().is_none_or(|host| key.matches_host(host));
    key.methods.contains(&request.method) && host && key.pattern.matches(&request.path)
}
