//! How many syntax faults one file reports: enough to work on, not so many that random bytes fill the screen.

use crate::diag::{Code, Diagnostic, Report};

/// Most syntax diagnostics of one file; one more says how many were left out.
pub(super) const MAX_FOUND: usize = 100;

/// Faults of one file while it is read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Diagnostic>,
    left_out: usize,
}

impl Findings {
    /// Adds a fault; its words are only made when it is kept.
    pub(super) fn report(&mut self, found: impl FnOnce() -> Diagnostic) {
        if self.kept.len() < MAX_FOUND {
            self.kept.push(found());
        } else {
            self.left_out += 1;
        }
    }

    /// How many faults there are, with those left out.
    pub(super) fn count(&self) -> usize {
        self.kept.len() + self.left_out
    }

    /// True when nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Adds another pass's faults.
    pub(super) fn extend(&mut self, other: Self) {
        self.left_out += other.left_out;
        for found in other.kept {
            self.report(|| found);
        }
    }

    /// Hands the faults over, in the order of their places.
    pub(super) fn into_report(mut self, report: &mut Report) {
        self.kept.sort_by_key(|found| (found.primary(), found.code));
        let last = self.kept.last().and_then(Diagnostic::primary);
        for found in self.kept {
            report.push(found);
        }
        if let (Some(span), true) = (last, self.left_out > 0) {
            let more = Diagnostic::new(Code::SyntaxUnexpected, format!("and {} more syntax errors", self.left_out));
            report.push(more.at(span.after(), "reading went on after this, without a word on the rest"));
        }
    }
}
