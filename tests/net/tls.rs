//! TLS and HTTP/2 with a client that is not ours: curl.

use crate::harness::{Origin, Program};
use std::path::Path;
use std::process::Command;

/// Writes a certificate for a host into a folder.
fn certify(folder: &Path, host: &str) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

fn policy(app: &Origin, folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!(
        r#"
gateway {{
  listen 127.0.0.1:0 {{
    tls {{
      certificate "api.example" cert file("{}") key file("{}")
    }}
  }}
}}
upstream app {{ target http://{} }}
route everything ANY /** -> app {{ public "a test" }}
"#,
        file("cert.pem"),
        file("key.pem"),
        app.address()
    )
}

/// What curl says of a request by `--write-out`; none where there is no curl, which CI does not let pass.
fn curl(arguments: &[&str]) -> Option<String> {
    let output = match Command::new("curl").args(["--silent", "--max-time", "20", "--output", "/dev/null"]).args(arguments).output() {
        Ok(output) => output,
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("NOT TESTED: curl cannot be run: {error}");
            return None;
        }
        Err(error) => panic!("curl cannot be run: {error}"),
    };
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn curl_speaks_both_versions_over_tls_and_sees_a_renewed_certificate_after_a_reload() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    certify(folder.path(), "api.example");
    let mut gate = Program::run(&policy(&app, folder.path()), &[], &[]);
    let port = gate.address().port();
    let (url, resolve) = (format!("https://api.example:{port}/x"), format!("api.example:{port}:127.0.0.1"));
    let ca = folder.path().join("cert.pem").display().to_string();
    let common = ["--resolve", &resolve, "--cacert", &ca, "--write-out", "%{http_version} %{http_code}"];
    for (version, expected) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
        let Some(said) = curl(&[&common[..], &[version, &url]].concat()) else { return };
        assert_eq!(said, expected);
    }
    // Another pair in the same files; the old one would not be trusted any more.
    certify(folder.path(), "api.example");
    gate.reload("reloaded");
    assert_eq!(curl(&[&common[..], &["--http2", &url]].concat()).unwrap(), "2 200");
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    gate.reload("not reloaded");
    assert!(gate.said().contains("tls::cert-missing"), "{}", gate.said());
    assert_eq!(curl(&[&common[..], &["--http2", &url]].concat()).unwrap(), "2 200");
}

#[test]
fn curl_speaks_http2_in_plain_text_by_prior_knowledge() {
    let app = Origin::json("{}");
    let mut gate = Program::run(&crate::harness::PLAIN.replace("{app}", &app.address().to_string()), &[], &[]);
    let url = format!("http://{}/x", gate.address());
    let upload = ["--http2-prior-knowledge", "--data", "some text", "--write-out", "%{http_version} %{http_code}", &url];
    if let Some(said) = curl(&upload) {
        assert_eq!(said, "2 200");
    }
}

#[test]
fn a_certificate_that_is_not_there_is_said_at_start() {
    let (app, folder) = (Origin::json("{}"), tempfile::tempdir().unwrap());
    let mut gate = Program::run(&policy(&app, folder.path()), &[], &[]);
    assert!(!gate.until_ended().success());
    let said = gate.said();
    assert!(said.contains("error[gate::tls::cert-missing]") && said.contains("certificate of `api.example`"), "{said}");
}
