//! Conditions of `match` that routes cannot tell the meaning of: decided together with the rest of a request.

use crate::lang::expr::{Comparison, Expr, Ref};
use crate::lang::value::Value;
use crate::logic::{Facts, Model, TooComplex, satisfiable};
use crate::route::{Predicate, Sample, Test};
use http::HeaderName;

/// True unless it is certain that there is no such request.
pub fn possible(sample: &Sample) -> bool {
    let fits = sample.truths.iter().all(|(atom, truth)| {
        let predicate = Predicate { atoms: vec![atom.clone()] };
        matches!(atom.test, Test::Other(_)) || sample.fulfils(&predicate) == *truth
    });
    fits && (sample.truths.is_empty() || model(sample) != Ok(None))
}

/// Values for which the sample's conditions are as it says; none when there are no such values.
pub fn model(sample: &Sample) -> Result<Option<Model>, TooComplex> {
    let stated = sample.truths.iter().filter_map(|(atom, truth)| {
        let Test::Other(text) = &atom.test else { return None };
        let condition: Expr = serde_json::from_str(text).ok()?;
        Some(if *truth { condition } else { Expr::Not(Box::new(condition)) })
    });
    let own = [(Ref::Method, &sample.method), (Ref::Path, &sample.path)];
    let own = own.into_iter().map(|(reference, text)| equal(reference, Some(text)));
    let host = sample.host.iter().map(|host| equal(Ref::Host, Some(host)));
    let values = sample.values.iter().filter_map(|(name, value)| Some(equal(attribute(name)?, value.as_deref())));
    let all: Vec<Expr> = stated.chain(own).chain(host).chain(values).collect();
    satisfiable(Facts::default(), &all.iter().collect::<Vec<_>>())
}

/// The reference of an attribute that a request carries.
pub fn attribute(name: &str) -> Option<Ref> {
    let inside = |root: &str| name.strip_prefix(root)?.strip_prefix("(\"")?.strip_suffix("\")");
    if let Some(field) = inside("header") {
        return HeaderName::try_from(field).ok().map(Ref::Header);
    }
    inside("query").map(|name| Ref::Query(name.to_owned())).or_else(|| inside("cookie").map(|name| Ref::Cookie(name.to_owned())))
}

fn equal(reference: Ref, text: Option<&str>) -> Expr {
    let value = text.map_or(Value::None, |text| Value::Text(text.into()));
    Expr::Compare(Box::new(Expr::Ref(reference)), Comparison::Equal, Box::new(Expr::Const(value)))
}
