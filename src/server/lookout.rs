//! What routes are closed by outside the process: the flag files of `maintenance`, looked at once a second by a thread of its
//! own, and once before a plan is in force.

use super::worker::Shared;
use crate::compile::Plan;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks at every flag file of a plan.
pub fn look(plan: &Plan) {
    for switch in &plan.switches {
        if let Some(flag) = switch.flag() {
            switch.saw(Path::new(flag).try_exists());
        }
    }
}

/// Starts the thread. It ends with the process.
///
/// # Errors
/// When it cannot be started.
pub fn start(shared: Arc<Shared>) -> io::Result<JoinHandle<io::Result<()>>> {
    std::thread::Builder::new().name("gate-lookout".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(shared.stop.run_until_cancelled(async {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                look(&shared.plan.load());
            }
        }));
        Ok(())
    })
}
