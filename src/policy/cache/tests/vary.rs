//! RFC 9111 §4.1: which of several responses.

use super::play::scripts;

scripts! {
    rfc9111_4_1_the_same_field_selects_the_same_response: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: Accept-Language | body=one
        > GET /a | Accept-Language: de
        > GET /a | Accept-Language: de
        = hit 200 | body=one
    ";
    rfc9111_4_1_another_value_selects_none: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: Accept-Language | body=de
        > GET /a | Accept-Language: de
        < 200 | Cache-Control: max-age=60 | Vary: Accept-Language | body=fr
        > GET /a | Accept-Language: fr
        = miss 200 | body=fr | Cache-Status: gatewright; fwd=vary-miss; stored
        > GET /a | Accept-Language: de
        = hit 200 | body=de
        > GET /a | Accept-Language: fr
        = hit 200 | body=fr | calls=2
    ";
    rfc9111_4_1_a_field_that_is_missing_matches_only_where_it_is_missing: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: X-Plan | body=none
        > GET /a
        < 200 | Cache-Control: max-age=60 | Vary: X-Plan | body=pro
        > GET /a | X-Plan: pro
        = miss 200 | body=pro
        > GET /a
        = hit 200 | body=none
    ";
    rfc9111_4_1_all_fields_have_to_match: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: X-One, X-Two | body=one
        > GET /a | X-One: 1 | X-Two: 2
        > GET /a | X-One: 1 | X-Two: 2
        = hit 200
        < 200 | body=two
        > GET /a | X-One: 1 | X-Two: 3
        = miss 200 | body=two
    ";
    rfc9111_4_1_several_lines_of_vary_are_one_list: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: X-One | Vary: X-Two | body=one
        > GET /a | X-One: 1 | X-Two: 2
        < 200 | body=two
        > GET /a | X-One: 1
        = miss 200 | body=two
    ";
    rfc9111_4_1_names_in_vary_have_no_case: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: x-ONE | body=one
        > GET /a | X-One: 1
        > GET /a | x-one: 1
        = hit 200
    ";
    rfc9111_4_1_vary_by_anything_is_not_kept: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: * | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9111_4_1_a_star_among_names_is_a_star: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: X-One, * | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9111_4_1_spaces_between_members_mean_nothing: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: Accept-Language | body=one
        > GET /a | Accept-Language: de,  fr
        > GET /a | Accept-Language: de,fr
        = hit 200
    ";
    rfc9111_4_1_lines_of_a_field_are_one_list: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: Accept-Language | body=one
        > GET /a | Accept-Language: de | Accept-Language: fr
        > GET /a | Accept-Language: de, fr
        = hit 200
    ";
    rfc9111_4_1_names_of_codings_have_no_case: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: Accept-Encoding | body=one
        > GET /a | Accept-Encoding: gzip;q=1, BR
        > GET /a | Accept-Encoding: GZIP; q=1,br
        = hit 200
    ";
    rfc9111_4_1_the_order_of_members_may_mean_something: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: Accept-Language | body=one
        > GET /a | Accept-Language: de, fr
        < 200 | body=two
        > GET /a | Accept-Language: fr, de
        = miss 200 | body=two
    ";
    rfc9111_4_1_the_request_counts_as_it_came_not_as_it_was_shaped: "cache; request { set X-Plan \"all\" }", "
        < 200 | Cache-Control: max-age=60 | Vary: X-Plan | body=one
        > GET /a | X-Plan: pro
        ? X-Plan: all
        > GET /a | X-Plan: pro
        = hit 200 | body=one
    ";
    rfc9111_4_1_by_what_the_gateway_writes_for_each_request_nothing_is_kept: "cache 60s", "
        < 200 | Vary: X-Forwarded-For | body=one
        > GET /a
        = miss 200 | body=one
        < 200 | Vary: Accept, Forwarded | body=two
        > GET /a
        = miss 200 | body=two
        < 200 | Vary: traceparent | body=three
        > GET /a
        = miss 200 | body=three
        < 200 | Vary: X-Forwarded-Proto, X-Forwarded-Host, Via | body=four
        > GET /a
        = miss 200 | body=four
        > GET /a
        = hit 200 | body=four
        > GET /a | Via: 1.1 other
        = miss 200 | calls=5
    ";
    rfc9111_4_1_of_several_that_match_the_last_one_is_used: "cache", "
        < 200 | Cache-Control: max-age=60 | body=first
        > GET /a | X-One: 1
        < 200 | Cache-Control: max-age=60 | Vary: X-One | body=second
        > GET /a | X-One: 1 | Cache-Control: no-cache
        > GET /a | X-One: 1
        = hit 200 | body=second
        > GET /a | X-One: 2
        = hit 200 | body=first
    ";
    rfc9111_4_1_each_response_is_asked_about_by_itself: "cache", "
        < 200 | Cache-Control: max-age=10 | Vary: X-One | ETag: \"1\" | body=one
        > GET /a | X-One: 1
        < 200 | Cache-Control: max-age=100 | Vary: X-One | ETag: \"2\" | body=two
        > GET /a | X-One: 2
        + 20
        < 304 | ETag: \"1\"
        > GET /a | X-One: 1
        = revalidated 200 | body=one
        ? If-None-Match: \"1\"
        > GET /a | X-One: 2
        = hit 200 | body=two
    ";
}
