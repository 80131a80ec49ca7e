//! RFC 9111 §5.2.1: what requests ask of caches.

use super::play::scripts;

scripts! {
    rfc9111_5_2_1_1_nothing_older_than_max_age: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        + 20
        > GET /a | Cache-Control: max-age=20
        = hit 200
        + 1
        < 200 | Cache-Control: max-age=60 | body=two
        > GET /a | Cache-Control: max-age=20
        = miss 200 | body=two
        > GET /a
        = hit 200 | body=two
    ";
    rfc9111_5_2_1_1_max_age_zero_asks_the_origin: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=one
        > GET /a
        + 1
        < 304 | ETag: \"1\"
        > GET /a | Cache-Control: max-age=0
        = revalidated 200 | body=one
    ";
    rfc9111_5_2_1_2_max_stale_takes_what_is_a_little_old: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        + 70
        > GET /a | Cache-Control: max-stale=10
        = stale 200 | body=one | Age: 70
        + 1
        < 200 | body=two
        > GET /a | Cache-Control: max-stale=10
        = miss 200 | body=two
    ";
    rfc9111_5_2_1_2_max_stale_without_a_time_takes_any_age: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        + 100000
        > GET /a | Cache-Control: max-stale
        = stale 200 | body=one
    ";
    rfc9111_5_2_1_2_max_stale_is_no_answer_to_must_revalidate: "cache", "
        < 200 | Cache-Control: max-age=60, must-revalidate | body=one
        > GET /a
        + 70
        < 200 | body=two
        > GET /a | Cache-Control: max-stale=100
        = miss 200 | body=two
    ";
    rfc9111_5_2_1_3_min_fresh_wants_time_left: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        + 50
        > GET /a | Cache-Control: min-fresh=10
        = hit 200
        + 1
        < 200 | Cache-Control: max-age=60 | body=two
        > GET /a | Cache-Control: min-fresh=10
        = miss 200 | body=two
    ";
    rfc9111_5_2_1_4_no_cache_asks_the_origin: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=one
        > GET /a
        < 304 | ETag: \"1\"
        > GET /a | Cache-Control: no-cache
        = revalidated 200 | body=one | Cache-Status: gatewright; fwd=request; fwd-status=304; stored
    ";
    rfc9111_5_2_1_5_no_store_keeps_the_answer_out: "cache 60s", "
        < 200 | body=one
        > GET /a | Cache-Control: no-store
        = miss 200
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_5_2_1_7_only_if_cached_is_504_where_nothing_is: "cache 60s", "
        > GET /a | Cache-Control: only-if-cached
        = miss 504 | calls=0 | Cache-Status: gatewright; detail=only-if-cached
    ";
    rfc9111_5_2_1_7_only_if_cached_is_answered_from_what_is_stored: "cache 60s", "
        < 200 | body=one
        > GET /a
        > GET /a | Cache-Control: only-if-cached
        = hit 200 | body=one
    ";
    rfc9111_5_2_1_7_only_if_cached_never_asks_about_what_is_stale: "cache 60s", "
        < 200 | body=one
        > GET /a
        + 60
        > GET /a | Cache-Control: only-if-cached
        = miss 504 | calls=1 | Cache-Status: gatewright; detail=only-if-cached
        > GET /a | Cache-Control: only-if-cached, max-stale=10
        = stale 200 | calls=1
    ";
    rfc9111_5_2_1_a_time_that_cannot_be_read_asks_the_origin: "cache 60s", "
        < 200 | body=one
        > GET /a
        < 200 | body=two
        > GET /a | Cache-Control: max-age=x
        = miss 200 | body=two
    ";
    rfc9111_5_4_pragma_counts_without_cache_control: "cache 60s", "
        < 200 | body=one
        > GET /a
        < 200 | body=two
        > GET /a | Pragma: no-cache
        = miss 200 | body=two
    ";
    rfc9111_5_4_pragma_does_not_count_beside_cache_control: "cache 60s", "
        < 200 | body=one
        > GET /a
        > GET /a | Pragma: no-cache | Cache-Control: max-age=60
        = hit 200 | body=one
    ";
    an_answer_for_another_port_or_a_host_with_a_final_dot_is_another: "cache 60s", "
        < 301 | Location: http://shop.example:1337/b
        > GET /a | Host: shop.example:1337
        < 301 | Location: http://shop.example./b
        > GET /a | Host: shop.example.
        = miss 301 | Location: http://shop.example./b
        < 301 | Location: http://shop.example/b
        > GET /a | Host: shop.example
        = miss 301 | Location: http://shop.example/b
        > GET /a | Host: SHOP.example:80
        = hit 301 | Location: http://shop.example/b
        > GET /a | Host: shop.example:1337
        = hit 301 | Location: http://shop.example:1337/b | calls=3
    ";
}
