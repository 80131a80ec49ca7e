use super::Prober;
use crate::events::{Change, Event};
use crate::http::{Affinity, Fault, FaultKind, Outgoing, Reply};
use crate::upstream::health::{Config, Eject};
use crate::upstream::{Attempt, Endpoint, Registry, Transport, Upstream, config};
use http::StatusCode;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Endpoints that answer while they are not among the dead, and when each was asked.
#[derive(Default)]
struct World {
    dead: Mutex<Vec<u16>>,
    hanging: Mutex<Vec<u16>>,
    asked: Mutex<Vec<(u16, Instant)>>,
}

impl Transport for World {
    async fn exchange(&self, _: &Upstream, endpoint: &Arc<Endpoint>, request: Outgoing, _: Attempt) -> Result<Reply, Fault> {
        let port = endpoint.target.port;
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/up"));
        self.asked.lock().push((port, Instant::now()));
        if self.hanging.lock().contains(&port) {
            std::future::pending::<()>().await;
        }
        match self.dead.lock().contains(&port) {
            true => Err(Fault::new(FaultKind::ConnectError, "nobody is there")),
            false => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        }
    }
}

fn target(port: u16) -> config::Target {
    config::Target { tls: false, host: "127.0.0.1".to_owned(), port, weight: 1, backup: false }
}

fn health() -> Config {
    Config {
        method: "GET".to_owned(),
        path: "/up".to_owned(),
        every: 5 * SECOND,
        timeout: SECOND,
        expect: vec![(200, 299)],
        unhealthy_after: 3,
        healthy_after: 2,
    }
}

fn config(ports: &[u16]) -> config::Config {
    config::Config {
        name: "app".to_owned(),
        targets: ports.iter().copied().map(target).collect(),
        health: Some(health()),
        ..config::Config::default()
    }
}

/// The targets that events speak of, and what happened to them.
fn happened(events: &mut Receiver<Arc<Event>>) -> Vec<(Option<String>, Change)> {
    let target = |event: &Event| Some(event.detail.strip_prefix("target ")?.split(' ').next()?.to_owned());
    std::iter::from_fn(|| events.try_recv().ok()).map(|event| (target(&event), event.change)).collect()
}

fn about(port: u16, change: Change) -> (Option<String>, Change) {
    (Some(format!("127.0.0.1:{port}")), change)
}

fn healthy(upstream: &Upstream) -> usize {
    upstream.health(Instant::now()).healthy
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_dies_is_left_out_and_returns_when_it_lives_again() {
    let (registry, world) = (Registry::default(), Arc::new(World::default()));
    let mut events = registry.events().listen();
    let upstream = registry.upstream(&config(&[1, 2, 3]));
    let mut prober = Prober::new(Arc::clone(&world), fastrand::Rng::with_seed(1));
    prober.follow(&[Arc::clone(&upstream)]);
    sleep(12 * SECOND).await;
    assert_eq!((healthy(&upstream), happened(&mut events)), (3, vec![]));

    world.dead.lock().push(2);
    world.hanging.lock().push(3);
    sleep(20 * SECOND).await;
    let mut seen = happened(&mut events);
    seen.sort_by_key(|(target, _)| target.clone());
    assert_eq!((healthy(&upstream), seen), (1, vec![about(2, Change::TargetDown), about(3, Change::TargetDown)]));
    let random = Mutex::new(fastrand::Rng::with_seed(1));
    assert!((0..50).all(|_| upstream.choose(Affinity::default(), &[], &random).unwrap().target.port == 1));

    world.dead.lock().clear();
    sleep(15 * SECOND).await;
    assert_eq!((healthy(&upstream), happened(&mut events)), (2, vec![about(2, Change::TargetUp)]));
    let ports: std::collections::HashSet<u16> =
        (0..200).map(|_| upstream.choose(Affinity::default(), &[], &random).unwrap().target.port).collect();
    assert_eq!(ports, [1, 2].into());
}

#[tokio::test(start_paused = true)]
async fn probes_of_an_endpoint_come_every_so_often_give_or_take_a_jitter() {
    let world = Arc::new(World::default());
    let mut prober = Prober::new(Arc::clone(&world), fastrand::Rng::with_seed(1));
    prober.follow(&[Arc::new(Upstream::new(config(&[1, 2])))]);
    sleep(60 * SECOND + SECOND).await;
    let asked = world.asked.lock();
    for port in [1, 2] {
        let at: Vec<Instant> = asked.iter().filter(|(of, _)| *of == port).map(|(_, at)| *at).collect();
        assert!((12..=13).contains(&at.len()), "{}", at.len());
        assert!(at.windows(2).all(|two| (4 * SECOND..=6 * SECOND).contains(&(two[1] - two[0]))));
    }
    assert_ne!(asked[0].1, asked[1].1);
}

#[tokio::test(start_paused = true)]
async fn probes_follow_the_plan_and_end_with_it() {
    let (registry, world) = (Registry::default(), Arc::new(World::default()));
    let mut prober = Prober::new(Arc::clone(&world), fastrand::Rng::with_seed(1));
    prober.follow(&[registry.upstream(&config(&[1]))]);
    world.dead.lock().push(1);
    sleep(20 * SECOND).await;
    // What was found of an endpoint stays known when others come.
    let upstream = registry.upstream(&config(&[1, 2]));
    prober.follow(&[Arc::clone(&upstream)]);
    assert_eq!(healthy(&upstream), 1);
    let without = registry.upstream(&config::Config { health: None, ..config(&[1, 2]) });
    prober.follow(&[Arc::clone(&without)]);
    assert_eq!(healthy(&without), 2);
    let before = world.asked.lock().len();
    sleep(60 * SECOND).await;
    assert_eq!(world.asked.lock().len(), before);
    prober.follow(&[upstream]);
    sleep(2 * SECOND).await;
    let before = world.asked.lock().len();
    drop(prober);
    sleep(60 * SECOND).await;
    assert_eq!(world.asked.lock().len(), before);
}

fn probed(endpoint: &Endpoint, verdicts: &[bool]) {
    for good in verdicts {
        let _ = endpoint.standing.probed(*good, &health());
    }
}

fn ejecting(ports: &[u16], registry: &Registry) -> Arc<Upstream> {
    let eject = Eject { failures: 2, time: 10 * SECOND };
    registry.upstream(&config::Config { health: None, eject: Some(eject), ..config(ports) })
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_requests_in_a_row_is_ejected_for_a_while() {
    let registry = Registry::default();
    let (mut events, upstream) = (registry.events().listen(), ejecting(&[1, 2, 3], &registry));
    let first = &upstream.endpoints()[0];
    for succeeded in [false, true, false] {
        upstream.settle(first, succeeded, SECOND);
    }
    assert_eq!(healthy(&upstream), 3);
    upstream.settle(first, false, SECOND);
    assert_eq!((healthy(&upstream), happened(&mut events)), (2, vec![about(1, Change::TargetEjected)]));
    sleep(10 * SECOND).await;
    assert_eq!(healthy(&upstream), 3);
}

#[tokio::test(start_paused = true)]
async fn at_most_half_of_the_endpoints_are_ejected_and_never_the_last() {
    for (count, left) in [(1_u16, 1), (2, 1), (3, 2), (4, 2), (5, 3)] {
        let upstream = ejecting(&(1..=count).collect::<Vec<_>>(), &Registry::default());
        for _ in 0..10 {
            upstream.endpoints().iter().for_each(|endpoint| upstream.settle(endpoint, false, SECOND));
        }
        assert_eq!(healthy(&upstream), left, "of {count}");
    }
    // One that is down is nobody who could go on alone.
    let upstream = ejecting(&[1, 2], &Registry::default());
    probed(&upstream.endpoints()[0], &[false, false, false]);
    (0..10).for_each(|_| upstream.settle(&upstream.endpoints()[1], false, SECOND));
    assert_eq!(healthy(&upstream), 1);
}

#[tokio::test(start_paused = true)]
async fn panic_is_counted_and_told_once() {
    let registry = Registry::default();
    let (mut events, upstream) = (registry.events().listen(), registry.upstream(&config(&[1, 2])));
    let random = Mutex::new(fastrand::Rng::with_seed(1));
    let choose = |times: u32| (0..times).for_each(|_| assert!(upstream.choose(Affinity::default(), &[], &random).is_some()));
    choose(3);
    for endpoint in upstream.endpoints().iter() {
        probed(endpoint, &[false, false, false]);
    }
    choose(5);
    assert_eq!((upstream.panic.requests(), happened(&mut events)), (5, vec![(None, Change::UpstreamPanic)]));
    probed(&upstream.endpoints()[0], &[true, true]);
    choose(5);
    assert_eq!((upstream.panic.requests(), happened(&mut events)), (5, vec![(None, Change::UpstreamCalm)]));
}
