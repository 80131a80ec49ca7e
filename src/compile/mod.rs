//! Program to Plan: the match tree, each route's pipeline, the upstreams' runtime state.

pub mod plan;

pub use plan::{Choice, Pipeline, Plan, Settings, Target};
