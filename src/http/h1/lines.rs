//! A head line by line, without copying it: where its fields stand, and what of them is about framing.

use super::{Length, Limits, is_token_byte};
use crate::http::hop;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memchr;

/// Digits of a `Content-Length` that surely fit 64 bits.
const LENGTH_DIGITS_MAX: usize = 18;

/// Where a field stands in its head.
#[derive(Debug, Clone, Copy)]
struct FieldAt {
    name: usize,
    colon: usize,
    value: usize,
    end: usize,
    /// Left out of the map: for this hop only, or the Host, which has a place of its own.
    hop: bool,
}

/// A name as it was written last in the same place: the heads of a connection are much alike.
#[derive(Debug)]
struct Known {
    written: Bytes,
    name: HeaderName,
}

/// How far a head has been read. Positions count from its first byte. Used again for each head of a connection.
#[derive(Debug, Default)]
pub struct Lines {
    /// Where the next line begins.
    at: usize,
    lines: usize,
    /// Where the first line stands; its beginning is not 0 after a forgiven empty line.
    first: Option<(usize, usize)>,
    fields: Vec<FieldAt>,
    known: Vec<Known>,
    host: Option<(usize, usize)>,
    upgrade: Option<(usize, usize)>,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep: bool,
    /// Connection names `Upgrade`.
    upgrades: bool,
    /// Connection names fields besides these.
    names_fields: bool,
    expects_continue: bool,
}

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// It is larger than its limits.
    TooLarge(&'static str),
    /// It has no reading, or more than one.
    Bad(&'static str),
}

use Malformed::{Bad, TooLarge};

impl Lines {
    /// Reads on. `bytes` begins with the head's first byte each time; lines that were read before are not read again.
    /// True when the head is complete.
    pub fn scan(&mut self, bytes: &[u8], limits: Limits) -> Result<bool, Malformed> {
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let end = memchr(b'\n', rest);
            if self.at + end.unwrap_or(rest.len()) >= limits.bytes {
                return Err(TooLarge("the head is too large"));
            }
            let Some(end) = end else { return Ok(false) };
            let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Bad("a line does not end in CRLF"))?;
            let start = self.at;
            self.at += end + 1;
            self.lines += 1;
            if self.first.is_none() {
                // One empty line before a message is forgiven (RFC 9112 §2.2).
                if line.is_empty() && start == 0 {
                    continue;
                }
                self.first = Some((start, start + line.len()));
            } else if line.is_empty() {
                return self.has_no_control(bytes).map(|()| true);
            } else {
                self.field(line, start, limits)?;
            }
        }
    }

    fn field(&mut self, line: &[u8], start: usize, limits: Limits) -> Result<(), Malformed> {
        if self.fields.len() >= limits.fields {
            return Err(TooLarge("the head has too many fields"));
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(Bad("a field is folded over lines"));
        }
        let colon = line.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(line.len());
        let (name, rest) = line.split_at_checked(colon).unwrap_or_default();
        if name.is_empty() || rest.first() != Some(&b':') {
            return Err(Bad("a field's name is malformed"));
        }
        let behind = rest.get(1..).unwrap_or_default();
        let value = behind.trim_ascii_start();
        let from = start + line.len() - value.len();
        let value = value.trim_ascii_end();
        let hop = hop::is_hop_by_hop(name) || name.eq_ignore_ascii_case(b"host");
        self.fields.push(FieldAt { name: start, colon: start + colon, value: from, end: from + value.len(), hop });
        // Lengths of the names that say something about framing; a name with `_` for `-` would be taken for the real one
        // by some servers.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") && self.host.replace((from, from + value.len())).is_some() => {
                return Err(Bad("there is more than one Host"));
            }
            6 if name.eq_ignore_ascii_case(b"expect") => self.expects_continue = value.eq_ignore_ascii_case(b"100-continue"),
            // Several are none: whoever reads next might take either.
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade = Some(if self.upgrade.is_none() { (from, from + value.len()) } else { (0, 0) });
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection(value),
            14 if is_alias(name, b"content-length") => {
                let digits = !value.is_empty() && value.len() <= LENGTH_DIGITS_MAX && value.iter().all(u8::is_ascii_digit);
                if !digits || name.contains(&b'_') || self.length.is_some() {
                    return Err(Bad("Content-Length is malformed"));
                }
                self.length = Some(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
            }
            17 if is_alias(name, b"transfer-encoding") => {
                let twice = std::mem::replace(&mut self.chunked, true);
                if twice || !value.eq_ignore_ascii_case(b"chunked") || name.contains(&b'_') {
                    return Err(Bad("Transfer-Encoding is not exactly `chunked`"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep = true;
            } else {
                self.upgrades |= option.eq_ignore_ascii_case(b"upgrade");
                self.names_fields = true;
            }
        }
    }

    /// The line ends are all the control characters there are, tabs aside. Counted over the whole head, so that it is
    /// vectorised.
    fn has_no_control(&self, bytes: &[u8]) -> Result<(), Malformed> {
        let head = bytes.get(..self.at).unwrap_or_default();
        let count =
            |block: &[u8]| block.iter().fold(0_u8, |count, byte| count + u8::from(((*byte < b' ') & (*byte != b'\t')) | (*byte == 0x7f)));
        // Blocks that a count of eight bits cannot overflow.
        let controls: usize = head.chunks(128).map(|block| usize::from(count(block))).sum();
        if controls == 2 * self.lines { Ok(()) } else { Err(Bad("the head holds a control character")) }
    }

    /// The head's length, when it is complete.
    pub fn len(&self) -> usize {
        self.at
    }

    /// The first line, once it has come.
    pub fn first<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.first.and_then(|(start, end)| bytes.get(start..end))
    }

    /// The value of Host.
    pub fn host<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.host.and_then(|(start, end)| bytes.get(start..end))
    }

    /// The value of Upgrade, where Connection names it.
    pub fn upgrade<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.upgrade.filter(|_| self.upgrades).and_then(|(start, end)| bytes.get(start..end))
    }

    /// How the body is delimited, as far as fields say.
    pub fn length(&self) -> Result<Option<Length>, Malformed> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Bad("there are both Content-Length and Transfer-Encoding")),
            (None, true) => Ok(Some(Length::Chunked)),
            (Some(length), false) => Ok(Some(Length::Bytes(length))),
            (None, false) => Ok(None),
        }
    }

    /// True when the connection may be used again after the message.
    pub fn keeps_alive(&self, http_10: bool) -> bool {
        !self.close && (!http_10 || self.keep)
    }

    /// True when the client waits for 100 before it sends its body.
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// The fields as a map, each value a part of the head's own bytes. Host and those for this hop only are left out, but for
    /// `TE`, of which a request keeps `trailers`.
    pub fn fields(&mut self, head: &Bytes, headers: &mut HeaderMap) -> Result<(), Malformed> {
        headers.reserve(self.fields.len());
        for (at, field) in self.fields.iter().filter(|field| !field.hop).enumerate() {
            let name = name(&mut self.known, at, head, *field)?;
            let value =
                HeaderValue::from_maybe_shared(head.slice(field.value..field.end)).map_err(|_| Bad("a field's value is malformed"))?;
            headers.append(name, value);
        }
        if self.names_fields {
            let options = self.fields.iter().filter(|field| field.hop && field.colon - field.name == hop::CONNECTION_LENGTH);
            for field in options {
                hop::remove_named(headers, head.get(field.value..field.end).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Ready for the next head.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        let known = std::mem::take(&mut self.known);
        *self = Self { fields, known, ..Self::default() };
    }
}

/// Names remembered per connection, and bytes of each.
const KNOWN_MAX: usize = 24;
const KNOWN_BYTES_MAX: usize = 40;

/// A field's name: that of the last head when it is written alike, else made and remembered.
fn name(known: &mut Vec<Known>, at: usize, head: &Bytes, field: FieldAt) -> Result<HeaderName, Malformed> {
    let written = head.get(field.name..field.colon).unwrap_or_default();
    if let Some(known) = known.get(at)
        && known.written == written
    {
        return Ok(known.name.clone());
    }
    let name = HeaderName::from_bytes(written).map_err(|_| Bad("a field's name is malformed"))?;
    if at < KNOWN_MAX && written.len() <= KNOWN_BYTES_MAX {
        let entry = Known { written: Bytes::copy_from_slice(written), name: name.clone() };
        if known.len() == at {
            known.push(entry);
        } else if let Some(known) = known.get_mut(at) {
            *known = entry;
        }
    }
    Ok(name)
}

/// Equal but for case and `_` standing for `-`.
fn is_alias(name: &[u8], of: &[u8]) -> bool {
    name.iter().zip(of).all(|(byte, of)| byte.eq_ignore_ascii_case(of) || (*byte == b'_' && *of == b'-'))
}
