//! The bound on what is stored, its order, and what a reload leaves.

use super::play::{Act, Stage, gateway, route};
use crate::http::Source;
use crate::policy::cache::store::{Found, Store};
use crate::policy::cache::stored::{Head, Of, Stored};
use crate::http::caching::freshness::Freshness;
use crate::policy::cache::{content::Content, epochs::Epochs, vary::Selecting};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::prop;
use proptest::{prop_assert_eq, proptest};
use std::sync::Arc;
use std::time::Duration;

fn stored(bytes: usize) -> Arc<Stored> {
    let freshness = Freshness {
        age_then: Duration::ZERO,
        came: Duration::ZERO,
        lifetime: Duration::from_secs(60),
        by_file: false,
        no_cache: false,
        must_revalidate: false,
        stale_while: Duration::ZERO,
        stale_error: Duration::ZERO,
    };
    let head = Head {
        of: Arc::new(Of { route: "r".into(), host: "h".into(), path: String::new(), key: String::new() }),
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        source: Source::Upstream,
        selecting: Selecting::default(),
        freshness,
        stamp: Epochs::default().stamp("r", "h", "/"),
    };
    Arc::new(Stored::new(head, Content::copied(&Bytes::from(vec![0; bytes])), b""))
}

struct Shown(Store);

impl Shown {
    fn put(&self, key: u8, bytes: usize) -> bool {
        let key: Arc<[u8]> = Arc::from([key]);
        self.0.put(self.0.hash(&key), &key, stored(bytes))
    }

    fn has(&self, key: u8) -> bool {
        matches!(self.0.find(self.0.hash(&[key]), &[key], &HeaderMap::new()), Found::Stored(_))
    }
}

#[test]
fn the_one_used_longest_ago_makes_room() {
    let store = Shown(Store::new(3 * (1_000 + 512)));
    assert!(store.put(1, 1_000) && store.put(2, 1_000) && store.put(3, 1_000));
    assert!(store.has(1));
    assert!(store.put(4, 1_000));
    assert!(!store.has(2) && store.has(1) && store.has(3) && store.has(4));
    assert_eq!((store.0.entries(), store.0.evicted()), (3, 1));
}

#[test]
fn what_fits_is_always_let_in_and_what_does_not_drives_nobody_out() {
    let store = Shown(Store::new(64 << 20));
    for key in 0..100 {
        assert!(store.put(key, 512 << 10));
    }
    assert!(!store.put(101, 64 << 20));
    assert_eq!(store.0.entries(), 100);
    assert!(store.put(102, 48 << 20));
    assert!(store.has(102) && store.0.bytes() <= 64 << 20);
    assert!(store.has(99) && !store.has(0));
}

proptest! {
    #[test]
    fn a_store_is_what_a_list_by_use_says(steps in prop::collection::vec((0_u8..12, prop::option::of(1_usize..3_000)), 1..200)) {
        const MAX: u64 = 8_000;
        let store = Shown(Store::new(MAX));
        // Oldest first.
        let mut model: Vec<(u8, u64)> = Vec::new();
        for (key, put) in steps {
            let known = model.iter().position(|(known, _)| *known == key);
            match put {
                Some(bytes) => {
                    store.put(key, bytes);
                    if let Some(at) = known {
                        model.remove(at);
                    }
                    model.push((key, bytes as u64 + 512));
                    while model.iter().map(|(_, size)| size).sum::<u64>() > MAX {
                        model.remove(0);
                    }
                }
                None => {
                    prop_assert_eq!(store.has(key), known.is_some());
                    if let Some(at) = known {
                        let used = model.remove(at);
                        model.push(used);
                    }
                }
            }
            prop_assert_eq!(store.0.bytes(), model.iter().map(|(_, size)| size).sum::<u64>());
            prop_assert_eq!(store.0.entries(), model.len() as u64);
        }
    }
}

/// Requests for two paths; how many of them came from the store.
async fn hits(stage: &Stage) -> usize {
    let mut hits = 0;
    for path in ["/a", "/b"] {
        hits += usize::from(stage.get(path, &[]).await.verdict == Some("hit"));
    }
    hits
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_leaves_a_declaration_leaves_what_it_stores() {
    let mut stage = route("cache 60s");
    for _ in 0..2 {
        stage.answers(&[], "one");
    }
    assert_eq!(hits(&stage).await, 0);
    stage.reload("route all ANY /** -> app { public \"a test\"; cache 60s; timeout { total 9s } }");
    assert_eq!(hits(&stage).await, 2);
    stage.reload("route all ANY /** -> app { public \"a test\"; cache 61s }");
    assert_eq!(hits(&stage).await, 0);
}

#[tokio::test(start_paused = true)]
async fn routes_never_share_what_they_store_though_they_share_its_room() {
    let stage = gateway("group g { cache 60s\n route a GET /a -> app { public }\n route b GET /b -> app { public } }");
    stage.answers(&[], "a");
    stage.answers(&[], "b");
    assert_eq!((stage.get("/a", &[]).await.body(), stage.get("/b", &[]).await.body()), ("a", "b"));
    assert_eq!((stage.shelves.len(), stage.shelves[0].store.entries()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_holds_nothing_of_the_buffer_its_fields_came_in() {
    let stage = route("cache");
    let buffer = Bytes::from(b"max-age=60|\"one\"|en".to_vec());
    let part = |range: std::ops::Range<usize>| HeaderValue::from_maybe_shared(buffer.slice(range)).unwrap();
    let came = |status, body: &'static str| {
        let headers = [("cache-control", part(0..10)), ("etag", part(11..16)), ("content-language", part(17..19))];
        let headers = headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), value)).collect();
        stage.origin().add(Act::Reply(status, headers, Bytes::from_static(body.as_bytes()), Duration::ZERO));
    };
    came(StatusCode::OK, "one");
    drop(stage.get("/a", &[]).await);
    assert!(buffer.is_unique());
    tokio::time::advance(Duration::from_secs(61)).await;
    came(StatusCode::NOT_MODIFIED, "");
    assert_eq!(stage.get("/a", &[]).await.verdict, Some("revalidated"));
    assert!(buffer.is_unique());
    let hit = stage.get("/a", &[]).await;
    assert_eq!((hit.verdict, &hit.headers["etag"], &hit.headers["content-language"]), (Some("hit"), &part(11..16), &part(17..19)));
}
