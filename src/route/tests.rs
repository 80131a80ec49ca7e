//! Relations and findings, by example and against sampled requests.

use crate::http::path::normalise;
use http::uri::PathAndQuery;
use proptest::prelude::{ProptestConfig, prop};
use proptest::{prop_assert, prop_assert_eq, proptest};
use std::cell::Cell;

use super::dfa::Universe;
use super::generate::{Request, request, route};
use super::order::{Finding, analyse_with};
use super::predicate::{ByteRange, Predicates};
use super::relation::{difference, overlap, path_word, paths, subset};
use super::{HostPattern, Methods, Pattern, Predicate, RouteKey, Witness, analyse, naive};

fn key(line: &str) -> RouteKey {
    let (methods, path) = line.split_once(' ').expect("methods and a path");
    RouteKey {
        hosts: Vec::new(),
        methods: Methods::parse(methods.split(',')).expect("methods"),
        pattern: Pattern::parse(path).expect("a pattern"),
        predicate: Predicate::default(),
        priority: 0,
    }
}

fn keys(lines: &[&str]) -> Vec<RouteKey> {
    lines.iter().map(|line| key(line)).collect()
}

fn text(witness: Option<Witness>) -> String {
    witness.map(|witness| witness.to_string()).unwrap_or_default()
}

fn examples(first: &str, second: &str) -> [String; 3] {
    let (first, second) = (key(first), key(second));
    [text(overlap(&first, &second)), text(difference(&first, &second)), text(difference(&second, &first))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn relations_hold_for_sampled_requests(first in route(), second in route(), requests in prop::collection::vec(request(), 20)) {
        let (inside, common) = (subset(&first, &second), overlap(&first, &second));
        for request in requests {
            let of = (request.is_of(&first), request.is_of(&second));
            prop_assert!(!(inside && of == (true, false)), "{:?} is only of the first", request);
            prop_assert!(common.is_some() || of != (true, true), "{:?} is of both", request);
        }
        if let Some(witness) = common {
            for key in [&first, &second] {
                prop_assert!(takes(key, &witness), "{} is not of {:?}", witness, key);
            }
        }
        match difference(&first, &second) {
            Some(witness) => prop_assert!(takes(&first, &witness) && (!takes(&second, &witness) || !witness.predicates.is_empty())),
            None => prop_assert!(inside, "no request is only of the first, yet it is no subset"),
        }
    }

    #[test]
    fn what_bounds_the_requests_of_two_routes_leaves_none_of_them_out(
        first in route(),
        second in route(),
        requests in prop::collection::vec(request(), 20),
    ) {
        let bounds = first.bounds(&second);
        let placed = bounds.pattern.placed();
        for request in requests {
            let both = |part: fn(&RouteKey, &Request) -> bool| part(&first, &request) && part(&second, &request);
            let methods = |key: &RouteKey, request: &Request| key.methods.contains(request.method);
            let hosts = |key: &RouteKey, request: &Request| key.matches_host(request.host);
            let paths = |key: &RouteKey, request: &Request| key.pattern.matches(&request.path);
            prop_assert_eq!(methods(&bounds, &request), both(methods));
            // No common host is written as no host at all, which is every host.
            prop_assert!(bounds.hosts.is_empty() || hosts(&bounds, &request) == both(hosts));
            prop_assert!(paths(&bounds, &request) || !both(paths));
            prop_assert_eq!(placed.matches(&request.path), paths(&bounds, &request));
        }
    }

    #[test]
    fn findings_hold_for_sampled_requests(
        routes in prop::collection::vec(route(), 2..7),
        requests in prop::collection::vec(request(), 20),
    ) {
        let findings = analyse(&routes);
        let conflict = |a: usize, b: usize| findings.iter().any(|finding| match finding {
            Finding::Ambiguous { a: one, b: other, .. } | Finding::Duplicate { first: one, second: other } => (*one, *other) == (a, b),
            Finding::TooComplex { .. } | Finding::TooMany { .. } => true,
            _ => false,
        });
        for request in requests {
            let taking: Vec<usize> = (0..routes.len()).filter(|index| request.is_of(&routes[*index])).collect();
            let first: Vec<usize> = taking.iter().copied().filter(|one| !taking.iter().any(|other| naive::before(&routes[*other], &routes[*one]))).collect();
            if let [a, b, ..] = first[..] {
                prop_assert!(conflict(a, b), "{:?} has two winners, {} and {}", request, a, b);
            }
            for finding in &findings {
                if let Finding::Unreachable { route, .. } = finding {
                    prop_assert!(!first.contains(route), "{:?} reaches {}", request, route);
                }
            }
        }
    }
}

/// Patterns of a small alphabet, so that they meet often.
fn patterns(count: usize) -> Vec<Pattern> {
    let mut random = fastrand::Rng::with_seed(7);
    let segments = [
        "a",
        "b",
        "1",
        "a-1",
        "Ab",
        "2027-01-31",
        "{}",
        "{:int}",
        "{:hex}",
        "{:slug}",
        "{:date}",
        "{:a|b|1}",
        "{:re\"[a-z]+\"}",
        "{:re\"a.*|1\"}",
        "{:re\".*-1\"}",
        "{:re\"[^a]+\"}",
    ];
    let ends = ["", "", "", "/", "/**", "re\"/a.*\"", "re\"(/[ab])*\"", "re\"/(?<g>[a-z]+)(/1)?\""];
    let mut found: Vec<Pattern> = Vec::new();
    while found.len() < count {
        let mut text = String::new();
        for index in 0..random.usize(0..4) {
            let segment = segments[random.usize(..segments.len())];
            text.push_str(&format!("/{}", segment.replace('{', &format!("{{p{index}")).replace(":}", "}")));
        }
        text.push_str(ends[random.usize(..ends.len())]);
        let text = if text.is_empty() { "/".to_owned() } else { text };
        if let Ok(pattern) = Pattern::parse(&text)
            && found.iter().all(|known| known.text() != text)
        {
            found.push(pattern);
        }
    }
    found
}

/// Paths that the patterns of [`patterns`] tell apart.
fn sampled_paths() -> Vec<String> {
    let segments = ["a", "b", "1", "a-1", "Ab", "2027-01-31", "c", "ab", "0f", "-", "~1", "x-1", "%20"];
    let mut paths = vec![String::new()];
    for _ in 0..3 {
        let longer: Vec<String> = paths.iter().flat_map(|path| segments.map(|segment| format!("{path}/{segment}"))).collect();
        paths.extend(longer);
        paths.sort_unstable();
        paths.dedup();
    }
    let slashed: Vec<String> = paths.iter().map(|path| format!("{path}/")).collect();
    paths.into_iter().filter(|path| !path.is_empty()).chain(slashed).collect()
}

#[test]
fn twenty_thousand_pairs_of_patterns_lie_to_each_other_as_sampled_paths_say() {
    let (patterns, paths_tried) = (patterns(200), sampled_paths());
    let taken: Vec<Vec<bool>> = patterns.iter().map(|pattern| paths_tried.iter().map(|path| pattern.matches(path)).collect()).collect();
    let some =
        |one: usize, other: usize, wanted: (bool, bool)| taken[one].iter().zip(&taken[other]).any(|(one, other)| (*one, *other) == wanted);
    let mut pairs = 0;
    for (one, first) in patterns.iter().enumerate() {
        for (other, second) in patterns.iter().enumerate().skip(one) {
            pairs += 1;
            let relation = paths(first, second);
            let pair = format!("{first} and {second}: {relation:?}");
            assert!(!relation.unknown, "{pair}");
            assert!(relation.overlap || !some(one, other, (true, true)), "{pair}");
            assert!(!relation.subset || !some(one, other, (true, false)), "{pair}");
            assert!(!relation.superset || !some(one, other, (false, true)), "{pair}");
            // Walks are the dear part: one pair in four shows that their words are right.
            if !relation.overlap || pairs % 4 != 0 {
                continue;
            }
            let both = path_word(&[first, second], &[]).expect("a path of both");
            assert!(first.matches(&both) && second.matches(&both), "{pair}: {both}");
            for (subset, inner, outer) in [(relation.subset, first, second), (relation.superset, second, first)] {
                let alone = path_word(&[inner], &[outer]);
                assert_eq!(alone.is_none(), subset, "{pair}: {alone:?}");
                assert!(alone.is_none_or(|path| inner.matches(&path) && !outer.matches(&path)), "{pair}");
            }
        }
    }
    assert!(pairs > 20_000);
}

/// Whether a route takes the witness, its predicates apart.
fn takes(key: &RouteKey, witness: &Witness) -> bool {
    key.methods.contains(&witness.method)
        && key.matches_host(witness.host.as_deref().unwrap_or("any"))
        && key.pattern.matches(&witness.path)
}

#[test]
fn examples_are_the_shortest_readable_requests() {
    let wanted = |texts: [&str; 3]| texts.map(str::to_owned);
    assert_eq!(examples("GET /{who}/orders", "GET /users/{id}"), wanted(["GET /users/orders", "GET /a/orders", "GET /users/a"]));
    assert_eq!(examples("GET,POST /a", "POST,PUT /a"), wanted(["POST /a", "GET /a", "PUT /a"]));
    assert_eq!(examples("GET /{x:int}", "GET /{x:hex}"), wanted(["GET /1", "", "GET /a"]));
    assert_eq!(examples("GET re\"/v[0-9]+/.*\"", "GET /{v}/x/**"), wanted(["GET /v1/x", "GET /v1/", "GET /a/x"]));
}

#[test]
fn an_example_names_the_host_only_when_it_matters() {
    let (mut first, second) = (key("GET /a"), key("GET /{x}"));
    first.hosts.push(HostPattern::parse("*.x.org").expect("a host"));
    assert_eq!(text(overlap(&first, &second)), "GET http://a.x.org/a");
}

#[test]
fn routes_that_cross_are_ambiguous_until_one_takes_what_they_share() {
    let mut routes = keys(&["GET /{who}/orders", "GET /users/{id}"]);
    assert!(matches!(&analyse(&routes)[..], [Finding::Ambiguous { a: 0, b: 1, .. }]));
    routes.push(key("GET /users/orders"));
    assert_eq!(analyse(&routes), []);
    routes.pop();
    routes[0].priority = 1;
    assert_eq!(analyse(&routes), []);
}

#[test]
fn names_of_parameters_do_not_tell_routes_apart() {
    assert_eq!(analyse(&keys(&["GET /{a}", "GET /{b}"])), [Finding::Duplicate { first: 0, second: 1 }]);
    assert_eq!(analyse(&keys(&["GET /{a:re\".+\"}/x", "GET /{b}/x"])), [Finding::Duplicate { first: 0, second: 1 }]);
}

#[test]
fn a_route_whose_parts_are_all_taken_is_unreachable() {
    let routes = keys(&["GET /{x:a|b}", "GET /a", "GET /b", "GET /c"]);
    assert_eq!(analyse(&routes), [Finding::Unreachable { route: 0, by: vec![1, 2] }]);
    let routes = keys(&["GET,POST /a", "GET /a", "POST /a"]);
    assert_eq!(analyse(&routes), [Finding::Unreachable { route: 0, by: vec![1, 2] }]);
    let routes = keys(&["GET /{x}/**", "GET /{x}", "GET re\"/[^/]+/.*\""]);
    assert_eq!(analyse(&routes), [Finding::Unreachable { route: 0, by: vec![1, 2] }]);
}

#[test]
fn a_higher_priority_can_take_everything() {
    let mut routes = keys(&["GET /a/b", "ANY /a/**"]);
    routes[1].priority = 5;
    assert_eq!(analyse(&routes), [Finding::Unreachable { route: 0, by: vec![1] }]);
}

#[test]
fn a_priority_that_changes_nothing_is_redundant() {
    let mut routes = keys(&["GET /a", "GET /{x}"]);
    routes[0].priority = 3;
    assert_eq!(analyse(&routes), [Finding::PriorityRedundant { route: 0 }]);
}

#[test]
fn twins_by_slash_or_case_are_found() {
    assert_eq!(analyse(&keys(&["GET /a/", "GET /a"])), [Finding::TrailingSlash { without: 1, with: 0 }]);
    assert_eq!(analyse(&keys(&["GET /Users/{id}", "GET /users/{name}"])), [Finding::CaseTwin { first: 0, second: 1 }]);
    assert_eq!(analyse(&keys(&["GET /{x:re\"[A-Z]{2,}\"}", "GET /{x:re\"[a-z]{2,}\"}"])), []);
}

#[test]
fn get_brings_head_and_a_route_for_head_alone_comes_first() {
    let routes = keys(&["GET /a", "HEAD /a"]);
    assert_eq!(analyse(&routes), []);
    assert!(subset(&routes[1], &routes[0]));
}

#[test]
fn predicates_of_one_attribute_are_compared_exactly() {
    let tested = |atoms: &str| {
        let mut route = key("GET /a");
        route.predicate = serde_json::from_str(atoms).expect("a predicate");
        route
    };
    let one = tested(r#"[{"attribute": "h", "test": {"equals": "1"}}]"#);
    let two = tested(r#"[{"attribute": "h", "test": {"equals": "2"}}]"#);
    let digit = tested(r#"[{"attribute": "h", "test": {"matches": "[0-9]"}}]"#);
    let missing = tested(r#"[{"attribute": "h", "test": "absent"}]"#);
    let there = tested(r#"[{"attribute": "h", "test": "present"}]"#);
    assert!(overlap(&one, &two).is_none() && subset(&one, &digit) && subset(&digit, &there) && overlap(&missing, &there).is_none());
    assert_eq!(analyse(&[one, two, digit.clone()]), []);
    assert_eq!(analyse(&[key("GET /a"), missing, there]), [Finding::Unreachable { route: 0, by: vec![1, 2] }]);
    let elsewhere = tested(r#"[{"attribute": "g", "test": "present"}]"#);
    assert!(matches!(&analyse(&[digit, elsewhere])[..], [Finding::Ambiguous { .. }]));
}

#[test]
fn ten_thousand_routes_are_analysed_without_comparing_all_pairs() {
    let mut routes: Vec<RouteKey> =
        (0..5_000).flat_map(|number| [key(&format!("GET /r{number}/{{id}}")), key(&format!("GET /{{t}}/x{number}/y"))]).collect();
    routes.push(key("ANY /**"));
    assert_eq!(analyse(&routes), []);
    routes.push(key("GET /r17/{name}"));
    assert_eq!(analyse(&routes), [Finding::Duplicate { first: 34, second: 10_001 }]);
}

/// Predicates that all hold always, with so many steps of work.
struct Steps(Cell<usize>);

impl Predicates for Steps {
    fn possible(&self, _: &[usize], _: &[usize], _: &[usize]) -> Option<bool> {
        Some(true)
    }

    fn inside(&self, _: usize, _: usize) -> Option<bool> {
        Some(false)
    }

    fn is_exact(&self) -> bool {
        false
    }

    fn spend(&self, steps: usize) -> bool {
        self.0.set(self.0.get().saturating_sub(steps));
        self.0.get() > 0
    }

    fn left(&self) -> usize {
        self.0.get()
    }

    fn ranges(&self, _: usize) -> Vec<(String, Vec<ByteRange>)> {
        Vec::new()
    }
}

/// A route for each way to have a parameter or a word in so many segments, when so many parameters are wanted.
fn mixes(segments: usize, wanted: impl Fn(u32) -> bool) -> Vec<RouteKey> {
    let segment = |mix: u32, at: usize| if mix >> at & 1 == 1 { format!("/{{p{at}}}") } else { "/k".to_owned() };
    let route = |mix: u32| key(&format!("GET {}", (0..segments).map(|at| segment(mix, at)).collect::<String>()));
    (0..1_u32 << segments).filter(|mix| wanted(mix.count_ones())).map(route).collect()
}

#[test]
fn routes_that_cross_in_every_way_take_few_steps_where_each_crossing_has_its_route() {
    let steps = Steps(Cell::new(20_000));
    assert_eq!(analyse_with(&mixes(8, |_| true), &steps).findings, []);
    assert!(steps.0.get() > 0);
}

#[test]
fn work_is_bounded_where_many_routes_take_parts_of_what_two_others_share() {
    let crossing = mixes(6, |params| params != 2);
    let enough = analyse_with(&crossing, &Steps(Cell::new(100_000_000))).findings;
    assert!(!enough.is_empty() && enough.iter().all(|finding| matches!(finding, Finding::Ambiguous { .. })));
    let few = analyse_with(&crossing, &Steps(Cell::new(10_000))).findings;
    let Some((Finding::TooMany { such_as, more }, decided)) = few.split_last() else { panic!("{few:?}") };
    assert_eq!((such_as.len(), decided.len() + more + 1 >= enough.len()), (2, true));
    assert!(decided.iter().all(|finding| enough.contains(finding)));
}

#[test]
fn work_is_bounded_where_two_routes_together_take_what_two_others_share() {
    let routes = |number| ["{x:a|b}/{y}", "{z}/k", "a/k", "b/k"].map(|rest| key(&format!("GET /r{number}/{rest}")));
    let routes: Vec<RouteKey> = (0..100).flat_map(routes).collect();
    assert_eq!(analyse_with(&routes, &Steps(Cell::new(100_000_000))).findings, []);
    let few = analyse_with(&routes, &Steps(Cell::new(500))).findings;
    assert!(matches!(&few[..], [Finding::TooMany { such_as, more: 1.. }] if such_as.len() == 2), "{few:?}");
}

#[test]
fn a_request_of_the_samples_is_of_its_route() {
    let request = Request { method: "GET", host: "x", path: "/a".to_owned(), header: None };
    assert!(request.is_of(&key("GET /{x}")));
}

#[test]
fn words_hold_the_octets_that_normalised_paths_hold() {
    for octet in 0..=u8::MAX {
        for written in [vec![octet], format!("%{octet:02X}").into_bytes(), format!("%{octet:02x}").into_bytes()] {
            let path = [b"/a".as_slice(), &written].concat();
            let normal = PathAndQuery::try_from(path.as_slice()).ok().and_then(|sent| normalise(&sent).ok());
            let stays = normal.is_some_and(|normal| normal.target.path().as_bytes() == path);
            assert_eq!(Universe::Path.contains(&path), stays, "{}", path.escape_ascii());
            assert_eq!(Universe::Segment.contains(&path[1..]), stays && written != b"/", "{}", path.escape_ascii());
        }
    }
}

#[test]
fn words_hide_no_dots_where_normalised_paths_hide_none() {
    const PIECES: [&str; 7] = [".", ";", "a", "/", "%3B", "%2F", "%C3"];
    for number in 0..PIECES.len().pow(5) {
        let pieces = (0..5).map(|place| PIECES[number / PIECES.len().pow(place) % PIECES.len()]);
        let path = format!("/{}", pieces.collect::<String>());
        let normal = normalise(&PathAndQuery::try_from(path.as_str()).unwrap());
        let stays = normal.is_ok_and(|normal| normal.target.path() == path);
        assert_eq!(Universe::Path.contains(path.as_bytes()), stays, "{path}");
    }
}
