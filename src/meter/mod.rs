//! What is counted while requests run: statuses, how long things take, and cells that threads do not share.
//!
//! Counting is a few relaxed additions; whoever reads adds the cells up, and may see a request half counted. Knows nothing of
//! what is counted.

mod codes;
mod histogram;
mod stripes;

pub use codes::{Codes, CodesRead};
pub use histogram::{Distribution, Histogram};
pub use stripes::{Stripes, add};

/// What requests that no route takes are counted under, where routes stand by their names. No route is called so.
pub const NO_ROUTE: &str = "_none";
/// What requests of routes that are long gone are counted under. No route is called so either.
pub const PAST_ROUTES: &str = "_other";

#[cfg(test)]
mod tests;
