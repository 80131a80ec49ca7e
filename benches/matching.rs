//! Look-ups in the match tree at 10, 1,000 and 10,000 routes, beside `matchit`; and how long the tree takes to build
//! and the analysis to run.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a bench stops at what it does not expect")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gatewright::route::order::order;
use gatewright::route::{Captures, MatchTree, Methods, Pattern, Predicate, RouteKey, analyse};

const SIZES: [usize; 3] = [10, 1_000, 10_000];

/// Half literal, half with a parameter, as an API has them.
fn texts(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let service = number / 2 % 100;
            if number % 2 == 0 {
                format!("/api/v1/service{service}/item{number}/list")
            } else {
                format!("/api/v1/service{service}/item{number}/{{id}}")
            }
        })
        .collect()
}

fn routes(texts: &[String]) -> Vec<RouteKey> {
    texts
        .iter()
        .map(|text| RouteKey {
            hosts: Vec::new(),
            methods: Methods::parse(["GET"]).expect("a method"),
            pattern: Pattern::parse(text).expect("a pattern"),
            predicate: Predicate::default(),
            priority: 0,
        })
        .collect()
}

/// Paths that hit the routes of one half, in an order that caches cannot guess.
fn paths(texts: &[String], parameter: bool) -> Vec<String> {
    let half: Vec<&String> = texts.iter().skip(usize::from(parameter)).step_by(2).collect();
    (0..half.len()).map(|index| half[index * 7_919 % half.len()].replace("{id}", "12345")).collect()
}

fn look_up(criterion: &mut Criterion) {
    for (kind, parameter) in [("literal", false), ("parameter", true)] {
        let mut group = criterion.benchmark_group(kind);
        for size in SIZES {
            let texts = texts(size);
            let paths = paths(&texts, parameter);
            let keys = routes(&texts);
            let tree = MatchTree::in_order(&keys, &order(&keys));
            let mut plain = matchit::Router::new();
            for (number, text) in texts.iter().enumerate() {
                plain.insert(text.as_str(), number).expect("no conflict");
            }
            let mut next = 0;
            let mut params = Captures::new();
            group.bench_function(BenchmarkId::new("gate", size), |bench| {
                bench.iter(|| {
                    next = if next + 1 == paths.len() { 0 } else { next + 1 };
                    black_box(tree.find("GET", "api.example.com", black_box(&paths[next]), &mut |_, _| true, &mut params))
                });
            });
            group.bench_function(BenchmarkId::new("matchit", size), |bench| {
                bench.iter(|| {
                    next = if next + 1 == paths.len() { 0 } else { next + 1 };
                    black_box(plain.at(black_box(&paths[next])).map(|found| *found.value)).is_ok()
                });
            });
        }
        group.finish();
    }
}

fn build(criterion: &mut Criterion) {
    let keys = routes(&texts(10_000));
    let mut group = criterion.benchmark_group("ten thousand routes");
    group.sample_size(20);
    group.bench_function("build the tree", |bench| bench.iter(|| MatchTree::build(black_box(&keys))));
    group.bench_function("analyse", |bench| bench.iter(|| analyse(black_box(&keys))));
    group.finish();
}

criterion_group!(benches, look_up, build);
criterion_main!(benches);
