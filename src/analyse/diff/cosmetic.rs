//! What no request can tell: names, doc comments, tests, order and layout.

use super::align::Both;
use super::{Class, Comparison, Difference, Gathered, Pair};
use crate::ir::Program;

/// Names and texts that differ; and when nothing else does, the layout.
pub fn differences(comparison: &Comparison<'_>, gathered: &mut Gathered) {
    let (old, new) = (comparison.old, comparison.new);
    let aligned = comparison.aligned;
    renamed("upstream", &aligned.upstreams, |upstream| &upstream.name, gathered);
    renamed("auth", &aligned.auths, |declared| &declared.name, gathered);
    renamed("store", &aligned.stores, |store| &store.name, gathered);
    renamed("hook", &aligned.hooks, |hook| &hook.name, gathered);
    routes(comparison, gathered);
    if tests(old) != tests(new) {
        gathered.whole(Difference::new(Class::Cosmetic, "`test` blocks differ"), None);
    }
    if gathered.changes.is_empty() && lines(old) != lines(new) {
        gathered.whole(Difference::new(Class::Cosmetic, "statements stand in other places"), None);
    }
}

fn renamed<T>(what: &str, all: &[Both<T>], name: impl Fn(&T) -> &str, gathered: &mut Gathered) {
    for (was, is) in all.iter().filter_map(Both::pair).map(|(was, is)| (name(was), name(is))).filter(|(was, is)| was != is) {
        gathered.whole(Difference::new(Class::Cosmetic, format!("{what} `{was}` is called `{is}`")), None);
    }
}

fn routes(comparison: &Comparison<'_>, gathered: &mut Gathered) {
    for (old, new) in comparison.shift.shared() {
        let (Some(was), Some(is)) = (comparison.old.routes.get(old), comparison.new.routes.get(new)) else { continue };
        let pair = || Pair::of(was, is);
        if was.name == is.name && was.doc != is.doc {
            gathered.add(Difference::new(Class::Cosmetic, "doc comments differ"), None, &pair());
        }
        if was.name == is.name && was.groups != is.groups {
            gathered.add(Difference::new(Class::Cosmetic, "routes stand in other groups"), None, &pair());
        }
    }
}

/// The tests as they are written, wherever they stand.
fn tests(program: &Program) -> Vec<(&str, Vec<&str>)> {
    let mut tests: Vec<(&str, Vec<&str>)> =
        program.tests.iter().map(|test| (test.name.as_str(), test.steps.iter().map(|step| step.text.as_str()).collect())).collect();
    tests.sort_unstable();
    tests
}

/// The lines on which routes and tests stand.
fn lines(program: &Program) -> Vec<(&str, &str)> {
    let line = |place: &'_ str| -> usize { place.rfind(':').map_or(0, |colon| colon + 1) };
    let routes = program.routes.iter().map(|route| (route.name.as_str(), route.place.as_str()));
    let tests = program.tests.iter().map(|test| (test.name.as_str(), test.place.as_str()));
    let mut lines: Vec<(&str, &str)> =
        routes.chain(tests).map(|(name, place)| (name, place.get(line(place)..).unwrap_or_default())).collect();
    lines.sort_unstable();
    lines
}
