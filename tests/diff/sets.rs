//! What is compared as a set, by what it means, or where it is asked.

use crate::support::{checked, compared, said};
use gatewright::analyse::diff::diff;
use gatewright::ir::Program;
use serde_json::{Value, json};

const HEAD: &str = r#"gateway { listen :8080 }
auth jwt main {
  algorithms [HS256]
  key env("KEY")
  claims { sub str; role enum(user, admin) = user; roles set<str> = []; n int = 3; m int = 4; email str? }
}
auth key partner {
  keys env("KEYS")
  key robot env("ROBOT") { tier gold }
  attributes { tier enum(silver, gold) = silver }
}
upstream app { target http://127.0.0.1:9001 }
"#;

/// What is said when a part of the declarations changes, with its examples.
#[track_caller]
fn declared(rules: &str, old: &str, new: &str) -> Vec<String> {
    let text = format!("{HEAD}route r GET /r -> app {{\n{rules}\n}}\n");
    assert_eq!(text.matches(old).count(), 1, "`{old}` stands once");
    let diff = compared(&text, &text.replace(old, new));
    let shown =
        |change: &gatewright::analyse::diff::Change| change.witness.as_ref().map_or_else(String::new, |witness| format!(" | {witness}"));
    diff.changes.iter().map(|change| format!("{} {}{}", change.class.name(), change.says, shown(change))).collect()
}

/// What is said when the statements of one route change.
#[track_caller]
fn route(old: &str, new: &str) -> Vec<String> {
    let text = |inside: &str| format!("{HEAD}route r GET /r -> app {{\n{inside}\n}}\n");
    said(&compared(&text(old), &text(new)))
}

#[test]
fn a_rule_is_compared_under_what_its_attributes_were_and_are() {
    let admin = "auth main\nrequire claim.role == admin";
    let user = "auth main\nrequire claim.role == user";
    let reshaped = |now: &str, was: &str| {
        format!("RESHAPED `role` of `main` is {now} where it is missing, was {was} | GET /r, with a token without `role`")
    };
    assert_eq!(
        declared(admin, ") = user", ") = admin"),
        [
            "LOOSER `role` of `main` is \"admin\" where it is missing, was \"user\": more callers fulfil `require claim.role == \"admin\"` | GET /r, with a credential without `role`".to_owned(),
            reshaped("\"admin\"", "\"user\""),
        ]
    );
    assert_eq!(
        declared(user, ") = user", ") = admin"),
        [
            "TIGHTER `role` of `main` is \"admin\" where it is missing, was \"user\": fewer callers fulfil `require claim.role == \"user\"` | GET /r, with a credential without `role`".to_owned(),
            reshaped("\"admin\"", "\"user\""),
        ]
    );
    // The rule asks for something else.
    assert_eq!(declared("auth main\nrequire claim.sub != \"0\"", ") = user", ") = admin"), [reshaped("\"admin\"", "\"user\"")]);
    let roles = "auth main\nrequire \"a\" in claim.roles";
    let found = declared(roles, "roles set<str> = []", "roles set<str> = [\"a\"]");
    assert!(found.iter().any(|says| says.starts_with("LOOSER `roles`")), "{found:?}");
    assert!(!found.iter().any(|says| says.starts_with("TIGHTER")), "{found:?}");
    let found = declared("auth main\nrequire claim.n < claim.m", "n int = 3", "n int = 9");
    assert!(found.iter().any(|says| says.starts_with("TIGHTER `n`")), "{found:?}");
}

#[test]
fn an_attribute_from_elsewhere_lets_in_others() {
    let found =
        declared("auth main\nrequire claim.role == admin", "role enum(user, admin) = user", "role enum(user, admin) = user from \"grade\"");
    let says = "`role` of `main` is what `grade` says, was what `role` says";
    let with = "GET /r, with a credential whose `grade` and `role` differ";
    assert_eq!(found[0], format!("LOOSER {says}: more callers fulfil `require claim.role == \"admin\"` | {with}"));
    assert_eq!(found[1], format!("TIGHTER {says}: fewer callers fulfil `require claim.role == \"admin\"` | {with}"));
}

#[test]
fn another_word_of_an_enum_lets_in_who_was_refused() {
    let classes = |old: &str, new: &str| -> Vec<String> {
        let found = declared("auth main\nrequire claim.role != user", old, new);
        found.iter().map(|says| says.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(classes("enum(user, admin)", "enum(user, admin, root)"), ["LOOSER"]);
    assert_eq!(classes("enum(user, admin)", "enum(user, root)"), ["LOOSER", "TIGHTER"]);
}

#[test]
fn a_keys_own_attributes_are_held_against_the_rules() {
    let gold = "auth partner\nrequire key.tier == gold";
    assert_eq!(
        declared(gold, "tier gold }", "tier silver }"),
        [
            "TIGHTER key `robot` of `partner` has other attributes: fewer callers fulfil `require key.tier == \"gold\"` | GET /r, with the key `robot`",
            "RESHAPED key `robot` of `partner` has other attributes | GET /r, with the key `robot`"
        ]
    );
}

#[test]
fn who_is_let_in_instead_is_told_beside_who_is_refused() {
    assert_eq!(
        route("auth main", "auth any [partner]"),
        [
            "BREAKING `auth any [partner]` is asked for, was `auth main`: callers with a credential of `main` get 401",
            "LOOSER `auth any [partner]` is in force, was `auth main`: callers with a credential of `partner` get in"
        ]
    );
    let says = "tokens of `main` are signed with secret(env OTHER), were with secret(env KEY)";
    assert_eq!(
        declared("auth main", "env(\"KEY\")", "env(\"OTHER\")"),
        [
            format!("BREAKING {says} | GET /r, with a token that `main` took"),
            format!("LOOSER {says} | GET /r, with a token that `main` did not take")
        ]
    );
}

#[test]
fn networks_are_compared_by_the_addresses_they_hold() {
    let gateway = |trust: &str| format!("gateway {{\nlisten :1\ntrust [{trust}]\n}}\nroute r GET /r {{ public; respond health }}\n");
    for (old, new, says) in [
        ("10.0.0.0/8", "10.0.0.0/9, 10.128.0.0/9", vec!["COSMETIC `trust` is written otherwise and means the same"]),
        ("10.0.0.0/8, fd00::/8", "fd00::/8, 10.0.0.0/8", vec!["COSMETIC `trust` is written otherwise and means the same"]),
        ("10.0.0.0/8, 10.1.0.0/16", "10.0.0.0/8", vec!["COSMETIC `trust` is written otherwise and means the same"]),
        ("10.0.0.0/8", "10.0.0.0/9", vec!["TIGHTER forwarding fields from 10.128.0.0/9 are not believed any more"]),
        (
            "10.0.0.0/8",
            "10.0.0.0/8] field forwarded #",
            vec!["RESHAPED proxies of `trust` are believed in `forwarded`, were in `x-forwarded-for`"],
        ),
        ("10.0.0.0/10", "10.0.0.0/8", vec!["LOOSER forwarding fields from 10.64.0.0/10, 10.128.0.0/9 are believed"]),
    ] {
        assert_eq!(said(&compared(&gateway(old), &gateway(new))), says, "{old} -> {new}");
    }
}

#[test]
fn origins_methods_and_fields_are_compared_as_sets() {
    let cors = |inside: &str| format!("public\ncors {{ {inside} }}");
    for (old, new, says) in [
        (
            "origins [\"https://a.x.example\", \"https://b.example\"]",
            "origins [\"https://b.example\", \"https://a.x.example\"]",
            vec!["COSMETIC `cors origins` is written otherwise and means the same"],
        ),
        (
            "origins [\"https://a.x.example\", \"https://*.x.example\"]",
            "origins [\"https://*.x.example\"]",
            vec!["COSMETIC `cors origins` is written otherwise and means the same"],
        ),
        (
            "origins [\"https://a.x.example\"]",
            "origins [\"https://*.x.example\"]",
            vec!["LOOSER `cors origins` also has https://*.x.example"],
        ),
        (
            "origins [\"https://*.example\"]",
            "origins [\"https://*.x.example\"]",
            vec!["TIGHTER `cors origins` has no https://*.example any more"],
        ),
        (
            "origins [\"*\"]; methods [GET, PUT]; headers [\"a\", \"b\"]",
            "origins [\"*\"]; methods [PUT, GET]; headers [\"b\", \"a\"]",
            vec![
                "COSMETIC `cors methods` is written otherwise and means the same",
                "COSMETIC `cors headers` is written otherwise and means the same",
            ],
        ),
        ("origins [\"*\"]; methods [GET]", "origins [\"*\"]", vec!["LOOSER `cors methods` also has *"]),
    ] {
        assert_eq!(route(&cors(old), &cors(new)), says, "{old} -> {new}");
    }
}

#[test]
fn conditions_that_are_equal_are_known_to_be_however_complex() {
    let require =
        |conditions: &[&str]| conditions.iter().fold("auth main".to_owned(), |text, condition| format!("{text}\nrequire {condition}"));
    let same = ["COSMETIC conditions are written otherwise and mean the same"];
    assert_eq!(route(&require(&["claim.n == 3"]), &require(&["claim.n in [3]"])), same);
    assert_eq!(route(&require(&["claim.n < claim.m"]), &require(&["claim.m > claim.n"])), same);
    // Beside one that is too complex to decide anything with.
    let complex = "claim.n < claim.m";
    assert_eq!(route(&require(&[complex, "claim.n == 3"]), &require(&[complex, "claim.n in [3]"])), same);
    assert_eq!(route(&require(&[complex, "claim.n >= 3"]), &require(&[complex, "claim.n > 2"])), same);
}

#[test]
fn a_rule_that_is_asked_at_another_time_is_told() {
    let deny = "deny header(\"x-bot\") == \"yes\"";
    let require = "require not header(\"x-bot\") == \"yes\"";
    let spelled = "not header(\"x-bot\") == \"yes\"";
    assert_eq!(
        route(&format!("auth main\nlimit l 5/s by client.ip\n{deny}"), &format!("auth main\nlimit l 5/s by client.ip\n{require}")),
        [format!(
            "RESHAPED `require {spelled}` is asked once the caller is known, was `{deny}` before anything else: callers without a credential get 401 before it, limits count those that it refuses"
        )]
    );
    assert_eq!(
        route(&format!("auth main\n{require}"), &format!("auth main\n{deny}")),
        [format!(
            "RESHAPED `{deny}` is asked before anything else, was `require {spelled}` once the caller is known: it refuses callers without a credential too, who got 401"
        )]
    );
    assert_eq!(
        route(&format!("public\n{deny}"), &format!("public\n{require}")),
        [format!("COSMETIC `require {spelled}` is asked once the caller is known, was `{deny}` before anything else: no request can tell")]
    );
}

#[test]
fn declarations_in_another_order_are_the_same_declarations() {
    let parts = [
        "upstream a { target http://127.0.0.1:11 }\n",
        "upstream b { target http://127.0.0.1:12 }\n",
        "upstream c { target http://127.0.0.1:13 }\n",
        "auth jwt one { algorithms [HS256]; key env(\"ONE\"); claims { sub str; n int } }\n",
        "auth jwt two { algorithms [HS256]; key env(\"TWO\"); claims { n int; sub str } }\n",
        "route x GET /x -> c { auth two; require claim.n == 3; timeout { total 5s }; limit l 5/s }\n",
        "route y GET /y { auth any [one, two]; aggregate { part a GET \"/a\" -> a; part b GET \"/b\" -> b } }\n",
        "route z GET /z -> b { auth one; log access json; require claim.n == 3 }\n",
    ];
    let program = |parts: &mut dyn Iterator<Item = &&str>, stores: [&str; 2]| {
        let text = parts.fold("gateway { listen :1 }\n".to_owned(), |text, part| text + part);
        with_the_rest(&checked("order.gate", &text).unwrap(), stores)
    };
    let (forth, back) = (program(&mut parts.iter(), ["p", "q"]), program(&mut parts.iter().rev(), ["q", "p"]));
    assert_ne!(forth.upstreams[0].name, back.upstreams[0].name);
    assert_eq!(said(&diff(&forth, &back)), ["COSMETIC statements stand in other places"]);
}

/// What names declarations by their numbers and cannot be said in the language yet.
fn with_the_rest(program: &Program, stores: [&str; 2]) -> Program {
    let mut value = serde_json::to_value(program).unwrap();
    let at = |list: &Value, name: &str| list.as_array().unwrap().iter().position(|each| each["name"] == name).unwrap();
    let (a, b, c) = (at(&value["upstreams"], "a"), at(&value["upstreams"], "b"), at(&value["upstreams"], "c"));
    let two = at(&value["auths"], "two");
    let sub = at(&value["auths"][two]["attributes"], "sub");
    let time = json!({ "secs": 5, "nanos": 0 });
    let store = |name: &str| json!({ "name": name, "url": { "plain": name }, "timeout": time, "on_failure": "local" });
    let hook = |name: &str| json!({ "name": name, "url": name, "on": ["request"], "timeout": time, "refuse": true, "forward": false });
    value["stores"] = json!(stores.map(store));
    value["hooks"] = json!(stores.map(hook));
    value["gateway"]["admin"] = json!({ "address": "127.0.0.1:9901", "auth": two });
    value["upstreams"][c]["balance"] = json!({ "hash": { "Ref": { "Attribute": [[two, sub]] } } });
    let p = at(&value["stores"], "p");
    let x = at(&value["routes"], "x");
    let route = &mut value["routes"][x];
    route["hooks"] = json!([p]);
    let retry = serde_json::to_value(gatewright::upstream::retry::Config::default()).unwrap();
    route["retries"] = json!([[c, retry]]);
    let policies = route["policies"].as_array_mut().unwrap();
    policies.push(json!({ "to": { "arms": [{ "when": { "Const": { "Bool": true } }, "upstream": a }],
        "otherwise": { "split": { "shares": [[5000, b], [5000, c]], "sticky": null } } } }));
    policies.push(json!({ "mirror": { "share": 500, "upstream": b } }));
    policies.push(json!({ "fallback": { "upstream": a } }));
    let limit = policies.iter_mut().find(|policy| policy.get("limit").is_some()).unwrap();
    limit["limit"]["limits"][0]["store"] = json!(p);
    serde_json::from_value(value).unwrap()
}
