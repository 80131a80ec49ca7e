//! Cells of which each thread has its own, as long as there are not too many threads.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cells there may be; threads past that share them.
const STRIPES_MAX: usize = 32;
/// A thread that has none yet.
const UNSET: usize = usize::MAX;

/// Threads that have been given one.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(UNSET) };
}

/// The same cells for each thread, made when it first needs them.
#[derive(Debug)]
pub struct Stripes<T>([OnceLock<Box<T>>; STRIPES_MAX]);

impl<T> Default for Stripes<T> {
    fn default() -> Self {
        Self([const { OnceLock::new() }; STRIPES_MAX])
    }
}

impl<T: Default> Stripes<T> {
    /// Runs with this thread's cells. Another thread may use them too.
    pub fn with_mine(&self, run: impl FnOnce(&T)) {
        let mine = MINE.get();
        let mine = if mine == UNSET { give() } else { mine };
        if let Some(stripe) = self.0.get(mine) {
            run(stripe.get_or_init(Box::default));
        }
    }

    /// The cells of all threads.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(OnceLock::get).map(|stripe| &**stripe)
    }
}

#[cold]
fn give() -> usize {
    let mine = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES_MAX;
    MINE.set(mine);
    mine
}
