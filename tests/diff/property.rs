//! Random pairs of small policies: every sampled request whose outcome differs is told of, and nothing else is.

use crate::support::{Routes, checked, request};
use gatewright::analyse::diff::{Change, Class, diff};
use gatewright::ir::{Program, Route, Target};
use gatewright::route::Sample;
use proptest::prelude::{ProptestConfig, Strategy, prop};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq, proptest};
use std::fmt::Write;

const HEAD: &str = "gateway { listen :8080 }\nauth key partner { keys env(\"KEYS\") }\nupstream u { target http://127.0.0.1:9001 }\nupstream v { target http://127.0.0.1:9002 }\n";
const PATHS: &[&str] =
    &["/a", "/a/", "/a/{x}", "/a/{x:int}", "/a/{x:a|b}", "/a/{x:re\"[a-z1]+\"}", "/{x}/a", "/a/**", "/**", "/b", "re\"/a/.*1\""];

const CONDITIONS: &[&str] = &[
    "",
    "",
    "",
    "",
    "match header(\"v\") == \"1\"",
    "match header(\"v\") matches re\"[12]\"",
    "match header(\"v\") == none",
    "match request.host == \"x.example\"",
    "match request.host != \"localhost\"",
    "match header(\"v\") == \"1\" and request.host matches re\"[xz].*\"",
    "match not (request.path == \"/a/b\")",
    "match request.path == \"/a/b\" or request.path == \"/a/1\" or header(\"v\") == \"2\"",
];

/// A route: method, path, host, condition, target, access.
type Parts = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

fn route() -> impl Strategy<Value = Parts> {
    (
        select(&["GET", "GET", "POST", "ANY"][..]),
        select(PATHS),
        select(&["", "", "", "host x.example", "host *.example"][..]),
        select(CONDITIONS),
        select(&["u", "v"][..]),
        select(&["public", "auth partner"][..]),
    )
}

/// The policy of the routes, without the last ones if it takes that to be sound. Each has a priority of its own.
fn policy(name: &str, routes: &[Parts]) -> Program {
    let mut kept = routes;
    loop {
        let mut text = HEAD.to_owned();
        for (index, (method, path, host, condition, target, access)) in kept.iter().enumerate() {
            let _ = write!(
                text,
                "group g{index} {host} {{\n  route r{index} {method} {path} -> {target} {{\n    priority {}\n    {condition}\n    {access}\n  }}\n}}\n",
                kept.len() - index
            );
        }
        match checked(name, &text) {
            Ok(program) => return program,
            Err(error) => assert!(kept.len() > 1, "{error}"),
        }
        kept = &kept[..kept.len() - 1];
    }
}

fn requests() -> impl Strategy<Value = Vec<Sample>> {
    let segments = prop::collection::vec(select(&["a", "b", "1", "c", "x1"][..]), 0..4);
    let one = (
        select(&["GET", "HEAD", "POST", "PURGE"][..]),
        segments,
        select(&["", "/"][..]),
        select(&["x.example", "y.example", "z"][..]),
        select(&[None, Some("1"), Some("2"), Some("3")][..]),
    );
    prop::collection::vec(
        one.prop_map(|(method, segments, end, host, value)| {
            let path = segments.iter().fold(String::new(), |path, segment| format!("{path}/{segment}")) + end;
            let path = if path.is_empty() { "/".to_owned() } else { path };
            let mut sample = Sample::plain(method.to_owned(), Some(host.to_owned()), path);
            sample.values = vec![("header(\"v\")".to_owned(), value.map(str::to_owned))];
            sample
        }),
        40,
    )
}

/// What becomes of a request: the upstream, and whether anyone may call.
fn outcome(program: &Program, route: &Route) -> (String, bool) {
    let upstream = match route.target {
        Target::Upstream(index) => program.upstreams[usize::from(index.0)].name.clone(),
        Target::Policy => String::new(),
    };
    (upstream, route.auth().is_some_and(|auth| auth.is_public()))
}

/// True when a change of the class names the two routes.
fn told(changes: &[Change], class: Class, old: Option<&Route>, new: Option<&Route>) -> bool {
    let named = |place: &Option<gatewright::analyse::diff::Place>, route: Option<&Route>| {
        route.is_none_or(|route| place.as_ref().is_some_and(|place| place.route == route.name))
    };
    changes.iter().any(|change| change.class == class && change.routes.iter().any(|pair| named(&pair.old, old) && named(&pair.new, new)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_differs_is_told_and_nothing_else(
        old in prop::collection::vec(route(), 1..6),
        new in prop::collection::vec(route(), 1..6),
        requests in requests(),
    ) {
        let (old, new) = (policy("old.gate", &old), policy("new.gate", &new));
        let (before, now) = (Routes::of(&old), Routes::of(&new));
        let changes = diff(&old, &new).changes;
        for request in &requests {
            match (before.find(request), now.find(request)) {
                (None, None) => {}
                (Some(was), None) => prop_assert!(told(&changes, Class::Breaking, Some(was), None), "{:?} is lost", request),
                (None, Some(is)) => prop_assert!(told(&changes, Class::Looser, None, Some(is)), "{:?} is gained", request),
                (Some(was), Some(is)) => {
                    let (one, other) = (outcome(&old, was), outcome(&new, is));
                    let pair = (Some(was), Some(is));
                    prop_assert!(one.0 == other.0 || told(&changes, Class::Rerouted, pair.0, pair.1), "{:?} is rerouted", request);
                    prop_assert!(one.1 || !other.1 || told(&changes, Class::Looser, pair.0, pair.1), "{:?} is public", request);
                    prop_assert!(!one.1 || other.1 || told(&changes, Class::Tighter, pair.0, pair.1), "{:?} is not public", request);
                }
            }
        }
        for change in changes.iter().filter(|change| change.class != Class::Cosmetic) {
            let witness = change.witness.as_ref().unwrap();
            let request = request(witness);
            let (was, is) = (before.find(&request), now.find(&request));
            match (was, is) {
                (None, None) => prop_assert!(false, "{} is of no route", witness),
                (Some(_), None) => prop_assert_eq!(change.class, Class::Breaking),
                (None, Some(_)) => prop_assert_eq!(change.class, Class::Looser),
                (Some(was), Some(is)) => prop_assert!(outcome(&old, was) != outcome(&new, is), "{} has the same outcome: {}", witness, change.says),
            }
        }
    }

    #[test]
    fn a_policy_does_not_differ_from_itself(routes in prop::collection::vec(route(), 1..8)) {
        let program = policy("policy.gate", &routes);
        prop_assert_eq!(diff(&program, &program).changes, Vec::new());
    }
}
