//! Conditions of `match` that name the host or the path, anywhere in them: what they leave is found, with a request that
//! shows it (each is replayed against both policies by [`compared`]).

use crate::support::compared;
use gatewright::analyse::diff::Change;

const HEAD: &str = "gateway { listen :8080 }\nauth key k { from header(\"x-api-key\"); keys env(\"K\") }\n";

fn policy(routes: &str) -> String {
    format!("{HEAD}{routes}route z GET /z {{ public; respond 200 text \"z\" }}\n")
}

fn guarded(condition: &str, access: &str) -> String {
    format!("route a GET /x/** {{ {access}; match {condition}; respond 200 text \"a\" }}\n")
}

/// The classes of what is said, with the witness.
#[track_caller]
fn found(old: &str, new: &str) -> Vec<String> {
    let diff = compared(&policy(old), &policy(new));
    let shown = |change: &Change| {
        let witness = change.witness.as_ref().map_or_else(|| "no witness".to_owned(), ToString::to_string);
        format!("{} {witness}", change.class.name())
    };
    diff.changes.iter().filter(|change| change.class.name() != "COSMETIC").map(shown).collect()
}

/// Conditions, and a request for which each holds.
const CONDITIONS: &[(&str, &str)] = &[
    ("request.host == \"a.b\"", "GET http://a.b/x"),
    ("request.host != \"localhost\"", "GET http://example.com/x"),
    ("not (request.host == \"localhost\")", "GET http://example.com/x"),
    ("header(\"v\") == \"1\" and request.host matches re\"[xy][.]z\"", "GET http://x.z/x -H 'v: 1'"),
    ("not (request.path == \"/x\")", "GET /x/"),
    ("not (request.path matches re\"/x(/b.*)?\")", "GET /x/"),
    ("request.path == \"/x/q\"", "GET /x/q"),
    ("request.path == \"/x/q\" or request.path == \"/x/r\"", "GET /x/q"),
    ("request.host == \"a.b\" or request.path == \"/x/q\"", "GET http://a.b/x"),
    ("request.method == HEAD", "HEAD /x"),
    ("param.rest == \"q/r\"", "GET /x/q/r"),
    ("param.rest matches re\"[!?]\" and request.host == \"a.b\"", "GET http://a.b/x/!"),
    ("client.ip in 10.0.0.0/8 and request.path != \"/x\"", "GET /x/, with `client.ip` = `10.0.0.1`"),
];

#[test]
fn who_is_let_in_is_told_whatever_the_condition_names() {
    for (condition, witness) in CONDITIONS {
        let changes = found(&guarded(condition, "auth k"), &guarded(condition, "public"));
        assert_eq!(changes.len(), 1, "{condition}: {changes:?}");
        assert!(changes[0].starts_with(&format!("LOOSER {witness}")), "{condition}: {changes:?}");
    }
}

#[test]
fn a_conditioned_route_that_goes_or_comes_is_told() {
    for (condition, witness) in CONDITIONS {
        let route = guarded(condition, "public");
        assert_eq!(found(&route, ""), [format!("BREAKING {witness}")], "{condition}");
        assert_eq!(found("", &route), [format!("LOOSER {witness}")], "{condition}");
    }
}

#[test]
fn a_conditioned_route_before_another_is_told() {
    let fallback = "route b GET /x/** { public; respond 200 text \"b\" }\n";
    for (condition, witness) in CONDITIONS {
        let route = format!("{}{fallback}", guarded(condition, "public").replace("public;", "public; priority 1;"));
        assert_eq!(found(fallback, &route), [format!("REROUTED {witness}"), format!("RESHAPED {witness}")], "{condition}");
    }
}

#[test]
fn another_host_is_two_changes() {
    let route = |host: &str| guarded(&format!("request.host == \"{host}\""), "public");
    assert_eq!(found(&route("a.b"), &route("c.d")), ["BREAKING GET http://a.b/x", "LOOSER GET http://c.d/x"]);
}

#[test]
fn another_answer_is_told() {
    let old = guarded("request.host == \"a.b\"", "public");
    assert_eq!(found(&old, &old.replace("200", "403")), ["RESHAPED GET http://a.b/x"]);
}

#[test]
fn a_condition_written_otherwise_is_no_change() {
    for (one, other) in [
        ("request.path == \"/x/q\" or request.path == \"/x/r\"", "request.path in [\"/x/r\", \"/x/q\"]"),
        ("not (request.host == \"localhost\")", "request.host != \"localhost\""),
        ("request.path matches re\"/x/[a-c]\"", "request.path matches re\"/x/(a|b|c)\""),
    ] {
        assert_eq!(found(&guarded(one, "public"), &guarded(other, "public")), [""; 0], "{one}");
    }
}

#[test]
fn mapped_addresses_are_those_that_they_map() {
    let old = guarded("client.ip in ::ffff:10.0.0.0/104 and client.ip != ::ffff:10.0.0.1", "auth k");
    let new = guarded("client.ip in 10.0.0.0/8 and client.ip != 10.0.0.1", "public");
    let changes = found(&old, &new);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].starts_with("LOOSER GET /x, with `client.ip` = `10."), "{changes:?}");
    let trust = |network: &str| policy("").replace("listen :8080", &format!("listen :8080; trust {network}"));
    assert_eq!(compared(&trust("::ffff:10.0.0.0/104"), &trust("10.0.0.0/8")).changes, []);
}
