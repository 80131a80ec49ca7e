use super::stage::{BODY_MAX, COPIES_MAX, Mirror};
use super::{Config, State};
use crate::http::exchange::testing::exchange;
use crate::http::{Body, Calls, Exchange, Fault, Outgoing, Reply, UpstreamHealth, UpstreamIndex};
use crate::lang::value::Percent;
use crate::policy::stage::{Flow, OnRequest};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use parking_lot::Mutex;
use std::sync::Arc;

/// Notes the bodies of what it is called with; answers or hangs.
#[derive(Default)]
struct Noting {
    bodies: Arc<Mutex<Vec<Bytes>>>,
    hangs: bool,
}

impl Calls for Noting {
    fn call(&self, upstream: UpstreamIndex, outgoing: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>> {
        assert_eq!(upstream, UpstreamIndex(1));
        let (bodies, hangs) = (Arc::clone(&self.bodies), self.hangs);
        Box::pin(async move {
            let body = outgoing.body.collect().await?.to_bytes();
            bodies.lock().push(body);
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok(Reply::empty(StatusCode::INTERNAL_SERVER_ERROR))
        })
    }

    fn health(&self) -> Vec<UpstreamHealth> {
        Vec::new()
    }
}

fn request(calls: &Arc<Noting>, body: Body) -> Exchange {
    Exchange { body, calls: Arc::clone(calls) as Arc<dyn Calls>, ..exchange("POST", "/orders", &[]) }
}

fn mirror(hundredths: u32) -> (Mirror, Arc<State>) {
    let state = Arc::new(State::default());
    (Mirror::new(&Config { share: Percent(hundredths), upstream: 1 }, Arc::clone(&state)), state)
}

/// What the target gets of a body in two parts.
async fn passed(mirror: &Mirror, calls: &Arc<Noting>, parts: [usize; 2]) -> usize {
    let frames = parts.map(|length| Ok(Frame::data(Bytes::from(vec![b'x'; length]))));
    let mut exchange = request(calls, Body::stream(StreamBody::new(futures_util::stream::iter(frames))));
    assert!(matches!(mirror.request(&mut exchange), Flow::Next));
    exchange.body.take().collect().await.unwrap().to_bytes().len()
}

async fn all_sent() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_share_of_the_requests_is_copied_and_no_answer_matters() {
    let (calls, (mirror, _)) = (Arc::new(Noting::default()), mirror(1_000));
    for _ in 0..100 {
        let mut exchange = request(&calls, Body::full("an order"));
        assert!(matches!(mirror.request(&mut exchange), Flow::Next));
        assert_eq!(exchange.body.at_hand().unwrap(), "an order");
    }
    all_sent().await;
    let bodies = calls.bodies.lock();
    assert!((9..=11).contains(&bodies.len()), "{}", bodies.len());
    assert!(bodies.iter().all(|body| body == "an order"));
}

#[tokio::test]
async fn a_stream_is_copied_when_it_has_passed_unless_it_is_large() {
    let (calls, (mirror, state)) = (Arc::new(Noting::default()), mirror(10_000));
    assert_eq!(passed(&mirror, &calls, [BODY_MAX - 1, 1]).await, BODY_MAX);
    all_sent().await;
    assert_eq!((calls.bodies.lock().iter().map(Bytes::len).collect::<Vec<_>>(), state.left_out()), (vec![BODY_MAX], 0));
    assert_eq!(passed(&mirror, &calls, [BODY_MAX, 1]).await, BODY_MAX + 1);
    let mut large = request(&calls, Body::full(vec![b'x'; BODY_MAX + 1]));
    let _ = mirror.request(&mut large);
    all_sent().await;
    assert_eq!((calls.bodies.lock().len(), state.left_out()), (1, 2));
}

#[tokio::test]
async fn copies_that_nobody_answers_stay_bounded() {
    let (calls, (mirror, state)) = (Arc::new(Noting { hangs: true, ..Noting::default() }), mirror(10_000));
    for _ in 0..COPIES_MAX + 10 {
        let _ = mirror.request(&mut request(&calls, Body::empty()));
    }
    all_sent().await;
    assert_eq!((calls.bodies.lock().len(), state.left_out()), (COPIES_MAX, 10));
}
