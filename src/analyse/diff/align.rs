//! Two programs in the same numbers: what one calls upstream 2 may be upstream 0 of the other.
//!
//! Declarations are the same when their names are, and else when their content is. The new program's numbers are put into
//! the old one's, behind which what is only there now has its place.

use crate::http::UpstreamIndex;
use crate::ir::operate::{Admin, Flag, Hook, Store};
use crate::ir::{Gateway, Log, Program, Route, Target};
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
    /// Its gateway.
    pub gateway: Gateway,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Every upstream of either.
    pub upstreams: Vec<Both<upstream::Config>>,
    /// Every auth of either.
    pub auths: Vec<Both<Declared>>,
    /// Every store of either.
    pub stores: Vec<Both<Store>>,
    /// Every hook of either.
    pub hooks: Vec<Both<Hook>>,
    /// Auths with the attributes of both, for their names.
    pub named: Vec<Declared>,
}

/// A declaration of the old program, of the new one, or of both.
pub struct Both<T> {
    /// What it was.
    pub old: Option<T>,
    /// What it is.
    pub new: Option<T>,
}

impl<T> Both<T> {
    /// What it was and is, where it is in both.
    pub fn pair(&self) -> Option<(&T, &T)> {
        self.old.as_ref().zip(self.new.as_ref())
    }

    /// The old program's, if it has it.
    pub fn either(&self) -> Option<&T> {
        self.old.as_ref().or(self.new.as_ref())
    }
}

/// Where the new program's numbers go.
struct Maps {
    upstreams: Vec<u16>,
    auths: Vec<u16>,
    stores: Vec<u16>,
    hooks: Vec<u16>,
    flags: Vec<u16>,
    /// By auth, then slot.
    attributes: Vec<Vec<u16>>,
}

/// Aligns two programs.
pub fn align<'p>(old: &Program, new: &'p Program) -> Aligned<'p> {
    let (mut upstreams, upstream_map) = pair(&old.upstreams, &new.upstreams, |upstream| &mut upstream.name);
    let (auths, auth_map) = pair(&old.auths, &new.auths, |declared| &mut declared.name);
    let (stores, store_map) = pair(&old.stores, &new.stores, |store| &mut store.name);
    let (hooks, hook_map) = pair(&old.hooks, &new.hooks, |hook| &mut hook.name);
    let (_, flag_map) = pair(&old.flags, &new.flags, |flag| &mut flag.name);
    let mut named: Vec<Declared> = auths.iter().filter_map(Both::either).cloned().collect();
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
    let maps = Maps { upstreams: upstream_map, auths: auth_map, stores: store_map, hooks: hook_map, flags: flag_map, attributes };
    let (mut routes, mut gateway, mut flags) = (Cow::Borrowed(new.routes.as_slice()), new.gateway.clone(), new.flags.clone());
    if !maps.change_nothing() {
        routes = Cow::Owned(new.routes.iter().map(|route| maps.route(route)).collect());
        gateway.log = maps.log(&gateway.log);
        gateway.admin = gateway.admin.map(|admin| Admin { auth: admin.auth.map(|auth| moved(&maps.auths, auth)), ..admin });
        flags = flags.iter().map(|flag| maps.rewritten(flag)).collect();
        for upstream in upstreams.iter_mut().filter_map(|both| both.new.as_mut()) {
            *upstream = maps.rewritten(upstream);
        }
    }
    Aligned { routes, gateway, flags, upstreams, auths, stores, hooks, named }
}

/// Data in which upstreams are called by their names.
pub fn with_upstreams(value: &mut Value, upstreams: &[Both<upstream::Config>]) {
    let name = |value: &mut Value| {
        let index = value.as_u64().and_then(|index| usize::try_from(index).ok());
        if let Some(config) = index.and_then(|index| upstreams.get(index)).and_then(Both::either) {
            *value = Value::String(config.name.clone());
        }
    };
    walk(value, &|member, value| each_upstream(member, value, &name));
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

/// By the slots of an attribute, those of another one; none for one that stays.
type Elsewhere<'t> = &'t dyn Fn(&[(u16, u16)]) -> Option<Vec<(u16, u16)>>;

/// A condition that asks for other attributes.
pub fn rewritten(holds: &Expr, to: Elsewhere<'_>) -> Expr {
    changed(holds, &|name, value| {
        if name == "Attribute"
            && let Ok(slots) = serde_json::from_value::<Vec<(u16, u16)>>(value.clone())
            && let Some(slots) = to(&slots)
        {
            *value = serde_json::json!(slots);
        }
    })
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
pub fn asks_for<T: serde::Serialize>(kind: &str, of: &[T]) -> bool {
    let member = format!("\"{kind}\"");
    of.iter().any(|each| serde_json::to_string(each).is_ok_and(|text| text.contains(&member)))
}

type Paired<T> = (Vec<Both<T>>, Vec<u16>);

/// Declarations with the same name, else with the same content.
fn pair<T: Clone + PartialEq>(old: &[T], new: &[T], name: impl Fn(&mut T) -> &mut String) -> Paired<T> {
    let nameless = |of: &T| {
        let mut of = of.clone();
        let name = std::mem::take(name(&mut of));
        (name, of)
    };
    let known: Vec<(String, T)> = old.iter().map(nameless).collect();
    let mut all: Vec<Both<T>> = old.iter().map(|old| Both { old: Some(old.clone()), new: None }).collect();
    let mut map: Vec<Option<u16>> = vec![None; new.len()];
    for by_name in [true, false] {
        for (declared, at) in new.iter().zip(&mut map).filter(|(_, at)| at.is_none()) {
            let (name, content) = nameless(declared);
            let alike = |(other, same): &(String, T)| if by_name { *other == name } else { *same == content };
            let free = all.iter_mut().zip(&known).enumerate().find(|(_, (both, known))| both.new.is_none() && alike(known));
            if let Some((index, (both, _))) = free {
                both.new = Some(declared.clone());
                *at = Some(number(index));
            }
        }
    }
    for (declared, at) in new.iter().zip(&mut map).filter(|(_, at)| at.is_none()) {
        *at = Some(number(all.len()));
        all.push(Both { old: None, new: Some(declared.clone()) });
    }
    (all, map.into_iter().flatten().collect())
}

fn moved(map: &[u16], index: u16) -> u16 {
    map.get(usize::from(index)).copied().unwrap_or(index)
}

fn number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

impl Maps {
    fn change_nothing(&self) -> bool {
        let identity = |map: &[u16]| map.iter().enumerate().all(|(at, to)| at == usize::from(*to));
        let maps = [&self.upstreams, &self.auths, &self.stores, &self.hooks, &self.flags];
        maps.into_iter().all(|map| identity(map)) && self.attributes.iter().all(|map| identity(map))
    }

    fn route(&self, route: &Route) -> Route {
        let upstream = |index: UpstreamIndex| UpstreamIndex(moved(&self.upstreams, index.0));
        Route {
            target: match route.target {
                Target::Upstream(index) => Target::Upstream(upstream(index)),
                Target::Policy => Target::Policy,
            },
            policies: route.policies.iter().map(|policy| self.policy(policy)).collect(),
            timeouts: route.timeouts.iter().map(|(index, config)| (upstream(*index), *config)).collect(),
            retries: route.retries.iter().map(|(index, config)| (upstream(*index), config.clone())).collect(),
            hooks: route.hooks.iter().map(|hook| moved(&self.hooks, *hook)).collect(),
            log: self.log(&route.log),
            ..route.clone()
        }
    }

    fn log(&self, log: &Log) -> Log {
        self.rewritten(log)
    }

    fn policy(&self, policy: &Config) -> Config {
        if let Config::Auth(auth) = policy {
            let auths = auth.auths.iter().map(|index| moved(&self.auths, *index)).collect();
            return Config::Auth(auth::Config { mode: auth.mode.clone(), auths });
        }
        self.rewritten(policy)
    }

    fn rewritten<T: Clone + serde::Serialize + serde::de::DeserializeOwned>(&self, of: &T) -> T {
        changed(of, &|name, value| self.rewrite(name, value))
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
            "Flag" => {
                if let Some(index) = value.get_mut("index") {
                    replace(index, |flag| self.flags.get(usize::from(flag)).copied());
                }
            }
            "auth" => replace(value, |auth| self.auths.get(usize::from(auth)).copied()),
            "store" => replace(value, |store| self.stores.get(usize::from(store)).copied()),
            _ => each_upstream(name, value, &|value| replace(value, |upstream| self.upstreams.get(usize::from(upstream)).copied())),
        }
    }
}

/// The numbers of upstreams in a member of that name.
fn each_upstream(name: &str, value: &mut Value, then: &dyn Fn(&mut Value)) {
    match (name, value) {
        ("upstream", value) => then(value),
        ("shares", Value::Array(shares)) => {
            shares.iter_mut().filter_map(|share| share.as_array_mut()?.last_mut()).for_each(then);
        }
        _ => {}
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
