//! Two programs in the same numbers: what one calls upstream 2 may be upstream 0 of the other.
//!
//! Declarations are the same when their names are, and else when their content is. The new program's numbers are put into
//! the old one's, behind which what is only there now has its place.

use crate::http::UpstreamIndex;
use crate::ir::{Program, Route, Target};
use crate::lang::expr::Expr;
use crate::policy::Config;
use crate::policy::auth::{self, Declared};
use crate::upstream;
use serde_json::Value;
use std::borrow::Cow;

/// The new program in the old one's numbers.
pub struct Aligned<'p> {
    /// Its routes, in order.
    pub routes: Cow<'p, [Route]>,
    /// Every upstream of either.
    pub upstreams: Vec<Both<'p, upstream::Config>>,
    /// Every auth of either.
    pub auths: Vec<Both<'p, Declared>>,
    /// Auths with the attributes of both, for their names.
    pub named: Vec<Declared>,
}

/// A declaration of the old program, of the new one, or of both.
pub struct Both<'p, T> {
    /// What it was.
    pub old: Option<&'p T>,
    /// What it is.
    pub new: Option<&'p T>,
}

/// Where the new program's numbers go.
struct Maps {
    upstreams: Vec<u16>,
    auths: Vec<u16>,
    /// By auth, then slot.
    attributes: Vec<Vec<u16>>,
}

/// Aligns two programs.
pub fn align<'p>(old: &'p Program, new: &'p Program) -> Aligned<'p> {
    let (upstreams, upstream_map) = pair(&old.upstreams, &new.upstreams, |config| config.name.as_str(), same_upstream);
    let (auths, auth_map) = pair(&old.auths, &new.auths, |declared| declared.name.as_str(), same_auth);
    let mut named: Vec<Declared> = auths.iter().filter_map(|both| both.old.or(both.new)).cloned().collect();
    let mut attributes = Vec::new();
    for (declared, at) in new.auths.iter().zip(&auth_map) {
        let Some(known) = named.get_mut(usize::from(*at)) else { continue };
        let slots = declared.attributes.iter().map(|attribute| {
            let slot = known.attributes.iter().position(|other| other.name == attribute.name).unwrap_or_else(|| {
                known.attributes.push(attribute.clone());
                known.attributes.len() - 1
            });
            number(slot)
        });
        attributes.push(slots.collect());
    }
    let maps = Maps { upstreams: upstream_map, auths: auth_map, attributes };
    let routes = if maps.change_nothing() {
        Cow::Borrowed(new.routes.as_slice())
    } else {
        Cow::Owned(new.routes.iter().map(|route| maps.route(route)).collect())
    };
    Aligned { routes, upstreams, auths, named }
}

/// Policies whose parameters' slots are renumbered; those that do not fit stay as they are.
pub fn with_slots(policies: &[Config], slots: &[u16]) -> Vec<Config> {
    let renumber = |name: &str, value: &mut Value| {
        if name == "Param"
            && let Some(slot) = value.get_mut("slot")
        {
            replace(slot, |slot| slots.get(usize::from(slot)).copied());
        }
    };
    policies.iter().map(|policy| changed(policy, &renumber)).collect()
}

/// Policies that ask for an attribute by its name alone, whichever auth knows it: by the first slot that has the name.
pub fn with_first_slots(policies: &[Config], named: &[Declared]) -> Vec<Config> {
    let rewrite = |name: &str, value: &mut Value| {
        if name == "Attribute"
            && let Ok(slots) = serde_json::from_value::<Vec<(u16, u16)>>(value.clone())
            && let Some(slot) = slots.first().and_then(|slot| first_slot(*slot, named))
        {
            *value = serde_json::json!([slot]);
        }
    };
    policies.iter().map(|policy| changed(policy, &rewrite)).collect()
}

/// The first slot of an attribute with the same root and name.
pub fn first_slot((auth, slot): (u16, u16), named: &[Declared]) -> Option<(u16, u16)> {
    let declared = named.get(usize::from(auth))?;
    let name = &declared.attributes.get(usize::from(slot))?.name;
    named.iter().enumerate().filter(|(_, other)| other.root() == declared.root()).find_map(|(index, other)| {
        let slot = other.attributes.iter().position(|attribute| attribute.name == *name)?;
        Some((number(index), number(slot)))
    })
}

/// True when some expression asks for a reference of this kind.
pub fn asks_for(kind: &str, policies: &[Config]) -> bool {
    let member = format!("\"{kind}\"");
    policies.iter().any(|policy| serde_json::to_string(policy).is_ok_and(|text| text.contains(&member)))
}

type Paired<'p, T> = (Vec<Both<'p, T>>, Vec<u16>);

fn pair<'p, T>(old: &'p [T], new: &'p [T], name: impl Fn(&T) -> &str, same: impl Fn(&T, &T) -> bool) -> Paired<'p, T> {
    let mut all: Vec<Both<'p, T>> = old.iter().map(|old| Both { old: Some(old), new: None }).collect();
    let mut map: Vec<Option<u16>> = vec![None; new.len()];
    for by_name in [true, false] {
        let alike = |one: &T, other: &T| if by_name { name(one) == name(other) } else { same(one, other) };
        for (declared, at) in new.iter().zip(&mut map).filter(|(_, at)| at.is_none()) {
            let free = |both: &Both<'p, T>| both.new.is_none() && both.old.is_some_and(|old| alike(old, declared));
            if let Some((index, both)) = all.iter_mut().enumerate().find(|(_, both)| free(both)) {
                both.new = Some(declared);
                *at = Some(number(index));
            }
        }
    }
    for (declared, at) in new.iter().zip(&mut map).filter(|(_, at)| at.is_none()) {
        *at = Some(number(all.len()));
        all.push(Both { old: None, new: Some(declared) });
    }
    (all, map.into_iter().flatten().collect())
}

fn same_upstream(one: &upstream::Config, other: &upstream::Config) -> bool {
    upstream::Config { name: other.name.clone(), ..one.clone() } == *other
}

fn same_auth(one: &Declared, other: &Declared) -> bool {
    Declared { name: other.name.clone(), ..one.clone() } == *other
}

fn number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

impl Maps {
    fn change_nothing(&self) -> bool {
        let identity = |map: &[u16]| map.iter().enumerate().all(|(at, to)| at == usize::from(*to));
        identity(&self.upstreams) && identity(&self.auths) && self.attributes.iter().all(|map| identity(map))
    }

    fn route(&self, route: &Route) -> Route {
        let upstream = |index: UpstreamIndex| UpstreamIndex(self.upstreams.get(usize::from(index.0)).copied().unwrap_or(index.0));
        let rewrite = |name: &str, value: &mut Value| self.rewrite(name, value);
        let mut log = route.log.clone();
        log.when = log.when.map(|when| changed(&when, &rewrite));
        log.fields = log.fields.into_iter().map(|(name, field): (String, Expr)| (name, changed(&field, &rewrite))).collect();
        Route {
            target: match route.target {
                Target::Upstream(index) => Target::Upstream(upstream(index)),
                Target::Policy => Target::Policy,
            },
            policies: route.policies.iter().map(|policy| self.policy(policy, &rewrite)).collect(),
            timeouts: route.timeouts.iter().map(|(index, config)| (upstream(*index), *config)).collect(),
            retries: route.retries.iter().map(|(index, config)| (upstream(*index), config.clone())).collect(),
            log,
            ..route.clone()
        }
    }

    fn policy(&self, policy: &Config, rewrite: &dyn Fn(&str, &mut Value)) -> Config {
        if let Config::Auth(auth) = policy {
            let auths = auth.auths.iter().map(|index| self.auths.get(usize::from(*index)).copied().unwrap_or(*index)).collect();
            return Config::Auth(auth::Config { mode: auth.mode.clone(), auths });
        }
        changed(policy, rewrite)
    }

    /// Puts the numbers below a member of that name into the old program's.
    fn rewrite(&self, name: &str, value: &mut Value) {
        match name {
            "Attribute" => {
                for pair in value.as_array_mut().into_iter().flatten() {
                    let Some([auth, slot]) = pair.as_array_mut().map(Vec::as_mut_slice) else { continue };
                    let slots = auth.as_u64().and_then(|auth| self.attributes.get(usize::try_from(auth).ok()?));
                    replace(slot, |slot| slots.and_then(|slots| slots.get(usize::from(slot))).copied());
                    replace(auth, |auth| self.auths.get(usize::from(auth)).copied());
                }
            }
            "auth" => replace(value, |auth| self.auths.get(usize::from(auth)).copied()),
            "upstream" => replace(value, |upstream| self.upstreams.get(usize::from(upstream)).copied()),
            _ => {}
        }
    }
}

fn replace(value: &mut Value, to: impl Fn(u16) -> Option<u16>) {
    if let Some(number) = value.as_u64().and_then(|number| u16::try_from(number).ok()).and_then(to) {
        *value = number.into();
    }
}

/// Plain data with some of its members rewritten; what does not come back as it was stays.
fn changed<T>(of: &T, rewrite: &dyn Fn(&str, &mut Value)) -> T
where
    T: Clone + serde::Serialize + serde::de::DeserializeOwned,
{
    let Ok(mut value) = serde_json::to_value(of) else { return of.clone() };
    let before = value.clone();
    walk(&mut value, rewrite);
    if value == before { of.clone() } else { serde_json::from_value(value).unwrap_or_else(|_| of.clone()) }
}

fn walk(value: &mut Value, rewrite: &dyn Fn(&str, &mut Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                rewrite(name, member);
                walk(member, rewrite);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|each| walk(each, rewrite)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
