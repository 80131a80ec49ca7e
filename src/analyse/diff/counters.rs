//! Which routes use up a limit together: a limit has one set of counters for the place that declares it.

use super::{Class, Difference, Gathered, Pair};
use crate::ir::Route;
use crate::policy::Config;
use crate::policy::limit::Limit;
use std::collections::BTreeMap;

/// The places that declare limits, as routes go from one to another.
#[derive(Default)]
pub struct Counters {
    /// By name and old place, the new places with a pair of routes each.
    apart: Places,
    /// By name and new place, the old places.
    together: Places,
}

type Places = BTreeMap<(String, String), BTreeMap<String, (usize, usize, Pair)>>;

impl Counters {
    /// Notes the limits that both routes have under one name.
    pub fn note(&mut self, (old, was): (usize, &Route), (new, is): (usize, &Route)) {
        for limit in limits(is) {
            let Some(before) = limits(was).find(|before| before.name == limit.name) else { continue };
            let note = |places: &mut Places, from: &Limit, to: &Limit| {
                let sites = places.entry((limit.name.clone(), from.site.clone())).or_default();
                sites.entry(to.site.clone()).or_insert_with(|| (old, new, Pair::of(was, is)));
            };
            note(&mut self.apart, before, limit);
            note(&mut self.together, limit, before);
        }
    }

    /// Limits that count requests apart which they counted together, and the other way round. `example` finds a request
    /// of two routes.
    pub fn differences(self, gathered: &mut Gathered, example: impl Fn(usize, usize) -> Option<super::Witness>) {
        let ways = [
            (self.apart, Class::Looser, "counts apart what it counted together"),
            (self.together, Class::Tighter, "counts together what it counted apart"),
        ];
        for (places, class, what) in ways {
            for ((name, _), sites) in places.into_iter().filter(|(_, sites)| sites.len() > 1) {
                for (old, new, pair) in sites.into_values() {
                    let difference = Difference::new(class, format!("limit `{name}` {what}")).with("often enough");
                    gathered.add(difference, example(old, new).as_ref(), &pair);
                }
            }
        }
    }
}

fn limits(route: &Route) -> impl Iterator<Item = &Limit> {
    let configs = route.policies.iter().filter_map(|policy| if let Config::Limit(config) = policy { Some(config) } else { None });
    configs.flat_map(|config| &config.limits)
}
