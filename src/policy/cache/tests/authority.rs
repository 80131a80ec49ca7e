//! RFC 9111 §3.5 and what the file says of callers: whose response is another's.

use super::play::{gateway, scripts};

scripts! {
    rfc9111_3_5_an_answer_to_credentials_is_not_kept: "cache", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a | Authorization: Bearer x
        < 200 | Cache-Control: max-age=60 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_3_5_public_allows_it: "cache", "
        < 200 | Cache-Control: max-age=60, public | body=one
        > GET /a | Authorization: Bearer x
        > GET /a
        = hit 200 | body=one
    ";
    rfc9111_3_5_s_maxage_allows_it: "cache", "
        < 200 | Cache-Control: s-maxage=60 | body=one
        > GET /a | Authorization: Bearer x
        > GET /a | Authorization: Bearer y
        = hit 200 | body=one
    ";
    rfc9111_3_5_must_revalidate_allows_it: "cache", "
        < 200 | Cache-Control: max-age=60, must-revalidate | body=one
        > GET /a | Authorization: Bearer x
        > GET /a
        = hit 200 | body=one
    ";
    rfc9111_3_5_proxy_revalidate_does_not: "cache", "
        < 200 | Cache-Control: max-age=60, proxy-revalidate | body=one
        > GET /a | Authorization: Bearer x
        > GET /a
        = miss 200 | calls=2
    ";
    a_key_that_names_the_caller_allows_it: "cache 60s by [header(\"authorization\"), request.path]", "
        < 200 | body=one
        > GET /a | Authorization: Bearer x
        < 200 | body=two
        > GET /a | Authorization: Bearer y
        = miss 200 | body=two
        > GET /a | Authorization: Bearer x
        = hit 200 | body=one
    ";
    shared_allows_it: "cache 60s shared", "
        < 200 | body=one
        > GET /a | Authorization: Bearer x
        > GET /a | Authorization: Bearer y
        = hit 200 | body=one
    ";
    by_the_files_time_alone_credentials_get_nothing_of_another: "cache 60s", "
        < 200 | body=one
        > GET /a
        < 200 | body=mine
        > GET /a | Authorization: Bearer x
        = bypass 200 | body=mine
        > GET /a
        = hit 200 | body=one
    ";
    by_the_files_time_alone_a_cookie_passes_by: "cache 60s", "
        < 200 | body=one
        > GET /a | Cookie: session=7
        = bypass 200
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
        < 200 | body=mine
        > GET /a | Cookie: session=7
        = bypass 200 | body=mine | Cache-Status: gatewright; fwd=bypass
    ";
    by_the_origins_word_a_cookie_does_not_matter: "cache 60s", "
        < 200 | Cache-Control: max-age=60 | body=one
        > GET /a | Cookie: session=7
        > GET /a
        = hit 200 | body=one
        > GET /a | Cookie: session=8
        = hit 200 | body=one
    ";
    a_key_that_names_a_cookie_lets_it_in: "cache 60s by [cookie(\"session\")]", "
        < 200 | body=one
        > GET /a | Cookie: session=7
        > GET /a | Cookie: session=7
        = hit 200 | body=one
        < 200 | body=two
        > GET /a | Cookie: session=8
        = miss 200 | body=two
    ";
    a_policy_that_removes_cookies_lets_it_in: "cache 60s; request { remove Cookie }", "
        < 200 | body=one
        > GET /a | Cookie: session=7
        ? -Cookie
        > GET /a
        = hit 200 | body=one
    ";
    a_cookie_that_is_asked_about_passes_by_although_it_goes_no_further: "allow cookie(\"a\") != \"8\"; cache 60s; request { remove Cookie }", "
        < 200 | body=one
        > GET /a | Cookie: a=7
        = bypass 200
        ? -Cookie
    ";
    shared_lets_a_cookie_in: "cache 60s shared", "
        < 200 | body=one
        > GET /a | Cookie: session=7
        > GET /a | Cookie: session=8
        = hit 200 | body=one
    ";
}

#[tokio::test(start_paused = true)]
async fn each_upstream_that_is_chosen_has_its_own_entries() {
    let routes = "upstream inside { target http://127.0.0.1:3001 }
        route all ANY /** {
          public \"a test\"
          to { when header(\"x-staff\") == \"yes\" -> inside; else -> app }
          cache 60s shared
        }";
    let script = "
        < 200 | body=inside
        > GET /a | X-Staff: yes
        < 200 | body=outside
        > GET /a
        = miss 200 | body=outside
        > GET /a
        = hit 200 | body=outside
        > GET /a | X-Staff: yes
        = hit 200 | body=inside
    ";
    gateway(routes).play(script).await;
}
