//! What routes use up together: a limit has one set of counters for the place that declares it, a cache one room.

use super::{Class, Difference, Gathered, Pair};
use crate::ir::Route;
use crate::policy::Config;
use crate::policy::cache;
use std::collections::BTreeMap;

/// The places that declare limits and caches, as routes go from one to another.
#[derive(Default)]
pub struct Counters {
    /// By what is declared and its old place, the new places with a pair of routes each.
    apart: Places,
    /// By what is declared and its new place, the old places.
    together: Places,
}

/// What a place declares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    /// A limit, by its name.
    Limit(String),
    Cache,
}

type Places = BTreeMap<(Shared, String), BTreeMap<String, (usize, usize, Pair)>>;

impl Counters {
    /// Notes the limits that both routes have under one name, and their caches.
    pub fn note(&mut self, (old, was): (usize, &Route), (new, is): (usize, &Route)) {
        for (what, to) in declared(is) {
            let Some((_, from)) = declared(was).find(|(before, _)| *before == what) else { continue };
            let note = |places: &mut Places, from: &str, to: &str| {
                let sites = places.entry((what.clone(), from.to_owned())).or_default();
                sites.entry(to.to_owned()).or_insert_with(|| (old, new, Pair::of(was, is)));
            };
            note(&mut self.apart, from, to);
            note(&mut self.together, to, from);
        }
    }

    /// What counts requests apart, or keeps their responses apart, that it held together, and the other way round. `example`
    /// finds a request of two routes.
    pub fn differences(self, gathered: &mut Gathered, example: impl Fn(usize, usize) -> Option<super::Witness>) {
        let ways = [
            (self.apart, Class::Looser, "counts apart what it counted together", "`cache` has several rooms for what it had one for"),
            (self.together, Class::Tighter, "counts together what it counted apart", "`cache` has one room for what it had several for"),
        ];
        for (places, class, counts, keeps) in ways {
            for ((what, _), sites) in places.into_iter().filter(|(_, sites)| sites.len() > 1) {
                for (old, new, pair) in sites.into_values() {
                    let difference = match &what {
                        Shared::Limit(name) => Difference::new(class, format!("limit `{name}` {counts}")).with("often enough"),
                        Shared::Cache => Difference::new(Class::Tuned, keeps),
                    };
                    gathered.add(difference, example(old, new).as_ref(), &pair);
                }
            }
        }
    }
}

/// What a route uses that others may use up, with the place that declares it.
fn declared(route: &Route) -> impl Iterator<Item = (Shared, &str)> {
    route.policies.iter().flat_map(|policy| match policy {
        Config::Limit(config) => config.limits.iter().map(|limit| (Shared::Limit(limit.name.clone()), limit.site.as_str())).collect(),
        Config::Cache(cache::Config::Keep(keep)) => vec![(Shared::Cache, keep.site.as_str())],
        _ => Vec::new(),
    })
}
