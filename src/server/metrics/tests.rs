use super::minute::{Minute, Of};
use super::shard::PAST_MAX;
use super::write::{Format, Writer};
use super::{Answered, FAMILIES, Kind, Metrics, Shard, Sheet, catalogue};
use crate::compile::Plan;
use crate::compile::plan::Route;
use crate::meter::{CodesRead, Distribution, Histogram};
use crate::meter::{NO_ROUTE, PAST_ROUTES};
use crate::server::tests::rig::{draft, shared};
use crate::upstream::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const DOCUMENTED: &str = include_str!("../../../docs/operating.md");

fn plan(names: impl IntoIterator<Item = String>) -> Arc<Plan> {
    let plan = draft("127.0.0.1:1".parse().unwrap()).plan(&Registry::default());
    let routes: Vec<Route> = names.into_iter().map(|name| Route { name: name.into(), predicate: None }).collect();
    Arc::new(Plan { pipeline_of: vec![0; routes.len()], routes, ..plan })
}

fn requests(shard: &Shard) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    shard.each(|name, counts| {
        let mut codes = CodesRead::default();
        codes.add(&counts.codes);
        found.insert(name.to_string(), codes.total());
    });
    found
}

fn answered() -> Option<Answered> {
    Some(Answered { status: 200, took: Duration::from_millis(1), cache: None })
}

fn ask(shard: &Arc<Shard>, plan: &Arc<Plan>, route: Option<usize>) {
    Arc::new(Sheet::of(plan, shard)).note(route, answered(), (0, 0));
}

#[test]
fn routes_go_on_counting_under_their_names_whatever_their_place_in_a_plan() {
    let (shard, before, after) = (Arc::<Shard>::default(), plan(["a".into(), "b".into()]), plan(["b".into(), "c".into()]));
    (0..3).for_each(|_| ask(&shard, &before, Some(1)));
    ask(&shard, &after, Some(0));
    ask(&shard, &after, Some(1));
    ask(&shard, &after, None);
    let expected = [("b", 4), ("c", 1), (NO_ROUTE, 1)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(requests(&shard), BTreeMap::from(expected));
}

#[test]
fn what_is_counted_of_routes_that_are_long_gone_is_one_series() {
    let shard = Arc::<Shard>::default();
    let all = 3 * PAST_MAX;
    for number in 0..all {
        ask(&shard, &plan([format!("gone{number}")]), Some(0));
    }
    let found = requests(&shard);
    assert!(found.len() <= PAST_MAX + 2, "{} series", found.len());
    assert_eq!(found.values().sum::<u64>(), all as u64);
    assert!(found[PAST_ROUTES] as usize >= all - PAST_MAX - 1);
}

#[test]
fn what_was_noted_is_counted_before_anybody_reads_and_the_bytes_of_a_tunnel_without_another_request() {
    let (plan, shard) = (plan(["a".into()]), Arc::default());
    let sheet = Arc::new(Sheet::of(&plan, &shard));
    for _ in 0..150 {
        sheet.note(Some(0), answered(), (1, 10));
    }
    sheet.note(Some(0), None, (500, 0));
    sheet.note(Some(7), answered(), (0, 0));
    assert_eq!(requests(&shard), BTreeMap::from([("a".to_owned(), 150), (NO_ROUTE.to_owned(), 1)]));
    let mut bytes = Vec::new();
    shard.each(|_, counts| bytes.push((counts.received.load(Relaxed), counts.sent.load(Relaxed))));
    assert_eq!(bytes, [(650, 1500), (0, 0)]);
    // Only what is not yet counted keeps a sheet, and with it a plan, alive.
    assert_eq!(Arc::strong_count(&sheet), 1);
}

#[test]
fn workers_are_added_up() {
    let shared = shared(plan(["a".into()]));
    for _ in 0..3 {
        ask(&shared.metrics.shard(), &shared.plan.load(), Some(0));
    }
    let text = Metrics::of(&shared).text(Format::Prometheus);
    assert!(text.contains("\ngate_requests_total{route=\"a\",code=\"200\"} 3\n"), "{text}");
    assert!(text.contains("\ngate_request_duration_seconds_bucket{route=\"a\",le=\"0.0025\"} 3\n"), "{text}");
    assert_eq!(Metrics::of(&shared).summary()["routes"]["a"]["requests"], 3);
}

#[test]
fn the_last_minute_forgets_what_was_before_it() {
    let (mut minute, times, whose) = (Minute::default(), Histogram::default(), (Of::Route, Arc::from("a")));
    let read = || {
        let mut sum = Distribution::default();
        sum.add(&times);
        sum
    };
    times.count(Duration::from_secs(1));
    assert_eq!(minute.last(&whose, &read()).count(), 1);
    minute.note([(whose.clone(), read())].into());
    times.count(Duration::from_millis(1));
    assert_eq!(minute.last(&whose, &read()).count(), 2);
    for left in [2, 2, 2, 2, 2, 1, 0] {
        minute.note([(whose.clone(), read())].into());
        assert_eq!(minute.last(&whose, &read()).count(), left);
    }
}

#[test]
fn labels_cannot_be_broken_by_what_they_say() {
    let mut writer = Writer::new(Format::Prometheus);
    writer.family(&catalogue::BUILD_INFO).put(&["a\\b\"c\nd"], 1);
    assert!(writer.end().ends_with("\ngate_build_info{version=\"a\\\\b\\\"c\\nd\"} 1\n"));
}

#[test]
fn open_metrics_are_what_is_rather_wanted() {
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for (accept, expected) in [
        (Some(prometheus), Format::OpenMetrics),
        (Some("text/plain, application/openmetrics-text;q=0.9"), Format::Prometheus),
        (Some("application/openmetrics-text; q=0"), Format::Prometheus),
        (Some("*/*"), Format::Prometheus),
        (None, Format::Prometheus),
    ] {
        assert_eq!(Format::accepted(accept), expected, "{accept:?}");
    }
}

#[test]
fn both_formats_name_every_family_once() {
    let metrics = Metrics::of(&shared(plan(["a".into()])));
    for (format, end) in [(Format::Prometheus, ""), (Format::OpenMetrics, "# EOF\n")] {
        let text = metrics.text(format);
        for family in FAMILIES {
            let name = if format == Format::OpenMetrics { family.stem() } else { family.name };
            assert_eq!(text.matches(&format!("# TYPE {name} ")).count(), 1, "{name}");
        }
        assert!(text.ends_with(end));
    }
}

#[test]
fn names_follow_the_conventions() {
    for family in FAMILIES {
        assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
        assert!(family.name.starts_with("gate_") || family.name.starts_with("process_"), "{}", family.name);
        assert!(family.help.ends_with('.'), "{}", family.help);
    }
}

#[test]
fn every_family_stands_in_the_page() {
    for family in FAMILIES {
        let labels = family.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let row = format!("| `{}` | {labels} | {} |", family.name, family.help).replace("|  |", "| |");
        assert!(DOCUMENTED.contains(&row), "docs/operating.md has no row\n{row}");
    }
}
