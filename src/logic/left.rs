//! A request that some routes take, all of them, and others do not: methods, hosts, paths and conditions decided together.

use super::TooComplex;
use super::facts::Facts;
use super::formula::{Atom, Formula, formula};
use super::model::{Example, Known, Model};
use super::placed::{Condition, REST_PLACE};
use super::search::{Question, references, walk};
use super::spans::Spans;
use super::text::TextTest;
use crate::lang::expr::{Pattern as Regex, Ref};
use crate::route::dfa::is_unreserved;
use crate::route::host::common;
use crate::route::{RouteKey, relation};
use std::borrow::Cow;
use std::fmt::Write;

/// Requests of a route: its key, and its condition if it has one.
#[derive(Clone, Copy)]
pub(super) struct Taken<'a> {
    pub key: &'a RouteKey,
    pub condition: Option<&'a Condition>,
}

impl Taken<'_> {
    /// True when the route takes a whole request.
    fn takes(self, request: &Model) -> bool {
        let text = |reference: &Ref| match request.get(reference) {
            Some(Example::Text(text)) => text.to_string(),
            _ => String::new(),
        };
        self.key.methods.contains(&text(&Ref::Method))
            && self.key.matches_host(&text(&Ref::Host))
            && self.key.pattern.matches(&text(&Ref::Path))
            && self.condition.is_none_or(|condition| condition.holds(&self.key.pattern, request))
    }
}

/// A request that all of `of` take and none of `by` does, for which the goals come out as asked; the goals speak of the first
/// route's parameters. It has a method and a path, and a host where not every host will do.
pub(super) fn left(
    facts: Facts<'_>,
    goals: &[(&Condition, bool)],
    of: &[Taken<'_>],
    by: &[Taken<'_>],
) -> Result<Option<Model>, TooComplex> {
    let Some(first) = of.first() else { return Ok(None) };
    let meets = |other: &RouteKey| {
        of.iter().all(|taken| {
            taken.key.methods.overlaps(&other.methods)
                && !common(&taken.key.hosts, &other.hosts).is_empty()
                && relation::share_paths(&taken.key.pattern, &other.pattern)
        })
    };
    let by: Vec<Taken<'_>> = by.iter().copied().filter(|taken| meets(taken.key)).collect();
    let bounds = RouteKey { pattern: first.key.pattern.placed(), ..first.key.clone() };
    let facts = Facts { key: Some(&bounds), ..facts };
    let mut asked = vec![&Ref::Method, &Ref::Host, &Ref::Path];
    let conditions = of.iter().chain(&by).filter_map(|taken| taken.condition).chain(goals.iter().map(|(goal, _)| *goal));
    conditions.filter(|condition| !condition.captured).for_each(|condition| references(&condition.expr, &mut asked));
    let mut formulas: Vec<Formula<'_>> = of.iter().map(|taken| within(facts, *taken)).collect();
    formulas.extend(by.iter().map(|taken| outside(facts, first.key, *taken)));
    let goal_formulas = goals.iter().filter(|(goal, _)| !goal.captured);
    formulas.extend(goal_formulas.map(|(goal, wanted)| of_path(formula(facts, &goal.expr, *wanted))));
    formulas.extend(super::formula::entrance(facts, &asked));
    let accept = |model: Model| {
        let goal = |(goal, wanted): &(&Condition, bool)| goal.holds(&first.key.pattern, &model) == *wanted;
        let fits = of.iter().all(|taken| taken.takes(&model)) && !by.iter().any(|taken| taken.takes(&model)) && goals.iter().all(goal);
        if fits { Ok(shown(model)) } else { Err(TooComplex) }
    };
    // The limits of one question bound it.
    let mut steps = usize::MAX;
    walk(&Question { facts, formulas: &formulas, asked: &asked, accept: &accept, whole: true }, &mut steps)
}

/// Without what the path says, and without a host that could be any.
fn shown(model: Model) -> Model {
    let kept = |known: &Known| match known.reference {
        Ref::Param { .. } => false,
        Ref::Host => known.decisive,
        _ => true,
    };
    Model { known: model.known.into_iter().filter(kept).collect() }
}

/// What a request of the route is; where its condition has no place in that, every request that it might be.
fn within<'q>(facts: Facts<'_>, Taken { key, condition }: Taken<'q>) -> Formula<'q> {
    let said = condition.filter(|condition| !condition.captured).map(|condition| of_path(formula(facts, &condition.expr, true)));
    let path = test(&Ref::Path, TextTest::Taken(&key.pattern), true);
    Formula::all([path].into_iter().chain(methods(key, true)).chain(hosts(key, true)).chain(said))
}

/// What a request that is one of `first` and none of the route is.
fn outside<'q>(facts: Facts<'_>, first: &RouteKey, Taken { key, condition }: Taken<'q>) -> Formula<'q> {
    let fails = match condition {
        None => Formula::Always(false),
        Some(condition) if condition.captured => Formula::Always(true),
        Some(condition) => of_path(formula(facts, &condition.expr, false)),
    };
    let path = test(&Ref::Path, TextTest::Taken(&key.pattern), false);
    let method = (!first.methods.is_subset(&key.methods)).then(|| methods(key, false)).flatten();
    let host = (!first.within_hosts(key)).then(|| hosts(key, false)).flatten();
    Formula::any([path, fails].into_iter().chain(host).chain(method))
}

fn methods(key: &RouteKey, wanted: bool) -> Option<Formula<'static>> {
    let names = || key.methods.names().map(Into::into).collect();
    (!key.methods.is_any()).then(|| test(&Ref::Method, TextTest::OneOf(names()), wanted))
}

fn hosts(key: &RouteKey, wanted: bool) -> Option<Formula<'_>> {
    (!key.hosts.is_empty()).then(|| test(&Ref::Host, TextTest::Hosted(&key.hosts), wanted))
}

fn test<'q>(reference: &'static Ref, test: TextTest<'q>, wanted: bool) -> Formula<'q> {
    Formula::Test(Atom::Text(reference, false, test), wanted)
}

/// The formula with tests of the path in place of those of parameters, where they are lists of texts or one number.
fn of_path(formula: Formula<'_>) -> Formula<'_> {
    match formula {
        Formula::All(parts) => Formula::all(parts.into_iter().map(of_path)),
        Formula::Any(parts) => Formula::any(parts.into_iter().map(of_path)),
        Formula::Test(atom, wanted) => match regex(&atom) {
            Some(regex) => Formula::Test(Atom::Text(&Ref::Path, false, TextTest::Matches(Cow::Owned(regex))), wanted),
            None => Formula::Test(atom, wanted),
        },
        Formula::Always(_) => formula,
    }
}

fn regex(atom: &Atom<'_>) -> Option<Regex> {
    match atom {
        Atom::Text(Ref::Param { slot, int: false }, false, TextTest::OneOf(words)) => {
            let words: Vec<String> = words.iter().map(|word| raw(word)).collect();
            with_text(*slot, &words.join("|"), words.iter().any(String::is_empty))
        }
        Atom::Number(Ref::Param { slot, int: true }, spans) => {
            let (number, _) = spans.first().filter(|(number, _)| *spans == Spans::run(*number, *number))?;
            with_text(*slot, &format!("0*{number}"), false)
        }
        _ => None,
    }
}

/// The paths whose part at a place is the value.
pub(super) fn with_part(place: u16, value: &Example) -> Option<Regex> {
    match value {
        Example::Text(text) => with_text(place, &raw(text), text.is_empty()),
        Example::Number(number) => with_text(place, &format!("0*{number}"), false),
        Example::Missing | Example::Truth(_) | Example::Duration(_) | Example::Address(_) | Example::Set { .. } => None,
    }
}

/// The paths whose part at a place matches; what follows the last segment may be nothing, and its slash as well.
fn with_text(place: u16, inner: &str, empty: bool) -> Option<Regex> {
    let place = usize::from(place);
    let source = match place.checked_sub(REST_PLACE) {
        None => format!("(?:/[^/]*){{{place}}}/(?:{inner})(?:/.*)?"),
        Some(segments) => format!("(?:/[^/]*){{{segments}}}(?:/(?:{inner})){}", if empty { "?" } else { "" }),
    };
    Regex::new(&source).ok()
}

/// A regex of what stands in a normalised path for a text.
fn raw(text: &str) -> String {
    let mut regex = String::new();
    for byte in text.bytes() {
        let alone = regex::escape(&char::from(byte).to_string());
        // Writing to a string cannot fail.
        let _ = match byte {
            _ if is_unreserved(byte) => write!(regex, "{alone}"),
            b'?' | b'#' | b'\\' | b'%' => write!(regex, "%{byte:02X}"),
            b'!'..=b'~' => write!(regex, "(?:{alone}|%{byte:02X})"),
            _ => write!(regex, "%{byte:02X}"),
        };
    }
    regex
}
