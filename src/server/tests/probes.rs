//! Probes over TLS and over HTTP/2.

use super::rig::draft;
use super::upstream_http2::origin;
use crate::upstream::health;
use crate::upstream::transport::Tcp;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

/// An origin over TLS, or in plain text, whose probes fail until it is told otherwise.
async fn probed(tls: Option<(&str, &str)>, http2: bool) -> (SocketAddr, Arc<AtomicBool>, Arc<Notify>) {
    let (well, asked) = (Arc::<AtomicBool>::default(), Arc::<Notify>::default());
    let (of_origin, told) = (Arc::clone(&well), Arc::clone(&asked));
    let serve = move |_, request: Request<RecvStream>, mut respond: SendResponse<Bytes>| {
        let (well, told) = (Arc::clone(&of_origin), Arc::clone(&told));
        async move {
            assert_eq!((request.uri().path(), request.headers()["user-agent"].as_bytes()), ("/healthz", &b"gatewright-health"[..]));
            let status = if well.load(Ordering::Relaxed) { 200 } else { 503 };
            let _ = respond.send_response(Response::builder().status(status).body(()).unwrap(), true);
            told.notify_one();
        }
    };
    let address = match tls {
        None => origin(100, serve).await.0,
        Some(pair) if http2 => {
            super::upstream_tls::agreeing(pair, b"h2", move |stream| {
                let serve = serve.clone();
                async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(serve(0, request, respond));
                    }
                }
            })
            .await
        }
        Some(pair) => {
            let (well, told) = (Arc::clone(&well), Arc::clone(&asked));
            super::upstream_tls::agreeing(pair, b"http/1.1", move |mut stream| {
                let (well, told) = (Arc::clone(&well), Arc::clone(&told));
                async move {
                    let mut came = Vec::new();
                    while stream.read_buf(&mut came).await.is_ok_and(|bytes| bytes > 0) {
                        if came.ends_with(b"\r\n\r\n") {
                            assert!(came.starts_with(b"GET /healthz HTTP/1.1\r\n"));
                            came.clear();
                            let status = if well.load(Ordering::Relaxed) { "200 OK" } else { "503 Unavailable" };
                            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                            stream.write_all(answer.as_bytes()).await.unwrap();
                            told.notify_one();
                        }
                    }
                }
            })
            .await
        }
    };
    (address, well, asked)
}

#[tokio::test]
async fn targets_are_probed_over_what_their_requests_go_over() {
    let mut authority = super::tls::Authority::new();
    let (cert, key) = authority.sign("127.0.0.1");
    for (tls, http2) in [(false, true), (true, false), (true, true)] {
        let (address, well, asked) = probed(tls.then_some((&*cert, &*key)), http2).await;
        let mut draft = draft(address);
        (draft.upstream.http2, draft.upstream.targets[0].tls) = (http2, tls);
        draft.upstream.health = Some(health::Config {
            method: "GET".to_owned(),
            path: "/healthz".to_owned(),
            every: Duration::from_millis(20),
            timeout: Duration::from_secs(10),
            expect: vec![(200, 299)],
            unhealthy_after: 2,
            healthy_after: 2,
        });
        let registry = crate::upstream::Registry::default();
        let plan = draft.plan(&registry);
        let upstream = Arc::clone(&plan.upstreams[0]);
        if tls {
            upstream.secure(super::upstream_tls::believing(&authority, None, http2));
        }
        let server = crate::server::Server::start(plan, Tcp::default, std::io::sink()).unwrap();
        for fit in [0, 1] {
            let turns = async {
                while upstream.health(tokio::time::Instant::now()).healthy != fit {
                    asked.notified().await;
                }
            };
            assert!(tokio::time::timeout(Duration::from_secs(20), turns).await.is_ok(), "{tls} {http2} {fit}");
            well.store(true, Ordering::Relaxed);
        }
        tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap().unwrap();
    }
}
