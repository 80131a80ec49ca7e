//! A store with a real Redis behind it: up, killed, frozen, started anew.

use super::testing::Redis;
use super::{Down, OnFailure, Script, Store};
use crate::events::{Change, Event, Events};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;

/// Longest time for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

static COUNT: LazyLock<Script> = LazyLock::new(|| Script::new("return {redis.call('INCRBY', KEYS[1], ARGV[1])}"));

fn store(redis: &Redis) -> (Store, Receiver<Arc<Event>>) {
    let events = Arc::new(Events::default());
    let listener = events.listen();
    let store = Store::new("shared", &redis.url(), Duration::from_millis(500), OnFailure::Local, events).unwrap();
    (store, listener)
}

async fn next(events: &mut Receiver<Arc<Event>>) -> Change {
    tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap().change
}

#[tokio::test]
async fn scripts_are_loaded_when_the_server_does_not_know_them() {
    let Some(redis) = Redis::start() else { return };
    let (store, _events) = store(&redis);
    assert_eq!(store.run(&COUNT, b"k", &[1]).await, Err(Down), "it is not open yet");
    store.open().unwrap();
    assert!(store.is_up());
    assert_eq!(store.run(&COUNT, b"k", &[2]).await, Ok(vec![2]));
    let flush = Script::new("redis.call('DEL', KEYS[1]) return {}");
    assert_eq!(store.run(&flush, b"k", &[]).await, Ok(vec![]));
    assert_eq!(store.run(&COUNT, b"k", &[3]).await, Ok(vec![3]));
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_is_one_event_each_way() {
    let Some(mut redis) = Redis::start() else { return };
    let (store, mut events) = store(&redis);
    store.open().unwrap();
    assert_eq!(store.run(&COUNT, b"k", &[1]).await, Ok(vec![1]));
    redis.kill();
    for _ in 0..100 {
        assert_eq!(store.run(&COUNT, b"k", &[1]).await, Err(Down));
    }
    assert_eq!(next(&mut events).await, Change::StoreDown);
    assert!(!store.is_up());
    assert!(redis.begin());
    assert_eq!(next(&mut events).await, Change::StoreUp);
    assert_eq!(store.run(&COUNT, b"k", &[1]).await, Ok(vec![1]), "it began anew, and so did its scripts");
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_again_and_again() {
    let Some(redis) = Redis::start() else { return };
    let (store, mut events) = store(&redis);
    store.open().unwrap();
    redis.freeze(true);
    let began = tokio::time::Instant::now();
    for _ in 0..1_000 {
        assert_eq!(store.run(&COUNT, b"k", &[1]).await, Err(Down));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(next(&mut events).await, Change::StoreDown);
    redis.freeze(false);
    assert_eq!(next(&mut events).await, Change::StoreUp);
    assert!(store.run(&COUNT, b"k", &[1]).await.is_ok());
}

#[tokio::test]
async fn a_server_that_is_not_there_at_the_start_is_found_later() {
    let Some(mut redis) = Redis::start() else { return };
    redis.kill();
    let (store, mut events) = store(&redis);
    store.open().unwrap();
    assert_eq!(store.run(&COUNT, b"k", &[1]).await, Err(Down));
    assert_eq!(next(&mut events).await, Change::StoreDown);
    assert!(redis.begin());
    assert_eq!(next(&mut events).await, Change::StoreUp);
}

#[tokio::test]
async fn a_place_is_leased_for_as_long_as_it_is_held() {
    let Some(mut redis) = Redis::start() else { return };
    let (one, mut events) = store(&redis);
    let (other, _) = store(&redis);
    one.open().unwrap();
    other.open().unwrap();
    let first = one.lease(b"k", 2).await.unwrap().unwrap();
    let second = other.lease(b"k", 2).await.unwrap().unwrap();
    assert!(one.lease(b"k", 2).await.unwrap().is_none());
    assert!(other.lease(b"k", 2).await.unwrap().is_none());
    drop(second);
    // It is given back behind the scenes.
    let third = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(lease) = other.lease(b"k", 2).await.unwrap() {
                break lease;
            }
        }
    });
    let third = third.await.unwrap();
    redis.kill();
    assert_eq!(next(&mut events).await, Change::StoreDown);
    assert!(redis.begin());
    assert_eq!(next(&mut events).await, Change::StoreUp);
    // A new server knows nothing; who holds a place says so.
    let back = async {
        while !other.is_up() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.unwrap();
    assert!(one.lease(b"k", 2).await.unwrap().is_none());
    drop((first, third));
}

#[test]
fn a_url_that_is_none_is_refused_without_being_shown() {
    let refused = Store::new("s", "redis//:secret@host", Duration::ZERO, OnFailure::Open, Arc::default()).err().unwrap();
    assert_eq!(refused, "the URL of store `s` is no URL of a Redis");
}
