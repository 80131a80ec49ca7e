use crate::http::{Affinity, share};
use crate::http::{Fault, Outgoing, Reply};
use crate::lang::expr::Expr;
use crate::lang::value::Value;
use crate::upstream::connect::Resolve;
use crate::upstream::discovery::testing::{Says, Zone};
use crate::upstream::health::Prober;
use crate::upstream::{Attempt, Endpoint, Transport};
use crate::upstream::{Config, Endpoints, Registry, Upstream, balance, config};
use http::StatusCode;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const HOUR: Duration = Duration::from_secs(3600);

fn says(hosts: &[u8]) -> Vec<(u32, Says)> {
    hosts.iter().map(|host| (1, Says::At([10, 0, 0, *host].into()))).collect()
}

fn target(host: u8) -> config::Target {
    config::Target { tls: false, host: format!("10.0.0.{host}"), port: 9000, weight: 1, backup: false }
}

fn resolving(balance: balance::Config) -> Config {
    Config {
        name: "orders".to_owned(),
        resolve: Some(Resolve { host: "orders.svc".to_owned(), port: Some(9000), every: HOUR }),
        balance,
        ..Config::default()
    }
}

fn by_key() -> balance::Config {
    balance::Config::Hash(Expr::Const(Value::None))
}

fn hosts(upstream: &Upstream) -> Vec<String> {
    upstream.endpoints().iter().map(|endpoint| endpoint.target.host.clone()).collect()
}

/// Waits until DNS has named so many, which it is asked for every second.
async fn until(upstream: &Upstream, count: usize) {
    while upstream.endpoints().len() != count || !matches!(upstream.endpoints(), Endpoints::Found(_)) {
        tokio::task::yield_now().await;
    }
}

fn host_of_key(upstream: &Upstream, key: u64) -> String {
    let random = Mutex::new(fastrand::Rng::with_seed(7));
    let affinity = Affinity { key: Some(share::hash(&key.to_be_bytes())), ..Affinity::default() };
    upstream.choose(affinity, &[], &random).unwrap().target.host.clone()
}

#[tokio::test]
async fn keys_belong_to_the_endpoints_that_are_there_now_and_few_move_when_one_joins() {
    let zone = Zone::start().await;
    zone.set("orders.svc", &says(&[1, 2]));
    let upstream = Upstream::new(resolving(by_key()));
    upstream.find(&zone.resolver()).await.unwrap();
    until(&upstream, 2).await;
    let before: Vec<String> = (0..1_000).map(|key| host_of_key(&upstream, key)).collect();
    zone.set("orders.svc", &says(&[1, 2, 3]));
    until(&upstream, 3).await;
    let after: Vec<String> = (0..1_000).map(|key| host_of_key(&upstream, key)).collect();
    let moved: Vec<&String> = before.iter().zip(&after).filter(|(was, is)| was != is).map(|(_, is)| is).collect();
    let joined = moved.iter().filter(|is| **is == "10.0.0.3").count();
    assert!((250..500).contains(&joined) && moved.len() < 500, "{joined} of {} that moved", moved.len());
}

#[tokio::test]
async fn those_that_stay_keep_their_standing_and_those_that_come_later_are_spared() {
    let zone = Zone::start().await;
    zone.set("orders.svc", &says(&[1, 2]));
    let upstream = Upstream::new(resolving(balance::Config::RoundRobin));
    upstream.find(&zone.resolver()).await.unwrap();
    let first = upstream.endpoints();
    assert!(first.iter().all(|endpoint| endpoint.standing.share() == crate::upstream::standing::WHOLE));
    let _ = first[1].standing.eject(HOUR);
    assert_eq!(upstream.health(tokio::time::Instant::now()).healthy, 1);
    zone.set("orders.svc", &says(&[2, 3]));
    while hosts(&upstream) != ["10.0.0.2", "10.0.0.3"] {
        tokio::task::yield_now().await;
    }
    let second = upstream.endpoints();
    assert!(Arc::ptr_eq(&first[1], &second[0]) && second[0].standing.is_ejected());
    assert!(second[1].standing.share() < crate::upstream::standing::WHOLE);
    let health = upstream.health(tokio::time::Instant::now());
    assert_eq!((health.healthy, health.targets), (1, 2));
}

#[tokio::test]
async fn an_answer_that_names_the_same_endpoints_goes_on_with_their_turns() {
    let zone = Zone::start().await;
    zone.set("orders.svc", &says(&[1, 2]));
    let upstream = Upstream::new(resolving(balance::Config::RoundRobin));
    upstream.find(&zone.resolver()).await.unwrap();
    let Endpoints::Found(first) = upstream.endpoints() else { panic!("nothing was found") };
    let second = loop {
        match upstream.endpoints() {
            Endpoints::Found(second) if !Arc::ptr_eq(&first, &second) => break second,
            Endpoints::Found(_) | Endpoints::Written(_) => tokio::task::yield_now().await,
        }
    };
    assert!(std::ptr::eq(first.balancer(), second.balancer()));
}

#[tokio::test]
async fn what_was_found_outlives_a_reload_that_says_otherwise_how_it_is_balanced_and_what_stands_beside_it() {
    let (zone, registry) = (Zone::start().await, Registry::default());
    zone.set("orders.svc", &says(&[1, 2]));
    let before = registry.upstream(&resolving(balance::Config::RoundRobin));
    before.find(&zone.resolver()).await.unwrap();
    let mut config = resolving(by_key());
    config.targets.push(target(9));
    let after = registry.upstream(&config);
    assert_eq!(hosts(&after), ["10.0.0.9", "10.0.0.1", "10.0.0.2"]);
    assert!(Arc::ptr_eq(&before.endpoints()[1], &after.endpoints()[2]));
    let asked: std::collections::HashSet<String> = (0..1_000).map(|key| host_of_key(&after, key)).collect();
    assert_eq!(asked.len(), 3);
    config.targets.clear();
    assert_eq!(hosts(&registry.upstream(&config)), ["10.0.0.1", "10.0.0.2"]);
}

/// Finds as the gateway does; of what it is asked it tells where that was.
struct Asked(Zone, mpsc::UnboundedSender<String>);

impl Transport for Asked {
    async fn exchange(&self, _: &Upstream, endpoint: &Arc<Endpoint>, _: Outgoing, _: Attempt) -> Result<Reply, Fault> {
        let _ = self.1.send(endpoint.place());
        Ok(Reply::empty(StatusCode::OK))
    }

    async fn find(&self, upstream: &Upstream, _: Duration) -> Result<(), Fault> {
        upstream.find(&self.0.resolver()).await
    }
}

#[tokio::test]
async fn probes_find_the_endpoints_by_themselves() {
    let (zone, (tell, mut told)) = (Zone::start().await, mpsc::unbounded_channel());
    zone.set("orders.svc", &says(&[1, 2]));
    let health = crate::upstream::health::Config {
        method: "GET".to_owned(),
        path: "/up".to_owned(),
        every: Duration::from_millis(50),
        timeout: Duration::from_secs(5),
        expect: vec![(200, 299)],
        unhealthy_after: 3,
        healthy_after: 2,
    };
    let upstream = Arc::new(Upstream::new(Config { health: Some(health), ..resolving(balance::Config::TwoChoices) }));
    let mut prober = Prober::new(Arc::new(Asked(zone, tell)), fastrand::Rng::with_seed(1));
    prober.follow(&[upstream]);
    let mut asked = vec![told.recv().await.unwrap(), told.recv().await.unwrap()];
    asked.sort();
    assert_eq!(asked, ["10.0.0.1:9000", "10.0.0.2:9000"]);
}
