//! What is known of the requests that a question is about: which values a reference can have.

use super::spans::Spans;
use super::text::Texts;
use crate::lang::checker::{AttributeFact, Entrance, RouteFacts};
use crate::lang::expr::{Ref, SlotNames};
use crate::lang::types::Type;
use crate::route::{Pattern, RouteKey, SegmentType};

/// The largest number an `int` parameter can be: nineteen digits.
const PARAM_MAX: u128 = 9_999_999_999_999_999_999;

/// What is known of the requests that a question is about. Without anything, of every request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The route they take: its methods, hosts and path bound what conditions see of them.
    pub key: Option<&'a RouteKey>,
    /// Other patterns that their paths match, too.
    pub patterns: &'a [&'a Pattern],
    /// The attributes of their callers. A reference to one that is not listed is text that may be missing.
    pub attributes: &'a [AttributeFact],
    /// Where they come in; empty when that is not known.
    pub entrances: &'a [Entrance],
}

impl<'a> From<&'a RouteFacts> for Facts<'a> {
    fn from(facts: &'a RouteFacts) -> Self {
        Self { key: facts.key.as_deref(), patterns: &[], attributes: &facts.attributes, entrances: &facts.entrances }
    }
}

/// What a reference can be.
pub(super) struct Domain<'a> {
    /// It may be missing.
    pub optional: bool,
    /// And else?
    pub kind: Kind<'a>,
}

/// The values that a reference can have.
pub(super) enum Kind<'a> {
    Text(Texts<'a>),
    Number(Spans),
    Duration,
    Address,
    Truth,
    Set,
}

impl<'a> Facts<'a> {
    /// What a reference can be.
    pub(super) fn domain(self, reference: &Ref) -> Domain<'a> {
        let always = |kind| Domain { optional: false, kind };
        let perhaps = |kind| Domain { optional: true, kind };
        match reference {
            Ref::Method => always(Kind::Text(match self.key {
                Some(key) if !key.methods.is_any() => Texts::Words(key.methods.names().map(str::to_owned).collect()),
                Some(_) | None => Texts::Methods,
            })),
            Ref::Path => always(Kind::Text(Texts::Path(self.key.map(|key| &key.pattern), self.patterns))),
            Ref::Host => always(Kind::Text(Texts::Hosts(self.key.map_or(&[], |key| &key.hosts)))),
            Ref::Scheme => {
                let can_be =
                    |scheme: &str| self.entrances.is_empty() || self.entrances.iter().any(|entrance| entrance.schemes.contains(&scheme));
                let schemes = ["http", "https"].into_iter().filter(|scheme| can_be(scheme));
                always(Kind::Text(Texts::Words(schemes.map(str::to_owned).collect())))
            }
            Ref::Listener if !self.entrances.is_empty() => {
                always(Kind::Text(Texts::Words(self.entrances.iter().map(|entrance| entrance.listener.clone()).collect())))
            }
            Ref::Id | Ref::Listener | Ref::UpstreamName => always(Kind::Text(Texts::Any)),
            Ref::Size => perhaps(Kind::Number(Spans::run(0, u128::from(u64::MAX)))),
            Ref::Header(_) | Ref::ResponseHeader(_) => perhaps(Kind::Text(Texts::Field)),
            Ref::Cookie(_) => perhaps(Kind::Text(Texts::Cookie)),
            Ref::Query(_) | Ref::Body(_) | Ref::ClientSubject | Ref::ClientName => perhaps(Kind::Text(Texts::Any)),
            Ref::Flag { .. } => always(Kind::Truth),
            Ref::ClientIp => always(Kind::Address),
            Ref::Param { int: true, .. } => always(Kind::Number(Spans::run(0, PARAM_MAX))),
            Ref::Param { slot, .. } => always(Kind::Text(self.param_at(*slot).map_or(Texts::Any, |(_, kind)| Texts::of(kind)))),
            Ref::ResponseStatus => always(Kind::Number(Spans::run(100, 999))),
            Ref::ResponseDuration => always(Kind::Duration),
            Ref::Attribute(slots) => match self.fact(slots) {
                Some(fact) => Domain { optional: fact.ty.is_optional(), kind: of_type(fact.ty.present()) },
                None => perhaps(Kind::Text(Texts::Any)),
            },
        }
    }

    /// True when a reference may be missing.
    pub(super) fn optional(self, reference: &Ref) -> bool {
        self.domain(reference).optional
    }

    fn param_at(self, slot: u16) -> Option<(&'a str, &'a SegmentType)> {
        self.key?.pattern.params().get(usize::from(slot)).copied()
    }

    fn fact(self, slots: &[(u16, u16)]) -> Option<&'a AttributeFact> {
        self.attributes.iter().find(|fact| fact.slots == slots)
    }
}

impl SlotNames for Facts<'_> {
    fn param(&self, slot: u16) -> Option<&str> {
        self.param_at(slot).map(|(name, _)| name)
    }

    fn attribute(&self, slots: &[(u16, u16)]) -> Option<(&str, &str)> {
        self.fact(slots).map(|fact| (fact.root, fact.name.as_str()))
    }
}

fn of_type(ty: &Type) -> Kind<'static> {
    match ty {
        Type::Bool => Kind::Truth,
        Type::Int | Type::Size => Kind::Number(Spans::run(0, u128::from(u64::MAX))),
        Type::Status => Kind::Number(Spans::run(100, 999)),
        Type::Duration => Kind::Duration,
        Type::Ip => Kind::Address,
        Type::Set(_) | Type::List(_) => Kind::Set,
        Type::Enum(choices) => Kind::Text(Texts::Words(choices.to_vec())),
        Type::Str
        | Type::Percent
        | Type::Rate
        | Type::Method
        | Type::Cidr
        | Type::Address
        | Type::Host
        | Type::Regex
        | Type::Path
        | Type::Url
        | Type::Date
        | Type::Secret
        | Type::Range(_)
        | Type::Optional(_)
        | Type::Nothing => Kind::Text(Texts::Any),
    }
}
