//! How long things take: cells that are as wide as a sixteenth of what they hold, so that a quantile is wrong by no more than
//! a thirty-second (3.2 %), beside counts up to the edges that operators ask about, which are exact.
//!
//! Cells stand in bands, an octave each, and a band is there from when it is first needed: what takes milliseconds never costs
//! the room of what takes minutes.

use super::stripes::add;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Cells of a band, as a power of two.
const CELL_BITS: u32 = 4;
const CELLS: usize = 1 << CELL_BITS;
/// The longest time that is told from a longer one, in microseconds: a bit more than four minutes.
const MICROS_MAX: u64 = (1 << 28) - 1;
/// Bands up to that.
const BANDS: usize = 25;

/// Upper edges of the counts that are shown, in microseconds.
const EDGES_MICROS: [u64; EDGES] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000];
/// How many those are.
const EDGES: usize = 15;

type Band = [AtomicU64; CELLS];

/// Times as they are counted, by one thread at a time; all may read.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Histogram {
    nanos: AtomicU64,
    /// Up to each edge from the one before, then past the last.
    edges: [AtomicU64; EDGES + 1],
    bands: [OnceLock<Box<Band>>; BANDS],
}

impl Histogram {
    /// Counts a time.
    pub fn count(&self, time: Duration) {
        let nanos = time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()));
        let micros = (nanos / 1_000).min(MICROS_MAX);
        let (band, cell) = place(micros);
        let Some(first) = FIRST_EDGES.get(band * CELLS + cell).map(|edge| usize::from(*edge)) else { return };
        // Between two edges lies a cell at least, so it is this one or the next.
        let edge = first + usize::from(EDGES_MICROS.get(first).is_some_and(|edge| micros > *edge));
        if let (Some(band), Some(edge)) = (self.bands.get(band), self.edges.get(edge)) {
            if let Some(cell) = band.get_or_init(Box::default).get(cell) {
                add(cell, 1);
            }
            add(edge, 1);
        }
        add(&self.nanos, nanos);
    }

    /// Adds what was counted elsewhere.
    pub fn take_in(&self, other: &Self) {
        let add = |sum: &AtomicU64, cell: &AtomicU64| add(sum, cell.load(Ordering::Relaxed));
        for (sums, cells) in self.bands.iter().zip(&other.bands) {
            if let Some(cells) = cells.get() {
                sums.get_or_init(Box::default).iter().zip(cells.iter()).for_each(|(sum, cell)| add(sum, cell));
            }
        }
        self.edges.iter().zip(&other.edges).for_each(|(sum, cell)| add(sum, cell));
        add(&self.nanos, &other.nanos);
    }
}

/// For each cell the first edge that is not below what it holds.
const FIRST_EDGES: [u8; BANDS * CELLS] = first_edges();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn first_edges() -> [u8; BANDS * CELLS] {
    let mut first = [0; BANDS * CELLS];
    let mut at = 0;
    while at < first.len() {
        let mut edge = 0;
        while edge < EDGES && EDGES_MICROS[edge] < lowest(at / CELLS, at % CELLS) {
            edge += 1;
        }
        first[at] = edge as u8;
        at += 1;
    }
    first
}

/// The shortest time of a cell, in microseconds.
const fn lowest(band: usize, cell: usize) -> u64 {
    if band == 0 { cell as u64 } else { ((CELLS + cell) as u64) << (band - 1) }
}

/// Where a time belongs: below 16 µs each microsecond has a cell, above it each sixteenth of an octave.
fn place(micros: u64) -> (usize, usize) {
    let band = (u64::BITS - (micros >> CELL_BITS).leading_zeros()) as usize;
    let shift = band.saturating_sub(1);
    (band, (micros >> shift) as usize % CELLS)
}

/// The middle of what a cell holds, in microseconds.
fn middle(band: usize, cell: usize) -> f64 {
    let width = 1_u64 << band.saturating_sub(1);
    lowest(band, cell) as f64 + (width - 1) as f64 / 2.0
}

/// Times, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    cells: Vec<[u64; CELLS]>,
    edges: [u64; EDGES + 1],
    nanos: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { cells: vec![[0; CELLS]; BANDS], edges: [0; EDGES + 1], nanos: 0 }
    }
}

impl Distribution {
    /// Adds what was counted.
    pub fn add(&mut self, histogram: &Histogram) {
        for (sums, band) in self.cells.iter_mut().zip(&histogram.bands) {
            for (sum, cell) in sums.iter_mut().zip(band.get().into_iter().flat_map(|band| band.iter())) {
                *sum += cell.load(Ordering::Relaxed);
            }
        }
        for (sum, edge) in self.edges.iter_mut().zip(&histogram.edges) {
            *sum += edge.load(Ordering::Relaxed);
        }
        self.nanos += histogram.nanos.load(Ordering::Relaxed);
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.edges.iter().sum()
    }

    /// All of them together, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.nanos as f64 / 1e9
    }

    /// For each of the edges, in microseconds, how many took no longer.
    pub fn up_to_edges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        EDGES_MICROS.into_iter().zip(self.edges).scan(0, |sum, (edge, count)| {
            *sum += count;
            Some((edge, *sum))
        })
    }

    /// The time that a share of them took at most, in microseconds; wrong by no more than 3.2 %, or half a microsecond. `None`
    /// before the first.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        quantile(self.cells.iter().flatten().copied().enumerate(), share)
    }

    /// What was counted since an earlier reading.
    #[must_use]
    pub fn since(&self, before: Option<&Sparse>) -> Sparse {
        let now = Sparse::of(self);
        let Some(before) = before else { return now };
        let grown = |(at, count): &(u16, u64)| {
            let known = before.0.binary_search_by_key(at, |(at, _)| *at).ok().and_then(|place| before.0.get(place));
            Some((*at, count.saturating_sub(known.map_or(0, |(_, count)| *count)))).filter(|(_, count)| *count > 0)
        };
        Sparse(now.0.iter().filter_map(grown).collect())
    }
}

/// The cells of a distribution in which there is something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sparse(Vec<(u16, u64)>);

impl Sparse {
    /// A distribution's.
    #[must_use]
    pub fn of(distribution: &Distribution) -> Self {
        let cells = (0..).zip(distribution.cells.iter().flatten().copied());
        Self(cells.filter(|(_, count)| *count > 0).collect())
    }

    /// True when nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        for (at, count) in &other.0 {
            match self.0.binary_search_by_key(at, |(at, _)| *at) {
                Ok(place) => {
                    if let Some((_, sum)) = self.0.get_mut(place) {
                        *sum += count;
                    }
                }
                Err(place) => self.0.insert(place, (*at, *count)),
            }
        }
    }

    /// As [`Distribution::quantile`].
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        quantile(self.0.iter().map(|(at, count)| (usize::from(*at), *count)), share)
    }
}

fn quantile(cells: impl Iterator<Item = (usize, u64)> + Clone, share: f64) -> Option<f64> {
    let count: u64 = cells.clone().map(|(_, count)| count).sum();
    let rank = ((count as f64 * share).ceil() as u64).max(1);
    let mut sum = 0;
    for (at, count) in cells {
        sum += count;
        if sum >= rank {
            return Some(middle(at / CELLS, at % CELLS));
        }
    }
    None
}
