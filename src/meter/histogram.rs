//! How long things take: cells that are as wide as a twentieth of what they hold at most, so that a quantile is wrong by no
//! more than a fortieth (2.5 %). The edges that operators ask about are those of cells, so that counts up to them are exact.
//!
//! Cells stand in bands, and a band is there from when it is first needed: what takes milliseconds never costs the room of what
//! takes minutes.

use super::stripes::add;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Cells of a band, at most.
const CELLS: usize = 30;
/// Bands of times.
const BANDS: usize = 22;
/// The longest time of each band and how wide its cells are, in microseconds: a band holds what is longer than what the one
/// before does, and the last, which ends a bit past four minutes, all that takes longer still.
const SHAPES: [(u32, u32); BANDS] = [
    (25, 1),
    (50, 1),
    (100, 2),
    (250, 5),
    (500, 10),
    (1_000, 20),
    (2_500, 50),
    (5_000, 100),
    (10_000, 200),
    (25_000, 500),
    (50_000, 1_000),
    (100_000, 2_000),
    (250_000, 5_000),
    (500_000, 10_000),
    (1_000_000, 20_000),
    (2_500_000, 50_000),
    (5_000_000, 100_000),
    (10_000_000, 200_000),
    (25_000_000, 500_000),
    (50_000_000, 1_000_000),
    (100_000_000, 2_000_000),
    (250_000_000, 5_000_000),
];

/// The edges of the counts that are shown, in microseconds. Each is that of a cell.
const EDGES_MICROS: [u64; 15] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000];

type Band = [AtomicU64; CELLS];

/// Times as they are counted, by one thread at a time; all may read.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Histogram {
    nanos: AtomicU64,
    bands: [OnceLock<Box<Band>>; BANDS],
}

impl Histogram {
    /// Counts a time.
    pub fn count(&self, time: Duration) {
        let nanos = time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()));
        let (band, cell) = place(nanos.div_ceil(1_000));
        if let Some(cell) = self.bands.get(band).and_then(|band| band.get_or_init(Box::default).get(cell)) {
            add(cell, 1);
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
        add(&self.nanos, &other.nanos);
    }
}

/// How long the longest times are that are too short for a band, in microseconds, and how wide its cells are.
fn shape(band: usize) -> (u32, u32) {
    let low = band.checked_sub(1).and_then(|below| SHAPES.get(below)).map_or(0, |(top, _)| *top);
    (low, SHAPES.get(band).map_or(1, |(_, width)| *width))
}

/// Where a time belongs, in whole microseconds, rounded up: a cell holds its upper edge, and not its lower one.
fn place(micros: u64) -> (usize, usize) {
    let last = SHAPES.last().map_or(0, |(top, _)| u64::from(*top));
    let micros = micros.clamp(1, last) as u32;
    let band = SHAPES.partition_point(|(top, _)| micros > *top);
    let (low, width) = shape(band);
    (band, ((micros - 1 - low) / width) as usize)
}

/// The upper edge of a cell, in microseconds, and its middle.
fn edge_and_middle(cell: u16) -> (u64, f64) {
    let (band, cell) = (usize::from(cell) / CELLS, usize::from(cell) % CELLS);
    let (low, width) = shape(band);
    let edge = u64::from(low) + (cell as u64 + 1) * u64::from(width);
    (edge, edge as f64 - f64::from(width) / 2.0)
}

/// Times, added up: the cells in which there is something, in order. Most routes fill few of them, so that thousands of routes
/// are read in little time and room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    cells: Vec<(u16, u64)>,
    nanos: u64,
}

impl Distribution {
    /// Adds what was counted.
    pub fn add(&mut self, histogram: &Histogram) {
        let bands = histogram.bands.iter().zip((0..).step_by(CELLS)).filter_map(|(band, first)| Some((band.get()?, first)));
        let cells = bands.flat_map(|(band, first)| (first..).zip(band.iter().map(|cell| cell.load(Ordering::Relaxed))));
        self.add_cells(cells.filter(|(_, count)| *count > 0).collect());
        self.nanos += histogram.nanos.load(Ordering::Relaxed);
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.add_cells(other.cells.clone());
        self.nanos += other.nanos;
    }

    fn add_cells(&mut self, more: Vec<(u16, u64)>) {
        if self.cells.is_empty() {
            self.cells = more;
            return;
        }
        for (at, count) in more {
            match self.place(at) {
                Ok(place) => {
                    if let Some((_, sum)) = self.cells.get_mut(place) {
                        *sum += count;
                    }
                }
                Err(place) => self.cells.insert(place, (at, count)),
            }
        }
    }

    fn place(&self, cell: u16) -> Result<usize, usize> {
        self.cells.binary_search_by_key(&cell, |(at, _)| *at)
    }

    /// True when nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count).sum()
    }

    /// All of them together, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.nanos as f64 / 1e9
    }

    /// For each of the edges, in microseconds, how many took no longer.
    pub fn up_to_edges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut cells = self.cells.iter().peekable();
        let mut sum = 0;
        EDGES_MICROS.into_iter().map(move |edge| {
            while let Some((_, count)) = cells.next_if(|(at, _)| edge_and_middle(*at).0 <= edge) {
                sum += count;
            }
            (edge, sum)
        })
    }

    /// The time that a share of them took at most, in microseconds; wrong by no more than 2.5 %, or half a microsecond. `None`
    /// before the first.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut sum = 0;
        for (at, count) in &self.cells {
            sum += count;
            if sum >= rank {
                return Some(edge_and_middle(*at).1);
            }
        }
        None
    }

    /// What was counted since an earlier reading.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let known = |at: u16| before.place(at).ok().and_then(|place| before.cells.get(place)).map_or(0, |(_, count)| *count);
        let grown = self.cells.iter().map(|(at, count)| (*at, count.saturating_sub(known(*at))));
        Self { cells: grown.filter(|(_, count)| *count > 0).collect(), nanos: self.nanos.saturating_sub(before.nanos) }
    }
}
