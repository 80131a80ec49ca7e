//! Where requests begin and end on a connection, judged before the HTTP library reads a byte of them.
//!
//! What two servers could read differently is refused here (RFC 9112 §6.3, §11.2): the library, the policies and the
//! upstream only ever see messages with one reading. Knows bytes alone, no sockets.

mod chunks;
mod head;

pub use head::STAND_IN_METHOD;

use chunks::Chunks;
use head::Head;
use http::StatusCode;

/// Bounds of a request's head.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Request line and fields together, in bytes.
    pub bytes: usize,
    /// Number of fields.
    pub fields: usize,
}

/// Why a request was refused before it was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// What was wrong, for the client.
    pub detail: &'static str,
}

impl Refusal {
    const fn bad(detail: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail }
    }
}

/// How the body of a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Bytes(u64),
    Chunked,
}

#[derive(Debug)]
enum State {
    /// Between messages, or within a head.
    Head(Head),
    /// So many bytes of body are to come.
    Body(u64),
    Chunked(Chunks),
}

/// The reading position of one connection.
#[derive(Debug)]
pub struct Framing {
    state: State,
    limits: Limits,
    heads: u32,
}

/// What a scan found: so many bytes may pass, then this.
#[derive(Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes from the front that may pass.
    pub pass: usize,
    /// What stands behind them.
    pub then: Then,
}

/// What stands behind the bytes that may pass.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    End,
    /// The beginning of a head; it is to be scanned again, from its beginning, when more of it has come.
    PartialHead,
    /// A head that is refused; nothing behind it can be read.
    Refused(Refusal),
    /// A body whose framing is broken; nothing behind it can be read.
    Broken(&'static str),
}

impl Framing {
    /// The beginning of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { state: State::Head(Head::default()), limits, heads: 0 }
    }

    /// How many heads have passed.
    #[must_use]
    pub fn heads(&self) -> u32 {
        self.heads
    }

    /// True within a body.
    #[must_use]
    pub fn in_body(&self) -> bool {
        !matches!(self.state, State::Head(_))
    }

    /// Judges what has come.
    pub fn scan(&mut self, bytes: &[u8]) -> Scanned {
        let mut pass = 0;
        while let Some(rest) = bytes.get(pass..).filter(|rest| !rest.is_empty()) {
            match &mut self.state {
                State::Head(head) => match head.scan(rest, self.limits) {
                    Ok(None) => return Scanned { pass, then: Then::PartialHead },
                    Err(refusal) => return Scanned { pass, then: Then::Refused(refusal) },
                    Ok(Some((length, body))) => {
                        pass += length;
                        self.heads = self.heads.wrapping_add(1);
                        self.state = match body {
                            Length::Bytes(0) => State::Head(Head::default()),
                            Length::Bytes(left) => State::Body(left),
                            Length::Chunked => State::Chunked(Chunks::default()),
                        };
                    }
                },
                State::Body(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    pass += taken;
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Head(Head::default());
                    }
                }
                State::Chunked(chunks) => match chunks.scan(rest) {
                    Err(detail) => return Scanned { pass, then: Then::Broken(detail) },
                    Ok((taken, ended)) => {
                        pass += taken;
                        if ended {
                            self.state = State::Head(Head::default());
                        }
                    }
                },
            }
        }
        Scanned { pass, then: Then::End }
    }
}

/// Characters of a token (RFC 9110 §5.6.2).
const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let letters = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while at < letters.len() {
        token[letters[at] as usize] = true;
        at += 1;
    }
    token
};

fn is_token_byte(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// True when a control character other than tab is among the bytes. Without an early exit, so that it is vectorised.
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | ((*byte < b' ') & (*byte != b'\t')) | (*byte == 0x7f))
}

#[cfg(test)]
mod tests;
