//! What answers a route's requests.

use super::align::Both;
use super::{Class, Comparison, Difference};
use crate::analyse::words::{Names, duration};
use crate::ir::{Route, Target};
use crate::policy::{Config, aggregate, issue, respond};

/// What is covered of the policies that answer.
pub const COVERED: &[&str] = &[
    "respond",
    "issue.?",
    "issue.auth",
    "issue.ttl",
    "issue.claims",
    "aggregate.?",
    "aggregate.parts.?",
    "aggregate.parts.*.?",
    "aggregate.parts.order",
    "aggregate.parts.*.upstream",
    "aggregate.parts.*.method",
    "aggregate.parts.*.target",
    "aggregate.parts.*.take",
    "aggregate.parts.*.default",
    "aggregate.parts.*.within",
    "to.?",
];

/// A route with the policies that are to be looked at.
type Side<'a> = (&'a Route, &'a [Config]);

/// Another target is another way; the same kind that answers something else has another shape.
pub fn differences(old: Side<'_>, new: Side<'_>, comparison: &Comparison<'_>, names: &Names<'_>, found: &mut Vec<Difference>) {
    match (old.0.target, new.0.target) {
        (Target::Upstream(was), Target::Upstream(is)) if was == is => return,
        (Target::Policy, Target::Policy) => {
            let mut answers = old.1.iter().filter(|policy| is_answer(policy));
            let same = answers.all(|answer| new.1.iter().any(|other| std::mem::discriminant(answer) == std::mem::discriminant(other)));
            if same && within_kind(old.1, new.1, comparison, names, found) {
                return;
            }
        }
        (Target::Upstream(_) | Target::Policy, Target::Upstream(_) | Target::Policy) => {}
    }
    let says = format!("{} answers, was {}", described(new.0, comparison), described(old.0, comparison));
    found.push(Difference::new(Class::Rerouted, says));
}

/// What answers a route's requests, in words.
pub fn described(route: &Route, comparison: &Comparison<'_>) -> String {
    if let Target::Upstream(index) = route.target {
        let both = comparison.aligned.upstreams.get(usize::from(index.0));
        // The old program's name for what it has; the routes of both are in its numbers.
        return both.and_then(Both::either).map_or_else(String::new, |config| format!("upstream `{}`", config.name));
    }
    let answer = route.policies.iter().find_map(|policy| match policy {
        Config::Respond(respond::Config::Body { status, .. }) => Some(format!("`respond {status}`")),
        Config::Respond(respond::Config::Health) => Some("`respond health`".to_owned()),
        Config::Respond(respond::Config::Routes) => Some("`respond routes`".to_owned()),
        Config::Respond(respond::Config::Openapi) => Some("`respond openapi`".to_owned()),
        Config::Respond(respond::Config::Redirect { status, .. }) => Some(format!("`redirect {status}`")),
        Config::Issue(_) => Some("`issue`".to_owned()),
        Config::Aggregate(_) => Some("`aggregate`".to_owned()),
        Config::To(_) => Some("`to`".to_owned()),
        _ => None,
    });
    answer.unwrap_or_else(|| "a policy".to_owned())
}

fn is_answer(policy: &Config) -> bool {
    matches!(policy, Config::Respond(_) | Config::Issue(_) | Config::Aggregate(_) | Config::To(_))
}

/// False when the two answer in different ways altogether.
fn within_kind(old: &[Config], new: &[Config], comparison: &Comparison<'_>, names: &Names<'_>, found: &mut Vec<Difference>) -> bool {
    for (was, is) in old.iter().flat_map(|was| new.iter().map(move |is| (was, is))) {
        match (was, is) {
            (Config::Respond(was), Config::Respond(is)) => {
                if std::mem::discriminant(was) != std::mem::discriminant(is) {
                    return false;
                }
                if was != is {
                    let says = format!("the answer is {}, was {}", answer(is, names), answer(was, names));
                    found.push(Difference::new(Class::Reshaped, says));
                }
            }
            (Config::Issue(was), Config::Issue(is)) if was != is => issued(was, is, comparison, names, found),
            (Config::Aggregate(was), Config::Aggregate(is)) if was != is => parts(was, is, comparison, names, found),
            (_, _) => {}
        }
    }
    true
}

fn answer(config: &respond::Config, names: &Names<'_>) -> String {
    match config {
        respond::Config::Body { status, format, body } => {
            let format = match format {
                respond::Format::Json => "json",
                respond::Format::Text => "text",
                respond::Format::Html => "html",
            };
            format!("`{status} {format} {}`", shortened(&names.expr(body)))
        }
        respond::Config::Health => "`health`".to_owned(),
        respond::Config::Routes => "`routes`".to_owned(),
        respond::Config::Openapi => "`openapi`".to_owned(),
        respond::Config::Redirect { status, location, .. } => format!("`{status} {}`", shortened(&names.expr(location))),
    }
}

/// The most letters of a text that a sentence quotes.
const QUOTED_MAX: usize = 60;

/// The beginning of a long text.
pub fn shortened(text: &str) -> String {
    if text.chars().count() <= QUOTED_MAX { text.to_owned() } else { text.chars().take(QUOTED_MAX).chain(['…']).collect() }
}

fn issued(was: &issue::Config, is: &issue::Config, comparison: &Comparison<'_>, names: &Names<'_>, found: &mut Vec<Difference>) {
    if was.auth != is.auth {
        let name = |index: u16| comparison.aligned.named.get(usize::from(index)).map_or_else(String::new, |auth| auth.name.clone());
        found.push(Difference::new(Class::Reshaped, format!("tokens of `{}` are issued, were of `{}`", name(is.auth), name(was.auth))));
    }
    if was.ttl != is.ttl {
        let says = format!("tokens are valid for {}, were for {}", duration(is.ttl), duration(was.ttl));
        found.push(Difference::new(Class::Reshaped, says));
    }
    if was.claims != is.claims {
        let claims = |config: &issue::Config| {
            config.claims.iter().map(|(name, value)| format!("{name} {}", names.expr(value))).collect::<Vec<_>>().join("; ")
        };
        let says = format!("issued tokens say `{}`, said `{}`", shortened(&claims(is)), shortened(&claims(was)));
        found.push(Difference::new(Class::Reshaped, says));
    }
}

fn parts(was: &aggregate::Config, is: &aggregate::Config, comparison: &Comparison<'_>, names: &Names<'_>, found: &mut Vec<Difference>) {
    let upstream = |index: u16| {
        let both = comparison.aligned.upstreams.get(usize::from(index));
        both.and_then(Both::either).map_or_else(String::new, |config| config.name.clone())
    };
    for part in &is.parts {
        let Some(before) = was.parts.iter().find(|other| other.name == part.name) else {
            found.push(Difference::new(
                Class::Reshaped,
                format!("the answer has a part `{}` from `{}`", part.name, upstream(part.upstream)),
            ));
            continue;
        };
        if before.upstream != part.upstream {
            let says = format!("part `{}` comes from `{}`, came from `{}`", part.name, upstream(part.upstream), upstream(before.upstream));
            found.push(Difference::new(Class::Rerouted, says));
        }
        if (&before.method, &before.target) != (&part.method, &part.target) {
            let asks = |part: &aggregate::Part| format!("{} {}", part.method, names.expr(&part.target));
            found.push(Difference::new(Class::Reshaped, format!("part `{}` asks `{}`, asked `{}`", part.name, asks(part), asks(before))));
        }
        if (&before.take, &before.default) != (&part.take, &part.default) {
            found.push(Difference::new(
                Class::Reshaped,
                format!("part `{}` is made of other fields, or replaced by something else", part.name),
            ));
        }
        if before.within != part.within {
            let within = |part: &aggregate::Part| part.within.map_or_else(|| "as long as its upstream".to_owned(), duration);
            let says = format!("part `{}` may take {}, was {}", part.name, within(part), within(before));
            found.push(Difference::new(Class::Tuned, says));
        }
    }
    for part in was.parts.iter().filter(|part| !is.parts.iter().any(|other| other.name == part.name)) {
        found.push(Difference::new(Class::Reshaped, format!("the answer has no part `{}` any more", part.name)));
    }
    let order = |config: &aggregate::Config| config.parts.iter().map(|part| part.name.clone()).collect::<Vec<_>>();
    let (mut was, mut is) = (order(was), order(is));
    if was != is {
        was.sort_unstable();
        is.sort_unstable();
        if was == is {
            found.push(Difference::new(Class::Reshaped, "the answer's parts stand in another order"));
        }
    }
}
