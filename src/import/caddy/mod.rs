//! Placeholder.
use super::Fault;
use super::draft::Draft;
pub(super) fn read(_: &str, _: &mut Draft) -> Result<(), Fault> { Ok(()) }
