//! RFC 9211: `Cache-Status`.

use super::play::scripts;

scripts! {
    rfc9211_2_1_a_hit_says_so_and_how_long_it_is_fresh: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        + 20
        > GET /a
        = hit 200 | Cache-Status: gatewright; hit; ttl=40
    ";
    rfc9211_2_2_a_miss_says_why_and_that_it_is_stored: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        = miss 200 | Cache-Status: gatewright; fwd=uri-miss; stored
    ";
    rfc9211_2_5_what_is_not_stored_does_not_say_so: "cache", "
        < 200 | body=one
        > GET /a
        = miss 200 | Cache-Status: gatewright; fwd=uri-miss
    ";
    rfc9211_2_4_the_time_of_a_stale_hit_is_negative: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        + 70
        > GET /a | Cache-Control: max-stale=60
        = stale 200 | Cache-Status: gatewright; hit; ttl=-10
    ";
    rfc9211_2_3_the_origins_status_is_told_where_it_differs: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=one
        > GET /a
        + 60
        < 304 | ETag: \"1\"
        > GET /a
        = revalidated 200 | Cache-Status: gatewright; fwd=stale; fwd-status=304; stored
    ";
    rfc9211_2_what_other_caches_said_stands_before: "cache", "
        < 200 | Cache-Control: max-age=60 | Cache-Status: other; hit | body=one
        > GET /a
        > GET /a
        = hit 200 | Cache-Status: other; hit, gatewright; hit; ttl=60
    ";
    rfc9211_2_2_a_request_that_asks_for_the_origin: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        < 200 | Cache-Control: max-age=60 | body=two
        > GET /a | Cache-Control: no-cache
        = miss 200 | Cache-Status: gatewright; fwd=request; stored
    ";
}
