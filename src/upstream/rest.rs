//! What of a request is still to go out when its answer has begun.
//!
//! Whoever takes the answer may stop taking it, and still send: so the rest goes out in a task of its own, as fast as the
//! upstream takes it, and ends with the answer. A request that is out when its answer begins, as nearly all are, has none.

use crate::http::{Fault, FaultKind};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_util::task::AbortOnDropHandle;

/// The rest of a request on its way; given up when this is dropped.
#[derive(Debug)]
pub struct Rest<T>(AbortOnDropHandle<Result<T, Fault>>);

impl<T: Send + 'static> Rest<T> {
    /// Lets it go out.
    pub fn send(sending: impl Future<Output = Result<T, Fault>> + Send + 'static) -> Self {
        Self(AbortOnDropHandle::new(tokio::spawn(sending)))
    }

    /// Ready when it is over. Not to be asked again then.
    ///
    /// # Errors
    /// When the request's body fails.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Fault>> {
        let broken = |error| Fault::new(FaultKind::BodyBroken, format!("the rest of the request was lost: {error}"));
        Pin::new(&mut self.0).poll(cx).map(|ended| ended.map_err(broken).flatten())
    }
}
