//! Patterns by their text: a regular expression is compiled once, however often it is asked about.

use crate::route::{HostPattern, Methods, Pattern, Predicate, RouteKey, relation};
use std::cell::RefCell;
use std::collections::HashMap;

/// The patterns that were read.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    known: RefCell<HashMap<String, Result<Pattern, String>>>,
    within: RefCell<HashMap<(String, String), bool>>,
}

impl Patterns {
    /// A pattern, or why the text is none.
    pub fn parse(&self, text: &str) -> Result<Pattern, String> {
        if let Some(known) = self.known.borrow().get(text) {
            return known.clone();
        }
        let read = Pattern::parse(text).map_err(|error| error.to_string());
        self.known.borrow_mut().insert(text.to_owned(), read.clone());
        read
    }

    /// True when every path of the first pattern is one of the second's.
    pub fn within(&self, inner: &str, outer: &str) -> bool {
        if inner == outer || outer == "/**" {
            return true;
        }
        let both = (inner.to_owned(), outer.to_owned());
        if let Some(known) = self.within.borrow().get(&both) {
            return *known;
        }
        let key = |text: &str| -> Option<RouteKey> {
            let pattern = self.parse(text).ok()?;
            Some(RouteKey {
                hosts: Vec::<HostPattern>::new(),
                methods: Methods::ANY,
                pattern,
                predicate: Predicate::default(),
                priority: 0,
            })
        };
        let found = key(inner).zip(key(outer)).is_some_and(|(inner, outer)| relation::subset(&inner, &outer));
        self.within.borrow_mut().insert(both, found);
        found
    }
}
