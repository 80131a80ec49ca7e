//! Forms and slots in words: how a statement is written, what is missing, where something may stand.

use super::form::{Count, Form, Kind, Mark, Slot};

/// A slot in words: `a duration`.
#[must_use]
pub fn what(slot: &Slot) -> String {
    let words = match slot.kind {
        Kind::Name => "a name".to_owned(),
        Kind::Value(what) => what.to_owned(),
        Kind::Word(words) => either(&words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>()),
        Kind::Fixed(word) => format!("the word `{word}`"),
        Kind::Methods => "methods such as `GET,POST`, or `ANY`".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Declared(what) => {
            format!("the name of {} `{}`", if matches!(what.word().chars().next(), Some('a' | 'u')) { "an" } else { "a" }, what.word())
        }
        Kind::Rest(_) => slot.name.to_owned(),
    };
    match slot.mark {
        Mark::None => words,
        Mark::Arrow => format!("`->` and {words}"),
        Mark::Assign => format!("`=` and {words}"),
        Mark::Annotation => format!("`:` and {words}"),
    }
}

/// What stands before a slot.
fn mark(slot: &Slot) -> &'static str {
    match slot.mark {
        Mark::None => "",
        Mark::Arrow => "-> ",
        Mark::Assign => "= ",
        Mark::Annotation => ": ",
    }
}

/// A form as the reference writes it: `limit NAME RATE [by KEY] [burst N]`.
#[must_use]
pub fn usage(form: &Form) -> String {
    let mut out = form.word.to_owned();
    for slot in form.slots {
        let mark = mark(slot);
        let text = match slot.kind {
            Kind::Fixed(word) => word.to_owned(),
            Kind::Word(words) => words.join("|"),
            Kind::Methods => "METHODS".to_owned(),
            _ => slot.name.to_uppercase(),
        };
        out.push_str(&if slot.optional { format!(" [{mark}{text}]") } else { format!(" {mark}{text}") });
    }
    for child in form.children {
        let inner: Vec<String> = child
            .slots
            .iter()
            .map(|slot| match slot.kind {
                Kind::Fixed(word) => word.to_owned(),
                Kind::Word(words) => words.join("|"),
                _ => format!("{}{}", mark(slot), slot.name.to_uppercase()),
            })
            .collect();
        let text = std::iter::once(child.word.to_owned()).chain(inner).collect::<Vec<_>>().join(" ");
        out.push_str(&if child.count == Count::Required { format!(" {text}") } else { format!(" [{text}]") });
    }
    out
}

/// `` `a`, `b` and `c` ``
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// `at the top of a file, in a group or a route`: the preposition is not said again.
#[must_use]
pub fn somewhere(homes: &[String]) -> String {
    let mut before = "";
    let short = homes.iter().map(|home| {
        let (preposition, name) = home.split_once(' ').unwrap_or(("", home));
        if std::mem::replace(&mut before, preposition) == preposition { name.to_owned() } else { home.clone() }
    });
    either(&short.collect::<Vec<_>>())
}

/// `a, b or c`
pub(super) fn either(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
