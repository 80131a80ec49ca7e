//! The admin listener: how the gateway stands, as JSON and as a page, and what an operator turns while it runs.
//!
//! It has one thread, a listener of its own and few connections, and what it reads of the engine is atomic or locked for
//! moments: nobody who administers slows a request down. Knows nothing of the language's text: it shows the program and the
//! plan in force, and a policy is changed by its file alone.

#![expect(clippy::result_large_err, reason = "the error is the answer, made once per refused request of few")]

mod answer;
mod archive;
mod aside;
mod desk;
mod endpoints;
mod entry;
mod listener;
mod logins;
mod office;
mod page;
mod query;
mod rehearse;
mod show;
mod turn;

#[cfg(test)]
mod tests;

pub use archive::{Archive, Generation};
pub use office::{Move, Office};
pub use query::Query;
pub use rehearse::Rehearsal;
