//! What a stage changed of a header section.

use crate::testing::rig::Rig;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A field that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: HeaderName,
    /// In words: "set to `7`", "removed".
    pub says: String,
}

/// The fields that differ, in the order of the names afterwards, then those that are gone.
pub fn changes(before: &HeaderMap, after: &HeaderMap, rig: &Rig<'_>) -> Vec<Change> {
    let values = |headers: &HeaderMap, name: &HeaderName| -> Vec<HeaderValue> { headers.get_all(name).iter().cloned().collect() };
    let set = after.keys().filter(|name| values(before, name) != values(after, name)).map(|name| {
        let values: Vec<String> = after.get_all(name).iter().map(|value| format!("`{}`", rig.shown_field(name, value))).collect();
        let how = if before.contains_key(name) { "replaced by" } else { "set to" };
        Change { name: name.clone(), says: format!("{how} {}", values.join(" and ")) }
    });
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    set.chain(gone.map(|name| Change { name: name.clone(), says: "removed".to_owned() })).collect()
}
