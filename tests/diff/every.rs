//! Every leaf of a program, changed one at a time: whatever differs is told of, unless it is known to decide nothing.

use crate::support::checked;
use gatewright::analyse::diff::diff;
use gatewright::ir::Program;
use gatewright::policy;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What a request cannot tell: names, places and texts about the policy; what is told by what it is taken from; and what
/// only tests see. `*` is any one name or place in a list; `$` at the end is the list itself, not what is in it.
const DECIDES_NOTHING: &[&str] = &[
    "**/name",
    "**/place",
    "**/doc",
    "**/groups",
    "tests",
    "written",
    // The reason of `public`.
    "routes/*/policies/*/auth/mode/public/why",
    // Which routes count together, and have one room: told where a route does so with others.
    "routes/*/policies/*/limit/limits/*/site",
    "routes/*/policies/*/cache/keep/site",
    // Made of the condition, which is compared.
    "routes/*/key/predicate",
    "routes/*/predicate/$",
    "routes/*/key/priority",
    // Follows from the expressions, which are compared.
    "routes/*/reads_body",
    // The route itself.
    "routes/*/policies/*/maintenance/route",
    "upstreams/*/stubs",
    // Which declarations there are is told where they are used.
    "upstreams/$",
    "auths/$",
    "auths/*/attributes/$",
    "stores/$",
    "hooks/$",
    // An attribute of a key or a password is always there, or its line is refused.
    "auths/*/attributes/*/optional",
];

/// How many leaves of one kind are changed.
const OF_A_KIND_MAX: usize = 1;

const RICH: &str = r#"
gateway {
  listen 0.0.0.0:80 redirect https
  listen [::]:443 as edge {
    tls {
      certificate "api.example.com" cert file("tls/api.crt") key file("tls/api.key")
      min_version tls1_2
      client_ca file("ca.pem") optional
    }
  }
  trust [10.0.0.0/8, fd00::/8]
  limits { header_bytes 32KiB; body 8MiB; connections 20_000; header_timeout 5s }
  drain 30s
  log access json sample 25%
}
auth jwt main {
  issuer "https://id.example.com/"
  audience ["shop"]
  algorithms [HS256]
  key env("KEY")
  claims { sub str; plan enum(free, pro) = free; roles set<str> = []; email str?; age int = 1 }
}
auth key partner {
  from header("x-api-key")
  keys env("KEYS")
  key robot env("ROBOT") { tier gold }
  attributes { tier enum(silver, gold) = silver }
}
auth basic ops { users env("OPS") }
upstream users { target http://users-1:9000 weight 3; target http://users-2:9000; breaker { open_after 3 failures }; timeout { connect 250ms; attempt 2s; total 5s } }
upstream orders { target http://orders:9000; host "orders.internal" }
group v1 /v1 host api.example.com {
  cors { origins ["https://shop.example.com", "https://*.partners.example.com"]; methods [GET, POST]; headers ["authorization"]; expose ["etag"]; credentials allow; max_age 1h }
  compress [br, gzip]
  limit per_plan 5_000/min by claim.sub { when claim.plan == pro -> 60_000/min burst 70_000 }
  limit at_once 20 concurrent by client.ip
  auth main
  deny client.ip in 192.0.2.0/24
  request { remove "X-Internal-*"; set X-User claim.sub; add X-Plan claim.plan }
  response { remove Server; set Cache-Control "private" if_missing }
  route show GET /users/{id:uuid} -> users { require claim.sub == param.id or "support" in claim.roles }
  route pay POST /orders/{id:int} -> orders {
    require claim.plan in [pro] else 402
    body max 256KiB
    timeout { connect 250ms; attempt 4s; total 13s }
    query { set page "1"; remove debug }
  }
  route both GET /both {
    aggregate {
      part user GET "/users/${claim.sub}" -> users
      part orders GET "/orders" -> orders { optional default "[]" within 800ms }
    }
  }
}
route find GET /find -> users {
  auth any [partner, main]
  match query("q") matches re"[a-z]{2,64}"
  strip_prefix /find
}
route robots GET /robots.txt { public "for crawlers"; respond 200 text "User-agent: *" }
route docs GET /docs/** { public; redirect 308 "https://docs.example.com/${param.rest}" }
route token POST /token { auth ops; issue main { sub user.name; ttl 1h } }
"#;

/// What the language cannot say yet, put into a checked program.
fn with_the_rest(program: &Program) -> Value {
    let mut value = serde_json::to_value(program).unwrap();
    let time = json!({ "secs": 5, "nanos": 0 });
    value["stores"] = json!([{ "name": "shared", "url": { "plain": "redis://a" }, "timeout": time, "on_failure": "local" }]);
    value["flags"] = json!([{ "name": "new", "share": 500, "by": { "Ref": "ClientIp" } }]);
    value["hooks"] = json!([{ "name": "audit", "url": "http://h/", "on": ["request"], "timeout": time, "refuse": true, "forward": false }]);
    value["gateway"]["admin"] = json!({ "address": "127.0.0.1:9901", "auth": 2 });
    value["gateway"]["trace"] = json!({ "url": "http://t/", "sample": 100 });
    value["gateway"]["events"] = json!([{ "url": "http://e/", "on": ["reload"] }]);
    value["gateway"]["unmatched"] = json!([{ "security_headers": { "fields": [["x-frame-options", "DENY"]] } }]);
    value["routes"][0]["hooks"] = json!([0]);
    value["routes"][1]["policies"].as_array_mut().unwrap().extend([
        json!({ "mirror": { "share": 500, "upstream": 1 } }),
        json!({ "fallback": { "upstream": 1 } }),
        json!({ "deprecated": { "since": "2026-01-01", "sunset": null, "link": "https://l/" } }),
        json!({ "security_headers": { "fields": [["x-frame-options", "DENY"]] } }),
        json!({ "maintenance": { "route": "robots", "flag": "new" } }),
    ]);
    let backoff = json!({ "base": time, "cap": time, "jitter": true });
    let retry = json!({ "attempts": 2, "on": ["reset", { "status": [502, 503] }], "methods": ["GET"], "backoff": backoff,
        "budget": { "share": 2000, "min_per_second": 10 }, "idempotency_key": false });
    value["upstreams"][0]["retry"] = retry.clone();
    for route in value["routes"].as_array_mut().unwrap() {
        if route["target"]["Upstream"] == json!(0) {
            route["retries"] = json!([[0, retry.clone()]]);
            route["retries"][0][1]["attempts"] = json!(3);
        }
    }
    value["upstreams"][0]["sticky"] = json!("lane");
    value["upstreams"][0]["http2"] = json!(true);
    value["upstreams"][0]["concurrency"] = json!({ "most": 5, "queue": 2 });
    value["upstreams"][0]["tls"] = json!({ "ca": { "File": "a" }, "identity": null, "server_name": "s" });
    value
}

/// The leaves of a value, by their pointers.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| leaves(member, &format!("{at}/{name}"), found)),
        Value::Array(all) => {
            found.push(at.to_owned());
            all.iter().enumerate().for_each(|(index, each)| leaves(each, &format!("{at}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(at.to_owned()),
    }
}

/// Other values that might stand in a leaf's place.
fn others(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::Null => vec![
            json!(true),
            json!(1),
            json!({ "secs": 1, "nanos": 0 }),
            json!("x"),
            json!({ "Env": "X" }),
            json!({ "Const": "None" }),
            json!([]),
        ],
        Value::Bool(truth) => vec![json!(!truth)],
        Value::Number(number) => vec![json!(number.as_u64().unwrap_or(0) + 1), json!(0)],
        Value::String(text) => {
            let digit = |letter: char| letter.to_digit(9).map_or(letter, |digit| char::from_digit(digit + 1, 10).unwrap());
            vec![json!(format!("{text}x")), json!(text.chars().map(digit).collect::<String>())]
        }
        Value::Array(all) if all.is_empty() => vec![],
        Value::Array(all) => vec![json!(all[..all.len() - 1])],
        Value::Object(_) => vec![],
    }
}

/// The program with another leaf; none where no other value fits.
fn changed(program: &Value, at: &str) -> Option<Program> {
    let leaf = program.pointer(at).unwrap();
    let read = |value: &Value| {
        let mut changed = program.clone();
        *changed.pointer_mut(at).unwrap() = value.clone();
        serde_json::from_value::<Program>(changed).map_err(|error| error.to_string())
    };
    let mut refused = String::new();
    for value in others(leaf) {
        match read(&value) {
            Ok(program) => return Some(program),
            Err(error) => refused = error,
        }
    }
    // The error names what would fit.
    let words = refused.split('`').skip(3).step_by(2).map(|word| json!(word)).filter(|word| word != leaf);
    words.into_iter().find_map(|word| read(&word).ok())
}

fn decides_nothing(at: &[&str]) -> bool {
    DECIDES_NOTHING.iter().any(|pattern| {
        let names: Vec<&str> = pattern.split('/').collect();
        match names.as_slice() {
            ["**", rest @ ..] => at.windows(rest.len()).any(|window| window == rest),
            [names @ .., "$"] => at.len() == names.len() && names.iter().zip(at).all(|(name, part)| *name == "*" || name == part),
            names => at.len() >= names.len() && names.iter().zip(at).all(|(name, part)| *name == "*" || name == part),
        }
    })
}

/// The kinds of leaves that were changed, and what is wrong with what was said of it.
#[derive(Default)]
struct Told {
    kinds: HashMap<String, usize>,
    silent: Vec<String>,
    /// Data where the language has words.
    unworded: Vec<String>,
}

impl Told {
    #[track_caller]
    fn change_all_of(&mut self, program: &Value) {
        let old: Program = serde_json::from_value(program.clone()).unwrap();
        assert_eq!(diff(&old, &old).changes, []);
        let mut all = Vec::new();
        leaves(program, "", &mut all);
        for at in all {
            let parts: Vec<&str> = at.split('/').skip(1).collect();
            let kind: Vec<&str> = parts.iter().map(|part| if part.parse::<usize>().is_ok() { "*" } else { part }).collect();
            let seen = self.kinds.entry(kind.join("/")).or_default();
            if decides_nothing(&parts) || *seen >= OF_A_KIND_MAX {
                continue;
            }
            let Some(mut new) = changed(program, &at) else { continue };
            if let ["routes", number, "predicate", ..] = parts.as_slice() {
                // As another condition makes it.
                let route = &mut new.routes[number.parse::<usize>().unwrap()];
                route.key.predicate.atoms.iter_mut().for_each(|atom| atom.attribute.push('2'));
            }
            if new == old {
                continue;
            }
            *seen += 1;
            let diff = diff(&old, &new);
            let says: Vec<&str> = diff.changes.iter().map(|change| change.says.as_str()).collect();
            if diff.is_cosmetic() {
                self.silent.push(format!("{at} of {}: {says:?}", program.pointer(&at).unwrap()));
            }
            let shown = diff.to_string();
            if DATA.iter().any(|data| shown.contains(data)) {
                self.unworded.push(format!("{at} of {}: {says:?}", program.pointer(&at).unwrap()));
            }
        }
    }

    #[track_caller]
    fn is_seen(&self) {
        let count = self.kinds.values().filter(|seen| **seen > 0).count();
        assert!(count > 100, "{count}");
        assert!(self.silent.is_empty(), "{} of {count}:\n{}", self.silent.len(), self.silent.join("\n"));
    }

    #[track_caller]
    fn is_worded(&self) {
        let count = self.kinds.values().filter(|seen| **seen > 0).count();
        assert!(self.unworded.is_empty(), "{} of {count}:\n{}", self.unworded.len(), self.unworded.join("\n"));
    }
}

/// What only data says.
const DATA: &[&str] = &["{\"", "[[", "[{"];

/// The whole policies of a page.
fn policies(page: &str) -> impl Iterator<Item = &str> {
    page.split("```gate\n").skip(1).filter_map(|block| block.split("\n```").next()).filter(|block| block.contains("gateway {"))
}

#[test]
fn no_setting_can_change_unseen() {
    let mut told = Told::default();
    told.change_all_of(&with_the_rest(&checked("rich.gate", RICH).unwrap()));
    told.is_seen();
    told.is_worded();
}

#[test]
fn no_setting_of_the_sample_shop_can_change_unseen() {
    let shop = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/gateways/shop.gate")).unwrap();
    let mut told = Told::default();
    told.change_all_of(&serde_json::to_value(checked("shop.gate", &shop).unwrap()).unwrap());
    told.is_seen();
    told.is_worded();
}

#[test]
fn settings_of_the_pages_are_told_in_words() {
    let mut told = Told::default();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap() {
        let page = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        for program in policies(&page).filter_map(|text| checked("page.gate", text).ok()) {
            told.change_all_of(&serde_json::to_value(program).unwrap());
        }
    }
    for entry in policy::ALL {
        let kind = format!("routes/*/policies/*/{}/", entry.name);
        assert!(told.kinds.keys().any(|known| known.starts_with(&kind)), "no page has `{}`", entry.name);
    }
    told.is_worded();
}
