//! TLS and HTTP/2 with clients that are not ours: curl, openssl and h2load.

use crate::harness::{Origin, Program, curl, peer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::path::Path;

/// Writes a certificate for a host and its key into a folder: `HOST.crt`, `HOST.key`.
fn certify(folder: &Path, host: &str) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{host}.crt")), made.cert.pem()).unwrap();
    std::fs::write(folder.join(format!("{host}.key")), made.signing_key.serialize_pem()).unwrap();
}

/// A gateway on a free port with a certificate for each host, and further settings of `tls`.
fn policy(app: &Origin, folder: &Path, hosts: &[&str], tls: &str, route: &str) -> String {
    let file = |name: String| folder.join(name).display().to_string();
    let certificates: String = hosts
        .iter()
        .map(|host| {
            let (cert, key) = (file(format!("{host}.crt")), file(format!("{host}.key")));
            format!("      certificate \"{host}\" cert file(\"{cert}\") key file(\"{key}\")\n")
        })
        .collect();
    format!(
        "gateway {{\n  listen 127.0.0.1:0 {{\n    tls {{\n{certificates}      {tls}\n    }}\n  }}\n}}\nupstream app {{ target http://{} }}\nroute everything ANY /** -> app {{\n  public \"a test\"\n{route}\n}}\n",
        app.address()
    )
}

#[test]
fn curl_speaks_both_versions_over_tls_and_sees_a_renewed_certificate_after_a_reload() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    certify(folder.path(), "api.example");
    let mut gate = Program::run(&policy(&app, folder.path(), &["api.example"], "", ""), &[], &[]);
    let port = gate.address().port();
    let (url, resolve) = (format!("https://api.example:{port}/x"), format!("api.example:{port}:127.0.0.1"));
    let ca = folder.path().join("api.example.crt").display().to_string();
    let common = ["--resolve", &resolve, "--cacert", &ca, "--write-out", "%{http_version} %{http_code}"];
    for (version, expected) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
        let Some(said) = curl(&[&common[..], &[version, &url]].concat()) else { return };
        assert_eq!(said, expected);
    }
    // Another pair in the same files; the old one would not be trusted any more.
    certify(folder.path(), "api.example");
    gate.reload("reloaded");
    assert_eq!(curl(&[&common[..], &["--http2", &url]].concat()).unwrap(), "2 200");
    std::fs::write(folder.path().join("api.example.key"), "no key").unwrap();
    gate.reload("not reloaded");
    assert!(gate.said().contains("tls::cert-missing"), "{}", gate.said());
    assert_eq!(curl(&[&common[..], &["--http2", &url]].concat()).unwrap(), "2 200");
}

/// The first certificate in what `openssl s_client -showcerts` prints of a handshake in which a name is asked for.
fn shown(port: u16, name: &str) -> Option<String> {
    let address = format!("127.0.0.1:{port}");
    let said = peer("openssl", &["s_client", "-connect", &address, "-servername", name, "-showcerts"])?;
    let start = said.find("-----BEGIN CERTIFICATE-----").unwrap_or_else(|| panic!("no certificate for {name}: {said}"));
    let end = said[start..].find("-----END CERTIFICATE-----").unwrap();
    Some(said[start..start + end].lines().skip(1).collect())
}

/// The same of a file.
fn stored(folder: &Path, host: &str) -> String {
    let text = std::fs::read_to_string(folder.join(format!("{host}.crt"))).unwrap();
    text.lines().filter(|line| !line.starts_with("-----")).collect()
}

#[test]
fn openssl_is_shown_the_certificate_of_each_name_before_and_after_a_reload() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    let hosts = ["a.example", "b.example", "*.shop.example"];
    hosts.iter().for_each(|host| certify(folder.path(), host));
    let mut gate = Program::run(&policy(&app, folder.path(), &hosts, "", ""), &[], &[]);
    let port = gate.address().port();
    for round in 0..2 {
        for (name, host) in [("a.example", 0), ("b.example", 1), ("www.shop.example", 2), ("unknown.example", 0)] {
            let Some(shown) = shown(port, name) else { return };
            assert_eq!(shown, stored(folder.path(), hosts[host]), "{name} in round {round}");
        }
        // One host's certificate is renewed, the others stay.
        certify(folder.path(), "b.example");
        gate.reload("reloaded");
    }
}

/// Signs a certificate of a client, or the one of a host, by an authority.
fn sign(folder: &Path, authority: &CertifiedIssuer<'_, KeyPair>, name: &str) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let cert = params.signed_by(&key, authority).unwrap();
    std::fs::write(folder.join(format!("{name}.crt")), cert.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

#[test]
fn a_client_is_known_by_its_certificate_and_by_nothing_that_it_writes() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.as_ref().pem()).unwrap();
    ["api.example", "alice", "bob"].iter().for_each(|name| sign(folder.path(), &authority, name));
    certify(folder.path(), "mallory");
    let ca = folder.path().join("ca.pem").display().to_string();
    let route = r#"
  allow client.cert.subject == "CN=alice"
  request {
    set "x-client-subject" (client.cert.subject ?? "nobody")
    set "x-client-name" (client.cert.san ?? "nobody")
  }"#;
    let tls = format!("client_ca file(\"{ca}\") optional");
    let mut gate = Program::run(&policy(&app, folder.path(), &["api.example"], &tls, route), &[], &[]);
    let port = gate.address().port();
    let (url, resolve) = (format!("https://api.example:{port}/x"), format!("api.example:{port}:127.0.0.1"));
    let file = |name: &str| folder.path().join(name).display().to_string();
    let forged = ["--header", "X-Client-Subject: CN=alice", "--header", "X-Client-Name: alice"];
    let mut received = 0;
    for version in ["--http1.1", "--http2"] {
        for (name, expected) in [(Some("alice"), "200"), (Some("bob"), "403"), (None, "403"), (Some("mallory"), "000")] {
            let common = ["--resolve", &resolve, "--cacert", &ca, "--write-out", "%{http_code}", version, &url];
            let pair = name.map(|name| (file(&format!("{name}.crt")), file(&format!("{name}.key"))));
            let own = pair.iter().flat_map(|(cert, key)| ["--cert", cert, "--key", key]);
            let arguments: Vec<&str> = common.iter().copied().chain(own).chain(forged).collect();
            let Some(said) = curl(&arguments) else { return };
            assert_eq!(said, expected, "{name:?} {version}");
            received += usize::from(expected == "200");
        }
    }
    let requests = app.until_received(received);
    for request in &requests {
        assert_eq!(request.field("x-client-subject"), Some("CN=alice"));
        assert_eq!(request.field("x-client-name"), Some("alice"));
        assert_eq!(request.fields.iter().filter(|(name, _)| name == "x-client-subject").count(), 1);
    }
    assert_eq!(requests.len(), received);
}

#[test]
fn h2load_gets_every_answer_over_both_versions() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    certify(folder.path(), "api.example");
    let mut gate = Program::run(&policy(&app, folder.path(), &["api.example"], "", ""), &[], &[]);
    let url = format!("https://127.0.0.1:{}/x", gate.address().port());
    for (count, arguments) in [("500", &["-m", "10"][..]), ("200", &["--h1"])] {
        let Some(said) = peer("h2load", &[arguments, &["-n", count, "-c", "8", &url]].concat()) else { return };
        let line = said.lines().find(|line| line.starts_with("status codes: ")).unwrap_or_else(|| panic!("{said}"));
        assert_eq!(line, format!("status codes: {count} 2xx, 0 3xx, 0 4xx, 0 5xx"), "{said}");
    }
}

#[test]
fn curl_speaks_http2_in_plain_text_by_prior_knowledge() {
    let app = Origin::json("{}");
    let mut gate = Program::plain(&app, "");
    let url = format!("http://{}/x", gate.address());
    let upload = ["--http2-prior-knowledge", "--data", "some text", "--write-out", "%{http_version} %{http_code}", &url];
    if let Some(said) = curl(&upload) {
        assert_eq!(said, "2 200");
    }
}

#[test]
fn a_certificate_that_is_not_there_is_said_at_start() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    let mut gate = Program::run(&policy(&app, folder.path(), &["api.example"], "", ""), &[], &[]);
    assert!(!gate.until_ended().success());
    let said = gate.said();
    assert!(said.contains("error[gate::tls::cert-missing]") && said.contains("certificate of `api.example`"), "{said}");
}
