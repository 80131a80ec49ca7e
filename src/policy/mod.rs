//! The policies, one folder each.

pub mod stage;
