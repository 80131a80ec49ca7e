//! Program to Plan: the match tree, each route's pipeline, the upstreams' runtime state.

mod fields;
mod hooks;
pub mod made_up;
pub mod openapi;
pub mod peers;
pub mod plan;
mod program;
mod redact;
pub mod tls;

pub use made_up::MadeUp;
pub use plan::{Pipeline, Plan, Settings, Target};
pub use program::{Compiled, Compiler};
