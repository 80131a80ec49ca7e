//! Where requests go: endpoints, their breaker, balance and timeouts, and one call under all of them.

pub mod breaker;
pub mod check;
pub mod config;
pub mod forms;
pub mod timeout;

pub use config::Config;
