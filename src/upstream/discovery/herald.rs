//! Tells that a name of an upstream leads nowhere, and that it does again.

use super::super::Upstream;
use crate::events::{Change, Events};
use std::sync::Arc;

/// Who tells.
#[derive(Debug)]
pub struct Herald {
    events: Arc<Events>,
    upstream: Arc<str>,
    name: String,
}

impl Herald {
    /// One for a name that leads to endpoints of an upstream.
    #[must_use]
    pub fn of(upstream: &Upstream, name: &str) -> Self {
        Self { events: Arc::clone(&upstream.events), upstream: Arc::clone(&upstream.name), name: name.to_owned() }
    }

    /// The name cannot be looked up; `stays` when it was before, so that the addresses of then stay in use.
    pub fn lost(&self, error: &str, stays: bool) {
        let what_holds = if stays { "the addresses known last stay" } else { "nothing is known of where it leads" };
        self.events.tell(Change::TargetUnresolved, &self.upstream, format!("{error}; {what_holds}"));
    }

    /// It can again.
    pub fn found(&self) {
        self.events.tell(Change::TargetResolved, &self.upstream, format!("`{}` leads somewhere again", self.name));
    }
}
