//! Messages that went wrong in random ways, in random parts: never a panic, one verdict however they are cut, and what
//! passes has one reading.

use super::tests::{Read, Reader};
use super::{Asked, BodyReader, Length, Piece, Pump, ResponseScan, request_head};
use crate::http::{Affinity, Body, Outgoing};
use bytes::BytesMut;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use std::task::{Context, Poll, Waker};

const REQUESTS: &[&str] = &[
    "GET /a?b=c HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: \t y\t\r\n\r\nabcde",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n",
    "PUT http://b/x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X\r\nX: 1\r\nContent-Length: 0\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
];

const RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\n\r\nabcde",
    "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n",
    "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nto the end",
];

/// What messages are broken with.
const SPLICES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b"\x0b",
    b"\x0c",
    b"\x7f",
    b"\xff",
    b":",
    b",",
    b";",
    b"0",
    b"f",
    b"ffffffffffffffff",
    b"_",
    b"Content-Length: 3\r\n",
    b"Content-Length : 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"transfer-encoding: identity\r\n",
    b"Host: b\r\n",
    b"HTTP/1.0",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
];

/// One to three messages, some bytes of them replaced by others.
fn broken(messages: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0_usize..4, prop::sample::select(SPLICES));
    let text = prop::collection::vec(prop::sample::select(messages), 1..4);
    (text, prop::collection::vec(change, 0..3)).prop_map(|(text, changes)| {
        let mut bytes = text.concat().into_bytes();
        for (at, removed, splice) in changes {
            let at = at.index(bytes.len());
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, splice.iter().copied());
        }
        bytes
    })
}

fn in_parts(bytes: &[u8], cuts: &[usize], mut read: impl FnMut(&[u8]) -> bool) {
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        let (now, later) = rest.split_at((*cut).min(rest.len()));
        rest = later;
        if !read(now) || rest.is_empty() {
            return;
        }
    }
}

/// Reads whole requests the slow and obvious way: their number and the bytes of their bodies, or nothing when they are not
/// as they must be.
fn plainly(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (mut rest, mut count, mut bodies) = (bytes, 0, Vec::new());
    let line = |rest: &mut &[u8]| {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = rest[..end].to_vec();
        *rest = &rest[end + 2..];
        (!line.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127))).then_some(line)
    };
    let take = |rest: &mut &[u8], length: usize| {
        let taken = rest.get(..length)?.to_vec();
        *rest = &rest[length..];
        Some(taken)
    };
    while !rest.is_empty() {
        if rest.starts_with(b"\r\n") {
            rest = &rest[2..];
        }
        let first = line(&mut rest)?;
        let words: Vec<_> = first.split(|byte| *byte == b' ').collect();
        let [_, _, version @ (b"HTTP/1.1" | b"HTTP/1.0")] = words[..] else { return None };
        let (mut lengths, mut codings, mut hosts) = (Vec::new(), Vec::new(), 0);
        loop {
            let field = String::from_utf8_lossy(&line(&mut rest)?).into_owned();
            if field.is_empty() {
                break;
            }
            let (name, value) = field.split_once(':')?;
            if name.is_empty() || name.contains([' ', '\t']) {
                return None;
            }
            match name.to_ascii_lowercase().replace('_', "-").as_str() {
                "content-length" => lengths.push(value.trim_matches([' ', '\t']).to_owned()),
                "transfer-encoding" => codings.push(value.trim_matches([' ', '\t']).to_ascii_lowercase()),
                "host" => hosts += 1,
                _ => {}
            }
        }
        count += 1;
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => {}
            ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => bodies.extend(take(&mut rest, length.parse().ok()?)?),
            ([], [coding]) if coding == "chunked" && version == b"HTTP/1.1" => loop {
                let size = line(&mut rest)?;
                let digits = size.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
                let size = usize::from_str_radix(std::str::from_utf8(&size[..digits]).ok()?, 16).ok()?;
                if size == 0 {
                    while !line(&mut rest)?.is_empty() {}
                    break;
                }
                bodies.extend(take(&mut rest, size)?);
                if !line(&mut rest)?.is_empty() {
                    return None;
                }
            },
            _ => return None,
        }
        if hosts != 1 && (hosts, version) != (0, b"HTTP/1.0") {
            return None;
        }
    }
    Some((count, bodies))
}

/// What was read of responses: their statuses, the bytes of their bodies, and how it ended.
fn responses(bytes: &[u8], cuts: &[usize]) -> (Vec<u16>, Vec<u8>, bool) {
    let (mut scan, mut body, mut input) = (ResponseScan::default(), BodyReader::Ended, BytesMut::new());
    let (mut statuses, mut bodies, mut refused) = (Vec::new(), Vec::new(), false);
    in_parts(bytes, cuts, |part| {
        input.extend_from_slice(part);
        loop {
            if body.has_ended() {
                match scan.next(&mut input, &Asked::Plainly, &mut HeaderMap::new()) {
                    Ok(Some(head)) => {
                        statuses.push(head.status.as_u16());
                        body = BodyReader::new(head.length);
                    }
                    Ok(None) => return true,
                    Err(_) => {
                        refused = true;
                        return false;
                    }
                }
            }
            match body.next(&mut input) {
                Ok(Piece::Data(data)) => bodies.extend_from_slice(&data),
                Ok(Piece::End(_)) => {}
                Ok(Piece::More) => return true,
                Err(_) => {
                    refused = true;
                    return false;
                }
            }
        }
    });
    (statuses, bodies, refused)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_request_has_one_verdict_and_one_reading(bytes in broken(REQUESTS), cuts in prop::collection::vec(1_usize..30, 1..8)) {
        let mut whole = Reader::new();
        let verdict = whole.read(&bytes);
        let mut reader = Reader::new();
        let mut seen = Read::Partial;
        in_parts(&bytes, &cuts, |part| {
            seen = reader.read(part);
            matches!(seen, Read::Partial | Read::Whole(..))
        });
        prop_assert_eq!(&seen, &verdict);
        prop_assert_eq!((reader.requests, &reader.bytes), (whole.requests, &whole.bytes));
        if let Read::Whole(count, body) = verdict {
            prop_assert_eq!(plainly(&bytes), Some((count, body)));
        }
    }

    #[test]
    fn what_passes_is_written_with_one_reading(bytes in broken(REQUESTS)) {
        let mut input = BytesMut::from(bytes.as_slice());
        let mut scan = Reader::scan();
        if let Ok(Some(head)) = scan.next(&mut input, &mut HeaderMap::new()) {
            let mut out = Vec::new();
            let (method, target, authority) = (head.method.clone(), head.target.clone(), head.authority.clone());
            let (headers, affinity) = (head.headers.clone(), Affinity::default());
            let mut sent = Outgoing { method, target, authority, headers, forwarding: None, affinity, body: Body::empty(), early: None, spans: None };
            request_head(&mut out, &mut sent, &head.authority, Some(Length::Bytes(2)));
            let mut pump = Pump::new(out, Body::full("ab"), Length::Bytes(2));
            let mut out = Vec::new();
            prop_assert!(matches!(pump.poll(&mut out, &mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
            prop_assert_eq!(plainly(&out), Some((1, b"ab".to_vec())));
            let again = scan.next(&mut BytesMut::from(out.as_slice()), &mut HeaderMap::new()).unwrap().unwrap();
            prop_assert_eq!((again.method, again.target, again.authority), (head.method, head.target, head.authority));
            let mut headers = head.headers;
            headers.insert("content-length", HeaderValue::from_static("2"));
            prop_assert_eq!(again.headers, headers);
        }
    }

    #[test]
    fn a_response_has_one_verdict(bytes in broken(RESPONSES), cuts in prop::collection::vec(1_usize..30, 1..8)) {
        prop_assert_eq!(responses(&bytes, &cuts), responses(&bytes, &[usize::MAX]));
    }
}
