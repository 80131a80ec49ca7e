//! The language from text to program: what is refused, where, in which words, and what is never said twice.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail the test")]

mod cases;
mod codes;
mod command;
mod explain;
mod faults;
mod fixes;
mod formats;
mod mutations;
mod order;
mod programs;
mod shown;
mod support;
mod typos;
