use super::{RequestSpan, Tracer, export};
use crate::fetch::{Answer, Call, Failure, Fetch};
use crate::http::trace::{Spans, TRACEPARENT, TraceContext};
use crate::http::{
    Clock, Forwarding, Scheme,
    forward::{Hop, Told},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

fn tracer(percent: u32) -> Tracer {
    Tracer::new("http://collector.example:4318", percent * 100, &"berlin-1".into()).unwrap()
}

/// What a request with a field leaves, and the flags that go on.
fn begun(tracer: &Tracer, theirs: Option<&str>, trusted: bool, random: &mut fastrand::Rng) -> (Option<Arc<Spans>>, bool) {
    let headers: HeaderMap = theirs.map(|theirs| (TRACEPARENT, HeaderValue::from_str(theirs).unwrap())).into_iter().collect();
    let hop = Arc::new(Hop::new([192, 0, 2, 1].into(), Scheme::Http, &HeaderValue::from_static("h")));
    let told = trusted.then_some(Told { ip: [192, 0, 2, 7].into(), scheme: None });
    let mut forwarding = Forwarding::new(&hop, told, &headers, random);
    let spans = tracer.begin(&mut forwarding, &headers, trusted);
    (spans, forwarding.trace.is_sampled())
}

#[test]
fn a_share_of_the_traces_is_kept_and_whoever_samples_by_the_trace_agrees() {
    let mut random = fastrand::Rng::with_seed(7);
    let (tenth, half) = (tracer(10), tracer(50));
    let mut kept = 0;
    for _ in 0..10_000 {
        let theirs = format!("00-{:032x}-00000000000000aa-00", random.u128(1..));
        let (spans, sampled) = begun(&tenth, Some(&theirs), false, &mut random);
        assert_eq!(spans.is_some(), sampled);
        kept += usize::from(sampled);
        // Who keeps more keeps the same ones.
        assert!(!sampled || begun(&half, Some(&theirs), false, &mut random).1);
    }
    assert!((900..1_100).contains(&kept), "{kept}");
    assert!((0..1_000).all(|_| begun(&tracer(100), None, false, &mut random).1));
    assert!((0..1_000).all(|_| !begun(&tracer(0), None, false, &mut random).1));
}

#[test]
fn a_trusted_hop_decides_and_others_do_not() {
    let random = &mut fastrand::Rng::with_seed(7);
    let theirs = |flags| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
    let (spans, sampled) = begun(&tracer(0), Some(&theirs("01")), true, random);
    assert_eq!((spans.unwrap().parent, sampled), (Some(0xb7ad_6b71_6920_3331), true));
    assert!(!begun(&tracer(100), Some(&theirs("00")), true, random).1);
    assert!(!begun(&tracer(0), Some(&theirs("01")), false, random).1);
    let (spans, _) = begun(&tracer(100), Some(&theirs("00")), false, random);
    assert_eq!(spans.unwrap().context.trace(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert_eq!(begun(&tracer(100), None, true, random).0.unwrap().parent, None);
}

#[test]
fn a_url_without_a_path_means_the_usual_one() {
    let at = |url| Tracer::new(url, 100, &"".into()).map(|tracer| tracer.take_waiting().unwrap().url.to_string());
    assert_eq!(at("http://c:4318").unwrap(), "http://c:4318/v1/traces");
    assert_eq!(at("http://c:4318/").unwrap(), "http://c:4318/v1/traces");
    assert_eq!(at("https://c/otlp/v1/traces").unwrap(), "https://c/otlp/v1/traces");
    assert_eq!(at("ftp://c").unwrap_err(), "begins with neither `http://` nor `https://`");
}

/// A collector that answers with statuses in turn, the last for good.
#[derive(Default)]
struct Collector {
    statuses: Mutex<Vec<u16>>,
    took: Mutex<Vec<(Duration, Value)>>,
}

impl Fetch for Collector {
    fn fetch(&self, call: Call) -> BoxFuture<'static, Result<Answer, Failure>> {
        let mut statuses = self.statuses.lock();
        let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
        let at = Clock::at(Duration::ZERO).now();
        self.took.lock().push((at, serde_json::from_slice(&call.body).unwrap()));
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
        let headers = if status == 429 { headers } else { HeaderMap::new() };
        Box::pin(std::future::ready(Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() })))
    }
}

fn told(status: u16) -> Box<RequestSpan> {
    let context = TraceContext::continuing(None, &mut fastrand::Rng::with_seed(u64::from(status)));
    let now = Instant::now();
    Box::new(RequestSpan {
        spans: Arc::new(Spans::new(context, None)),
        clock: Clock::at(Duration::from_secs(1_800_000_000)),
        began: now,
        ended: now + Duration::from_millis(5),
        method: Method::from_bytes(b"BREW").unwrap(),
        scheme: Scheme::Https,
        host: "shop.example".into(),
        path: "/users/1".to_owned(),
        route: Some(("user".into(), "/users/{id}".into())),
        status: StatusCode::from_u16(status).unwrap(),
        client: [192, 0, 2, 1].into(),
        id: HeaderValue::from_static("id"),
    })
}

/// Sends some spans to a collector that answers so: the spans of each of its requests, how many seconds that took, and what was lost.
async fn sent(statuses: &[u16], spans: usize) -> (Vec<usize>, u64, u64) {
    let collector = Arc::new(Collector { statuses: Mutex::new(statuses.to_vec()), took: Mutex::default() });
    let (tracer, end) = (tracer(100), CancellationToken::new());
    let fetch: Arc<dyn Fetch> = Arc::<Collector>::clone(&collector);
    let running = tokio::spawn(export::run(tracer.take_waiting().unwrap(), fetch, end.clone()));
    (0..spans).for_each(|_| tracer.tell(told(200)));
    let began = Instant::now();
    // The queue is empty long before, and ends with the tracer.
    let lost = Arc::clone(&tracer.lost);
    drop(tracer);
    running.await.unwrap();
    let of = |body: &Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len();
    let batches = collector.took.lock().iter().map(|(_, body)| of(body)).collect();
    (batches, began.elapsed().as_secs(), lost.load(std::sync::atomic::Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn spans_go_out_in_batches_and_again_where_that_may_help() {
    assert_eq!(sent(&[200], 1_300).await, (vec![512, 512, 276], 0, 0));
    assert_eq!(sent(&[503, 429, 200], 2).await, (vec![2, 2, 2], 1 + 7, 0));
    assert_eq!(sent(&[400], 2).await, (vec![2], 0, 2));
    assert_eq!(sent(&[502], 2).await, (vec![2; 5], 1 + 2 + 4 + 8, 2));
}

#[tokio::test(start_paused = true)]
async fn a_span_waits_for_others_for_a_second_and_no_longer_than_to_the_end() {
    let collector = Arc::new(Collector { statuses: Mutex::new(vec![200]), took: Mutex::default() });
    let (tracer, end) = (tracer(100), CancellationToken::new());
    let fetch: Arc<dyn Fetch> = Arc::<Collector>::clone(&collector);
    let running = tokio::spawn(export::run(tracer.take_waiting().unwrap(), fetch, end.clone()));
    tracer.tell(told(200));
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert!(collector.took.lock().is_empty());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(collector.took.lock().len(), 1);
    tracer.tell(told(200));
    end.cancel();
    running.await.unwrap();
    assert_eq!(collector.took.lock().len(), 2);
}

#[test]
fn what_nobody_takes_is_counted_and_nobody_waits() {
    let tracer = tracer(100);
    (0..super::WAITING_MAX + 3).for_each(|_| tracer.tell(told(200)));
    assert_eq!(tracer.lost(), 3);
}

#[test]
fn a_span_says_what_the_conventions_ask_for() {
    let (body, spans) = super::encode::batch("berlin-1", &[told(503)]);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let resource = &body["resourceSpans"][0];
    let of_gateway = |at: usize| &resource["resource"]["attributes"][at]["value"]["stringValue"];
    assert_eq!((spans, of_gateway(0), of_gateway(2)), (1, &"gatewright".into(), &"berlin-1".into()));
    let span = &resource["scopeSpans"][0]["spans"][0];
    let said = |key: &str| {
        let all = span["attributes"].as_array().unwrap();
        let found = all.iter().find(|attribute| attribute["key"] == key).map(|attribute| &attribute["value"]);
        found.map(|value| value.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned())
    };
    // A method that a client made up is no name of a span.
    for (key, expected) in [
        ("http.request.method", "_OTHER"),
        ("http.request.method_original", "BREW"),
        ("http.route", "/users/{id}"),
        ("http.response.status_code", "503"),
        ("error.type", "503"),
        ("url.path", "/users/1"),
        ("url.scheme", "https"),
        ("server.address", "shop.example"),
        ("client.address", "192.0.2.1"),
        ("gatewright.route", "user"),
    ] {
        assert_eq!(said(key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!((&span["name"], &span["kind"], &span["status"]["code"]), (&"HTTP /users/{id}".into(), &2.into(), &2.into()));
    assert_eq!(span["startTimeUnixNano"].as_str().unwrap().len(), 19);
    assert_eq!((span["traceId"].as_str().unwrap().len(), span["spanId"].as_str().unwrap().len()), (32, 16));
    assert_eq!(span.get("parentSpanId"), None);
}
