//! The binary: exit codes, where output goes, and texts that no one wrote by hand.

use crate::faults::FIVE;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

pub fn gate(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gate")).args(arguments).current_dir(folder).output().unwrap()
}

pub fn written(text: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.gate"), text).unwrap();
    folder
}

#[test]
fn five_faults_are_five_diagnostics_in_json_and_exit_one() {
    let folder = written(FIVE.as_bytes());
    let output = gate(&["check", "--format", "json", "policy.gate"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let places: Vec<String> = json["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            format!(
                "{} {}:{}+{}",
                found["code"].as_str().unwrap(),
                found["labels"][0]["line"],
                found["labels"][0]["column"],
                found["labels"][0]["length"]
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            "gate::type::unit 9:19+1",
            "gate::schema::unknown-key 13:3+5",
            "gate::name::unknown 17:35+5",
            "gate::syntax::string 22:10+21",
            "gate::route::ambiguous 26:20+13",
        ]
    );
    assert_eq!((&json["errors"], &json["warnings"]), (&5.into(), &0.into()));
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding_in_every_format() {
    let folder = written(b"gateway {\n  listen :8080 # caf\xe9\n}\n");
    let output = gate(&["check", "--format", "json", "policy.gate", "nowhere.gate"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let place = |at: usize| &json["diagnostics"][at]["labels"][0];
    let codes: Vec<&str> = json["diagnostics"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["gate::file::unreadable", "gate::file::unreadable"]);
    assert_eq!((&place(0)["file"], &place(0)["line"], &place(0)["offset"]), (&"policy.gate".into(), &2.into(), &30.into()));
    let message = "`policy.gate` cannot be read: the file is not UTF-8: byte 0xe9 at offset 30, in line 2";
    assert_eq!(json["diagnostics"][0]["message"], message);
    assert_eq!((&place(1)["file"], &place(1)["line"]), (&"nowhere.gate".into(), &1.into()));
    for format in ["sarif", "github", "plain", "human"] {
        let output = gate(&["check", "--format", format, "policy.gate"], folder.path());
        let shown =
            String::from_utf8_lossy(if matches!(format, "sarif" | "github") { &output.stdout } else { &output.stderr }).into_owned();
        assert!(shown.contains("unreadable") && shown.contains("policy.gate"), "{format}: {shown}");
    }
}

#[test]
fn exit_codes_tell_a_fine_policy_from_a_faulty_one_and_from_none() {
    let fine = written(b"gateway { listen :8080 }\nroute r GET /r {\n  public \"a\"\n  respond 200 text \"x\"\n}\n");
    let folder = fine.path();
    assert_eq!(gate(&["check", "policy.gate"], folder).status.code(), Some(0));
    assert_eq!(gate(&["check", "."], folder).status.code(), Some(0));
    assert_eq!(gate(&["check", "nowhere.gate"], folder).status.code(), Some(2));
    assert_eq!(gate(&["check"], folder).status.code(), Some(2));
    assert_eq!(gate(&["check", "--format", "xml", "policy.gate"], folder).status.code(), Some(2));
    std::fs::write(folder.join("latin.gate"), b"# caf\xe9\n").unwrap();
    let latin = gate(&["check", "latin.gate"], folder);
    assert_eq!(latin.status.code(), Some(2));
    let shown = String::from_utf8_lossy(&latin.stderr).into_owned();
    assert!(shown.contains("byte 0xe9 at offset 5"), "{shown}");
    assert_eq!(gate(&["check", "."], folder).status.code(), Some(2));
    std::fs::create_dir(folder.join("empty")).unwrap();
    assert_eq!(gate(&["check", "empty"], folder).status.code(), Some(2));
}

#[test]
fn warnings_are_errors_where_they_are_denied() {
    let folder = written(b"gateway { listen :8080 }\nlet unused = 1\nroute r GET /r {\n  public \"a\"\n  respond 200 text \"x\"\n}\n");
    assert_eq!(gate(&["check", "policy.gate"], folder.path()).status.code(), Some(0));
    assert_eq!(gate(&["check", "--deny", "warnings", "policy.gate"], folder.path()).status.code(), Some(1));
}

#[test]
fn a_file_is_formatted_in_place_and_a_broken_one_is_left_alone() {
    let folder = written(b"gateway   {\n listen :8080\n}\n");
    assert_eq!(gate(&["fmt", "--check", "policy.gate"], folder.path()).status.code(), Some(1));
    assert_eq!(gate(&["fmt", "policy.gate"], folder.path()).status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(folder.path().join("policy.gate")).unwrap(), "gateway {\n  listen :8080\n}\n");
    assert_eq!(gate(&["fmt", "--check", "policy.gate"], folder.path()).status.code(), Some(0));
    let broken = written(b"gateway   {\n");
    assert_eq!(gate(&["fmt", "policy.gate"], broken.path()).status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(broken.path().join("policy.gate")).unwrap(), "gateway   {\n");
}

#[test]
fn texts_that_no_one_wrote_are_refused_soon() {
    let mut random = fastrand::Rng::with_seed(11);
    let noise: String = std::iter::repeat_with(|| char::from(random.u8(..) & 0x7f)).take(5_000_000).collect();
    let shop = std::fs::read_to_string(format!("{}/gateways/shop.gate", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(5_000_000).collect();
    for (name, text, code) in [
        ("braces", "{".repeat(100_000).into_bytes(), 1),
        ("blocks", "x {\n".repeat(100_000).into_bytes(), 1),
        ("noise", noise.into_bytes(), 1),
        ("bytes", bytes, 2),
        ("half a shop", shop.as_bytes()[..shop.len() / 2].to_vec(), 1),
        ("nothing", Vec::new(), 0),
    ] {
        let folder = written(&text);
        #[expect(clippy::disallowed_types, reason = "measures real time, which tokio's clock may not show")]
        let start = std::time::Instant::now();
        let output = gate(&["check", "policy.gate"], folder.path());
        assert_eq!(output.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(cfg!(debug_assertions) || start.elapsed() < Duration::from_secs(2), "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn a_new_policy_is_sound_tested_and_formatted_and_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(gate(&["new", "shop"], folder.path()).status.code(), Some(0));
    for command in [vec!["check", "--deny", "warnings"], vec!["test"], vec!["fmt", "--check"]] {
        let output = gate(&[command.as_slice(), &["shop/gateway.gate"]].concat(), folder.path());
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let again = gate(&["new", "shop"], folder.path());
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&again.stderr), "gate: shop/gateway.gate is there already, and is left as it is\n");
}

#[test]
fn a_policy_is_imported_and_the_list_of_the_rest_goes_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("nginx.conf"), "server {\n  listen 80;\n  charset utf-8;\n  location / { return 204; }\n}\n")
        .unwrap();
    let output = gate(&["import", "nginx.conf", "-o", "new.gate"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "1 not carried over:\nnginx.conf:3: `charset utf-8`: it has no counterpart\n");
    assert_eq!(gate(&["check", "new.gate"], folder.path()).status.code(), Some(0));
    assert_eq!(gate(&["import", "nginx", "nginx.conf", "-o", "new.gate"], folder.path()).status.code(), Some(2));
    assert_eq!(gate(&["import", "caddy", "nowhere"], folder.path()).status.code(), Some(2));
    std::fs::write(folder.path().join("broken.conf"), "server {\n").unwrap();
    assert_eq!(gate(&["import", "nginx", "broken.conf"], folder.path()).status.code(), Some(1));
}

#[test]
fn a_policy_is_no_file_to_import_from() {
    let folder = written(b"gateway { listen :8080 }\n");
    let output = gate(&["import", "policy.gate"], folder.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(said.starts_with("gate: policy.gate: this is a policy already"), "{said}");
}

#[test]
fn a_catalogue_goes_to_standard_output_or_into_a_file() {
    let folder = written(b"gateway { listen :8080 }\nroute r GET /r {\n  public \"a\"\n  respond 200 text \"x\"\n}\n");
    let output = gate(&["docs", "policy.gate"], folder.path());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("# policy\n"));
    assert_eq!(gate(&["docs", "policy.gate", "-o", "policy.md"], folder.path()).status.code(), Some(0));
    assert_eq!(std::fs::read(folder.path().join("policy.md")).unwrap(), output.stdout);
}

#[test]
fn what_a_start_would_miss_is_shown_where_the_policy_asks_for_it() {
    let policy = r#"gateway { listen 127.0.0.1:8080 }
upstream app { target http://127.0.0.1:3000 }
auth jwt own { algorithms [ES256]; key file("own.key"); audience "shop" }
auth key partners { keys file("partners.keys"); keys file("more.keys") }
auth basic desk { users file("desk.users") }
store shared redis { url env("STORE_OF_TEST"); on_failure local }
route a GET /a -> app { auth own; error 502 page("gone.html") }
route b POST /b -> app { auth partners; body { json { schema file("order.json") } } }
route c GET /c -> app { public "a test"; limit all 10/s by client.ip store shared }
route d GET /d -> app { auth any [desk, partners] }
"#;
    let folder = written(policy.as_bytes());
    std::fs::write(folder.path().join("own.key"), "not a key").unwrap();
    std::fs::write(folder.path().join("partners.keys"), "acme sha256:00\n").unwrap();
    std::fs::write(folder.path().join("more.keys"), "acme md5:00\n").unwrap();
    std::fs::write(folder.path().join("desk.users"), "anna\n").unwrap();
    std::fs::write(folder.path().join("order.json"), r#"{"type": 7}"#).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(["check", "--env", "--format", "json", "policy.gate"]).current_dir(folder.path()).env("STORE_OF_TEST", "a-host:6379");
    let json: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let found = json["diagnostics"].as_array().unwrap();
    let mut shown: Vec<String> = found
        .iter()
        .map(|found| format!("{} {} {}", found["labels"][0]["line"], found["code"].as_str().unwrap(), found["message"].as_str().unwrap()))
        .map(|line| line.replace(&format!("{}/", folder.path().display()), ""))
        .collect();
    shown.sort();
    insta::assert_snapshot!("faults_at_start", shown.join("\n"));
    assert!(!String::from_utf8_lossy(&command.output().unwrap().stdout).contains("a-host"), "what the environment holds is a secret");
}

#[test]
fn a_policy_is_checked_from_standard_input_with_what_it_imports() {
    let folder = written(b"let patience = 5s\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(["check", "--format", "plain", "-"]).current_dir(folder.path()).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = b"import \"policy.gate\" as lib\ngateway { listen :8080; drain lib.patienc }\n";
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("-:2:31: error[gate::name::unknown]"), "{said}");
}

#[test]
fn what_cannot_be_written_is_no_success_and_a_reader_that_leaves_is() {
    let folder = written(b"gateway { listen :8080 }\nroute r GET /r {\n  public \"a\"\n  respond 200 text \"x\"\n}\n");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    for arguments in [&["dump", "policy.gate"][..], &["--help"], &["check", "--help"], &["--version"], &["explain", "limit"]] {
        let to =
            |out: Stdio| Command::new(env!("CARGO_BIN_EXE_gate")).args(arguments).current_dir(folder.path()).stdout(out).output().unwrap();
        let output = to(full.try_clone().unwrap().into());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("standard output cannot be written"), "{arguments:?}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = to(writer.into());
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
    }
}

#[test]
fn a_file_alone_is_asked_which_route_of_it() {
    let folder = written(b"gateway { listen :8080 }\n");
    let output = gate(&["explain", "policy.gate"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`gate explain policy.gate ROUTE`"));
}
