use crate::policy::cache::{Config, Keep};
use crate::policy::testing::{Checked, check};
use std::time::Duration;

fn codes(checked: &Checked<Config>) -> Vec<&str> {
    checked.found.iter().map(|(code, _)| code.as_str()).collect()
}

fn keep(text: &str) -> Keep {
    let checked = check::<Config>(&[text]);
    assert_eq!(codes(&checked), [""; 0], "{text}");
    let Some(Config::Keep(keep)) = checked.config else { panic!("{text}") };
    keep
}

#[test]
fn clauses_stand_in_the_head_or_in_the_block() {
    let head = keep("cache 30s by [claim.sub, query(\"page\")] stale 5m error 1h max 64MiB { when response.status == 404 -> 10s }");
    assert_eq!((head.ttl, head.key.len(), head.shared), (Some(Duration::from_secs(30)), 2, false));
    assert_eq!((head.stale, head.error), (Some(Duration::from_secs(300)), Some(Duration::from_secs(3_600))));
    assert_eq!((head.max, head.arms.len()), (Some(64 << 20), 1));
    let block = "cache { ttl 30s; by [claim.sub, query(\"page\")]; stale 5m; error 1h; max 64MiB; when response.status == 404 -> 10s }";
    assert_eq!(keep(block), head);
    assert_eq!((keep("cache").ttl, keep("cache shared").shared), (None, true));
}

#[test]
fn a_cache_without_any_time_is_warned_of() {
    assert_eq!(codes(&check::<Config>(&["cache 0s"])), ["gate::cache::ttl-zero"]);
    keep("cache 0s stale 5m");
    keep("cache 0s { when response.status == 404 -> 10s }");
}

#[test]
fn what_is_known_too_late_or_to_nobody_is_no_key() {
    assert_eq!(codes(&check::<Config>(&["cache 30s by [response.status]"])), ["gate::type::too-early"]);
    assert_eq!(codes(&check::<Config>(&["cache 30s by [env(\"KEY\")]"])), ["gate::secret::leak"]);
    assert_eq!(codes(&check::<Config>(&["cache 30s invalidate [r]"])), ["gate::schema::arity"]);
}
