//! Who the caller proved to be.

use std::sync::Arc;

/// A value of an identity: a claim, a key's attribute, a user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Optional and not there.
    Missing,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(u64),
    /// `str`, `enum(…)` and every other type that is compared as text.
    Text(Arc<str>),
    /// `set<…>` or `list<…>`
    Set(Arc<[Arc<str>]>),
}

/// An identity that an auth established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Which auth, by its place in the program.
    pub auth: u16,
    /// Its attributes, in the order the auth declares them.
    pub attributes: Box<[Attribute]>,
}
