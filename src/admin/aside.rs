//! What takes a while, beside the thread that answers: one thing at a time, also where whoever asked for it has gone.

use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// Has room for one thing.
#[derive(Debug)]
pub struct Aside(Arc<Semaphore>);

impl Aside {
    /// Nothing is done yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Does something on a thread that nobody else waits for, once what was begun before is done.
    ///
    /// # Errors
    /// When it panicked.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        // INVARIANT: the semaphore is never closed, so that this is a turn.
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let done = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await
    }
}

#[cfg(test)]
mod tests {
    use super::Aside;
    use std::sync::mpsc;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn the_next_thing_waits_for_one_that_nobody_wants_any_more() {
        let (aside, (go_on, waits), (begun, began)) = (Aside::new(), mpsc::channel(), oneshot::channel());
        let work = move || {
            begun.send(()).unwrap();
            waits.recv().unwrap();
        };
        tokio::select! {
            biased;
            _ = aside.run(work) => unreachable!("nobody let it go on"),
            began = began => began.unwrap(),
        }
        assert_eq!(aside.0.available_permits(), 0);
        go_on.send(()).unwrap();
        assert_eq!(aside.run(|| 7).await.unwrap(), 7);
    }
}
