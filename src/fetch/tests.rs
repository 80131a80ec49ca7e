//! Calls to services that behave, and to some that do not.

use super::{Answer, Authorities, Call, Failure, Fetch as _, Network, Offline, address};
use http::StatusCode;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A service that gives every request the same bytes; its port, and how many connections it has seen.
async fn service(answer: impl Into<Vec<u8>>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let (answer, count) = (answer.into(), Arc::clone(&seen));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(talk(stream, answer.clone()));
        }
    });
    (port, seen)
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Vec<u8>) {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => request.extend_from_slice(&chunk[..read]),
            }
        }
        request.clear();
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn network() -> Network {
    Network::new(Authorities::new)
}

async fn get(network: &Network, port: u16) -> Result<Answer, Failure> {
    network.fetch(Call::get(address(&format!("http://127.0.0.1:{port}/x")).unwrap()).at_most(100)).await
}

#[tokio::test]
async fn a_connection_serves_one_call_after_the_other() {
    let (port, seen) = service(ok("hello")).await;
    let network = network();
    for _ in 0..3 {
        let answer = get(&network, port).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, &b"hello"[..]));
    }
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (port, seen) = service("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(get(&network(), port).await.unwrap().status, StatusCode::FOUND);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_has_bounds() {
    let (large, _) = service(ok(&"x".repeat(101))).await;
    assert_eq!(get(&network(), large).await.unwrap_err(), Failure::TooLarge);
    let (endless, _) = service(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 17))).await;
    assert!(matches!(get(&network(), endless).await, Err(Failure::Broken(_))));
    let (strange, _) = service("SSH-2.0-x\r\n\r\n").await;
    assert!(matches!(get(&network(), strange).await, Err(Failure::Broken(_))));
    let (short, _) = service("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    let call = Call::get(address(&format!("http://127.0.0.1:{short}/")).unwrap()).within(Duration::from_millis(50));
    assert_eq!(network().fetch(call).await.unwrap_err(), Failure::Late);
}

#[tokio::test]
async fn nobody_there_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert!(matches!(get(&network(), port).await, Err(Failure::Unreachable(_))));
    assert!(matches!(Offline.fetch(Call::get(address("http://a/").unwrap())).await, Err(Failure::Offline)));
}

#[tokio::test]
async fn a_call_beyond_the_bound_fails_at_once() {
    let (port, _) = service("").await;
    let network = network();
    let waiting: Vec<_> = (0..256).map(|_| network.fetch(Call::get(address(&format!("http://127.0.0.1:{port}/")).unwrap()))).collect();
    assert_eq!(get(&network, port).await.unwrap_err(), Failure::Busy);
    drop(waiting);
}

#[tokio::test]
async fn over_tls_a_service_proves_who_it_is() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(talk(stream, ok("secured").into_bytes()));
            }
        }
    });
    let call = |host: &str| Call::get(address(&format!("https://{host}:{port}/")).unwrap());
    let believing = Network::new(move || vec![certificate]);
    assert_eq!(&*believing.fetch(call("localhost")).await.unwrap().body, b"secured");
    assert!(matches!(believing.fetch(call("127.0.0.1")).await, Err(Failure::Unreachable(_))), "another name");
    assert!(matches!(network().fetch(call("localhost")).await, Err(Failure::Unreachable(_))), "nobody is believed");
}

#[test]
fn an_address_has_a_scheme_and_a_host_and_no_secret() {
    assert!(address("https://id.example.com/jwks?a=b").is_ok());
    for bad in ["id.example.com/jwks", "ftp://x/", "/jwks", "http://a:b@c/", "http://", "https:///x", "ht tp://x"] {
        assert!(address(bad).is_err(), "{bad}");
    }
}
