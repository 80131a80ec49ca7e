//! What can be said of a checked program, or of two, before traffic meets them: Program to findings.
//!
//! Reads the `ir` and what it is made of; knows neither the text nor the plan.

pub mod diff;
mod words;
