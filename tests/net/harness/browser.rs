//! Chrome without a window, as Debian has it.

use super::is_there;
use std::process::{Child, Command, Stdio};

/// Without what a machine of tests lacks (a sandbox for root, a graphics card, much shared memory), and without calls of its own.
pub const SWITCHES: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
];

/// A browser with a profile of its own that has one page open. It ends when it is dropped.
pub struct Browser {
    child: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a page. None where there is no browser: that is said, and fails under CI.
    #[track_caller]
    pub fn open(page: &str) -> Option<Self> {
        if !is_there("chromium") {
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        command.args(SWITCHES).arg(format!("--user-data-dir={}", profile.path().display())).arg(page);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { child, _profile: profile })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself; the processes it has started end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
