//! RFC 9111 §4.4, `cache invalidate` and purging.

use super::play::{gateway, scripts};
use crate::policy::cache::Purge;

scripts! {
    rfc9111_4_4_an_unsafe_request_invalidates_its_target: "cache 60s", "
        < 200 | body=one
        > GET /a
        < 200
        > PUT /a | body=x
        = none 200
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_4_4_one_that_fails_does_not: "cache 60s", "
        < 200 | body=one
        > GET /a
        < 404
        > DELETE /a
        = none 404
        > GET /a
        = hit 200 | body=one
        < 503
        > POST /a
        > GET /a
        = hit 200
    ";
    rfc9111_4_4_a_redirect_is_no_failure: "cache 60s", "
        < 200 | body=one
        > GET /a
        < 303 | Location: /b
        > POST /a
        = none 303
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_4_4_a_method_nobody_knows_is_unsafe: "cache 60s", "
        < 200 | body=one
        > GET /a
        < 200
        > FROB /a
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    rfc9111_4_4_a_safe_method_does_not: "cache 60s", "
        < 200 | body=one
        > GET /a
        < 200
        > OPTIONS /a
        > GET /a
        = hit 200 | body=one
    ";
    rfc9111_4_4_what_location_names_is_invalidated: "cache 60s", "
        < 200 | body=one
        > GET /items/7
        < 201 | Location: /items/7
        > POST /items
        < 200 | body=two
        > GET /items/7
        = miss 200 | body=two
    ";
    rfc9111_4_4_what_content_location_names_is_invalidated: "cache 60s", "
        < 200 | body=one
        > GET /items/7
        < 200 | Content-Location: http://shop.example/items/7?x#y
        > POST /items
        < 200 | body=two
        > GET /items/7
        = miss 200 | body=two
    ";
    rfc9111_4_4_a_relative_reference_is_resolved: "cache 60s", "
        < 200 | body=one
        > GET /items/7
        < 201 | Location: 7
        > POST /items/new
        < 200 | body=two
        > GET /items/7
        = miss 200 | body=two
    ";
    rfc9111_4_4_another_origin_cannot_be_named: "cache 60s", "
        < 200 | body=one
        > GET /items/7
        < 201 | Location: http://other.example/items/7
        > POST /items
        > GET /items/7
        = hit 200 | body=one
        < 201 | Location: https://shop.example/items/7
        > POST /items
        > GET /items/7
        = hit 200 | body=one
        < 201 | Location: //other.example/items/7
        > POST /items
        > GET /items/7
        = hit 200 | body=one
    ";
    rfc9111_4_4_every_variant_is_invalidated: "cache", "
        < 200 | Cache-Control: max-age=60 | Vary: X-One | body=one
        > GET /a | X-One: 1
        < 200 | Cache-Control: max-age=60 | Vary: X-One | body=two
        > GET /a | X-One: 2
        < 204
        > DELETE /a
        < 200 | body=new
        > GET /a | X-One: 1
        = miss 200 | body=new
        < 200 | body=new
        > GET /a | X-One: 2
        = miss 200 | body=new
    ";
    rfc9111_4_4_another_host_is_left_alone: "cache 60s", "
        < 200 | body=one
        > GET /a | Host: one.example
        < 200
        > PUT /a | Host: two.example
        > GET /a | Host: one.example
        = hit 200
    ";
}

#[tokio::test(start_paused = true)]
async fn rfc9111_4_4_a_route_without_a_cache_of_its_own_invalidates_too() {
    let stage = gateway("route read GET /a -> app { public; cache 60s }\nroute write PUT /a -> app { public }");
    let script = "
        < 200 | body=one
        > GET /a
        < 200
        > PUT /a
        = none 200
        < 200 | body=two
        > GET /a
        = miss 200 | body=two
    ";
    stage.play(script).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_succeeds_drops_all_of_the_routes_it_names() {
    let stage = gateway(
        "route items GET /items/** -> app { public; cache 60s }\nroute other GET /other -> app { public; cache 60s }\n\
         route write POST /all -> app { public; cache invalidate [items] }",
    );
    let script = "
        < 200 | body=one
        > GET /items/1
        < 200 | body=two
        > GET /items/2
        < 200 | body=three
        > GET /other
        < 500
        > POST /all
        > GET /items/1
        = hit 200
        < 200
        > POST /all
        < 200 | body=new
        > GET /items/1
        = miss 200 | body=new
        < 200 | body=new
        > GET /items/2
        = miss 200 | body=new
        > GET /other
        = hit 200 | body=three
    ";
    stage.play(script).await;
}

#[tokio::test(start_paused = true)]
async fn a_purge_drops_what_all_its_conditions_hold_for() {
    let stage = gateway(
        "route items GET /items/{id} -> app { public; cache 60s by [header(\"x-plan\")] }\nroute other GET /other -> app { public; cache 60s by [header(\"x-plan\")] }",
    );
    let filled = "
        < 200 | Surrogate-Key: a item-1 | body=1
        > GET /items/1 | X-Plan: pro
        < 200 | Cache-Tag: item-2, b | body=2
        > GET /items/2
        < 200 | Cache-Tag: item-2 | body=o
        > GET /other
    ";
    let purge = |purge: Purge<'_>| stage.shelves.iter().map(|shelf| shelf.purge(&purge)).sum::<usize>();
    stage.play(filled).await;
    assert_eq!(purge(Purge { tag: Some("item"), ..Purge::default() }), 0);
    assert_eq!(purge(Purge { tag: Some("item-1"), ..Purge::default() }), 1);
    assert_eq!(purge(Purge { tag: Some("item-2"), route: Some("items"), ..Purge::default() }), 1);
    assert_eq!(purge(Purge { host: Some("other.example"), ..Purge::default() }), 0);
    assert_eq!(purge(Purge::default()), 1);
    stage.play(filled).await;
    assert_eq!(purge(Purge { path: Some("/items/2"), ..Purge::default() }), 1);
    assert_eq!(purge(Purge { key: Some("pro"), ..Purge::default() }), 1);
    assert_eq!(purge(Purge { host: Some("shop.example"), ..Purge::default() }), 1);
    assert!(stage.shelves.iter().all(|shelf| shelf.store.bytes() == 0 && shelf.store.entries() == 0));
}
