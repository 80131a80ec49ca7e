//! What whoever administers has at hand: the server, the way to tell it something, and the policy in force.

use super::archive::Archive;
use super::aside::Aside;
use super::logins::Logins;
use super::rehearse::Rehearsal;
use crate::events::Change;
use crate::ir::Program;
use crate::server::{Control, Server};
use arc_swap::ArcSwap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The policy in force, as it is shown; whoever puts another in force says so here.
#[derive(Debug)]
pub struct InForce {
    file: PathBuf,
    program: ArcSwap<Program>,
}

impl InForce {
    /// The first policy of a gateway.
    #[must_use]
    pub fn new(file: &Path, program: Arc<Program>) -> Self {
        Self { file: file.to_owned(), program: ArcSwap::new(program) }
    }

    /// Another one is in force.
    pub fn now(&self, program: Arc<Program>) {
        self.program.store(program);
    }

    /// Where it was read.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What it means.
    #[must_use]
    pub fn program(&self) -> Arc<Program> {
        self.program.load_full()
    }
}

/// What whoever administers has at hand.
pub struct Desk {
    /// The server.
    pub server: Arc<Server>,
    /// The way to tell it something.
    pub control: Control,
    /// The policy in force.
    pub policy: Arc<InForce>,
    /// Those before it.
    pub archive: Arc<dyn Archive>,
    /// How a request is tried out.
    pub rehearsal: Rehearsal,
    /// Where what takes a while is done.
    pub aside: Aside,
    /// Logins that fail.
    pub logins: Logins,
    began: Instant,
}

impl Desk {
    /// The desk of a server that has just begun.
    #[must_use]
    pub fn new(server: Arc<Server>, control: Control, (policy, archive): (Arc<InForce>, Arc<dyn Archive>), rehearsal: Rehearsal) -> Self {
        let (aside, logins, began) = (Aside::new(), Logins::default(), Instant::now());
        Self { server, control, policy, archive, rehearsal, aside, logins, began }
    }

    /// How long the server has run.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// Tells what was changed by hand.
    pub fn tell(&self, change: Change, subject: &str, detail: impl Into<String>) {
        self.server.plan().events.tell(change, subject, detail);
    }
}
