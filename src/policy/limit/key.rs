//! Keys of counters as bytes: equal for equal values, different for different ones.

use crate::lang::eval::{Facts, Scalar};
use crate::lang::expr::Expr;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use std::net::IpAddr;

/// Longer keys are kept as their SHA-256, so that a client cannot make the table large.
const BYTES_MAX: usize = 128;

/// A key; names and ids of usual length need no allocation.
pub type Key = SmallVec<[u8; 64]>;

/// The key of a request for one arm of a limit.
#[must_use]
pub fn key(arm: u8, parts: &[Expr], facts: Facts<'_>) -> Key {
    let mut key = Key::new();
    key.push(arm);
    for part in parts {
        push(&mut key, &part.eval(facts));
    }
    if key.len() > BYTES_MAX {
        return Key::from_slice(&Sha256::digest(&key));
    }
    key
}

fn push(key: &mut Key, value: &Scalar<'_>) {
    match value {
        Scalar::Missing => key.push(0),
        Scalar::Bool(truth) => push_number(key, 1, u64::from(*truth)),
        Scalar::Int(int) => push_number(key, 2, *int),
        Scalar::Duration(duration) => push_number(key, 3, u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        Scalar::Ip(ip) => match ip.to_canonical() {
            IpAddr::V4(v4) => {
                key.push(4);
                key.extend_from_slice(&v4.octets());
            }
            // One customer has a /64 and more addresses in it than could be counted (RFC 6177).
            IpAddr::V6(v6) => push_number(key, 6, u64::try_from(v6.to_bits() >> 64).unwrap_or(u64::MAX)),
        },
        Scalar::Text(text) => push_text(key, text),
        Scalar::Set(_) | Scalar::Const(_) => push_text(key, &value.as_text().unwrap_or_default()),
    }
}

fn push_number(key: &mut Key, tag: u8, number: u64) {
    key.push(tag);
    key.extend_from_slice(&number.to_be_bytes());
}

fn push_text(key: &mut Key, text: &str) {
    key.push(5);
    key.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    key.extend_from_slice(text.as_bytes());
}
