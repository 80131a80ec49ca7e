//! Attributes of callers that are declared otherwise: what a credential must say, and what it means.

use super::{Class, Difference};
use crate::analyse::words::value;
use crate::policy::auth::{AttributeDecl, AttributeType, Declared, Kind};

/// What a credential must say to be taken at all, and what is known of callers otherwise. What rules make of it is told by
/// `callers`.
pub fn declared(was: &Declared, is: &Declared, found: &mut Vec<Difference>) {
    let name = &is.name;
    for attribute in &is.attributes {
        let before = was.attributes.iter().find(|other| other.name == attribute.name);
        let claim = &attribute.name;
        let with = || format!("with a token without `{claim}`");
        let (needed, needs) = (before.is_some_and(|before| required(was, before)), required(is, attribute));
        match (needed, needs) {
            (false, true) => found.push(Difference::new(Class::Tighter, format!("tokens of `{name}` must have `{claim}`")).with(with())),
            (true, false) => {
                found.push(Difference::new(Class::Looser, format!("tokens of `{name}` need no `{claim}` any more")).with(with()))
            }
            (true, true) | (false, false) => {}
        }
        match before {
            Some(before) => changed(name, before, attribute, needed && needs, found),
            None if needs => {}
            None => found.push(Difference::new(Class::Cosmetic, format!("`{claim}` of `{name}` is declared"))),
        }
        if needed == needs
            && let Some(before) = before
            && (before.optional, &before.default) != (attribute.optional, &attribute.default)
        {
            let says = format!("`{claim}` of `{name}` is {} where it is missing, was {}", missing(attribute), missing(before));
            let class = if missing(attribute) == missing(before) { Class::Cosmetic } else { Class::Reshaped };
            found.push(Difference::new(class, says).with(with()));
        }
    }
    for gone in was.attributes.iter().filter(|gone| !is.attributes.iter().any(|other| other.name == gone.name)) {
        let claim = &gone.name;
        found.push(if required(was, gone) {
            let says = format!("tokens of `{name}` need no `{claim}` any more");
            Difference::new(Class::Looser, says).with(format!("with a token without `{claim}`"))
        } else {
            Difference::new(Class::Cosmetic, format!("`{claim}` of `{name}` is not declared any more"))
        });
    }
}

/// A token without it is refused.
fn required(of: &Declared, attribute: &AttributeDecl) -> bool {
    match of.kind {
        Kind::Jwt(_) | Kind::Remote(_) => !attribute.optional && attribute.default.is_none(),
        Kind::Key(_) | Kind::Basic(_) => false,
    }
}

/// Another type or place: a credential that says it the old way is refused, or says something else.
fn changed(name: &str, was: &AttributeDecl, is: &AttributeDecl, both_required: bool, found: &mut Vec<Difference>) {
    let claim = &is.name;
    let says = || {
        let text = |attribute: &AttributeDecl| format!("{} from `{}`", kind(&attribute.ty), attribute.source);
        format!("`{claim}` of `{name}` is {}, was {}", text(is), text(was))
    };
    let (old_way, new_way) = ("with a credential that says it the old way", "with a credential that says it the new way");
    let (lost, gained) = match (&was.ty, &is.ty) {
        _ if was.source != is.source => (both_required, both_required),
        (AttributeType::Enum(old), AttributeType::Enum(new)) => {
            let more = |of: &[String], than: &[String]| of.iter().any(|word| !than.contains(word));
            (more(old, new), more(new, old))
        }
        (AttributeType::Enum(_), AttributeType::Text) => (false, true),
        (AttributeType::Text, AttributeType::Enum(_)) => (true, false),
        (old, new) => (old != new, old != new),
    };
    if lost {
        found.push(Difference::new(Class::Tighter, says()).with(old_way));
    }
    if gained {
        found.push(Difference::new(Class::Looser, says()).with(new_way));
    }
    if !lost && !gained && (&was.ty, &was.source) != (&is.ty, &is.source) {
        let class = if was.source == is.source { Class::Cosmetic } else { Class::Reshaped };
        found.push(Difference::new(class, says()).with(old_way));
    }
}

fn missing(attribute: &AttributeDecl) -> String {
    attribute.default.as_ref().map_or_else(|| "nothing".to_owned(), value)
}

fn kind(ty: &AttributeType) -> String {
    match ty {
        AttributeType::Bool => "bool".to_owned(),
        AttributeType::Int => "int".to_owned(),
        AttributeType::Text => "str".to_owned(),
        AttributeType::Enum(words) => format!("enum({})", words.join(", ")),
        AttributeType::Set => "set<str>".to_owned(),
    }
}
