//! What is known of a caller on a route, by the auths in force there.

use super::config::{Config, Declared, Kind, Mode};
use super::remote::Remote;
use crate::lang::checker::{AttributeFact, AuthFact, ClaimFact};
use crate::lang::expr::{Expr, Ref};

/// What expressions on a route may ask about the caller, and whether a caller is always identified there.
///
/// Under `any` an attribute that only some of the auths declare is optional; under `all` the attributes are united; under
/// `optional` every one is optional. A public route knows nothing of its callers.
#[must_use]
pub fn facts(config: &Config, declared: &[Declared]) -> (Vec<AttributeFact>, bool) {
    let mut facts: Vec<AttributeFact> = Vec::new();
    for auth in &config.auths {
        let Some(declaration) = declared.get(usize::from(*auth)) else { continue };
        for (slot, attribute) in (0_u16..).zip(&declaration.attributes) {
            let ty = attribute.expression_type();
            let root = declaration.root();
            match facts.iter_mut().find(|fact| fact.root == root && fact.name == attribute.name) {
                Some(fact) => {
                    // Under `all` one auth that always has it is enough; under `any` one that may lack it makes it optional.
                    match config.mode {
                        Mode::All if !ty.is_optional() => fact.ty = ty,
                        Mode::Any if ty.is_optional() => fact.ty = ty,
                        Mode::All | Mode::Any | Mode::One | Mode::Optional | Mode::Public { .. } => {}
                    }
                    fact.slots.push((*auth, slot));
                }
                None => facts.push(AttributeFact { root, name: attribute.name.clone(), ty, slots: vec![(*auth, slot)] }),
            }
        }
    }
    for fact in &mut facts {
        let some = match config.mode {
            Mode::Any => fact.slots.len() < config.auths.len(),
            Mode::Optional => true,
            Mode::One | Mode::All | Mode::Public { .. } => false,
        };
        if some {
            fact.ty = fact.ty.clone().optional();
        }
    }
    (facts, !config.is_public())
}

/// What an auth declares, where it is not asked: known by name, and always missing.
pub fn absent(declared: &Declared) -> impl Iterator<Item = AttributeFact> + '_ {
    let root = declared.root();
    declared.attributes.iter().map(move |attribute| AttributeFact {
        root,
        name: attribute.name.clone(),
        ty: attribute.expression_type().optional(),
        slots: Vec::new(),
    })
}

/// What is so of callers beyond the types of their attributes: under `any` one of the auths identified them, under `optional`
/// one did or none; and whom an auth did not identify has no attributes of it.
#[must_use]
pub fn identity(config: &Config, declared: &[Declared]) -> Vec<Expr> {
    let (facts, _) = facts(config, declared);
    let has = |fact: &AttributeFact| Expr::Has(Box::new(Expr::Ref(Ref::Attribute(fact.slots.clone()))));
    let of = |auth: u16, required: bool| -> Vec<&AttributeFact> {
        let required = |slot: u16| {
            !required
                || declared
                    .get(usize::from(auth))
                    .and_then(|auth| auth.attributes.get(usize::from(slot)))
                    .is_some_and(|attribute| !attribute.optional)
        };
        facts.iter().filter(|fact| fact.slots.iter().any(|(other, slot)| *other == auth && required(*slot))).collect()
    };
    let identified = |auth: u16| Expr::And(of(auth, true).into_iter().map(has).collect());
    let unknown = |auth: u16| {
        let own = of(auth, false).into_iter().filter(|fact| fact.slots.len() == 1);
        Expr::And(own.map(|fact| Expr::Not(Box::new(has(fact)))).collect())
    };
    let apart = config.auths.iter().map(|auth| Expr::Or(vec![identified(*auth), unknown(*auth)]));
    match config.mode {
        Mode::Any => apart.chain([Expr::Or(config.auths.iter().map(|auth| identified(*auth)).collect())]).collect(),
        Mode::Optional => apart.collect(),
        Mode::Public { .. } | Mode::One | Mode::All => Vec::new(),
    }
}

/// One name that two auths of a route declare with different types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The attribute as expressions say it: `claim.tenant`.
    pub attribute: String,
    /// The auth that declares it first, and its type there.
    pub first: (u16, String),
    /// The other one.
    pub second: (u16, String),
}

/// The first attribute whose type differs between the auths in force on a route: an error, since `claim.x` would have two types.
#[must_use]
pub fn clash(config: &Config, declared: &[Declared]) -> Option<Clash> {
    let mut seen: Vec<(&'static str, &str, u16, String)> = Vec::new();
    for auth in &config.auths {
        let Some(declaration) = declared.get(usize::from(*auth)) else { continue };
        for attribute in &declaration.attributes {
            let ty = attribute.expression_type().present().to_string();
            let root = declaration.root();
            match seen.iter().find(|(family, name, ..)| *family == root && *name == attribute.name) {
                Some((_, _, first, other)) if *other != ty => {
                    return Some(Clash {
                        attribute: format!("{root}.{}", attribute.name),
                        first: (*first, other.clone()),
                        second: (*auth, ty),
                    });
                }
                Some(_) => {}
                None => seen.push((root, &attribute.name, *auth, ty)),
            }
        }
    }
    None
}

/// Family and name of the attribute that a reference asks for: of the first auth that knows it.
#[must_use]
pub fn attribute<'d>(declared: &'d [Declared], slots: &[(u16, u16)]) -> Option<(&'d str, &'d str)> {
    let (auth, slot) = slots.first()?;
    let declared = declared.get(usize::from(*auth))?;
    Some((declared.root(), &declared.attributes.get(usize::from(*slot))?.name))
}

/// An auth as `issue` sees it.
#[must_use]
pub fn auth_fact(declared: &Declared) -> AuthFact {
    let claims = match declared.kind {
        Kind::Jwt(_) => Some(
            declared
                .attributes
                .iter()
                .map(|claim| ClaimFact {
                    name: claim.name.clone(),
                    ty: claim.expression_type(),
                    required: !claim.optional && claim.default.is_none(),
                })
                .collect(),
        ),
        Kind::Key(_) | Kind::Basic(_) | Kind::Remote(_) => None,
    };
    AuthFact { name: declared.name.clone(), claims }
}

impl Declared {
    /// The family its attributes have in expressions: `claim`, `key` or `user`.
    #[must_use]
    pub fn root(&self) -> &'static str {
        match self.kind {
            Kind::Jwt(_) => "claim",
            Kind::Key(_) => "key",
            Kind::Basic(_) | Kind::Remote(Remote::Forward(_)) => "user",
            Kind::Remote(Remote::Issuer(_) | Remote::Introspect(_)) => "claim",
        }
    }
}
