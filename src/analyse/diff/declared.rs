//! Declarations that stand outside routes: told once for the gateway, with any request as the example.

use super::align::Both;
use super::rest::{self, Setting};
use super::{Class, Comparison, Difference, Gathered, Witness, auth, gateway, hooks};
use crate::analyse::words::Names;
use crate::ir::operate::{Flag, Store};
use crate::ir::{Program, Route};
use crate::policy::Config;
use crate::route::Remainder;

/// All that is not told route by route.
pub fn differences(comparison: &Comparison<'_>, gathered: &mut Gathered) {
    let mut found = Vec::new();
    // Every part of a program is named, so that a new one is either compared here or said to be compared elsewhere.
    let Program { gateway: _, upstreams: _, auths: _, routes: _, stores: _, flags, hooks: _, tests: _, written: _ } = comparison.old;
    gateway::differences(comparison, &mut found);
    stores(&comparison.aligned.stores, &mut found);
    hooks::declared(&comparison.aligned.hooks, &NAMELESS, &mut found);
    let names = Names { auths: &comparison.aligned.named, params: &[] };
    switches(flags, &comparison.aligned.flags, &names, &mut found);
    identities(comparison, &mut found);
    uncalled(comparison, &names, &mut found);
    if found.is_empty() {
        return;
    }
    let any = (0..comparison.new.routes.len()).find_map(|route| any_request(comparison, route));
    for difference in found {
        gathered.whole(difference, any.as_ref());
    }
}

/// For what holds no expressions.
const NAMELESS: Names<'_> = Names { auths: &[], params: &[] };

/// A request that some new route takes.
fn any_request(comparison: &Comparison<'_>, route: usize) -> Option<Witness> {
    let key = &comparison.new.routes.get(route)?.key;
    match crate::route::remainder::remainder(&[key], &[], comparison.matches) {
        Remainder::Request(sample) => Some(Witness::of(&sample)),
        Remainder::Nothing | Remainder::TooComplex => None,
    }
}

/// Stores: routes tell which of them they use.
fn stores(all: &[Both<Store>], found: &mut Vec<Difference>) {
    for both in all {
        let declared = |verb: &str, of: &Store| Difference::new(Class::Cosmetic, format!("store `{}` {verb}", of.name));
        match (&both.old, &both.new) {
            (None, None) => {}
            (Some(gone), None) => found.push(declared("is not declared any more", gone)),
            (None, Some(added)) => found.push(declared("is declared", added)),
            (Some(was), Some(is)) => {
                let time = |setting: &Setting| setting.path.last().is_some_and(|name| name == "timeout" || name == "nanos");
                let class = |setting: &Setting| if time(setting) { Class::Tuned } else { Class::Reshaped };
                found.extend(rest::told(was, is, &["name"], &format!(" of store `{}`", is.name), &NAMELESS, class));
            }
        }
    }
}

fn switches(was: &[Flag], is: &[Flag], names: &Names<'_>, found: &mut Vec<Difference>) {
    for setting in rest::settings(&was, &is, &["order"]) {
        let (class, says) = match (setting.path.as_slice(), &setting.was, &setting.is) {
            ([name], None, Some(_)) => (Class::Cosmetic, format!("flag `{name}` is declared")),
            ([name], Some(_), None) => (Class::Reshaped, format!("flag `{name}` is not declared any more")),
            ([name, path @ ..], ..) => {
                let setting = Setting { path: path.to_vec(), ..setting.clone() };
                found.push(setting.told(Class::Reshaped, &format!(" of flag `{name}`"), names));
                continue;
            }
            ([], ..) => (Class::Reshaped, "the flags are others".to_owned()),
        };
        found.push(Difference::new(class, says));
    }
}

/// Auths that no route asks for in both programs, but tokens are issued for them, or the admin listener asks.
fn identities(comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let asked = |routes: &[Route], index: usize| {
        routes.iter().filter_map(Route::auth).any(|auth| auth.auths.iter().any(|known| usize::from(*known) == index))
    };
    let used = |routes: &[Route], admin: Option<u16>, index: usize| {
        let issues = |policy: &Config| matches!(policy, Config::Issue(issue) if usize::from(issue.auth) == index);
        admin.is_some_and(|auth| usize::from(auth) == index) || routes.iter().any(|route| route.policies.iter().any(issues))
    };
    let (old, new) = (&comparison.old.routes, &comparison.aligned.routes);
    let admin = |gateway: &crate::ir::Gateway| gateway.admin.as_ref().and_then(|admin| admin.auth);
    let (old_admin, new_admin) = (admin(&comparison.old.gateway), admin(&comparison.aligned.gateway));
    for (index, both) in comparison.aligned.auths.iter().enumerate() {
        let told = asked(old, index) && asked(new, index);
        if let Some((was, is)) = both.pair()
            && was != is
            && !told
            && used(old, old_admin, index)
            && used(new, new_admin, index)
        {
            auth::declarations(was, is, found);
        }
    }
}

/// Upstreams that routes do not call in both programs: what is declared of them decides nothing of both.
fn uncalled(comparison: &Comparison<'_>, names: &Names<'_>, found: &mut Vec<Difference>) {
    let calls = |routes: &[Route], index: usize| {
        routes.iter().any(|route| super::outcome::called(route).iter().any(|known| usize::from(known.0) == index))
    };
    for (index, both) in comparison.aligned.upstreams.iter().enumerate() {
        if let Some((was, is)) = both.pair()
            && was != is
            && !(calls(&comparison.old.routes, index) && calls(&comparison.aligned.routes, index))
        {
            let of = format!(" of upstream `{}`, which routes did not or do not call,", is.name);
            found.extend(rest::told(was, is, &["name"], &of, names, |_| Class::Cosmetic));
        }
    }
}
