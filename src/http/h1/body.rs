//! The body of a message as it comes.

use super::Length;
use super::chunks::Chunks;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;

/// What was read of a body.
#[derive(Debug)]
pub enum Piece {
    /// Bytes of it.
    Data(Bytes),
    /// More has to come first.
    More,
    /// It has ended, perhaps with trailers.
    End(Option<HeaderMap>),
}

/// How far a body has been read.
#[derive(Debug)]
pub enum BodyReader {
    /// So many bytes are to come.
    Bytes(u64),
    /// In chunks.
    Chunked(Chunks),
    /// All that comes.
    ToClose,
    /// It has ended.
    Ended,
}

impl BodyReader {
    /// At the beginning of a body.
    #[must_use]
    pub fn new(length: Length) -> Self {
        match length {
            Length::Bytes(0) => Self::Ended,
            Length::Bytes(bytes) => Self::Bytes(bytes),
            Length::Chunked => Self::Chunked(Chunks::default()),
            Length::ToClose => Self::ToClose,
        }
    }

    /// The next piece; its bytes are taken out of `input`.
    ///
    /// # Errors
    /// When the body's framing is broken: nothing behind it can be read.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Piece, &'static str> {
        let piece = match self {
            Self::Ended => Piece::End(None),
            _ if input.is_empty() => Piece::More,
            Self::ToClose => Piece::Data(input.split().freeze()),
            Self::Bytes(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::Ended;
                }
                Piece::Data(input.split_to(taken).freeze())
            }
            Self::Chunked(chunks) => chunks.next(input)?,
        };
        if matches!(piece, Piece::End(_)) {
            *self = Self::Ended;
        }
        Ok(piece)
    }

    /// True when nothing more is to come.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// The bytes that are to come, where they are known.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match self {
            Self::Ended => Some(0),
            Self::Bytes(left) => Some(*left),
            Self::Chunked(_) | Self::ToClose => None,
        }
    }
}
