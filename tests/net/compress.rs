//! Compression as a client sees it.

use crate::harness::{Answer, Gate, Origin, Response};
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use tokio::io::AsyncReadExt;

const TEXT: &str = r#"
gateway {
  listen 127.0.0.1:0
  compress
}
upstream app { target http://{app} }
route everything ANY /** -> app { public "a test" }
"#;

fn long() -> String {
    format!("{{\"text\": \"{}\"}}", "all work and no play ".repeat(200))
}

fn answer(accept: &str, fields: &'static str) -> Response {
    let app = Origin::start(move |_| Answer::with(200, fields, &long()));
    Gate::source(TEXT).origin("app", &app).start().get("/").field("Accept-Encoding", accept).send().expect(200)
}

fn decoded(reply: &Response) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut text = String::new();
        let body = reply.body.as_slice();
        match reply.field("content-encoding").unwrap() {
            "gzip" => GzipDecoder::new(body).read_to_string(&mut text).await.unwrap(),
            "br" => BrotliDecoder::new(body).read_to_string(&mut text).await.unwrap(),
            "zstd" => ZstdDecoder::new(body).read_to_string(&mut text).await.unwrap(),
            other => panic!("{other}"),
        };
        text
    })
}

#[test]
fn a_long_text_is_compressed_as_the_client_accepts() {
    for (accept, coding) in [("gzip", "gzip"), ("br", "br"), ("gzip;q=0.5, br", "br"), ("zstd", "zstd")] {
        let reply = answer(accept, "Content-Type: application/json\r\n");
        assert_eq!(reply.field("content-encoding"), Some(coding), "{accept}");
        assert!(reply.varies_by("accept-encoding"));
        assert!(reply.length < 1000);
        assert_eq!(decoded(&reply), long());
    }
}

#[test]
fn what_is_compressed_already_or_not_wanted_so_stays_as_it_is() {
    for (accept, fields) in [
        ("identity", "Content-Type: application/json\r\n"),
        ("gzip;q=0", "Content-Type: application/json\r\n"),
        ("gzip", "Content-Type: image/png\r\n"),
        ("gzip", "Content-Type: text/event-stream\r\n"),
    ] {
        let reply = answer(accept, fields);
        assert_eq!((reply.field("content-encoding"), reply.text()), (None, long().as_str()), "{accept} {fields}");
    }
    let reply = answer("br", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n");
    assert_eq!((reply.field("content-encoding"), reply.text()), (Some("gzip"), long().as_str()));
}
