//! How what a route takes has changed, in words.

use crate::analyse::words::Names;
use crate::ir::Route;
use crate::policy::auth::Declared;

/// `: its path is now …, before …`, or nothing.
pub fn changes(old: &Route, new: &Route, auths: &[Declared]) -> String {
    let hosts = |route: &Route| {
        let hosts: Vec<String> = route.key.hosts.iter().map(ToString::to_string).collect();
        if hosts.is_empty() { "any".to_owned() } else { hosts.join(", ") }
    };
    let condition = |route: &Route| {
        let params: Vec<String> = route.key.pattern.params().iter().map(|(name, _)| (*name).to_owned()).collect();
        route.predicate.as_ref().map_or_else(|| "none".to_owned(), |expr| Names { auths, params: &params }.expr(expr))
    };
    let parts = [
        ("path is", old.key.pattern.text().to_owned(), new.key.pattern.text().to_owned()),
        ("methods are", old.key.methods.to_string(), new.key.methods.to_string()),
        ("host is", hosts(old), hosts(new)),
        ("`match` is", condition(old), condition(new)),
        ("priority is", old.key.priority.to_string(), new.key.priority.to_string()),
    ];
    let changed: Vec<String> = parts
        .into_iter()
        .filter(|(_, was, is)| was != is)
        .map(|(what, was, is)| format!("its {what} now `{is}`, before `{was}`"))
        .collect();
    if changed.is_empty() { String::new() } else { format!(": {}", changed.join(", ")) }
}
