//! `gate run`: the server in the foreground, under the signals of the process and what its [`Control`] is told.

use super::control::{Answer, By, Command, Control, PASSED_ON, Refused, Reloaded, Stage};
use super::signals::{Ends, Heard};
use super::upgrade::{Line, Successor, upgrade};
use super::{GATEWAY, Inherited, Server};
use crate::compile::Plan;
use crate::events::Change;
use crate::upstream::Transport;
use futures_util::future::{Fuse, FusedFuture, FutureExt};
use parking_lot::Mutex;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How often what may change outside the policy is looked at.
pub const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How long an upgrade waits for a policy that is being put in force.
const TURN_MAX: Duration = Duration::from_secs(60);

/// How long a gateway that is to end at once may still take to say so to everybody.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is said of a policy that the gateway's own code cannot cope with.
const UNFORESEEN: &str = "the gateway cannot cope with this policy, which is a fault of its own: please report it, with what it says above";

/// Which policy is to be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// That of the policy's file.
    File,
    /// An earlier one, by its number.
    Generation(u64),
}

/// Where the policies of a gateway come from. What they take to be read and compiled is taken from no request: they have a
/// thread of their own.
pub trait Policies: Send + 'static {
    /// Called once, when every listener accepts: the number of the policy that is in force.
    fn started(&mut self, server: &Arc<Server>) -> u64;

    /// Puts a policy in force.
    ///
    /// # Errors
    /// Why it cannot be. Nothing has changed then.
    fn put_in_force(&mut self, wanted: Wanted, by: By, server: &Server) -> Result<Reloaded, Refused>;

    /// Looks at what may have changed outside the policy, every [`LOOK_AGAIN`].
    fn look_again(&mut self, server: &Server);
}

/// How a gateway has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that had to be cut.
    pub cut: usize,
    /// True when a second SIGINT ended the drain before it was over.
    pub hurried: bool,
}

/// Serves until SIGTERM, SIGINT or [`Control::drain`], then drains; a second SIGINT ends that at once. SIGHUP is
/// [`Control::reload`]. The end waits for no policy that is being compiled. SIGUSR2 starts the program anew in this one's
/// place, which drains when the new one accepts; what it is told meanwhile is heard, and policies wait.
///
/// # Errors
/// When the server cannot start, or a worker failed.
pub fn run<T: Transport>(
    plan: Plan,
    inherited: Inherited,
    transport: impl Fn() -> T,
    mut policies: impl Policies,
    (control, commands): (Control, mpsc::Receiver<Command>),
    line: &Line,
    heard: Heard,
) -> io::Result<Ended> {
    let Heard { runtime, mut hang_up, mut succeed } = heard;
    let _inside = runtime.enter();
    let mut ends = Ends::new()?;
    let server = Arc::new(Server::start_with(plan, transport, io::stdout(), inherited)?);
    control.enter(Stage::Serving);
    control.begin_with(policies.started(&server));
    server.note_generation(control.generation());
    line.accepts();
    let follower = Follower { policies, server: Arc::clone(&server), control: control.clone() };
    std::thread::Builder::new().name("gate-policies".to_owned()).spawn(|| follower.follow(commands))?;
    runtime.block_on(async {
        let mut upgrading = pin!(Fuse::terminated());
        loop {
            tokio::select! {
                () = ends.first() => break,
                () = control.told_to_drain() => break,
                _ = hang_up.recv() => control.request_reload(),
                // One that is under way is the one that is asked for.
                Some(()) = succeed.recv() => if upgrading.is_terminated() {
                    upgrading.set(hand_over(&server, line, &control).fuse());
                },
                outcome = &mut upgrading => match outcome {
                    Ok(process) => {
                        tracing::info!(process, "a new process accepts; this one ends");
                        break;
                    }
                    Err(error) => {
                        server.plan().events.tell(Change::Failed, GATEWAY, format!("no new process, this one stays: {error}"));
                    }
                },
            }
        }
    });
    // Whoever asks whether to send more requests hears it before nobody accepts.
    control.enter(Stage::Draining);
    let (end, mut ended) = oneshot::channel();
    let ending = Arc::clone(&server);
    std::thread::Builder::new().name("gate-end".to_owned()).spawn(move || end.send(ending.shutdown()))?;
    runtime.block_on(async {
        let mut hurried = pin!(ends.second_interrupt());
        let lost = |_| io::Error::other("the thread that ends the gateway panicked");
        loop {
            tokio::select! {
                ended = &mut ended => return Ok(Ended { cut: ended.map_err(lost)??, hurried: false }),
                () = &mut hurried => {
                    tracing::warn!("told to end once more: what still runs is cut");
                    let cut = server.connections();
                    server.hurry();
                    let ended = timeout(LAST_WORDS, ended).await;
                    return Ok(Ended { cut: ended.map_or(Ok(Ok(cut)), |ended| ended).map_err(lost)??, hurried: true });
                }
                // For a process in this one's place.
                _ = hang_up.recv() => control.request_reload(),
            }
        }
    })
}

/// Puts another process in the place of this one: which. Policies wait meanwhile: the new one has read its own.
async fn hand_over(server: &Server, line: &Line, control: &Control) -> io::Result<u32> {
    let busy = |_| io::Error::other(format!("a policy has been read and compiled for {} s", TURN_MAX.as_secs()));
    let _turn = timeout(TURN_MAX, control.turn()).await.map_err(busy)?;
    let successor = upgrade(server, line).await?;
    let process = successor.process.id();
    control.hand_over(successor);
    Ok(process)
}

/// Has the process that is in this one's place reload, since it may have read the file before it changed. True when it was told.
fn pass_on(successor: &Mutex<Successor>) -> bool {
    let told = successor.lock().reload();
    told.inspect_err(|error| tracing::warn!(%error, "the new process cannot be told to reload")).is_ok()
}

/// Carries out what a gateway is told, one command after the other.
struct Follower<P> {
    policies: P,
    server: Arc<Server>,
    control: Control,
}

impl<P: Policies> Follower<P> {
    /// Runs until nobody can say anything any more.
    fn follow(mut self, mut commands: mpsc::Receiver<Command>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        loop {
            match runtime.block_on(async { timeout(LOOK_AGAIN, commands.recv()).await }) {
                Err(_) => self.policies.look_again(&self.server),
                Ok(None) => return Ok(()),
                Ok(Some(Command::Reload(by, answer))) => self.answer(Wanted::File, by, answer),
                Ok(Some(Command::Rollback(generation, by, answer))) => self.answer(Wanted::Generation(generation), by, answer),
            }
        }
    }

    /// A fault of the compiler's own is one of this policy's, and does not end the taking of others. What follows once it is in
    /// force is guarded where it is done ([`Server::follow_up`]).
    fn put_in_force(&mut self, wanted: Wanted, by: By) -> Result<Reloaded, Refused> {
        let attempt = AssertUnwindSafe(|| self.policies.put_in_force(wanted, by, &self.server));
        catch_unwind(attempt).unwrap_or_else(|_| Err(UNFORESEEN.to_owned().into()))
    }

    fn answer(&mut self, wanted: Wanted, by: By, answer: Answer) {
        let control = self.control.clone();
        let _turn = control.wait_for_turn();
        let outcome = match control.takes_none() {
            Some(why) => Err(Refused::TakesNone(why)),
            None => self.put_in_force(wanted, by),
        };
        if let (Err(_), Some(why)) = (&outcome, control.takes_none()) {
            let passed_on = control.successor().filter(|_| wanted == Wanted::File).is_some_and(pass_on);
            let why = if passed_on { PASSED_ON } else { why };
            tracing::warn!("not reloaded: {why}");
            // Not everybody waits for what comes of it.
            let _ = answer.send(Err(Refused::TakesNone(why)));
            return;
        }
        if let Err(Refused::NotKept(_)) = outcome {
            let _ = answer.send(outcome);
            return;
        }
        self.server.note_reload(outcome.is_ok());
        let plan = self.server.plan();
        match &outcome {
            Ok(Reloaded { generation, changes }) => {
                let same = if changes.is_empty() { ": it means the same as before" } else { "" };
                let says =
                    changes.iter().fold(format!("reloaded as policy {generation}{same}"), |says, change| format!("{says}\n{change}"));
                plan.events.tell(Change::Reloaded, GATEWAY, says);
            }
            Err(error) => plan.events.tell(
                Change::ReloadRefused,
                GATEWAY,
                format!("not reloaded; the old policy stays: {}", error.to_string().trim_end()),
            ),
        }
        self.control.came(outcome.clone());
        self.server.note_generation(self.control.generation());
        let _ = answer.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::{Follower, Policies, Refused, Reloaded, UNFORESEEN, Wanted};
    use crate::server::control::{By, ENDS, SUCCEEDED};
    use crate::server::tests::rig::{draft, nobody};
    use crate::server::upgrade::Successor;
    use crate::server::{Server, control};
    use std::sync::Arc;
    use tokio::sync::oneshot;

    /// Breaks down over the first policy, and takes the others.
    struct Fragile(u64);

    impl Policies for Fragile {
        fn started(&mut self, _: &Arc<Server>) -> u64 {
            1
        }

        fn put_in_force(&mut self, wanted: Wanted, _: By, _: &Server) -> Result<Reloaded, Refused> {
            if let Wanted::Generation(number) = wanted {
                return Err(Refused::NotKept(format!("there is no policy {number}")));
            }
            self.0 += 1;
            assert!(self.0 > 1, "what nobody foresaw");
            Ok(Reloaded { generation: self.0, changes: Vec::new() })
        }

        fn look_again(&mut self, _: &Server) {}
    }

    #[tokio::test]
    async fn a_policy_that_breaks_the_compiler_is_refused_and_none_is_taken_at_the_end() {
        let server = Arc::new(draft(nobody().await).start().server);
        let (control, _commands) = control::channel();
        let mut follower = Follower { policies: Fragile(0), server: Arc::clone(&server), control: control.clone() };
        let told = tokio::task::spawn_blocking(move || {
            let mut tell = |wanted| {
                let (answer, answered) = oneshot::channel();
                follower.answer(wanted, By::Signal, answer);
                answered.blocking_recv().unwrap()
            };
            let told = [tell(Wanted::File), tell(Wanted::File)];
            let unknown = tell(Wanted::Generation(9));
            let last = control.last().unwrap().outcome.clone();
            control.drain();
            let late = tell(Wanted::File);
            control.hand_over(Successor::that_ended());
            (told, (unknown, last), [late, tell(Wanted::File)], follower.policies.0)
        });
        let ([broken, fine], (unknown, last), late, asked) = told.await.unwrap();
        assert_eq!((broken, late), (Err(UNFORESEEN.to_owned().into()), [ENDS, SUCCEEDED].map(|why| Err(Refused::TakesNone(why)))));
        assert_eq!(unknown, Err(Refused::NotKept("there is no policy 9".to_owned())));
        assert_eq!(last, fine, "what nobody has is no reload that was refused");
        assert_eq!((fine.unwrap().generation, asked), (2, 2));
        tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap().unwrap();
    }
}
