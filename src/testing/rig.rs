//! A policy ready to be played: the engine that serves sockets, with made-up secrets, a virtual clock and scripted upstreams.

use super::answer::Answer;
use super::asked::Asked;
use super::caller::Caller;
use super::hooks::Scripted as Hook;
use super::{BEGINS_AT, SEED};
use crate::compile::plan::Listener;
use crate::compile::{Compiled, Compiler, MadeUp};
use crate::http::credentials::NOT_SHOWN;
use crate::http::{Address, Clock, Credentials};
use crate::ir::{self, Program};
use crate::policy::auth::{Runtime, credentials};
use crate::server::drive::route_of;
use crate::server::{Driven, Engine};
use crate::upstream::script::Scripted;
use http::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Where requests come from where nothing is said of it (TEST-NET-1, RFC 5737).
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Longest virtual time for one answer: what waits for nothing that will come ends here.
const ANSWER_MAX: Duration = Duration::from_hours(24);

/// What a listener is to the requests that come in by it.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Its name.
    pub name: Arc<str>,
    /// Every request is sent to `https` at this port.
    pub to_https: Option<u16>,
}

/// A policy ready to be played.
pub struct Rig<'p> {
    /// The policy.
    pub program: &'p Program,
    /// The compiler, with the state of the plan.
    pub compiler: Compiler,
    /// The engine.
    pub engine: Arc<Engine<Scripted>>,
    /// What was made up for the policy's secrets.
    pub secrets: MadeUp,
    /// What of requests is not shown.
    pub credentials: Credentials,
    /// The policy's hooks, in the order of their declarations.
    pub hooks: Vec<Arc<Hook>>,
    runtimes: Vec<Option<Arc<Runtime>>>,
}

impl<'p> Rig<'p> {
    /// Everything anew: fresh state, the same instant, the same randomness.
    ///
    /// # Errors
    /// When something outside the policy cannot be made up.
    pub fn new(program: &'p Program) -> Result<Self, String> {
        let mut compiler = Compiler::new();
        let hooks: Vec<Arc<Hook>> = program.hooks.iter().map(|_| Arc::default()).collect();
        for (declared, hook) in program.hooks.iter().zip(&hooks) {
            compiler.embed(&declared.name, Arc::clone(hook) as Arc<dyn crate::hook::Hook>);
        }
        let (clock, secrets) = (Clock::at(BEGINS_AT), MadeUp::for_tests(SEED));
        let Compiled { plan, auths, .. } = compiler
            .compile(program, &secrets, clock)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let engine = Engine {
            plan: Arc::new(plan),
            transport: Arc::new(Scripted::recording()),
            clock,
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(SEED))),
            sheet: Arc::default(),
        };
        Ok(Self { program, compiler, engine: Arc::new(engine), secrets, credentials: credentials(&program.auths), hooks, runtimes: auths })
    }

    /// The listener that a request comes in by: the one that is named; else, of those with the port that the URL writes, or means
    /// by its scheme, the first that does not send requests elsewhere, and rather one of the URL's scheme.
    ///
    /// # Errors
    /// When no listener is called so.
    pub fn door(&self, url: &str, named: Option<&str>) -> Result<Door, String> {
        let listeners = &self.engine.plan.settings.listeners;
        let door = |listener: &Listener| Door { name: Arc::clone(&listener.name), to_https: listener.to_https };
        if let Some(name) = named {
            let known = || listeners.iter().map(|listener| format!("`{}`", listener.name)).collect::<Vec<_>>().join(", ");
            let found = listeners.iter().find(|listener| *listener.name == *name);
            return found.map(door).ok_or_else(|| format!("no listener is called `{name}`: there are {}", known()));
        }
        let (scheme, port) = entrance(url);
        // No certificate is read here, so what a listener speaks is told by its declaration.
        let far = |(listener, declared): &(&Listener, &ir::Listener)| {
            let other = port.is_some_and(|port| !matches!(&listener.address, Address::Tcp(address) if address.port() == port));
            (other, listener.to_https.is_some(), scheme.is_some_and(|tls| tls != declared.tls.is_some()))
        };
        let nearest = listeners.iter().zip(&self.program.gateway.listeners).min_by_key(far);
        Ok(nearest.map_or_else(Door::default, |(listener, _)| door(listener)))
    }

    /// The request with the caller's credentials for the route that will take it.
    ///
    /// # Errors
    /// When what was given of the caller is nothing the route's auths declare.
    pub fn identified(&self, asked: Asked, caller: &Caller) -> Result<Asked, String> {
        if asked.is_sent_elsewhere() {
            return Ok(asked);
        }
        let route = route_of(&self.engine, asked.arrival()).and_then(|route| self.program.routes.get(route));
        let Some(route) = route else { return Ok(asked) };
        let credentials = caller.credentials(route, self.program, &self.runtimes, self.engine.clock.now())?;
        Ok(asked.with(credentials))
    }

    /// A text that may end in a query, as a report shows it: secrets by their names, without credentials.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        self.credentials.masked(&self.secrets.named(text))
    }

    /// A field's value, shown likewise.
    #[must_use]
    pub fn shown_field(&self, name: &HeaderName, value: &HeaderValue) -> String {
        let text = self.shown(&String::from_utf8_lossy(value.as_bytes()));
        // What names its secret shows nothing of it.
        if self.credentials.has_field(name) && !text.contains("secret(") { NOT_SHOWN.to_owned() } else { text }
    }

    /// The answer of a request that is being driven, with what the upstreams received.
    ///
    /// # Errors
    /// When none comes within a day.
    pub async fn answer(&self, driving: impl Future<Output = Driven>, is_head: bool) -> Result<Answer, String> {
        let answered = async { Answer::read(driving.await, &self.engine.plan, is_head).await };
        let mut answer = tokio::time::timeout(ANSWER_MAX, answered).await.map_err(|_| "no answer came within a day".to_owned())?;
        // Copies that `mirror` sends go out on their own.
        tokio::task::yield_now().await;
        answer.received = self.engine.transport.take_received();
        Ok(answer)
    }
}

/// Whether a URL asks for TLS, and the port that it writes or means; a path says neither.
fn entrance(url: &str) -> (Option<bool>, Option<u16>) {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) else { return (None, None) };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let tls = scheme.eq_ignore_ascii_case("https");
    (Some(tls), port.or(Some(if tls { 443 } else { 80 })))
}
