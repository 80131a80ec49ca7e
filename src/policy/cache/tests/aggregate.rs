//! A response that is made of several: the strictest of what they say holds for the whole.

use super::play::gateway;
use crate::http::caching::Strictest;
use crate::http::exchange::testing::fields;
use std::time::Duration;

/// Of two parts, under a cache.
macro_rules! of_two {
    ($($name:ident: $cache:literal, $script:literal;)*) => {
        $(#[tokio::test(start_paused = true)]
        async fn $name() {
            let parts = "aggregate { part one GET /one -> app; part two GET /two -> app }";
            gateway(&format!("route all GET /** {{ public \"a test\"; {parts}; {} }}", $cache)).play($script).await;
        })*
    };
}

of_two! {
    what_one_part_forbids_to_store_is_not_stored: "cache 30s", "
        < 200 | Cache-Control: no-store | body=1
        < 200 | Cache-Control: max-age=60 | body=2
        > GET /a
        = miss 200 | Cache-Control: no-store
        < 200 | body=3
        < 200 | body=4
        > GET /a
        = miss 200 | -Cache-Control
    ";
    nor_is_what_is_one_callers_own: "cache 30s", "
        < 200 | body=1
        < 200 | Cache-Control: private, max-age=5 | body=2
        > GET /a
        = miss 200 | Cache-Control: private
        < 200 | body=3
        < 200 | Set-Cookie: a=b | body=4
        > GET /a
        = miss 200 | Cache-Control: private | -Set-Cookie
        < 200 | body=5
        < 200 | body=6
        > GET /a
        = miss 200
    ";
    it_is_kept_as_long_as_the_shortest: "cache 30s", "
        < 200 | Cache-Control: max-age=60 | body=1
        < 200 | Cache-Control: max-age=20 | Age: 10 | body=2
        > GET /a
        = miss 200 | Cache-Control: max-age=10
        + 9
        > GET /a
        = hit 200
        + 1
        < 200 | body=3
        < 200 | body=4
        > GET /a
        = miss 200
    ";
    a_part_that_says_nothing_is_kept_as_the_file_says_the_other_as_it_says: "cache 30s", "
        < 200 | Cache-Control: max-age=5 | body=1
        < 200 | body=2
        > GET /a
        = miss 200 | -Cache-Control
        + 4
        > GET /a
        = hit 200
        + 1
        < 200 | Cache-Control: max-age=3600 | body=1
        < 200 | body=2
        > GET /a
        = miss 200
        + 29
        > GET /a
        = hit 200
        + 1
        < 200 | body=3
        < 200 | body=4
        > GET /a
        = miss 200
    ";
    without_a_time_of_the_file_all_have_to_say_one: "cache", "
        < 200 | Cache-Control: max-age=3600 | body=1
        < 200 | body=2
        > GET /a
        = miss 200
        < 200 | body=3
        < 200 | body=4
        > GET /a
        = miss 200
    ";
    it_varies_by_what_any_varies_by_of_what_was_the_clients: "cache 30s", "
        < 200 | Vary: Accept-Language, Accept-Encoding | body=1
        < 200 | Vary: X-Plan | body=2
        > GET /a | Accept-Language: de | Accept-Encoding: gzip
        = miss 200 | Vary: accept-language, x-plan
        > GET /a | Accept-Language: de
        = hit 200
        < 200 | Vary: * | body=3
        < 200 | body=4
        > GET /a | Accept-Language: fr
        = miss 200 | Vary: *
    ";
}

#[test]
fn what_only_one_part_lets_others_have_they_do_not_get() {
    let said = |parts: &[&str]| {
        let (mut keeping, mut told) = (Strictest::default(), http::HeaderMap::new());
        for part in parts {
            keeping.add(&fields(&[("cache-control", part)]), Duration::ZERO, |_| true);
        }
        keeping.tell(&mut told);
        told.get("cache-control").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!(said(&["public, max-age=9", "public, max-age=8"]), "public, max-age=8");
    assert_eq!(said(&["public, max-age=9", "max-age=8"]), "max-age=8");
    assert_eq!(said(&["s-maxage=9, max-age=0", "s-maxage=8"]), "s-maxage=8");
    assert_eq!(said(&["s-maxage=9, max-age=60", "max-age=80"]), "proxy-revalidate, max-age=9");
    assert_eq!(said(&["s-maxage=9", "max-age=80"]), "proxy-revalidate");
    assert_eq!(said(&["must-revalidate, max-age=9", "max-age=8"]), "proxy-revalidate, max-age=8");
    assert_eq!(said(&["must-revalidate, max-age=9", "public, max-age=8"]), "must-revalidate, max-age=8");
    assert_eq!(said(&["no-cache", "max-age=8"]), "no-cache");
    assert_eq!(said(&["max-age=9, stale-if-error=60", "max-age=8"]), "max-age=8, stale-if-error=0");
    assert_eq!(said(&["private=\"x\"", ""]), "");
}
