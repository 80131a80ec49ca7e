//! RFC 9111 §4.3 and §3.2: what is asked about what is stored, by clients and of the origin.

use super::play::scripts;

scripts! {
    rfc9111_4_3_1_the_origin_is_asked_by_tag_and_by_date: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | Last-Modified: Fri, 15 Jan 2027 07:00:00 GMT | body=one
        > GET /a
        + 20
        < 304 | ETag: \"1\" | Cache-Control: max-age=10
        > GET /a
        = revalidated 200 | body=one
        ? If-None-Match: \"1\" | If-Modified-Since: Fri, 15 Jan 2027 07:00:00 GMT
        > GET /a
        = hit 200 | calls=2 | Age: 0
    ";
    rfc9111_4_3_1_what_has_no_validator_is_fetched_anew: "cache", "
        < 200 | Cache-Control: max-age=10 | body=one
        > GET /a
        + 20
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
        ? -If-None-Match | -If-Modified-Since
    ";
    rfc9111_4_3_1_the_clients_conditions_are_not_the_origins: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=one
        > GET /a | If-None-Match: \"0\" | If-Modified-Since: {-10}
        = miss 200 | body=one
        ? -If-None-Match | -If-Modified-Since
        + 20
        < 304 | ETag: \"1\"
        > GET /a | If-None-Match: \"0\"
        = revalidated 200 | body=one
        ? If-None-Match: \"1\"
    ";
    rfc9111_4_3_2_a_tag_that_is_stored_is_answered_304: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | Content-Type: text/plain | X-One: 1 | body=one
        > GET /a
        + 5
        > GET /a | If-None-Match: \"1\"
        = hit 304 | body= | ETag: \"1\" | Age: 5 | Cache-Control: max-age=60 | -Content-Type | calls=1
    ";
    rfc9111_4_3_2_a_tag_of_a_list_is_enough: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"a,b\" | body=one
        > GET /a
        > GET /a | If-None-Match: \"0\", \"a,b\"
        = hit 304
    ";
    rfc9111_4_3_2_tags_are_compared_weakly: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: W/\"1\" | body=one
        > GET /a
        > GET /a | If-None-Match: \"1\"
        = hit 304 | ETag: W/\"1\"
    ";
    rfc9111_4_3_2_any_tag_is_meant_by_a_star: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        > GET /a | If-None-Match: *
        = hit 304
    ";
    rfc9111_4_3_2_another_tag_is_answered_whole: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=one
        > GET /a
        > GET /a | If-None-Match: \"2\"
        = hit 200 | body=one
    ";
    rfc9111_4_3_2_a_date_counts_only_without_a_tag: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | Last-Modified: {-100} | body=one
        > GET /a
        > GET /a | If-None-Match: \"2\" | If-Modified-Since: {+0}
        = hit 200 | body=one
    ";
    rfc9111_4_3_2_not_modified_since_is_answered_304: "cache", "
        < 200 | Cache-Control: max-age=60 | Last-Modified: {-100} | body=one
        > GET /a
        > GET /a | If-Modified-Since: {-100}
        = hit 304
    ";
    rfc9111_4_3_2_modified_since_is_answered_whole: "cache", "
        < 200 | Cache-Control: max-age=60 | Last-Modified: {-100} | body=one
        > GET /a
        > GET /a | If-Modified-Since: {-101}
        = hit 200 | body=one
    ";
    rfc9111_4_3_2_without_last_modified_the_date_counts: "cache", "
        < 200 | Cache-Control: max-age=60 | Date: {-10} | body=one
        > GET /a
        > GET /a | If-Modified-Since: {-10}
        = hit 304
        > GET /a | If-Modified-Since: {-11}
        = hit 200
    ";
    rfc9111_4_3_2_a_date_that_is_none_is_ignored: "cache", "
        < 200 | Cache-Control: max-age=60 | Last-Modified: {-100} | body=one
        > GET /a
        > GET /a | If-Modified-Since: yesterday
        = hit 200
    ";
    rfc9111_4_3_2_a_miss_is_judged_as_well: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=one
        > GET /a | If-None-Match: \"1\"
        = miss 304 | body=
        > GET /a
        = hit 200 | body=one
    ";
    rfc9111_4_3_2_conditions_do_not_count_on_other_statuses: "cache", "
        < 404 | Cache-Control: max-age=60 | ETag: \"1\" | body=none
        > GET /a
        > GET /a | If-None-Match: \"1\"
        = hit 404
    ";
    rfc9111_4_3_2_if_match_is_the_origins_to_judge: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=one
        > GET /a
        < 412
        > GET /a | If-Match: \"2\"
        = bypass 412
        ? If-Match: \"2\"
    ";
    rfc9111_4_3_3_an_answer_of_its_own_replaces_what_is_stored: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=one
        > GET /a
        + 20
        < 200 | Cache-Control: max-age=10 | ETag: \"2\" | body=two
        > GET /a
        = miss 200 | body=two
        > GET /a
        = hit 200 | body=two | ETag: \"2\" | calls=2
    ";
    rfc9111_4_3_3_one_that_may_not_be_kept_removes_it: "cache", "
        < 200 | Cache-Control: max-age=10, stale-if-error=600 | ETag: \"1\" | body=one
        > GET /a
        + 20
        < 200 | Cache-Control: no-store | body=two
        > GET /a
        = miss 200 | body=two
        < 500
        > GET /a
        = miss 500
    ";
    rfc9111_4_3_3_an_error_does_not_remove_it: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=one
        > GET /a
        + 20
        < 503
        > GET /a
        = miss 503
        < 304 | ETag: \"1\"
        > GET /a
        = revalidated 200 | body=one
    ";
    rfc9111_4_3_4_fields_of_a_304_replace_those_stored: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | X-One: old | X-Two: kept | body=one
        > GET /a
        + 20
        < 304 | ETag: \"1\" | Cache-Control: max-age=100 | X-One: new
        > GET /a
        = revalidated 200 | X-One: new | X-Two: kept | Cache-Control: max-age=100
        + 50
        > GET /a
        = hit 200 | X-One: new | Age: 50
    ";
    rfc9111_3_2_what_describes_the_body_is_not_replaced: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | Content-Encoding: gzip | body=one
        > GET /a
        + 20
        < 304 | ETag: \"1\" | Content-Length: 0 | Content-Encoding: br
        > GET /a
        = revalidated 200 | body=one | Content-Encoding: gzip | -Content-Length
    ";
    rfc9111_3_2_the_age_of_a_304_is_that_of_what_is_stored: "cache", "
        < 200 | Cache-Control: max-age=60 | ETag: \"1\" | body=one
        > GET /a
        + 70
        < 304 | ETag: \"1\" | Age: 30
        > GET /a
        = revalidated 200 | Age: 30
        + 29
        > GET /a
        = hit 200 | Age: 59
        + 1
        < 304 | ETag: \"1\"
        > GET /a
        = revalidated 200 | Age: 0
    ";
    rfc9111_3_2_a_304_that_forbids_keeping_ends_it: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=one
        > GET /a
        + 20
        < 304 | ETag: \"1\" | Cache-Control: no-store
        > GET /a
        = revalidated 200 | body=one
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
        ? -If-None-Match
    ";
    rfc9111_4_3_4_a_304_about_another_tag_is_asked_again: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=one
        > GET /a
        + 20
        < 304 | ETag: \"2\"
        < 200 | Cache-Control: max-age=10 | ETag: \"2\" | body=two
        > GET /a
        = miss 200 | body=two | calls=3
        ? -If-None-Match
    ";
    rfc9111_4_3_4_a_weak_tag_of_a_304_is_the_same_as_the_strong_one: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=one
        > GET /a
        + 20
        < 304 | ETag: W/\"1\"
        > GET /a
        = revalidated 200 | body=one
    ";
    rfc9111_4_3_a_304_to_a_client_whose_condition_holds: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=one
        > GET /a
        + 20
        < 304 | ETag: \"1\"
        > GET /a | If-None-Match: \"1\"
        = revalidated 304 | body=
    ";
    rfc9111_4_3_5_head_is_brought_up_to_date_by_a_304: "cache", "
        < 200 | Cache-Control: max-age=10 | ETag: \"1\" | body=one
        > GET /a
        + 20
        < 304 | ETag: \"1\"
        > HEAD /a
        = revalidated 200
        > GET /a
        = hit 200 | body=one | calls=2
    ";
    rfc9111_4_3_what_has_no_time_but_a_tag_is_asked_about_each_time: "cache", "
        < 200 | Cache-Control: max-age=0 | ETag: \"1\" | body=one
        > GET /a
        < 304 | ETag: \"1\"
        > GET /a
        = revalidated 200 | body=one
        < 304 | ETag: \"1\"
        > GET /a
        = revalidated 200 | body=one | calls=3
    ";
}
