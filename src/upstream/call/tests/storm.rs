use super::{Body, Came, Played, called, now, plain, request, retry, status, timeout, upstream};
use crate::lang::value::Percent;
use crate::upstream::breaker::{Config as Breaker, Opens, State};
use crate::upstream::config;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn endpoints_that_all_fail_get_at_most_a_quarter_more_than_is_offered() {
    const PER_SECOND: usize = 1_000;
    let upstream = Arc::new(plain(3));
    let played = Arc::new(Played::by(|_| now(status(503))));
    let retry = Arc::new(retry::Config { attempts: 5, ..retry::Config::default() });
    for second in 1..=10 {
        for _ in 0..PER_SECOND {
            let (upstream, played, retry) = (Arc::clone(&upstream), Arc::clone(&played), Arc::clone(&retry));
            tokio::spawn(async move {
                let (reply, _) =
                    called(&*played, &upstream, (timeout::Config::default(), Some(&retry)), request("GET", Body::empty())).await;
                assert_eq!(reply.unwrap().status, 503);
            });
            sleep(Duration::from_millis(1)).await;
        }
        let load = played.ports().len();
        assert!(load * 4 <= second * PER_SECOND * 5, "{load} attempts in {second} s");
    }
    // It is a budget, not a ban.
    assert!(played.ports().len() > 11_500, "{}", played.ports().len());
}

#[tokio::test(start_paused = true)]
async fn a_breaker_by_rate_opens_on_the_share_of_attempts_and_lets_its_probes_through() {
    let breaker = Breaker {
        opens: Opens::Share { share: 5_000, least: 20, window: Duration::from_secs(10) },
        cooldown: Duration::from_secs(15),
        probes: 2,
    };
    let upstream = upstream(1, config::Config { breaker: Some(breaker), ..config::Config::default() });
    let state = || upstream.breaker.as_ref().unwrap().state(Instant::now());
    let failing = Played::by(|came: Came| now(status(if came.number.is_multiple_of(2) { 500 } else { 200 })));
    let get = || request("GET", Body::empty());
    let mut asked = 0;
    while state() == State::Closed {
        let _ = called(&failing, &upstream, (timeout::Config::default(), None), get()).await;
        asked += 1;
    }
    assert_eq!(asked, 20);
    sleep(Duration::from_secs(15)).await;
    let well = Played::by(|_| now(status(200)));
    for expected in [State::HalfOpen, State::Closed] {
        assert!(called(&well, &upstream, (timeout::Config::default(), None), get()).await.0.is_ok());
        assert_eq!(state(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn one_endpoint_of_three_that_fails_costs_no_call_that_has_credit() {
    let upstream = plain(3);
    let retry = retry::Config { budget: retry::Budget { share: Percent(10_000), min_per_second: 10 }, ..retry::Config::default() };
    let dead = upstream.endpoints()[0].target.port;
    struct OneDead(u16);
    impl super::Transport for OneDead {
        async fn exchange(
            &self,
            _: &super::Upstream,
            endpoint: &Arc<super::Endpoint>,
            _: super::Outgoing,
            _: super::Attempt,
        ) -> super::Answered {
            if endpoint.target.port == self.0 { super::fault(super::FaultKind::ConnectError) } else { status(200) }
        }
    }
    for _ in 0..1_000 {
        let (reply, attempts) =
            called(&OneDead(dead), &upstream, (timeout::Config::default(), Some(&retry)), request("GET", Body::empty())).await;
        assert_eq!(reply.unwrap().status, 200);
        assert!(attempts <= 2);
    }
}
