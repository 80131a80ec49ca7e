//! Places that are taken for as long as something lasts. A gateway that dies gives its places back by saying nothing more:
//! a lease that is not renewed ends.

use super::Down;
use super::link::Link;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// How long a place stays taken when nothing more is heard of its gateway.
const LENGTH: Duration = Duration::from_secs(30);
/// How often leases are renewed.
pub const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How many are renewed by one write.
const RENEWED_AT_ONCE: usize = 256;

/// Takes a place: 1, or 0 when all are taken. A set of the leases of a key, ordered by when they end.
static ENTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local t = redis.call('TIME')
         local now = t[1] * 1000000 + t[2]
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
         if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
         redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2] * 1000), ARGV[3])
         redis.call('PEXPIRE', KEYS[1], ARGV[2])
         return 1",
    )
});

/// Gives a place back.
static LEAVE: LazyLock<Script> = LazyLock::new(|| Script::new("return redis.call('ZREM', KEYS[1], ARGV[1])"));

/// The leases a process holds of one store.
pub struct Leases {
    /// Tells this process's leases from those of others.
    process: u64,
    next: AtomicU64,
    held: Mutex<HashMap<u64, Arc<[u8]>>>,
}

impl Leases {
    pub fn new() -> Self {
        Self { process: fastrand::u64(..), next: AtomicU64::new(0), held: Mutex::default() }
    }

    /// Renews all that are held. Where the store may have lost them, those it does not know are taken again; otherwise they
    /// were given back a moment ago.
    pub async fn renew(&self, connection: &mut MultiplexedConnection, anew: bool) -> RedisResult<()> {
        let held: Vec<(u64, Arc<[u8]>)> = self.held.lock().iter().map(|(number, key)| (*number, Arc::clone(key))).collect();
        if held.is_empty() {
            return Ok(());
        }
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(connection).await?;
        let ends = seconds * 1_000_000 + micros + length_ms() * 1_000;
        for part in held.chunks(RENEWED_AT_ONCE) {
            let mut pipe = redis::pipe();
            for (number, key) in part {
                let add = pipe.cmd("ZADD").arg(&**key);
                let add = if anew { add } else { add.arg("XX") };
                add.arg(ends).arg(self.member(*number)).ignore();
                pipe.cmd("PEXPIRE").arg(&**key).arg(length_ms()).ignore();
            }
            pipe.exec_async(connection).await?;
        }
        Ok(())
    }

    fn member(&self, number: u64) -> String {
        format!("{:016x}-{number}", self.process)
    }
}

/// A place that is taken until this is dropped.
pub struct Lease {
    link: Arc<Link>,
    number: u64,
}

impl Lease {
    pub(super) async fn take(link: &Arc<Link>, key: &[u8], most: u64) -> Result<Option<Self>, Down> {
        let number = link.leases.next.fetch_add(1, Ordering::Relaxed);
        // Held from before it is asked for: an answer that never comes may have taken the place, and gives it back here.
        link.leases.held.lock().insert(number, key.into());
        let lease = Self { link: Arc::clone(link), number };
        let mut call = ENTER.prepare_invoke();
        call.key(key).arg(most).arg(length_ms()).arg(link.leases.member(number));
        let entered: i64 = link.run(&call).await?;
        if entered == 0 {
            link.leases.held.lock().remove(&number);
            return Ok(None);
        }
        Ok(Some(lease))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let key = self.link.leases.held.lock().remove(&self.number);
        if let Some(key) = key {
            self.link.later(&LEAVE, key.to_vec(), Vec::new(), Some(self.link.leases.member(self.number)));
        }
    }
}

fn length_ms() -> u64 {
    u64::try_from(LENGTH.as_millis()).unwrap_or(u64::MAX)
}
