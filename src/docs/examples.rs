//! An example for every statement of the language, as the reference and the schema show it. The tests check each in a
//! policy around it. Those of a policy's statements stand in its folder.

use crate::lang::form::{Example, Word};
use crate::policy;

/// The example of a word.
#[must_use]
pub fn of(word: &Word) -> Option<&'static Example> {
    all().find(|example| example.word == word.form.word && word.places.contains(&example.place))
}

/// Every example.
pub fn all() -> impl Iterator<Item = &'static Example> {
    CORE.iter().chain(policy::ALL.iter().flat_map(|entry| entry.examples))
}

/// Those of the statements that belong to no policy.
const CORE: &[Example] = &[
    Example::file("gate", "gate 1"),
    Example::file("gateway", "gateway {\n  listen :8080\n  log access json\n  timeout { total 10s }\n}"),
    Example::file(
        "import",
        "import \"lib/calls.gate\" as calls\n\nupstream stock {\n  target http://127.0.0.1:9004\n  use calls.patient\n}",
    ),
    Example::file("let", "let office: set<cidr> = [10.0.0.0/8, fd00::/8]\nlet retries = 3"),
    Example::file("param", "param search_at: url = http://127.0.0.1:9005"),
    Example::file("upstream", "upstream stock {\n  target http://127.0.0.1:9004\n  timeout { attempt 2s; total 5s }\n}"),
    Example::file(
        "policy",
        "policy bounded(count: int = 5) {\n  breaker {\n    open_after count failures\n  }\n}\n\nupstream stock {\n  \
         target http://127.0.0.1:9004\n  use bounded(count = 3)\n}",
    ),
    Example::file(
        "store",
        "store shared redis {\n  url env(\"REDIS_URL\")\n  on_failure local\n}\n\nroute hello GET /hello {\n  public \"a greeting\"\n  \
         limit per_client 1_000/d by client.ip store shared\n  respond 200 text \"hello\"\n}",
    ),
    Example::file(
        "hook",
        "hook plans http http://plans:9100/hook {\n  on [request]\n  on_failure refuse\n}\n\nroute hello GET /hello -> users {\n  \
         public \"a greeting\"\n  use plans\n}",
    ),
    Example::file("flag", "flag new_checkout = 10% by client.ip"),
    Example::file("group", "group shop host shop.example.com /v1 {\n  auth main\n  route cart GET /cart -> users\n}"),
    Example::file("route", "## One user, by number.\nroute show_user GET /users/{id:int} -> users {\n  auth main\n}"),
    Example::file(
        "test",
        "route hello GET /hello {\n  public \"a greeting\"\n  respond 200 text \"hello\"\n}\n\ntest \"it says hello\" {\n  \
         request GET /hello\n  expect status 200\n  expect body text \"hello\"\n}",
    ),
    Example::file(
        "invariant",
        "route hello GET /hello {\n  public \"a greeting\"\n  respond 200 text \"hello\"\n}\n\ninvariant \"only the greeting needs no token\" {\n  \
         for route public\n  expect route in [hello]\n}",
    ),
    Example::route("use", "use steady"),
    Example::route("match", "match header(\"x-version\") == \"2\" or query(\"v\") == \"2\""),
    Example::route("priority", "priority 1"),
    Example::route(
        "log",
        "log access json when response.status >= 400 redact [\"x-session\"] {\n  field caller claim.sub\n  field session header(\"x-session\")\n}",
    ),
    Example::gateway("listen", "listen 127.0.0.1:8443 as inside"),
    Example::gateway("trust", "trust [10.0.0.0/8] field forwarded"),
    Example::gateway("request_id", "request_id \"x-correlation-id\""),
    Example::gateway("limits", "limits {\n  body 1MiB\n  connections 2_000\n  header_timeout 5s\n}"),
    Example::gateway("admin", "admin 127.0.0.1:9901"),
    Example::gateway("drain", "drain 45s"),
    Example::gateway("workers", "workers 4"),
    Example::gateway("trace", "trace otlp http://127.0.0.1:4318 sample 10%"),
    Example::gateway("events", "events post http://127.0.0.1:9099/gate on [startup, shutdown, breaker]"),
    Example::step(
        "given",
        "given claims { sub \"7\" }\ngiven upstream users replies 500 times 2\nrequest GET /example/1\nexpect status 500",
    ),
    Example::step(
        "request",
        "request POST /example/1 with header \"content-type\" \"application/json\" with body json \"{}\"\nexpect status 405",
    ),
    Example::step("repeat", "given claims { sub \"7\" }\nrepeat 3 GET /example/1\nexpect status 200"),
    Example::step("advance", "request GET /example/1\nadvance 31s\nrequest GET /example/1\nexpect status 401"),
    Example::step(
        "expect",
        "request GET /example/1\nexpect status 401\nexpect stage authenticate\nexpect header(\"www-authenticate\") != none",
    ),
    Example::upstream("target", "target http://10.0.0.7:9000 weight 3\ntarget http://10.0.0.8:9000\ntarget http://10.0.0.9:9000 backup"),
    Example::upstream("balance", "balance hash client.ip"),
    Example::upstream("sticky", "sticky cookie \"node\""),
    Example::upstream("health", "health GET /healthz {\n  every 2s\n  expect [200, 204]\n}"),
    Example::upstream("eject", "eject after 5 failures for 30s"),
    Example::upstream("host", "host target"),
    Example::upstream("resolve", "resolve dns \"stock.svc:9000\" every 30s"),
    Example::upstream("http2", "http2"),
    Example::upstream("openapi", "openapi /openapi.json every 5m"),
    Example::upstream(
        "tls",
        "target https://stock.internal:8443\ntls {\n  ca file(\"tls/internal-ca.pem\")\n  server_name \"stock.internal\"\n}",
    ),
    Example::upstream("path", "path encoded_slashes keep"),
    Example::upstream("stub", "stub {\n  GET /users/{id:int} 200 json \"\"\"{\"id\": ${param.id}}\"\"\"\n}"),
    Example::upstream("breaker", "breaker {\n  window 10s\n  open_when failures >= 50% of 20\n  cooldown 15s\n}"),
    Example::upstream("concurrency", "concurrency 64 queue 32"),
    Example::route(
        "retry",
        "retry {\n  attempts 3\n  on [connect_error, 502..504]\n  backoff exponential 50ms..400ms\n  budget 20% min 10/s\n}",
    ),
    Example::route("timeout", "timeout { connect 250ms; attempt 2s; total 5s }"),
];
