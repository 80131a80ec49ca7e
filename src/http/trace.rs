//! What a request says of the trace it belongs to (W3C Trace Context), and what is noted of it where that is traced.

use super::{Fault, FaultKind};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::Instant;

/// `traceparent`
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate`
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Bytes of a `traceparent`, and where its parts stand.
const BYTES: usize = 55;
const TRACE: std::ops::Range<usize> = 3..35;
const SPAN: std::ops::Range<usize> = 36..52;
const FLAGS: std::ops::Range<usize> = 53..55;
/// Attempts that are noted of one request.
const ATTEMPTS_MAX: usize = 64;

/// A `traceparent` (§3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext([u8; BYTES]);

impl TraceContext {
    /// One with a span of our own: in the trace that the other side has begun, else in a new one.
    #[must_use]
    pub fn continuing(theirs: Option<&[u8]>, random: &mut fastrand::Rng) -> Self {
        // Neither a trace nor a span may be zero.
        let mut ours = theirs.and_then(Self::parse).unwrap_or_else(|| {
            let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
            let (_, trace) = text.split_at_mut(TRACE.start);
            let (high, low) = trace.split_at_mut(16);
            write_hex(high, random.u64(..) | 1);
            write_hex(low, random.u64(..));
            Self(text)
        });
        ours.enter(random.u64(..) | 1);
        ours
    }

    /// The context that a field's value is.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text: [u8; BYTES] = value.try_into().ok()?;
        let context = Self(text);
        let is_hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
        let [trace, span, flags] = [TRACE, SPAN, FLAGS].map(|range| context.part(range));
        let dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
        let sound = text.starts_with(b"00") && dashes && is_hex(trace) && is_hex(span) && is_hex(flags);
        (sound && !is_zero(trace) && !is_zero(span)).then_some(context)
    }

    fn part(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.0.get(range).unwrap_or_default()
    }

    /// The same trace and flags with another span.
    pub fn enter(&mut self, span: u64) {
        write_hex(self.0.split_at_mut(SPAN.start).1, span);
    }

    /// Says whether the spans of the request are kept (§3.2.2.5).
    pub fn mark(&mut self, sampled: bool) {
        self.0.split_at_mut(FLAGS.start).1.copy_from_slice(if sampled { b"01" } else { b"00" });
    }

    /// As it is sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True when the other is of the same trace.
    #[must_use]
    pub fn shares_trace(&self, other: &Self) -> bool {
        self.part(TRACE) == other.part(TRACE)
    }

    /// The trace's id.
    #[must_use]
    pub fn trace(&self) -> u128 {
        number(self.part(TRACE))
    }

    /// The span's id.
    #[must_use]
    pub fn span(&self) -> u64 {
        u64::try_from(number(self.part(SPAN))).unwrap_or_default()
    }

    /// True when the other side keeps its spans.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        number(self.part(FLAGS)) & 1 == 1
    }
}

/// What so many hexadecimal digits are.
fn number(digits: &[u8]) -> u128 {
    std::str::from_utf8(digits).ok().and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

/// Writes a number as 16 lower-case digits.
fn write_hex(places: &mut [u8], value: u64) {
    let halves = [value >> 32, value & 0xffff_ffff];
    for (places, half) in places.chunks_exact_mut(8).zip(halves) {
        // Each of eight digits to a byte of its own, all at once; letters are those that carry over 15 with 6 added.
        let mut digits = (half << 16 | half) & 0x0000_ffff_0000_ffff;
        digits = (digits << 8 | digits) & 0x00ff_00ff_00ff_00ff;
        digits = (digits << 4 | digits) & 0x0f0f_0f0f_0f0f_0f0f;
        let letters = ((digits + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
        let text = digits + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10);
        places.copy_from_slice(&text.to_be_bytes());
    }
}

/// What is noted of a request whose trace is kept.
#[derive(Debug)]
pub struct Spans {
    /// The request's own span in its trace.
    pub context: TraceContext,
    /// The span of whoever sent it.
    pub parent: Option<u64>,
    attempts: Mutex<Vec<AttemptSpan>>,
}

/// An attempt at an upstream.
#[derive(Debug, Clone)]
pub struct AttemptSpan {
    /// Its span.
    pub span: u64,
    /// When it began
    pub began: Instant,
    /// and ended.
    pub ended: Instant,
    /// The method.
    pub method: Method,
    /// The upstream's name.
    pub upstream: Arc<str>,
    /// Its target's name
    pub host: String,
    /// and port.
    pub port: u16,
    /// How many attempts of the same call went before it.
    pub resends: u32,
    /// What came of it: a status, the name of a fault, or nothing where it was given up.
    pub outcome: Option<Result<StatusCode, &'static str>>,
}

impl Spans {
    /// A request's span, its attempts to come.
    #[must_use]
    pub fn new(context: TraceContext, parent: Option<u64>) -> Self {
        Self { context, parent, attempts: Mutex::default() }
    }

    /// The attempts that have ended.
    #[must_use]
    pub fn take_attempts(&self) -> Vec<AttemptSpan> {
        std::mem::take(&mut self.attempts.lock())
    }
}

/// An attempt under way; dropped without an outcome it was given up.
#[derive(Debug)]
pub struct Trying {
    spans: Arc<Spans>,
    attempt: AttemptSpan,
}

impl Trying {
    /// An attempt that begins now.
    #[must_use]
    pub fn begin(spans: Arc<Spans>, attempt: AttemptSpan) -> Self {
        Self { spans, attempt }
    }

    /// Has the upstream told whose request it is, where it is told of the trace at all.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if let Some(told) = headers.get_mut(TRACEPARENT) {
            let mut context = self.spans.context;
            context.enter(self.attempt.span);
            if let Ok(value) = HeaderValue::from_bytes(context.as_bytes()) {
                *told = value;
            }
        }
    }

    /// Ends it by an answer's status or a fault.
    pub fn end(mut self, outcome: Result<StatusCode, &Fault>) {
        self.attempt.outcome = Some(outcome.map_err(|fault| FaultKind::name(&fault.kind)));
    }
}

impl Drop for Trying {
    fn drop(&mut self) {
        self.attempt.ended = Instant::now();
        let mut attempts = self.spans.attempts.lock();
        if attempts.len() < ATTEMPTS_MAX {
            attempts.push(self.attempt.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    #[test]
    fn a_number_is_written_as_sixteen_digits() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX, 0x9a00_0000_00f9_0a90] {
            let mut text = [b'.'; 18];
            super::write_hex(&mut text, number);
            assert_eq!(text.as_slice(), format!("{number:016x}..").as_bytes());
        }
    }

    #[test]
    fn a_context_is_taken_apart_and_changed() {
        let text = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
        let mut context = TraceContext::parse(text).unwrap();
        assert_eq!((context.trace(), context.span()), (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331));
        assert!(context.is_sampled());
        context.enter(7);
        context.mark(false);
        assert_eq!(context.as_bytes(), b"00-0af7651916cd43dd8448eb211c80319c-0000000000000007-00");
        assert!(!context.is_sampled() && context.shares_trace(&TraceContext::parse(text).unwrap()));
    }

    #[test]
    fn what_is_no_context_is_none() {
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        ] {
            assert_eq!(TraceContext::parse(text.as_bytes()), None, "{text}");
        }
    }
}
