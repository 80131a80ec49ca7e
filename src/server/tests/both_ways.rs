//! Requests that go on while they are answered: neither direction waits for the other.

use super::rig::{Draft, draft};
use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::{Request, Response};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

/// More than all sockets and windows on the way hold.
const MANY: usize = 32 << 20;
const PART: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// What is told when an origin has read a whole request.
type Read = Arc<Notify>;

/// Begins its answer at once, and ends it when the request has; sends `MANY` bytes each way, the one while the other stands.
async fn older() -> (SocketAddr, Read) {
    let (listener, read) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Read::default());
    let (address, told) = (listener.local_addr().unwrap(), Arc::clone(&read));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (mut input, mut output) = stream.into_split();
            let told = Arc::clone(&told);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(input.read_u8().await.unwrap());
                }
                output.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {MANY}\r\n\r\n").as_bytes()).await.unwrap();
                let answering = async {
                    for _ in 0..MANY / PART {
                        output.write_all(&[b'a'; PART]).await.unwrap();
                    }
                };
                let reading = async {
                    let mut part = vec![0; PART];
                    let mut left = MANY;
                    while left > 0 {
                        left = left.saturating_sub(input.read(&mut part).await.unwrap());
                    }
                    told.notify_one();
                };
                tokio::join!(answering, reading);
            });
        }
    });
    (address, read)
}

async fn newer() -> (SocketAddr, Read) {
    let (listener, read) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Read::default());
    let (address, told) = (listener.local_addr().unwrap(), Arc::clone(&read));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let told = Arc::clone(&told);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let told = Arc::clone(&told);
                    tokio::spawn(async move {
                        let stream = respond.send_response(Response::new(()), false).unwrap();
                        tokio::join!(send(stream), async {
                            assert_eq!(receive(request.into_body()).await, MANY);
                            told.notify_one();
                        });
                    });
                }
            });
        }
    });
    (address, read)
}

async fn send(mut stream: SendStream<Bytes>) {
    let mut left = MANY;
    while left > 0 {
        stream.reserve_capacity(PART.min(left));
        let Some(Ok(room)) = poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        left -= room;
        stream.send_data(vec![b'a'; room].into(), left == 0).unwrap();
    }
}

async fn receive(mut stream: RecvStream) -> usize {
    let mut all = 0;
    while let Some(Ok(data)) = stream.data().await {
        stream.flow_control().release_capacity(data.len()).unwrap();
        all += data.len();
    }
    all
}

fn before(origin: SocketAddr, http2: bool) -> Draft {
    let mut draft = draft(origin);
    (draft.upstream.http2, draft.body_max) = (http2, None);
    draft
}

#[tokio::test]
async fn a_client_that_reads_nothing_sends_all_it_has_and_reads_then() {
    for http2 in [false, true] {
        let (origin, read) = if http2 { newer().await } else { older().await };
        let gate = before(origin, http2).start();
        let stream = TcpStream::connect(gate.address).await.unwrap();
        let (mut input, mut output) = stream.into_split();
        output.write_all(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {MANY}\r\n\r\n").as_bytes()).await.unwrap();
        // The answer has begun.
        input.read_exact(&mut [0; 12]).await.unwrap();
        for _ in 0..MANY / PART {
            timeout(PATIENCE, output.write_all(&[b'q'; PART])).await.unwrap().unwrap();
        }
        timeout(PATIENCE, read.notified()).await.unwrap();
        let mut answered = vec![0; PART];
        let mut left = MANY;
        while left > 0 {
            left = left.saturating_sub(timeout(PATIENCE, input.read(&mut answered)).await.unwrap().unwrap());
        }
    }
}

#[tokio::test]
async fn a_client_of_http2_sends_and_reads_in_whatever_order_it_likes() {
    for http2 in [false, true] {
        let (origin, read) = if http2 { newer().await } else { older().await };
        let gate = before(origin, http2).start();
        for reads_first in [false, true] {
            let stream = TcpStream::connect(gate.address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            let request = Request::post("http://a.example/").header("content-length", MANY).body(()).unwrap();
            let (answer, upload) = client.send_request(request, false).unwrap();
            let body = timeout(PATIENCE, answer).await.unwrap().unwrap().into_body();
            if reads_first {
                // Nothing of the request is sent but its head.
                assert_eq!(timeout(PATIENCE, receive(body)).await.unwrap(), MANY);
                continue;
            }
            timeout(PATIENCE, send(upload)).await.unwrap();
            timeout(PATIENCE, read.notified()).await.unwrap();
            assert_eq!(timeout(PATIENCE, receive(body)).await.unwrap(), MANY);
        }
    }
}
