use super::{LINE_BYTES_MAX, Malformed, SIGNATURE, Source, Step, VALUES_BYTES_MAX, checksum, read};
use crate::http::Scheme;
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

/// Reads as from a connection: only as much as is asked for. What was read, and the outcome.
fn from_stream(stream: &[u8]) -> (usize, Result<Option<Source>, Malformed>) {
    let mut taken = 0;
    loop {
        match read(&stream[..taken]) {
            Ok(Step::More(count)) => {
                assert!(count > 0);
                if taken + count > stream.len() {
                    return (taken, Err(Malformed("the stream ended")));
                }
                taken += count;
            }
            Ok(Step::Whole(source)) => return (taken, Ok(source)),
            Err(malformed) => return (taken, Err(malformed)),
        }
    }
}

fn source(address: &str, scheme: Option<Scheme>) -> Option<Source> {
    Some(Source { address: address.parse().unwrap(), scheme })
}

fn v2(version: u8, family: u8, values: &[u8]) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.extend_from_slice(&[version, family]);
    header.extend_from_slice(&u16::try_from(values.len()).unwrap().to_be_bytes());
    header.extend_from_slice(values);
    header
}

const V4: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 0xC0, 0x01, 0x01, 0xBB];

#[test]
fn a_line_tells_the_source_and_nothing_behind_it_is_read() {
    for (line, expected) in [
        ("PROXY TCP4 203.0.113.7 10.0.0.1 49153 443\r\n", source("203.0.113.7:49153", None)),
        ("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", source("[2001:db8::7]:1", None)),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ff:ff:: whatever 1\r\n", None),
    ] {
        let stream = format!("{line}GET / HTTP/1.1\r\n\r\n");
        assert_eq!(from_stream(stream.as_bytes()), (line.len(), Ok(expected)), "{line}");
    }
}

#[test]
fn a_line_that_is_not_exactly_right_is_refused() {
    for line in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 49153\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 49153 443 1\r\n",
        "PROXY TCP4 203.0.113.7  10.0.0.1 49153 443\r\n",
        "PROXY TCP4 203.0.113.07 10.0.0.1 49153 443\r\n",
        "PROXY TCP4 ::1 ::1 49153 443\r\n",
        "PROXY TCP6 203.0.113.7 10.0.0.1 49153 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 +1 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 01 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 65536 443\r\n",
        "PROXY TCP5 203.0.113.7 10.0.0.1 1 443\r\n",
        "PROXY UNKNOWN\n rest\r\n",
        "PROXY UNKNOWN \r x\r\n",
        "proxy UNKNOWN\r\n",
    ] {
        assert!(from_stream(line.as_bytes()).1.is_err(), "{line}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES_MAX));
    let (taken, outcome) = from_stream(long.as_bytes());
    assert!(outcome.is_err() && taken < LINE_BYTES_MAX, "{taken}");
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES_MAX - "PROXY UNKNOWN \r\n".len()));
    assert_eq!(from_stream(longest.as_bytes()), (LINE_BYTES_MAX, Ok(None)));
}

#[test]
fn the_second_version_tells_the_source_and_whether_the_client_spoke_tls() {
    let with = |more: &[u8]| [&V4[..], more].concat();
    let ssl = |client: u8| with(&[0x20, 0, 5, client, 0, 0, 0, 0]);
    let mut six = [0; 36];
    (six[0], six[1], six[15], six[33]) = (0x20, 0x01, 7, 80);
    for (header, expected) in [
        (v2(0x21, 0x11, &V4), source("203.0.113.7:49153", None)),
        (v2(0x21, 0x11, &with(&[0xEA, 0, 2, 1, 2])), source("203.0.113.7:49153", None)),
        (v2(0x21, 0x11, &ssl(1)), source("203.0.113.7:49153", Some(Scheme::Https))),
        (v2(0x21, 0x11, &ssl(0)), source("203.0.113.7:49153", Some(Scheme::Http))),
        (v2(0x21, 0x21, &six), source("[2001::7]:80", None)),
        (v2(0x21, 0x31, &[0; 216]), None),
        (v2(0x21, 0x00, b"anything"), None),
        (v2(0x20, 0x11, b""), None),
    ] {
        let length = header.len();
        assert_eq!(from_stream(&[&header[..], b"behind"].concat()), (length, Ok(expected)), "{header:?}");
    }
}

#[test]
fn a_second_version_that_is_not_exactly_right_is_refused() {
    let with = |more: &[u8]| [&V4[..], more].concat();
    for header in [
        v2(0x11, 0x11, &V4),
        v2(0x22, 0x11, &V4),
        v2(0x21, 0x12, &V4),
        v2(0x21, 0x13, &V4),
        v2(0x21, 0x11, &V4[..11]),
        v2(0x21, 0x21, &V4),
        v2(0x21, 0x11, &with(&[0x20, 0])),
        v2(0x21, 0x11, &with(&[0x20, 0, 9, 1])),
        v2(0x21, 0x11, &with(&[0x20, 0, 1, 1])),
        v2(0x21, 0x11, &with(&[0x03, 0, 4, 1, 2, 3, 4])),
        v2(0x21, 0x11, &with(&[0; VALUES_BYTES_MAX])),
    ] {
        assert!(from_stream(&header).1.is_err(), "{header:?}");
    }
}

#[test]
fn a_checksum_is_held_against_the_header() {
    assert_eq!(checksum(b"123456789", 0..0), 0xE306_9283);
    let mut header = v2(0x21, 0x11, &[&V4[..], &[0x03, 0, 4, 0, 0, 0, 0]].concat());
    let at = header.len() - 4;
    let sum = checksum(&header, at..at + 4);
    header[at..].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(from_stream(&header).1, Ok(source("203.0.113.7:49153", None)));
    header[16] ^= 1;
    assert!(from_stream(&header).1.is_err());
}

proptest! {
    #[test]
    fn no_bytes_ask_for_more_than_the_bounds(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..3) {
        let start: &[u8] = match kind { 0 => b"", 1 => b"PROXY TCP4 ", _ => SIGNATURE };
        bytes.splice(0..0, start.iter().copied());
        let (taken, _) = from_stream(&bytes);
        prop_assert!(taken <= 16 + VALUES_BYTES_MAX);
    }

    #[test]
    fn every_source_is_told_by_both_versions(ip: [u8; 4], port: u16) {
        let address = std::net::SocketAddr::from((ip, port));
        let line = format!("PROXY TCP4 {} 10.0.0.1 {port} 443\r\n", address.ip());
        let mut values = V4;
        values[..4].copy_from_slice(&ip);
        values[8..10].copy_from_slice(&port.to_be_bytes());
        for header in [line.into_bytes(), v2(0x21, 0x11, &values)] {
            prop_assert_eq!(from_stream(&header).1, Ok(Some(Source { address, scheme: None })));
        }
    }
}
