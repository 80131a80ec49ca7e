//! WebSockets to upstreams of HTTP/2 (RFC 8441).

use super::rig::status;
use super::upstream_http2::{send, speaking};
use bytes::Bytes;
use http::{Request, Response};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};

/// An origin that opens tunnels and echoes what comes, or does not so much as enable them.
async fn tunnels(enabled: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut builder = h2::server::Builder::new();
                if enabled {
                    builder.enable_connect_protocol();
                }
                let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    tokio::spawn(async move {
                        let (head, mut body) = request.into_parts();
                        assert_eq!(head.extensions.get::<h2::ext::Protocol>().map(|protocol| protocol.as_str()), Some("websocket"));
                        let named = ["sec-websocket-key", "upgrade", "sec-websocket-version"].map(|name| head.headers.contains_key(name));
                        assert_eq!((head.method, head.uri.path(), named), (http::Method::CONNECT, head.uri.path(), [false, false, true]));
                        if head.uri.path() == "/refused" {
                            let answer = Response::builder().status(403).body(()).unwrap();
                            respond.send_response(answer, true).unwrap();
                            return;
                        }
                        let answer = Response::builder().header("sec-websocket-protocol", "chat").body(()).unwrap();
                        let mut stream = respond.send_response(answer, false).unwrap();
                        while let Some(Ok(data)) = body.data().await {
                            body.flow_control().release_capacity(data.len()).unwrap();
                            send(&mut stream, data).await.unwrap();
                        }
                        stream.send_data(Bytes::new(), true).unwrap();
                    });
                }
            });
        }
    });
    address
}

const HANDSHAKE: &str = " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[tokio::test]
async fn a_websocket_passes_to_an_upstream_of_http2() {
    let gate = speaking(tunnels(true).await).start();
    let mut client = gate.connect().await;
    client.write(format!("GET /live{HANDSHAKE}ahead")).await;
    let head = client.until("\r\n\r\n").await;
    assert_eq!(status(&head), 101, "{head}");
    for field in
        ["upgrade: websocket", "connection: upgrade", "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "sec-websocket-protocol: chat"]
    {
        assert!(head.contains(field), "{field}: {head}");
    }
    client.until("ahead").await;
    let message = format!("{}.", "m".repeat(100_000));
    client.write(&message).await;
    assert_eq!(client.until(".").await, message);
    client.end_of_input().await;
    assert_eq!(client.rest().await, "");
    let mut client = gate.connect().await;
    client.write(format!("GET /refused{HANDSHAKE}")).await;
    assert_eq!(status(&client.until("\r\n\r\n").await), 403);
    // From a client of HTTP/2, too.
    let (mut client, connection) = h2::client::handshake(TcpStream::connect(gate.address).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    client = client.ready().await.unwrap();
    while !client.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let mut request =
        Request::builder().method("CONNECT").uri("http://a.example/live").header("sec-websocket-version", "13").body(()).unwrap();
    request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    let (answer, mut stream) = client.send_request(request, false).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    stream.send_data(Bytes::from_static(b"hello"), false).unwrap();
    let mut body = answer.into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "hello");
    stream.send_data(Bytes::new(), true).unwrap();
    while let Some(data) = body.data().await {
        assert_eq!(data.unwrap(), "");
    }
}

#[tokio::test]
async fn an_upstream_of_http2_that_opens_no_websockets_is_told_from_one_that_is_broken() {
    let gate = speaking(tunnels(false).await).start();
    let mut client = gate.connect().await;
    client.write(format!("GET /live{HANDSHAKE}")).await;
    let reply = client.until("}").await;
    assert!(status(&reply) == 502 && reply.contains("the upstream opens no WebSockets over HTTP/2"), "{reply}");
}
