//! The header of the PROXY protocol, versions 1 and 2: a proxy's word on whose connection it passes on, before the
//! connection's first byte (HAProxy, "The PROXY protocol", 2020). Read strictly; nothing behind it is touched.

use super::Scheme;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Longest header of version 1 with its line end, in bytes.
pub const LINE_BYTES_MAX: usize = 107;
/// Most bytes of addresses and further values in a header of version 2.
pub const VALUES_BYTES_MAX: usize = 4096;

/// What a header of version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// What one of version 1 begins with.
const WORD: &[u8] = b"PROXY ";
/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
/// The values of version 2 that mean something here.
const CRC32C: u8 = 0x03;
const SSL: u8 = 0x20;
/// The client spoke TLS with the proxy.
const CLIENT_SSL: u8 = 0x01;

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The client's address and port.
    pub address: SocketAddr,
    /// What the client spoke with the proxy, where the header says so.
    pub scheme: Option<Scheme>,
}

/// What came so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// At least so many bytes of the header are still to come; never more than there are.
    More(usize),
    /// The whole header. Without a source the connection is the proxy's own (a health check), or it knows no address.
    Whole(Option<Source>),
}

/// Not a header of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Reads the beginning of a connection, which holds the header or a part of it, and nothing else.
///
/// # Errors
/// When it is no header, or one that is too long.
pub fn read(bytes: &[u8]) -> Result<Step, Malformed> {
    // Both versions are longer than the signature.
    let Some((start, _)) = bytes.split_first_chunk::<12>() else {
        return Ok(Step::More(SIGNATURE.len() - bytes.len()));
    };
    if start == SIGNATURE {
        binary(bytes)
    } else if start.starts_with(WORD) {
        line(bytes)
    } else {
        Err(Malformed("it begins with something else"))
    }
}

/// Version 1: a line of text.
fn line(bytes: &[u8]) -> Result<Step, Malformed> {
    if let Some(text) = bytes.strip_suffix(b"\r\n") {
        return words(text).map(Step::Whole);
    }
    let text = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let missing = if text.len() < bytes.len() { 1 } else { 2 };
    if bytes.len() + missing > LINE_BYTES_MAX {
        return Err(Malformed("its line is too long"));
    }
    if text.iter().any(|byte| !matches!(byte, b' '..=b'~')) {
        return Err(Malformed("its line holds other bytes than text"));
    }
    Ok(Step::More(missing))
}

fn words(line: &[u8]) -> Result<Option<Source>, Malformed> {
    let text = std::str::from_utf8(line).map_err(|_| Malformed("its line is no text"))?;
    let mut words = text.split(' ').skip(1);
    let mut next = || words.next().ok_or(Malformed("a word of its line is missing"));
    match next()? {
        // Whatever else the line says has no meaning.
        "UNKNOWN" => Ok(None),
        family @ ("TCP4" | "TCP6") => {
            let (source, destination) = (next()?, next()?);
            let (port, to) = (number(next()?)?, number(next()?)?);
            let (source, destination) = match family {
                "TCP4" => (ip::<Ipv4Addr>(source)?, ip::<Ipv4Addr>(destination)?),
                _ => (ip::<Ipv6Addr>(source)?, ip::<Ipv6Addr>(destination)?),
            };
            // Read although nobody asks for it: a header is right as a whole or not at all.
            let _ = SocketAddr::new(destination, to);
            match words.next() {
                Some(_) => Err(Malformed("its line has too many words")),
                None => Ok(Some(Source { address: SocketAddr::new(source, port), scheme: None })),
            }
        }
        _ => Err(Malformed("its family is none of TCP4, TCP6 and UNKNOWN")),
    }
}

fn ip<T: FromStr + Into<IpAddr>>(text: &str) -> Result<IpAddr, Malformed> {
    text.parse::<T>().map(Into::into).map_err(|_| Malformed("an address of its line is none of its family"))
}

/// A port in decimal, without leading zeros or a sign.
fn number(text: &str) -> Result<u16, Malformed> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(Malformed("a port of its line is no number up to 65535"))
}

/// Version 2.
fn binary(bytes: &[u8]) -> Result<Step, Malformed> {
    let Some((&[.., version, family, high, low], values)) = bytes.split_first_chunk::<FIXED_BYTES>() else {
        return Ok(Step::More(FIXED_BYTES - bytes.len()));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > VALUES_BYTES_MAX {
        return Err(Malformed("its values are too long"));
    }
    let is_local = match version {
        0x20 => true,
        0x21 => false,
        _ => return Err(Malformed("its version or command is unknown")),
    };
    if values.len() < length {
        return Ok(Step::More(length - values.len()));
    }
    if is_local {
        return Ok(Step::Whole(None));
    }
    let (address, rest) = match family {
        // Unspecified, and Unix sockets of another machine: no address that means something here.
        0x00 => (None, values),
        0x31 => (None, values.get(216..).ok_or(TOO_SHORT)?),
        0x11 => {
            let (&[a, b, c, d, _, _, _, _, high, low, _, _], rest) = values.split_first_chunk::<12>().ok_or(TOO_SHORT)?;
            (Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low]))), rest)
        }
        0x21 => {
            let (source, rest) = values.split_first_chunk::<16>().ok_or(TOO_SHORT)?;
            let (_, rest) = rest.split_first_chunk::<16>().ok_or(TOO_SHORT)?;
            let (&[high, low, _, _], rest) = rest.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
            (Some(SocketAddr::new(Ipv6Addr::from(*source).into(), u16::from_be_bytes([high, low]))), rest)
        }
        _ => return Err(Malformed("its family is no stream's")),
    };
    let scheme = if family == 0x00 { None } else { further(bytes, rest)? };
    Ok(Step::Whole(address.map(|address| Source { address, scheme })))
}

const TOO_SHORT: Malformed = Malformed("its addresses are cut short");

/// The values behind the addresses: what the client spoke.
fn further(header: &[u8], mut rest: &[u8]) -> Result<Option<Scheme>, Malformed> {
    const CUT: Malformed = Malformed("a value is cut short");
    let mut scheme = None;
    while !rest.is_empty() {
        let (&[kind, high, low], tail) = rest.split_first_chunk::<3>().ok_or(CUT)?;
        let (value, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes([high, low]))).ok_or(CUT)?;
        match kind {
            SSL => {
                let (&[client, ..], _) = value.split_first_chunk::<5>().ok_or(CUT)?;
                scheme = Some(if client & CLIENT_SSL == 0 { Scheme::Http } else { Scheme::Https });
            }
            CRC32C => {
                let stated = <[u8; 4]>::try_from(value).map_err(|_| Malformed("its checksum is cut short"))?;
                let at = header.len() - tail.len() - value.len();
                if u32::from_be_bytes(stated) != checksum(header, at..at + value.len()) {
                    return Err(Malformed("its checksum is wrong"));
                }
            }
            _ => {}
        }
        rest = tail;
    }
    Ok(scheme)
}

/// CRC-32C (RFC 9260, appendix A) of a header whose checksum counts as zeros.
fn checksum(header: &[u8], own: std::ops::Range<usize>) -> u32 {
    !header.iter().enumerate().fold(u32::MAX, |sum, (at, byte)| {
        let byte = if own.contains(&at) { 0 } else { *byte };
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0x82F6_3B78 & (sum & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests;
