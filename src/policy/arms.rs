//! `when` arms: of those that stand side by side at most one holds for a request.

use crate::diag::{Code, Diagnostic};
use crate::lang::Checker;
use crate::lang::checker::Typed;
use crate::lang::expr::Expr;
use crate::logic::{self, Facts, Model, TooComplex};

const HELP: &str = "make them exclude each other, such as by comparing the same value with different ones";

/// Reports arms that can hold together; `None` when some can. Else an example of a request for which none holds, if there is
/// such a request.
pub fn apart(arms: &[&Typed], checker: &mut Checker<'_>) -> Option<Result<Option<Model>, TooComplex>> {
    let given: Vec<&Expr> = checker.facts.given.iter().collect();
    let found = logic::arms(Facts::from(&checker.facts), &given, &arms.iter().map(|arm| &arm.expr).collect::<Vec<_>>());
    for (earlier, later) in found.unknown {
        checker.report.push(
            Diagnostic::new(Code::AnalysisTooComplex, "it cannot be decided whether two `when` arms can hold for one request")
                .at(arms.get(later)?.span, "whether this holds")
                .also(arms.get(earlier)?.span, "where this holds as well")
                .help(HELP),
        );
    }
    let sound = found.both.is_empty();
    for (earlier, later, example) in found.both {
        checker.report.push(
            Diagnostic::new(Code::RouteWhenOverlap, "two `when` arms can hold for one request")
                .at(arms.get(later)?.span, format!("both hold e.g. with {example}"))
                .also(arms.get(earlier)?.span, "the other `when`")
                .help(HELP),
        );
    }
    sound.then_some(found.left)
}
