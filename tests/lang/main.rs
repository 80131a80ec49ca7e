//! The language from text to program: what is refused, where, in which words, and what is never said twice.

mod cases;
mod codes;
mod command;
mod faults;
mod mutations;
mod programs;
mod support;
