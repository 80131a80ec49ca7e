//! An example for every statement of the language, as the reference and the schema show it. The tests check each in a
//! policy around it.

use crate::lang::form::{Place, Word};

/// An example of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The statement's word.
    pub word: &'static str,
    /// Where the text stands; with the word this says which statement is meant (`request` is one of routes and one of tests).
    pub place: Place,
    /// Formatted text, without a line end behind it.
    pub text: &'static str,
}

/// The example of a word.
#[must_use]
pub fn of(word: &Word) -> Option<&'static Example> {
    EXAMPLES.iter().find(|example| example.word == word.form.word && word.places.contains(&example.place))
}

/// Every example, in the order of the schema.
pub const EXAMPLES: &[Example] = &[
    file("gate", "gate 1"),
    file("gateway", "gateway {\n  listen :8080\n  log access json\n  timeout { total 10s }\n}"),
    file("import", "import \"lib/calls.gate\" as calls\n\nupstream stock {\n  target http://127.0.0.1:9004\n  use calls.patient\n}"),
    file("let", "let office: set<cidr> = [10.0.0.0/8, fd00::/8]\nlet retries = 3"),
    file("param", "param search_at: url = http://127.0.0.1:9005"),
    file("upstream", "upstream stock {\n  target http://127.0.0.1:9004\n  timeout { attempt 2s; total 5s }\n}"),
    file(
        "policy",
        "policy bounded(count: int = 5) {\n  breaker {\n    open_after count failures\n  }\n}\n\nupstream stock {\n  \
         target http://127.0.0.1:9004\n  use bounded(count = 3)\n}",
    ),
    file("group", "group shop host shop.example.com /v1 {\n  auth main\n  route cart GET /cart -> users\n}"),
    file("route", "## One user, by number.\nroute show_user GET /users/{id:int} -> users {\n  auth main\n}"),
    file(
        "test",
        "route hello GET /hello {\n  public \"a greeting\"\n  respond 200 text \"hello\"\n}\n\ntest \"it says hello\" {\n  \
         request GET /hello\n  expect status 200\n  expect body text \"hello\"\n}",
    ),
    file(
        "invariant",
        "route hello GET /hello {\n  public \"a greeting\"\n  respond 200 text \"hello\"\n}\n\ninvariant \"only the greeting needs no token\" {\n  \
         for route public\n  expect route in [hello]\n}",
    ),
    route("use", "use steady"),
    route("match", "match header(\"x-version\") == \"2\" or query(\"v\") == \"2\""),
    route("priority", "priority 1"),
    route("log", "log access json when response.status >= 400 {\n  field caller claim.sub\n}"),
    gateway("listen", "listen 127.0.0.1:8443 as inside"),
    gateway("trust", "trust [10.0.0.0/8]"),
    gateway("request_id", "request_id \"x-correlation-id\""),
    gateway("limits", "limits {\n  body 1MiB\n  connections 2_000\n  header_timeout 5s\n}"),
    gateway("drain", "drain 45s"),
    gateway("workers", "workers 4"),
    step("given", "given claims { sub \"7\" }\ngiven upstream users replies 500 times 2\nrequest GET /example/1\nexpect status 500"),
    step("request", "request POST /example/1 with header \"content-type\" \"application/json\" with body json \"{}\"\nexpect status 405"),
    step("repeat", "given claims { sub \"7\" }\nrepeat 3 GET /example/1\nexpect status 200"),
    step("advance", "request GET /example/1\nadvance 31s\nrequest GET /example/1\nexpect status 401"),
    step("expect", "request GET /example/1\nexpect status 401\nexpect stage authenticate\nexpect header(\"www-authenticate\") != none"),
    upstream("target", "target http://10.0.0.7:9000 weight 3\ntarget http://10.0.0.8:9000\ntarget http://10.0.0.9:9000 backup"),
    upstream("host", "host target"),
    upstream("resolve", "resolve dns \"stock.svc:9000\" every 30s"),
    upstream("http2", "http2"),
    upstream("tls", "target https://stock.internal:8443\ntls {\n  ca file(\"tls/internal-ca.pem\")\n  server_name \"stock.internal\"\n}"),
    upstream("path", "path encoded_slashes keep"),
    upstream("stub", "stub {\n  GET /users/{id:int} 200 json \"\"\"{\"id\": ${param.id}}\"\"\"\n}"),
    upstream("breaker", "breaker {\n  window 10s\n  open_when failures >= 50% of 20\n  cooldown 15s\n}"),
    route("timeout", "timeout { connect 250ms; attempt 2s; total 5s }"),
    file(
        "auth",
        "auth jwt visitors {\n  issuer \"https://id.example.com/\"\n  audience \"shop\"\n  algorithms [HS256]\n  key env(\"VISITORS_KEY\")\n  \
         claims {\n    sub str\n    roles set<str> = []\n  }\n}",
    ),
    route("allow", "allow client.ip in [10.0.0.0/8]"),
    route("deny", "deny header(\"user-agent\") matches re\".*[Bb]ot.*\" else 404"),
    route("require", "require claim.sub == \"admin\" or \"staff\" in claim.roles else 404"),
    route(
        "cors",
        "cors {\n  origins [\"https://shop.example.com\"]\n  methods [GET, POST]\n  headers [\"authorization\"]\n  credentials allow\n  \
         max_age 1h\n}",
    ),
    route("limit", "limit per_user 100/min by claim.sub burst 20\nlimit at_once 8 concurrent by client.ip"),
    gateway("ratelimit_headers", "ratelimit_headers [ietf]"),
    route("auth", "auth any [main, partners]"),
    route("public", "public \"the price list is for everyone\""),
    route("body", "body max 256KiB"),
    route("request", "request {\n  remove \"X-Internal-*\"\n  set X-User claim.sub\n  set X-Trace \"gw-${request.id}\"\n}"),
    route("response", "response {\n  remove Server\n  set Cache-Control \"private\" if_missing\n}"),
    route("query", "query {\n  set user_id claim.sub unless \"staff\" in claim.roles\n  remove \"utm_*\"\n}"),
    route("strip_prefix", "strip_prefix /example"),
    route("add_prefix", "add_prefix /internal"),
    route("rewrite", "rewrite \"/profiles/${param.id}?full=1\""),
    route(
        "aggregate",
        "aggregate {\n  part user GET \"/users/${param.id}\" -> users\n  part orders GET \"/orders?user=${param.id}\" -> orders {\n    \
         pick \"orders\"\n    optional default \"[]\" within 800ms\n  }\n}",
    ),
    route("respond", "respond 200 json \"\"\"{\"id\": ${param.id}}\"\"\""),
    route("redirect", "redirect 308 \"https://shop.example.com/users/${param.id}\""),
    route("issue", "issue main ttl 1h {\n  sub \"7\"\n}"),
    route("compress", "compress [br, gzip]"),
];

const fn file(word: &'static str, text: &'static str) -> Example {
    Example { word, place: Place::File, text }
}

const fn gateway(word: &'static str, text: &'static str) -> Example {
    Example { word, place: Place::Gateway, text }
}

const fn upstream(word: &'static str, text: &'static str) -> Example {
    Example { word, place: Place::Upstream, text }
}

const fn route(word: &'static str, text: &'static str) -> Example {
    Example { word, place: Place::Route, text }
}

const fn step(word: &'static str, text: &'static str) -> Example {
    Example { word, place: Place::Test, text }
}
