//! The hooks of a policy in its catalogue: who is asked, when, and what may come of it.

use super::statements::Files;
use crate::ir::operate::Hook;
use crate::ir::{Program, Route, spell};
use std::fmt::Write;

/// The hooks that are asked about requests of a route, or about their replies.
pub(super) fn of_route<'p>(route: &Route, program: &'p Program) -> impl Iterator<Item = &'p Hook> {
    let hooks = route.hooks.iter().filter_map(|index| program.hooks.get(usize::from(*index)));
    hooks.filter(|hook| hook.is_asked())
}

/// The section on all of them.
pub(super) fn hooks(program: &Program, routes: &[&Route], files: &Files<'_>, out: &mut String) {
    if program.hooks.is_empty() {
        return;
    }
    out.push_str("\n## Who is asked\n");
    for (index, hook) in program.hooks.iter().enumerate() {
        let _ = write!(out, "\n### {}\n\n", hook.name);
        if let Some(docs) = files.docs("hook", &hook.name) {
            let _ = write!(out, "{docs}\n\n");
        }
        match &hook.url {
            Some(url) => _ = writeln!(out, "- a service at `{url}`"),
            None => _ = writeln!(out, "- a part of the program that the gateway is embedded in"),
        }
        let moments: Vec<&str> = hook.on.iter().map(|on| on.name()).collect();
        let _ = writeln!(out, "- asked on {}, for at most {}", moments.join(", "), spell::duration(hook.timeout));
        for may in hook.may_with_requests().into_iter().chain(hook.may_with_replies()) {
            let _ = writeln!(out, "- {may}");
        }
        if hook.forward {
            out.push_str("- told the credentials of requests as well\n");
        }
        let using = routes.iter().filter(|route| route.hooks.iter().any(|used| usize::from(*used) == index));
        let using: Vec<String> = using.map(|route| format!("[{}](#{})", route.name, route.name.to_lowercase())).collect();
        if !using.is_empty() {
            let _ = writeln!(out, "- in force on {}", using.join(", "));
        }
    }
}
