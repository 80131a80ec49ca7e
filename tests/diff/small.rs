//! One kind of change each, in policies of a few lines.

use crate::support::{compared, said};

const HEAD: &str = r#"gateway { listen :8080 }
auth jwt main {
  algorithms [HS256]
  key env("KEY")
  claims { sub str; role enum(user, auditor, admin) = user; roles set<str> = [] }
}
auth jwt other {
  algorithms [HS256]
  key env("OTHER_KEY")
  claims { sub str }
}
auth key partner { keys env("KEYS") }
upstream app { target http://127.0.0.1:9001 }
upstream spare { target http://127.0.0.1:9002 }
"#;

/// What is said when the statements of one route change.
#[track_caller]
fn route(old: &str, new: &str) -> Vec<String> {
    let text = |inside: &str| format!("{HEAD}route r GET /r/{{id:int}} -> app {{\n{inside}\n}}\n");
    said(&compared(&text(old), &text(new)))
}

/// What is said, with its example, when the routes change.
#[track_caller]
fn routes(old: &str, new: &str) -> Vec<String> {
    let diff = compared(&format!("{HEAD}{old}"), &format!("{HEAD}{new}"));
    let shown =
        |change: &gatewright::analyse::diff::Change| change.witness.as_ref().map_or_else(String::new, |witness| format!(" | {witness}"));
    diff.changes.iter().map(|change| format!("{} {}{}", change.class.name(), change.says, shown(change))).collect()
}

#[track_caller]
fn example(old: &str, new: &str) -> String {
    let text = |inside: &str| format!("{HEAD}route r GET /r/{{id:int}} -> app {{\n{inside}\n}}\n");
    let diff = compared(&text(old), &text(new));
    assert_eq!(diff.changes.len(), 1, "{diff}");
    diff.changes[0].witness.as_ref().unwrap().to_string()
}

#[test]
fn who_is_asked_for_is_compared_by_who_gets_in() {
    for (old, new, says) in [
        (
            "auth main",
            "auth any [main, partner]",
            "LOOSER `auth any [main, partner]` is in force, was `auth main`: callers with a credential of `partner` get in",
        ),
        (
            "auth main",
            "auth all [main, partner]",
            "TIGHTER `auth all [main, partner]` is asked for, was `auth main`: callers with a credential of `main` get 401",
        ),
        (
            "auth any [main, partner]",
            "auth main",
            "BREAKING `auth main` is asked for, was `auth any [main, partner]`: callers with a credential of `partner` get 401",
        ),
        (
            "auth main",
            "auth optional main",
            "LOOSER `auth optional main` is in force, was `auth main`: callers without a credential get in",
        ),
        ("public", "auth main", "TIGHTER `auth main` is asked for, was `public`: callers without a credential get 401"),
        ("public", "auth optional main", "RESHAPED `auth optional main` is in force, was `public`: who calls is known in another way"),
        ("public \"a\"", "public \"b\"", "COSMETIC the reason of `public` reads otherwise"),
    ] {
        assert_eq!(route(old, new), [says]);
    }
    assert_eq!(
        route("auth any [main, partner]", "auth any [partner, main]"),
        ["COSMETIC `auth any [partner, main]` names its auths in another order"]
    );
}

#[test]
fn conditions_are_compared_by_what_follows() {
    let require = |condition: &str| format!("auth main\nrequire {condition}");
    for (old, new, says) in [
        (
            "claim.role == admin",
            "claim.role in [admin, auditor]",
            vec!["LOOSER `require claim.role in [\"admin\", \"auditor\"]` is in force, was `require claim.role == \"admin\"`"],
        ),
        (
            "claim.role in [admin, auditor]",
            "claim.role == admin",
            vec!["TIGHTER `require claim.role == \"admin\"` is in force, was `require claim.role in [\"admin\", \"auditor\"]`"],
        ),
        ("claim.role != user", "claim.role in [admin, auditor]", vec!["COSMETIC conditions are written otherwise and mean the same"]),
        ("claim.role == admin", "claim.role == admin and \"x\" in claim.roles", vec!["TIGHTER `require \"x\" in claim.roles` is in force"]),
        (
            "claim.role == admin or \"x\" in claim.roles",
            "claim.role == admin",
            vec!["TIGHTER `require claim.role == \"admin\"` is in force, was `require claim.role == \"admin\" or \"x\" in claim.roles`"],
        ),
    ] {
        assert_eq!(route(&require(old), &require(new)), says);
    }
    assert_eq!(example(&require("claim.role == admin"), &require("claim.role != user")), "GET /r/1, with `claim.role` = `auditor`");
    assert_eq!(example("public\ndeny header(\"x-bot\") == \"yes\"", "public"), "GET /r/1 -H 'x-bot: yes'");
    assert_eq!(
        route("public\ndeny header(\"x-bot\") == \"yes\"", "public"),
        ["LOOSER `deny header(\"x-bot\") == \"yes\"` is not in force any more"]
    );
    assert_eq!(example("auth main", "auth main\nrequire param.id < 100"), "GET /r/100");
    assert_eq!(
        route("auth main\nrequire claim.sub != \"0\"", "auth main\nrequire claim.sub != \"0\" else 404"),
        ["RESHAPED `require claim.sub != \"0\"` refuses with 404, did with 403"]
    );
}

#[test]
fn attributes_go_by_their_names_where_the_auth_changes() {
    let shaped = |auth: &str| format!("auth {auth}\nrequest {{ set X-User claim.sub }}\nrequire claim.sub != \"0\"");
    assert_eq!(
        route(&shaped("main"), &shaped("other")),
        [
            "BREAKING `auth other` is asked for, was `auth main`: callers with a credential of `main` get 401",
            "LOOSER `auth other` is in force, was `auth main`: callers with a credential of `other` get in"
        ]
    );
}

#[test]
fn limits_are_compared_by_how_much_they_let_through() {
    let limit = |limit: &str| format!("auth main\nlimit l {limit}");
    for (old, new, says) in [
        ("60/min by client.ip", "1/s by client.ip burst 60", vec![]),
        ("60/min by client.ip burst 5", "60/min by client.ip burst 9", vec!["LOOSER limit `l` lets 9 through at once, was 5"]),
        ("10/min by client.ip", "600/h by client.ip", vec!["LOOSER limit `l` lets 600 through at once, was 10"]),
        ("60/min by client.ip", "2/s by client.ip", vec!["LOOSER limit `l` is 2/s, was 60/min"]),
        ("60/min by client.ip", "60/min", vec!["TIGHTER limit `l` counts by all together, did by client.ip"]),
        ("5 concurrent", "4 concurrent", vec!["TIGHTER limit `l` is 4 concurrent, was 5"]),
        (
            "60/min by client.ip { when claim.role == admin -> 600/min }",
            "60/min by client.ip { when claim.role == admin -> 900/min }",
            vec!["LOOSER limit `l` when `claim.role == \"admin\"` is 900/min, was 600/min"],
        ),
        (
            "60/min by client.ip",
            "60/min by client.ip { when claim.role == admin -> 6/min }",
            vec![
                "TIGHTER limit `l` when `claim.role == \"admin\"` is 6/min, was 60/min",
                "RESHAPED limit `l` counts only callers that were let in, did all who asked",
            ],
        ),
    ] {
        assert_eq!(route(&limit(old), &limit(new)), says, "{old} -> {new}");
    }
    assert_eq!(route("auth main", &limit("60/min")), ["TIGHTER limit `l` is in force: 60/min"]);
    assert_eq!(route(&limit("60/min"), "auth main"), ["LOOSER limit `l` (60/min) is not in force any more"]);
    assert_eq!(
        example(&limit("60/min by claim.sub"), &limit("60/min by claim.sub { when claim.role == admin -> 900/min }")),
        "GET /r/1, with `claim.role` = `admin` and often enough"
    );
}

#[test]
fn limits_that_routes_share_are_told_from_limits_of_their_own() {
    let shared = "group g /g {\n  public\n  limit l 60/min\n  route a GET /a -> app\n  route b GET /b -> app\n}\n";
    let own = "group g /g {\n  public\n  route a GET /a -> app { limit l 60/min }\n  route b GET /b -> app { limit l 60/min }\n}\n";
    assert_eq!(routes(shared, own), ["LOOSER limit `l` counts apart what it counted together | GET /g/a, often enough"]);
    assert_eq!(routes(own, shared), ["TIGHTER limit `l` counts together what it counted apart | GET /g/a, often enough"]);
    assert_eq!(routes(shared, &shared.replace("group g", "group v")), ["COSMETIC routes stand in other groups"]);
}

#[test]
fn what_upstream_and_client_see_is_reshaped() {
    for (old, new, says) in [
        ("", "request { set X-A \"1\" }", "RESHAPED the request's field `x-a` is set to `\"1\"`"),
        ("response { remove Server }", "", "RESHAPED the response's field `server` is not removed any more"),
        ("query { set a \"1\" }", "query { set a \"2\" }", "RESHAPED the query's parameter `a` is set to `\"2\"`, was to `\"1\"`"),
        ("", "strip_prefix /r", "RESHAPED the upstream's path is the request's without `/r`, was the request's"),
        ("compress", "", "RESHAPED `compress` is not in force any more"),
        ("body max 1MiB", "body max 2MiB", "LOOSER `body max` is 2MiB, was 1MiB"),
        ("", "body max none", "LOOSER `body max` is none, was 8MiB"),
        ("", "log access json", "TUNED `log access` is json, was off"),
        ("", "cors { origins [\"https://a.example\"] }", "LOOSER scripts of https://a.example may call it: `cors`"),
        ("cors { origins [\"*\"] }", "cors { origins [\"https://a.example\"] }", "TIGHTER `cors origins` has no * any more"),
    ] {
        assert_eq!(route(&format!("public\n{old}"), &format!("public\n{new}")), [says]);
    }
}

#[test]
fn times_of_calls_are_tuned() {
    assert_eq!(
        route("public", "public\ntimeout { total 5s }"),
        ["TUNED `timeout attempt` for `app` is 5s, was 15s", "TUNED `timeout total` for `app` is 5s, was 30s"]
    );
}

#[test]
fn requests_are_compared_not_routes() {
    let whole = "route a GET,POST /a -> app { public }\n";
    let split = "route a_read GET /a -> app { public }\nroute a_write POST /a -> app { public }\n";
    assert_eq!(routes(whole, split), ["COSMETIC route `a` is called `a_write`", "COSMETIC route `a` is called `a_read`"]);
    let special = "route a GET /a/{id} -> app { public }\nroute b GET /a/b -> spare { public }\n";
    assert_eq!(
        routes("route a GET /a/{id} -> app { public }\n", special),
        ["REROUTED `b` takes what `a` took (upstream `spare`, was upstream `app`) | GET /a/b"]
    );
    assert_eq!(
        routes("route a GET /a/{id} -> app { public }\n", "route a POST /a/{id} -> app { public }\n"),
        [
            "BREAKING `a` answered these requests, now no route takes them (405): its methods are now `POST`, before `GET` | GET /a/a",
            "LOOSER no route took these requests (405), now `a` answers them: its methods are now `POST`, before `GET` | POST /a/a"
        ]
    );
    assert_eq!(
        routes(
            "route a GET /a -> app {\n  match header(\"x-version\") == \"2\"\n  public\n}\n",
            "route a GET /a -> app {\n  match header(\"x-version\") in [\"2\", \"3\"]\n  public\n}\n"
        ),
        [
            "LOOSER no route took these requests (404), now `a` answers them: its `match` is now `header(\"x-version\") in [\"2\", \"3\"]`, before `header(\"x-version\") == \"2\"` | GET /a -H 'x-version: 3'"
        ]
    );
    assert_eq!(
        routes("route a GET /a -> app { public }\n", "group g host x.example { route a GET /a -> app { public } }\n"),
        [
            "BREAKING `a` answered these requests, now no route takes them (404): its host is now `x.example`, before `any` | GET http://other/a",
            "COSMETIC routes stand in other groups"
        ]
    );
}

#[test]
fn conditions_of_match_are_decided_with_the_request() {
    assert_eq!(
        routes(
            "route a GET /a -> app { public }\n",
            "route a GET /a -> app { public }\nroute b GET /a -> spare {\n  match client.ip in 10.0.0.0/8\n  public\n}\n"
        ),
        ["REROUTED `b` takes what `a` took (upstream `spare`, was upstream `app`) | GET /a, with `client.ip` = `10.0.0.1`"]
    );
    let from = |network: &str| format!("route a GET /a -> app {{\n  match client.ip in {network}\n  public\n}}\n");
    let found = routes(&from("10.0.0.0/8"), &from("10.0.0.0/9"));
    assert!(matches!(found.as_slice(), [only] if only.starts_with("BREAKING") && only.contains("with `client.ip` = `10.1")), "{found:?}");
}

#[test]
fn a_path_parameter_is_the_same_under_any_name_and_place_in_the_list() {
    assert_eq!(
        routes(
            "route a GET /{team}/a/{id} -> app {\n  public\n  request { set X-Id param.id }\n}\n",
            "route a GET /x/a/{number} -> app {\n  public\n  request { set X-Id param.number }\n}\nroute b GET /{team}/a/{id} -> app {\n  public\n  request { set X-Id param.id }\n}\n"
        ),
        ["COSMETIC `b` takes what `a` took and does the same"]
    );
}

#[test]
fn the_gateway_itself_is_compared() {
    let gateway = |inside: &str| format!("gateway {{\n{inside}\n}}\nroute a GET /a {{\n  public\n  respond 200 text \"a\"\n}}\n");
    for (old, new, says) in [
        (
            "listen 127.0.0.1:8080",
            "listen 127.0.0.1:8081",
            vec!["BREAKING nothing listens on 127.0.0.1:8080 any more", "LOOSER the gateway also listens on 127.0.0.1:8081"],
        ),
        ("listen :1\ntrust 10.0.0.0/8", "listen :1", vec!["TIGHTER forwarding fields from 10.0.0.0/8 are not believed any more"]),
        ("listen :1", "listen :1\nlimits { headers 50 }", vec!["TIGHTER `limits headers` is 50, was 100"]),
        ("listen :1", "listen :1\ndrain 1m", vec!["TUNED `drain` is 1m, was 30s"]),
        ("listen :1", "listen :1\nlimits { body 1MiB }", vec!["TIGHTER `body max` is 1MiB, was 8MiB"]),
    ] {
        assert_eq!(said(&compared(&gateway(old), &gateway(new))), says);
    }
}

#[test]
fn another_declaration_is_told_for_every_route_that_uses_it() {
    let text = format!(
        "{HEAD}route a GET /a -> app {{ auth main }}\nroute b GET /b -> app {{ auth main }}\nroute c GET /c -> app {{ auth partner }}\n"
    );
    let diff = compared(&text, &text.replace("env(\"KEY\")", "env(\"NEW_KEY\")"));
    let says = "tokens of `main` are signed with secret(env NEW_KEY), were with secret(env KEY)";
    assert_eq!(said(&diff), [format!("BREAKING {says}"), format!("LOOSER {says}")]);
    assert_eq!(diff.changes[0].routes.len(), 2);
    let diff = compared(&text, &text.replace("sub str; role", "sub str; tenant str; role"));
    assert_eq!(said(&diff), ["TIGHTER tokens of `main` must have `tenant`"]);
    let diff = compared(&text, &text.replace("9001", "9009"));
    assert_eq!(said(&diff), ["REROUTED upstream `app` is at http://127.0.0.1:9009, was at http://127.0.0.1:9001"]);
    let diff = compared(
        &text,
        &text.replace("target http://127.0.0.1:9001 }", "target http://127.0.0.1:9001; breaker { open_after 3 failures } }"),
    );
    assert_eq!(said(&diff), ["TUNED `app` has a breaker: open after 3 failures, cooldown 30s, probes 1"]);
}

#[test]
fn an_algorithm_in_the_place_of_another_ends_every_token() {
    let text = |algorithms: &str| format!("{}route r GET /r -> app {{ auth main }}\n", HEAD.replacen("[HS256]", algorithms, 1));
    let classes = |old: &str, new: &str| -> Vec<&'static str> {
        compared(&text(old), &text(new)).changes.iter().map(|change| change.class.name()).collect()
    };
    assert_eq!(classes("[HS256]", "[HS512]"), ["BREAKING", "LOOSER"]);
    assert_eq!(classes("[HS256]", "[HS256, HS512]"), ["LOOSER"]);
    assert_eq!(classes("[HS256, HS512]", "[HS256]"), ["TIGHTER"]);
}

#[test]
fn how_clients_reach_a_listener_is_compared() {
    let text = |listen: &str| HEAD.replacen("listen :8080", listen, 1) + "route r GET /r -> app { public }\n";
    let classes = |old: &str, new: &str| -> Vec<&'static str> {
        compared(&text(old), &text(new)).changes.iter().map(|change| change.class.name()).collect()
    };
    let tls = |more: &str| format!("listen :8080 {{ tls {{ certificate \"a.example\" cert file(\"c\") key file(\"k\"); {more} }} }}");
    assert_eq!(classes(&tls("client_ca file(\"ca\")"), &tls("")), ["LOOSER"]);
    assert_eq!(classes(&tls("client_ca file(\"ca\")"), &tls("client_ca file(\"ca\") optional")), ["LOOSER"]);
    assert_eq!(classes(&tls(""), &tls("client_ca file(\"ca\")")), ["BREAKING"]);
    assert_eq!(classes(&tls(""), "listen :8080"), ["BREAKING", "LOOSER"]);
    assert_eq!(classes("listen :8080 redirect https", "listen :8080"), ["LOOSER"]);
    assert_eq!(classes(&tls("min_version tls1_3"), &tls("min_version tls1_2")), ["LOOSER"]);
    assert_eq!(classes("listen :8080 as a", "listen :8080 as b"), ["COSMETIC"]);
}

#[test]
fn flags_in_another_order_are_the_same_flags() {
    // Each stands in another's place, and no two have changed places: a number that is read the wrong way round is another flag's.
    let before = "flag one = on\nflag two = off\nflag three = 10% by client.ip\n";
    let after = "flag two = off\nflag three = 10% by client.ip\nflag one = on\n";
    for flag in ["one", "two", "three"] {
        let asks = |flag: &str| format!("route r GET /r -> app {{ public \"a test\"; deny flag.{flag} }}\n");
        assert_eq!(routes(&format!("{before}{}", asks(flag)), &format!("{after}{}", asks(flag))), Vec::<String>::new(), "{flag}");
        for other in ["one", "two", "three"].into_iter().filter(|other| *other != flag) {
            let said = routes(&format!("{before}{}", asks(flag)), &format!("{after}{}", asks(other)));
            let says = format!("`deny flag.{other}` is in force, was `deny flag.{flag}`");
            let classes: Vec<&str> = said.iter().filter(|line| line.contains(&says)).filter_map(|line| line.split(' ').next()).collect();
            assert_eq!((classes.as_slice(), said.len()), (["LOOSER", "TIGHTER"].as_slice(), 2), "{said:?}");
        }
    }
}

#[test]
fn shares_are_told_in_percent() {
    let flag = |share: &str| format!("flag new = {share} by client.ip\nroute r GET /r -> app {{ public \"a test\"; deny flag.new }}\n");
    let said = routes(&flag("0.5%"), &flag("10%"));
    assert!(said.len() == 1 && said[0].starts_with("RESHAPED `share` of flag `new` is 10%, was 0.5%"), "{said:?}");
    let said = route("public\nmirror 5% -> spare", "public\nmirror 12.5% -> spare");
    assert!(said.len() == 1 && said[0].contains("is 12.5%, was 5%"), "{said:?}");
}

/// A route that asks hooks, which are declared so.
fn asked(hooks: &[&str], uses: &str) -> String {
    let declared: String = hooks.iter().map(|hook| format!("hook {hook}\n")).collect();
    format!("{declared}route r GET /r -> app {{ public \"a test\"; {uses} }}\n")
}

#[test]
fn a_hook_that_may_refuse_is_a_guard() {
    let paid = "paid http http://h:1/ { on [request]; on_failure refuse }";
    let (with, without) = (asked(&[paid], "use paid"), asked(&[paid], ""));
    assert_eq!(routes(&with, &without), ["LOOSER hook `paid` is not asked any more | GET /r, refused by it"]);
    assert_eq!(routes(&without, &with), ["TIGHTER hook `paid` is asked | GET /r, refused by it"]);
    // It may answer a request itself whatever becomes of it when it fails; a reply is kept back by one that must be asked.
    for (declared, class) in [
        ("h http http://h:1/ { on [request] }", "LOOSER"),
        ("h http http://h:1/ { on [response]; on_failure refuse }", "LOOSER"),
        ("h http http://h:1/ { on [response] }", "RESHAPED"),
        ("h http http://h:1/ { on [error]; on_failure refuse }", "RESHAPED"),
    ] {
        let said = routes(&asked(&[declared], "use h"), &asked(&[declared], ""));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&format!("{class} hook `h` is not asked any more")), "{declared}: {said:?}");
    }
}

#[test]
fn what_a_hook_may_refuse_is_compared() {
    let changed = |old: &str, new: &str| {
        let text = |inside: &str| asked(&[&format!("h http http://h:1/ {{ {inside} }}")], "use h");
        routes(&text(old), &text(new)).into_iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (old, new, says) in [
        ("on [request]", "on [request]; on_failure refuse", "TIGHTER `on_failure` of hook `h` is `refuse`, was `continue`"),
        ("on [request]; on_failure refuse", "on [request]", "LOOSER `on_failure` of hook `h` is `continue`, was `refuse`"),
        ("on [request, response]", "on [response]", "LOOSER hook `h` is not asked any more on `request`"),
        ("on [response]", "on [request, response]", "TIGHTER hook `h` is asked on `request`"),
        ("on [request]", "on [request, error]", "RESHAPED hook `h` is asked on `error`"),
        ("on [request]", "on [request]; timeout 50ms", "TUNED `timeout` of hook `h` is 50ms, was 200ms"),
    ] {
        assert_eq!(changed(old, new), [says], "{old} -> {new}");
    }
}

#[test]
fn a_cache_that_answers_one_caller_with_what_another_got_is_looser() {
    let another = "a caller may get what was answered to another";
    for (old, new, says) in [
        (
            "auth main\ncache 30s by [claim.sub]",
            "auth main\ncache 30s shared",
            format!("LOOSER `cache shared` is in force, was `cache by [claim.sub]`: {another}"),
        ),
        (
            "public\ncache 30s by [client.ip, cookie(\"lang\")]",
            "public\ncache 30s by [client.ip]",
            format!("LOOSER `cache by [client.ip]` is in force, was `cache by [client.ip, cookie(\"lang\")]`: {another}"),
        ),
        (
            "auth main\ncache 30s by [claim.sub, claim.role]",
            "auth main\ncache 30s by [claim.role, claim.sub]",
            "COSMETIC `cache by [claim.role, claim.sub]` names its parts in another order".to_owned(),
        ),
        (
            "auth main\ncache 30s by [claim.sub]",
            "auth main\ncache 30s by [claim.sub, claim.role]",
            "RESHAPED `cache by [claim.sub, claim.role]` is in force, was `cache by [claim.sub]`".to_owned(),
        ),
        // What is asked for is no caller's, and neither is the host.
        (
            "public\ncache 30s by [query(\"q\"), request.host, body(\"/a\")]",
            "public\ncache 30s by [query(\"q\")]",
            "RESHAPED `cache by [query(\"q\")]` is in force, was `cache by [query(\"q\"), request.host, body(\"/a\")]`".to_owned(),
        ),
        ("public\ncache 30s", "public\ncache 40s", "RESHAPED `cache ttl` is 40s, was 30s".to_owned()),
        ("public\ncache 30s", "public", "RESHAPED `cache` is not in force any more".to_owned()),
    ] {
        assert_eq!(route(old, new), [says]);
    }
}

#[test]
fn a_cache_that_moves_says_what_that_changes() {
    let of = |group: &str, each: &str| {
        format!(
            "group g /g {{\n{group}\nroute a GET /a -> app {{ public \"a\"\n{each} }}\nroute b GET /b -> app {{ public \"b\"\n{each} }}\n}}\n"
        )
    };
    let cache = "cache 30s max 64MiB";
    assert_eq!(routes(&of(cache, ""), &of("", cache)), ["TUNED `cache` has several rooms for what it had one for | GET /g/a"]);
    assert_eq!(routes(&of("", cache), &of(cache, "")), ["TUNED `cache` has one room for what it had several for | GET /g/a"]);
    // Of one route it is the same room.
    let one = |group: &str, own: &str| format!("group g /g {{\n{group}\nroute a GET /a -> app {{ public \"a\"\n{own} }}\n}}\n");
    assert_eq!(routes(&one(cache, ""), &one("", cache)), [""; 0]);
}

#[test]
fn what_is_for_operators_is_told_in_the_words_of_the_policy_and_shown_by_no_request_of_a_client() {
    let told = |old: &str, new: &str| {
        let text = |inside: &str| {
            format!("{}route alive GET /alive {{ public; respond health }}\n", HEAD.replacen(":8080", &format!(":8080\n{inside}\n"), 1))
        };
        let diff = compared(&text(old), &text(new));
        assert!(diff.changes.iter().all(|change| change.witness.is_none()), "{diff}");
        said(&diff)
    };
    for (old, new, says) in [
        ("", "drain 45s", "TUNED `drain` is 45s, was 30s"),
        ("workers 2", "workers 3", "TUNED `workers` is 3, was 2"),
        ("", "limits { connections 2_000 }", "TUNED `limits connections` is 2000, was 10000"),
        ("admin 127.0.0.1:8601", "", "TUNED `admin 127.0.0.1:8601` is not in force any more"),
        ("", "admin 127.0.0.1:8601 { auth main }", "TUNED `admin 127.0.0.1:8601` is in force and asks for `main`"),
        ("admin 127.0.0.1:8601", "admin 127.0.0.1:8602", "TUNED `admin` is at 127.0.0.1:8602, was at 127.0.0.1:8601"),
        (
            "admin 127.0.0.1:8601 { auth main }",
            "admin 127.0.0.1:8601",
            "LOOSER the admin listener asks for nobody's credential, did for `main`",
        ),
        ("events post http://127.0.0.1:9/ on [reload]", "", "TUNED `events post http://127.0.0.1:9/ on [reload]` is not in force any more"),
        ("", "trace otlp http://127.0.0.1:9/v1/traces", "TUNED `trace otlp http://127.0.0.1:9/v1/traces` is in force"),
    ] {
        assert_eq!(told(old, new), [says]);
    }
}
