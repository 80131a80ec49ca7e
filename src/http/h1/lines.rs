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
    role: Role,
    /// Its name is the known one of its place.
    is_known: bool,
}

/// What a field has to do with the message's way and framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Host,
    Expect,
    Upgrade,
    Connection,
    ContentLength,
    TransferEncoding,
    /// For this hop only.
    Hop,
    /// Nothing.
    Plain,
}

impl Role {
    fn of(name: &[u8]) -> Self {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => Self::Host,
            6 if name.eq_ignore_ascii_case(b"expect") => Self::Expect,
            7 if name.eq_ignore_ascii_case(b"upgrade") => Self::Upgrade,
            10 if name.eq_ignore_ascii_case(b"connection") => Self::Connection,
            14 if is_alias(name, b"content-length") => Self::ContentLength,
            17 if is_alias(name, b"transfer-encoding") => Self::TransferEncoding,
            _ if hop::is_hop_by_hop(name) => Self::Hop,
            _ => Self::Plain,
        }
    }

    /// True for what is left out of the map: fields for this hop only, and the Host, which has a place of its own.
    fn is_left_out(self) -> bool {
        matches!(self, Self::Host | Self::Upgrade | Self::Connection | Self::TransferEncoding | Self::Hop)
    }
}

/// A name as it was written last in the same place, with its colon: the heads of a connection are much alike.
#[derive(Debug)]
struct Known {
    written: Bytes,
    name: HeaderName,
    role: Role,
}

/// A head as it is read. Used again for each head of a connection.
#[derive(Debug, Default)]
pub struct Lines {
    seen: Seen,
    fields: Vec<FieldAt>,
    known: Vec<Known>,
}

/// How far a head has been read, and what it has said. Positions count from its first byte.
#[derive(Debug, Default)]
struct Seen {
    /// Where the next line begins.
    at: usize,
    lines: usize,
    /// Where the first line stands; its beginning is not 0 after a forgiven empty line.
    first: Option<(usize, usize)>,
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
            let rest = bytes.get(self.seen.at..).unwrap_or_default();
            let end = memchr(b'\n', rest);
            if self.seen.at + end.unwrap_or(rest.len()) >= limits.bytes {
                return Err(TooLarge("the head is too large"));
            }
            let Some(end) = end else { return Ok(false) };
            let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Bad("a line does not end in CRLF"))?;
            let start = self.seen.at;
            self.seen.at += end + 1;
            self.seen.lines += 1;
            if self.seen.first.is_none() {
                // One empty line before a message is forgiven (RFC 9112 §2.2).
                if line.is_empty() && start == 0 {
                    continue;
                }
                self.seen.first = Some((start, start + line.len()));
            } else if line.is_empty() {
                return self.has_no_control(bytes).map(|()| true);
            } else {
                self.field(line, start, limits)?;
            }
        }
    }

    fn field(&mut self, line: &[u8], start: usize, limits: Limits) -> Result<(), Malformed> {
        let place = self.fields.len();
        if place >= limits.fields {
            return Err(TooLarge("the head has too many fields"));
        }
        let (colon, role, is_known) = match self.known.get(place) {
            Some(known) if line.starts_with(&known.written) => (known.written.len() - 1, known.role, true),
            Some(_) | None => self.learn(line, place)?,
        };
        let behind = line.get(colon + 1..).unwrap_or_default();
        let value = behind.trim_ascii_start();
        let from = start + line.len() - value.len();
        let value = value.trim_ascii_end();
        let at = (from, from + value.len());
        self.fields.push(FieldAt { name: start, colon: start + colon, value: at.0, end: at.1, role, is_known });
        // A name with `_` for `-` would be taken for the real one by some servers.
        let is_spelt = || !line.get(..colon).unwrap_or_default().contains(&b'_');
        let seen = &mut self.seen;
        match role {
            Role::Plain | Role::Hop => {}
            Role::Host => {
                if seen.host.replace(at).is_some() {
                    return Err(Bad("there is more than one Host"));
                }
            }
            Role::Expect => seen.expects_continue = value.eq_ignore_ascii_case(b"100-continue"),
            // Several are none: whoever reads next might take either.
            Role::Upgrade => seen.upgrade = Some(if seen.upgrade.is_none() { at } else { (0, 0) }),
            Role::Connection => seen.connection(value),
            Role::ContentLength => {
                let digits = !value.is_empty() && value.len() <= LENGTH_DIGITS_MAX && value.iter().all(u8::is_ascii_digit);
                if !digits || !is_spelt() || seen.length.is_some() {
                    return Err(Bad("Content-Length is malformed"));
                }
                seen.length = Some(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
            }
            Role::TransferEncoding => {
                let twice = std::mem::replace(&mut seen.chunked, true);
                if twice || !value.eq_ignore_ascii_case(b"chunked") || !is_spelt() {
                    return Err(Bad("Transfer-Encoding is not exactly `chunked`"));
                }
            }
        }
        Ok(())
    }

    /// A name that was not written there before: where its colon is, its role, and whether it is known from now on.
    #[cold]
    fn learn(&mut self, line: &[u8], place: usize) -> Result<(usize, Role, bool), Malformed> {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(Bad("a field is folded over lines"));
        }
        let colon = line.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(line.len());
        let (name, rest) = line.split_at_checked(colon).unwrap_or_default();
        if name.is_empty() || rest.first() != Some(&b':') {
            return Err(Bad("a field's name is malformed"));
        }
        let role = Role::of(name);
        if place >= KNOWN_MAX || name.len() > KNOWN_BYTES_MAX {
            return Ok((colon, role, false));
        }
        let written = Bytes::copy_from_slice(line.get(..=colon).unwrap_or_default());
        let entry = Known { written, name: header_name(name)?, role };
        if let Some(known) = self.known.get_mut(place) {
            *known = entry;
        } else if self.known.len() == place {
            self.known.push(entry);
        } else {
            return Ok((colon, role, false));
        }
        Ok((colon, role, true))
    }

    /// The line ends are all the control characters there are, tabs aside. Counted over the whole head, so that it is
    /// vectorised.
    fn has_no_control(&self, bytes: &[u8]) -> Result<(), Malformed> {
        let head = bytes.get(..self.seen.at).unwrap_or_default();
        let count =
            |block: &[u8]| block.iter().fold(0_u8, |count, byte| count + u8::from(((*byte < b' ') & (*byte != b'\t')) | (*byte == 0x7f)));
        // Blocks that a count of eight bits cannot overflow.
        let controls: usize = head.chunks(128).map(|block| usize::from(count(block))).sum();
        if controls == 2 * self.seen.lines { Ok(()) } else { Err(Bad("the head holds a control character")) }
    }

    /// The head's length, when it is complete.
    pub fn len(&self) -> usize {
        self.seen.at
    }

    /// The first line, once it has come.
    pub fn first<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.seen.first.and_then(|(start, end)| bytes.get(start..end))
    }

    /// The value of Host.
    pub fn host<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.seen.host.and_then(|(start, end)| bytes.get(start..end))
    }

    /// The value of Upgrade, where Connection names it.
    pub fn upgrade<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.seen.upgrade.filter(|_| self.seen.upgrades).and_then(|(start, end)| bytes.get(start..end))
    }

    /// How the body is delimited, as far as fields say.
    pub fn length(&self) -> Result<Option<Length>, Malformed> {
        match (self.seen.length, self.seen.chunked) {
            (Some(_), true) => Err(Bad("there are both Content-Length and Transfer-Encoding")),
            (None, true) => Ok(Some(Length::Chunked)),
            (Some(length), false) => Ok(Some(Length::Bytes(length))),
            (None, false) => Ok(None),
        }
    }

    /// True when the connection may be used again after the message.
    pub fn keeps_alive(&self, http_10: bool) -> bool {
        !self.seen.close && (!http_10 || self.seen.keep)
    }

    /// True when the client waits for 100 before it sends its body.
    pub fn expects_continue(&self) -> bool {
        self.seen.expects_continue
    }

    /// The fields as a map, each value a part of the head's own bytes. Host and those for this hop only are left out, but for
    /// `TE`, of which a request keeps `trailers`.
    pub fn fields(&mut self, head: &Bytes, headers: &mut HeaderMap) -> Result<(), Malformed> {
        headers.reserve(self.fields.len());
        for (place, field) in self.fields.iter().enumerate().filter(|(_, field)| !field.role.is_left_out()) {
            let name = match self.known.get(place).filter(|_| field.is_known) {
                Some(known) => known.name.clone(),
                None => header_name(head.get(field.name..field.colon).unwrap_or_default())?,
            };
            let value =
                HeaderValue::from_maybe_shared(head.slice(field.value..field.end)).map_err(|_| Bad("a field's value is malformed"))?;
            headers.append(name, value);
        }
        if self.seen.names_fields {
            for field in self.fields.iter().filter(|field| field.role == Role::Connection) {
                hop::remove_named(headers, head.get(field.value..field.end).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Ready for the next head.
    pub fn reset(&mut self) {
        self.seen = Seen::default();
        self.fields.clear();
    }
}

impl Seen {
    fn connection(&mut self, value: &[u8]) {
        // What nearly all say.
        if value == b"keep-alive" {
            self.keep = true;
            return;
        }
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
}

/// Names remembered per connection, and bytes of each.
const KNOWN_MAX: usize = 24;
const KNOWN_BYTES_MAX: usize = 40;

fn header_name(written: &[u8]) -> Result<HeaderName, Malformed> {
    HeaderName::from_bytes(written).map_err(|_| Bad("a field's name is malformed"))
}

/// Equal but for case and `_` standing for `-`.
fn is_alias(name: &[u8], of: &[u8]) -> bool {
    name.iter().zip(of).all(|(byte, of)| byte.eq_ignore_ascii_case(of) || (*byte == b'_' && *of == b'-'))
}
