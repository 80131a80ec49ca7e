//! The chunked transfer coding (RFC 9112 §7.1), read strictly. Extensions are dropped.

use super::body::Piece;
use super::lines::Lines;
use super::{Limits, is_control, is_token_byte};
use crate::http::hop;
use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

/// Hexadecimal digits of a chunk's size.
const SIZE_DIGITS_MAX: u8 = 15;
/// Bytes of all chunk extensions of a body; they mean nothing to the gateway and are dropped.
const EXTENSION_BYTES_MAX: usize = 4 << 10;
/// Bytes and number of a body's trailers.
const TRAILERS: Limits = Limits { bytes: 8 << 10, fields: 64 };

#[derive(Debug, Clone, Copy)]
enum Place {
    Size {
        value: u64,
        digits: u8,
    },
    /// Blanks between a size and its extension.
    Blank(u64),
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    DataLineFeed,
    /// At the beginning of a trailer line.
    Line,
    Name,
    Value,
    ValueEnd,
    End,
}

/// How far a chunked body has been read.
#[derive(Debug)]
pub struct Chunks {
    place: Place,
    extension_bytes: usize,
    /// The trailer section so far, behind a first line that stands in for that of a head.
    trailers: Vec<u8>,
}

impl Default for Chunks {
    fn default() -> Self {
        Self { place: Place::Size { value: 0, digits: 0 }, extension_bytes: 0, trailers: Vec::new() }
    }
}

const BAD_SIZE: &str = "a chunk's size is malformed";
const BAD_EXTENSION: &str = "a chunk's extension is malformed or too long";
const BAD_END: &str = "a chunk does not end in CRLF";
const BAD_TRAILER: &str = "a trailer is malformed or too long";

impl Chunks {
    /// The next piece of the body; its bytes are taken out of `input`.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Piece, &'static str> {
        let mut at = 0;
        while let Some(byte) = input.get(at).copied() {
            if let Place::Data(left) = self.place {
                input.advance(at);
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let left = left - taken as u64;
                self.place = if left == 0 { Place::DataEnd } else { Place::Data(left) };
                return Ok(Piece::Data(input.split_to(taken).freeze()));
            }
            at += 1;
            match self.step(byte)? {
                Some(place) => self.place = place,
                None => {
                    input.advance(at);
                    return self.trailers().map(Piece::End);
                }
            }
        }
        input.advance(at);
        Ok(Piece::More)
    }

    /// The trailers as a map, without what has no place there.
    fn trailers(&mut self) -> Result<Option<HeaderMap>, &'static str> {
        if self.trailers.is_empty() {
            return Ok(None);
        }
        let mut section = std::mem::take(&mut self.trailers);
        section.splice(..0, *b"trailers\r\n");
        section.extend_from_slice(b"\r\n");
        let mut lines = Lines::default();
        let mut headers = HeaderMap::new();
        let complete = lines.scan(&section, Limits { bytes: TRAILERS.bytes + 64, ..TRAILERS }).map_err(|_| BAD_TRAILER)?;
        lines.fields(&Bytes::from(section), &mut headers).map_err(|_| BAD_TRAILER)?;
        if !complete {
            return Err(BAD_TRAILER);
        }
        hop::strip_trailers(&mut headers);
        Ok(Some(headers).filter(|headers| !headers.is_empty()))
    }

    /// The place behind a byte outside of data; `None` at the body's end.
    fn step(&mut self, byte: u8) -> Result<Option<Place>, &'static str> {
        let next = match (self.place, byte) {
            (Place::Size { value, digits }, _) if byte.is_ascii_hexdigit() && digits < SIZE_DIGITS_MAX => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Place::Size { value: value << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Place::Size { digits: 0, .. }, _) => return Err(BAD_SIZE),
            (Place::Size { value, .. }, b'\r') => Place::SizeEnd(value),
            (Place::Size { value, .. } | Place::Blank(value), b';') => Place::Extension(value),
            (Place::Size { value, .. } | Place::Blank(value), b' ' | b'\t') => {
                self.extension_byte()?;
                Place::Blank(value)
            }
            (Place::Size { .. } | Place::Blank(_), _) => return Err(BAD_SIZE),
            (Place::Extension(value), b'\r') => Place::SizeEnd(value),
            (Place::Extension(value), _) if !is_control(byte) => {
                self.extension_byte()?;
                Place::Extension(value)
            }
            (Place::Extension(_), _) => return Err(BAD_EXTENSION),
            (Place::SizeEnd(0), b'\n') => Place::Line,
            (Place::SizeEnd(value), b'\n') => Place::Data(value),
            (Place::DataEnd, b'\r') => Place::DataLineFeed,
            (Place::DataLineFeed, b'\n') => Place::Size { value: 0, digits: 0 },
            (Place::SizeEnd(_) | Place::DataEnd | Place::DataLineFeed, _) => return Err(BAD_END),
            (Place::Line, b'\r') => Place::End,
            (Place::End, b'\n') => return Ok(None),
            (Place::Name, b':') => Place::Value,
            (Place::Value, b'\r') => Place::ValueEnd,
            (Place::ValueEnd, b'\n') => Place::Line,
            (Place::Line | Place::Name, _) if is_token_byte(byte) => Place::Name,
            (Place::Value, _) if !is_control(byte) => Place::Value,
            (Place::Line | Place::Name | Place::Value | Place::ValueEnd | Place::End, _) => return Err(BAD_TRAILER),
            // Data is skipped as a whole.
            (Place::Data(_), _) => self.place,
        };
        let ends_line = matches!((self.place, next), (Place::ValueEnd, Place::Line));
        if matches!(next, Place::Name | Place::Value | Place::ValueEnd) || ends_line {
            self.trailers.push(byte);
            if self.trailers.len() > TRAILERS.bytes {
                return Err(BAD_TRAILER);
            }
        }
        Ok(Some(next))
    }

    fn extension_byte(&mut self) -> Result<(), &'static str> {
        self.extension_bytes += 1;
        if self.extension_bytes > EXTENSION_BYTES_MAX { Err(BAD_EXTENSION) } else { Ok(()) }
    }
}
