//! A request from this machine that a route takes and lets in, for `gate run --dev` to print.

use crate::ir::{Listener, Program, Route};
use crate::lang::checker::Entrance;
use crate::lang::expr::{Comparison, Expr, Ref};
use crate::lang::value::Value;
use crate::logic::Example as Shown;
use crate::logic::{Facts, Known, Model, Sample, TooComplex, sample, satisfiable};
use crate::policy::auth;
use serde_json::{Map, Value as Json};
use std::net::Ipv4Addr;

/// A request, and who makes it.
pub struct Example {
    /// The request.
    pub sample: Sample,
    model: Model,
}

impl Example {
    /// A request that comes in by that listener.
    ///
    /// # Errors
    /// Why there is none, in words that follow the route's name.
    pub fn of(route: &Route, program: &Program, door: &Listener) -> Result<Self, String> {
        let attributes = route.auth().map(|auth| auth::facts(auth, &program.auths).0).unwrap_or_default();
        let entrances = [Entrance { listener: door.name.clone(), schemes: if door.tls.is_some() { &["https"] } else { &["http"] } }];
        let facts = Facts { key: Some(&route.key), attributes: &attributes, entrances: &entrances, ..Facts::default() };
        let here = Value::Ip(Ipv4Addr::LOCALHOST.into());
        let here = Expr::Compare(Box::new(Expr::Ref(Ref::ClientIp)), Comparison::Equal, Box::new(Expr::Const(here)));
        let anywhere = route.conditions();
        let model = match satisfiable(facts, &[anywhere.as_slice(), &[&here]].concat()) {
            Ok(Some(model)) => model,
            Err(TooComplex) => return Err("what it asks for is too complex to think of a request".to_owned()),
            Ok(None) => {
                return Err(match satisfiable(facts, &anywhere) {
                    Ok(Some(model)) => format!("nobody at this machine is let in, but {model} would be"),
                    Ok(None) | Err(TooComplex) => "nobody at this machine is let in".to_owned(),
                });
            }
        };
        if let Some(beyond) = model.known.iter().find(|known| known.decisive && !is_in_a_request(known)) {
            return Err(format!("it takes {beyond}"));
        }
        let sample = sample(&route.key, &model).ok_or("no request of its path comes to mind")?;
        Ok(Self { sample, model })
    }

    /// What its caller is to an auth.
    #[must_use]
    pub fn attributes(&self, index: u16, declared: &auth::Declared) -> Map<String, Json> {
        let of = |known: &Known| {
            let Ref::Attribute(slots) = &known.reference else { return None };
            let (_, slot) = slots.iter().find(|(auth, _)| *auth == index)?;
            Some((declared.attributes.get(usize::from(*slot))?.name.clone(), json(&known.value)?))
        };
        self.model.known.iter().filter_map(of).collect()
    }
}

/// True for what a command line of curl says, or what is so anyway.
fn is_in_a_request(known: &Known) -> bool {
    match known.reference {
        Ref::Method | Ref::Path | Ref::Host | Ref::Scheme | Ref::Listener | Ref::ClientIp => true,
        Ref::Header(_) | Ref::Query(_) | Ref::Cookie(_) | Ref::Param { .. } | Ref::Attribute(_) => true,
        Ref::Body(_) | Ref::Size | Ref::ClientSubject | Ref::ClientName => known.value == Shown::Missing,
        Ref::Id | Ref::Flag { .. } | Ref::UpstreamName | Ref::ResponseStatus | Ref::ResponseDuration | Ref::ResponseHeader(_) => false,
    }
}

fn json(value: &Shown) -> Option<Json> {
    match value {
        Shown::Missing | Shown::Duration(_) => None,
        Shown::Truth(truth) => Some((*truth).into()),
        Shown::Number(number) => Some((*number).into()),
        Shown::Text(text) => Some((**text).into()),
        Shown::Address(ip) => Some(ip.to_string().into()),
        Shown::Set { has, .. } => Some(has.iter().map(|text| &**text).collect::<Vec<_>>().into()),
    }
}
