//! Upstreams that are spoken to in TLS, by the program.

use crate::harness::Program;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

/// An origin for `localhost` whose certificate an authority of its own has signed: where it is, and that authority in PEM.
/// It answers every connection once.
fn origin() -> (SocketAddr, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &*authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from(cert.der().to_vec())];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(rustls::StreamOwned::new(session, stream));
            // A handshake that the gateway breaks off is the end of the connection only.
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let _ = stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            stream.get_mut().conn.send_close_notify();
            let _ = stream.get_mut().flush();
        }
    });
    (address, authority.as_ref().pem())
}

fn policy(origin: SocketAddr, tls: &str) -> String {
    format!(
        r#"
gateway {{
  listen 127.0.0.1:0
}}
upstream app {{
  target https://localhost:{}
  {tls}
}}
route everything ANY /** -> app {{ public "a test" }}
"#,
        origin.port()
    )
}

fn own_ca(file: &Path) -> String {
    format!("tls {{ ca file(\"{}\") }}", file.display())
}

#[track_caller]
fn expect(gate: &mut Program, status: u16) {
    gate.get("/").send().expect(status);
}

#[test]
fn an_upstream_is_believed_by_its_authority_which_may_change_with_a_reload() {
    let ((origin, authority), (_, stranger)) = (self::origin(), self::origin());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &stranger).unwrap();
    let mut gate = Program::run(&policy(origin, &own_ca(&file)), &[], &[("GATE_LOG", "debug")]);
    expect(&mut gate, 502);
    gate.until_said("TLS with `localhost`: invalid peer certificate");
    std::fs::write(&file, &authority).unwrap();
    gate.reload("reloaded");
    (0..3).for_each(|_| expect(&mut gate, 200));
    std::fs::write(&file, "no certificate").unwrap();
    gate.reload("not reloaded");
    expect(&mut gate, 200);
}

#[test]
fn without_an_authority_of_its_own_the_machines_are_believed() {
    let (origin, authority) = origin();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("machine.pem");
    std::fs::write(&file, authority).unwrap();
    let mut gate = Program::run(&policy(origin, ""), &[], &[("SSL_CERT_FILE", &file.display().to_string())]);
    expect(&mut gate, 200);
}

#[test]
fn authorities_that_are_not_there_are_said_at_start() {
    let (origin, _) = origin();
    let mut gate = Program::run(&policy(origin, "tls { ca file(\"gone.pem\") }"), &[], &[]);
    assert!(!gate.until_ended().success());
    let said = gate.said();
    assert!(
        said.contains("error[gate::tls::cert-missing]") && said.contains("upstream `app`: `ca`") && said.contains("gone.pem"),
        "{said}"
    );
}
