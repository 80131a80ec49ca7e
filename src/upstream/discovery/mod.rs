//! Names and where they lead: addresses of targets, and targets that DNS names (`resolve`).
//!
//! A name that was asked for once is looked up again and again, before what is known of it has become old, so that no request
//! waits for that. What was known last stays where looking up fails.

mod found;
mod herald;
mod kept;
mod resolver;

pub use found::{Found, look, name_of};
pub use herald::Herald;
pub use kept::Kept;
pub use resolver::Resolver;

use std::time::Duration;

/// What an answer is believed for, whatever its time to live says.
const AGE_MIN: Duration = Duration::from_secs(1);
const AGE_MAX: Duration = Duration::from_secs(60);
/// After a failure it is tried again so soon, and later and later up to [`AGAIN_MAX`]: a name that comes to be waits for no longer.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(10);
/// How long looking up may take.
const LOOK_MAX: Duration = Duration::from_secs(10);
/// Most addresses and targets that are taken from an answer.
const ANSWERS_MAX: usize = 256;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
