//! Gatewright: an API gateway whose policy is compiled, proved and tested before traffic meets it.
//!
//! ```text
//! text ──syntax──▶ Ast ──check──▶ Program (ir) ──compile──▶ Plan ──server──▶ sockets
//!                                                             └───testing──▶ verdicts
//! ```
//!
//! Each arrow is a phase with types of its own, and a value proves the checks behind it: an [`syntax::ast::Ast`] has only
//! whole statements, an [`ir::Program`] is sound, a plan has every secret and file it needs.
//!
//! The parts stand on floors, and imports go down only; `tests/tidy.rs` holds the table.
//!
//! | Floor | Parts |
//! |---|---|
//! | 0 | [`diag`]: spans, findings, codes, how they are shown · [`http`](mod@http): one exchange, its body, its faults · [`meter`]: what is counted |
//! | 1 | [`syntax`]: text to tree and back · [`route`]: which request takes which route |
//! | 2 | [`lang`]: types, values, expressions, the schema's machinery · [`logic`]: conditions decided · [`store`]: what gateways share · [`fetch`]: the gateway's own calls · [`events`]: what happens to the gateway · [`otlp`]: traces on their way · [`hook`]: who is asked about requests |
//! | 3 | [`policy`]: one folder per policy · [`upstream`]: endpoints and calls |
//! | 4 | [`ir`]: what a policy means, as plain data |
//! | 5 | [`check`]: tree to program · [`analyse`]: two programs to what differs · `compile`: program to plan · [`import`]: other gateways' files to text |
//! | 6 | `server`: sockets · `testing`: virtual time · [`docs`]: reference and catalogue |
//! | 7 | [`admin`]: how it stands, and what is turned while it runs · [`cli`] |
//! | 8 | [`embed`]: a gateway inside another program |
//!
//! What holds everywhere: `check` and `compile` meet only in [`ir`]; the code that serves a request knows nothing of the
//! language's text; time is tokio's and randomness is passed in, so both can be virtual; every queue, loop and table has a
//! named limit. `docs/architecture.md` says why.
//!
//! # In a program of one's own
//!
//! The library is the `gate` program's; another program starts a gateway by [`embed`], and may register hooks written in Rust:
//!
//! ```
//! use gatewright::embed::Gateway;
//! use gatewright::hook::{Answer, Hook, Question, Said};
//!
//! /// Greets by name; who has none is sent away.
//! struct Doorman;
//!
//! impl Hook for Doorman {
//!     fn on_request<'a>(&'a self, question: Question<'a>) -> Said<'a> {
//!         match question.headers.get("x-name") {
//!             Some(_) => Said::Nothing,
//!             None => Said::Answer(Answer::default().status(403).text("who is there?")),
//!         }
//!     }
//! }
//!
//! let policy = r#"
//!     gateway { listen 127.0.0.1:0 }
//!     hook doorman embedded { on [request] }
//!     route hello GET /hello {
//!       public "whom the doorman knows"
//!       use doorman
//!       respond 200 text "hello"
//!     }
//! "#;
//! let gateway = Gateway::text(policy).hook("doorman", Doorman).start()?;
//! println!("listening on {}", gateway.addresses()[0]);
//! gateway.shutdown()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod admin;
pub mod analyse;
pub mod check;
pub mod cli;
pub mod compile;
pub mod diag;
pub mod docs;
pub mod embed;
pub mod events;
pub mod fetch;
pub mod hook;
pub mod http;
pub mod import;
pub mod ir;
pub mod lang;
pub mod logic;
pub mod meter;
pub mod otlp;
pub mod policy;
pub mod route;
pub mod server;
pub mod store;
pub mod syntax;
pub mod testing;
pub mod upstream;
