use super::{Framing, Limits, Scanned, Then};
use http::StatusCode;
use proptest::prelude::{any, prop, prop_assert_eq, proptest};

fn framing() -> Framing {
    Framing::new(Limits { bytes: 1024, fields: 10 })
}

fn scan(text: &str) -> Scanned {
    framing().scan(text.as_bytes())
}

/// The status a head is refused with; 200 when it passes whole.
fn status(head: &str) -> u16 {
    match scan(head) {
        Scanned { then: Then::Refused(refusal), .. } => refusal.status.as_u16(),
        Scanned { then: Then::End, pass } if pass == head.len() => 200,
        other => panic!("{head:?}: {other:?}"),
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
        ("GATEWRIGHT-REFUSED / HTTP/1.1\r\n", 400),
    ] {
        assert_eq!(status(&format!("{line}Host: a\r\n\r\n")), expected, "{line:?}");
    }
    for host in ["", "a b", "a/b", "a@b", "a:b", "a:123456", "a,b", "[::1", "[x]", "a:80:80", "é"] {
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
    ] {
        let scanned = scan(&format!("{CHUNKED}{body}"));
        assert!(matches!(scanned.then, Then::Broken(_)), "{body:?}: {scanned:?}");
        assert!(scanned.pass >= CHUNKED.len());
    }
    let extension = format!("{CHUNKED}3;{}\r\nabc\r\n", "x".repeat(5000));
    assert!(matches!(scan(&extension).then, Then::Broken(_)));
    let trailers = format!("{CHUNKED}0\r\n{}", "X: 1234567890\r\n".repeat(1000));
    assert!(matches!(scan(&trailers).then, Then::Broken(_)));
}

#[test]
fn extensions_and_trailers_within_bounds_pass() {
    let text = format!("{CHUNKED}3;a=b\r\nabc\r\n0 ;c\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(scan(&text), Scanned { pass: text.len(), then: Then::End });
}

proptest! {
    /// However the bytes are cut, the same ones pass.
    #[test]
    fn the_verdict_does_not_depend_on_where_reads_end(cuts in prop::collection::vec(1_usize..40, 1..20), bad in any::<bool>()) {
        let last = if bad { "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n" } else { "GET /z HTTP/1.1\r\nHost: a\r\n\r\n" };
        let text = format!("{CHUNKED}3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\nPUT / HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n12345{last}");
        let whole = scan(&text);
        let mut framing = framing();
        let (mut held, mut passed, mut rest) = (Vec::new(), 0, text.as_bytes());
        let mut refused = false;
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() || refused { break }
            let (now, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            held.extend_from_slice(now);
            let scanned = framing.scan(&held);
            passed += scanned.pass;
            held.drain(..scanned.pass);
            refused = matches!(scanned.then, Then::Refused(_));
        }
        prop_assert_eq!(passed, whole.pass);
        prop_assert_eq!(refused, bad);
    }
}
