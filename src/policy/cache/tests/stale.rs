//! RFC 9111 §4.2.4 and RFC 5861: what is stale and answered all the same.

use super::play::{gateway, scripts};

scripts! {
    rfc5861_3_stale_is_answered_while_another_is_fetched: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20 | body=one
        > GET /a
        + 15
        < 200 | Cache-Control: max-age=10 | body=two
        > GET /a
        = stale 200 | body=one | Age: 15 | calls=2
        > GET /a
        = hit 200 | body=two | calls=2
    ";
    rfc5861_3_once_that_time_is_over_the_client_waits: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20 | body=one
        > GET /a
        + 30
        < 200 | Cache-Control: max-age=10 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc5861_3_the_origin_is_asked_about_what_is_stored: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20 | ETag: \"1\" | body=one
        > GET /a
        + 15
        < 304 | ETag: \"1\"
        > GET /a
        = stale 200 | body=one
        ? If-None-Match: \"1\"
        > GET /a
        = hit 200 | body=one | Age: 0
    ";
    rfc5861_3_a_failure_beside_is_not_seen: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20 | body=one
        > GET /a
        + 15
        < 500
        > GET /a
        = stale 200 | body=one
        < 200 | Cache-Control: max-age=10 | body=two
        > GET /a
        = stale 200 | body=one
        > GET /a
        = hit 200 | body=two
    ";
    rfc5861_3_a_head_has_the_whole_fetched: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20 | body=one
        > GET /a
        + 15
        < 200 | Cache-Control: max-age=10 | body=two
        > HEAD /a
        = stale 200
        > GET /a
        = hit 200 | body=two
    ";
    rfc5861_3_a_part_has_the_whole_fetched: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20 | ETag: \"1\" | body=one
        > GET /a
        + 15
        < 200 | Cache-Control: max-age=10 | ETag: \"2\" | body=two
        > GET /a | Range: bytes=0-1 | If-Range: \"1\"
        = stale 206 | body=on | calls=2
        ? -Range | -If-Range | If-None-Match: \"1\"
        > GET /a
        = hit 200 | body=two | calls=2
    ";
    rfc5861_3_a_client_that_has_it_has_the_whole_fetched: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20 | ETag: \"1\" | body=one
        > GET /a
        + 15
        < 200 | Cache-Control: max-age=10 | ETag: \"2\" | body=two
        > GET /a | If-None-Match: \"1\"
        = stale 304 | calls=2
        > GET /a
        = hit 200 | body=two | calls=2
    ";
    rfc5861_3_a_client_that_wants_no_stale_one_waits: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20 | body=one
        > GET /a
        + 15
        < 200 | Cache-Control: max-age=10 | body=two
        > GET /a | Cache-Control: no-cache
        = miss 200 | body=two
    ";
    rfc5861_3_must_revalidate_forbids_it: "cache", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=20, must-revalidate | body=one
        > GET /a
        + 15
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc5861_4_stale_is_answered_when_the_origin_fails: "cache", "
        < 200 | Cache-Control: max-age=10, stale-if-error=20 | body=one
        > GET /a
        + 15
        < 503 | body=no
        > GET /a
        = stale 200 | body=one | Age: 15 | Cache-Status: gatewright; fwd=stale; fwd-status=503
    ";
    rfc5861_4_and_when_it_cannot_be_reached: "cache", "
        < 200 | Cache-Control: max-age=10, stale-if-error=20 | body=one
        > GET /a
        + 15
        < refuses
        > GET /a
        = stale 200 | body=one
    ";
    rfc5861_4_once_that_time_is_over_the_error_is_seen: "cache", "
        < 200 | Cache-Control: max-age=10, stale-if-error=20 | body=one
        > GET /a
        + 30
        < 503
        > GET /a
        = miss 503
    ";
    rfc5861_4_500_502_503_and_504_are_errors: "cache", "
        < 200 | Cache-Control: max-age=10, stale-if-error=100 | body=one
        > GET /a
        + 15
        < 500
        > GET /a
        = stale 200
        < 502
        > GET /a
        = stale 200
        < 504
        > GET /a
        = stale 200
        < 501
        > GET /a
        = miss 501
        < 404
        > GET /a
        = miss 404
    ";
    rfc5861_4_a_client_may_allow_it_itself: "cache", "
        < 200 | Cache-Control: max-age=10 | body=one
        > GET /a
        + 15
        < 503
        > GET /a | Cache-Control: stale-if-error=10
        = stale 200 | body=one
    ";
    rfc9111_4_2_4_must_revalidate_never_answers_stale: "cache 60s error 1h", "
        < 200 | Cache-Control: max-age=10, must-revalidate | body=one
        > GET /a
        + 15
        < 503
        > GET /a
        = miss 503
    ";
    rfc9111_4_2_4_proxy_revalidate_never_answers_stale: "cache 60s error 1h", "
        < 200 | Cache-Control: max-age=10, proxy-revalidate | body=one
        > GET /a
        + 15
        < 503
        > GET /a
        = miss 503
    ";
    rfc9111_5_2_2_10_s_maxage_forbids_what_the_file_allows: "cache 60s stale 1h", "
        < 200 | Cache-Control: s-maxage=10 | body=one
        > GET /a
        + 15
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_5_2_2_10_s_maxage_leaves_what_the_origin_allows: "cache", "
        < 200 | Cache-Control: s-maxage=10, stale-while-revalidate=20 | body=one
        > GET /a
        + 15
        < 200 | Cache-Control: s-maxage=10 | body=two
        > GET /a
        = stale 200 | body=one
    ";
    rfc9111_4_2_4_no_cache_is_never_answered_when_the_origin_fails: "cache 60s error 1h", "
        < 200 | Cache-Control: no-cache | ETag: \"1\" | body=one
        > GET /a
        < 503
        > GET /a
        = miss 503
    ";
    the_files_stale_is_for_both: "cache 10s stale 20s", "
        < 200 | body=one
        > GET /a
        + 15
        < 503
        > GET /a
        = stale 200 | body=one | calls=2
        + 10
        < 200 | body=two
        > GET /a
        = stale 200 | body=one
        > GET /a
        = hit 200 | body=two
    ";
    the_files_error_is_for_failures_alone: "cache 10s error 20s", "
        < 200 | body=one
        > GET /a
        + 15
        < 503
        > GET /a
        = stale 200 | body=one
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    the_origins_time_goes_before_the_files: "cache 10s stale 1h", "
        < 200 | Cache-Control: max-age=10, stale-while-revalidate=5, stale-if-error=5 | body=one
        > GET /a
        + 15
        < 503
        > GET /a
        = miss 503
    ";
    what_is_stored_is_better_than_a_fallback: "cache 10s error 20s; fallback respond 200 text \"instead\"", "
        < 200 | body=one
        > GET /a
        + 15
        < 503
        > GET /a
        = stale 200 | body=one
        + 20
        < 503
        > GET /a
        = miss 200 | body=instead
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
}

#[tokio::test(start_paused = true)]
async fn what_a_fallback_upstream_answers_is_not_kept() {
    let stage = gateway(
        "upstream spare { target http://127.0.0.1:3001 }\nroute all ANY /** -> app { public \"a test\"; cache 60s; fallback -> spare }",
    );
    stage
        .play(
            "
            < 503
            < 200 | body=spare
            > GET /a
            = miss 200 | body=spare
            < 200 | body=one
            > GET /a
            = miss 200 | body=one
            ",
        )
        .await;
}
