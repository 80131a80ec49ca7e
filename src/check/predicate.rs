//! `match` conditions as routes are compared by them: as atoms, and as conditions that are decided exactly.

use super::route::Spans;
use crate::ir::Route;
use crate::lang::checker::Entrance;
use crate::lang::expr::{Comparison, Expr, Pattern as TextPattern, Ref};
use crate::lang::value::Value;
use crate::logic::{Example, Facts, Model, TooComplex, placed, satisfiable_within};
use crate::route::{Atom, ByteRange, HostPattern, Pattern, Predicate, Predicates, RouteKey, Test, Witness, atom_ranges};
use ipnet::IpNet;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;

/// The `match` condition of each route.
pub struct Conditions<'r> {
    keys: &'r [RouteKey],
    entrances: &'r [Entrance],
    conditions: Vec<Condition>,
    /// What was asked before: many routes have the conditions of their groups and no others.
    answers: RefCell<HashMap<Question, Option<bool>>>,
    /// Steps that are left for all questions together.
    steps: Cell<usize>,
}

/// The most steps of work that comparing the routes of a policy may take, their conditions and what several of them take from
/// others; past it what is left is too complex.
/// Steps are counted, not timed, so the same policy has the same findings everywhere; these take about a second.
pub const STEPS_MAX: usize = 1_000_000;
/// Steps that each condition of a question counts as before it is looked into.
const STEPS_PER_CONDITION: usize = 8;

struct Condition {
    /// None where nothing is known of it.
    placed: Option<Expr>,
    /// The same for the same condition.
    number: usize,
    /// It asks for what methods, hosts and paths of routes bound.
    bounded: bool,
}

/// Numbers of the conditions that hold and that fail, and of the routes whose requests are meant where that decides.
type Question = (Vec<usize>, Vec<usize>, Vec<usize>);

impl<'r> Conditions<'r> {
    /// Those of all routes, whose keys are these, of a gateway with these entrances.
    pub fn new(routes: &[(Route, Spans)], keys: &'r [RouteKey], entrances: &'r [Entrance]) -> Self {
        let always = Expr::Const(Value::Bool(true));
        let mut numbers: HashMap<&Predicate, usize> = HashMap::new();
        let mut conditions = Vec::with_capacity(routes.len());
        for ((route, _), key) in routes.iter().zip(keys) {
            let placed = route.predicate.as_ref().map_or(Some(always.clone()), |all| placed(all, &key.pattern));
            let next = numbers.len();
            let number = *numbers.entry(&key.predicate).or_insert(next);
            let bounded = placed.as_ref().is_some_and(|condition| condition.mentions(&mut is_bounded));
            conditions.push(Condition { placed, number, bounded });
        }
        Self { keys, entrances, conditions, answers: RefCell::default(), steps: Cell::new(STEPS_MAX) }
    }

    fn placed(&self, route: usize) -> Option<Expr> {
        self.conditions.get(route).and_then(|condition| condition.placed.clone())
    }

    /// Values of a request of all of `of` with which the conditions of `hold` hold and those of `fail` do not; none when there
    /// are none. When nothing is known of one, no values are any.
    fn model(&self, of: &[usize], hold: &[usize], fail: &[usize], steps: &mut usize) -> Result<Option<Model>, TooComplex> {
        let holds = of.iter().chain(hold).map(|route| self.placed(*route));
        let fails = fail.iter().map(|route| self.placed(*route).map(|condition| Expr::Not(Box::new(condition))));
        let Some(all) = holds.chain(fails).collect::<Option<Vec<Expr>>>() else { return Ok(Some(Model::default())) };
        let of = if self.any_bounded(&[of, hold, fail]) { of } else { &[] };
        self.solved(of, all, steps)
    }

    /// Values of a request of all these routes with which the conditions hold.
    fn solved(&self, of: &[usize], mut all: Vec<Expr>, steps: &mut usize) -> Result<Option<Model>, TooComplex> {
        let bounds = self.bounds(of);
        let patterns: Vec<&Pattern> = of.iter().filter_map(|route| self.keys.get(*route)).map(|key| &key.pattern).collect();
        let facts = Facts { key: bounds.as_ref(), patterns: &patterns, entrances: self.entrances, ..Facts::default() };
        numbers_as_texts(&mut all)?;
        satisfiable_within(facts, &all.iter().collect::<Vec<_>>(), steps)
    }

    /// Answers a question about so many conditions out of the steps that are left for all.
    fn within<T>(&self, conditions: usize, ask: impl FnOnce(&mut usize) -> Result<T, TooComplex>) -> Option<T> {
        if !self.spend(STEPS_PER_CONDITION * conditions) {
            return None;
        }
        let mut left = self.steps.get();
        let answer = ask(&mut left);
        self.steps.set(left);
        answer.ok()
    }

    fn any_bounded(&self, lists: &[&[usize]]) -> bool {
        lists.iter().copied().flatten().any(|route| self.conditions.get(*route).is_some_and(|condition| condition.bounded))
    }

    /// What bounds the requests of all these routes.
    fn bounds(&self, routes: &[usize]) -> Option<RouteKey> {
        let common = routes.iter().filter_map(|route| self.keys.get(*route)).cloned().reduce(|bounds, key| bounds.bounds(&key))?;
        Some(RouteKey { pattern: common.pattern.placed(), ..common })
    }

    /// The witness with values of a request of all of `of` that make the conditions of `fail` false; none when there are none.
    /// Parameters become parts of its path where `fits` takes that path.
    pub fn told(&self, mut witness: Witness, of: &[usize], fail: &[usize], fits: impl Fn(&str) -> bool) -> Option<Witness> {
        let model = match self.model(of, &[], fail, &mut usize::MAX.clone()) {
            Ok(Some(model)) if model != Model::default() => model,
            Ok(None) => return None,
            Ok(Some(_)) | Err(TooComplex) => return Some(witness),
        };
        witness.predicates.clear();
        for known in model.known.iter().filter(|known| known.decisive) {
            let path = match (&known.reference, &known.value) {
                (Ref::Method, Example::Text(method)) => {
                    witness.method = method.to_string();
                    continue;
                }
                (Ref::Host, Example::Text(host)) => {
                    witness.host = Some(host.to_string());
                    continue;
                }
                (Ref::Path, Example::Text(path)) => Some(path.to_string()),
                (Ref::Param { slot, .. }, Example::Number(number)) => with_segment(&witness.path, *slot, &number.to_string()),
                (Ref::Param { slot, .. }, Example::Text(text)) => with_segment(&witness.path, *slot, text),
                _ => None,
            };
            match path.filter(|path| fits(path)) {
                Some(path) => witness.path = path,
                None => witness.predicates.push(known.to_string()),
            }
        }
        Some(witness)
    }
}

/// True for what a route's methods, hosts and path say something of.
fn is_bounded(reference: &Ref) -> bool {
    matches!(reference, Ref::Method | Ref::Path | Ref::Host | Ref::Param { .. })
}

/// The path with another segment at a place.
fn with_segment(path: &str, place: u16, segment: &str) -> Option<String> {
    let mut segments: Vec<&str> = path.split('/').collect();
    *segments.get_mut(usize::from(place) + 1)? = segment;
    Some(segments.join("/"))
}

impl Predicates for Conditions<'_> {
    fn possible(&self, of: &[usize], hold: &[usize], fail: &[usize]) -> Option<bool> {
        let numbers = |lists: &[&[usize]]| {
            let routes = lists.iter().copied().flatten();
            let mut numbers: Vec<usize> =
                routes.filter_map(|route| self.conditions.get(*route)).map(|condition| condition.number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        };
        let bounds = if self.any_bounded(&[of, hold, fail]) { of.to_vec() } else { Vec::new() };
        let question = (numbers(&[of, hold]), numbers(&[fail]), bounds);
        if let Some(known) = self.answers.borrow().get(&question) {
            return *known;
        }
        let answer =
            self.within(of.len() + hold.len() + fail.len(), |steps| self.model(of, hold, fail, steps)).map(|model| model.is_some());
        self.answers.borrow_mut().insert(question, answer);
        answer
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn spend(&self, steps: usize) -> bool {
        let left = self.steps.get().saturating_sub(steps);
        self.steps.set(left);
        left > 0
    }

    fn left(&self) -> usize {
        self.steps.get()
    }

    fn ranges(&self, route: usize) -> Vec<(String, Vec<ByteRange>)> {
        let atoms = self.keys.get(route).map(|key| atom_ranges(&key.predicate)).unwrap_or_default();
        let networks = self.conditions.get(route).and_then(|condition| networks(condition.placed.as_ref()?));
        atoms.into_iter().chain(networks.map(|ranges| (written(&Ref::ClientIp), ranges))).collect()
    }

    fn inside(&self, first: usize, second: usize) -> Option<bool> {
        let (Some(mine), Some(theirs)) = (self.keys.get(first), self.keys.get(second)) else { return Some(false) };
        let around = takes_all(mine, theirs);
        if around.is_empty() {
            return self.possible(&[first], &[], &[second]).map(|counterexample| !counterexample);
        }
        let (Some(holds), Some(condition)) = (self.placed(first), self.placed(second)) else { return Some(false) };
        let fails = Expr::Not(Box::new(Expr::And(around.into_iter().chain([condition]).collect())));
        self.within(2, |steps| self.solved(&[first], vec![holds, fails], steps)).map(|counterexample| counterexample.is_none())
    }
}

/// The addresses of networks that a condition asks for and nothing else, as ranges.
fn networks(condition: &Expr) -> Option<Vec<ByteRange>> {
    let of = |network: &IpNet| {
        let bytes = |address: IpAddr| match address {
            IpAddr::V4(address) => [&[4], address.octets().as_slice()].concat(),
            IpAddr::V6(address) => [&[6], address.octets().as_slice()].concat(),
        };
        (bytes(network.network()), bytes(network.broadcast()))
    };
    match condition {
        Expr::In(item, set) if **item == Expr::Ref(Ref::ClientIp) => match &**set {
            Expr::Const(Value::Network(network)) => Some(vec![of(network)]),
            Expr::Const(Value::List(values)) => {
                values.iter().map(|value| if let Value::Network(network) = value { Some(of(network)) } else { None }).collect()
            }
            _ => None,
        },
        Expr::And(parts) => parts.iter().find_map(networks),
        _ => None,
    }
}

/// What a request of the first route must be for the second to take its method and host; nothing where it takes all.
fn takes_all(first: &RouteKey, second: &RouteKey) -> Vec<Expr> {
    let text = |text: &str| Value::Text(text.into());
    let mut all = Vec::new();
    if !first.methods.is_subset(&second.methods) {
        let methods = Expr::Const(Value::List(second.methods.names().map(text).collect()));
        all.push(Expr::In(Box::new(Expr::Ref(Ref::Method)), Box::new(methods)));
    }
    if !first.within_hosts(second) {
        let is = |pattern: &HostPattern| match pattern {
            HostPattern::Any => Expr::Const(Value::Bool(true)),
            HostPattern::Exact(name) => Expr::Compare(Box::new(Expr::Ref(Ref::Host)), Comparison::Equal, Box::new(Expr::Const(text(name)))),
            // Suffixes hold names alone, of which only the dots mean something to a regex.
            HostPattern::Suffix(suffix) => match TextPattern::new(&format!(".+{}", suffix.replace('.', "[.]"))) {
                Ok(pattern) => Expr::Matches(Box::new(Expr::Ref(Ref::Host)), pattern),
                Err(_) => Expr::Const(Value::Bool(false)),
            },
        };
        all.push(Expr::Or(second.hosts.iter().map(is).collect()));
    }
    all
}

/// Where one segment is a number to some conditions and a text to others, the numbers become texts, too.
fn numbers_as_texts(all: &mut [Expr]) -> Result<(), TooComplex> {
    let mut seen: Vec<(u16, bool)> = Vec::new();
    for reference in all.iter().flat_map(Expr::references) {
        if let Ref::Param { slot, int } = reference {
            seen.push((*slot, *int));
        }
    }
    for (slot, _) in seen.iter().filter(|(slot, int)| *int && seen.contains(&(*slot, false))) {
        for condition in &mut *all {
            number_as_text(condition, *slot)?;
        }
    }
    Ok(())
}

/// Turns tests on the number in a segment into tests on its text; not all can be.
fn number_as_text(condition: &mut Expr, slot: u16) -> Result<(), TooComplex> {
    let is_it = |expr: &Expr| matches!(expr, Expr::Ref(Ref::Param { slot: other, int: true }) if *other == slot);
    let matches = |values: &[Value]| {
        let digits = values.iter().map(|value| if let Value::Int(number) = value { Ok(number.to_string()) } else { Err(TooComplex) });
        let digits = digits.collect::<Result<Vec<_>, _>>()?.join("|");
        let regex = TextPattern::new(&format!("0*({digits})")).map_err(|_| TooComplex)?;
        Ok(Expr::Matches(Box::new(Expr::Ref(Ref::Param { slot, int: false })), regex))
    };
    match condition {
        Expr::Compare(left, how @ (Comparison::Equal | Comparison::NotEqual), right) if is_it(left) || is_it(right) => {
            let value = match (&**left, &**right) {
                (Expr::Const(value), _) | (_, Expr::Const(value)) => value,
                (_, _) => return Err(TooComplex),
            };
            let equal = matches(std::slice::from_ref(value))?;
            *condition = if *how == Comparison::Equal { equal } else { Expr::Not(Box::new(equal)) };
        }
        Expr::In(item, set) if is_it(item) => match &**set {
            Expr::Const(Value::List(values)) => *condition = matches(values)?,
            _ => return Err(TooComplex),
        },
        Expr::Not(inner) => number_as_text(inner, slot)?,
        Expr::And(parts) | Expr::Or(parts) => parts.iter_mut().try_for_each(|part| number_as_text(part, slot))?,
        other => {
            if other.mentions(|reference| *reference == Ref::Param { slot, int: true }) {
                return Err(TooComplex);
            }
        }
    }
    Ok(())
}

/// A `match` condition as atoms that can be compared with other routes'.
pub fn atoms(all: &[Expr], pattern: &Pattern) -> Predicate {
    let atom = |condition: &Expr| match placed(condition, pattern) {
        Some(placed) => atom(&placed),
        None => Atom { attribute: pattern.text().to_owned(), ..other(condition) },
    };
    Predicate { atoms: all.iter().map(atom).collect() }
}

fn atom(expr: &Expr) -> Atom {
    let attribute = |reference: &Ref| written(reference);
    match expr {
        Expr::Compare(left, how, right) => match (&**left, how, &**right) {
            (Expr::Ref(reference), how, Expr::Const(value)) | (Expr::Const(value), how, Expr::Ref(reference)) => {
                let test = match (how, value, text(value)) {
                    (Comparison::Equal, Value::None, _) => Some(Test::Absent),
                    (Comparison::NotEqual, Value::None, _) => Some(Test::Present),
                    (Comparison::Equal, _, Some(text)) => Some(Test::Equals(text)),
                    (Comparison::NotEqual, _, Some(text)) => Some(Test::NotEquals(text)),
                    _ => None,
                };
                test.map_or_else(|| other(expr), |test| Atom { attribute: attribute(reference), test })
            }
            _ => other(expr),
        },
        Expr::In(item, set) => match (&**item, &**set) {
            (Expr::Ref(reference), Expr::Const(Value::List(values))) => match values.iter().map(text).collect::<Option<Vec<_>>>() {
                Some(texts) => Atom { attribute: attribute(reference), test: Test::In(texts) },
                None => other(expr),
            },
            _ => other(expr),
        },
        Expr::Matches(item, pattern) => match &**item {
            Expr::Ref(reference) => Atom { attribute: attribute(reference), test: Test::Matches(pattern.source().to_owned()) },
            _ => other(expr),
        },
        Expr::Has(item) => match &**item {
            Expr::Ref(reference) => Atom { attribute: attribute(reference), test: Test::Present },
            _ => other(expr),
        },
        Expr::Not(inner) => match &**inner {
            Expr::Has(item) => match &**item {
                Expr::Ref(reference) => Atom { attribute: attribute(reference), test: Test::Absent },
                _ => other(expr),
            },
            _ => other(expr),
        },
        _ => other(expr),
    }
}

/// A test that is only known to equal itself.
fn other(expr: &Expr) -> Atom {
    let text = serde_json::to_string(expr).unwrap_or_default();
    Atom { attribute: text.clone(), test: Test::Other(text) }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Ip(ip) => Some(ip.to_string()),
        _ => None,
    }
}

/// A reference as it is written.
fn written(reference: &Ref) -> String {
    match reference {
        Ref::Header(name) => format!("header(\"{name}\")"),
        Ref::Query(name) => format!("query(\"{name}\")"),
        Ref::Cookie(name) => format!("cookie(\"{name}\")"),
        Ref::ClientIp => "client.ip".to_owned(),
        Ref::ClientSubject => "client.cert.subject".to_owned(),
        Ref::ClientName => "client.cert.san".to_owned(),
        Ref::Method => "request.method".to_owned(),
        Ref::Path => "request.path".to_owned(),
        Ref::Host => "request.host".to_owned(),
        Ref::Scheme => "request.scheme".to_owned(),
        Ref::Listener => "request.listener".to_owned(),
        Ref::Id => "request.id".to_owned(),
        Ref::Size => "request.size".to_owned(),
        // `05` and `5` are one number, but two texts.
        Ref::Param { slot, int: true } => format!("the number in segment {} of the path", usize::from(*slot) + 1),
        Ref::Param { slot, int: false } => format!("segment {} of the path", usize::from(*slot) + 1),
        Ref::Body(_)
        | Ref::Flag { .. }
        | Ref::Attribute(_)
        | Ref::UpstreamName
        | Ref::ResponseStatus
        | Ref::ResponseDuration
        | Ref::ResponseHeader(_) => serde_json::to_string(reference).unwrap_or_default(),
    }
}
