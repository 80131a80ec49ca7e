//! RFC 9110 §14 of what is stored.

use super::play::scripts;
use crate::policy::cache::ranges::{Wanted, wanted};
use http::{HeaderMap, HeaderValue, header::RANGE};

scripts! {
    rfc9110_14_2_a_range_is_answered_from_what_is_stored: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=0123456789
        > GET /a
        > GET /a | Range: bytes=2-4
        = hit 206 | body=234 | Content-Range: bytes 2-4/10 | ETag: \"1\" | calls=1
    ";
    rfc9110_14_1_2_an_open_range_goes_to_the_end: "cache", "
        < 200 | Cache-Control: max-age=60 | body=0123456789
        > GET /a
        > GET /a | Range: bytes=7-
        = hit 206 | body=789 | Content-Range: bytes 7-9/10
    ";
    rfc9110_14_1_2_a_suffix_is_counted_from_the_end: "cache", "
        < 200 | Cache-Control: max-age=60 | body=0123456789
        > GET /a
        > GET /a | Range: bytes=-3
        = hit 206 | body=789 | Content-Range: bytes 7-9/10
        > GET /a | Range: bytes=-30
        = hit 206 | body=0123456789 | Content-Range: bytes 0-9/10
    ";
    rfc9110_14_1_2_a_range_past_the_end_is_cut: "cache", "
        < 200 | Cache-Control: max-age=60 | body=0123456789
        > GET /a
        > GET /a | Range: bytes=8-100
        = hit 206 | body=89 | Content-Range: bytes 8-9/10
    ";
    rfc9110_15_5_17_a_range_behind_the_end_is_416: "cache", "
        < 200 | Cache-Control: max-age=60 | body=0123456789
        > GET /a
        > GET /a | Range: bytes=10-
        = hit 416 | body= | Content-Range: bytes */10
    ";
    rfc9110_14_2_several_ranges_are_answered_whole: "cache", "
        < 200 | Cache-Control: max-age=60 | body=0123456789
        > GET /a
        > GET /a | Range: bytes=0-1,4-5
        = hit 200 | body=0123456789 | -Content-Range
    ";
    rfc9110_14_2_another_unit_is_answered_whole: "cache", "
        < 200 | Cache-Control: max-age=60 | body=0123456789
        > GET /a
        > GET /a | Range: lines=0-1
        = hit 200 | body=0123456789
    ";
    rfc9110_14_2_head_has_no_ranges: "cache", "
        < 200 | Cache-Control: max-age=60 | body=0123456789
        > GET /a
        > HEAD /a | Range: bytes=0-1
        = hit 200 | -Content-Range
    ";
    rfc9110_14_2_other_statuses_have_no_ranges: "cache", "
        < 404 | Cache-Control: max-age=60 | body=0123456789
        > GET /a
        > GET /a | Range: bytes=0-1
        = hit 404 | body=0123456789
    ";
    rfc9110_13_1_5_if_range_with_the_stored_tag_is_answered_in_part: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=0123456789
        > GET /a
        > GET /a | Range: bytes=0-1 | If-Range: \"1\"
        = hit 206 | body=01
        > GET /a | Range: bytes=0-1 | If-Range: \"2\"
        = hit 200 | body=0123456789
    ";
    rfc9110_13_1_5_if_range_with_a_weak_tag_is_answered_whole: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: W/\"1\" | body=0123456789
        > GET /a
        > GET /a | Range: bytes=0-1 | If-Range: W/\"1\"
        = hit 200 | body=0123456789
    ";
    rfc9110_13_1_5_if_range_with_the_stored_date_is_answered_in_part: "cache", "
        < 200 | Cache-Control: max-age=60 | Last-Modified: {-100} | body=0123456789
        > GET /a
        > GET /a | Range: bytes=0-1 | If-Range: {-100}
        = hit 206 | body=01
        > GET /a | Range: bytes=0-1 | If-Range: {-99}
        = hit 200
    ";
    rfc9110_13_2_2_conditions_are_judged_before_ranges: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=0123456789
        > GET /a
        > GET /a | Range: bytes=0-1 | If-None-Match: \"1\"
        = hit 304 | -Content-Range
    ";
    rfc9111_3_4_a_range_that_is_not_stored_goes_to_the_origin: "cache", "
        < 206 | Content-Range: bytes 0-1/10 | body=01
        > GET /a | Range: bytes=0-1
        = miss 206 | body=01 | Cache-Status: gatewright; fwd=partial
        ? Range: bytes=0-1
    ";
    rfc9111_3_4_an_origin_that_answers_whole_fills_the_cache: "cache", "
        < 200 | Cache-Control: max-age=60 | body=0123456789
        > GET /a | Range: bytes=0-1
        = miss 200 | body=0123456789
        > GET /a | Range: bytes=0-1
        = hit 206 | body=01
    ";
    rfc9111_4_3_a_range_of_what_was_confirmed: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=0123456789
        > GET /a
        + 20
        < 304 | ETag: \"1\"
        > GET /a | Range: bytes=0-1
        = revalidated 206 | body=01
    ";
}

#[test]
fn what_cannot_be_read_is_the_whole() {
    let asked = |text: &str, length| wanted(&HeaderMap::from_iter([(RANGE, HeaderValue::from_str(text).unwrap())]), length);
    for text in ["bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-2", "bytes=+1-2", "bytes=1-2-3"] {
        assert_eq!(asked(text, 10), Wanted::Whole, "{text}");
    }
    assert_eq!(asked("bytes=-0", 10), Wanted::Nothing);
    assert_eq!(asked("bytes=-5", 0), Wanted::Nothing);
    assert_eq!(asked("bytes=99999999999999999999-", 10), Wanted::Nothing);
    assert_eq!(asked("BYTES = 1-2", 10), Wanted::Part(1, 2));
}
