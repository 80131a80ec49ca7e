use super::rig::{Gate, draft, status};
use super::tls::Authority;
use crate::upstream::config::HostSent;
use crate::upstream::connect;
use crate::upstream::tls::{Material, Secure};
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The names that clients asked for, and how each handshake went.
type Seen = Arc<Mutex<Vec<(Option<String>, HandshakeKind)>>>;

/// An origin with the certificate of a name, which answers a request with as many bytes as it came with. A request for `/last`
/// ends its connection.
async fn origin(authority: &mut Authority, name: &str, wants_certificate: bool) -> (SocketAddr, Seen) {
    let (cert, key) = authority.sign(name);
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.as_ref().der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = if wants_certificate {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let chain = CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<_, _>>().unwrap();
    let config = builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Seen::default());
    let noted = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, noted) = (acceptor.clone(), Arc::clone(&noted));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let (_, session) = stream.get_ref();
                noted.lock().push((session.server_name().map(str::to_owned), session.handshake_kind().unwrap()));
                let _ = serve(stream).await;
            });
        }
    });
    (address, seen)
}

/// An origin that agrees to one protocol only, and serves each connection as it is told to.
pub(super) async fn agreeing<F, Fut>((cert, key): (&str, &str), protocol: &[u8], serve: F) -> SocketAddr
where
    F: Fn(TlsStream<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(serve(stream));
            }
        }
    });
    address
}

async fn serve(mut stream: TlsStream<TcpStream>) -> Option<()> {
    let mut came = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = came.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            (stream.read_buf(&mut came).await.ok()? > 0).then_some(())?;
        };
        let head = String::from_utf8(came.drain(..end).collect()).unwrap().to_lowercase();
        let length: usize = head.split("content-length: ").nth(1).map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        while came.len() < length {
            (stream.read_buf(&mut came).await.ok()? > 0).then_some(())?;
        }
        let body: Vec<u8> = came.drain(..length).collect();
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes()).await.ok()?;
        stream.write_all(&body).await.ok()?;
        stream.flush().await.ok()?;
        if head.starts_with("get /last ") {
            return None;
        }
    }
}

struct Wanted<'w> {
    host: HostSent,
    server_name: Option<&'w str>,
    identity: Option<(String, String)>,
}

const PLAIN: Wanted<'static> = Wanted { host: HostSent::Keep, server_name: None, identity: None };

/// A gateway before an origin with TLS that believes one authority.
fn gate(origin: SocketAddr, target: &str, believed: &Authority, wanted: Wanted<'_>) -> Gate {
    let mut draft = draft(origin);
    draft.upstream.targets[0].tls = true;
    target.clone_into(&mut draft.upstream.targets[0].host);
    draft.upstream.host = wanted.host;
    draft.upstream.tls = Some(connect::Tls { server_name: wanted.server_name.map(str::to_owned), ..connect::Tls::default() });
    let gate = draft.start();
    gate.server.plan().upstreams[0].secure(believing(believed, wanted.identity, false));
    gate
}

pub(super) fn believing(authority: &Authority, identity: Option<(String, String)>, http2: bool) -> Secure {
    Secure::build(&Material { ca: Some(authority.issuer.as_ref().pem()), identity }, &[], http2).unwrap()
}

#[tokio::test]
async fn the_name_that_the_policy_says_is_asked_for_and_verified() {
    let mut authority = Authority::new();
    let fixed = || HostSent::Fixed("inner.example:8443".to_owned());
    for (certified, target, host, server_name, expected, asked) in [
        ("127.0.0.1", "127.0.0.1", HostSent::Keep, None, 200, None),
        ("localhost", "localhost", HostSent::Target, None, 200, Some("localhost")),
        ("inner.example", "127.0.0.1", fixed(), None, 200, Some("inner.example")),
        ("other.example", "127.0.0.1", fixed(), Some("other.example"), 200, Some("other.example")),
        ("inner.example", "127.0.0.1", fixed(), Some("other.example"), 502, None),
        // The name that the client asked for proves nothing.
        ("shop.example", "127.0.0.1", HostSent::Keep, None, 502, None),
    ] {
        let (address, seen) = origin(&mut authority, certified, false).await;
        let gate = gate(address, target, &authority, Wanted { host, server_name, identity: None });
        let reply = gate.get("/").await;
        assert_eq!(status(&reply), expected, "{certified} at {target}: {reply}");
        let seen = seen.lock().iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(seen, if expected == 200 { vec![asked.map(str::to_owned)] } else { Vec::new() });
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_believed() {
    let (mut theirs, ours) = (Authority::new(), Authority::new());
    let (address, seen) = origin(&mut theirs, "127.0.0.1", false).await;
    assert_eq!(status(&gate(address, "127.0.0.1", &ours, PLAIN).get("/").await), 502);
    assert!(seen.lock().is_empty());
}

#[tokio::test]
async fn the_gateway_shows_its_own_certificate_where_one_is_wanted() {
    let mut authority = Authority::new();
    let own = authority.sign("gateway");
    let (address, _) = origin(&mut authority, "127.0.0.1", true).await;
    for (identity, expected) in [(Some(own), 200), (None, 502)] {
        let gate = gate(address, "127.0.0.1", &authority, Wanted { identity, ..PLAIN });
        assert_eq!(status(&gate.get("/").await), expected);
    }
}

#[tokio::test]
async fn connections_are_kept_and_sessions_resumed() {
    let mut authority = Authority::new();
    let (address, seen) = origin(&mut authority, "127.0.0.1", false).await;
    let gate = gate(address, "127.0.0.1", &authority, PLAIN);
    for path in ["/", "/", "/last", "/", "/"] {
        assert_eq!(status(&gate.get(path).await), 200);
    }
    let kinds: Vec<HandshakeKind> = seen.lock().iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert_eq!(kinds[1], HandshakeKind::Resumed);
}

#[tokio::test]
async fn bodies_larger_than_any_buffer_pass_both_ways() {
    let mut authority = Authority::new();
    let (address, _) = origin(&mut authority, "127.0.0.1", false).await;
    let gate = gate(address, "127.0.0.1", &authority, PLAIN);
    let body = "0123456789abcdef".repeat(1 << 16);
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let reply = gate.send(head + &body).await;
    assert_eq!(status(&reply), 200);
    assert!(reply.ends_with(&body), "{} bytes came back", reply.len());
}

#[tokio::test]
async fn what_is_believed_can_change_while_the_gateway_runs() {
    let (mut old, mut new) = (Authority::new(), Authority::new());
    let (first, _) = origin(&mut old, "127.0.0.1", false).await;
    let gate = gate(first, "127.0.0.1", &old, PLAIN);
    assert_eq!(status(&gate.get("/").await), 200);
    // The connection that was kept had to prove what is not believed any more.
    gate.server.plan().upstreams[0].secure(believing(&new, None, false));
    assert_eq!(status(&gate.get("/").await), 502);
    let (second, _) = origin(&mut new, "127.0.0.1", false).await;
    let mut moved = draft(second);
    moved.upstream.targets[0].tls = true;
    moved.upstream.tls = Some(connect::Tls::default());
    gate.server.swap(moved.plan(&gate.registry)).unwrap();
    assert_eq!(status(&gate.get("/").await), 200, "an upstream whose TLS did not change keeps what it runs under");
}
