//! HTTP/1.1 as bytes (RFC 9112): heads and bodies in, heads and bodies out.
//!
//! Strict on purpose: what two readers could take for different messages is refused on both sides, so that the policies
//! and whoever reads next only see messages with one reading. Knows nothing of sockets beyond tokio's traits.

mod body;
mod chunks;
mod encode;
mod lines;
mod pump;
mod request;
mod response;

pub use body::{BodyReader, Piece};
pub use encode::{interim_head, request_head, response_head};
pub use pump::{Pump, PumpError};
pub use request::{RequestHead, RequestScan, is_authority};
pub use response::{Asked, ResponseHead, ResponseScan};

use http::StatusCode;

/// Bounds of a head.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// First line and fields together, in bytes.
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

/// How the body of a message is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many bytes; none for a message without a body.
    Bytes(u64),
    /// The chunked transfer coding.
    Chunked,
    /// Until the connection is closed; responses only.
    ToClose,
}

/// Characters of a token (RFC 9110 §5.6.2).
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let letters = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut at = 0;
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

/// A control character other than tab.
fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
