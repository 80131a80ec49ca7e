//! Cells of which each thread has its own: whoever counts is alone, so that no count has to lock the processor's bus.

use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Cells there may be; threads past that share the last, one at a time.
const STRIPES_MAX: usize = 64;
const SHARED: usize = STRIPES_MAX - 1;
/// A thread that has none yet.
const UNSET: usize = usize::MAX;

/// Threads that have been given one.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(UNSET) };
}

/// Adds to a cell that one thread alone writes at a time; all may read it.
pub fn add(cell: &AtomicU64, more: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// The same cells for each thread, made when it first needs them.
#[derive(Debug)]
pub struct Stripes<T> {
    stripes: [OnceLock<Box<T>>; STRIPES_MAX],
    shared: Mutex<()>,
}

impl<T> Default for Stripes<T> {
    fn default() -> Self {
        Self { stripes: [const { OnceLock::new() }; STRIPES_MAX], shared: Mutex::new(()) }
    }
}

impl<T: Default> Stripes<T> {
    /// Runs with this thread's cells: no other uses them meanwhile.
    pub fn with_mine(&self, run: impl FnOnce(&T)) {
        let mine = MINE.get();
        let mine = if mine == UNSET { give() } else { mine };
        let _alone = (mine == SHARED).then(|| self.shared.lock());
        if let Some(stripe) = self.stripes.get(mine) {
            run(stripe.get_or_init(Box::default));
        }
    }

    /// The cells of all threads.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.stripes.iter().filter_map(OnceLock::get).map(|stripe| &**stripe)
    }
}

#[cold]
fn give() -> usize {
    let mine = NEXT.fetch_add(1, Ordering::Relaxed).min(SHARED);
    MINE.set(mine);
    mine
}
