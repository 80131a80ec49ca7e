//! Caches: which requests are answered with the same response.

use super::{Class, Difference};
use crate::analyse::words::Names;
use crate::lang::expr::{Expr, Ref};
use crate::policy::Config;
use crate::policy::cache::{self, Keep};

/// What is covered of the policy. A cache that is declared elsewhere has its room with other routes, which is told of all of them.
pub const COVERED: &[&str] = &["cache.?", "cache.keep.key", "cache.keep.shared", "cache.keep.site"];

/// What is kept for whom, and whether anything is.
pub fn differences(old: &[Config], new: &[Config], names: &Names<'_>, found: &mut Vec<Difference>) {
    let of = |policies: &[Config]| {
        policies.iter().find_map(|policy| if let Config::Cache(config) = policy { Some(config.clone()) } else { None })
    };
    match (of(old), of(new)) {
        (None, None) => {}
        (None, Some(_)) => found.push(Difference::new(Class::Reshaped, "`cache` is in force")),
        (Some(_), None) => found.push(Difference::new(Class::Reshaped, "`cache` is not in force any more")),
        (Some(cache::Config::Keep(was)), Some(cache::Config::Keep(is))) => keys(&was, &is, names, found),
        (Some(cache::Config::Keep(_)), Some(cache::Config::Invalidate(_))) => {
            found.push(Difference::new(Class::Reshaped, "`cache invalidate` is in force, nothing is kept any more"));
        }
        (Some(cache::Config::Invalidate(_)), Some(cache::Config::Keep(_))) => {
            found.push(Difference::new(Class::Reshaped, "`cache` keeps responses, `cache invalidate` is not in force any more"));
        }
        (Some(cache::Config::Invalidate(_)), Some(cache::Config::Invalidate(_))) => {}
    }
}

fn keys(was: &Keep, is: &Keep, names: &Names<'_>, found: &mut Vec<Difference>) {
    if (&was.key, was.shared) == (&is.key, is.shared) {
        return;
    }
    let lacks = |key: &[Expr], part: &Expr| !key.contains(part);
    let gone = was.key.iter().any(|part| lacks(&is.key, part) && part.mentions(Ref::is_callers_own));
    let says = format!("`{}` is in force, was `{}`", written(is, names), written(was, names));
    found.push(if gone || is.shared && !was.shared {
        let says = format!("{says}: a caller may get what was answered to another");
        Difference::new(Class::Looser, says).with("after another caller's")
    } else if was.shared == is.shared
        && !was.key.iter().any(|part| lacks(&is.key, part))
        && !is.key.iter().any(|part| lacks(&was.key, part))
    {
        Difference::new(Class::Cosmetic, format!("`{}` names its parts in another order", written(is, names)))
    } else {
        Difference::new(Class::Reshaped, says)
    });
}

/// The clauses that say for whom a response is kept.
fn written(keep: &Keep, names: &Names<'_>) -> String {
    let parts: Vec<String> = keep.key.iter().map(|part| names.expr(part)).collect();
    let by = if parts.is_empty() { String::new() } else { format!(" by [{}]", parts.join(", ")) };
    format!("cache{by}{}", if keep.shared { " shared" } else { "" })
}
