//! `gate trace` and `gate test --coverage` as they are called: what they print, and how they exit.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn gate(arguments: &[&str]) -> Output {
    let mut gate = Command::new(env!("CARGO_BIN_EXE_gate"));
    gate.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").output().unwrap()
}

#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = gate(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_smallest_policy() {
    insta::assert_snapshot!(printed(&["trace", "gateways/hello.gate", "GET", "/any/thing?x=1"]));
}

#[test]
fn a_user_sees_their_own_orders() {
    insta::assert_snapshot!(printed(&["trace", "gateways/shop.gate", "GET", "/api/v1/orders", "--claims", r#"{"sub": "7"}"#]));
}

#[test]
fn nobody_sees_orders() {
    insta::assert_snapshot!(printed(&["trace", "gateways/shop.gate", "GET", "https://shop.example.com/api/v1/../v1/orders"]));
}

#[test]
fn a_preflight() {
    let origin = "Origin: https://shop.example.com";
    let asks = "Access-Control-Request-Method: GET";
    insta::assert_snapshot!(printed(&["trace", "gateways/shop.gate", "OPTIONS", "/api/v1/orders", "-H", origin, "-H", asks]));
}

#[test]
fn an_aggregate_for_a_pro_key() {
    let (key, body) = (r#"{"name": "big", "plan": "pro"}"#, r#"{"query": "gates"}"#);
    insta::assert_snapshot!(printed(&["trace", "gateways/search.gate", "POST", "/api/v1/aggregated", "--key", key, "--body", body]));
}

/// Rules of two groups, shaping with a secret, a condition that chooses between routes.
const GUARDED: &str = r#"gateway {
  listen :8080
}

auth jwt main {
  algorithms [HS256]
  key env("JWT_SECRET")
  claims {
    sub str
    role enum(user, admin) = user
    scope set<str> = []
  }
}

upstream app {
  target http://127.0.0.1:3000
}

group all host api.example.com {
  deny header("x-debug") == "1"
  auth main

  route thing GET /things/{id:int} -> app {
    require claim.role == "admin" or "ops" in claim.scope
    require claim.sub != "9" else 404
    strip_prefix /things
    request {
      set X-Key env("UPSTREAM_KEY")
      set X-Role claim.role when claim.role == "admin"
      remove "X-Internal-*"
    }
  }
  route thing_v2 GET /things/{id:int} -> app {
    match query("v") == "2"
  }
  route any_thing GET /things/** -> app
}
"#;

fn guarded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("guarded.gate"), GUARDED).unwrap();
    folder
}

fn in_guarded(arguments: &[&str]) -> String {
    let folder = guarded();
    let mut gate = Command::new(env!("CARGO_BIN_EXE_gate"));
    let output = gate.args(["trace", "guarded.gate", "GET"]).args(arguments).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_credential_of_the_request_is_held_against_made_up_secrets_which_is_said() {
    const MADE_UP: &str = "; secrets are made up here, so no real credential is valid: say who calls by `claims`, `key` or `user`";
    let (url, token) = ("http://api.example.com/things/1", "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl");
    let refused = in_guarded(&[url, "-H", token]);
    assert!(refused.contains(&format!("401: the token's signature is not valid{MADE_UP}\n")), "{refused}");
    let nobody = in_guarded(&[url, "-H", "Cookie: a=b"]);
    assert!(nobody.contains("401: the request does not say who it comes from\n"), "{nobody}");
}

/// Credentials in every place in which they may stand.
const KEPT: &str = r#"gateway {
  listen :8080
  listen :8090 redirect https
}

auth key keys { from [header("x-key"), query("key")]; keys env("KEYS") }

upstream app { target http://127.0.0.1:3000 }

route asked GET /asked/** -> app {
  public "a test"
  deny query("key") == "x" or query("page") == "x" or header("x-key") == "x" or cookie("c") == "x"
  strip_prefix /asked
  request { set X-Copy "/a?key=${query("key") ?? ""}" }
}
route told GET /told { public "a test"; redirect 308 "https://example.com/?key=${query("key") ?? ""}&page=8" }
route other GET /asked/** -> app { public "a test"; match query("page") == "9" }

test "never" {
  request GET "/asked/a?key=c4n4ry&page=7" with header "x-key" "c4n4ry"
  expect status 404
}
"#;

#[test]
fn no_credential_of_a_request_is_shown_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kept.gate"), KEPT).unwrap();
    let fields =
        ["X-Key: c4n4ry", "X-Api-Key: c4n4ry", "Cookie: c=c4n4ry", "Authorization: Bearer c4n4ry", "Referer: https://a/?key=c4n4ry"];
    let query = "key=c4n4ry&%6bey=c4n4ry&access_token=c4n4ry&page=7";
    for target in ["/asked/./a?", "http://localhost:8090/asked/a?", "/told?", "/nowhere?", "/a b?", "/a\\b?"] {
        for format in ["human", "json"] {
            let mut gate = Command::new(env!("CARGO_BIN_EXE_gate"));
            gate.args(["trace", "kept.gate", "GET", &format!("{target}{query}"), "--format", format]).current_dir(folder.path());
            let output = gate.args(fields.iter().flat_map(|field| ["-H", field])).output().unwrap();
            let shown = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success() && shown.contains("page=7"), "{target}: {shown}");
            assert!(!shown.contains("c4n4ry"), "{target}: {shown}");
        }
    }
    let failed = Command::new(env!("CARGO_BIN_EXE_gate")).args(["test", "kept.gate"]).current_dir(folder.path()).output().unwrap();
    let failed = String::from_utf8(failed.stdout).unwrap();
    assert!(failed.contains("page=7") && !failed.contains("c4n4ry"), "{failed}");
}

#[test]
fn a_condition_on_a_parameter_is_asked_before_the_route_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parameters.gate");
    let policy = r#"gateway { listen :8080 }
route five GET /x/{id:int} { public "p"; match param.id == 5; respond 200 text "five" }
route named GET /y/{any}/{name} { public "p"; match param.name == "b"; respond 201 text "b" }
route rest GET /z/{any}/** { public "p"; match param.any == "c"; respond 202 text "d" }
test "five" { request GET /x/05; expect status 200 }
test "six" { request GET /x/6; expect status 404 }
test "named" { request GET /y/a/b; expect status 201 }
test "rest" { request GET /z/c/d; expect status 202 }
"#;
    std::fs::write(&file, policy).unwrap();
    let tested = gate(&["test", file.to_str().unwrap()]);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    let traced = printed(&["trace", file.to_str().unwrap(), "GET", "/x/6"]);
    assert!(traced.contains("param.id is 6"), "{traced}");
}

#[test]
fn every_rule_says_what_it_saw() {
    let url = "http://api.example.com/things/7";
    insta::assert_snapshot!(in_guarded(&[url, "--claims", r#"{"sub": "9", "scope": ["ops"]}"#]));
}

#[test]
fn shaping_shows_its_lines_and_no_secret() {
    let url = "http://api.example.com/things/7";
    let shown = in_guarded(&[url, "--claims", r#"{"role": "admin"}"#, "-H", "X-Internal-Id: 1", "-H", "Cookie: session=private"]);
    assert!(!shown.contains("private"), "{shown}");
    insta::assert_snapshot!(shown);
}

/// Two hooks, one for a group and one for a route, of which the second is told first in the file.
const ASKED: &str = r#"gateway {
  listen :8080
}

## Knows who paid.
hook plans http http://plans:9100/hook {
  on [request]
  on_failure refuse
}

hook stamps embedded {
  on [startup, request, response]
  timeout 50ms
}

upstream shop { target http://127.0.0.1:3000 }

group api {
  public "the shop asks"
  use stamps

  route orders GET /orders -> shop {
    use plans
    require not has(header("x-bad"))
  }
}

test "who has not paid" {
  given hook plans replies json """{"status": 402}"""
  request GET /orders
  expect status 200
}

test "nobody knows" {
  given hook plans fails
  request GET /orders
  expect status 200
}

test "what was stamped" {
  given hook stamps replies json """{"set": {"x-stamp": "7"}}"""
  request GET /orders
  expect status 201
}
"#;

/// The second request is answered by the first hook, after a request about which both were asked.
const TWICE: &str = r#"
test "the second" {
  request GET /orders
  expect status 200
  given hook stamps replies json """{"status": 402}"""
  request GET /orders
  expect status 200
}
"#;

#[test]
fn a_hook_that_another_request_asked_is_not_shown_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, _) = ASKED.split_once("test \"who has").unwrap();
    std::fs::write(folder.path().join("twice.gate"), format!("{policy}{TWICE}")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gate")).args(["test", "twice.gate"]).current_dir(folder.path()).output().unwrap();
    let failed = String::from_utf8(output.stdout).unwrap();
    assert!(failed.contains("use stamps") && !failed.contains("use plans"), "{failed}");
}

fn in_asked(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("asked.gate"), ASKED).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gate")).args(arguments).current_dir(folder.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn hooks_are_traced_where_they_are_asked() {
    insta::assert_snapshot!(in_asked(&["trace", "asked.gate", "GET", "/orders"]));
    let refused = in_asked(&["trace", "asked.gate", "GET", "/orders", "-H", "X-Bad: 1"]);
    assert!(refused.contains("not reached  use stamps  (asked.gate:20)"), "{refused}");
}

#[test]
fn a_failed_step_says_which_hook_answered_and_what_the_others_said() {
    let failed = in_asked(&["test", "asked.gate"]);
    insta::assert_snapshot!(failed);
}

#[test]
fn hooks_are_explained_where_they_are_asked() {
    let explained = in_asked(&["explain", "asked.gate", "orders"]);
    let about = |line: &&str| {
        ["use ", "hook ", "on [", "on_", "timeout 50", "timeout 200", "may "].iter().any(|word| line.trim().starts_with(word))
    };
    insta::assert_snapshot!(explained.lines().filter(about).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_catalogue_says_who_is_asked() {
    let catalogue = in_asked(&["docs", "asked.gate"]);
    let route = catalogue.split_once("#### orders").unwrap().1;
    assert!(route.contains("- hooks: `stamps`, `plans`\n") && route.contains("- errors of its own: 403, 502, 503, 504\n"), "{route}");
    insta::assert_snapshot!(catalogue.split_once("## Who is asked").unwrap().1);
}

#[test]
fn json_has_the_verdict_and_the_way_there() {
    let printed = printed(&["trace", "gateways/shop.gate", "GET", "/api/v1/users/7", "--format", "json", "--claims", "{}"]);
    let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&json["route"], &json["status"], &json["upstream"]), (&"show_user".into(), &200.into(), &"users".into()));
    assert_eq!((&json["sent"]["path"], &json["sent"]["headers"]["x-user-role"]), (&"/api/v1/users/7".into(), &"user".into()));
    let limit = json["stages"].as_array().unwrap().iter().find(|stage| stage["stage"] == "limit").unwrap();
    assert_eq!((&limit["verdict"], &limit["place"]), (&"pass".into(), &"gateways/shop.gate:82".into()));
    assert_eq!(limit["detail"], "19 of 20 left");
    assert_eq!(json["rivals"].as_array().unwrap().len(), 7);
}

#[test]
fn a_request_that_nothing_takes_has_null_for_a_route() {
    let printed = printed(&["trace", "gateways/shop.gate", "GET", r"/api\v1", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&json["route"], &json["status"], &json["sent"]), (&serde_json::Value::Null, &400.into(), &serde_json::Value::Null));
}

#[test]
fn the_exit_code_says_nothing_of_the_verdict() {
    let code = |arguments: &[&str]| gate(&[&["trace"], arguments].concat()).status.code();
    assert_eq!(code(&["gateways/shop.gate", "GET", "/nowhere"]), Some(0));
    assert_eq!(code(&["gateways/shop.gate", "GET", "nowhere"]), Some(2));
    assert_eq!(code(&["gateways/shop.gate", "GET", "/", "-H", "no colon"]), Some(2));
    assert_eq!(code(&["gateways/shop.gate", "GET", "/", "--claims", "7"]), Some(2));
    assert_eq!(code(&["gateways/none.gate", "GET", "/"]), Some(2));
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.gate");
    std::fs::write(&broken, "rout x GET / {}\n").unwrap();
    assert_eq!(code(&[&broken.display().to_string(), "GET", "/"]), Some(1));
}

#[test]
fn coverage_of_the_shop() {
    insta::assert_snapshot!(printed(&["test", "gateways/shop.gate", "--coverage"]));
}

#[test]
fn coverage_as_json_and_junit() {
    let printed_json = printed(&["test", "gateways/search.gate", "--coverage", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&printed_json).unwrap();
    let coverage = &json["suites"][0]["coverage"];
    assert_eq!(coverage["totals"][2], serde_json::json!({"kind": "when", "reached": 2, "goals": 2}));
    let health = serde_json::json!({"kind": "route", "what": "health", "place": "gateways/search.gate:51", "outcome": "taken", "times": 0});
    assert!(coverage["goals"].as_array().unwrap().contains(&health), "{coverage:#}");
    let xml = printed(&["test", "gateways/search.gate", "--coverage", "--format", "junit"]);
    assert!(xml.contains("<property name=\"coverage: limit outcomes\" value=\"2/2\"/>"), "{xml}");
}

mod xml {
    //! As much of an XML reader as junit's files need; whatever is not well-formed panics.

    use std::collections::BTreeMap;

    /// An element.
    #[derive(Debug)]
    pub struct Element {
        pub name: String,
        pub attributes: BTreeMap<String, String>,
        pub text: String,
        pub children: Vec<Element>,
    }

    pub fn read(document: &str) -> Element {
        let body = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
        let (element, rest) = element(body);
        assert_eq!(rest.trim(), "");
        element
    }

    fn element(text: &str) -> (Element, &str) {
        let (tag, mut rest) = text.strip_prefix('<').unwrap().split_once('>').unwrap();
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut written) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes = BTreeMap::new();
        while let Some((key, value)) = written.split_once("=\"") {
            let (value, after) = value.split_once('"').unwrap();
            assert!(attributes.insert(key.to_owned(), plain(value)).is_none(), "{key} twice");
            written = after.trim_start();
        }
        assert_eq!(written, "", "in <{name}>");
        let mut found = Element { name: name.to_owned(), attributes, text: String::new(), children: Vec::new() };
        if empty {
            return (found, rest);
        }
        loop {
            let (before, _) = rest.split_once('<').unwrap();
            found.text.push_str(&plain(before));
            rest = &rest[before.len()..];
            if let Some(after) = rest.strip_prefix("</") {
                let (end, after) = after.split_once('>').unwrap();
                assert_eq!(end, name);
                return (found, after);
            }
            let (child, after) = element(rest);
            found.children.push(child);
            rest = after;
        }
    }

    fn plain(text: &str) -> String {
        assert!(!text.contains(['<', '>']), "bare in {text}");
        let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#10;", "\n"), ("&#9;", "\t")];
        let text = entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter));
        assert!(!text.replace("&amp;", "").contains('&'), "a bare ampersand in {text}");
        text.replace("&amp;", "&")
    }
}

#[test]
fn junit_reads_back_as_it_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.gate");
    let policy = "gateway {\n  listen :8080\n}\n\nroute all ANY /** {\n  public\n  respond 200 text \"<b> & \\\"c\\\"\"\n}\n\n\
        test \"a < b & 'c' > \\\"d\\\"\" {\n  request GET /\n  expect body text \"]]> & <\"\n}\n\n\
        test \"fine\" {\n  request GET /\n  expect status 200\n}\n";
    std::fs::write(&path, policy).unwrap();
    let output = gate(&["test", &path.display().to_string(), "--format", "junit", "--coverage"]);
    assert_eq!(output.status.code(), Some(1));
    let root = xml::read(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((root.name.as_str(), root.attributes["tests"].as_str(), root.attributes["failures"].as_str()), ("testsuites", "2", "1"));
    let suite = &root.children[0];
    assert_eq!(suite.children.iter().map(|child| child.name.as_str()).collect::<Vec<_>>(), ["properties", "testcase", "testcase"]);
    let failed = &suite.children[1];
    assert_eq!(failed.attributes["name"], "a < b & 'c' > \"d\"");
    let failure = &failed.children[0];
    assert_eq!(failure.attributes["message"], "\"]]> & <\"");
    assert!(failure.text.contains("actual    \"<b> & \\\"c\\\"\""), "{}", failure.text);
}

#[test]
fn a_listener_that_sends_requests_to_https_does_so_in_tests_and_traces() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.gate");
    let policy = "gateway {\n  listen :80 as plain redirect https\n  listen :8443 as secure { tls { certificate \"h\" cert file(\"h.crt\") key file(\"h.key\") } }\n}\n\
                  route a GET /a { public \"p\"; respond 200 text \"a\" }\n\
                  test \"all\" {\n  request GET http://h/a?b=c\n  expect status 308\n  expect header(\"location\") == \"https://h:8443/a?b=c\"\n\
                  request GET http://h:80/none\n  expect status 308\n  request GET https://h/a\n  expect status 200\n\
                  request GET https://h:8443/a\n  expect status 200\n  request GET /a\n  expect status 200\n}\n";
    std::fs::write(&file, policy).unwrap();
    let file = file.to_str().unwrap();
    let tested = gate(&["test", file]);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    for arguments in [&["http://h/a"][..], &["/a", "-H", "Host: h", "--listener", "plain"]] {
        let traced = printed(&[&["trace", file, "GET"], arguments].concat());
        assert!(traced.contains("308: this listener sends every request to https"), "{traced}");
        assert!(traced.contains("https://h:8443/a") && !traced.contains("one request with one reading"), "{traced}");
    }
}

#[test]
fn a_request_comes_in_by_the_listener_that_is_named_or_that_the_url_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.gate");
    let policy = "gateway {\n  listen :8080 as outside\n  listen :8081 as inside\n}\n\
                  route open GET /a { match request.listener == \"outside\"; public \"p\"; respond 200 text \"outside\" }\n\
                  route own GET /a { match request.listener == \"inside\"; public \"p\"; respond 201 text \"inside\" }\n\
                  test \"both\" {\n  request GET http://h:8080/a\n  expect status 200\n  request GET http://h:8081/a\n  expect status 201\n\
                  request GET /a\n  expect status 200\n}\n";
    std::fs::write(&file, policy).unwrap();
    let file = file.to_str().unwrap();
    let route = |arguments: &[&str]| printed(&[&["trace", file, "GET"], arguments].concat());
    assert!(route(&["/a", "--listener", "inside"]).contains("route   own"));
    assert!(route(&["/a"]).contains("route   open"));
    assert!(route(&["http://h:8081/a"]).contains("route   own"));
    assert!(!gate(&["trace", file, "GET", "/a", "--listener", "nowhere"]).status.success());
    assert!(gate(&["test", file]).status.success());
}

#[test]
fn a_request_without_one_reading_is_judged_by_no_rule() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.gate");
    let text = "gateway { listen :8080 }\nroute two GET /x {\n  public \"a test\"\n  match query(\"v\") == \"2\"\n  deny query(\"admin\") == \"1\"\n  respond 204\n}\n\
                route one GET /x {\n  public \"a test\"\n  respond 204\n}\n";
    std::fs::write(&path, text).unwrap();
    let shown = |target: &str| printed(&["trace", path.to_str().unwrap(), "GET", target]);
    let twice = shown("/x?v=2&admin=0&admin=1");
    assert!(twice.contains("access        not reached  deny query(\"admin\") == \"1\""), "{twice}");
    assert!(twice.contains("refuse       400: the query parameter `admin` is there more than once\n"), "{twice}");
    let twice = shown("/x?v=2&v=1");
    assert!(twice.contains("match         refuse       400: the query parameter `v` is there more than once\n"), "{twice}");
    for why in [
        "condition: `match query(\"v\") == \"2\"` cannot be judged: the query",
        "it matches, but whether another route does cannot be judged",
    ] {
        assert!(twice.contains(why), "{twice}");
    }
}
