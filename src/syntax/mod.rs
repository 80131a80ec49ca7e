//! Text to tree: the pest grammar, recovery, and the printer. Knows shapes, no keyword; pest never leaves this folder.
//!
//! [`load::decode`] turns bytes into text; the lexer and the scanner cut the text into statements, balanced and bounded
//! in depth; the grammar reads each statement's head alone, and the lowering makes [`ast`] of it. [`format`] prints the
//! lexer's tokens again and holds the result against the tree.

pub mod ast;
mod explain;
mod grammar;
mod lex;
mod literal;
mod lower;
mod parse;
mod report;
mod scan;
mod text;
mod wording;

pub use parse::parse;

#[cfg(test)]
mod tests;
