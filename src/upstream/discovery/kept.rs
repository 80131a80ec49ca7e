//! Something that is looked up again and again, for as long as somebody holds it.

use super::{AGAIN, AGAIN_MAX, Herald, LOOK_MAX};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// What is known, or why nothing is.
type Known<T> = Option<Result<Arc<T>, Arc<str>>>;

/// Something that was looked up and is kept fresh. Nothing happens until it is asked for; from then on a task looks it up, which
/// ends when nobody holds this any more.
#[derive(Debug)]
pub struct Kept<T> {
    known: watch::Sender<Known<T>>,
    /// What `known` comes to, for those who ask often: one of the four below.
    state: AtomicU8,
    running: AtomicBool,
    found: AtomicU64,
    missed: AtomicU64,
}

/// Nobody has asked for it yet,
const UNASKED: u8 = 0;
/// it is being looked up for the first time,
const SOUGHT: u8 = 1;
/// looking it up has always failed,
const LOST: u8 = 2;
/// or it was found.
const FOUND: u8 = 3;

impl<T> Kept<T> {
    fn beginning_with(known: Known<T>) -> Self {
        let state = AtomicU8::new(if known.is_some() { FOUND } else { UNASKED });
        Self {
            known: watch::Sender::new(known),
            state,
            running: AtomicBool::new(false),
            found: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        }
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self::beginning_with(None)
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// Something of which this is known already.
    #[must_use]
    pub fn knowing(known: T) -> Self {
        Self::beginning_with(Some(Ok(Arc::new(known))))
    }

    /// How often it was found, and how often looking it up failed.
    #[must_use]
    pub fn looks(&self) -> (u64, u64) {
        (self.found.load(Ordering::Relaxed), self.missed.load(Ordering::Relaxed))
    }

    /// True when it has been looked up, and was never found.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.state.load(Ordering::Relaxed) == LOST
    }

    /// The same, or when it is being looked up for the first time.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.state.load(Ordering::Relaxed), SOUGHT | LOST)
    }

    /// What is known, if it was found before.
    #[must_use]
    pub fn known(&self) -> Option<Arc<T>> {
        self.known.borrow().as_ref()?.as_ref().ok().cloned()
    }

    /// What is known; who asks first waits until something is. What `begin` gives finds it, and for how long it is to be
    /// believed, being given what it found last; and tells when it cannot be found.
    ///
    /// # Errors
    /// What `look` said, when it has never found anything.
    pub async fn get<L, F>(self: &Arc<Self>, begin: impl FnOnce() -> (L, Herald)) -> Result<Arc<T>, Arc<str>>
    where
        L: Fn(Option<Arc<T>>) -> F + Send + 'static,
        F: Future<Output = Result<(T, Duration), String>> + Send + 'static,
    {
        if !self.running.load(Ordering::Relaxed) && !self.running.swap(true, Ordering::AcqRel) {
            // Whoever looked it up before, as part of another runtime, has noted what came of it.
            let _ = self.state.compare_exchange(UNASKED, SOUGHT, Ordering::Relaxed, Ordering::Relaxed);
            let (look, herald) = begin();
            tokio::spawn(keep(Running(Arc::downgrade(self)), look, herald));
        }
        if let Some(known) = &*self.known.borrow() {
            return known.clone();
        }
        let mut waiting = self.known.subscribe();
        // INVARIANT: the sender is held for as long as this waits, so it says something, or the wait is given up by the caller.
        let known = waiting.wait_for(Option::is_some).await.map(|known| known.clone());
        known.ok().flatten().unwrap_or_else(|| Err("nothing is known".into()))
    }
}

/// Held by the task, so that another one can take over when its runtime ends.
struct Running<T>(Weak<Kept<T>>);

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if let Some(kept) = self.0.upgrade() {
            kept.running.store(false, Ordering::Release);
        }
    }
}

async fn keep<T, F>(running: Running<T>, look: impl Fn(Option<Arc<T>>) -> F, herald: Herald)
where
    T: Send + Sync + 'static,
    F: Future<Output = Result<(T, Duration), String>>,
{
    let mut again = AGAIN;
    loop {
        let Some(before) = running.0.upgrade().map(|kept| kept.known()) else { return };
        let looked = timeout(LOOK_MAX, look(before.clone())).await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let Some(kept) = running.0.upgrade() else { return };
        let pause = match (looked, before) {
            (Ok((found, believed)), _) => {
                if std::mem::replace(&mut again, AGAIN) != AGAIN {
                    herald.found();
                }
                kept.found.fetch_add(1, Ordering::Relaxed);
                kept.known.send_replace(Some(Ok(Arc::new(found))));
                kept.state.store(FOUND, Ordering::Relaxed);
                believed
            }
            (Err(error), before) => {
                kept.missed.fetch_add(1, Ordering::Relaxed);
                if again == AGAIN {
                    herald.lost(&error, before.is_some());
                }
                if before.is_none() {
                    kept.state.store(LOST, Ordering::Relaxed);
                    kept.known.send_replace(Some(Err(error.into())));
                }
                let later = (again * 2).min(AGAIN_MAX);
                std::mem::replace(&mut again, later)
            }
        };
        drop(kept);
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{AGAIN, Herald, Kept};
    use crate::upstream::{Config, Upstream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::time::sleep;

    const BELIEVED: Duration = Duration::from_secs(30);

    /// A number that counts up with each look; the second and third one fail.
    async fn ask(kept: &Arc<Kept<usize>>, looks: &Arc<AtomicUsize>) -> usize {
        let looks = Arc::clone(looks);
        let look = move |_| {
            let number = looks.fetch_add(1, Ordering::Relaxed);
            async move { if matches!(number, 1 | 2) { Err("broken".to_owned()) } else { Ok((number, BELIEVED)) } }
        };
        *kept.get(|| (look, Herald::of(&Upstream::new(Config::default()), "a"))).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_answer_stays_when_looking_fails_and_the_task_ends_with_its_owner() {
        let (kept, looks) = (Arc::<Kept<usize>>::default(), Arc::<AtomicUsize>::default());
        assert_eq!(kept.known(), None);
        for (wait, expected, looked) in [(Duration::ZERO, 0, 1), (BELIEVED, 0, 2), (AGAIN, 0, 3), (2 * AGAIN, 3, 4)] {
            sleep(wait + Duration::from_millis(1)).await;
            assert_eq!((ask(&kept, &looks).await, looks.load(Ordering::Relaxed)), (expected, looked));
        }
        drop(kept);
        sleep(10 * BELIEVED).await;
        assert_eq!(looks.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_ask_at_first_wait_for_one_look() {
        let (kept, looks) = (Arc::<Kept<usize>>::default(), Arc::<AtomicUsize>::default());
        let all = futures_util::future::join_all((0..10).map(|_| ask(&kept, &looks))).await;
        assert_eq!((all, looks.load(Ordering::Relaxed)), (vec![0; 10], 1));
    }

    #[test]
    fn another_task_takes_over_when_a_runtime_has_ended() {
        let (kept, looks) = (Arc::<Kept<usize>>::default(), Arc::<AtomicUsize>::default());
        for _ in 0..2 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            runtime.block_on(async {
                ask(&kept, &looks).await;
                tokio::task::yield_now().await;
            });
        }
        assert_eq!(looks.load(Ordering::Relaxed), 2);
    }
}
