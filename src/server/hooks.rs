//! Hooks that are told when the gateway starts and ends. Each is waited for no longer than its `timeout`.

use crate::policy::hooks::Called;
use futures_util::future::join_all;
use std::io;
use std::sync::Arc;

/// Tells those of a plan that is about to be in force; who was told before is not told again.
///
/// # Errors
/// When no thread can be started.
pub fn start(hooks: &[Arc<Called>]) -> io::Result<()> {
    apart(hooks.to_vec(), async |hook| hook.start().await)
}

/// Tells those that are in the old plan and not in the new one.
///
/// # Errors
/// When no thread can be started.
pub fn stop(old: &[Arc<Called>], new: &[Arc<Called>]) -> io::Result<()> {
    let gone = old.iter().filter(|hook| !new.iter().any(|other| Arc::ptr_eq(hook, other)));
    apart(gone.cloned().collect(), async |hook| hook.stop().await)
}

/// On a thread of its own: whoever starts a server may be inside a runtime.
fn apart(hooks: Vec<Arc<Called>>, tell: impl AsyncFn(&Called) + Send + 'static) -> io::Result<()> {
    if hooks.is_empty() {
        return Ok(());
    }
    let telling = std::thread::Builder::new().name("gate-hooks".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(join_all(hooks.iter().map(|hook| tell(hook))));
        Ok(())
    })?;
    telling.join().map_err(|_| io::Error::other("a hook panicked"))?
}
