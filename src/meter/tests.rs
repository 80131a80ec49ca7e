use super::{Codes, CodesRead, Distribution, Histogram, Stripes, add};
use proptest::prelude::{Strategy as _, prop, prop_assert, prop_assert_eq, proptest};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn counted(micros: &[u64]) -> Distribution {
    let histogram = Histogram::default();
    micros.iter().for_each(|micros| histogram.count(Duration::from_micros(*micros)));
    let mut sum = Distribution::default();
    sum.add(&histogram);
    sum
}

proptest! {
    #[test]
    fn a_quantile_is_wrong_by_no_more_than_a_fortieth(
        mut micros in prop::collection::vec((0_u32..28).prop_flat_map(|bits| 0_u64..1 << bits), 1..200), share in 0.0_f64..=1.0,
    ) {
        let found = counted(&micros).quantile(share).unwrap();
        micros.sort_unstable();
        let rank = ((micros.len() as f64 * share).ceil() as usize).max(1);
        let exact = micros[rank - 1] as f64;
        prop_assert!((found - exact).abs() <= exact / 40.0 + 0.5, "{found} for {exact}");
    }

    #[test]
    fn counts_up_to_an_edge_are_exact(micros in prop::collection::vec(0_u64..40_000_000, 0..200)) {
        let sum = counted(&micros);
        for (edge, count) in sum.up_to_edges() {
            prop_assert_eq!(count, micros.iter().filter(|time| **time <= edge).count() as u64);
        }
        prop_assert_eq!(sum.count(), micros.len() as u64);
        prop_assert!((sum.seconds() - micros.iter().sum::<u64>() as f64 / 1e6).abs() < 1e-6);
    }

    #[test]
    fn what_is_new_since_a_reading_and_what_was_before_it_are_all(
        before in prop::collection::vec(0_u64..40_000_000, 0..50), after in prop::collection::vec(0_u64..40_000_000, 0..50),
    ) {
        let (first, all) = (counted(&before), counted(&[&*before, &*after].concat()));
        let mut sum = all.since(&first);
        prop_assert_eq!(&sum, &counted(&after));
        sum.merge(&first);
        prop_assert_eq!(&sum, &all);
        prop_assert!(all.since(&all).is_empty());
    }
}

#[test]
fn what_takes_longer_than_can_be_told_counts_as_the_longest() {
    let sum = counted(&[u64::MAX / 1_000]);
    assert_eq!(sum.count(), 1);
    assert!(sum.quantile(0.5).unwrap() > 245e6);
    assert_eq!(Distribution::default().quantile(0.5), None);
}

#[test]
fn a_status_counts_by_itself_or_by_its_class() {
    let codes = Codes::default();
    [200, 200, 218, 404, 499, 503, 599, 42, 999].into_iter().for_each(|status| codes.count(status));
    let mut read = CodesRead::default();
    read.add(&codes);
    let each: Vec<_> = read.each().collect();
    assert_eq!(each, [("200", 2), ("404", 1), ("499", 1), ("503", 1), ("2xx", 1), ("5xx", 1), ("other", 2)]);
    assert_eq!((read.total(), read.errors()), (9, 2));
}

#[test]
fn nothing_that_threads_count_at_once_is_lost() {
    let stripes = Arc::<Stripes<AtomicU64>>::default();
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let stripes = Arc::clone(&stripes);
            std::thread::spawn(move || (0..1_000).for_each(|_| stripes.with_mine(|cell| add(cell, 1))))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(stripes.all().map(|cell| cell.load(Ordering::Relaxed)).sum::<u64>(), 100_000);
}
