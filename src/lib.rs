//! Gatewright: an API gateway whose policy is compiled, proved and tested before traffic meets it.

pub mod check;
pub mod cli;
pub mod compile;
pub mod diag;
pub mod http;
pub mod ir;
pub mod lang;
pub mod policy;
pub mod route;
pub mod server;
pub mod syntax;
pub mod testing;
pub mod upstream;
