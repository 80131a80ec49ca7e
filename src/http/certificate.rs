//! What a certificate says of its holder (RFC 5280): the subject and the alternative names. Read from one that a TLS
//! library has already judged; a part that cannot be read is left out.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

/// The holder of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The subject as text, the most specific name first: `CN=alice,O=Example` (RFC 4514). None when it is empty.
    pub subject: Option<Arc<str>>,
    /// The alternative names, in their order.
    pub names: Vec<Name>,
}

/// An alternative name (RFC 5280 §4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A host, in lower case, or `*.x`.
    Dns(Arc<str>),
    /// A URI, such as a SPIFFE id.
    Uri(Arc<str>),
    /// A mail address.
    Mail(Arc<str>),
    /// An address.
    Ip(IpAddr),
}

impl Name {
    /// The name as text.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Dns(text) | Self::Uri(text) | Self::Mail(text) => Cow::Borrowed(text),
            Self::Ip(ip) => Cow::Owned(ip.to_string()),
        }
    }
}

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
/// Extensions stand behind tag 3 of a certificate.
const EXTENSIONS: u8 = 0xa3;
const VERSION: u8 = 0xa0;
/// `subjectAltName`
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

impl Certificate {
    /// Reads a certificate in DER.
    #[must_use]
    pub fn read(der: &[u8]) -> Self {
        read(der).unwrap_or_default()
    }
}

fn read(der: &[u8]) -> Option<Certificate> {
    let mut fields = Values(Values(Values(der).of(SEQUENCE)?).of(SEQUENCE)?);
    if fields.next()?.0 == VERSION {
        fields.next()?;
    }
    // That was the serial number; then the algorithm, the issuer and the time of validity.
    let (_, subject) = fields.nth(3)?;
    let names = fields
        .find(|(tag, _)| *tag == EXTENSIONS)
        .and_then(|(_, extensions)| {
            let mut extensions = Values(Values(extensions).of(SEQUENCE)?);
            extensions.find_map(|(_, extension)| {
                let mut parts = Values(extension);
                (parts.next()? == (OBJECT, ALTERNATIVE_NAMES)).then_some(())?;
                let (_, list) = parts.find(|(tag, _)| *tag == OCTETS)?;
                Some(Values(Values(list).of(SEQUENCE)?).filter_map(|(tag, value)| name(tag, value)).collect())
            })
        })
        .unwrap_or_default();
    Some(Certificate { subject: distinguished_name(subject), names })
}

fn name(tag: u8, value: &[u8]) -> Option<Name> {
    let text = || std::str::from_utf8(value).ok().filter(|text| text.is_ascii());
    Some(match tag {
        0x81 => Name::Mail(text()?.into()),
        0x82 => Name::Dns(text()?.to_ascii_lowercase().into()),
        0x86 => Name::Uri(text()?.into()),
        0x87 => Name::Ip(match *value {
            [a, b, c, d] => IpAddr::from([a, b, c, d]),
            _ => IpAddr::from(<[u8; 16]>::try_from(value).ok()?),
        }),
        _ => return None,
    })
}

/// The string form of RFC 4514.
fn distinguished_name(der: &[u8]) -> Option<Arc<str>> {
    let relative: Vec<&[u8]> = Values(der).map(|(_, value)| value).collect();
    let mut text = String::new();
    for relative in relative.into_iter().rev() {
        for (at, (_, attribute)) in Values(relative).enumerate() {
            match (at, text.is_empty()) {
                (0, true) => {}
                (0, false) => text.push(','),
                _ => text.push('+'),
            }
            let mut parts = Values(attribute);
            attribute_type(&mut text, parts.of(OBJECT)?);
            text.push('=');
            let (tag, value) = parts.next()?;
            match string(tag, value) {
                Some(value) => escape(&mut text, &value),
                None => {
                    text.push('#');
                    value.iter().for_each(|byte| _ = write!(text, "{byte:02x}"));
                }
            }
        }
    }
    (!text.is_empty()).then(|| text.into())
}

/// The short names of RFC 4514 and some in wide use; others as numbers.
fn attribute_type(text: &mut String, object: &[u8]) {
    text.push_str(match object {
        [0x55, 0x04, 3] => "CN",
        [0x55, 0x04, 5] => "serialNumber",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 9] => "STREET",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 1] => "UID",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 25] => "DC",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 1] => "emailAddress",
        _ => return dotted(text, object),
    });
}

/// An object identifier as numbers (X.690 §8.19).
fn dotted(text: &mut String, object: &[u8]) {
    let (mut number, mut first) = (0_u64, true);
    for byte in object {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        let _ = match (first, number) {
            (true, 0..80) => write!(text, "{}.{}", number / 40, number % 40),
            (true, _) => write!(text, "2.{}", number - 80),
            (false, _) => write!(text, ".{number}"),
        };
        (number, first) = (0, false);
    }
}

fn string(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        // UTF8String, NumericString, PrintableString, IA5String
        0x0c | 0x12 | 0x13 | 0x16 => std::str::from_utf8(value).ok().map(str::to_owned),
        // TeletexString, read as Latin-1 by everyone.
        0x14 => Some(value.iter().map(|byte| char::from(*byte)).collect()),
        // BMPString
        0x1e => {
            let units = value.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        _ => None,
    }
}

fn escape(text: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (at, letter) in value.chars().enumerate() {
        let at_an_end = (letter == ' ' && (at == 0 || at == last)) || (letter == '#' && at == 0);
        match letter {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', letter]),
            _ if at_an_end => text.extend(['\\', letter]),
            // Nothing a holder chose breaks a line.
            _ if letter.is_control() => {
                let mut bytes = [0; 4];
                letter.encode_utf8(&mut bytes).bytes().for_each(|byte| _ = write!(text, "\\{byte:02x}"));
            }
            _ => text.push(letter),
        }
    }
}

/// Values of DER one after the other: their tags and contents. Ends where one is broken.
struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    /// The content of the next value, which has a tag.
    fn of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let ([tag, short], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match short {
            0..=0x7f => (usize::from(*short), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(short & 0x0f))?;
                (digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, value))
    }
}

#[cfg(test)]
mod tests {
    use super::{Certificate, Name};
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    fn made(names: &[SanType], subject: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        params.subject_alt_names = names.to_vec();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_holder_is_read() {
        let der = made(
            &[
                SanType::DnsName("API.example.com".try_into().unwrap()),
                SanType::URI("spiffe://example.com/app".try_into().unwrap()),
                SanType::Rfc822Name("a@example.com".try_into().unwrap()),
                SanType::IpAddress("192.0.2.7".parse().unwrap()),
                SanType::IpAddress("2001:db8::1".parse().unwrap()),
            ],
            &[(DnType::OrganizationName, "Example, Inc."), (DnType::CommonName, " al\nice")],
        );
        let read = Certificate::read(&der);
        assert_eq!(read.subject.as_deref(), Some("CN=\\ al\\0aice,O=Example\\, Inc."));
        let expected = [
            Name::Dns("api.example.com".into()),
            Name::Uri("spiffe://example.com/app".into()),
            Name::Mail("a@example.com".into()),
            Name::Ip("192.0.2.7".parse().unwrap()),
            Name::Ip("2001:db8::1".parse().unwrap()),
        ];
        assert_eq!(read.names, expected);
    }

    #[test]
    fn one_without_names_has_none() {
        let read = Certificate::read(&made(&[], &[(DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 2]), "x")]));
        assert_eq!(read.subject.as_deref(), Some("1.2.840.113549.1.9.2=x"));
        assert_eq!(read.names, []);
        assert_eq!(Certificate::read(&made(&[], &[])), Certificate::default());
    }

    #[test]
    fn broken_bytes_are_nobody() {
        let der = made(&[SanType::DnsName("a.example".try_into().unwrap())], &[(DnType::CommonName, "a")]);
        for length in 0..der.len() {
            let _ = Certificate::read(&der[..length]);
        }
        for at in 0..der.len().min(400) {
            let mut broken = der.clone();
            broken[at] ^= 0xff;
            let _ = Certificate::read(&broken);
        }
        assert_eq!(Certificate::read(b"\x30\x84\xff\xff\xff\xff"), Certificate::default());
    }
}
