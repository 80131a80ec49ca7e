//! Text to tree: the pest grammar, recovery, and the printer. Knows shapes, no keyword; pest never leaves this folder.
//!
//! [`load::decode`] turns bytes into text; the lexer and the scanner cut the text into statements, balanced and bounded
//! in depth; the grammar reads each statement's head alone, and the lowering makes [`ast`] of it. [`format`] prints the
//! lexer's tokens again and holds the result against the tree.

pub mod ast;
mod explain;
mod format;
mod grammar;
mod lex;
mod literal;
pub mod load;
mod lower;
mod parse;
mod report;
mod scan;
mod text;
mod unplaced;
mod wording;

pub use format::format;
pub use parse::parse;
pub use wording::relative_socket;

#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
