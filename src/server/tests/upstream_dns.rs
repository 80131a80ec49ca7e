use super::rig::{Draft, Gate, draft, status};
use crate::events::Kind;
use crate::server::metrics::Format;
use crate::upstream::connect::Resolve;
use crate::upstream::discovery::testing::{Says, Zone};
use crate::upstream::endpoint::State;
use crate::upstream::transport::Tcp;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Longest a test waits for an answer of DNS to take effect.
const PATIENCE: Duration = Duration::from_secs(20);

/// Origins at several addresses of this machine with one port: each answers with its own address.
async fn origins(ips: &[Ipv4Addr]) -> u16 {
    let mut port = 0;
    for ip in ips {
        let listener = TcpListener::bind((*ip, port)).await.unwrap();
        port = listener.local_addr().unwrap().port();
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{ip}", ip.to_string().len());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let reply = reply.clone();
                tokio::spawn(async move {
                    let mut came = Vec::new();
                    while stream.read_buf(&mut came).await.is_ok_and(|read| read > 0) {
                        if came.ends_with(b"\r\n\r\n") {
                            came.clear();
                            let _ = stream.write_all(reply.as_bytes()).await;
                        }
                    }
                });
            }
        });
    }
    port
}

const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn at(ip: Ipv4Addr) -> (u32, Says) {
    (1, Says::At(ip.into()))
}

fn resolving(host: &str, port: Option<u16>) -> Draft {
    let mut draft = draft(SocketAddr::new(ONE.into(), 1));
    draft.upstream.targets.clear();
    draft.upstream.resolve = Some(Resolve { host: host.to_owned(), port, every: Duration::from_secs(3600) });
    draft
}

fn start(draft: &Draft, zone: &Zone) -> Gate {
    let resolver = zone.resolver();
    draft.start_over(|| Tcp::with(resolver.clone()))
}

/// Where a request goes.
async fn goes_to(gate: &Gate) -> String {
    let reply = gate.get("/").await;
    assert_eq!(status(&reply), 200, "{reply}");
    reply.rsplit("\r\n").next().unwrap().to_owned()
}

async fn until_goes_to(gate: &Gate, ip: Ipv4Addr) {
    let begun = Instant::now();
    while goes_to(gate).await != ip.to_string() {
        assert!(begun.elapsed() < PATIENCE, "{ip} is never asked");
    }
}

#[tokio::test]
async fn endpoints_change_with_dns_and_no_request_is_lost() {
    let (zone, port) = (Zone::start().await, origins(&[ONE, TWO]).await);
    zone.set("app.svc", &[at(ONE)]);
    let gate = start(&resolving("app.svc", Some(port)), &zone);
    assert_eq!(goes_to(&gate).await, "127.0.0.1");
    zone.set("app.svc", &[at(TWO)]);
    until_goes_to(&gate, TWO).await;
    assert_eq!(gate.server.plan().upstreams[0].endpoints().len(), 1);
    // What was known last stays while DNS fails, and is replaced when it works again.
    zone.fail(true);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1_500) {
        assert_eq!(goes_to(&gate).await, "127.0.0.2");
    }
    zone.fail(false);
    zone.set("app.svc", &[at(ONE)]);
    until_goes_to(&gate, ONE).await;
}

#[tokio::test]
async fn the_name_of_a_target_is_looked_up_again_too() {
    let (zone, port) = (Zone::start().await, origins(&[ONE, TWO]).await);
    zone.set("app.svc", &[at(ONE)]);
    let mut draft = draft(SocketAddr::new(ONE.into(), port));
    "app.svc".clone_into(&mut draft.upstream.targets[0].host);
    let gate = start(&draft, &zone);
    assert_eq!(goes_to(&gate).await, "127.0.0.1");
    zone.set("app.svc", &[at(TWO)]);
    until_goes_to(&gate, TWO).await;
}

#[tokio::test]
async fn a_service_is_found_with_its_ports_and_a_name_that_is_not_there_is_502() {
    let (zone, port) = (Zone::start().await, origins(&[ONE]).await);
    zone.set("_app._tcp.svc", &[(1, Says::Offers(1, 1, port, "one.svc")), (1, Says::Offers(2, 1, 1, "two.svc"))]);
    zone.set("one.svc", &[at(ONE)]);
    zone.set("two.svc", &[at(TWO)]);
    let gate = start(&resolving("_app._tcp.svc", None), &zone);
    for _ in 0..5 {
        assert_eq!(goes_to(&gate).await, "127.0.0.1");
    }
    let nowhere = start(&resolving("nobody.svc", Some(port)), &zone).get("/").await;
    assert_eq!(status(&nowhere), 502);
    assert!(!nowhere.contains("nobody.svc"), "{nowhere}");
}

#[tokio::test]
async fn a_reload_keeps_what_was_found() {
    let (zone, port) = (Zone::start().await, origins(&[ONE]).await);
    zone.set("app.svc", &[(60, Says::At(ONE.into()))]);
    let mut draft = resolving("app.svc", Some(port));
    let gate = start(&draft, &zone);
    assert_eq!(goes_to(&gate).await, "127.0.0.1");
    zone.fail(true);
    draft.upstream.timeout.read = Duration::from_secs(7);
    let before = gate.server.plan();
    gate.server.swap(draft.plan(&gate.registry)).unwrap();
    assert_eq!(goes_to(&gate).await, "127.0.0.1");
    assert_eq!(gate.server.plan().upstreams[0].endpoints()[0].number, before.upstreams[0].endpoints()[0].number);
}

#[test]
fn what_is_not_declared_any_more_is_forgotten() {
    let registry = crate::upstream::Registry::default();
    let draft = resolving("app.svc", Some(1));
    let first = registry.upstream(&draft.upstream);
    registry.keep(std::slice::from_ref(&first));
    assert!(std::sync::Arc::ptr_eq(&first, &registry.upstream(&draft.upstream)));
    registry.keep(&[]);
    assert!(!std::sync::Arc::ptr_eq(&first, &registry.upstream(&draft.upstream)));
}

/// How the first endpoint of a gateway is.
fn state(gate: &Gate) -> State {
    let upstream = &gate.server.plan().upstreams[0];
    upstream.state_of(&upstream.endpoints()[0])
}

async fn until_state(gate: &Gate, wanted: State) {
    let begun = Instant::now();
    while state(gate) != wanted {
        assert!(begun.elapsed() < PATIENCE, "it is {:?}", state(gate));
        tokio::task::yield_now().await;
    }
}

/// What was told of names.
fn told(gate: &Gate) -> Vec<(&'static str, String)> {
    let all = gate.registry.events().recent(0, &[Kind::Health]);
    let of_names = all.iter().filter(|event| event.change.name().ends_with("resolved"));
    of_names.map(|event| (event.change.name(), event.detail.clone())).collect()
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_known_before_anybody_asks_and_found_when_it_comes_to_be() {
    let (zone, port) = (Zone::start().await, origins(&[ONE]).await);
    let mut of_target = draft(SocketAddr::new(ONE.into(), port));
    "app.svc".clone_into(&mut of_target.upstream.targets[0].host);
    for draft in [of_target, resolving("app.svc", Some(port))] {
        let gate = start(&draft, &zone);
        let begun = Instant::now();
        while told(&gate).is_empty() {
            assert!(begun.elapsed() < PATIENCE, "nobody looks the name up");
            tokio::task::yield_now().await;
        }
        let (change, detail) = told(&gate).remove(0);
        assert_eq!((change, state(&gate)), ("target_unresolved", State::Unresolved));
        assert!(detail.starts_with("`app.svc`: ") && detail.ends_with("; nothing is known of where it leads"), "{detail}");
        let health = gate.server.plan().upstreams[0].health(Instant::now());
        assert_eq!((health.healthy, health.targets), (0, 1));
        let healthy = |gate: &Gate, up: u8| {
            let text = gate.server.metrics().text(Format::Prometheus);
            assert!(
                text.contains(&format!("gate_upstream_target_healthy{{upstream=\"origin\",target=\"app.svc:{port}\"}} {up}\n")),
                "{text}"
            );
        };
        healthy(&gate, 0);
        let reply = gate.get("/").await;
        assert_eq!(status(&reply), 502);
        assert!(reply.contains("proxy-status: gatewright; error=dns_error\r\n") && !reply.contains("app.svc"), "{reply}");
        assert_eq!(told(&gate).len(), 1, "once, whoever asks");
        zone.set("app.svc", &[at(ONE)]);
        until_state(&gate, State::Up).await;
        assert_eq!(goes_to(&gate).await, "127.0.0.1");
        assert_eq!(told(&gate).last().unwrap(), &("target_resolved", "`app.svc` leads somewhere again".to_owned()));
        zone.forget("app.svc");
    }
}

#[tokio::test]
async fn a_target_whose_name_leads_nowhere_gets_no_requests_while_another_one_is_fit() {
    let (zone, port) = (Zone::start().await, origins(&[ONE]).await);
    let mut draft = draft(SocketAddr::new(ONE.into(), port));
    let mut nowhere = draft.upstream.targets[0].clone();
    "nobody.svc".clone_into(&mut nowhere.host);
    draft.upstream.targets.insert(0, nowhere);
    let gate = start(&draft, &zone);
    until_state(&gate, State::Unresolved).await;
    while told(&gate).is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        assert_eq!(goes_to(&gate).await, "127.0.0.1");
    }
}

#[tokio::test]
async fn a_name_that_was_found_once_stays_in_use_while_dns_fails_and_that_is_told() {
    let (zone, port) = (Zone::start().await, origins(&[ONE]).await);
    zone.set("app.svc", &[at(ONE)]);
    let gate = start(&resolving("app.svc", Some(port)), &zone);
    assert_eq!(goes_to(&gate).await, "127.0.0.1");
    zone.fail(true);
    let begun = Instant::now();
    while told(&gate).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "nobody says that DNS fails");
        tokio::task::yield_now().await;
    }
    assert!(told(&gate)[0].1.ends_with("; the addresses known last stay"), "{:?}", told(&gate));
    assert_eq!((state(&gate), goes_to(&gate).await.as_str()), (State::Up, "127.0.0.1"));
}
