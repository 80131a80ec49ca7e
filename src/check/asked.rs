//! The hooks of a route, for what is shown of it: where each is put in force and declared, and what it may do.

use super::uses::UsedHook;
use crate::diag::Span;
use crate::ir::operate::Hook;
use crate::lang::Node;

/// A hook in force on a route.
pub struct Asked<'r, 'a> {
    /// Its place among the declarations.
    pub index: u16,
    /// The `use` that puts it in force.
    pub used: Span,
    /// Its declaration,
    pub node: &'r Node<'a>,
    /// and what was read of it.
    hook: Option<&'r Hook>,
}

/// The hooks in force on a route, in the order they are asked.
pub fn on<'r, 'a>(used: &[UsedHook], declared: &[(&'r Node<'a>, Option<&'r Hook>)]) -> Vec<Asked<'r, 'a>> {
    let of = |used: &UsedHook| {
        let (node, hook) = *declared.get(usize::from(used.index))?;
        Some(Asked { index: used.index, used: used.at, node, hook })
    };
    used.iter().filter_map(of).collect()
}

impl Asked<'_, '_> {
    /// The stages in which it is asked about a request or its reply, with what it may do there.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, String)> {
        let of = |stage: &'static str, may: Option<String>| may.map(|may| (stage, may));
        let request = self.hook.and_then(Hook::may_with_requests);
        let reply = self.hook.and_then(Hook::may_with_replies);
        of("authorize", request).into_iter().chain(of("respond", reply))
    }
}
