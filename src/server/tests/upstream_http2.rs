use super::rig::{Draft, draft, status};
use crate::http::{Affinity, Body, Fault, FaultKind, Outgoing, Reply};
use crate::upstream::transport::Tcp;
use crate::upstream::{Attempt, Transport, Upstream};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What an origin has seen.
#[derive(Default)]
pub(super) struct Seen {
    connections: AtomicUsize,
    /// Requests on one connection at once, at most.
    most: AtomicUsize,
}

/// An origin that takes so many requests at once on a connection, each with its number on it.
pub(super) async fn origin<F, Fut>(at_once: u32, serve: F) -> (SocketAddr, Arc<Seen>)
where
    F: Fn(usize, Request<RecvStream>, SendResponse<Bytes>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
    let noted = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            noted.connections.fetch_add(1, Ordering::Relaxed);
            let (serve, noted) = (serve.clone(), Arc::clone(&noted));
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::Builder::new().max_concurrent_streams(at_once).handshake(stream).await else { return };
                let (mut number, running) = (0, Arc::<AtomicUsize>::default());
                while let Some(Ok((request, respond))) = connection.accept().await {
                    let answer = serve(number, request, respond);
                    noted.most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    let running = Arc::clone(&running);
                    tokio::spawn(async move {
                        answer.await;
                        running.fetch_sub(1, Ordering::Relaxed);
                    });
                    number += 1;
                }
            });
        }
    });
    (address, seen)
}

/// Sends a whole body as it is taken.
pub(super) async fn send(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let Some(room) = poll_fn(|cx| stream.poll_capacity(cx)).await.transpose()? else { break };
        stream.send_data(data.split_to(room.min(data.len())), false)?;
    }
    Ok(())
}

async fn read(body: &mut RecvStream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(Ok(data)) = body.data().await {
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    all
}

/// Answers with the head as it came and the body that came.
async fn echo(_: usize, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (head, mut body) = request.into_parts();
    let came = read(&mut body).await;
    let sum = format!("{} {}\n{:?}\n", head.method, head.uri, head.headers);
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    let _ = send(&mut stream, Bytes::from([sum.into_bytes(), came].concat())).await;
    let _ = stream.send_data(Bytes::new(), true);
}

pub(super) fn speaking(origin: SocketAddr) -> Draft {
    let mut draft = draft(origin);
    draft.upstream.http2 = true;
    draft
}

#[tokio::test]
async fn requests_share_a_connection_and_arrive_as_http2_has_them() {
    let (address, seen) = origin(100, echo).await;
    let gate = speaking(address).start();
    for _ in 0..3 {
        let reply = gate.get("/a?b=c").await;
        assert_eq!(status(&reply), 200);
        assert!(reply.contains("GET http://shop.example/a?b=c\n") && !reply.contains("\"host\""), "{reply}");
    }
    let all = futures_util::future::join_all((0..20).map(|_| gate.get("/"))).await;
    assert!(all.iter().all(|reply| status(reply) == 200));
    assert_eq!(seen.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn bodies_larger_than_any_window_pass_both_ways() {
    let (address, _) = origin(100, echo).await;
    let mut draft = speaking(address);
    draft.body_max = None;
    let gate = draft.start();
    let body = "0123456789abcdef".repeat(1 << 16);
    let sized = format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let reply = gate.send(sized).await;
    assert!(reply.contains(&format!("\"content-length\": \"{}\"", body.len())), "{}", &reply[..400]);
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let reply_to_chunks = gate.send(format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).await;
    assert!(!reply_to_chunks.contains("\"content-length\""));
    for reply in [reply, reply_to_chunks] {
        assert!(dechunked(&reply).ends_with(&body));
    }
}

/// The body of a reply in chunks.
fn dechunked(reply: &str) -> String {
    let (_, mut rest) = reply.split_once("\r\n\r\n").unwrap();
    let mut body = String::new();
    loop {
        let (size, behind) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.push_str(&behind[..size]);
        rest = behind[size..].strip_prefix("\r\n").unwrap();
    }
}

#[tokio::test]
async fn no_more_requests_are_on_a_connection_than_the_other_side_takes() {
    let (arrived, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (came, wait) = (Arc::clone(&arrived), Arc::clone(&go_on));
    let serve = move |_, _, mut respond: SendResponse<Bytes>| {
        let (came, wait) = (Arc::clone(&came), Arc::clone(&wait));
        async move {
            let waiting = wait.notified();
            // The last one lets all go on.
            if came.fetch_add(1, Ordering::Relaxed) + 1 == 7 {
                wait.notify_waiters()
            } else {
                waiting.await
            }
            respond.send_response(Response::new(()), true).unwrap();
        }
    };
    let (address, seen) = origin(2, serve).await;
    let gate = speaking(address).start();
    let all = futures_util::future::join_all((0..7).map(|_| gate.get("/"))).await;
    assert!(all.iter().all(|reply| status(reply) == 200));
    assert_eq!(seen.most.load(Ordering::Relaxed), 2);
    assert_eq!(seen.connections.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn trailers_of_a_request_reach_upstreams_of_both_versions_from_clients_of_both() {
    let serve = |_, request: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        let mut body = request.into_body();
        read(&mut body).await;
        let came = body.trailers().await.unwrap().unwrap_or_default();
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream.send_data(format!("{came:?}").into(), true).unwrap();
    };
    let (newer, _) = origin(100, serve).await;
    let older = super::rig::origin(|_, mut peer| async move {
        peer.head().await.unwrap();
        let body = peer.through(b"\r\n\r\n").await.unwrap();
        peer.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    })
    .await;
    for (gate, expected) in [(speaking(newer).start(), r#"{"sum": "1"}"#), (draft(older).start(), "3\r\nabc\r\n0\r\nsum: 1\r\n\r\n")] {
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
        let reply = gate.send(format!("{chunked}3\r\nabc\r\n0\r\nSum: 1\r\nCookie: a=b\r\n\r\n")).await;
        assert!(reply.contains(expected), "{reply}");
        let (mut client, connection) = h2::client::handshake(TcpStream::connect(gate.address).await.unwrap()).await.unwrap();
        tokio::spawn(connection);
        let (answer, mut upload) = client.send_request(Request::post("http://a.example/").body(()).unwrap(), false).unwrap();
        upload.send_data(Bytes::from_static(b"abc"), false).unwrap();
        let trailers = [("sum", "1"), ("cookie", "a=b"), ("x-real-ip", "1.2.3.4")];
        upload
            .send_trailers(trailers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect())
            .unwrap();
        let mut body = answer.await.unwrap().into_body();
        assert_eq!(String::from_utf8(read(&mut body).await).unwrap(), expected);
    }
}

#[tokio::test]
async fn trailers_pass_both_ways_to_a_client_of_http2() {
    let serve = |_, request: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        let mut body = request.into_body();
        let came = read(&mut body).await;
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream.send_data(Bytes::from(came), false).unwrap();
        let fields = [("grpc-status", "5"), ("content-length", "3")];
        let trailers = fields.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        stream.send_trailers(trailers.collect::<HeaderMap>()).unwrap();
    };
    let (address, _) = origin(100, serve).await;
    let gate = speaking(address).start();
    let (mut client, connection) = h2::client::handshake(TcpStream::connect(gate.address).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("http://a.example/s/m").header("te", "trailers").body(()).unwrap();
    let (answer, mut upload) = client.send_request(request, false).unwrap();
    upload.send_data(Bytes::from_static(b"one"), false).unwrap();
    upload.send_data(Bytes::from_static(b"two"), true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    assert_eq!(read(&mut body).await, b"onetwo");
    let trailers = body.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["grpc-status"]);
}

#[tokio::test]
async fn an_answer_may_begin_and_go_on_while_the_request_does() {
    let serve = |_, request: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        let mut body = request.into_body();
        while let Some(Ok(data)) = body.data().await {
            stream.send_data(data, false).unwrap();
        }
        stream.send_data(Bytes::new(), true).unwrap();
    };
    let (address, _) = origin(100, serve).await;
    let gate = speaking(address).start();
    let (mut client, connection) = h2::client::handshake(TcpStream::connect(gate.address).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    let (answer, mut upload) = client.send_request(Request::post("http://a.example/").body(()).unwrap(), false).unwrap();
    upload.send_data(Bytes::from_static(b"0"), false).unwrap();
    let mut body = answer.await.unwrap().into_body();
    for round in ["0", "1", "2"] {
        assert_eq!(body.data().await.unwrap().unwrap(), round);
        let next = (round.parse::<u8>().unwrap() + 1).to_string();
        upload.send_data(Bytes::from(next), round == "2").unwrap();
    }
    assert_eq!(read(&mut body).await, b"3");
}

#[tokio::test]
async fn what_a_kept_connection_refuses_is_sent_once_more_and_no_more_than_that() {
    // The first request of a connection is answered, the second one refused.
    let serve = |number, _, mut respond: SendResponse<Bytes>| async move {
        match number {
            0 => drop(respond.send_response(Response::new(()), true)),
            _ => respond.send_reset(Reason::REFUSED_STREAM),
        }
    };
    let (address, seen) = origin(100, serve).await;
    let gate = speaking(address).start();
    assert_eq!(status(&gate.get("/").await), 200);
    let post = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(status(&gate.send(post).await), 502);
    assert_eq!(seen.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_goes_away_costs_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                let mut answered = 0;
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    drop(respond.send_response(Response::new(()), true));
                    answered += 1;
                    if answered == 2 {
                        connection.graceful_shutdown();
                    }
                }
            });
        }
    });
    let gate = speaking(address).start();
    for _ in 0..12 {
        assert_eq!(status(&gate.get("/").await), 200);
    }
    assert!(connections.load(Ordering::Relaxed) > 1);
}

/// One attempt, without a gateway around it.
async fn attempt(transport: &Tcp, upstream: &Upstream, body: Body) -> Result<Reply, Fault> {
    let endpoint = &upstream.endpoints()[0];
    let attempt = Attempt {
        host: HeaderValue::from_static("a.example"),
        connect: Duration::from_secs(10),
        read: Duration::from_secs(10),
        occupied: endpoint.occupy(),
    };
    let request = Outgoing {
        method: http::Method::POST,
        target: http::uri::PathAndQuery::from_static("/"),
        authority: HeaderValue::from_static("a.example"),
        headers: HeaderMap::new(),
        forwarding: None,
        affinity: Affinity::default(),
        body,
        early: None,
        spans: None,
    };
    transport.exchange(upstream, endpoint, request, attempt).await
}

fn upstream(address: SocketAddr) -> Upstream {
    Upstream::new(speaking(address).upstream)
}

#[tokio::test]
async fn a_fault_says_whether_the_request_can_have_been_acted_on() {
    for (reason, kind) in [(Reason::REFUSED_STREAM, FaultKind::Stale), (Reason::INTERNAL_ERROR, FaultKind::Reset)] {
        let serve = move |_, _, mut respond: SendResponse<Bytes>| async move { respond.send_reset(reason) };
        let fault = attempt(&Tcp::default(), &upstream(origin(100, serve).await.0), Body::empty()).await.unwrap_err();
        assert_eq!((fault.nothing_sent(), fault.kind), (kind == FaultKind::Stale, kind));
    }
    // One that does not speak HTTP/2 never gets the request.
    let other = super::rig::always("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let fault = attempt(&Tcp::default(), &upstream(other), Body::empty()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ConnectError);
}

#[tokio::test]
async fn a_body_that_breaks_off_resets_its_request_and_no_other() {
    let (address, seen) = origin(100, echo).await;
    let (transport, upstream) = (Tcp::default(), upstream(address));
    let parts = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(Fault::new(FaultKind::ClientBody, "gone"))];
    let broken = Body::stream(StreamBody::new(futures_util::stream::iter(parts)));
    assert_eq!(attempt(&transport, &upstream, broken).await.unwrap_err().kind, FaultKind::ClientBody);
    let whole = attempt(&transport, &upstream, Body::full("whole")).await.unwrap();
    assert!(whole.body.collect().await.unwrap().to_bytes().ends_with(b"whole"));
    assert_eq!(seen.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_stops_at_its_window_and_holds_up_no_other() {
    let (sent, full) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, stopped) = (Arc::clone(&sent), Arc::clone(&full));
    let serve = move |_, _, mut respond: SendResponse<Bytes>| {
        let (count, stopped) = (Arc::clone(&count), Arc::clone(&stopped));
        async move {
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            for _ in 0..64 {
                let mut data = Bytes::from(vec![b'x'; 16 << 10]);
                while !data.is_empty() {
                    stream.reserve_capacity(data.len());
                    let room = tokio::select! {
                        biased;
                        room = poll_fn(|cx| stream.poll_capacity(cx)) => room,
                        () = async { stopped.notify_one(); std::future::pending().await } => None,
                    };
                    let Some(Ok(room)) = room else { return };
                    count.fetch_add(room.min(data.len()), Ordering::Relaxed);
                    stream.send_data(data.split_to(room.min(data.len())), false).unwrap();
                }
            }
            stream.send_data(Bytes::new(), true).unwrap();
        }
    };
    let (transport, upstream) = (Tcp::default(), upstream(origin(100, serve).await.0));
    let unread = attempt(&transport, &upstream, Body::empty()).await.unwrap();
    while sent.load(Ordering::Relaxed) < 256 << 10 {
        full.notified().await;
    }
    let other = attempt(&transport, &upstream, Body::empty()).await.unwrap();
    assert_eq!(other.body.collect().await.unwrap().to_bytes().len(), 1 << 20);
    assert_eq!(sent.load(Ordering::Relaxed), (256 << 10) + (1 << 20), "the window of the unread answer is full");
    assert_eq!(unread.body.collect().await.unwrap().to_bytes().len(), 1 << 20);
}

#[tokio::test]
async fn a_connection_that_has_fallen_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        respond.send_response(Response::new(()), true).unwrap();
        let _second = connection.accept().await;
        // Nothing is read or written from here on.
        std::future::pending::<()>().await;
    });
    let (transport, upstream) = (Tcp::default(), upstream(address));
    attempt(&transport, &upstream, Body::empty()).await.unwrap();
    tokio::time::pause();
    let fault = attempt(&transport, &upstream, Body::empty()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Reset);
}

#[tokio::test]
async fn http2_is_agreed_on_in_tls() {
    let mut authority = super::tls::Authority::new();
    let (cert, key) = authority.sign("127.0.0.1");
    for (offered, expected) in [(&b"h2"[..], 200), (&b"http/1.1"[..], 502)] {
        let address = super::upstream_tls::agreeing((&cert, &key), offered, |stream| async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((request, respond))) = connection.accept().await {
                tokio::spawn(echo(0, request, respond));
            }
        })
        .await;
        let mut draft = speaking(address);
        draft.upstream.targets[0].tls = true;
        let gate = draft.start();
        gate.server.plan().upstreams[0].secure(super::upstream_tls::believing(&authority, None, true));
        let reply = gate.get("/").await;
        assert_eq!(status(&reply), expected, "{reply}");
        assert!(expected != 200 || reply.contains("GET https://shop.example/\n"), "{reply}");
    }
}

#[tokio::test]
async fn a_status_that_is_none_of_http_s_fails_the_call() {
    for (answered, expected) in [(600, 502), (999, 502), (599, 599)] {
        let serve = move |_, _, mut respond: SendResponse<Bytes>| async move {
            let _ = respond.send_response(Response::builder().status(answered).body(()).unwrap(), true);
        };
        let gate = speaking(origin(100, serve).await.0).start();
        assert_eq!(status(&gate.get("/").await), expected, "{answered}");
    }
}

#[tokio::test]
async fn an_interim_response_that_would_switch_protocols_fails_the_call_and_so_do_too_many() {
    for (status_ahead, times, expected) in [(101, 1, 502), (103, 17, 502), (103, 16, 200)] {
        let serve = move |_, _, mut respond: SendResponse<Bytes>| async move {
            for _ in 0..times {
                let _ = respond.send_informational(Response::builder().status(status_ahead).body(()).unwrap());
            }
            let _ = respond.send_response(Response::new(()), true);
        };
        let gate = speaking(origin(100, serve).await.0).start();
        let reply = gate.get("/").await;
        let last = &reply[reply.rfind("HTTP/1.1 ").unwrap()..];
        assert_eq!(status(last), expected, "{reply}");
        assert!(!reply.contains("HTTP/1.1 101"), "{reply}");
    }
}
