//! The thread that looks up and probes the targets of the plan in force, and fetches what upstreams say of themselves: one for the process, so that no target is asked by every worker.

use super::described;
use super::worker::Shared;
use crate::upstream::Transport;
use crate::upstream::health::Prober;
use crate::upstream::transport::TIDY_EVERY;
use futures_util::future::join_all;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Starts it. It ends with the process; what it has asked by then is not waited for.
pub fn start<T: Transport>(shared: Arc<Shared>, transport: T) -> io::Result<JoinHandle<io::Result<()>>> {
    std::thread::Builder::new().name("gate-prober".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(probe(&shared, transport));
        Ok(())
    })
}

async fn probe<T: Transport>(shared: &Shared, transport: T) {
    let transport = Arc::new(transport);
    let mut prober = Prober::new(Arc::clone(&transport), fastrand::Rng::new());
    loop {
        // Asked for before the plan is read, so that no other one is missed.
        let swapped = shared.swapped.notified();
        let plan = shared.plan.load_full();
        prober.follow(&plan.upstreams);
        let tidy = async {
            loop {
                tokio::time::sleep(TIDY_EVERY).await;
                transport.tidy();
            }
        };
        let look_up = async {
            join_all(plan.upstreams.iter().map(|upstream| transport.look_up(upstream))).await;
            std::future::pending::<()>().await;
        };
        let describe = async {
            described::keep(&plan, &*transport).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = look_up => {}
            () = describe => {}
            () = swapped => {}
            () = tidy => {}
        }
    }
}
