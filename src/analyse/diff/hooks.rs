//! Hooks: which of them routes ask, and what is declared of them. One that may keep requests or replies back is a guard like any other.

use super::align::Both;
use super::rest::{self, Setting};
use super::{Class, Comparison, Difference};
use crate::analyse::words::Names;
use crate::ir::Route;
use crate::ir::operate::{Hook, On};

/// What makes a request meet the change of a guard.
const REFUSED: &str = "refused by it";

/// Which hooks two routes ask.
pub fn of_routes(old: &Route, new: &Route, comparison: &Comparison<'_>, found: &mut Vec<Difference>) {
    let both = |hook: &u16| comparison.aligned.hooks.get(usize::from(*hook));
    let more = |of: &Route, than: &Route| of.hooks.iter().filter(|hook| !than.hooks.contains(hook)).copied().collect::<Vec<u16>>();
    let (added, gone) = (more(new, old), more(old, new));
    let added_hooks = added.iter().filter_map(both).filter_map(|both| both.new.as_ref());
    found.extend(added_hooks.map(|hook| changed(hook, Class::Tighter, format!("hook `{}` is asked", hook.name))));
    let gone_hooks = gone.iter().filter_map(both).filter_map(|both| both.old.as_ref());
    found.extend(gone_hooks.map(|hook| changed(hook, Class::Looser, format!("hook `{}` is not asked any more", hook.name))));
    if added.is_empty() && gone.is_empty() && old.hooks != new.hooks {
        found.push(Difference::new(Class::Reshaped, "hooks are asked in another order"));
    }
}

/// A hook that comes or goes: of that class when it is a guard.
fn changed(hook: &Hook, class: Class, says: String) -> Difference {
    if hook.on.iter().any(|on| guards(hook, *on)) {
        Difference::new(class, says).with(REFUSED)
    } else {
        Difference::new(Class::Reshaped, says)
    }
}

/// True when requests may be refused on its account then: it may answer them itself, or a reply is kept back without its word.
fn guards(hook: &Hook, on: On) -> bool {
    match on {
        On::Request => true,
        On::Response => hook.refuse,
        On::Startup | On::Error | On::Shutdown => false,
    }
}

/// What is declared of hooks; which of them there are, routes tell.
pub fn declared(all: &[Both<Hook>], names: &Names<'_>, found: &mut Vec<Difference>) {
    for both in all {
        match (&both.old, &both.new) {
            (None, None) => {}
            (Some(gone), None) => found.push(Difference::new(Class::Cosmetic, format!("hook `{}` is not declared any more", gone.name))),
            (None, Some(added)) => found.push(Difference::new(Class::Cosmetic, format!("hook `{}` is declared", added.name))),
            (Some(was), Some(is)) => declaration(was, is, names, found),
        }
    }
}

fn declaration(was: &Hook, is: &Hook, names: &Names<'_>, found: &mut Vec<Difference>) {
    let name = &is.name;
    for on in On::ALL {
        let (class, hook, verb) = match (was.on.contains(on), is.on.contains(on)) {
            (false, true) => (Class::Tighter, is, "is asked"),
            (true, false) => (Class::Looser, was, "is not asked any more"),
            (true, true) | (false, false) => continue,
        };
        let says = format!("hook `{name}` {verb} on `{}`", on.name());
        found.push(if guards(hook, *on) { Difference::new(class, says).with(REFUSED) } else { Difference::new(Class::Reshaped, says) });
    }
    if was.refuse != is.refuse {
        let (class, now, before) = if is.refuse { (Class::Tighter, "refuse", "continue") } else { (Class::Looser, "continue", "refuse") };
        let says = format!("`on_failure` of hook `{name}` is `{now}`, was `{before}`");
        found.push(Difference::new(class, says).with("when it cannot be asked"));
    }
    let time = |setting: &Setting| setting.path.last().is_some_and(|name| name == "timeout" || name == "nanos");
    let class = |setting: &Setting| if time(setting) { Class::Tuned } else { Class::Reshaped };
    found.extend(rest::told(was, is, &["name", "on", "refuse"], &format!(" of hook `{name}`"), names, class));
}
