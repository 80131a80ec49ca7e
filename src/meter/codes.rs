//! How often each status came: those that are in use by themselves, all others by their class.

use super::stripes::add;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Statuses that are counted by themselves, then the classes of all others, then what is no status.
const LABELS: [&str; KINDS] = [
    "100", "101", "103", "200", "201", "202", "204", "206", "301", "302", "303", "304", "307", "308", "400", "401", "402", "403", "404",
    "405", "406", "408", "409", "410", "411", "412", "413", "414", "415", "416", "417", "421", "422", "423", "424", "425", "426", "428",
    "429", "431", "451", "499", "500", "501", "502", "503", "504", "505", "507", "508", "511", "1xx", "2xx", "3xx", "4xx", "5xx", "other",
];
const KINDS: usize = 57;
/// The label of 200.
const OK: usize = 3;
/// Where the classes begin among the labels.
const CLASSES: usize = 51;
/// The label of what is no status.
const OTHER: usize = KINDS - 1;
/// Statuses are 100 to 599.
const FIRST: usize = 100;
const STATUSES: usize = 500;

/// The label of each status, from 100.
const PLACES: [u8; STATUSES] = places();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn places() -> [u8; STATUSES] {
    let mut places = [0; STATUSES];
    let mut status = 0;
    while status < STATUSES {
        places[status] = (CLASSES + status / 100) as u8;
        status += 1;
    }
    let mut label = 0;
    while label < CLASSES {
        let digits = LABELS[label].as_bytes();
        let status = (digits[0] - b'0') as usize * 100 + (digits[1] - b'0') as usize * 10 + (digits[2] - b'0') as usize;
        places[status - FIRST] = label as u8;
        label += 1;
    }
    places
}

/// Counts by status. One thread counts at a time; all may read.
#[derive(Debug, Default)]
pub struct Codes {
    /// Those of 200, which nearly all are.
    ok: AtomicU64,
    /// By label, from when another status first comes.
    others: OnceLock<Box<[AtomicU64; KINDS]>>,
}

impl Codes {
    /// Counts a status.
    pub fn count(&self, status: u16) {
        if status == 200 {
            return add(&self.ok, 1);
        }
        let place = usize::from(status).checked_sub(FIRST).and_then(|at| PLACES.get(at)).map_or(OTHER, |place| usize::from(*place));
        if let Some(cell) = self.others().get(place) {
            add(cell, 1);
        }
    }

    fn others(&self) -> &[AtomicU64; KINDS] {
        self.others.get_or_init(|| Box::new([const { AtomicU64::new(0) }; KINDS]))
    }

    /// Adds what was counted elsewhere.
    pub fn take_in(&self, gone: &Self) {
        add(&self.ok, gone.ok.load(Ordering::Relaxed));
        if let Some(others) = gone.others.get() {
            self.others().iter().zip(others.iter()).for_each(|(sum, cell)| add(sum, cell.load(Ordering::Relaxed)));
        }
    }
}

/// Counts by status, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodesRead([u64; KINDS]);

impl Default for CodesRead {
    fn default() -> Self {
        Self([0; KINDS])
    }
}

impl CodesRead {
    /// Adds what was counted.
    pub fn add(&mut self, codes: &Codes) {
        if let Some(sum) = self.0.get_mut(OK) {
            *sum += codes.ok.load(Ordering::Relaxed);
        }
        for (sum, cell) in self.0.iter_mut().zip(codes.others.get().into_iter().flat_map(|others| others.iter())) {
            *sum += cell.load(Ordering::Relaxed);
        }
    }

    /// What came at all: a status, or a class such as `4xx`, and how often.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        LABELS.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those of 500 to 599.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.each().filter(|(label, _)| label.starts_with('5')).map(|(_, count)| count).sum()
    }
}
