//! A route with a cache, an origin that says what it is told, and a clock that is set by hand: scripts of what is asked and
//! what comes of it, a line each.
//!
//! ```text
//! <  200 | Cache-Control: max-age=60 | body=one    the origin's next answer; with a date, unless `undated`
//! <  refuses                                       it cannot be reached
//! >  GET /a | Accept: text/html                    a request; what comes of it is held against the next lines
//! =  hit 200 | Age: 30 | body=one | -ETag | calls=1
//! ?  If-None-Match: "x" | -Range                   the fields of what the origin got last
//! +  30                                            seconds go by
//! ```
//! `{+30}` and `{-30}` stand for dates so many seconds from now.

use crate::check::testing::program as sound;
use crate::compile::{Compiled, Compiler, MadeUp, Plan};
use crate::http::exchange::testing::{client, fields};
use crate::http::{Body, Clock, Fault, FaultKind, Outgoing, Reply, Source, hop};
use crate::ir::Program;
use crate::policy::cache::{STATE, Shelf};
use crate::server::{Arrival, Asked, Driven, Engine, drive};
use crate::upstream::endpoint::Endpoint;
use crate::upstream::{Transport, Upstream};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// When scripts begin.
const BEGINS_AT: Duration = Duration::from_secs(1_800_000_000);

/// What the origin does with a request.
pub enum Act {
    /// Answers with these bytes at once, or after a time.
    Reply(StatusCode, HeaderMap, Bytes, Duration),
    /// Answers with a body that comes as it likes.
    Stream(StatusCode, HeaderMap, Body),
    /// Cannot be reached.
    Refuse,
}

/// The origin.
#[derive(Default)]
pub struct Origin {
    acts: Mutex<VecDeque<Act>>,
    got: Mutex<Vec<(Method, String, HeaderMap)>>,
}

impl Origin {
    pub fn add(&self, act: Act) {
        self.acts.lock().push_back(act);
    }

    pub fn calls(&self) -> usize {
        self.got.lock().len()
    }
}

impl Transport for Origin {
    const PROBES: bool = false;

    async fn exchange(
        &self,
        _: &Upstream,
        _: &Arc<Endpoint>,
        request: Outgoing,
        _attempt: crate::upstream::transport::Attempt,
    ) -> Result<Reply, Fault> {
        self.got.lock().push((request.method, request.target.to_string(), request.headers));
        let act = self.acts.lock().pop_front();
        let reply = |status, headers, body| Reply { status, headers, body, source: Source::Upstream };
        match act {
            Some(Act::Reply(status, mut headers, body, after)) => {
                hop::strip_reply(&mut headers);
                if !after.is_zero() {
                    tokio::time::sleep(after).await;
                }
                Ok(reply(status, headers, Body::full(body)))
            }
            Some(Act::Stream(status, headers, body)) => Ok(reply(status, headers, body)),
            Some(Act::Refuse) => Err(Fault::new(FaultKind::ConnectError, "refused")),
            None => Ok(reply(StatusCode::OK, HeaderMap::new(), Body::full("asked once more than the script says"))),
        }
    }
}

/// A route with a cache, ready to be played.
pub struct Stage {
    pub engine: Arc<Engine<Origin>>,
    pub compiler: Compiler,
    pub shelves: Vec<Arc<Shelf>>,
}

fn program(routes: &str) -> Program {
    sound(&format!("gateway {{ listen :8080 }}\nupstream app {{ target http://127.0.0.1:3000 }}\n{routes}\n"))
}

fn plan(compiler: &mut Compiler, routes: &str, clock: Clock) -> Arc<Plan> {
    match compiler.compile(&program(routes), &MadeUp::for_tests(7), clock) {
        Ok(Compiled { plan, .. }) => Arc::new(plan),
        Err(errors) => panic!("{errors:?}"),
    }
}

/// A gateway with an upstream `app`, from the text of its routes.
pub fn gateway(routes: &str) -> Stage {
    let (mut compiler, clock) = (Compiler::new(), Clock::at(BEGINS_AT));
    let plan = plan(&mut compiler, routes, clock);
    let engine = Engine::alone(plan, Origin::default(), clock, 7);
    let shelves = compiler.state::<Shelf>(STATE).collect();
    Stage { engine: Arc::new(engine), compiler, shelves }
}

/// One public route that takes everything, with a statement.
pub fn route(statement: &str) -> Stage {
    gateway(&format!("route all ANY /** -> app {{ public \"a test\"; {statement} }}"))
}

/// A reply, read to its end.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Result<String, String>,
    pub verdict: Option<&'static str>,
    pub attempts: u32,
}

impl Seen {
    pub fn body(&self) -> &str {
        self.body.as_ref().unwrap()
    }
}

pub fn arrival(method: &str, target: &str, headers: HeaderMap, body: &str) -> Arrival {
    let client = client();
    let host = headers.get("host").cloned().unwrap_or_else(|| HeaderValue::from_static("shop.example"));
    let mut headers = headers;
    headers.remove("host");
    Arrival {
        method: Method::try_from(method).unwrap(),
        target: target.parse().unwrap(),
        asked: Arc::new(Asked::new(&client, &host)),
        headers,
        body: Body::full(body.to_owned()),
        client,
        early: None,
    }
}

impl Stage {
    /// Goes on with other routes.
    pub fn reload(&mut self, routes: &str) {
        let plan = plan(&mut self.compiler, routes, self.engine.clock);
        self.engine = Arc::new(Engine { plan, ..Engine::clone(&self.engine) });
    }

    pub fn origin(&self) -> &Origin {
        &self.engine.transport
    }

    /// Says what the origin answers next.
    pub fn answers(&self, headers: &[(&str, &str)], body: &'static str) {
        self.origin().add(Act::Reply(StatusCode::OK, fields(headers), Bytes::from_static(body.as_bytes()), Duration::ZERO));
    }

    pub async fn drive(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Driven {
        drive(&self.engine, arrival(method, target, fields(headers), "")).await
    }

    pub async fn get(&self, target: &str, headers: &[(&str, &str)]) -> Seen {
        self.seen(self.drive("GET", target, headers).await).await
    }

    pub async fn seen(&self, driven: Driven) -> Seen {
        let Driven { reply, exchange, .. } = driven;
        let body =
            reply.body.collect().await.map(|body| String::from_utf8(body.to_bytes().to_vec()).unwrap()).map_err(|fault| fault.to_string());
        let (verdict, attempts) = (exchange.record.cache, exchange.record.attempts);
        drop(exchange.guards);
        // What goes on beside it comes to its end.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        Seen { status: reply.status.as_u16(), headers: reply.headers, body, verdict, attempts }
    }

    fn dated(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (inside, behind) = behind.split_once('}').unwrap();
            out.push_str(before);
            let now = self.engine.clock.now();
            let at = match inside.strip_prefix('-') {
                Some(before) => now - Duration::from_secs(before.parse().unwrap()),
                None => now + Duration::from_secs(inside.trim_start_matches('+').parse().unwrap()),
            };
            out.push_str(&httpdate::fmt_http_date(UNIX_EPOCH + at));
            rest = behind;
        }
        out + rest
    }

    fn act(&self, line: &str) -> Act {
        let line = self.dated(line);
        let mut parts = line.split(" | ").map(str::trim);
        let status = parts.next().unwrap();
        if status == "refuses" {
            return Act::Refuse;
        }
        let (mut headers, mut body, mut after, mut is_dated) = (HeaderMap::new(), Bytes::new(), Duration::ZERO, true);
        for part in parts {
            if let Some(text) = part.strip_prefix("body=") {
                body = Bytes::from(text.to_owned());
            } else if let Some(seconds) = part.strip_prefix("after=") {
                after = Duration::from_secs(seconds.parse().unwrap());
            } else if part == "undated" {
                is_dated = false;
            } else {
                let (name, value) = part.split_once(':').unwrap();
                headers.append(HeaderName::try_from(name.trim()).unwrap(), HeaderValue::try_from(value.trim()).unwrap());
            }
        }
        if is_dated && !headers.contains_key("date") {
            headers.insert("date", HeaderValue::try_from(self.dated("{+0}")).unwrap());
        }
        Act::Reply(StatusCode::try_from(status.parse::<u16>().unwrap()).unwrap(), headers, body, after)
    }

    /// Plays a script.
    pub async fn play(&self, script: &str) {
        let mut last: Option<Seen> = None;
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (kind, rest) = line.split_at(1);
            let rest = rest.trim();
            match kind {
                "<" => {
                    let act = self.act(rest);
                    self.origin().add(act);
                }
                "+" => tokio::time::advance(Duration::from_secs(rest.parse().unwrap())).await,
                ">" => last = Some(self.ask(rest).await),
                "=" => self.hold(line, rest, last.as_ref().unwrap()),
                "?" => self.received(line, rest),
                _ => panic!("no line of a script: {line}"),
            }
        }
    }

    async fn ask(&self, line: &str) -> Seen {
        let line = self.dated(line);
        let mut parts = line.split(" | ").map(str::trim);
        let (method, target) = parts.next().unwrap().split_once(' ').unwrap();
        let (mut headers, mut body) = (HeaderMap::new(), String::new());
        for part in parts {
            match part.strip_prefix("body=") {
                Some(text) => body = text.to_owned(),
                None => {
                    let (name, value) = part.split_once(':').unwrap();
                    headers.append(HeaderName::try_from(name.trim()).unwrap(), HeaderValue::try_from(value.trim()).unwrap());
                }
            }
        }
        self.seen(drive(&self.engine, arrival(method, target, headers, &body)).await).await
    }

    fn hold(&self, line: &str, rest: &str, seen: &Seen) {
        let rest = self.dated(rest);
        let mut parts = rest.split(" | ").map(str::trim);
        let (verdict, status) = parts.next().unwrap().split_once(' ').unwrap();
        let shown = seen.verdict.unwrap_or("none");
        assert_eq!((shown, seen.status.to_string().as_str()), (verdict, status), "{line}: {seen:?}");
        for part in parts {
            if let Some(body) = part.strip_prefix("body=") {
                assert_eq!(seen.body.as_deref(), Ok(body), "{line}: {seen:?}");
            } else if let Some(calls) = part.strip_prefix("calls=") {
                assert_eq!(self.origin().calls().to_string(), calls, "{line}: {seen:?}");
            } else {
                has(&seen.headers, part, line);
            }
        }
    }

    fn received(&self, line: &str, rest: &str) {
        let rest = self.dated(rest);
        let got = self.origin().got.lock();
        let (_, _, headers) = got.last().unwrap();
        for part in rest.split(" | ").map(str::trim) {
            has(headers, part, line);
        }
    }
}

/// Holds `Name: value` or `-Name` against fields.
fn has(headers: &HeaderMap, part: &str, line: &str) {
    match part.strip_prefix('-') {
        Some(name) => assert!(!headers.contains_key(name), "{line}: {headers:?}"),
        None => {
            let (name, value) = part.split_once(':').unwrap();
            let all: Vec<&str> = headers.get_all(name.trim()).iter().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(all.join(", "), value.trim(), "{line}: {headers:?}");
        }
    }
}

/// Tests, each a statement and a script.
macro_rules! scripts {
    ($($name:ident: $statement:literal, $script:literal;)*) => {
        $(#[tokio::test(start_paused = true)]
        async fn $name() {
            crate::policy::cache::tests::play::route($statement).play($script).await;
        })*
    };
}
pub(super) use scripts;
