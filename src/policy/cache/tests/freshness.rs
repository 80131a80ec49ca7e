//! RFC 9111 §4.2 and §5.1, §5.3: how long, and how old.

use super::play::scripts;

scripts! {
    rfc9111_4_a_fresh_response_is_reused: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        = miss 200 | body=one
        + 59
        > GET /a
        = hit 200 | body=one | Age: 59 | calls=1
    ";
    rfc9111_4_a_response_whose_time_is_over_is_not: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a
        + 60
        < 200 | Cache-Control: max-age=60 | body=two
        > GET /a
        = miss 200 | body=two | calls=2
    ";
    rfc9111_4_2_1_s_maxage_goes_before_max_age: "cache", "
        < 200 | Cache-Control: max-age=10, s-maxage=100 | body=one
        > GET /a
        + 50
        > GET /a
        = hit 200
    ";
    rfc9111_4_2_1_a_short_s_maxage_goes_before_a_long_max_age: "cache", "
        < 200 | Cache-Control: max-age=100, s-maxage=10 | body=one
        > GET /a
        + 50
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_4_2_1_max_age_goes_before_expires: "cache", "
        < 200 | Cache-Control: max-age=10 | Expires: {+100} | body=one
        > GET /a
        + 50
        < 200 | body=two
        > GET /a
        = miss 200
    ";
    rfc9111_4_2_1_expires_counts_from_date: "cache", "
        < 200 | Date: {-20} | Expires: {+40} | body=one
        > GET /a
        + 39
        > GET /a
        = hit 200 | Age: 59
        + 1
        > GET /a
        = miss 200
    ";
    rfc9111_4_2_1_without_a_date_expires_counts_from_arrival: "cache", "
        < 200 | undated | Expires: {+60} | body=one
        > GET /a
        + 59
        > GET /a
        = hit 200
    ";
    rfc9111_4_2_1_of_two_max_ages_the_first_counts: "cache", "
        < 200 | Cache-Control: max-age=10, max-age=100 | body=one
        > GET /a
        + 50
        > GET /a
        = miss 200
    ";
    rfc9111_4_2_1_a_max_age_that_is_no_number_is_over: "cache", "
        < 200 | Cache-Control: max-age=soon | ETag: \"1\" | body=one
        > GET /a
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_4_2_1_a_negative_max_age_is_over: "cache 60s", "
        < 200 | Cache-Control: max-age=-1 | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9111_4_2_1_a_fraction_is_no_number: "cache", "
        < 200 | Cache-Control: max-age=60.5 | body=one
        > GET /a
        > GET /a
        = miss 200
    ";
    rfc9111_5_2_a_quoted_max_age_is_understood: "cache", "
        < 200 | Cache-Control: max-age=\"60\" | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9111_5_2_names_of_directives_have_no_case: "cache", "
        < 200 | Cache-Control: MAX-AGE=60 | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9111_5_2_3_unknown_directives_are_ignored: "cache", "
        < 200 | Cache-Control: community=\"a, no-store\", max-age=60 | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9111_5_2_several_lines_are_one_list: "cache", "
        < 200 | Cache-Control: public | Cache-Control: max-age=60 | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9111_1_2_2_a_time_too_large_is_the_largest: "cache", "
        < 200 | Cache-Control: max-age=99999999999999999999 | body=one
        > GET /a
        + 100000000
        > GET /a
        = hit 200
    ";
    rfc9111_4_2_2_nothing_is_guessed_from_last_modified: "cache", "
        < 200 | Last-Modified: {-1000000} | body=one
        > GET /a
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_4_2_3_the_age_an_upstream_cache_tells_counts: "cache", "
        < 200 | Cache-Control: max-age=60 | Age: 50 | body=one
        > GET /a
        + 9
        > GET /a
        = hit 200 | Age: 59
        + 1
        > GET /a
        = miss 200
    ";
    rfc9111_4_2_3_a_date_in_the_past_is_age: "cache", "
        < 200 | Cache-Control: max-age=60 | Date: {-50} | body=one
        > GET /a
        + 9
        > GET /a
        = hit 200 | Age: 59
        + 1
        > GET /a
        = miss 200
    ";
    rfc9111_4_2_3_a_date_in_the_future_is_no_age: "cache", "
        < 200 | Cache-Control: max-age=60 | Date: {+50} | body=one
        > GET /a
        + 10
        > GET /a
        = hit 200 | Age: 10
    ";
    rfc9111_4_2_3_the_larger_of_age_and_date_counts: "cache", "
        < 200 | Cache-Control: max-age=600 | Date: {-50} | Age: 20 | body=one
        > GET /a
        > GET /a
        = hit 200 | Age: 50
    ";
    rfc9111_4_2_3_the_time_the_answer_took_is_age: "cache", "
        < 200 | Cache-Control: max-age=60 | Age: 10 | after=5 | body=one
        > GET /a
        > GET /a
        = hit 200 | Age: 15
    ";
    rfc9111_4_2_3_what_is_stale_on_arrival_is_not_reused: "cache", "
        < 200 | Cache-Control: max-age=60 | Age: 60 | body=one
        > GET /a
        = miss 200 | body=one
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_5_1_of_several_ages_the_first_counts: "cache", "
        < 200 | Cache-Control: max-age=60 | Age: 10, 500 | body=one
        > GET /a
        > GET /a
        = hit 200 | Age: 10
    ";
    rfc9111_5_1_of_several_lines_of_age_the_first_counts: "cache", "
        < 200 | Cache-Control: max-age=60 | Age: 10 | Age: 500 | body=one
        > GET /a
        > GET /a
        = hit 200 | Age: 10
    ";
    rfc9111_5_1_an_age_that_is_no_number_is_ignored: "cache", "
        < 200 | Cache-Control: max-age=60 | Age: old | body=one
        > GET /a
        + 1
        > GET /a
        = hit 200 | Age: 1
    ";
    rfc9111_5_1_a_negative_age_is_ignored: "cache", "
        < 200 | Cache-Control: max-age=60 | Age: -100 | body=one
        > GET /a
        > GET /a
        = hit 200 | Age: 0
    ";
    rfc9111_5_1_a_hit_has_one_age: "cache", "
        < 200 | Cache-Control: max-age=60 | Age: 1 | body=one
        > GET /a
        + 2
        > GET /a
        = hit 200 | Age: 3
    ";
    rfc9111_5_3_an_expires_that_is_no_date_has_passed: "cache 60s", "
        < 200 | Expires: 0 | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9111_5_3_an_expires_in_the_past_has_passed: "cache 60s", "
        < 200 | Expires: {-1} | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9111_5_3_expires_in_the_form_of_rfc_850_is_understood: "cache", "
        < 200 | Date: Friday, 15-Jan-27 08:00:00 GMT | Expires: Friday, 15-Jan-27 09:00:00 GMT | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9213_2_1_cdn_cache_control_goes_before_cache_control: "cache", "
        < 200 | CDN-Cache-Control: max-age=100 | Cache-Control: max-age=10 | body=one
        > GET /a
        + 50
        > GET /a
        = hit 200 | CDN-Cache-Control: max-age=100
    ";
    rfc9213_2_1_expires_says_nothing_beside_it: "cache", "
        < 200 | CDN-Cache-Control: must-revalidate | Expires: {+100} | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9213_2_1_its_no_store_keeps_a_response_out: "cache", "
        < 200 | CDN-Cache-Control: no-store | Cache-Control: max-age=100 | body=one
        > GET /a
        > GET /a
        = miss 200 | calls=2
    ";
    rfc9213_2_1_one_that_is_no_dictionary_is_ignored: "cache", "
        < 200 | CDN-Cache-Control: max-age=&, no-store | Cache-Control: max-age=100 | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9213_2_1_an_empty_one_is_ignored: "cache", "
        < 200 | CDN-Cache-Control: | Cache-Control: max-age=100 | body=one
        > GET /a
        > GET /a
        = hit 200
    ";
    rfc9213_2_1_a_member_of_the_wrong_type_is_ignored: "cache", "
        < 200 | CDN-Cache-Control: max-age=\"100\", s-maxage=50;a=1 | body=one
        > GET /a
        + 49
        > GET /a
        = hit 200
        + 1
        > GET /a
        = miss 200
    ";
    rfc9213_2_2_the_field_of_this_cache_goes_before_that_of_all: "cache", "
        < 200 | Gatewright-Cache-Control: max-age=10 | CDN-Cache-Control: max-age=100 | body=one
        > GET /a
        + 50
        > GET /a
        = miss 200 | calls=2
    ";
    the_files_time_is_for_what_says_nothing: "cache 60s", "
        < 200 | body=one
        > GET /a
        + 59
        > GET /a
        = hit 200 | Age: 59
        + 1
        > GET /a
        = miss 200
    ";
    the_files_time_is_not_for_what_says_something: "cache 60s", "
        < 200 | Cache-Control: max-age=5 | body=one
        > GET /a
        + 5
        > GET /a
        = miss 200
    ";
    an_arm_gives_its_status_another_time: "cache 60s { when response.status == 404 -> 10s }", "
        < 404 | body=none
        > GET /a
        = miss 404
        + 9
        > GET /a
        = hit 404 | body=none
        + 1
        < 200 | body=one
        > GET /a
        = miss 200
    ";
    an_arm_without_time_keeps_its_status_out: "cache 60s { when response.status == 404 -> 0s }", "
        < 404 | body=none
        > GET /a
        < 404 | body=none
        > GET /a
        = miss 404 | calls=2
    ";
    a_time_of_the_file_begins_when_the_response_is_here: "cache 2s", "
        < 200 | after=5 | body=one
        > GET /a
        = miss 200
        + 1
        > GET /a
        = hit 200 | body=one | Age: 6
        + 1
        < 200 | Age: 1 | after=5 | undated | body=two
        > GET /a
        = miss 200 | body=two
        > GET /a
        = hit 200
        + 1
        < 200 | body=three
        > GET /a
        = miss 200 | body=three
    ";
}
