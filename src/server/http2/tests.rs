use super::frames::testing::frame;
use super::serve;
use crate::http::exchange::testing::client;
use crate::http::{Body, Fault, FaultKind, Outgoing, Reply, Tunnel};
use crate::server::drain::Connections;
use crate::server::peer::Peer;
use crate::server::tests::rig::{draft, shared};
use crate::server::worker::Worker;
use crate::upstream::{Attempt, Endpoint, Registry, Transport, Upstream};
use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Method, Request, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

/// More than any of the gateway's own times.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// An upstream that does what the path says.
struct Played;

impl Transport for Played {
    async fn exchange(&self, _: &Upstream, _: &Arc<Endpoint>, mut request: Outgoing, _: Attempt) -> Result<Reply, Fault> {
        request.tell();
        let Outgoing { target, headers, body, .. } = request;
        let body = match target.path() {
            "/live" => {
                assert_eq!((&request_fields(&headers, "upgrade"), request_fields(&headers, "sec-websocket-key").len()), (&"websocket", 24));
                let (stream, far) = duplex(1 << 10);
                tokio::spawn(async move {
                    let (mut from, mut to) = tokio::io::split(far);
                    tokio::io::copy(&mut from, &mut to).await.unwrap();
                    to.shutdown().await.unwrap();
                });
                let tunnel = Tunnel { stream: Box::new(stream), came: Bytes::new(), idle: PATIENCE, held: Box::new(()) };
                return Ok(Reply { body: Body::tunnel(tunnel), ..Reply::empty(StatusCode::SWITCHING_PROTOCOLS) });
            }
            "/echo" => body,
            "/fields" => Body::full(format!("{headers:?}")),
            "/large" => Body::full(vec![b'x'; 1 << 20]),
            "/broken" => Body::stream(http_body_util::StreamBody::new(futures_util::stream::iter([
                Ok(http_body::Frame::data(Bytes::from_static(b"beginning"))),
                Err(Fault::new(FaultKind::BodyBroken, "cut")),
            ]))),
            "/trailers" => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                Body::stream(http_body_util::StreamBody::new(futures_util::stream::iter([
                    Ok(http_body::Frame::data(Bytes::from_static(b"reply"))),
                    Ok(http_body::Frame::trailers(trailers)),
                ])))
            }
            "/taken" => {
                http_body_util::BodyExt::collect(body).await?;
                Body::empty()
            }
            _ => std::future::pending().await,
        };
        Ok(Reply { body, ..Reply::empty(StatusCode::OK) })
    }
}

fn request_fields<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().unwrap()
}

/// A gateway at the other end of a pipe.
struct Rig {
    connections: Arc<Connections>,
    serving: tokio::task::JoinHandle<()>,
}

fn rig() -> (DuplexStream, Rig) {
    let shared = shared(draft("127.0.0.1:1".parse().unwrap()).plan(&Registry::default()));
    let worker = Arc::new(Worker::new(shared, Played));
    let (near, stream) = duplex(64 << 10);
    let connections = Arc::<Connections>::default();
    let serving = tokio::spawn(serve(worker, stream, BytesMut::new(), Peer::plain(client(), None), connections.enter()));
    (near, Rig { connections, serving })
}

impl Rig {
    async fn has_ended(self) {
        timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

async fn connected() -> (SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>, Rig) {
    let (stream, rig) = rig();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    (client, tokio::spawn(connection), rig)
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://shop.example{path}")).body(()).unwrap()
}

async fn whole(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all.extend_from_slice(&data);
    }
    Ok((all, body.trailers().await?))
}

#[tokio::test]
async fn requests_run_side_by_side_on_one_connection() {
    let (mut client, _connection, rig) = connected().await;
    let (never, _) = client.send_request(get("/never"), true).unwrap();
    let mut request = get("/fields");
    request.headers_mut().append("cookie", "a=1".parse().unwrap());
    request.headers_mut().append("cookie", "b=2".parse().unwrap());
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    request.headers_mut().insert("x-forwarded-for", "6.6.6.6".parse().unwrap());
    let (fields, _) = client.send_request(request, true).unwrap();
    let fields = fields.await.unwrap();
    assert_eq!(fields.status(), StatusCode::OK);
    for name in ["date", "x-request-id", "content-length"] {
        assert!(fields.headers().contains_key(name), "{name}");
    }
    let (seen, _) = whole(fields.into_body()).await.unwrap();
    let seen = String::from_utf8(seen).unwrap();
    for part in [r#""cookie": "a=1; b=2""#, r#""te": "trailers""#, r#""x-forwarded-host": "shop.example""#, "192.0.2.1"] {
        assert!(seen.contains(part), "{part} is not in {seen}");
    }
    assert!(!seen.contains("6.6.6.6"), "{seen}");
    let (large, _) = client.send_request(get("/large"), true).unwrap();
    assert_eq!(whole(large.await.unwrap().into_body()).await.unwrap().0.len(), 1 << 20);
    drop(never);
    drop(rig);
}

#[tokio::test]
async fn bodies_pass_both_ways_and_trailers_with_the_reply() {
    let (mut client, _connection, _rig) = connected().await;
    let request = Request::post("http://shop.example/echo").body(()).unwrap();
    let (answer, mut send) = client.send_request(request, false).unwrap();
    let answer = answer.await.unwrap();
    send.send_data(Bytes::from_static(b"part one, "), false).unwrap();
    send.send_data(Bytes::from_static(b"part two"), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("sum", "1".parse().unwrap());
    trailers.insert("cookie", "session=1".parse().unwrap());
    send.send_trailers(trailers).unwrap();
    let (body, came) = whole(answer.into_body()).await.unwrap();
    assert_eq!(body, b"part one, part two");
    let came = came.unwrap();
    assert_eq!((came.len(), came["sum"].as_bytes()), (1, &b"1"[..]));
    let (answer, _) = client.send_request(get("/trailers"), true).unwrap();
    let (body, came) = whole(answer.await.unwrap().into_body()).await.unwrap();
    assert_eq!((body.as_slice(), came.unwrap()["grpc-status"].as_bytes()), (&b"reply"[..], &b"0"[..]));
}

#[tokio::test]
async fn a_websocket_is_a_stream_of_its_own() {
    let (mut send, _running, _rig) = connected().await;
    while !send.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let mut connect = get("/live");
    *connect.method_mut() = Method::CONNECT;
    connect.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    connect.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
    let (response, mut stream) = send.send_request(connect, false).unwrap();
    let response = response.await.unwrap();
    assert_eq!((response.status(), response.headers().contains_key("upgrade")), (StatusCode::OK, false));
    let mut body = response.into_body();
    for message in ["one", "two"] {
        stream.send_data(Bytes::from_static(message.as_bytes()), false).unwrap();
        assert_eq!(body.data().await.unwrap().unwrap(), message);
        body.flow_control().release_capacity(message.len()).unwrap();
    }
    stream.send_data(Bytes::new(), true).unwrap();
    assert!(whole(body).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn a_large_upload_is_echoed_within_the_windows() {
    let (mut client, _connection, _rig) = connected().await;
    let (answer, mut send) = client.send_request(Request::post("http://a/echo").body(()).unwrap(), false).unwrap();
    let sending = tokio::spawn(async move {
        let mut left = Bytes::from(vec![b'y'; 3 << 20]);
        while !left.is_empty() {
            send.reserve_capacity(left.len());
            let room = std::future::poll_fn(|cx| send.poll_capacity(cx)).await.unwrap().unwrap();
            send.send_data(left.split_to(room.min(left.len())), left.is_empty()).unwrap();
        }
    });
    let (body, _) = whole(answer.await.unwrap().into_body()).await.unwrap();
    assert_eq!(body.len(), 3 << 20);
    sending.await.unwrap();
}

#[tokio::test]
async fn uploads_that_nobody_reads_hold_up_no_other() {
    let (mut client, _connection, _rig) = connected().await;
    let mut held = Vec::new();
    for _ in 0..super::STREAMS_MAX - 1 {
        client = client.ready().await.unwrap();
        let (answer, mut send) = client.send_request(Request::post("http://a/never").body(()).unwrap(), false).unwrap();
        send.send_data(Bytes::from(vec![b'x'; 64 << 10]), false).unwrap();
        held.push((answer, send));
    }
    client = client.ready().await.unwrap();
    let (answer, mut send) = client.send_request(Request::post("http://a/echo").body(()).unwrap(), false).unwrap();
    send.send_data(Bytes::from(vec![b'y'; 200 << 10]), true).unwrap();
    let answered = async { whole(answer.await.unwrap().into_body()).await.unwrap().0.len() };
    assert_eq!(timeout(Duration::from_secs(20), answered).await, Ok(200 << 10));
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_was_said_never_ends_cleanly() {
    let (mut client, _connection, rig) = connected().await;
    let request = || Request::post("http://a/taken").header("content-length", "10").body(()).unwrap();
    for data in [&b"short"[..], b"longer than ten"] {
        let (answer, mut send) = client.send_request(request(), false).unwrap();
        send.send_data(Bytes::copy_from_slice(data), true).unwrap();
        assert_eq!(answer.await.unwrap_err().reason(), Some(Reason::PROTOCOL_ERROR), "{data:?}");
    }
    drop(rig);
}

#[tokio::test]
async fn a_head_with_two_readings_is_refused() {
    let (mut client, _connection, _rig) = connected().await;
    for (name, value) in [("host", "evil.example"), ("content_length", "3"), ("x", " padded")] {
        let mut request = get("/fields");
        request.headers_mut().insert(name, value.parse().unwrap());
        let (answer, _) = client.send_request(request, true).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    let mut many = get("/fields");
    for number in 0..101 {
        many.headers_mut().insert(http::HeaderName::try_from(format!("x-{number}")).unwrap(), "y".parse().unwrap());
    }
    let (answer, _) = client.send_request(many, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let (answer, _) = client.send_request(Request::builder().method(Method::CONNECT).uri("a.example:443").body(()).unwrap(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_reset() {
    let (mut client, _connection, _rig) = connected().await;
    let (answer, _) = client.send_request(get("/broken"), true).unwrap();
    // The reset may overtake what was there of the reply.
    let broken = match answer.await {
        Ok(answer) => whole(answer.into_body()).await.map(drop),
        Err(error) => Err(error),
    };
    assert_eq!(broken.unwrap_err().reason(), Some(Reason::INTERNAL_ERROR));
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_when_its_body_is_wanted() {
    let (mut client, _connection, _rig) = connected().await;
    let request = Request::post("http://a/taken").header("expect", "100-continue").header("content-length", "3").body(()).unwrap();
    let (mut answer, mut send) = client.send_request(request, false).unwrap();
    let interim = std::future::poll_fn(|cx| answer.poll_informational(cx)).await.unwrap().unwrap();
    assert_eq!(interim.status(), StatusCode::CONTINUE);
    send.send_data(Bytes::from_static(b"abc"), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
}

/// Whether a stream is reset behind its reply when more of the request's body follows, or all that is left of it.
async fn is_reset_after(more: &'static [u8], ends: bool) -> bool {
    let (mut client, _connection, _rig) = connected().await;
    let request = Request::builder().method(Method::TRACE).uri("http://shop.example/fields").body(()).unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    whole(answer.into_body()).await.unwrap();
    body.send_data(Bytes::from_static(more), ends).unwrap();
    // Whatever was sent before this reply has come.
    let (next, _) = client.clone().ready().await.unwrap().send_request(get("/large"), true).unwrap();
    whole(next.await.unwrap().into_body()).await.unwrap();
    std::future::poll_fn(|cx| std::task::Poll::Ready(body.poll_reset(cx).is_ready())).await
}

#[tokio::test]
async fn the_stream_of_a_refused_request_is_not_reset_while_a_small_body_comes() {
    assert!(!is_reset_after(b"late", true).await);
    assert!(!is_reset_after(b"late", false).await);
    assert!(is_reset_after(&[b'x'; 1 << 20], false).await);
}

#[tokio::test]
async fn a_drain_lets_what_runs_finish() {
    let (mut client, connection, rig) = connected().await;
    let (answer, mut send) = client.send_request(Request::post("http://a/taken").body(()).unwrap(), false).unwrap();
    let connections = Arc::clone(&rig.connections);
    let (other, _) = client.send_request(get("/fields"), true).unwrap();
    other.await.unwrap();
    let drained = tokio::spawn(async move { timeout(PATIENCE, connections.end(Duration::from_secs(1))).await });
    let refused = std::future::poll_fn(|cx| client.poll_ready(cx));
    let _ = timeout(Duration::from_millis(50), refused).await;
    send.send_data(Bytes::from_static(b"abc"), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    drained.await.unwrap().unwrap();
    rig.has_ended().await;
    assert!(connection.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_unused_connection_is_closed_and_a_used_one_is_not() {
    let (mut client, connection, rig) = connected().await;
    let began = Instant::now();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let (answer, _) = client.send_request(get("/fields"), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    }
    connection.await.unwrap().unwrap();
    rig.has_ended().await;
    assert!((Duration::from_secs(255)..Duration::from_secs(260)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_too_slowly_is_408() {
    let (mut client, _connection, _rig) = connected().await;
    let (answer, mut send) = client.send_request(Request::post("http://a/taken").body(()).unwrap(), false).unwrap();
    let dribbling = tokio::spawn(async move {
        while send.send_data(Bytes::from_static(b"x"), false).is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    dribbling.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_opens_no_window_is_given_up() {
    let (stream, _rig) = rig();
    let (mut client, connection) = h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream).await.unwrap();
    let _connection = tokio::spawn(connection);
    let (answer, _) = client.send_request(get("/large"), true).unwrap();
    let answer = answer.await.unwrap();
    let ended = timeout(PATIENCE, whole(answer.into_body())).await.unwrap();
    assert_eq!(ended.unwrap_err().reason(), Some(Reason::CANCEL));
}

/// A client that sends frames as it likes.
async fn raw() -> (DuplexStream, Rig) {
    let (mut stream, rig) = rig();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(4, 0, &[])).await.unwrap();
    (stream, rig)
}

fn of_stream(id: u32, kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(kind, flags, payload);
    bytes[5..9].copy_from_slice(&id.to_be_bytes());
    bytes
}

/// `GET http://a/fields` by the static table.
const GET: &[u8] = b"\x82\x86\x04\x07/fields\x01\x01a";

/// Sends the same again and again until the gateway has had enough; the reason it gives, when it gets through.
async fn flood(mut next: impl FnMut(u32) -> Vec<u8>) -> Option<u32> {
    let (stream, rig) = raw().await;
    let (mut from, mut to) = tokio::io::split(stream);
    let reading = tokio::spawn(async move {
        let (mut reason, mut head) = (None, [0; 9]);
        while from.read_exact(&mut head).await.is_ok() {
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            if from.read_exact(&mut payload).await.is_err() {
                break;
            }
            if head[3] == 7 {
                reason = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
            }
        }
        reason
    });
    for number in 0..20_000 {
        if to.write_all(&next(number)).await.is_err() {
            break;
        }
        assert!(number < 19_999, "the flood was let through");
    }
    drop(to);
    rig.has_ended().await;
    reading.await.unwrap()
}

const CALM: u32 = 11;

#[tokio::test]
async fn floods_close_the_connection() {
    assert_eq!(flood(|_| frame(6, 0, &[0; 8])).await, Some(CALM), "PING");
    assert_eq!(flood(|_| frame(4, 0, &[0, 3, 0, 0, 0, 9])).await, Some(CALM), "SETTINGS");
    assert_eq!(flood(|_| of_stream(0, 8, 0, &[0, 0, 0, 1])).await, Some(CALM), "WINDOW_UPDATE");
    assert_eq!(flood(|number| of_stream(2 * number + 1, 2, 0, &[0, 0, 0, 0, 9])).await, Some(CALM), "PRIORITY");
    assert_eq!(flood(|_| of_stream(0, 0x63, 0, &[])).await, Some(CALM), "unknown frames");
}

#[tokio::test]
async fn rapid_resets_close_the_connection() {
    let reset = |number: u32| {
        let id = 2 * number + 1;
        [of_stream(id, 1, 0x5, GET), of_stream(id, 3, 0, &[0, 0, 0, 8])].concat()
    };
    assert_eq!(flood(reset).await, Some(CALM));
}

#[tokio::test]
async fn resets_that_the_client_provokes_close_the_connection() {
    let provoked = |number: u32| {
        let id = 2 * number + 1;
        // A window update of nothing is an error of the stream (RFC 9113 §6.9).
        [of_stream(id, 1, 0x5, GET), of_stream(id, 8, 0, &[0; 4])].concat()
    };
    assert!(flood(provoked).await.is_some());
    // No pseudo-fields at all: malformed.
    assert_eq!(flood(|number| of_stream(2 * number + 1, 1, 0x5, b"\x00\x01x\x01y")).await, Some(CALM));
}

#[tokio::test]
async fn a_head_without_end_closes_the_connection() {
    let endless = |number: u32| match number {
        0 => of_stream(1, 1, 0x1, GET),
        _ => of_stream(1, 9, 0, &[b"\x00\x01x\x7f\x81\x07".as_slice(), &[b'y'; 262]].concat()),
    };
    assert!(flood(endless).await.is_some());
    let empty = |number: u32| match number {
        0 => of_stream(1, 1, 0x1, GET),
        _ => of_stream(1, 9, 0, &[]),
    };
    assert!(flood(empty).await.is_some());
}

#[tokio::test]
async fn empty_data_without_end_closes_the_connection() {
    let empty = |number: u32| match number {
        0 => of_stream(1, 1, 0x4, b"\x83\x86\x04\x06/taken\x01\x01a"),
        _ => of_stream(1, 0, 0, &[]),
    };
    assert!(flood(empty).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_whole_in_time_ends_the_connection() {
    for part in [&of_stream(1, 1, 0x1, GET)[..], &of_stream(1, 1, 0x5, GET)[..15], b""] {
        let (mut stream, rig) = raw().await;
        stream.write_all(part).await.unwrap();
        let (began, longest) = (Instant::now(), if part.is_empty() { 80 } else { 15 });
        rig.has_ended().await;
        assert!(began.elapsed() < Duration::from_secs(longest), "{part:?}: {:?}", began.elapsed());
    }
    let (_silent, rig) = rig();
    rig.has_ended().await;
}
