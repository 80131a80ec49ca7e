use super::Config;
use crate::policy::testing::{build, check};

#[test]
fn a_size_bounds_and_none_does_not() {
    assert_eq!(build(&check::<Config>(&["body { max 256KiB }"]).sound()).body_max, Some(Some(256 << 10)));
    assert_eq!(build(&check::<Config>(&["body max none"]).sound()).body_max, Some(None));
}

#[test]
fn a_number_without_a_unit_is_no_size() {
    assert_eq!(check::<Config>(&["body max 1000"]).code(), "gate::type::unit");
}

#[test]
fn checking_json_is_not_available_yet() {
    assert_eq!(check::<Config>(&["body json max 1MiB"]).code(), "gate::schema::not-available");
}
