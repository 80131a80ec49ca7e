//! Spans on their way to the collector: in batches, each until it is taken or has failed too often.

use super::{RequestSpan, encode};
use crate::fetch::{Answer, Call, Failure, Fetch};
use http::header::RETRY_AFTER;
use http::{StatusCode, Uri};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Requests whose spans are sent together, at most
const BATCH_MAX: usize = 512;
/// and how long the first of them waits for others.
const BATCH_AGE_MAX: Duration = Duration::from_secs(1);
/// How often a batch is sent before it is lost.
const ATTEMPTS_MAX: u32 = 5;
/// How long the collector may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Most that is read of its answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The wait before a batch is sent again; each is twice the one before.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait that a collector may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// What waits to be sent.
#[derive(Debug)]
pub struct Waiting {
    pub(super) url: Uri,
    pub(super) instance: Arc<str>,
    pub(super) spans: Receiver<Box<RequestSpan>>,
    pub(super) lost: Arc<AtomicU64>,
}

/// Sends spans until nobody traces any more or `end`, then what is left.
pub async fn run(mut waiting: Waiting, fetch: Arc<dyn Fetch>, end: CancellationToken) {
    loop {
        let (batch, ended) = next(&mut waiting, &end).await;
        if !batch.is_empty() {
            send(&waiting, &*fetch, batch).await;
        }
        if ended {
            return;
        }
    }
}

/// The next batch, and whether it is the last.
async fn next(waiting: &mut Waiting, end: &CancellationToken) -> (Vec<Box<RequestSpan>>, bool) {
    let mut batch = Vec::new();
    let mut due: Option<Instant> = None;
    while batch.len() < BATCH_MAX {
        let late = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            span = waiting.spans.recv() => match span {
                Some(span) => {
                    due.get_or_insert_with(|| Instant::now() + BATCH_AGE_MAX);
                    batch.push(span);
                }
                None => return (batch, true),
            },
            () = late => return (batch, false),
            // What was told before is in the queue, and comes first.
            () = end.cancelled() => return (batch, true),
        }
    }
    (batch, false)
}

#[expect(clippy::vec_box, reason = "they come in boxes, and are moved as they came")]
async fn send(waiting: &Waiting, fetch: &dyn Fetch, batch: Vec<Box<RequestSpan>>) {
    let (body, spans) = encode::batch(&waiting.instance, &batch);
    let requests = batch.len() as u64;
    drop(batch);
    let mut backoff = BACKOFF;
    for attempt in 1.. {
        let call = Call::post(waiting.url.clone(), "application/json", body.clone()).within(ANSWER_MAX).at_most(ANSWER_BYTES_MAX);
        let (why, wait) = match fetch.fetch(call).await {
            Ok(answer) if answer.status.is_success() => return,
            Ok(answer) => (format!("it answers {}", answer.status.as_u16()), again(&answer, backoff)),
            Err(failure @ (Failure::TooLarge | Failure::Offline)) => (failure.to_string(), None),
            Err(failure) => (failure.to_string(), Some(backoff)),
        };
        let Some(wait) = wait.filter(|_| attempt < ATTEMPTS_MAX) else {
            waiting.lost.fetch_add(requests, Ordering::Relaxed);
            tracing::warn!(collector = waiting.url.host(), spans, why, "spans were lost");
            return;
        };
        sleep(wait).await;
        backoff *= 2;
    }
}

/// How long to wait before a batch is sent again; none where that is of no use (OTLP 1, failures).
fn again(answer: &Answer, backoff: Duration) -> Option<Duration> {
    let passing = [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
    let asked = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    passing.contains(&answer.status).then(|| asked.map_or(backoff, |asked| asked.min(RETRY_AFTER_MAX)))
}
