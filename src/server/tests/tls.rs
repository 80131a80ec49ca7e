use super::rig::{Draft, Gate, draft, echo, status};
use crate::compile::tls::{Material, Tls};
use crate::ir::operate::{self, ClientCa, TlsVersion};
use crate::lang::expr::Secret;
use crate::policy::build::Purpose;
use crate::policy::{BuildError, Secrets};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority, and the files it has signed.
pub(super) struct Authority {
    pub(super) issuer: CertifiedIssuer<'static, KeyPair>,
    files: HashMap<String, String>,
}

impl Secrets for Authority {
    fn secret(&self, secret: &Secret, _: Purpose<'_>) -> Result<String, BuildError> {
        let Secret::File(name) = secret else { return Err(BuildError::unset("no environment in this test")) };
        self.files.get(name).cloned().ok_or_else(|| BuildError::unset(format!("`{name}` is not there")))
    }
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = HashMap::from([("ca".to_owned(), issuer.as_ref().pem())]);
        Self { issuer, files }
    }

    /// Signs a certificate for a host, or for a client of that name.
    pub(super) fn sign(&mut self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let cert = params.signed_by(&key, &*self.issuer).unwrap();
        self.files.insert(format!("{name}.crt"), cert.pem());
        self.files.insert(format!("{name}.key"), key.serialize_pem());
        (cert.pem(), key.serialize_pem())
    }

    fn built(&self, declared: &operate::Tls) -> Tls {
        Material::read(declared, self).unwrap().build(declared).unwrap()
    }

    fn client(&self, as_one: Option<(String, String)>, versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.as_ref().der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        match as_one {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<_, _>>().unwrap();
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
            }
        }
    }
}

fn declared(hosts: &[&str]) -> operate::Tls {
    let certificates = hosts.iter().map(|host| operate::Certificate {
        host: (*host).to_owned(),
        cert: Secret::File(format!("{host}.crt")),
        key: Secret::File(format!("{host}.key")),
    });
    operate::Tls { certificates: certificates.collect(), min_version: TlsVersion::Tls12, client_ca: None, resumption: true }
}

fn secured(mut draft: Draft, tls: Tls) -> Draft {
    draft.settings.listeners[0].tls = Some(tls);
    draft
}

async fn connect(gate: &Gate, config: &Arc<ClientConfig>, name: &str) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(gate.address).await?;
    TlsConnector::from(Arc::clone(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

/// Everything up to the end of the connection.
async fn ask(stream: &mut TlsStream<TcpStream>, host: &str) -> io::Result<String> {
    stream.write_all(format!("GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.map(|_| reply)
}

const BOTH: &[&rustls::SupportedProtocolVersion] = rustls::ALL_VERSIONS;

#[tokio::test]
async fn each_name_is_shown_its_certificate_and_speaks_for_no_other_host() {
    let mut authority = Authority::new();
    let hosts = ["a.example", "*.shop.example"];
    hosts.iter().for_each(|host| _ = authority.sign(host));
    let gate = secured(draft(echo().await), authority.built(&declared(&hosts))).start();
    let config = Arc::new(authority.client(None, BOTH));
    for (name, host, expected) in [
        ("a.example", "a.example", 200),
        ("www.shop.example", "pay.shop.example:8443", 200),
        ("a.example", "www.shop.example", 421),
        ("a.example", "127.0.0.1", 200),
    ] {
        let mut stream = connect(&gate, &config, name).await.unwrap();
        let reply = ask(&mut stream, host).await.unwrap();
        assert_eq!(status(&reply), expected, "{host} at {name}: {reply}");
        assert!(expected != 200 || reply.contains("x-forwarded-proto: https\r\n") && reply.contains("proto=https"), "{reply}");
    }
    assert!(connect(&gate, &config, "other.example").await.is_err(), "the first certificate is not for that name");
}

#[tokio::test]
async fn the_client_chooses_http2_by_alpn() {
    let mut authority = Authority::new();
    authority.sign("a.example");
    let gate = secured(draft(echo().await), authority.built(&declared(&["a.example"]))).start();
    let mut config = authority.client(None, BOTH);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = connect(&gate, &Arc::new(config), "a.example").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    for (host, expected) in [("a.example", 200), ("b.example", 421)] {
        let request = http::Request::get(format!("https://{host}/x")).body(()).unwrap();
        let (answer, _) = client.send_request(request, true).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), expected, "{host}");
    }
    drop(client);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn renewed_certificates_are_shown_to_those_who_connect_from_then_on() {
    let mut authority = Authority::new();
    authority.sign("a.example");
    let declared = declared(&["a.example"]);
    let gate = secured(draft(echo().await), authority.built(&declared)).start();
    let config = Arc::new(authority.client(None, BOTH));
    let shown = |stream: &TlsStream<TcpStream>| stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let mut old = connect(&gate, &config, "a.example").await.unwrap();
    authority.sign("a.example");
    gate.server.renew(&"127.0.0.1:0".parse().unwrap(), &authority.built(&declared));
    let mut new = connect(&gate, &config, "a.example").await.unwrap();
    assert_ne!(shown(&old), shown(&new));
    for stream in [&mut old, &mut new] {
        assert_eq!(status(&ask(stream, "a.example").await.unwrap()), 200);
    }
}

#[tokio::test]
async fn a_client_shows_a_certificate_of_the_authority_or_none_where_it_may() {
    let mut authority = Authority::new();
    authority.sign("a.example");
    let alice = authority.sign("alice");
    let mut mallory = Authority::new();
    let stranger = mallory.sign("mallory");
    for optional in [false, true] {
        let client_ca = Some(ClientCa { file: Secret::File("ca".to_owned()), optional });
        let tls = authority.built(&operate::Tls { client_ca, ..declared(&["a.example"]) });
        let gate = secured(draft(echo().await), tls).start();
        for (shown, let_in) in [(None, optional), (Some(alice.clone()), true), (Some(stranger.clone()), false)] {
            let config = Arc::new(authority.client(shown, BOTH));
            // In TLS 1.3 the client learns of a refusal when it reads.
            let reply = match connect(&gate, &config, "a.example").await {
                Ok(mut stream) => ask(&mut stream, "a.example").await,
                Err(error) => Err(error),
            };
            assert_eq!(reply.is_ok_and(|reply| status(&reply) == 200), let_in, "optional: {optional}");
        }
    }
}

#[tokio::test]
async fn versions_and_resumption_are_as_declared() {
    let mut authority = Authority::new();
    authority.sign("a.example");
    for (min_version, resumption) in [(TlsVersion::Tls12, true), (TlsVersion::Tls13, false)] {
        let tls = authority.built(&operate::Tls { min_version, resumption, ..declared(&["a.example"]) });
        let gate = secured(draft(echo().await), tls).start();
        for version in BOTH {
            let config = Arc::new(authority.client(None, &[version]));
            let mut kinds = Vec::new();
            for _ in 0..2 {
                let Ok(mut stream) = connect(&gate, &config, "a.example").await else { continue };
                assert_eq!(status(&ask(&mut stream, "a.example").await.unwrap()), 200);
                kinds.push(stream.get_ref().1.handshake_kind().unwrap());
            }
            match (min_version, version.version) {
                (TlsVersion::Tls13, ProtocolVersion::TLSv1_2) => assert_eq!(kinds, []),
                _ => assert_eq!(kinds[1] == HandshakeKind::Resumed, resumption, "{version:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_handshake_that_stalls_is_cut() {
    let mut authority = Authority::new();
    authority.sign("a.example");
    let mut draft = secured(draft(echo().await), authority.built(&declared(&["a.example"])));
    draft.settings.header_timeout = Duration::from_millis(50);
    let gate = draft.start();
    assert_eq!(gate.send([0x16, 3, 1]).await, "");
    assert_eq!(gate.send("").await, "");
    let garbage = gate.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!garbage.contains("HTTP/1.1"), "plain text on a port of TLS gets no HTTP: {garbage}");
}

#[tokio::test]
async fn a_listener_that_redirects_sends_every_request_to_https() {
    let mut draft = draft(echo().await);
    draft.settings.listeners[0].to_https = Some(443);
    let gate = draft.start();
    let reply = gate.get("/a/../b?q=1").await;
    assert_eq!(status(&reply), 308, "{reply}");
    assert!(reply.contains("location: https://shop.example/b?q=1\r\n"), "{reply}");
    draft.settings.listeners[0].to_https = Some(8443);
    gate.server.swap(draft.plan(&gate.registry)).unwrap();
    assert!(gate.get("/").await.contains("location: https://shop.example:8443/\r\n"));
}
