//! Text to tree: the pest grammar, recovery, and the printer. Knows shapes, no keyword; pest never leaves this folder.

pub mod ast;
