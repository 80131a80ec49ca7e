//! What the tests of a policy reach: its routes, both sides of its conditions, and both outcomes of its limits. A statement
//! that several routes inherit is one goal.

use crate::http::{Exchange, Reply, Source};
use crate::ir::spell::{Speller, atoms};
use crate::ir::{Program, Route, Statement};
use crate::lang::eval::Facts;
use crate::lang::expr::Expr;
use crate::policy::stage::{OnRequest, Place};
use crate::policy::{Config, Decision, Of};
use crate::server::Watch;
use serde::Serialize;
use std::collections::HashMap;

/// What the tests of a policy reach.
#[derive(Debug, Serialize)]
pub struct Coverage<'p> {
    /// How much of each kind.
    pub totals: Vec<Total>,
    /// Everything that can be reached.
    pub goals: Vec<Goal>,
    #[serde(skip)]
    routes: Vec<Watched<'p>>,
    #[serde(skip)]
    now: Option<usize>,
    /// Where in the pipeline the request is that is being watched.
    #[serde(skip)]
    place: Option<Place>,
}

/// How much of a kind is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The kind.
    pub kind: Kind,
    /// How many goals were reached.
    pub reached: usize,
    /// How many there are.
    pub goals: usize,
}

/// Something that a test can reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Goal {
    /// Its kind.
    pub kind: Kind,
    /// What it is: a route's name, a condition, a limit.
    pub what: String,
    /// Where it stands, as `file:line`.
    pub place: String,
    /// What is to happen: `taken`, `true`, `false`, `allowed`, `rejected`.
    pub outcome: &'static str,
    /// How often it did.
    pub times: u64,
}

/// The kinds of goals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A route takes a request.
    Route,
    /// A part of a `require`, `allow` or `deny` is true, and false.
    Condition,
    /// A `when` is true, and false.
    When,
    /// A limit lets through, and rejects.
    Limit,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Route, Self::Condition, Self::When, Self::Limit];

    /// As a report names many of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Route => "routes",
            Self::Condition => "conditions",
            Self::When => "when branches",
            Self::Limit => "limit outcomes",
        }
    }
}

/// Two goals that stand side by side: what happens, and what else.
type Pair = (usize, usize);

/// What is watched on one route.
#[derive(Debug)]
struct Watched<'p> {
    taken: usize,
    conditions: Vec<Asked<'p>>,
    limits: Vec<(&'p str, Pair)>,
}

/// A condition, when it is asked, and its goals.
#[derive(Debug)]
struct Asked<'p> {
    at: Option<Place>,
    condition: &'p Expr,
    pair: Pair,
}

impl<'p> Coverage<'p> {
    /// Nothing reached yet.
    #[must_use]
    pub fn new(program: &'p Program) -> Self {
        let mut goals = Goals::default();
        let routes = program.routes.iter().map(|route| goals.route(program, route)).collect();
        Self { totals: totals(&goals.all), goals: goals.all, routes, now: None, place: None }
    }

    /// The goals that no test reached.
    pub fn missed(&self) -> impl Iterator<Item = &Goal> {
        self.goals.iter().filter(|goal| goal.times == 0)
    }

    fn reach(&mut self, goal: usize) {
        if let Some(goal) = self.goals.get_mut(goal) {
            goal.times += 1;
            if goal.times == 1
                && let Some(total) = self.totals.iter_mut().find(|total| total.kind == goal.kind)
            {
                total.reached += 1;
            }
        }
    }

    /// Conditions that are asked now.
    fn ask(&mut self, at: Option<Place>, facts: Facts<'_>) {
        let watched = self.now.and_then(|route| self.routes.get(route));
        let asked = watched.into_iter().flat_map(|watched| &watched.conditions).filter(|asked| asked.at == at);
        let reached: Vec<usize> = asked.map(|asked| if asked.condition.holds(facts) { asked.pair.0 } else { asked.pair.1 }).collect();
        reached.into_iter().for_each(|goal| self.reach(goal));
    }
}

fn totals(goals: &[Goal]) -> Vec<Total> {
    Kind::ALL.map(|kind| Total { kind, reached: 0, goals: goals.iter().filter(|goal| goal.kind == kind).count() }).to_vec()
}

/// The goals while they are collected.
#[derive(Default)]
struct Goals {
    all: Vec<Goal>,
    known: HashMap<(Kind, String, String), usize>,
}

impl Goals {
    fn route<'p>(&mut self, program: &'p Program, route: &'p Route) -> Watched<'p> {
        let taken = self.goal(Kind::Route, route.name.clone(), &route.place, &["taken"]);
        let written = program.written.of_route(&route.name);
        let speller = Speller::new(program, route);
        let mut conditions = Vec::new();
        for decision in route.policies.iter().flat_map(Config::decisions) {
            let Some((kind, place)) = stands(&decision, written) else { continue };
            let parts = if kind == Kind::Condition { atoms(decision.condition) } else { vec![decision.condition] };
            for condition in parts {
                let first = self.goal(kind, speller.expression(condition), place, &["true", "false"]);
                conditions.push(Asked { at: decision.at, condition, pair: (first, first + 1) });
            }
        }
        let limits = route.policies.iter().filter_map(|policy| match policy {
            Config::Limit(limits) => Some(&limits.limits),
            _ => None,
        });
        let limits = limits.flatten().filter_map(|limit| {
            let statement = written.iter().find(|statement| statement.word == "limit" && statement.name.as_deref() == Some(&limit.name))?;
            let first = self.goal(Kind::Limit, limit.name.clone(), &statement.place, &["allowed", "rejected"]);
            Some((limit.name.as_str(), (first, first + 1)))
        });
        let limits = limits.collect();
        Watched { taken, conditions, limits }
    }

    /// The first of the goals of one thing, one for each outcome; those that stand there already, if they do.
    fn goal(&mut self, kind: Kind, what: String, place: &str, outcomes: &[&'static str]) -> usize {
        let next = self.all.len();
        let first = *self.known.entry((kind, what.clone(), place.to_owned())).or_insert(next);
        if first == next {
            let goals = outcomes.iter().map(|outcome| Goal { kind, what: what.clone(), place: place.to_owned(), outcome, times: 0 });
            self.all.extend(goals);
        }
        first
    }
}

/// The kind of a decision, and where it stands.
fn stands<'w>(decision: &Decision<'_>, written: &'w [std::sync::Arc<Statement>]) -> Option<(Kind, &'w str)> {
    let branch = |clauses: &'w [Statement], nth: usize| clauses.iter().filter(|clause| clause.word == "when").nth(nth);
    match decision.of {
        Of::Rule(words, nth) => {
            let rule = written.iter().filter(|statement| words.contains(&statement.word.as_str())).nth(nth)?;
            Some((Kind::Condition, &rule.place))
        }
        Of::Branch(word, name, nth) => {
            let statement =
                written.iter().find(|statement| statement.word == word && statement.name.as_deref().unwrap_or_default() == name)?;
            Some((Kind::When, branch(&statement.clauses, nth).map_or(&statement.place, |clause| &clause.place)))
        }
        Of::Line(word, name, nth) => {
            let mut lines = written.iter().filter(|statement| statement.word == word).flat_map(|statement| &statement.clauses);
            let about = |line: &&Statement| line.name.as_deref().is_some_and(|about| about.eq_ignore_ascii_case(name));
            let line = lines.rfind(about)?;
            Some((Kind::When, branch(&line.clauses, nth).map_or(&line.place, |clause| &clause.place)))
        }
    }
}

impl Watch for Coverage<'_> {
    fn takes(&mut self, route: usize, _: &Exchange) {
        self.now = Some(route);
        if let Some(taken) = self.routes.get(route).map(|watched| watched.taken) {
            self.reach(taken);
        }
    }

    fn before(&mut self, place: Place, exchange: &Exchange) {
        // Several parts may stand at one place.
        if self.place != Some(place) {
            self.place = Some(place);
            self.ask(Some(place), Facts::request(exchange));
        }
    }

    fn after(&mut self, _: Place, part: &dyn OnRequest, exchange: &Exchange) {
        let Some(watched) = self.now.and_then(|route| self.routes.get(route)) else { return };
        let reached: Vec<usize> = part
            .account(exchange)
            .iter()
            .filter_map(|account| {
                let (_, pair) = watched.limits.iter().find(|(name, _)| **name == *account.name)?;
                Some(if account.passed { pair.0 } else { pair.1 })
            })
            .collect();
        reached.into_iter().for_each(|goal| self.reach(goal));
    }

    fn answered(&mut self, exchange: &Exchange, reply: &Reply) {
        match reply.source {
            Source::Upstream | Source::Policy => self.ask(None, Facts::response(exchange, reply)),
            // Nothing shapes the gateway's own errors.
            Source::Gateway => {}
        }
        (self.now, self.place) = (None, None);
    }
}
