//! What is turned by hand: flags and maintenance.

use super::{listed, shown};
use crate::admin::answer::{Answered, unknown};
use crate::admin::desk::Desk;
use crate::admin::endpoints::Asked;
use crate::http::Problem;
use crate::ir::spell;
use crate::lang::value::{Percent, Value};
use crate::policy::flag::Flag;
use crate::policy::maintenance::Switch;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The flags.
pub fn flags(desk: &Desk, _: &Asked) -> Answered {
    listed(desk.server.plan().flags.iter().map(|flag| (flag.name().to_owned(), of_flag(flag))))
}

/// One of them.
pub fn flag(desk: &Desk, asked: &Asked) -> Answered {
    shown(of_flag(&*flag_of(desk, &asked.name)?))
}

/// The flag of a name.
///
/// # Errors
/// With 404 where there is none.
pub fn flag_of(desk: &Desk, name: &str) -> Result<Arc<Flag>, Problem> {
    let plan = desk.server.plan();
    plan.flags.iter().find(|flag| flag.name() == name).cloned().ok_or_else(|| unknown(format!("there is no flag `{name}`")))
}

fn of_flag(flag: &Flag) -> Json {
    json!({ "on": share(flag.share()), "declared": share(flag.declared()) })
}

/// A flag's share as a policy writes it.
pub fn share(share: Percent) -> String {
    match share.0 {
        0 => "off".to_owned(),
        10_000.. => "on".to_owned(),
        _ => spell::value(&Value::Percent(share)),
    }
}

/// The routes that can be closed.
pub fn maintenance(desk: &Desk, _: &Asked) -> Answered {
    listed(desk.server.plan().switches.iter().map(|of| (of.route().to_owned(), switch(of))))
}

/// Whether a route is closed, and who says so.
pub fn switch(switch: &Switch) -> Json {
    json!({ "on": switch.is_on(), "by_hand": switch.by_hand(), "file": switch.flag() })
}
