//! What a gateway that runs can be told: to take another policy, to go back to an earlier one, to drain. Signals, the
//! admin API and watched files all say it through a [`Control`], and are heard one after the other.

use super::upgrade::Successor;
use crate::http::Clock;
use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Mutex as Turns, MutexGuard as Turn, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Commands that wait for the one that is carried out.
pub const COMMANDS_MAX: usize = 16;
/// Why a gateway that ends takes no other policy.
pub(super) const ENDS: &str = "the gateway is about to end";
/// Why nothing more is done here after an upgrade, where the other process can be told.
pub(super) const PASSED_ON: &str = "another process serves in this one's place, and is told to reload: see what it says of that";
/// The same where it cannot.
pub(super) const SUCCEEDED: &str = "another process serves in this one's place: ask that one";

/// By what a policy comes to be in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum By {
    /// The gateway started with it.
    Start,
    /// SIGHUP
    Signal,
    /// Its file has changed, which is watched.
    Watch,
    /// The admin listener
    Admin {
        /// and who asked for it there, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Arc<str>>,
    },
}

impl By {
    /// What it is, in a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Signal => "signal",
            Self::Watch => "watch",
            Self::Admin { .. } => "admin",
        }
    }

    /// Who asked for it, where that is known.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Admin { user } => user.as_deref(),
            Self::Start | Self::Signal | Self::Watch => None,
        }
    }
}

/// What came of a policy that was put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// Its number, counted from the first policy of this gateway.
    pub generation: u64,
    /// What it changes for requests, a line each.
    pub changes: Vec<String>,
}

/// Why nothing changed, as text for people: findings are rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The policy cannot be put in force.
    Unfit(String),
    /// The gateway takes none any more, since it ends or another process serves in its place: none was tried.
    TakesNone(&'static str),
    /// No policy of that number is kept, so none was tried.
    NotKept(String),
}

impl From<String> for Refused {
    fn from(text: String) -> Self {
        Self::Unfit(text)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unfit(text) | Self::NotKept(text) => f.write_str(text),
            Self::TakesNone(why) => f.write_str(why),
        }
    }
}

/// What came of a command to put a policy in force.
#[derive(Debug)]
pub struct Last {
    /// When, since the epoch.
    pub at: Duration,
    /// The policy that is in force since, or why it is not.
    pub outcome: Result<Reloaded, Refused>,
}

/// Who wants to know what came of a command.
pub type Answer = oneshot::Sender<Result<Reloaded, Refused>>;

/// What to do next.
#[derive(Debug)]
pub enum Command {
    /// Puts the policy's file in force as it is now.
    Reload(By, Answer),
    /// Puts an earlier policy in force, by its number.
    Rollback(u64, By, Answer),
}

/// How far a gateway's life is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It does not accept yet.
    Starting,
    /// It takes requests.
    Serving,
    /// It finishes what runs, and takes nothing further.
    Draining,
}

/// The way to a gateway that runs; cloned for everybody who has something to say.
#[derive(Debug, Clone)]
pub struct Control {
    commands: mpsc::Sender<Command>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    stage: Mutex<Stage>,
    generation: AtomicU64,
    last: ArcSwapOption<Last>,
    drain: CancellationToken,
    /// Whoever puts a policy in force, or another process in this one's place, does so alone.
    turns: Turns<()>,
    /// Cancelled once another process accepts in this one's place.
    succeeded: CancellationToken,
    successor: OnceLock<Mutex<Successor>>,
}

/// A way to a gateway, and what is said by it.
#[must_use]
pub fn channel() -> (Control, mpsc::Receiver<Command>) {
    let (commands, said) = mpsc::channel(COMMANDS_MAX);
    let state = State {
        stage: Mutex::new(Stage::Starting),
        generation: AtomicU64::new(1),
        last: ArcSwapOption::empty(),
        drain: CancellationToken::new(),
        turns: Turns::default(),
        succeeded: CancellationToken::new(),
        successor: OnceLock::new(),
    };
    (Control { commands, state: Arc::new(state) }, said)
}

impl Control {
    /// Puts the policy's file in force as it is now.
    ///
    /// # Errors
    /// What is wrong with it, or why else nothing changed.
    pub async fn reload(&self, by: By) -> Result<Reloaded, Refused> {
        self.ask(|answer| Command::Reload(by, answer)).await
    }

    /// The same by a signal, which does not wait for what comes of it. With [`COMMANDS_MAX`] commands waiting, one of them will do.
    pub fn request_reload(&self) {
        let _ = self.commands.try_send(Command::Reload(By::Signal, oneshot::channel().0));
    }

    /// Puts an earlier policy in force again, by its number.
    ///
    /// # Errors
    /// When there is no such policy (any more), or it does not suit the machine.
    pub async fn rollback(&self, generation: u64, by: By) -> Result<Reloaded, Refused> {
        self.ask(|answer| Command::Rollback(generation, by, answer)).await
    }

    /// Ends the gateway once what runs is finished, at most after the policy's `drain`. Commands are not waited for.
    pub fn drain(&self) {
        self.enter(Stage::Draining);
        self.state.drain.cancel();
    }

    /// How far it is. What is [`Stage::Draining`] stays so.
    #[must_use]
    pub fn stage(&self) -> Stage {
        *self.state.stage.lock()
    }

    /// The number of the policy in force.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.state.generation.load(Ordering::Relaxed)
    }

    /// Says which policy a gateway begins with.
    pub(super) fn begin_with(&self, generation: u64) {
        self.state.generation.store(generation, Ordering::Relaxed);
    }

    /// What came of the last command to put a policy in force; none before the first.
    #[must_use]
    pub fn last(&self) -> Option<Arc<Last>> {
        self.state.last.load_full()
    }

    /// Says that the gateway is further.
    pub(super) fn enter(&self, stage: Stage) {
        let mut current = self.state.stage.lock();
        if *current != Stage::Draining {
            *current = stage;
        }
    }

    /// Says what has come of a command to put a policy in force.
    pub(super) fn came(&self, outcome: Result<Reloaded, Refused>) {
        if let Ok(reloaded) = &outcome {
            self.state.generation.store(reloaded.generation, Ordering::Relaxed);
        }
        self.state.last.store(Some(Arc::new(Last { at: Clock::system().now(), outcome })));
    }

    /// Waits until somebody wants it to drain.
    pub(super) async fn told_to_drain(&self) {
        self.state.drain.cancelled().await;
    }

    /// Waits until nobody else changes what is in force.
    pub(super) async fn turn(&self) -> Turn<'_, ()> {
        self.state.turns.lock().await
    }

    /// The same outside a runtime.
    pub(super) fn wait_for_turn(&self) -> Turn<'_, ()> {
        self.state.turns.blocking_lock()
    }

    /// Says that another process accepts in this one's place: which.
    pub(super) fn hand_over(&self, successor: Successor) {
        // There is one at most.
        let _ = self.state.successor.set(Mutex::new(successor));
        self.enter(Stage::Draining);
        self.state.succeeded.cancel();
    }

    /// Why it takes no policy any more; none while it does.
    pub(super) fn takes_none(&self) -> Option<&'static str> {
        let ends = self.stage() == Stage::Draining;
        ends.then(|| if self.successor().is_some() { SUCCEEDED } else { ENDS })
    }

    /// The process that accepts in this one's place.
    pub(super) fn successor(&self) -> Option<&Mutex<Successor>> {
        self.state.successor.get()
    }

    /// Waits until another process accepts in this one's place.
    pub async fn succeeded(&self) {
        self.state.succeeded.cancelled().await;
    }

    async fn ask(&self, command: impl FnOnce(Answer) -> Command) -> Result<Reloaded, Refused> {
        let (answer, answered) = oneshot::channel();
        let told = self.commands.send(command(answer)).await.is_ok();
        let answered = if told { answered.await.ok() } else { None };
        answered.unwrap_or(Err(Refused::TakesNone(ENDS)))
    }
}

#[cfg(test)]
mod tests {
    use super::{By, COMMANDS_MAX, Command, ENDS, Refused, Reloaded, Stage, channel};

    #[tokio::test]
    async fn who_asks_gets_the_answer() {
        let (control, mut commands) = channel();
        let asked = tokio::spawn(async move { control.rollback(3, By::Watch).await });
        let Some(Command::Rollback(3, By::Watch, answer)) = commands.recv().await else { panic!("another command") };
        let reloaded = Reloaded { generation: 5, changes: vec!["LOOSER more".to_owned()] };
        answer.send(Ok(reloaded.clone())).unwrap();
        assert_eq!(asked.await.unwrap(), Ok(reloaded));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_gateway_that_ends() {
        let (control, commands) = channel();
        drop(commands);
        assert_eq!(control.reload(By::Watch).await, Err(Refused::TakesNone(ENDS)));
        let (control, mut commands) = channel();
        let asked = tokio::spawn(async move { control.reload(By::Watch).await });
        drop(commands.recv().await);
        assert_eq!(asked.await.unwrap(), Err(Refused::TakesNone(ENDS)));
    }

    #[tokio::test]
    async fn reloads_that_nobody_waits_for_do_not_pile_up() {
        let (control, mut commands) = channel();
        (0..COMMANDS_MAX + 5).for_each(|_| control.request_reload());
        drop(control);
        let mut count = 0;
        while commands.recv().await.is_some() {
            count += 1;
        }
        assert_eq!(count, COMMANDS_MAX);
    }

    #[test]
    fn what_drains_never_serves_again() {
        let (control, _commands) = channel();
        assert_eq!(control.stage(), Stage::Starting);
        control.enter(Stage::Serving);
        assert_eq!(control.stage(), Stage::Serving);
        control.drain();
        control.enter(Stage::Serving);
        assert_eq!(control.stage(), Stage::Draining);
    }
}
