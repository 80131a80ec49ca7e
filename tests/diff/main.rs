//! `gate diff`: what a change of a policy changes for requests, each class with a request that shows it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod command;
mod conditions;
mod every;
mod property;
mod sets;
mod shop;
mod small;
mod support;
