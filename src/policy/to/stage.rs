//! Chooses the upstream.

use super::{Arm, Choice, Config};
use crate::http::share::{self, Evenly};
use crate::http::{Exchange, UpstreamIndex};
use crate::lang::eval::Facts;
use crate::lang::expr::Expr;
use crate::lang::value::Percent;
use crate::policy::stage::{Flow, OnRequest};

/// 100%
const WHOLE: u64 = 10_000;

/// The request part.
pub(super) struct To {
    arms: Vec<Arm>,
    otherwise: Option<Other>,
}

/// What takes requests for which no arm's condition holds.
enum Other {
    Upstream(u16),
    Split { shares: Vec<(Percent, u16)>, sticky: Option<Expr>, evenly: Evenly },
}

impl To {
    pub(super) fn new(config: &Config) -> Self {
        let otherwise = config.otherwise.as_ref().map(|choice| match choice {
            Choice::Upstream(upstream) => Other::Upstream(*upstream),
            Choice::Split { shares, sticky } => Other::Split { shares: shares.clone(), sticky: sticky.clone(), evenly: Evenly::default() },
        });
        Self { arms: config.arms.clone(), otherwise }
    }

    fn choose(&self, exchange: &Exchange) -> Option<u16> {
        let facts = Facts::request(exchange);
        if let Some(arm) = self.arms.iter().find(|arm| arm.when.holds(facts)) {
            return Some(arm.upstream);
        }
        match self.otherwise.as_ref()? {
            Other::Upstream(upstream) => Some(*upstream),
            Other::Split { shares, sticky, evenly } => {
                let key = sticky.as_ref().and_then(|key| key.eval(facts).as_text().map(|text| share::hash(text.as_bytes())));
                let at = key.map_or_else(|| evenly.next(WHOLE), |key| share::below(WHOLE, key));
                of_share(shares, at)
            }
        }
    }
}

/// Whose share a number below 100% falls into.
fn of_share(shares: &[(Percent, u16)], at: u64) -> Option<u16> {
    let mut end = 0;
    let found = shares.iter().find(|(share, _)| {
        end += u64::from(share.0);
        at < end
    });
    found.or(shares.last()).map(|(_, upstream)| *upstream)
}

impl OnRequest for To {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Flow<'a> {
        exchange.upstream = self.choose(exchange).map(UpstreamIndex);
        Flow::Next
    }
}
