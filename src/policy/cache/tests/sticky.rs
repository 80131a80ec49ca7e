//! The cookie by which a client stays with a target, and a cache.

use super::play::{Stage, gateway};

fn stage() -> Stage {
    gateway(
        "upstream node { target http://127.0.0.1:3001; target http://127.0.0.1:3002; sticky cookie \"node\" }
        route kept GET /kept/** -> node { public \"a test\"; cache 60s }
        route changed PUT /kept/** -> node { public \"a test\"; cache invalidate [kept] }",
    )
}

#[tokio::test(start_paused = true)]
async fn the_gateways_own_cookie_goes_to_its_client_and_not_into_the_store() {
    let stage = stage();
    stage.answers(&[], "one");
    let first = stage.get("/kept/a", &[]).await;
    let cookie = first.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    assert!(cookie.starts_with("node="), "{cookie}");
    for cookies in [&[][..], &[("cookie", cookie)]] {
        let seen = stage.get("/kept/a", cookies).await;
        assert_eq!((seen.verdict, seen.body(), seen.headers.contains_key("set-cookie")), (Some("hit"), "one", false));
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_with_it_has_what_is_fetched_stored_too() {
    let stage = stage();
    stage.answers(&[], "one");
    let seen = stage.get("/kept/a", &[("cookie", "node=0123456789abcdef")]).await;
    assert_eq!((seen.verdict, seen.headers.contains_key("set-cookie")), (Some("miss"), true));
    assert_eq!(stage.get("/kept/a", &[]).await.verdict, Some("hit"));
}

#[tokio::test(start_paused = true)]
async fn other_cookies_and_the_origins_own_count_as_ever() {
    let stage = stage();
    for cookie in ["node=0123456789abcdef; session=1", "node=mine", "node"] {
        stage.answers(&[], "mine");
        assert_eq!(stage.get("/kept/a", &[("cookie", cookie)]).await.verdict, Some("bypass"), "{cookie}");
    }
    for _ in 0..2 {
        stage.answers(&[("set-cookie", "session=1")], "mine");
        let seen = stage.get("/kept/a", &[]).await;
        assert_eq!((seen.verdict, seen.headers.get_all("set-cookie").iter().count()), (Some("miss"), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_the_cache_by_has_it_as_well() {
    let stage = stage();
    stage.answers(&[], "one");
    let seen = stage.get("/kept/a", &[("if-match", "\"x\"")]).await;
    assert_eq!((seen.verdict, seen.headers.contains_key("set-cookie")), (Some("bypass"), true));
    stage.answers(&[], "");
    let driven = stage.drive("PUT", "/kept/a", &[]).await;
    assert!(driven.reply.headers.contains_key("set-cookie"));
}
