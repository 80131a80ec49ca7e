//! What is written for readers: the schema as data and as a reference, and the catalogue of a policy.
//!
//! Pure functions from the schema, or from a checked policy, to text. Knows no file, no secret and no running gateway.

pub mod catalogue;
pub mod examples;
mod hooks;
pub mod pages;
pub mod reference;
pub mod schema;
mod statements;
#[cfg(test)]
mod tests;
pub mod values;
