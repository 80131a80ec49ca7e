//! What the hooks of a route made of a request, and of its reply.

use super::Verdict;
use super::stages::At;
use super::tracer::Tracer;
use crate::ir::operate::Hook;
use crate::policy::stage::Place;

/// What one of the statements in force came to: its index, its verdict, and what is to be said.
pub struct Heard {
    pub statement: usize,
    pub verdict: Verdict,
    pub detail: String,
}

/// About the request; `end` is how the last that was asked ended it.
pub fn of_request(tracer: &Tracer<'_>, end: Option<Verdict>) -> Vec<Heard> {
    let mut heard = heard(tracer, At::Stage(Place::Hook), Hook::may_with_requests, |hook| hook.was_asked_about_a_request());
    let last = heard.iter_mut().rfind(|heard| heard.verdict == Verdict::Pass);
    if let (Some(last), Some(end)) = (last, end) {
        last.verdict = end;
    }
    heard
}

/// About the reply.
pub fn of_reply(tracer: &Tracer<'_>) -> Vec<Heard> {
    heard(tracer, At::Respond, Hook::may_with_replies, |hook| hook.was_asked_about_a_reply())
}

/// The statements that put hooks in force at a place, with those that are asked there, which are as many.
fn heard(
    tracer: &Tracer<'_>,
    at: At,
    may: fn(&Hook) -> Option<String>,
    was_asked: fn(&crate::testing::hooks::Scripted) -> bool,
) -> Vec<Heard> {
    let rig = tracer.rig;
    let statements = (0..tracer.statements.len()).filter(|index| tracer.at(*index) == at);
    let statements = statements.filter(|index| tracer.statements.get(*index).is_some_and(|statement| statement.word == "use"));
    let hooks = tracer.route.into_iter().flat_map(|route| &route.hooks).map(|hook| usize::from(*hook));
    let hooks = hooks.filter_map(|hook| Some((rig.hooks.get(hook)?, may(rig.program.hooks.get(hook)?)?)));
    statements
        .zip(hooks)
        .map(|(statement, (hook, may))| match (was_asked(hook), hook.script()) {
            (false, _) => Heard { statement, verdict: Verdict::NotReached, detail: String::new() },
            (true, None) => Heard { statement, verdict: Verdict::Pass, detail: format!("says nothing here; {may}") },
            (true, Some(Ok(said) | Err(said))) => Heard { statement, verdict: Verdict::Pass, detail: said },
        })
        .collect()
}
