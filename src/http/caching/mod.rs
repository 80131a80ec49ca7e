//! What messages say of being kept, whoever keeps them (RFC 9111, RFC 9213): directives, ages and times, and what they come to
//! together. Knows of no store and of no policy.

pub mod dictionary;
pub mod directives;
pub mod freshness;
pub mod strictest;

pub use strictest::{AtMost, Strictest};
