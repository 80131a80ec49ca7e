//! Hooks under `gate test`: they say nothing, or what the test gives them to say.

use crate::hook::{Answer, Failure, Hook, Question, Said};
use parking_lot::Mutex;

/// A hook that says what it is told to.
#[derive(Debug, Default)]
pub struct Scripted(Mutex<Option<Result<Answer, Failure>>>);

impl Scripted {
    /// What it says from here on, whenever it is asked.
    pub fn says(&self, said: Result<Answer, Failure>) {
        *self.0.lock() = Some(said);
    }

    fn said(&self) -> Said<'static> {
        match self.0.lock().clone() {
            None => Said::Nothing,
            Some(Ok(answer)) => Said::Answer(answer),
            Some(Err(failure)) => Said::Failed(failure),
        }
    }
}

impl Hook for Scripted {
    fn on_request<'a>(&'a self, _: Question<'a>) -> Said<'a> {
        self.said()
    }

    fn on_response<'a>(&'a self, _: Question<'a>) -> Said<'a> {
        self.said()
    }

    fn on_error<'a>(&'a self, _: Question<'a>) -> Said<'a> {
        self.said()
    }
}
