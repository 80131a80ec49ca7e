//! Tables of the regexes that values are held against, kept: many routes inherit one condition, and every pair asks again.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::dfa::{Dfa, RegexFault, Universe};

/// The most regexes whose tables are kept for the next question; past it they are built anew.
pub const TABLES_MAX: usize = 1_024;

type Built = Result<Arc<Dfa>, RegexFault>;

static TABLES: LazyLock<Mutex<HashMap<String, Built>>> = LazyLock::new(Mutex::default);

/// The table of the values that the whole of a regex matches.
///
/// # Errors
/// When the regex is broken, too large, or matches nothing.
pub fn values(source: &str) -> Built {
    let mut kept = TABLES.lock();
    if let Some(known) = kept.get(source) {
        return known.clone();
    }
    if kept.len() >= TABLES_MAX {
        kept.clear();
    }
    let built = Dfa::compile(source, Universe::Bytes).map(Arc::new);
    kept.insert(source.to_owned(), built.clone());
    built
}
