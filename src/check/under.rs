//! `for route under /prefix`: of which routes it speaks, and of which of their requests. A route whose paths do not all lie
//! there is spoken of as well when it takes one that does, as a route of `/**` may.

use super::predicate::Conditions;
use super::route::Spans;
use crate::ir::Route;
use crate::lang::checker::Entrance;
use crate::lang::expr::{Comparison, Expr, Pattern as Regex, Ref};
use crate::lang::value::Value;
use crate::route::pattern::Segment;
use crate::route::remainder::{Remainder, Sample, TAKEN_MAX, remainder};
use crate::route::{Pattern, Predicate, Predicates, RouteKey, Witness, relation};

/// How much of a route a prefix speaks of.
pub enum Part {
    /// All of it.
    Whole,
    /// Some requests.
    Some {
        /// One of them.
        request: Witness,
        /// No other route would take one with this method, host and path, whatever else were so of it.
        alone: bool,
    },
    /// Nothing.
    Nothing,
    /// That could not be decided.
    Unknown,
}

/// The routes in the order they are tried, with their conditions.
pub struct Order<'r, 'k> {
    routes: &'r [(Route, Spans)],
    conditions: Conditions<'k>,
}

impl<'r, 'k> Order<'r, 'k> {
    pub fn new(routes: &'r [(Route, Spans)], keys: &'k [RouteKey], entrances: &'k [Entrance]) -> Self {
        Self { routes, conditions: Conditions::new(routes, keys, entrances) }
    }

    /// How much of the route at a place lies under the prefix, besides what the routes before it take.
    pub fn part(&self, at: usize, prefix: &Pattern) -> Part {
        let Some((route, _)) = self.routes.get(at) else { return Part::Nothing };
        if relation::lies_under(&route.key.pattern, prefix) {
            return Part::Whole;
        }
        let below = relation::below(prefix);
        if !relation::share_paths(&route.key.pattern, &below) {
            return Part::Nothing;
        }
        let all = RouteKey {
            hosts: route.key.hosts.clone(),
            methods: route.key.methods.clone(),
            pattern: below,
            predicate: Predicate::default(),
            priority: 0,
        };
        let Some(some) = relation::overlap(&route.key, &all) else { return Part::Nothing };
        let before: Vec<(usize, RouteKey)> = self
            .routes
            .iter()
            .enumerate()
            .take(at)
            .map(|(before, (route, _))| (before, &route.key))
            .filter(|(_, key)| key.methods.overlaps(&all.methods) && relation::share_paths(&key.pattern, &all.pattern))
            .filter(|(_, key)| relation::share_paths(&key.pattern, &route.key.pattern))
            .map(|(before, key)| (before, key.clone()))
            .collect();
        // Mostly one route takes all that lies there, however many others there are.
        if before.iter().any(|(_, key)| relation::subset(&all, key)) {
            return Part::Nothing;
        }
        // A request that no other route would take, whatever else is so of it, says most.
        let plain: Vec<RouteKey> = before.iter().map(|(_, key)| RouteKey { predicate: Predicate::default(), ..key.clone() }).collect();
        let bare = RouteKey { predicate: Predicate::default(), ..route.key.clone() };
        let free = |witness: &Witness| !plain.iter().any(|key| takes(key, witness));
        let samples = ["", "/~~", "/~~/~~/~~/~~"].map(|more| Witness { path: format!("{}{more}", some.path), ..some.clone() });
        let sampled = || samples.iter().find(|sample| route.key.pattern.matches(&sample.path) && free(sample)).cloned();
        let found = if plain.len() > TAKEN_MAX { sampled() } else { None };
        let found = found.map_or_else(
            || remainder(&[&bare, &all], &plain.iter().collect::<Vec<_>>(), &|_| true),
            |witness| Remainder::Request(Sample::plain(witness.method, witness.host, witness.path)),
        );
        match found {
            Remainder::Request(sample) => return self.told(at, sample, &[]),
            Remainder::TooComplex => return Part::Unknown,
            Remainder::Nothing => {}
        }
        let taking = |sample: &Sample| -> Vec<usize> {
            let witness = witness(sample.clone());
            before.iter().filter(|(_, key)| takes(key, &witness)).map(|(before, _)| *before).collect()
        };
        let keys: Vec<&RouteKey> = before.iter().map(|(_, key)| key).collect();
        match remainder(&[&route.key, &all], &keys, &|sample| self.conditions.possible(&[at], &[], &taking(sample)) != Some(false)) {
            Remainder::Request(sample) => {
                let fail = taking(&sample);
                self.told(at, sample, &fail)
            }
            Remainder::TooComplex => Part::Unknown,
            Remainder::Nothing => Part::Nothing,
        }
    }

    /// True when no route before the one at a place would take the request, whatever else were so of it.
    pub fn is_left_to(&self, at: usize, request: &Witness) -> bool {
        !self.routes.iter().take(at).any(|(route, _)| takes(&route.key, request))
    }

    /// The request, with what must be so of it for the route to take it and for those before it not to.
    fn told(&self, at: usize, sample: Sample, fail: &[usize]) -> Part {
        let fits = |path: &str| self.routes.get(at).is_some_and(|(route, _)| route.key.pattern.matches(path) && path == sample.path);
        self.conditions
            .told(witness(sample.clone()), &[at], fail, fits)
            .map_or(Part::Unknown, |request| Part::Some { request, alone: fail.is_empty() })
    }
}

fn witness(Sample { method, host, path, .. }: Sample) -> Witness {
    Witness { method, host, path, predicates: Vec::new() }
}

/// True when a route takes the request as far as method, host and path go.
fn takes(key: &RouteKey, request: &Witness) -> bool {
    let host = request.host.as_ref().is_none_or(|host| key.matches_host(host));
    key.methods.contains(&request.method) && host && key.pattern.matches(&request.path)
}

/// The conditions that hold for this request alone, as far as method, host and path go.
pub fn pinned(request: &Witness) -> Vec<Expr> {
    let is = |reference: Ref, text: &str| {
        Expr::Compare(Box::new(Expr::Ref(reference)), Comparison::Equal, Box::new(Expr::Const(Value::Text(text.into()))))
    };
    let mut all = vec![is(Ref::Path, &request.path), is(Ref::Method, &request.method)];
    all.extend(request.host.as_ref().map(|host| is(Ref::Host, host)));
    all
}

/// The condition that holds for paths under the prefix; none for a prefix that is more than plain segments.
pub fn condition(prefix: &Pattern) -> Option<Expr> {
    let mut regex = String::new();
    for segment in prefix.segments() {
        let Segment::Literal(text) = segment else { return None };
        regex.push('/');
        regex.push_str(&regex::escape(text));
    }
    let plain = matches!(prefix.end(), crate::route::pattern::End::Exact | crate::route::pattern::End::Slash);
    let regex = plain.then(|| Regex::new(&format!("{regex}(/.*)?")).ok()).flatten()?;
    Some(Expr::Matches(Box::new(Expr::Ref(Ref::Path)), regex))
}
