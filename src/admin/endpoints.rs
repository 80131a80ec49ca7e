//! Everything that can be asked of the admin listener, as one table.

use super::answer::{Answered, json_of, unknown};
use super::desk::Desk;
use super::query::{Query, decoded};
use super::{archive, page, rehearse, show, turn};
use crate::http::Problem;
use futures_core::future::BoxFuture;
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// A request that has come in.
#[derive(Debug)]
pub struct Asked {
    /// What stands in the place of `NAME`; empty where there is none.
    pub name: String,
    /// Its parameters.
    pub query: Query,
    /// The media types it wants; of several fields the first.
    pub accept: Option<String>,
    /// Who asks, where that is known.
    pub user: Option<Arc<str>>,
}

/// One thing that can be asked for.
pub struct Endpoint {
    /// GET, which HEAD is as well, or POST.
    pub method: Method,
    /// The path; `NAME` stands for one segment.
    pub path: &'static str,
    /// The parameters it takes.
    pub parameters: &'static [&'static str],
    /// What it does, for people.
    pub says: &'static str,
    act: Act,
}

enum Act {
    /// Done at once.
    Now(fn(&Desk, &Asked) -> Answered),
    /// Changes nothing, and takes a while.
    Tries(fn(Arc<Desk>, Asked) -> BoxFuture<'static, Answered>),
    /// Waits for the server.
    Waits(fn(Arc<Desk>, Asked) -> BoxFuture<'static, Answered>),
}

const NAME: &str = "NAME";

/// Everything, in the order it is listed.
pub const ENDPOINTS: &[Endpoint] = &[
    get("/", "the page for people", page::text),
    get("/page/NAME", "how it looks, and what it does", page::file),
    get("/admin", "what there is to ask for", index),
    get("/admin/status", "version, policy, generation, uptime, listeners, connections, and what came of the last reload", show::status),
    get("/admin/ready", "200 while the gateway serves, 503 while it drains; asks nobody who they are", show::ready),
    get("/admin/config", "the policy in force, as `gate dump --ir` shows it", show::config),
    get("/admin/routes", "the routes, in the order they are tried", show::routes),
    get("/admin/routes/NAME", "one of them", show::route),
    get("/admin/upstreams", "the upstreams with their targets", show::upstreams),
    get("/admin/upstreams/NAME", "one of them", show::upstream),
    get("/admin/breakers", "the breakers", show::breakers),
    get("/admin/breakers/NAME", "that of one upstream", show::breaker),
    get("/admin/limits", "what limits have let through and refused", show::limits),
    get("/admin/limits/NAME", "one of them", show::limit),
    get("/admin/cache", "how full the caches are", show::cache),
    get("/admin/metrics", "rates, latencies and failures by route, upstream, limit and cache", show::figures),
    get("/metrics", "all that is counted, for Prometheus", show::metrics),
    Endpoint {
        method: Method::GET,
        path: "/admin/events",
        parameters: &["since", "kinds"],
        says: "what happened lately; of these kinds, and after the event of that number",
        act: Act::Now(show::events),
    },
    looks("/admin/generations", "the policies that are kept, the newest first", archive::all),
    looks("/admin/generations/NAME", "what going back to one of them would change for requests", archive::one),
    get("/admin/flags", "the flags", show::flags),
    get("/admin/flags/NAME", "one of them", show::flag),
    get("/admin/maintenance", "the routes that can be closed", show::maintenance),
    Endpoint {
        method: Method::POST,
        path: "/admin/trace",
        parameters: rehearse::PARAMETERS,
        says: "what would become of a request, as `gate trace` shows it; nothing is sent anywhere",
        act: Act::Tries(rehearse::trace),
    },
    Endpoint {
        method: Method::POST,
        path: "/admin/reload",
        parameters: &[],
        says: "puts the policy's file in force as it is now",
        act: Act::Waits(turn::reload),
    },
    Endpoint {
        method: Method::POST,
        path: "/admin/rollback",
        parameters: &["to"],
        says: "puts an earlier policy in force, by its generation",
        act: Act::Waits(turn::rollback),
    },
    post("/admin/drain", &[], "ends the gateway once what runs is finished", turn::drain),
    post(
        "/admin/cache/purge",
        &["route", "host", "path", "key", "tag"],
        "drops the responses of which all that is given holds",
        turn::purge,
    ),
    post("/admin/breakers/NAME/open", &[], "opens a breaker until it is closed by hand", turn::open_breaker),
    post("/admin/breakers/NAME/close", &[], "closes a breaker", turn::close_breaker),
    post("/admin/maintenance", &["route", "on"], "closes a route, or all: `true`, `false`, or as their `file` says", turn::maintenance),
    post("/admin/flags/NAME", &["on"], "turns a flag: `true`, `false`, `25%`, or as `declared`", turn::flag),
];

const fn get(path: &'static str, says: &'static str, act: fn(&Desk, &Asked) -> Answered) -> Endpoint {
    Endpoint { method: Method::GET, path, parameters: &[], says, act: Act::Now(act) }
}

const fn looks(path: &'static str, says: &'static str, act: fn(Arc<Desk>, Asked) -> BoxFuture<'static, Answered>) -> Endpoint {
    Endpoint { method: Method::GET, path, parameters: &[], says, act: Act::Tries(act) }
}

const fn post(path: &'static str, parameters: &'static [&'static str], says: &'static str, act: fn(&Desk, &Asked) -> Answered) -> Endpoint {
    Endpoint { method: Method::POST, path, parameters, says, act: Act::Now(act) }
}

/// What a request asks for, and the name in its path.
///
/// # Errors
/// With 404 where nothing is at the path, and with 405 where only other methods are.
pub fn find(method: &Method, path: &str) -> Result<(&'static Endpoint, String), Problem> {
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let at_path: Vec<(&Endpoint, &str)> = ENDPOINTS.iter().filter_map(|endpoint| Some((endpoint, name_in(path, endpoint.path)?))).collect();
    if let Some((endpoint, name)) = at_path.iter().find(|(endpoint, _)| endpoint.method == *wanted) {
        return Ok((endpoint, decoded(name)?));
    }
    if at_path.is_empty() {
        return Err(unknown(format!("there is nothing at `{path}`; `/admin` lists what there is")));
    }
    let allowed = at_path.iter().map(|(endpoint, _)| if endpoint.method == Method::GET { "GET, HEAD" } else { "POST" });
    let allowed = allowed.collect::<Vec<_>>().join(", ");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("`{path}` takes {allowed}"));
    Err(problem.with(ALLOW, HeaderValue::try_from(allowed).unwrap_or_else(|_| HeaderValue::from_static("GET, HEAD"))))
}

/// What stands in the place of `NAME` where a path is as a pattern says; empty where the pattern has none.
fn name_in<'p>(path: &'p str, pattern: &str) -> Option<&'p str> {
    let (mut segments, mut name) = (path.split('/'), "");
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected {
            NAME if !segment.is_empty() => name = segment,
            expected if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(name)
}

impl Endpoint {
    /// Does what is asked.
    pub async fn answer(&self, desk: &Arc<Desk>, asked: Asked) -> Answered {
        match self.act {
            Act::Now(act) => act(desk, &asked),
            Act::Tries(act) | Act::Waits(act) => act(Arc::clone(desk), asked).await,
        }
    }

    /// True when it changes something, which is logged.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.method == Method::POST && !matches!(self.act, Act::Tries(_))
    }

    /// Path and parameters, as they are written: `/admin/maintenance?route=&on=`.
    fn written(&self) -> String {
        let parameters = self.parameters.iter().map(|name| format!("{name}="));
        let parameters = parameters.collect::<Vec<_>>().join("&");
        let mark = if parameters.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{parameters}", self.method, self.path)
    }
}

fn index(_: &Desk, _: &Asked) -> Answered {
    let all: Map<String, Json> = ENDPOINTS.iter().map(|endpoint| (endpoint.written(), endpoint.says.into())).collect();
    Ok(json_of(StatusCode::OK, &Json::Object(all)))
}
