//! The generated parser: the one place that knows pest's machinery besides the lowering.

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/gate.pest"]
pub(super) struct Grammar;
