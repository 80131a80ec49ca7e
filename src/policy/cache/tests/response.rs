//! RFC 9111 §3 and §5.2.2: what may be kept.

use super::play::scripts;

scripts! {
    rfc9111_3_a_response_without_a_word_is_not_kept: "cache", "
        < 200 | body=one
        > GET /a
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_3_a_status_with_an_explicit_time_is_kept: "cache", "
        < 418 | Cache-Control: max-age=60 | body=one
        > GET /a
        > GET /a
        = hit 418 | body=one
    ";
    rfc9111_3_a_404_with_an_explicit_time_is_kept: "cache", "
        < 404 | Cache-Control: max-age=60 | body=none
        > GET /a
        > GET /a
        = hit 404 | body=none
    ";
    rfc9111_3_a_part_is_not_kept: "cache", "
        < 206 | Cache-Control: max-age=60 | Content-Range: bytes 0-2/9 | body=one
        > GET /a | Range: bytes=0-2
        = miss 206
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_3_an_answer_to_post_is_not_kept: "cache 60s", "
        < 200 | Cache-Control: max-age=60 | body=one
        > POST /a
        = none 200
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_3_an_error_that_says_nothing_is_not_kept_by_the_files_time: "cache 60s", "
        < 500 | body=one
        > GET /a
        = miss 500
        < 200 | body=two
        > GET /a
        = miss 200
    ";
    rfc9111_3_a_redirect_that_lasts_is_kept_by_the_files_time: "cache 60s", "
        < 301 | Location: /b
        > GET /a
        > GET /a
        = hit 301 | Location: /b
    ";
    rfc9111_3_a_redirect_for_now_is_not_kept_by_the_files_time: "cache 60s", "
        < 302 | Location: /b
        > GET /a
        < 302 | Location: /c
        > GET /a
        = miss 302 | Location: /c
    ";
    rfc9111_3_no_content_is_kept: "cache", "
        < 204 | Cache-Control: max-age=60
        > GET /a
        > GET /a
        = hit 204
    ";
    rfc9111_3_a_response_that_sets_a_cookie_is_not_kept: "cache 60s", "
        < 200 | Cache-Control: max-age=60, public | Set-Cookie: a=1 | body=one
        > GET /a
        = miss 200 | Set-Cookie: a=1
        < 200 | body=two
        > GET /a
        = miss 200 | -Set-Cookie
    ";
    rfc9111_3_an_event_stream_is_not_kept_by_the_files_time: "cache 60s", "
        < 200 | Content-Type: text/event-stream | body=data
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9111_3_1_hop_by_hop_fields_are_not_kept: "cache", "
        < 200 | Cache-Control: max-age=60 | Connection: x-mine | X-Mine: 1 | Keep-Alive: timeout=5 | body=one
        > GET /a
        > GET /a
        = hit 200 | -X-Mine | -Keep-Alive | -Connection
    ";
    rfc9111_3_1_all_other_fields_are_kept: "cache", "
        < 200 | Cache-Control: max-age=60 | X-One: 1 | X-One: 2 | Content-Type: text/plain | body=one
        > GET /a
        > GET /a
        = hit 200 | X-One: 1, 2 | Content-Type: text/plain | Cache-Control: max-age=60
    ";
    rfc9111_5_2_2_5_no_store_keeps_a_response_out: "cache 60s", "
        < 200 | Cache-Control: no-store | body=one
        > GET /a
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_4_2_1_of_no_store_and_max_age_the_stricter_counts: "cache", "
        < 200 | Cache-Control: max-age=60, no-store | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9111_5_2_2_7_private_keeps_a_response_out: "cache 60s", "
        < 200 | Cache-Control: private, max-age=60 | body=one
        > GET /a
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_5_2_2_7_private_with_fields_keeps_these_out: "cache", "
        < 200 | Cache-Control: private=\"x-user, x-plan\", max-age=60 | X-User: 7 | X-Plan: pro | X-Other: 1 | body=one
        > GET /a
        = miss 200 | X-User: 7
        > GET /a
        = hit 200 | -X-User | -X-Plan | X-Other: 1
    ";
    rfc9111_5_2_2_7_private_with_set_cookie_keeps_the_rest: "cache", "
        < 200 | Cache-Control: private=\"set-cookie\", max-age=60 | Set-Cookie: a=1 | body=one
        > GET /a
        = miss 200 | Set-Cookie: a=1
        > GET /a
        = hit 200 | -Set-Cookie
    ";
    rfc9111_5_2_2_4_no_cache_asks_each_time: "cache 60s", "
        < 200 | Cache-Control: no-cache | ETag: \"1\" | body=one
        > GET /a
        < 304 | ETag: \"1\" | Cache-Control: no-cache
        > GET /a
        = revalidated 200 | body=one | calls=2
        ? If-None-Match: \"1\"
    ";
    rfc9111_5_2_2_4_no_cache_goes_before_max_age: "cache", "
        < 200 | Cache-Control: max-age=60, no-cache | ETag: \"1\" | body=one
        > GET /a
        < 304 | ETag: \"1\"
        > GET /a
        = revalidated 200 | calls=2
    ";
    rfc9111_5_2_2_4_no_cache_with_fields_keeps_these_out: "cache", "
        < 200 | Cache-Control: no-cache=\"x-user\", max-age=60 | X-User: 7 | body=one
        > GET /a
        > GET /a
        = hit 200 | -X-User
    ";
    rfc9111_5_2_2_3_must_understand_lifts_no_store_of_a_known_status: "cache", "
        < 200 | Cache-Control: must-understand, no-store, max-age=60 | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9111_5_2_2_3_must_understand_keeps_an_unknown_status_out: "cache", "
        < 299 | Cache-Control: must-understand, max-age=60 | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9111_5_4_pragma_in_a_response_says_nothing: "cache", "
        < 200 | Pragma: no-cache | Cache-Control: max-age=60 | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9111_2_the_query_is_part_of_the_key: "cache 60s", "
        < 200 | body=one
        > GET /a?page=1
        < 200 | body=two
        > GET /a?page=2
        = miss 200 | body=two
        > GET /a?page=1
        = hit 200 | body=one
    ";
    rfc9111_2_the_host_is_part_of_the_key: "cache 60s", "
        < 200 | body=one
        > GET /a | Host: one.example
        < 200 | body=two
        > GET /a | Host: two.example
        = miss 200 | body=two
        > GET /a | Host: ONE.example
        = hit 200 | body=one
    ";
    a_key_by_a_parameter_of_the_query_leaves_the_others_out: "cache 60s by [query(\"page\")]", "
        < 200 | body=one
        > GET /a?page=1&utm=x
        > GET /a?utm=y&page=1
        = hit 200 | body=one
        < 200 | body=two
        > GET /b?page=1
        = miss 200 | body=two
    ";
    a_value_that_is_missing_in_the_key_is_one_of_its_own: "cache 60s by [header(\"x-plan\")]", "
        < 200 | body=none
        > GET /a
        < 200 | body=empty
        > GET /a | X-Plan:
        = miss 200 | body=empty
        > GET /a
        = hit 200 | body=none
    ";
    rfc9111_4_head_is_answered_from_what_get_stored: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        > HEAD /a
        = hit 200 | calls=1
    ";
    rfc9111_4_get_is_not_answered_from_what_head_brought: "cache", "
        < 200 | Cache-Control: max-age=60 | Content-Length: 3
        > HEAD /a
        = miss 200
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        = miss 200 | body=one
    ";
    a_get_with_a_body_passes_by: "cache 60s", "
        < 200 | body=one
        > GET /a | body=x
        = bypass 200
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_3_1_what_is_stored_tells_of_no_trailers: "cache 60s", "
        < 200 | Trailer: X-Sum | body=one
        > GET /a
        = miss 200 | Trailer: X-Sum
        > GET /a
        = hit 200 | -Trailer
    ";
}
