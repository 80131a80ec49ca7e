//! The order of routes whose conditions go beyond one test: held against sampled requests, from the text to the look-up.

#![expect(clippy::indexing_slicing, reason = "helpers of tests fail the test")]

use crate::support::{check_text, findings};
use gatewright::diag::{Code, Diagnostic};
use gatewright::ir::Program;
use gatewright::lang::expr::Ref;
use gatewright::logic::{Example, Known, Model};
use gatewright::route::{Captures, Found, MatchTree, RouteKey, naive};
use http::HeaderName;
use proptest::prelude::{BoxedStrategy, ProptestConfig, Strategy, prop, prop_oneof};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq, proptest};
use std::net::IpAddr;

/// What conditions see of a request.
#[derive(Debug, Clone, Copy)]
struct Request {
    method: &'static str,
    path: &'static str,
    ip: IpAddr,
    header: Option<&'static str>,
    query: Option<&'static str>,
}

impl Request {
    fn model(&self) -> Model {
        let text = |text: Option<&str>| text.map_or(Example::Missing, |text| Example::Text(text.into()));
        let values = [
            (Ref::Method, text(Some(self.method))),
            (Ref::ClientIp, Example::Address(self.ip)),
            (Ref::Header(HeaderName::from_static("x-a")), text(self.header)),
            (Ref::Query("q".to_owned()), text(self.query)),
        ];
        let known = values.map(|(reference, value)| Known { reference, name: String::new(), value, decisive: true });
        Model { known: known.to_vec() }
    }
}

/// One request for every answer that the tests of [`ATOMS`] can give together, methods and paths of routes included.
fn requests() -> Vec<Request> {
    let ips = ["10.0.0.1", "10.1.0.1", "10.2.0.1", "10.200.0.1", "192.0.2.1", "203.0.113.1", "fd00::1"];
    let mut found = Vec::new();
    for ip in ips {
        for method in ["GET", "HEAD", "POST", "PURGE"] {
            for path in ["/x", "/y"] {
                for header in [None, Some("1"), Some("2"), Some("3")] {
                    for query in [None, Some("a"), Some("b"), Some("c")] {
                        found.push(Request { method, path, ip: ip.parse().unwrap(), header, query });
                    }
                }
            }
        }
    }
    found
}

fn within(request: &Request, networks: &[&str]) -> bool {
    networks.iter().any(|network| network.parse::<ipnet::IpNet>().unwrap().contains(&request.ip))
}

/// A test as it is written, and what it means.
type Atom = (&'static str, fn(&Request) -> bool);

const ATOMS: &[Atom] = &[
    ("client.ip in 10.0.0.0/8", |request| within(request, &["10.0.0.0/8"])),
    ("client.ip in [10.0.0.0/9, 10.128.0.0/9]", |request| within(request, &["10.0.0.0/8"])),
    ("client.ip in 10.1.0.0/16", |request| within(request, &["10.1.0.0/16"])),
    ("client.ip in [10.1.0.0/16, 10.2.0.0/16, 192.0.2.0/24]", |request| within(request, &["10.1.0.0/16", "10.2.0.0/16", "192.0.2.0/24"])),
    ("client.ip not in [10.0.0.0/9]", |request| !within(request, &["10.0.0.0/9"])),
    ("request.method == GET", |request| request.method == "GET"),
    ("request.method in [GET, POST]", |request| matches!(request.method, "GET" | "POST")),
    ("request.method != HEAD", |request| request.method != "HEAD"),
    ("header(\"x-a\") == \"1\"", |request| request.header == Some("1")),
    ("header(\"x-a\") in [\"1\", \"2\"]", |request| matches!(request.header, Some("1" | "2"))),
    ("header(\"x-a\") matches re\"[12]\"", |request| matches!(request.header, Some("1" | "2"))),
    ("header(\"x-a\") != none", |request| request.header.is_some()),
    ("(header(\"x-a\") ?? \"1\") == \"1\"", |request| matches!(request.header, None | Some("1"))),
    ("query(\"q\") == \"a\"", |request| request.query == Some("a")),
    ("query(\"q\") != \"a\"", |request| request.query != Some("a")),
    ("query(\"q\") matches re\"a|b\"", |request| matches!(request.query, Some("a" | "b"))),
];

#[derive(Debug, Clone)]
enum Condition {
    Atom(usize),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl Condition {
    fn text(&self) -> String {
        let joined = |parts: &[Self], word: &str| parts.iter().map(|part| format!("({})", part.text())).collect::<Vec<_>>().join(word);
        match self {
            Self::Atom(atom) => ATOMS[*atom].0.to_owned(),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::And(parts) => joined(parts, " and "),
            Self::Or(parts) => joined(parts, " or "),
        }
    }

    fn holds(&self, request: &Request) -> bool {
        match self {
            Self::Atom(atom) => ATOMS[*atom].1(request),
            Self::Not(inner) => !inner.holds(request),
            Self::And(parts) => parts.iter().all(|part| part.holds(request)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(request)),
        }
    }

    fn asks_for_the_method(&self) -> bool {
        self.text().contains("request.method")
    }
}

fn condition() -> BoxedStrategy<Condition> {
    (0..ATOMS.len())
        .prop_map(Condition::Atom)
        .prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
                prop::collection::vec(inner.clone(), 2..3).prop_map(Condition::And),
                prop::collection::vec(inner, 2..3).prop_map(Condition::Or),
            ]
        })
        .boxed()
}

#[derive(Debug, Clone)]
struct Route {
    methods: &'static str,
    path: &'static str,
    priority: i64,
    condition: Option<Condition>,
}

impl Route {
    fn takes(&self, request: &Request) -> bool {
        let method = match self.methods {
            "ANY" => true,
            "GET" => matches!(request.method, "GET" | "HEAD"),
            _ => matches!(request.method, "GET" | "HEAD" | "POST"),
        };
        let path = self.path == "/{any}" || self.path == request.path;
        method && path && self.condition.as_ref().is_none_or(|condition| condition.holds(request))
    }
}

fn route() -> impl Strategy<Value = Route> {
    let condition = prop_oneof![1 => prop::strategy::Just(None), 6 => condition().prop_map(Some)];
    let methods = select(vec!["ANY", "ANY", "GET", "GET,POST"]);
    (methods, select(vec!["/x", "/x", "/{any}"]), select(vec![0, 0, 0, 0, 1]), condition)
        .prop_map(|(methods, path, priority, condition)| Route { methods, path, priority, condition })
}

fn policy(routes: &[Route]) -> String {
    let mut text = "gateway { listen :8080 }\n".to_owned();
    for (number, route) in routes.iter().enumerate() {
        let Route { methods, path, priority, condition } = route;
        text.push_str(&format!("route r{number} {methods} {path} {{\n  public \"a test\"\n  respond 200 text \"r{number}\"\n"));
        if let Some(condition) = condition {
            text.push_str(&format!("  match {}\n", condition.text()));
        }
        text.push_str(&if *priority == 0 { "}\n".to_owned() } else { format!("  priority {priority}\n}}\n") });
    }
    text
}

/// The numbers of the routes that a finding names in its message.
fn named(found: &Diagnostic) -> Vec<usize> {
    let mut named: Vec<usize> =
        found.message.split('`').skip(1).step_by(2).filter_map(|name| name.strip_prefix('r')?.parse().ok()).collect();
    named.sort_unstable();
    named
}

/// The requests that each route takes, and which route comes before which, by the definition.
struct Sampled {
    taken: Vec<Vec<bool>>,
    priorities: Vec<i64>,
}

impl Sampled {
    fn of(routes: &[Route], requests: &[Request]) -> Self {
        let taken = routes.iter().map(|route| requests.iter().map(|request| route.takes(request)).collect()).collect();
        Self { taken, priorities: routes.iter().map(|route| route.priority).collect() }
    }

    fn is_empty(&self, route: usize) -> bool {
        !self.taken[route].contains(&true)
    }

    fn inside(&self, one: usize, other: usize) -> bool {
        self.taken[one].iter().zip(&self.taken[other]).all(|(one, other)| !one || *other)
    }

    fn before(&self, one: usize, other: usize) -> bool {
        match self.priorities[one].cmp(&self.priorities[other]) {
            std::cmp::Ordering::Equal => self.inside(one, other) && !self.inside(other, one),
            higher => higher.is_gt(),
        }
    }

    /// True when each request that all of `of` take is taken by some route that comes before all of them.
    fn covered(&self, of: &[usize]) -> bool {
        let before: Vec<usize> = (0..self.taken.len()).filter(|other| of.iter().all(|route| self.before(*other, *route))).collect();
        let takes = |routes: &[usize], request: usize| routes.iter().map(|route| self.taken[*route][request]).collect::<Vec<_>>();
        (0..self.taken[0].len()).all(|request| takes(of, request).contains(&false) || takes(&before, request).contains(&true))
    }

    fn overlap(&self, one: usize, other: usize) -> bool {
        self.taken[one].iter().zip(&self.taken[other]).any(|(one, other)| *one && *other)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn findings_and_order_are_what_sampled_requests_say(routes in prop::collection::vec(route(), 2..5)) {
        let (text, requests) = (policy(&routes), requests());
        let sampled = Sampled::of(&routes, &requests);
        let checked = check_text(&text);
        let program = checked.program;
        let found = checked.report.into_sorted();
        let said = |code: Code, names: &[usize]| found.iter().any(|found| found.code == code && named(found).starts_with(names));
        prop_assert!(!said(Code::AnalysisTooComplex, &[]), "{}", text);
        for one in 0..routes.len() {
            prop_assert_eq!(said(Code::RouteEmpty, &[one]), sampled.is_empty(one), "r{} takes nothing\n{}", one, text);
            if sampled.is_empty(one) {
                continue;
            }
            let unreachable = found.iter().any(|found| found.code == Code::RouteUnreachable && named(found) == [one]);
            prop_assert!(!unreachable || sampled.covered(&[one]), "r{} is reached\n{}", one, text);
            let exact = !routes.iter().any(|route| route.condition.as_ref().is_some_and(Condition::asks_for_the_method));
            prop_assert!(!exact || unreachable || !sampled.covered(&[one]), "r{} is not reached\n{}", one, text);
            for other in (0..one).filter(|other| !sampled.is_empty(*other)) {
                let same = routes[one].priority == routes[other].priority && sampled.overlap(one, other);
                let (inside, around) = (sampled.inside(one, other), sampled.inside(other, one));
                let pair = [other, one];
                let equal = same && inside && around;
                let crossing = same && !inside && !around;
                prop_assert!(equal || !said(Code::RouteDuplicate, &pair), "{:?} are not the same\n{}", pair, text);
                prop_assert!(crossing || !said(Code::RouteAmbiguous, &pair), "{:?} have an order\n{}", pair, text);
                // Of several findings at one route the first is shown.
                let shown = |code: Code, place: usize, route: usize| found.iter().any(|found| found.code == code && named(found).get(place) == Some(&route));
                prop_assert!(!equal || shown(Code::RouteDuplicate, 1, one), "{:?} are the same\n{}", pair, text);
                let settled = !crossing || sampled.covered(&pair);
                prop_assert!(settled || shown(Code::RouteAmbiguous, 0, other), "{:?} have no order\n{}", pair, text);
            }
        }
        if let Some(program) = program {
            look_up(&program, &routes, &requests, &sampled, &text);
        }
    }
}

/// Holds what the gateway looks up against all routes tried by the sampled order.
#[track_caller]
fn look_up(program: &Program, routes: &[Route], requests: &[Request], sampled: &Sampled, text: &str) {
    let keys: Vec<RouteKey> = program.routes.iter().map(|route| route.key.clone()).collect();
    let number = |at: usize| program.routes[at].name[1..].parse::<usize>().unwrap();
    let before = |one: usize, other: usize| sampled.before(number(one), number(other));
    let tree = MatchTree::build(&keys);
    for request in requests {
        let model = request.model();
        let mut holds = |at: usize, _: &Captures| program.routes[at].predicate.as_ref().is_none_or(|condition| condition.holds(&model));
        let answer = tree.find(request.method, "host", request.path, &mut holds, &mut Captures::new());
        let wanted = naive::find(&keys, (request.method, "host", request.path), &mut holds, &before, &mut Captures::new());
        assert_eq!(answer, wanted, "{request:?}\n{text}");
        if let Found::Route(at) = answer {
            assert!(routes[number(at)].takes(request), "{request:?}\n{text}");
        }
    }
}

fn routes_with(conditions: &[&str]) -> String {
    let route = |(number, condition): (usize, &&str)| {
        format!("route r{number} GET /x {{\n  match {condition}\n  public \"a test\"\n  respond 200 text \"\"\n}}\n")
    };
    format!("gateway {{ listen :8080 }}\n{}", conditions.iter().enumerate().map(route).collect::<String>())
}

#[test]
fn a_network_inside_another_goes_first_wherever_it_stands() {
    for conditions in [["client.ip in 10.0.0.0/8", "client.ip in 10.1.0.0/16"], ["client.ip in 10.1.0.0/16", "client.ip in 10.0.0.0/8"]] {
        let program = check_text(&routes_with(&conditions)).program.unwrap();
        let first = program.routes.first().unwrap();
        assert!(format!("{:?}", first.predicate).contains("10.1.0.0/16"), "{conditions:?}");
    }
}

#[test]
fn routes_that_only_their_conditions_tell_apart_are_not_told_to_change_their_paths() {
    let (_, found) = findings(&routes_with(&["client.ip in 10.0.0.0/8", "header(\"x-a\") == \"1\" or query(\"q\") == \"a\""]));
    let [ambiguous] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(ambiguous.code, Code::RouteAmbiguous);
    let help = ambiguous.help.as_deref().unwrap_or_default();
    assert_eq!(help, "narrow one `match` until both cannot hold for one request, or give one route a `priority`");
}

#[test]
fn what_cannot_be_decided_of_two_routes_is_said() {
    let conditions = ["header(\"a\") matches re\".*a.{40}\"", "header(\"a\") matches re\".*b.{40}\""];
    let (_, found) = findings(&routes_with(&conditions));
    let [complex] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((complex.code, named(complex)), (Code::AnalysisTooComplex, vec![0, 1]));
}

fn pair(one: &str, other: &str) -> Vec<Diagnostic> {
    let body = |name: &str, route: &str| {
        let (head, condition) = route.split_once(" match ").map_or((route, String::new()), |(head, rest)| (head, format!("match {rest};")));
        format!("route {name} {head} {{ public \"a test\"; {condition} respond 200 text \"\" }}\n")
    };
    findings(&format!("gateway {{ listen :8080 }}\n{}{}", body("r0", one), body("r1", other))).1
}

#[test]
fn one_condition_is_enough_to_tell_two_routes_apart() {
    for (one, other) in [
        ("ANY /x match request.method == POST", "GET /x"),
        ("GET /x/** match request.path == \"/x/q\"", "GET /x/{id:int}"),
        ("GET /x match request.host == \"a.b\"", "ANY /x host c.d"),
        ("HEAD /x/{x} match request.path matches re\"/x/[0-9]+\"", "GET,POST /x/q/** match header(\"b\") == \"2\""),
        ("GET /x/{id:int} match param.id == 5", "GET /x/{name} match param.name == \"7\""),
    ] {
        let found = pair(one, other);
        assert!(found.iter().all(|found| found.code != Code::RouteAmbiguous && found.code != Code::AnalysisTooComplex), "{found:?}");
    }
}

#[test]
fn a_number_in_a_path_is_another_thing_than_its_text() {
    let found = pair("GET /x/{id:int} match param.id == 5", "GET /x/{name} match param.name == \"05\"");
    let [ambiguous] = found.as_slice() else { panic!("{found:?}") };
    assert!(ambiguous.code == Code::RouteAmbiguous && ambiguous.message.contains("GET /x/05"), "{ambiguous:?}");
}

#[test]
fn what_is_over_the_work_of_a_file_is_said_once() {
    let conditions: Vec<String> =
        (0..120).map(|number| format!("header(\"a\") == \"{number}\" or header(\"b\") == \"{number}\"")).collect();
    let (_, found) = findings(&routes_with(&conditions.iter().map(String::as_str).collect::<Vec<_>>()));
    let complex: Vec<&Diagnostic> = found.iter().filter(|found| found.code == Code::AnalysisTooComplex).collect();
    let [complex] = complex.as_slice() else { panic!("{complex:?}") };
    // It says what it was about, and how much besides was left open.
    let (first, rest) = complex.message.split_once(" conflict was left open, and ").unwrap();
    assert!(first.starts_with("too many routes overlap to compare them all: whether `r"), "{first}");
    assert_eq!(named(complex).len(), 2);
    let more: usize = rest.strip_suffix(" more such questions").unwrap().parse().unwrap();
    assert!(more > 100, "{more}");
}

#[test]
fn networks_and_values_that_differ_cost_nothing_and_a_fallback_behind_many_conditions_is_decided() {
    let networks: Vec<String> = (0..600).map(|number| format!("client.ip in 10.{}.{}.0/24", number / 256, number % 256)).collect();
    let (_, found) = findings(&routes_with(&networks.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(found, []);
    let rivals: String = (1..=9)
        .map(|number| format!("route r{number} GET /x {{ public \"a test\"; match header(\"a{number}\") == \"1\"; priority {number}; respond 200 text \"\" }}\n"))
        .collect();
    let (_, found) =
        findings(&format!("gateway {{ listen :8080 }}\n{rivals}route r0 GET /x {{ public \"a test\"; respond 200 text \"\" }}\n"));
    assert!(found.iter().all(|found| found.code != Code::AnalysisTooComplex), "{found:?}");
}
