//! A response on its way to a client and into the store at once. The client is not slowed: bytes are copied as they pass.
//! Who waits for the same response reads what was copied, and makes the rest come at its own pace, not the first client's.

use super::content::{Content, Gathered};
use super::flights::Lead;
use super::shelf::Shelf;
use super::store::Key;
use super::stored::{Head, Stored};
use crate::http::{Body, Fault, FaultKind};
use bytes::Bytes;
use hashbrown::HashMap;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use parking_lot::{Mutex, MutexGuard};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

/// Frames taken in one go by a task that does nothing else.
const FRAMES_MAX: usize = 32;
/// Longest that a body is taken in for the store alone, which nobody reads.
const UNREAD_MAX: Duration = Duration::from_secs(60);

/// A response that is coming in.
#[derive(Debug)]
pub struct Fill {
    /// All but its body.
    pub head: Head,
    length: Option<u64>,
    shelf: Arc<Shelf>,
    hash: u64,
    key: Key,
    runtime: Option<Handle>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What is still to come; none once the first client has taken it over, or it has ended.
    body: Option<Body>,
    /// A task of its own takes it in.
    pump: Option<AbortHandle>,
    /// It is wanted for the store, whether or not anybody reads it.
    kept_on: bool,
    gathered: Gathered,
    reserved: u64,
    end: End,
    trailers: Option<HeaderMap>,
    readers: HashMap<u32, Waker>,
    readers_so_far: u32,
    readers_now: u32,
    /// Since when nobody reads it; none while somebody does.
    unread_since: Option<Instant>,
    lead: Option<Lead>,
}

impl State {
    /// True for what has not ended, and nobody reads.
    fn is_unread(&self) -> bool {
        self.readers_now == 0 && matches!(self.end, End::Open)
    }
}

#[derive(Debug)]
enum End {
    /// More is to come.
    Open,
    /// It came whole.
    Whole(Content),
    /// It broke off.
    Broken(Fault),
    /// It is too large to be stored.
    TooLarge,
}

impl Fill {
    /// Takes in a body that is to be stored; it comes back as it was where there is no room for it.
    ///
    /// # Errors
    /// The body and the lead, when the store is too small, or as much is coming in as may.
    pub fn begin(
        head: Head,
        body: Body,
        shelf: &Arc<Shelf>,
        (hash, key): (u64, &Key),
        lead: Option<Lead>,
    ) -> Result<Arc<Self>, (Body, Option<Lead>)> {
        let length = body.size_hint().exact();
        let reserved = length.unwrap_or(0);
        if !shelf.store.reserve(reserved) {
            return Err((body, lead));
        }
        let state = State {
            body: Some(body),
            pump: None,
            kept_on: false,
            gathered: Gathered::new(length),
            reserved,
            end: End::Open,
            trailers: None,
            readers: HashMap::new(),
            readers_so_far: 0,
            readers_now: 0,
            unread_since: Some(Instant::now()),
            lead,
        };
        let runtime = Handle::try_current().ok();
        let fill = Arc::new(Self { head, length, shelf: Arc::clone(shelf), hash, key: Arc::clone(key), runtime, state: Mutex::new(state) });
        if let Some(lead) = &fill.state.lock().lead {
            lead.fills(&fill);
        }
        Ok(fill)
    }

    /// True when it is known how much is to come.
    #[must_use]
    pub fn has_length(&self) -> bool {
        self.length.is_some()
    }

    /// The body for the client whose request this is.
    #[must_use]
    pub fn first(self: &Arc<Self>) -> Body {
        self.reader(true)
    }

    /// The body for somebody who asked for the same.
    #[must_use]
    pub fn another(self: &Arc<Self>) -> Body {
        self.reader(false)
    }

    fn reader(self: &Arc<Self>, leads: bool) -> Body {
        let mut state = self.state.lock();
        state.readers_so_far += 1;
        state.readers_now += 1;
        state.unread_since = None;
        let number = state.readers_so_far;
        drop(state);
        Body::stream(Reader { fill: Arc::clone(self), number, leads, at: 0, own: None })
    }

    /// Takes the rest in for the store, though nobody reads it.
    pub fn keep_on(self: &Arc<Self>) {
        self.state.lock().kept_on = true;
        self.take_in();
    }

    /// Takes the rest in at the pace it comes at, whether or not the first client does.
    pub fn take_in(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let wanted = state.pump.is_none() && state.body.is_some() && matches!(state.end, End::Open);
        if let Some(runtime) = self.runtime.as_ref().filter(|_| wanted) {
            let fill = Arc::clone(self);
            state.pump = Some(runtime.spawn(async move { fill.pump().await }).abort_handle());
        }
    }

    /// Lets all who wait for it go by themselves: it may never end.
    pub fn is_waited_for_no_longer(&self) {
        let mut state = self.state.lock();
        if let Some(lead) = state.lead.take() {
            lead.alone();
        }
        if state.is_unread() && !state.kept_on {
            self.give_up(state);
        }
    }

    async fn pump(&self) {
        let mut until = Instant::now() + UNREAD_MAX;
        while timeout_at(until, poll_fn(|cx| self.poll_pump(cx))).await.is_err() {
            let (state, now) = (self.state.lock(), Instant::now());
            until = state.unread_since.unwrap_or(now) + UNREAD_MAX;
            if until <= now && state.is_unread() {
                return self.give_up(state);
            }
        }
    }

    /// Breaks off what nobody reads.
    fn give_up(&self, mut state: MutexGuard<'_, State>) {
        let (body, pump) = (state.body.take(), state.pump.take());
        self.break_off(&mut state, Fault::new(FaultKind::BodyBroken, "nobody reads it any more"));
        drop(state);
        drop(body);
        if let Some(pump) = pump {
            pump.abort();
        }
    }

    /// Takes in what there is.
    fn poll_pump(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        for _ in 0..FRAMES_MAX {
            if !matches!(state.end, End::Open) {
                return Poll::Ready(());
            }
            if self.poll_body(&mut state, cx).is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes in the next frame: the bytes of it, when it has any.
    fn poll_body(&self, state: &mut State, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(body) = &mut state.body else { return Poll::Pending };
        let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else { return Poll::Pending };
        let mut came = None;
        match frame {
            None => self.end(state),
            Some(Err(fault)) => self.break_off(state, fault),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    state.gathered.add(&data);
                    self.account(state);
                    came = Some(data);
                    if matches!(state.end, End::Open) && state.body.as_ref().is_some_and(|body| body.is_end_stream()) {
                        self.end(state);
                    }
                }
                Err(frame) => state.trailers = frame.into_trailers().ok(),
            },
        }
        for waker in state.readers.drain().map(|(_, waker)| waker) {
            waker.wake();
        }
        Poll::Ready(came)
    }

    fn account(&self, state: &mut State) {
        let more = state.gathered.length().saturating_sub(state.reserved);
        if more == 0 {
            return;
        }
        if self.length.is_none() && self.shelf.store.reserve(more) {
            state.reserved += more;
            return;
        }
        state.end = End::TooLarge;
        if let Some(lead) = state.lead.take() {
            lead.alone();
        }
    }

    fn end(&self, state: &mut State) {
        if self.length.is_some_and(|length| length != state.gathered.length()) {
            return self.break_off(state, Fault::new(FaultKind::BodyBroken, "the body is shorter than was said"));
        }
        state.body = None;
        let content = std::mem::replace(&mut state.gathered, Gathered::new(Some(0))).finish();
        let stored = Stored::new(self.head.clone(), content.clone(), &self.key);
        state.end = End::Whole(content);
        let is_stored = self.shelf.put(self.hash, &self.key, stored);
        self.give_back(state);
        match state.lead.take() {
            Some(lead) if is_stored => lead.stored(),
            Some(lead) => lead.alone(),
            None => {}
        }
    }

    /// Whoever waits and has got nothing of it goes by themselves.
    fn break_off(&self, state: &mut State, fault: Fault) {
        state.body = None;
        state.gathered = Gathered::new(Some(0));
        state.end = End::Broken(fault);
        self.give_back(state);
        if let Some(lead) = state.lead.take() {
            lead.alone();
        }
    }

    fn give_back(&self, state: &mut State) {
        self.shelf.store.release(std::mem::take(&mut state.reserved));
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        let reserved = self.state.get_mut().reserved;
        self.shelf.store.release(reserved);
    }
}

/// Reads a response that is coming in.
struct Reader {
    fill: Arc<Fill>,
    number: u32,
    /// The one whose request it is.
    leads: bool,
    at: u64,
    /// The rest of a body that is not stored.
    own: Option<Body>,
}

impl Reader {
    fn poll_shared(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let fill = Arc::clone(&self.fill);
        let mut state = fill.state.lock();
        let state = &mut *state;
        loop {
            let piece = match &state.end {
                End::Whole(content) => content.from(self.at),
                End::Open | End::TooLarge => state.gathered.from(self.at),
                End::Broken(fault) => return Poll::Ready(Some(Err(fault.clone()))),
            };
            if let Some(piece) = piece {
                self.at += piece.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            match &state.end {
                // Trailers are not stored, nor are they another's (RFC 9111 §3.1).
                End::Whole(_) if self.leads => return Poll::Ready(state.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))),
                End::Whole(_) => return Poll::Ready(None),
                // Nobody else reads it: those who wait go by themselves.
                End::TooLarge => {
                    self.own = Some(state.body.take().unwrap_or_default());
                    state.gathered = Gathered::new(Some(0));
                    fill.give_back(state);
                    return Poll::Pending;
                }
                End::Open if self.leads && state.pump.is_none() => match fill.poll_body(state, cx) {
                    Poll::Ready(Some(data)) => {
                        self.at += data.len() as u64;
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    Poll::Ready(None) => {}
                    Poll::Pending => {
                        state.readers.insert(self.number, cx.waker().clone());
                        return Poll::Pending;
                    }
                },
                End::Open => {
                    state.readers.insert(self.number, cx.waker().clone());
                    return Poll::Pending;
                }
                End::Broken(fault) => return Poll::Ready(Some(Err(fault.clone()))),
            }
        }
    }
}

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = &mut *self;
        if this.own.is_none() {
            let polled = this.poll_shared(cx);
            if this.own.is_none() {
                return polled;
            }
        }
        match &mut this.own {
            Some(own) => Pin::new(own).poll_frame(cx),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        let all = self.fill.length.is_some_and(|length| self.at >= length);
        all && (!self.leads || {
            let state = self.fill.state.lock();
            matches!(state.end, End::Whole(_)) && state.trailers.is_none()
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self.fill.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.at)),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Reader {
    /// What is as good as stored is stored, though its client has gone; what may never end is not waited for.
    fn drop(&mut self) {
        let mut state = self.fill.state.lock();
        state.readers_now = state.readers_now.saturating_sub(1);
        if state.readers_now == 0 {
            state.unread_since = Some(Instant::now());
        }
        if !matches!(state.end, End::Open) {
            return;
        }
        let wanted = self.fill.has_length() || state.kept_on || state.lead.as_ref().is_some_and(Lead::is_awaited);
        if state.is_unread() && !wanted {
            return self.fill.give_up(state);
        }
        drop(state);
        if self.leads {
            self.fill.take_in();
        }
    }
}
