//! `events post`: events sent to others as JSON, each until it is taken or has failed too often. Off the path of requests.

use super::{Event, Events, Kind};
use crate::fetch::{Answer, Call, Failure, Fetch};
use http::uri::Authority;
use http::{StatusCode, Uri};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Sender, error::TrySendError};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Events that wait for one receiver; when there are more, the newest are lost.
const WAITING_MAX: usize = 256;
/// How often an event is sent before it is lost.
const ATTEMPTS_MAX: u32 = 6;
/// How long a receiver may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Most that is read of its answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The wait before an event is sent again; each is twice the one before.
const BACKOFF: Duration = Duration::from_millis(500);
/// How long the last events may take when the gateway ends.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// A receiver of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Where they are sent.
    pub url: Uri,
    /// Which ones; `error` stands for all that are faults as well.
    pub on: Box<[Kind]>,
}

impl Post {
    fn wants(&self, event: &Event) -> bool {
        self.on.contains(&event.kind()) || event.change.is_fault() && self.on.contains(&Kind::Error)
    }
}

/// Sends what is heard to those who want it, as `posts` names them when it happens, until `end`; then what is left, within
/// [`FLUSH_MAX`]. Events that nobody took are counted by `events`.
pub async fn run(
    events: Arc<Events>,
    mut heard: Receiver<Arc<Event>>,
    fetch: Arc<dyn Fetch>,
    posts: impl Fn() -> Arc<[Post]>,
    end: CancellationToken,
) {
    let mut outlets = Outlets { events, fetch, open: Vec::new(), tasks: JoinSet::new() };
    loop {
        let next = tokio::select! {
            biased;
            next = heard.recv() => next,
            () = end.cancelled() => break,
        };
        match next {
            Ok(event) => outlets.pass(&event, &posts()),
            Err(RecvError::Lagged(missed)) => outlets.events.lose(missed),
            Err(RecvError::Closed) => break,
        }
    }
    outlets.open.clear();
    let flushed = timeout(FLUSH_MAX, async { while outlets.tasks.join_next().await.is_some() {} }).await;
    if flushed.is_err() {
        tracing::warn!("the last events were not taken in time");
    }
}

/// The ways to the receivers.
struct Outlets {
    events: Arc<Events>,
    fetch: Arc<dyn Fetch>,
    open: Vec<(Post, Sender<Arc<Event>>)>,
    tasks: JoinSet<()>,
}

impl Outlets {
    fn pass(&mut self, event: &Arc<Event>, posts: &[Post]) {
        // One that is not declared any more ends when it has sent what it has.
        self.open.retain(|(post, _)| posts.contains(post));
        while self.tasks.try_join_next().is_some() {}
        for post in posts.iter().filter(|post| post.wants(event)) {
            let known = self.open.iter().position(|(known, _)| known == post);
            let outlet = match known.and_then(|at| self.open.get(at)) {
                Some((_, outlet)) => outlet.clone(),
                None => self.begin(post),
            };
            if let Err(TrySendError::Full(_) | TrySendError::Closed(_)) = outlet.try_send(Arc::clone(event)) {
                self.events.lose(1);
            }
        }
    }

    fn begin(&mut self, post: &Post) -> Sender<Arc<Event>> {
        let (sender, mut waiting) = mpsc::channel::<Arc<Event>>(WAITING_MAX);
        let (events, fetch, url) = (Arc::clone(&self.events), Arc::clone(&self.fetch), post.url.clone());
        let on = post.on.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        self.tasks.spawn(async move {
            let on = &*on;
            while let Some(event) = waiting.recv().await {
                if let Err(why) = deliver(&*fetch, &url, &event).await {
                    // Its path may hold a secret.
                    let host = url.authority().map(Authority::as_str);
                    tracing::warn!(host, on, change = event.change.name(), number = event.number, why, "an event was not taken");
                    events.lose(1);
                }
            }
        });
        self.open.push((post.clone(), sender.clone()));
        sender
    }
}

/// Sends an event until it is taken.
async fn deliver(fetch: &dyn Fetch, url: &Uri, event: &Event) -> Result<(), String> {
    let body = serde_json::to_vec(event).map_err(|error| error.to_string())?;
    let mut wait = BACKOFF;
    for attempt in 1.. {
        let call = Call::post(url.clone(), "application/json", body.clone()).within(ANSWER_MAX).at_most(ANSWER_BYTES_MAX);
        let (why, again) = match fetch.fetch(call).await {
            Ok(answer) if answer.status.is_success() => return Ok(()),
            Ok(Answer { status, .. }) => (format!("it answers {}", status.as_u16()), is_passing(status)),
            // What it answers does not matter.
            Err(Failure::TooLarge) => return Ok(()),
            Err(failure) => (failure.to_string(), true),
        };
        if !again || attempt == ATTEMPTS_MAX {
            return Err(why);
        }
        sleep(wait).await;
        wait *= 2;
    }
    Ok(())
}

/// True for answers that may be another one in a while.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

#[cfg(test)]
mod tests {
    use super::{Post, WAITING_MAX, run};
    use crate::events::{Change, Events, Kind};
    use crate::fetch::{Answer, Call, Failure, Fetch};
    use bytes::Bytes;
    use futures_core::future::BoxFuture;
    use http::{HeaderMap, StatusCode};
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;

    /// Answers with the statuses in turn, the last for good; keeps what it took.
    struct Receiver {
        statuses: Mutex<Vec<u16>>,
        took: Mutex<Vec<String>>,
    }

    impl Receiver {
        fn answering(statuses: &[u16]) -> Arc<Self> {
            Arc::new(Self { statuses: Mutex::new(statuses.iter().rev().copied().collect()), took: Mutex::default() })
        }

        fn took(&self) -> Vec<String> {
            self.took.lock().clone()
        }
    }

    impl Fetch for Receiver {
        fn fetch(&self, call: Call) -> BoxFuture<'static, Result<Answer, Failure>> {
            let mut statuses = self.statuses.lock();
            let status = if statuses.len() > 1 { statuses.pop() } else { statuses.last().copied() };
            let Some(status) = status else { return Box::pin(std::future::pending()) };
            let event: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
            self.took.lock().push(format!("{} {}", status, event["change"].as_str().unwrap()));
            let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::new() };
            Box::pin(std::future::ready(Ok(answer)))
        }
    }

    /// Tells some events to a receiver that wants those of some kinds, and ends.
    async fn told(receiver: &Arc<Receiver>, on: &[Kind], changes: &[Change]) -> Arc<Events> {
        let events = Arc::new(Events::default());
        let posts: Arc<[Post]> = Arc::new([Post { url: "http://hook.example/".parse().unwrap(), on: on.into() }]);
        let end = CancellationToken::new();
        let fetch: Arc<dyn Fetch> = Arc::<Receiver>::clone(receiver);
        let running = tokio::spawn(run(Arc::clone(&events), events.listen(), fetch, move || Arc::clone(&posts), end.clone()));
        for change in changes {
            events.tell(*change, "users", "");
        }
        // Whoever has nothing to do lets time pass.
        tokio::time::sleep(Duration::from_secs(60)).await;
        end.cancel();
        running.await.unwrap();
        events
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_gets_the_kinds_it_wants_and_faults_as_errors() {
        let changes = [Change::Reloaded, Change::TargetDown, Change::TargetUp, Change::StoreDown, Change::BreakerClosed];
        let receiver = Receiver::answering(&[204]);
        told(&receiver, &[Kind::Reload, Kind::Breaker], &changes).await;
        assert_eq!(receiver.took(), ["204 reloaded", "204 breaker_closed"]);
        let receiver = Receiver::answering(&[200]);
        told(&receiver, &[Kind::Error], &changes).await;
        assert_eq!(receiver.took(), ["200 target_down", "200 store_down"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_sent_until_it_is_taken_or_refused_or_failed_too_often() {
        let receiver = Receiver::answering(&[503, 429, 200, 404, 200]);
        let events = told(&receiver, &[Kind::Health], &[Change::TargetDown, Change::TargetUp, Change::UpstreamCalm]).await;
        let expected = ["503 target_down", "429 target_down", "200 target_down", "404 target_up", "200 upstream_calm"];
        assert_eq!((receiver.took().as_slice(), events.lost()), (expected.map(str::to_owned).as_slice(), 1));
        let receiver = Receiver::answering(&[500]);
        let events = told(&receiver, &[Kind::Health], &[Change::TargetDown]).await;
        assert_eq!((receiver.took().len(), events.lost()), (6, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_hangs_holds_nothing_up_and_what_it_does_not_take_is_counted() {
        let hanging = Receiver::answering(&[]);
        let began = tokio::time::Instant::now();
        // One is on its way, the others wait.
        let events = told(&hanging, &[Kind::Limit], &vec![Change::LimitReached; WAITING_MAX + 10]).await;
        assert!(events.lost() >= 9, "{}", events.lost());
        assert!(began.elapsed() < Duration::from_secs(66), "{:?}", began.elapsed());
    }
}
