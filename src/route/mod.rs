//! Which route a request takes: patterns, their set relations, the priority order, and the match tree.
//!
//! A route's requests are a product of hosts, methods, paths and predicates. Higher priorities come first; within
//! one priority a route precedes another if and only if its requests are a proper subset of the other's. `order` works
//! that out once; the tree is an index over routes in order; `naive` is the definition itself, kept as the tests' oracle.

mod apart;
mod cover;
pub mod dfa;
pub mod found;
#[cfg(test)]
mod generate;
pub mod host;
pub mod key;
pub mod methods;
pub mod miss;
pub mod naive;
pub mod order;
mod pairs;
pub mod pattern;
pub mod predicate;
pub mod product;
pub mod rank;
pub mod relation;
pub mod remainder;
mod sample;
pub mod segment;
pub mod shift;
pub mod tables;
#[cfg(test)]
mod tests;
pub mod tree;
mod types;

pub use found::{Asked, Captures, Found};
pub use host::{HostError, HostPattern};
pub use key::RouteKey;
pub use methods::{MethodError, Methods};
pub use miss::{Divergence, Miss};
pub use order::{Analysis, Finding, analyse, analyse_with};
pub use pattern::{Pattern, PatternError, PatternErrorKind};
pub use predicate::{Atom, ByteRange, Predicate, Predicates, Test, atom_ranges};
pub use relation::Witness;
pub use remainder::{Remainder, Sample};
pub use segment::SegmentType;
pub use shift::Shift;
pub use tree::MatchTree;
