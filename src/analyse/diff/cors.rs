//! `cors`: which origins' scripts may call and what they may do, compared as sets.

use super::{Class, Difference};
use crate::analyse::words::duration;
use crate::policy::Config;
use crate::policy::cors::{self, Origin};

/// What is covered of the policy.
pub const COVERED: &[&str] = &["cors.?", "cors.origins", "cors.methods", "cors.headers", "cors.expose", "cors.credentials", "cors.max_age"];

/// From where preflights come.
const FROM: &str = "from a script of another origin";

/// Differences for scripts of other origins.
pub fn differences(old: &[Config], new: &[Config], found: &mut Vec<Difference>) {
    match (config(old), config(new)) {
        (None, None) => {}
        (Some(_), None) => {
            found.push(Difference::new(Class::Tighter, "scripts of other origins may not call it any more: no `cors`").with(FROM))
        }
        (None, Some(new)) => {
            let origins: Vec<String> = new.origins.iter().map(origin).collect();
            found.push(Difference::new(Class::Looser, format!("scripts of {} may call it: `cors`", origins.join(", "))).with(FROM));
        }
        (Some(old), Some(new)) => both(old, new, found),
    }
}

fn config(policies: &[Config]) -> Option<&cors::Config> {
    policies.iter().find_map(|policy| if let Config::Cors(config) = policy { Some(config) } else { None })
}

fn both(old: &cors::Config, new: &cors::Config, found: &mut Vec<Difference>) {
    sets("origins", &old.origins, &new.origins, covers, origin, found);
    // Without a list a preflight is told of whichever method it asks about.
    let methods = |config: &cors::Config| if config.methods.is_empty() { vec!["*".to_owned()] } else { config.methods.clone() };
    let word = |word: &String| word.clone();
    sets("methods", &methods(old), &methods(new), |one, other| one == "*" || one == other, word, found);
    let field = |one: &String, other: &String| one == "*" || one.eq_ignore_ascii_case(other);
    sets("headers", &old.headers, &new.headers, field, word, found);
    sets("expose", &old.expose, &new.expose, field, word, found);
    match (old.credentials, new.credentials) {
        (false, true) => found.push(Difference::new(Class::Looser, "`cors` lets credentials come along").with(FROM)),
        (true, false) => found.push(Difference::new(Class::Tighter, "`cors` lets no credentials come along any more").with(FROM)),
        (true, true) | (false, false) => {}
    }
    if old.max_age != new.max_age {
        let says = format!("`cors max_age` is {}, was {}", duration(new.max_age), duration(old.max_age));
        found.push(Difference::new(Class::Tuned, says));
    }
}

/// Two lists of what is let through, where one entry may stand for others.
fn sets<T: PartialEq>(
    what: &str,
    old: &[T],
    new: &[T],
    covers: impl Fn(&T, &T) -> bool,
    text: impl Fn(&T) -> String,
    found: &mut Vec<Difference>,
) {
    let more = |of: &[T], than: &[T]| -> Vec<String> {
        of.iter().filter(|entry| !than.iter().any(|other| covers(other, entry))).map(&text).collect()
    };
    let (added, gone) = (more(new, old), more(old, new));
    if !added.is_empty() {
        found.push(Difference::new(Class::Looser, format!("`cors {what}` also has {}", added.join(", "))).with(FROM));
    }
    if !gone.is_empty() {
        found.push(Difference::new(Class::Tighter, format!("`cors {what}` has no {} any more", gone.join(", "))).with(FROM));
    }
    if added.is_empty() && gone.is_empty() && old != new {
        found.push(Difference::new(Class::Cosmetic, format!("`cors {what}` is written otherwise and means the same")));
    }
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Any => "*".to_owned(),
        Origin::Exact(text) => text.clone(),
        Origin::Under { scheme, suffix } => format!("{scheme}*{suffix}"),
    }
}

/// True when every origin of the second is one of the first.
fn covers(one: &Origin, other: &Origin) -> bool {
    match (one, other) {
        (Origin::Any, _) => true,
        (Origin::Exact(one), Origin::Exact(other)) => one == other,
        (Origin::Under { scheme, suffix }, Origin::Exact(other)) => other
            .strip_prefix(scheme.as_str())
            .and_then(|host| host.strip_suffix(suffix.as_str()))
            .is_some_and(|labels| labels.split('.').all(|label| !label.is_empty() && !label.contains(['[', ':']))),
        (Origin::Under { scheme, suffix }, Origin::Under { scheme: other_scheme, suffix: other_suffix }) => {
            scheme == other_scheme && other_suffix.ends_with(suffix.as_str())
        }
        (Origin::Exact(_), Origin::Any | Origin::Under { .. }) | (Origin::Under { .. }, Origin::Any) => false,
    }
}
