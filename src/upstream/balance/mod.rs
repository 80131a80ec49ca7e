//! `balance` and `sticky`: which endpoint takes a request.

mod balancer;
mod draw;
mod maglev;
pub mod sticky;
mod turns;

pub use balancer::{Balancer, Chosen};

use crate::diag::{Code, Diagnostic};
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::Expr;
use crate::lang::form::{Form, Slot};
use crate::lang::types::Type;
use crate::lang::{Checker, Node};
use serde::{Deserialize, Serialize};

/// How an endpoint is chosen among those that are healthy; weights count under each of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    /// Of two drawn at random the one with fewer requests in flight.
    #[default]
    TwoChoices,
    /// In turn, smoothly weighted.
    RoundRobin,
    /// The one with the fewest requests in flight.
    LeastConnections,
    /// By this key, so that the same one goes to the same endpoint; a request without it goes anywhere.
    Hash(Expr),
    /// Drawn at random.
    Random,
    /// The one whose answers have lately been fastest.
    Ewma,
}

const ALGORITHMS: &[&str] = &["two_choices", "round_robin", "least_connections", "hash", "random", "ewma"];

/// `balance ALGORITHM [KEY]`
pub(super) const FORM: Form = Form::new("balance", "how a target is chosen")
    .slots(&[Slot::word("algorithm", ALGORITHMS), Slot::value("key", "a value of the request or the caller").optional()])
    .default("balance two_choices");

/// `sticky cookie "name"`
pub(super) const STICKY: Form = Form::new("sticky", "keeps a client on the target that a cookie names")
    .slots(&[Slot::fixed("cookie"), Slot::value("name", "a cookie's name in quotes")]);

/// Reads `balance`.
pub fn read(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let algorithm = node.word_in("algorithm")?;
    match (algorithm.text.as_str(), node.get("key")) {
        ("hash", Some(key)) => {
            let typed = checker.typed(key, &Want::scalar(Moment::Body, Spot::Plain))?;
            if typed.ty == Type::Secret {
                checker.error(Code::SecretLeak, "a secret may not go here", typed.span, "this is a secret");
                return None;
            }
            Some(Config::Hash(typed.expr))
        }
        ("hash", None) => {
            checker.report.push(
                Diagnostic::new(Code::SchemaArity, "`balance hash` needs a key")
                    .at(node.span.after(), "missing here")
                    .help("write what is to go to the same target, such as `balance hash client.ip`"),
            );
            None
        }
        (other, Some(key)) => {
            checker.error(Code::SchemaArity, format!("`balance {other}` takes no key"), key.expr.span, "only `hash` has one");
            None
        }
        ("round_robin", None) => Some(Config::RoundRobin),
        ("least_connections", None) => Some(Config::LeastConnections),
        ("random", None) => Some(Config::Random),
        ("ewma", None) => Some(Config::Ewma),
        (_, None) => Some(Config::TwoChoices),
    }
}

/// Reads `sticky`: the cookie's name.
pub fn read_sticky(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<String> {
    let given = node.get("name")?;
    let name = checker.text(given)?;
    // A cookie's name is a token, as a field's is (RFC 6265 §4.1.1).
    if http::HeaderName::try_from(name.as_str()).is_err() {
        checker.error(Code::HeadersInvalidName, format!("`{name}` is no name of a cookie"), given.expr.span, "letters, digits and `-_.`");
        return None;
    }
    Some(name)
}

/// Warns of a choice that has nothing to choose from.
pub fn of_one(upstream: &str, node: &Node<'_>, target: &Node<'_>, checker: &mut Checker<'_>) {
    checker.report.push(
        Diagnostic::new(Code::UpstreamSingleTargetBalance, format!("upstream `{upstream}` has one target: there is nothing to balance"))
            .at(node.span, "chooses among one")
            .also(target.span, "the only target")
            .help("add another `target`, or leave `balance` out"),
    );
}

#[cfg(test)]
mod tests;
