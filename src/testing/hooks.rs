//! Hooks under `gate test`: they say nothing, or what the test gives them to say.

use crate::hook::{Answer, Failure, Hook, Question, Said};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// A hook that says what it is told to.
#[derive(Debug, Default)]
pub struct Scripted {
    says: Mutex<Option<Result<Answer, Failure>>>,
    about_request: AtomicBool,
    about_reply: AtomicBool,
}

impl Scripted {
    /// What it says from here on, whenever it is asked.
    pub fn says(&self, said: Result<Answer, Failure>) {
        *self.says.lock() = Some(said);
    }

    /// What it was told to say, in words; none where it was told nothing.
    pub fn script(&self) -> Option<Result<String, String>> {
        let said = self.says.lock().clone()?;
        Some(said.map(|answer| in_words(&answer)).map_err(|failure| failure.to_string()))
    }

    /// As if it had not been asked yet.
    pub fn forget(&self) {
        self.about_request.store(false, Ordering::Relaxed);
        self.about_reply.store(false, Ordering::Relaxed);
    }

    /// True when it was asked about a request since then.
    pub fn was_asked_about_a_request(&self) -> bool {
        self.about_request.load(Ordering::Relaxed)
    }

    /// The same of a reply.
    pub fn was_asked_about_a_reply(&self) -> bool {
        self.about_reply.load(Ordering::Relaxed)
    }

    fn said(&self, about: &AtomicBool) -> Said<'static> {
        about.store(true, Ordering::Relaxed);
        match self.says.lock().clone() {
            None => Said::Nothing,
            Some(Ok(answer)) => Said::Answer(answer),
            Some(Err(failure)) => Said::Failed(failure),
        }
    }
}

impl Hook for Scripted {
    fn on_request<'a>(&'a self, _: Question<'a>) -> Said<'a> {
        self.said(&self.about_request)
    }

    fn on_response<'a>(&'a self, _: Question<'a>) -> Said<'a> {
        self.said(&self.about_reply)
    }

    fn on_error<'a>(&'a self, _: Question<'a>) -> Said<'a> {
        self.said(&self.about_reply)
    }
}

/// The names of fields alone: a value may be a credential.
fn in_words(answer: &Answer) -> String {
    let Answer { set, status, body } = answer;
    let status = status.map(|status| format!("status {status}"));
    let fields = set.iter().map(|(name, _)| format!("`{name}` set"));
    let said: Vec<String> = status.into_iter().chain(body.iter().map(|_| "a body".to_owned())).chain(fields).collect();
    if said.is_empty() { "it says nothing".to_owned() } else { format!("it says: {}", said.join(", ")) }
}
