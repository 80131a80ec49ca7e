use super::{Balancer, Config, sticky};
use crate::http::{Affinity, share};
use crate::lang::expr::Expr;
use crate::lang::value::Value;
use crate::upstream::endpoint::Occupied;
use crate::upstream::{Endpoint, config::Target};
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::advance;

const MILLISECOND: Duration = Duration::from_millis(1);

fn endpoint(port: u16, weight: u32, backup: bool) -> Arc<Endpoint> {
    Arc::new(Endpoint::new(Target { tls: false, host: "127.0.0.1".to_owned(), port, weight, backup }))
}

/// A key is given with the request, whatever this says.
fn by_key() -> Config {
    Config::Hash(Expr::Const(Value::None))
}

fn all() -> [Config; 6] {
    [Config::TwoChoices, Config::RoundRobin, Config::LeastConnections, by_key(), Config::Random, Config::Ewma]
}

/// Endpoints, one of them chosen again and again.
struct Set {
    endpoints: Vec<Arc<Endpoint>>,
    balancer: Balancer,
    random: fastrand::Rng,
}

impl Set {
    fn new(config: &Config, endpoints: Vec<Arc<Endpoint>>) -> Self {
        Self { balancer: Balancer::new(config, &endpoints), endpoints, random: fastrand::Rng::with_seed(7) }
    }

    fn of(config: &Config, weights: &[u32]) -> Self {
        let ports = 1_u16..;
        Self::new(config, ports.zip(weights).map(|(port, weight)| endpoint(port, *weight, false)).collect())
    }

    fn choose(&mut self, affinity: Affinity, excluded: &[Arc<Endpoint>]) -> Arc<Endpoint> {
        Arc::clone(self.balancer.choose(&self.endpoints, affinity, excluded, &mut self.random).unwrap().endpoint)
    }

    fn any(&mut self) -> Arc<Endpoint> {
        self.choose(Affinity::default(), &[])
    }

    fn of_key(&mut self, key: u64) -> u16 {
        self.choose(Affinity { key: Some(share::hash(&key.to_be_bytes())), ..Affinity::default() }, &[]).target.port
    }

    fn share(&mut self, port: u16, requests: u32) -> f64 {
        let taken = (0..u64::from(requests)).filter(|number| self.of_key(*number) == port).count();
        taken as f64 / f64::from(requests)
    }
}

#[test]
fn three_to_one_is_three_to_one_of_requests_one_after_the_other() {
    for config in all() {
        let share = Set::of(&config, &[3, 1]).share(1, 4_000);
        assert!((share - 0.75).abs() < 0.02, "{config:?}: {share}");
    }
}

#[tokio::test(start_paused = true)]
async fn three_to_one_is_three_to_one_while_sixty_four_are_under_way() {
    for config in all() {
        let mut set = Set::of(&config, &[3, 1]);
        let (mut under_way, mut first) = (VecDeque::<(Arc<Endpoint>, Occupied)>::new(), 0);
        for number in 0..4_000 {
            if under_way.len() == 64 {
                let (ended, occupied) = under_way.pop_front().unwrap();
                ended.standing.answered(20 * MILLISECOND);
                drop(occupied);
            }
            let affinity = Affinity { key: Some(share::hash(&u64::to_be_bytes(number))), ..Affinity::default() };
            let chosen = set.choose(affinity, &[]);
            first += u32::from(chosen.target.port == 1);
            under_way.push_back((Arc::clone(&chosen), chosen.occupy()));
        }
        let share = f64::from(first) / 4_000.0;
        assert!((share - 0.75).abs() < 0.02, "{config:?}: {share}");
    }
}

/// The share of 4,000 requests, one a millisecond, that an endpoint gets which takes 400 ms for each, beside two that take 20 ms.
async fn share_of_the_slow(config: &Config) -> f64 {
    let mut set = Set::of(config, &[1, 1, 1]);
    let mut under_way: Vec<(u64, Arc<Endpoint>, Occupied)> = Vec::new();
    let mut slow = 0;
    for now in 0..4_000_u64 {
        under_way.retain(|(end, endpoint, _)| {
            let ends = *end <= now;
            if ends {
                endpoint.standing.answered(MILLISECOND * if endpoint.target.port == 1 { 400 } else { 20 });
            }
            !ends
        });
        let chosen = set.any();
        let takes = if chosen.target.port == 1 { 400 } else { 20 };
        slow += u32::from(chosen.target.port == 1);
        under_way.push((now + takes, Arc::clone(&chosen), chosen.occupy()));
        advance(MILLISECOND).await;
    }
    f64::from(slow) / 4_000.0
}

#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_starves_where_it_is_looked_at() {
    for config in [Config::TwoChoices, Config::LeastConnections, Config::Ewma] {
        let share = share_of_the_slow(&config).await;
        assert!(share < 0.1, "{config:?}: {share}");
    }
    let share = share_of_the_slow(&Config::RoundRobin).await;
    assert!((share - 1.0 / 3.0).abs() < 0.001, "{share}");
}

#[test]
fn equals_take_turns() {
    let mut set = Set::of(&Config::RoundRobin, &[1, 1, 1]);
    let turns: Vec<u16> = (0..7).map(|_| set.any().target.port).collect();
    assert_eq!(turns, [1, 2, 3, 1, 2, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_be_asked_loses_its_turn_to_all_the_others() {
    let mut set = Set::of(&Config::RoundRobin, &[1, 1, 1, 1]);
    let _ = set.endpoints[1].standing.eject(Duration::from_secs(60));
    let turns: Vec<u16> = (0..6).map(|_| set.any().target.port).collect();
    assert_eq!(turns, [1, 3, 4, 1, 3, 4]);
}

#[test]
fn a_key_stays_where_it_is_and_only_those_of_one_that_is_lost_move() {
    let (mut set, mut other) = (Set::of(&by_key(), &[1, 1, 1, 1]), Set::of(&by_key(), &[1, 1, 1, 1]));
    other.endpoints.reverse();
    other.balancer = Balancer::new(&by_key(), &other.endpoints);
    let before: Vec<u16> = (0..1_000).map(|key| set.of_key(key)).collect();
    assert!((0..1_000).all(|key| before[key as usize] == other.of_key(key)));
    let _ = set.endpoints[2].standing.eject(Duration::from_secs(60));
    let after: Vec<u16> = (0..1_000).map(|key| set.of_key(key)).collect();
    let mut heirs = [0; 5];
    for (was, is) in before.iter().zip(&after) {
        if *was == 3 {
            heirs[usize::from(*is)] += 1;
        } else {
            assert_eq!(was, is);
        }
    }
    assert_eq!(heirs[3], 0);
    assert!(heirs[1] > 50 && heirs[2] > 50 && heirs[4] > 50, "{heirs:?}");
}

#[test]
fn without_its_key_a_request_goes_anywhere() {
    let mut set = Set::of(&by_key(), &[1, 1]);
    let first = (0..1_000).filter(|_| set.any().target.port == 1).count();
    assert!((400..600).contains(&first), "{first}");
}

#[tokio::test(start_paused = true)]
async fn who_joins_later_is_spared_at_first() {
    for config in [Config::TwoChoices, Config::RoundRobin, Config::LeastConnections, Config::Random, Config::Ewma] {
        let mut set = Set::of(&config, &[1, 1]);
        set.endpoints[1].standing.join();
        let at_first = set.share(2, 4_000);
        advance(Duration::from_secs(15)).await;
        let later = set.share(2, 4_000);
        advance(Duration::from_secs(15)).await;
        let at_last = set.share(2, 4_000);
        assert!((0.04..0.13).contains(&at_first), "{config:?}: {at_first}");
        assert!((0.25..0.4).contains(&later), "{config:?}: {later}");
        assert!((0.47..0.53).contains(&at_last), "{config:?}: {at_last}");
    }
}

#[test]
fn the_less_busy_of_two_takes_the_request() {
    let mut set = Set::of(&Config::TwoChoices, &[1, 1]);
    let _busy = set.endpoints[0].occupy();
    assert!((0..50).all(|_| set.any().target.port == 2));
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_asked_only_when_no_regular_one_can_be() {
    for config in all() {
        let mut set = Set::new(&config, vec![endpoint(1, 1, true), endpoint(2, 1, false)]);
        assert!((0..50).all(|_| set.any().target.port == 2), "{config:?}");
        let _ = set.endpoints[1].standing.eject(Duration::from_secs(60));
        assert!((0..50).all(|_| set.any().target.port == 1), "{config:?}");
        advance(Duration::from_secs(60)).await;
        assert!((0..50).all(|_| set.any().target.port == 2), "{config:?}");
    }
}

#[test]
fn where_a_call_failed_it_is_made_again_only_when_all_others_have_failed_too() {
    for config in all() {
        let mut set = Set::new(&config, vec![endpoint(1, 1, false), endpoint(2, 1, false), endpoint(3, 1, true)]);
        let known = set.endpoints.clone();
        let tried = |ports: &[u16]| known.iter().filter(|one| ports.contains(&one.target.port)).cloned().collect::<Vec<_>>();
        let mut chosen = |ports: &[u16]| set.choose(Affinity { key: Some(7), ..Affinity::default() }, &tried(ports)).target.port;
        assert_eq!((chosen(&[1]), chosen(&[1, 2])), (2, 3), "{config:?}");
        assert!([1, 2].contains(&chosen(&[1, 2, 3])), "{config:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_none_is_fit_all_are_tried() {
    for config in all() {
        let mut set = Set::of(&config, &[1, 1]);
        for endpoint in &set.endpoints {
            let _ = endpoint.standing.eject(Duration::from_secs(60));
        }
        let chosen = set.balancer.choose(&set.endpoints, Affinity::default(), &[], &mut set.random).unwrap();
        assert!(chosen.panicking, "{config:?}");
        let asked: std::collections::HashSet<u16> = (0..100).map(|_| set.any().target.port).collect();
        assert_eq!(asked.len(), 2, "{config:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cookie_keeps_a_client_on_its_endpoint_while_that_is_fit() {
    let mut set = Set::of(&Config::RoundRobin, &[1, 1, 1]);
    let cookie = sticky::cookie("node", &set.endpoints[1], Affinity { secure: true, ..Affinity::default() }).unwrap();
    let said = cookie.to_str().unwrap();
    let (pair, rest) = said.split_once("; ").unwrap();
    assert_eq!(rest, "Path=/; HttpOnly; SameSite=Lax; Secure");
    let sent = HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(format!("theme=dark; {pair}")).unwrap())]);
    let affinity = Affinity { cookie: sticky::named("node", &sent), ..Affinity::default() };
    assert!((0..20).all(|_| set.choose(affinity, &[]).target.port == 2));
    assert_eq!(sticky::cookie("node", &set.endpoints[1], affinity), None);
    let _ = set.endpoints[1].standing.eject(Duration::from_secs(60));
    assert!((0..20).all(|_| set.choose(affinity, &[]).target.port != 2));
}
