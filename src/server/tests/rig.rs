//! A gateway built by hand on a free port, origins that do as they are told, and a client that sends bytes.

use crate::compile::plan::{AccessLog, Listener, LogFormat, Pipeline, Plan, Route, Settings, Target};
use crate::events::Seldom;
use crate::http::UpstreamIndex;
use crate::policy::fallback::Fallback;
use crate::policy::stage::{OnResponse, ReplyPlace};
use crate::route::tree::MatchTree;
use crate::route::{Methods, Pattern, Predicate, RouteKey};
use crate::server::Server;
use crate::server::access_log::Log;
use crate::server::metrics::Hub;
use crate::server::worker::Shared;
use crate::upstream::{Registry, breaker, config, transport::Tcp};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Longest a test waits for anything; only a failing test does.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the access log of a gateway wrote.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

/// A plan to be.
#[derive(Clone)]
pub struct Draft {
    pub routes: Vec<(&'static str, &'static str)>,
    pub upstream: config::Config,
    pub settings: Settings,
    pub body_max: Option<u64>,
    /// The upstream that `fallback` names.
    pub spare: Option<config::Config>,
    pub response: Vec<(ReplyPlace, Arc<dyn OnResponse>)>,
}

/// One route that takes everything to one origin.
pub fn draft(origin: SocketAddr) -> Draft {
    let log = AccessLog { format: Some(LogFormat::Json), sample: 10_000, when: None, fields: Vec::new() };
    let target = config::Target { tls: false, host: origin.ip().to_string(), port: origin.port(), weight: 1, backup: false };
    Draft {
        routes: vec![("ANY", "/**")],
        upstream: config::Config { name: "origin".to_owned(), targets: vec![target], ..config::Config::default() },
        settings: Settings {
            listeners: vec![Listener::new("test".into(), "127.0.0.1:0".parse().unwrap())],
            trust: Vec::new(),
            trust_field: crate::http::forward::Field::default(),
            request_id: http::HeaderName::from_static("x-request-id"),
            header_bytes: 32 << 10,
            headers: 100,
            connections: 1000,
            header_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            drain: Duration::from_secs(30),
            workers: 1,
            body_max: Some(8 << 20),
            posts: Arc::new([]),
            log,
        },
        body_max: Some(8 << 20),
        spare: None,
        response: Vec::new(),
    }
}

impl Draft {
    pub fn breaker(mut self, failures: u32) -> Self {
        self.upstream.breaker =
            Some(breaker::Config { opens: breaker::Opens::AfterFailures(failures), cooldown: Duration::from_secs(30), probes: 1 });
        self
    }

    pub fn plan(&self, registry: &Registry) -> Plan {
        let keys: Vec<RouteKey> = self
            .routes
            .iter()
            .map(|(methods, pattern)| RouteKey {
                hosts: Vec::new(),
                methods: if *methods == "ANY" { Methods::ANY } else { Methods::parse(methods.split(',')).unwrap() },
                pattern: Pattern::parse(pattern).unwrap(),
                predicate: Predicate::default(),
                priority: 0,
            })
            .collect();
        let pipeline = Pipeline {
            request: Vec::new(),
            target: Target::Upstream(UpstreamIndex(0)),
            response: self.response.clone(),
            body_max: self.body_max,
            timeouts: Vec::new(),
            retries: Vec::new(),
            fallback: self.spare.as_ref().map(|_| Fallback::Upstream(UpstreamIndex(1))),
            cache: None,
            invalidation: None,
            keeps_fields: false,
            log: self.settings.log.clone(),
        };
        Plan {
            tree: MatchTree::build(&keys),
            routes: self.routes.iter().map(|(_, pattern)| Route { name: (*pattern).into(), predicate: None }).collect(),
            pipelines: vec![pipeline],
            pipeline_of: vec![0; self.routes.len()],
            patterns: self.routes.iter().map(|(_, pattern)| (*pattern).into()).collect(),
            unmatched: Vec::new(),
            switches: Vec::new(),
            hooks: Vec::new(),
            described: None,
            flags: Vec::new(),
            upstreams: std::iter::once(&self.upstream).chain(&self.spare).map(|upstream| registry.upstream(upstream)).collect(),
            stores: Vec::new(),
            limiters: Vec::new(),
            shelves: Vec::new(),
            auths: Vec::new(),
            dependencies: Arc::default(),
            digest: String::new(),
            admin_gate: None,
            events: Arc::default(),
            tracer: None,
            fetch: Arc::new(crate::fetch::Offline),
            settings: self.settings.clone(),
        }
    }

    pub fn start(&self) -> Gate {
        self.start_over(Tcp::default)
    }

    /// The same with transports of one's own.
    pub fn start_over(&self, transport: impl Fn() -> Tcp) -> Gate {
        let (registry, log) = (Registry::default(), Lines::default());
        let server = Server::start(self.plan(&registry), transport, log.clone()).unwrap();
        Gate { address: server.addresses()[0].tcp().unwrap(), server, registry, log }
    }
}

/// What workers share under a plan; the access log goes nowhere.
pub fn shared(plan: impl Into<Arc<Plan>>) -> Arc<Shared> {
    Arc::new(Shared {
        plan: ArcSwap::new(plan.into()),
        log: Log::start(io::sink()).unwrap().0,
        open: AtomicUsize::new(0),
        stop: CancellationToken::new(),
        hurry: CancellationToken::new(),
        crowded: Seldom::default(),
        swapped: Notify::new(),
        metrics: Hub::default(),
    })
}

/// A running gateway.
pub struct Gate {
    pub address: SocketAddr,
    pub server: Server,
    pub registry: Registry,
    pub log: Lines,
}

impl Gate {
    pub async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends bytes on a connection of their own and reads until the gateway closes it.
    pub async fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.write(bytes).await;
        client.rest().await
    }

    /// A GET on a connection of its own.
    pub async fn get(&self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")).await
    }

    /// Ends the gateway and returns its access log.
    pub async fn end(self) -> String {
        let Self { server, log, .. } = self;
        tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap().unwrap();
        log.text()
    }
}

/// A client that sends and reads bytes.
pub struct Client(TcpStream);

impl Client {
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // A gateway that has already answered and closed is for the reader to see.
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Sends nothing more.
    pub async fn end_of_input(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// Reads until what was read ends with `end`.
    pub async fn until(&mut self, end: &str) -> String {
        let mut all = Vec::new();
        let read = async {
            while !all.ends_with(end.as_bytes()) {
                match self.0.read_u8().await {
                    Ok(byte) => all.push(byte),
                    Err(_) => break,
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, read).await.is_ok();
        assert!(in_time, "still waiting for {end:?} after {:?}", String::from_utf8_lossy(&all));
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Reads until the connection is closed.
    pub async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut all)).await;
        assert!(read.is_ok(), "not closed after {:?}", String::from_utf8_lossy(&all));
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// An origin: every connection is handed to `serve` with its number.
pub async fn origin<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(usize, Peer) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(number, Peer { stream, came: Vec::new() }));
        }
    });
    address
}

/// An origin that answers every request with the same bytes.
pub async fn always(answer: &'static str) -> SocketAddr {
    origin(move |_, mut peer| async move {
        while peer.head().await.is_some() {
            peer.write(answer).await;
        }
    })
    .await
}

/// An origin that answers with what it received: the head as the body.
pub async fn echo() -> SocketAddr {
    origin(|_, mut peer| async move {
        while let Some(head) = peer.head().await {
            peer.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len())).await;
        }
    })
    .await
}

/// An address where nobody listens.
pub async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The gateway as an origin sees it.
pub struct Peer {
    stream: TcpStream,
    came: Vec<u8>,
}

impl Peer {
    /// The next request's head; none when the gateway has closed the connection.
    pub async fn head(&mut self) -> Option<String> {
        self.through(b"\r\n\r\n").await
    }

    /// Reads up to and with some bytes.
    pub async fn through(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.came.windows(end.len()).position(|window| window == end) {
                let rest = self.came.split_off(at + end.len());
                return String::from_utf8(std::mem::replace(&mut self.came, rest)).ok();
            }
            if self.stream.read_buf(&mut self.came).await.ok()? == 0 {
                return None;
            }
        }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Waits until the gateway closes the connection.
    pub async fn closed(&mut self) {
        while self.stream.read_buf(&mut self.came).await.is_ok_and(|bytes| bytes > 0) {
            self.came.clear();
        }
    }
}

/// The status of a reply.
pub fn status(reply: &str) -> u16 {
    reply.get(9..12).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no reply: {reply:?}"))
}
