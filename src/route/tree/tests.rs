//! The tree against the definition.

use proptest::prelude::{ProptestConfig, prop};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::MatchTree;
use crate::route::generate::{request, route};
use crate::route::order::order;
use crate::route::{Captures, Found, HostPattern, Methods, Pattern, Predicate, RouteKey, naive};

fn key(methods: &str, pattern: &str) -> RouteKey {
    RouteKey {
        hosts: Vec::new(),
        methods: Methods::parse(methods.split(',')).expect("methods"),
        pattern: Pattern::parse(pattern).expect("a pattern"),
        predicate: Predicate::default(),
        priority: 0,
    }
}

fn tree(routes: &[RouteKey]) -> MatchTree {
    MatchTree::in_order(routes, &order(routes))
}

fn found(routes: &[RouteKey], method: &str, host: &str, path: &str) -> (Found, Vec<String>) {
    let mut params = Captures::new();
    let found = tree(routes).find(method, host, path, &mut |_, _| true, &mut params);
    let values = (0..params.len()).filter_map(|index| params.get(path, index)).map(str::to_owned).collect();
    (found, values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_500))]

    #[test]
    fn the_tree_answers_what_trying_all_routes_answers(
        routes in prop::collection::vec(route(), 0..8),
        requests in prop::collection::vec(request(), 8),
    ) {
        let tree = tree(&routes);
        let before = |one: usize, other: usize| naive::before(&routes[one], &routes[other]);
        for request in requests {
            let (mut params, mut wanted_params) = (Captures::new(), Captures::new());
            let mut holds = |index: usize, bound: &Captures| {
                let mut own = Captures::new();
                own.bind(&routes[index].pattern, &request.path);
                assert_eq!(*bound, own, "a predicate sees the parameters of its own route");
                let long = bound.get(&request.path, 0).is_some_and(|first| first.len() > 1);
                request.fulfils(&routes[index].predicate) && !long
            };
            let wanted = naive::find(&routes, (request.method, request.host, &request.path), &mut holds, &before, &mut wanted_params);
            let answer = tree.find(request.method, request.host, &request.path, &mut holds, &mut params);
            match answer {
                Found::Route(winner) => {
                    // Ambiguous routes have several winners by the definition; the tree's must be one of them.
                    let takes = |index: usize| {
                        let mut own = Captures::new();
                        own.bind(&routes[index].pattern, &request.path);
                        request.is_of(&routes[index]) && (routes[index].predicate.is_always() || holds(index, &own))
                    };
                    prop_assert!(takes(winner));
                    let beaten = (0..routes.len()).any(|other| takes(other) && before(other, winner));
                    prop_assert!(!beaten, "{:?} beats {:?}", wanted, routes[winner]);
                    wanted_params.bind(&routes[winner].pattern, &request.path);
                    prop_assert_eq!(params, wanted_params);
                }
                Found::MethodNotAllowed(_) | Found::NotFound => prop_assert_eq!(answer, wanted),
            }
        }
    }
}

#[test]
fn literals_win_over_types_and_types_over_any_segment() {
    let routes = [key("GET", "/users/{name}"), key("GET", "/users/{id:int}"), key("GET", "/users/me"), key("GET", "/**")];
    assert_eq!(found(&routes, "GET", "h", "/users/me").0, Found::Route(2));
    assert_eq!(found(&routes, "GET", "h", "/users/7"), (Found::Route(1), vec!["7".to_owned()]));
    assert_eq!(found(&routes, "GET", "h", "/users/eve"), (Found::Route(0), vec!["eve".to_owned()]));
    assert_eq!(found(&routes, "GET", "h", "/users/eve/"), (Found::Route(3), vec!["users/eve/".to_owned()]));
}

#[test]
fn a_rest_takes_its_own_segment_a_slash_and_more_but_no_longer_segment() {
    let routes = [key("GET", "/api/**")];
    assert_eq!(found(&routes, "GET", "h", "/api"), (Found::Route(0), vec![String::new()]));
    assert_eq!(found(&routes, "GET", "h", "/api/"), (Found::Route(0), vec![String::new()]));
    assert_eq!(found(&routes, "GET", "h", "/api/x/y"), (Found::Route(0), vec!["x/y".to_owned()]));
    assert_eq!(found(&routes, "GET", "h", "/apix").0, Found::NotFound);
}

#[test]
fn all_that_follows_the_place_of_a_lone_route_has_to_fit() {
    let routes = [key("GET", "/a/{x}/{n:int}/end"), key("GET", "/b/{x}/"), key("GET", "/c/d/**"), key("GET", "/e")];
    assert_eq!(found(&routes, "GET", "h", "/a/v/12/end"), (Found::Route(0), vec!["v".to_owned(), "12".to_owned()]));
    assert_eq!(found(&routes, "GET", "h", "/b/v/"), (Found::Route(1), vec!["v".to_owned()]));
    for rest in ["", "/", "/x"] {
        assert_eq!(found(&routes, "GET", "h", &format!("/c/d{rest}")).0, Found::Route(2), "{rest}");
    }
    for path in
        ["/a", "/a/v/x/end", "/a//12/end", "/a/v/12/en", "/a/v/12/end/", "/a/v/12/end/x", "/b/v", "/b//", "/c", "/c/", "/c/dx", "/e/"]
    {
        assert_eq!(found(&routes, "GET", "h", path).0, Found::NotFound, "{path}");
    }
}

#[test]
fn a_dead_end_below_a_literal_is_left_again() {
    let routes = [key("GET", "/a/b/c"), key("GET", "/{x}/b/d"), key("GET", "/a/{y}/e")];
    assert_eq!(found(&routes, "GET", "h", "/a/b/d"), (Found::Route(1), vec!["a".to_owned()]));
    assert_eq!(found(&routes, "GET", "h", "/a/b/e"), (Found::Route(2), vec!["b".to_owned()]));
}

#[test]
fn another_method_is_405_with_all_that_the_path_allows() {
    let routes = [key("GET", "/a"), key("PURGE", "/{x}"), key("POST", "/b")];
    let Found::MethodNotAllowed(allowed) = found(&routes, "PUT", "h", "/a").0 else { panic!("not a 405") };
    assert_eq!(allowed.allow_header(), "GET, HEAD, PURGE");
    assert_eq!(found(&routes, "PUT", "h", "/a/b").0, Found::NotFound);
}

#[test]
fn a_failed_predicate_is_404_when_the_method_is_taken() {
    let mut guarded = key("GET", "/a");
    guarded.predicate.atoms.push(crate::route::Atom { attribute: "header(\"v\")".to_owned(), test: crate::route::Test::Present });
    let tree = tree(&[guarded, key("POST", "/a")]);
    let mut params = Captures::new();
    assert_eq!(tree.find("GET", "h", "/a", &mut |_, _| false, &mut params), Found::NotFound);
    assert_eq!(tree.find("GET", "h", "/a", &mut |_, _| true, &mut params), Found::Route(0));
}

#[test]
fn hosts_are_compared_without_case_and_port_and_the_nearest_wins() {
    let mut routes = [key("GET", "/"), key("GET", "/"), key("GET", "/")];
    routes[0].hosts.push(HostPattern::parse("api.Example.com").expect("a host"));
    routes[1].hosts.push(HostPattern::parse("*.example.com").expect("a host"));
    assert_eq!(found(&routes, "GET", "API.example.com:8080", "/").0, Found::Route(0));
    assert_eq!(found(&routes, "GET", "v2.api.example.com", "/").0, Found::Route(1));
    assert_eq!(found(&routes, "GET", "example.com", "/").0, Found::Route(2));
}

#[test]
fn a_regex_in_the_paths_place_binds_its_named_groups() {
    let routes = [key("GET", "re\"/v(?<major>[0-9]+)/files/(?<name>.+)\""), key("GET", "/v1/files/readme"), key("GET", "/v1/**")];
    assert_eq!(found(&routes[..1], "GET", "h", "/v12/files/a/b"), (Found::Route(0), vec!["12".to_owned(), "a/b".to_owned()]));
    assert_eq!(found(&routes[..2], "GET", "h", "/v1/files/readme").0, Found::Route(1));
    assert_eq!(found(&routes[..2], "GET", "h", "/v1/files/").0, Found::NotFound);
}

#[test]
fn a_choice_inside_a_regex_comes_before_it() {
    let routes = [key("GET", "re\"/a.*\""), key("GET", "/{x:ab|ac}")];
    assert_eq!(found(&routes, "GET", "h", "/ab"), (Found::Route(1), vec!["ab".to_owned()]));
    assert_eq!(found(&routes, "GET", "h", "/ad").0, Found::Route(0));
}

#[test]
fn connect_and_trace_reach_no_route() {
    let routes = [key("ANY", "/**")];
    assert!(matches!(found(&routes, "TRACE", "h", "/").0, Found::MethodNotAllowed(_)));
    assert_eq!(found(&routes, "PROPFIND", "h", "/").0, Found::Route(0));
}

#[test]
fn a_cache_line_holds_a_slot() {
    assert_eq!(size_of::<super::Slot>(), 64);
}
