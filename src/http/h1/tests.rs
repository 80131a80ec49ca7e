use super::{Asked, BodyReader, Length, Limits, Piece, Pump, PumpError, RequestScan, ResponseScan};
use crate::http::Body;
use bytes::BytesMut;
use http::{HeaderMap, StatusCode};
use proptest::prelude::{any, prop, prop_assert_eq, proptest};
use std::task::{Context, Poll, Waker};

/// How a stream of requests was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// So many whole requests, and these bytes of bodies.
    Whole(usize, Vec<u8>),
    /// One is not yet whole.
    Partial,
    /// A head was refused.
    Refused(u16),
    /// A body's framing broke.
    Broken,
}

/// A reader of requests that come in parts.
pub(super) struct Reader {
    scan: RequestScan,
    body: BodyReader,
    input: BytesMut,
    pub(super) requests: usize,
    pub(super) bytes: Vec<u8>,
}

impl Reader {
    pub(super) fn scan() -> RequestScan {
        RequestScan::new(Limits { bytes: 1024, fields: 10 })
    }

    pub(super) fn new() -> Self {
        Self { scan: Self::scan(), body: BodyReader::Ended, input: BytesMut::new(), requests: 0, bytes: Vec::new() }
    }

    pub(super) fn read(&mut self, part: &[u8]) -> Read {
        self.input.extend_from_slice(part);
        loop {
            match self.body.next(&mut self.input) {
                Err(_) => return Read::Broken,
                Ok(Piece::More) => return Read::Partial,
                Ok(Piece::Data(data)) => self.bytes.extend_from_slice(&data),
                Ok(Piece::End(_)) if self.input.is_empty() => return Read::Whole(self.requests, self.bytes.clone()),
                Ok(Piece::End(_)) => match self.scan.next(&mut self.input, &mut HeaderMap::new()) {
                    Err(refusal) => return Read::Refused(refusal.status.as_u16()),
                    Ok(None) => return Read::Partial,
                    Ok(Some(head)) => {
                        self.requests += 1;
                        self.body = BodyReader::new(head.length);
                    }
                },
            }
        }
    }
}

fn read(text: &str) -> Read {
    Reader::new().read(text.as_bytes())
}

/// The status a head is refused with; 200 when all passes.
fn status(text: &str) -> u16 {
    match read(text) {
        Read::Refused(status) => status,
        Read::Whole(..) => 200,
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn heads_with_one_reading_pass() {
    for head in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /x?y=z HTTP/1.0\r\nhost:a.b:80\r\nX: \t y\t\r\n\r\n",
        "GET http://a.b:80/x HTTP/1.1\r\nHost: other\r\n\r\n",
        "GET https://a?x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: é\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: ,close,,\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\ncontent-length:\t0003 \r\n\r\nabc",
    ] {
        assert_eq!(status(head), 200, "{head:?}");
    }
}

#[test]
fn ambiguous_heads_are_refused() {
    let host = "GET / HTTP/1.1\r\nHost: a\r\n";
    for fields in [
        "X: a\n\r\n",
        "X: a\rb\r\n\r\n",
        "X: a\0\r\n\r\n",
        "X: a\r\n b\r\n\r\n",
        "X : a\r\n\r\n",
        ": a\r\n\r\n",
        "X\r\n\r\n",
        "X(y): a\r\n\r\n",
        "Host: a\r\n\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length: 3, 3\r\n\r\nabc",
        "Content-Length: +3\r\n\r\nabc",
        "Content-Length: -3\r\n\r\nabc",
        "Content-Length: 0x3\r\n\r\nabc",
        "Content-Length:\r\n\r\nabc",
        "Content-Length: 99999999999999999999\r\n\r\n",
        "Content_Length: 3\r\n\r\nabc",
        "Transfer-Encoding: gzip, chunked\r\n\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n",
        "Transfer-Encoding: chunked,\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n",
        "Transfer-Encoding:\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Transfer_Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: \"chunked\"\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding: chunked;q=1\r\n\r\n",
        "Transfer-Encoding: ,chunked\r\n\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n\r\n",
        "Transfer-Encoding: \u{c}chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n",
        "Transfer-Encoding\t: chunked\r\n\r\n",
        "Transfer\u{b}Encoding: chunked\r\n\r\n",
        " Transfer-Encoding: chunked\r\n\r\n",
        "X: y\r\n\tTransfer-Encoding: chunked\r\n\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n\r\n",
        "\0Transfer-Encoding: chunked\r\n\r\n",
        "Content-Length: 3;\r\n\r\nabc",
        "Content-Length: 3,\r\n\r\nabc",
        "Content-Length: 3 3\r\n\r\nabc",
        "Content-Length: 3.0\r\n\r\nabc",
        "Content-Length: ٣\r\n\r\nabc",
        "Content-Length: \u{b}3\r\n\r\nabc",
        "Content-Length: 1_0\r\n\r\nabc",
        "Content-Length: 1e1\r\n\r\nabc",
        "Content-Length: 18446744073709551619\r\n\r\nabc",
        "Content-Length\0: 3\r\n\r\nabc",
        "Content-Length: 3\r\ncontent_length: 3\r\n\r\nabc",
        "X: \u{7f}\r\n\r\n",
        "X\u{80}: y\r\n\r\n",
        "\"X\": y\r\n\r\n",
    ] {
        assert_eq!(status(&format!("{host}{fields}")), 400, "{fields:?}");
    }
    assert_eq!(status("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

#[test]
fn malformed_request_lines_and_hosts_are_refused() {
    for (line, expected) in [
        ("GET / HTTP/1.1\n", 400),
        ("GET  / HTTP/1.1\r\n", 400),
        ("GET / HTTP/1.1 \r\n", 400),
        ("GET /\r\n", 400),
        ("GET /\tx HTTP/1.1\r\n", 400),
        ("GET x HTTP/1.1\r\n", 400),
        ("GET * HTTP/1.1\r\n", 400),
        ("GET /#x HTTP/1.1\r\n", 400),
        ("GET /é HTTP/1.1\r\n", 400),
        ("GET http:///x HTTP/1.1\r\n", 400),
        ("GET http://u@a/ HTTP/1.1\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\n", 400),
        ("G@T / HTTP/1.1\r\n", 400),
        ("GET / http/1.1\r\n", 400),
        ("GET / HTTP/1.1x\r\n", 400),
        ("GET / HTTP/2.0\r\n", 505),
        ("CONNECT a:80 HTTP/1.1\r\n", 405),
        ("/ HTTP/1.1\r\n", 400),
        (" GET / HTTP/1.1\r\n", 400),
        ("GET\t/ HTTP/1.1\r\n", 400),
        ("GET /\u{b}HTTP/1.1\r\n", 400),
        ("GET /\0 HTTP/1.1\r\n", 400),
        ("GET ?x HTTP/1.1\r\n", 400),
        ("GET a:80 HTTP/1.1\r\n", 400),
        ("GET http://a:99999/ HTTP/1.1\r\n", 400),
        ("GET http://[::1/ HTTP/1.1\r\n", 400),
        ("GET http:a HTTP/1.1\r\n", 400),
        ("GET http://./ HTTP/1.1\r\n", 400),
        ("GET http://.:80/ HTTP/1.1\r\n", 400),
        ("OPTIONS *x HTTP/1.1\r\n", 400),
        ("GET / HTTP/1.10\r\n", 400),
        ("GET / HTTP/01.1\r\n", 400),
        ("GET / HTTP/1,1\r\n", 400),
        ("GET / HTTP/\r\n", 400),
        ("GET / XTTP/1.1\r\n", 400),
        ("GET / HTTP/1.2\r\n", 505),
        ("GET / HTTP/0.9\r\n", 505),
        ("PRI * HTTP/2.0\r\n", 505),
        ("\r\n\r\nGET / HTTP/1.1\r\n", 400),
    ] {
        assert_eq!(status(&format!("{line}Host: a\r\n\r\n")), expected, "{line:?}");
    }
    for host in [
        "", "a b", "a/b", "a@b", "a:b", "a:123456", "a:65536", "a:+80", ":80", "a?b", "a%41", "a\\b", "u:p@a", "a,b", "[::1", "[x]",
        "a:80:80", "é", ".", ".:80", ".:",
    ] {
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")), 400, "{host:?}");
    }
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400);
}

#[test]
fn heads_over_a_limit_are_431() {
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1024));
    assert_eq!(status(&long), 431);
    let unfinished = format!("GET /{}", "x".repeat(1024));
    assert_eq!(status(&unfinished), 431);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(10));
    assert_eq!(status(&many), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.as_u16());
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn chunks_with_bad_framing_break_the_body_there() {
    for body in [
        "x\r\n",
        "\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "-3\r\nabc\r\n",
        "0x3\r\nabc\r\n",
        "1234567812345678\r\n",
        "3;x\ny\r\nabc\r\n",
        "3 x\r\nabc\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n x\r\n\r\n",
        "0\r\nX: \0\r\n\r\n",
        "0\r\n\rX",
        "3 \r\nabc\r\n",
        " 3\r\nabc\r\n",
        "3\r\rabc\r\n",
        "3\r\nabc\r\r",
        "3\r\nabc\rX",
        "+3\r\nabc\r\n",
        "3_\r\nabc\r\n",
        "3.0\r\nabc\r\n",
        "3;\0\r\nabc\r\n",
        "3;a\rb\r\nabc\r\n",
        "3;a=\"\n\"\r\nabc\r\n",
        "10000000000000003\r\nabc\r\n",
        "0\n\r\n",
        "0\r\n\n",
        "0\r\nX\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\rZ: w\r\n\r\n",
        "0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        assert_eq!(read(&format!("{CHUNKED}{body}")), Read::Broken, "{body:?}");
    }
    let extension = format!("{CHUNKED}3;{}\r\nabc\r\n", "x".repeat(5000));
    assert_eq!(read(&extension), Read::Broken);
    let trailers = format!("{CHUNKED}0\r\n{}", "X: 1234567890\r\n".repeat(1000));
    assert_eq!(read(&trailers), Read::Broken);
}

#[test]
fn extensions_and_trailers_within_bounds_pass() {
    let text = format!("{CHUNKED}3;a=b\r\nabc\r\n0 ;c\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(read(&text), Read::Whole(2, b"abc".to_vec()));
}

#[test]
fn trailers_are_kept_apart_and_never_say_anything_about_framing() {
    let mut body = BodyReader::new(Length::Chunked);
    let mut input = BytesMut::from(
        "0\r\nGrpc-Status: 0\r\nContent-Length: 3\r\nHost: x\r\nAuthorization: x\r\nSet-Cookie: a=b\r\nX_Forwarded_For: x\r\nConnection: x\r\n\r\n",
    );
    let Ok(Piece::End(Some(trailers))) = body.next(&mut input) else { panic!("no trailers") };
    assert_eq!(trailers.len(), 1);
    assert_eq!(trailers["grpc-status"], "0");
}

fn response(text: &str) -> Result<Option<(u16, Length, bool)>, &'static str> {
    let (mut scan, mut input) = (ResponseScan::default(), BytesMut::from(text));
    loop {
        match scan.next(&mut input, &Asked::Plainly, &mut HeaderMap::new())? {
            Some(head) if head.is_interim() => {}
            head => return Ok(head.map(|head| (head.status.as_u16(), head.length, head.keeps_alive))),
        }
    }
}

#[test]
fn responses_are_read_with_their_length() {
    for (text, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", (200, Length::Bytes(2), true)),
        ("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", (200, Length::Chunked, true)),
        ("HTTP/1.1 200 OK\r\n\r\n", (200, Length::ToClose, false)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", (200, Length::Bytes(2), false)),
        ("HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", (204, Length::Bytes(0), false)),
        ("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", (204, Length::Bytes(0), true)),
        ("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", (204, Length::Bytes(0), false)),
        ("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", (204, Length::Bytes(0), false)),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n", (200, Length::Bytes(2), true)),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", (200, Length::ToClose, false)),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\n\r\n", (200, Length::Bytes(2), false)),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", (304, Length::Bytes(0), true)),
        ("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Here\r\nContent-Length: 0\r\n\r\n", (404, Length::Bytes(0), true)),
    ] {
        assert_eq!(response(text), Ok(Some(expected)), "{text:?}");
    }
    for text in ["", "H", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 100 Continue\r\n\r\n"] {
        assert_eq!(response(text), Ok(None), "{text:?}");
    }
}

#[test]
fn interim_responses_have_a_bound() {
    let many = format!("{}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n".repeat(17));
    assert!(response(&many).is_err());
    assert!(response(many.split_at(27).1).is_ok());
}

#[test]
fn a_request_line_that_is_none_is_refused_before_the_head_is_whole() {
    for (text, expected) in [("GET /\r\n", 400), ("GET / HTTP/2.0\r\nX", 505), ("CONNECT a:80 HTTP/1.1\r\n", 405)] {
        assert_eq!(read(text), Read::Refused(expected), "{text:?}");
    }
    assert_eq!(read("GET / HTTP/1.1\r\n"), Read::Partial);
}

#[test]
fn an_expectation_is_met_here_and_one_of_an_old_client_means_nothing() {
    for (version, expected) in [("1.1", true), ("1.0", false)] {
        let text = format!("POST / HTTP/{version}\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
        let head = Reader::scan().next(&mut BytesMut::from(text.as_str()), &mut HeaderMap::new()).unwrap().unwrap();
        assert_eq!((head.expects_continue, head.headers.contains_key("expect")), (expected, false), "{version}");
    }
}

#[test]
fn responses_with_two_readings_are_refused() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "rubbish\r\n\r\n",
        "SSH-2.0-x",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 Odd\r\n\r\n",
        "HTTP/1.1 999 Odd\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1\t200 OK\r\n\r\n",
        "HTTP/1.1 200 O\rK\r\n\r\n",
        "HTTP/1.1 200 O\0K\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent_Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n",
        "HTTP/1.1 204 No\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        assert!(response(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_body_of_another_length_than_was_said_is_an_error() {
    for said in [2, 3, 4] {
        let stream = http_body_util::Full::new(bytes::Bytes::from_static(b"abc"));
        let stream = http_body_util::BodyExt::map_err(stream, |never: std::convert::Infallible| match never {});
        let mut pump = Pump::new(b"head".to_vec(), Body::stream(stream), Length::Bytes(said));
        let mut out = Vec::new();
        let done = pump.poll(&mut out, &mut Context::from_waker(Waker::noop()));
        assert_eq!(matches!(done, Poll::Ready(Err(PumpError::Body(_)))), said != 3, "{said}");
    }
}

proptest! {
    /// However the bytes are cut, the same is read.
    #[test]
    fn the_verdict_does_not_depend_on_where_reads_end(cuts in prop::collection::vec(1_usize..40, 1..20), bad in any::<bool>()) {
        let last = if bad { "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n" } else { "GET /z HTTP/1.1\r\nHost: a\r\n\r\n" };
        let text = format!("{CHUNKED}3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\nPUT / HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n12345{last}");
        let mut reader = Reader::new();
        let (mut rest, mut seen) = (text.as_bytes(), Read::Partial);
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() || matches!(seen, Read::Refused(_)) { break }
            let (now, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            seen = reader.read(now);
        }
        prop_assert_eq!(seen, read(&text));
    }
}
