//! `gate diff` as it is called: what it prints, and how it exits.

use std::path::Path;
use std::process::{Command, Output};

const OLD: &str = "gateway { listen :8080 }\nupstream app { target http://127.0.0.1:9001 }\nroute a GET /a -> app { public }\nroute b GET /b -> app { public }\n";
const NEW: &str = "gateway { listen :8080 }\nupstream app { target http://127.0.0.1:9001 }\nroute a GET /a -> app { public }\nroute c GET /c -> app { public }\n";

fn gate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gate")).arg("diff").args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old.gate"), OLD).unwrap();
    std::fs::write(folder.path().join("new.gate"), NEW).unwrap();
    std::fs::write(folder.path().join("moved.gate"), format!("# moved\n{OLD}")).unwrap();
    std::fs::write(folder.path().join("broken.gate"), "rout x GET / {}\n").unwrap();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn changes_are_grouped_the_worst_first_and_counted() {
    let folder = folder();
    let output = gate(folder.path(), &["old.gate", "new.gate"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "BREAKING
  `b` answered these requests, now no route takes them (404)
    e.g.  GET /b
    was   `b` at old.gate:4
LOOSER
  no route took these requests (404), now `c` answers them
    e.g.  GET /c
    is    `c` at new.gate:4
1 BREAKING, 1 LOOSER
"
    );
}

#[test]
fn it_fails_on_the_classes_it_is_told() {
    let folder = folder();
    let code = |arguments: &[&str]| gate(folder.path(), arguments).status.code();
    assert_eq!(code(&["old.gate", "new.gate", "--fail-on", "looser,breaking"]), Some(1));
    assert_eq!(code(&["old.gate", "new.gate", "--fail-on", "BREAKING"]), Some(1));
    assert_eq!(code(&["old.gate", "new.gate", "--fail-on", "tuned"]), Some(0));
    assert_eq!(code(&["old.gate", "moved.gate", "--fail-on", "breaking,looser,tighter,rerouted,reshaped,tuned"]), Some(0));
    assert_eq!(code(&["old.gate", "new.gate", "--fail-on", "worse"]), Some(2));
    assert_eq!(code(&["old.gate"]), Some(2));
    assert_eq!(code(&["old.gate", "nowhere.gate"]), Some(2));
    let broken = gate(folder.path(), &["old.gate", "broken.gate"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        text(&broken.stderr).contains("gate::schema::unknown-key") || text(&broken.stderr).contains("rout"),
        "{}",
        text(&broken.stderr)
    );
}

#[test]
fn a_file_that_was_only_moved_about_says_so() {
    let folder = folder();
    let output = gate(folder.path(), &["old.gate", "moved.gate"]);
    assert_eq!(text(&output.stdout), "COSMETIC\n  statements stand in other places\nno change a request could tell\n");
    assert_eq!(text(&gate(folder.path(), &["old.gate", "old.gate"]).stdout), "no change a request could tell\n");
}

#[test]
fn json_has_class_witness_and_places() {
    let folder = folder();
    let output = gate(folder.path(), &["old.gate", "new.gate", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["counts"]["BREAKING"], &json["counts"]["TUNED"], &json["complete"]), (&1.into(), &0.into(), &true.into()));
    let change = &json["changes"][0];
    assert_eq!(
        (&change["class"], &change["witness"]["method"], &change["witness"]["url"]),
        (&"BREAKING".into(), &"GET".into(), &"/b".into())
    );
    assert_eq!((&change["routes"][0]["old"]["place"], &change["routes"][0]["new"]), (&"old.gate:4".into(), &serde_json::Value::Null));
}

#[test]
fn files_are_the_same_in_a_copy_of_the_policys_folder() {
    let folder = folder();
    let main = "gate 1\nimport \"parts/auth.gate\" as parts\ngateway { listen :8080 }\nauth key own { keys file(\"own.keys\") }\n\
                route a GET /a { auth any [own, parts.systems]\n respond 204 }\n";
    for copy in ["old", "new", "other"] {
        std::fs::create_dir_all(folder.path().join(copy).join("parts")).unwrap();
        let keys = if copy == "other" { "file(\"there.keys\")" } else { "file(\"../systems.keys\")" };
        std::fs::write(folder.path().join(copy).join("gateway.gate"), main).unwrap();
        std::fs::write(folder.path().join(copy).join("parts/auth.gate"), format!("gate 1\nauth key systems {{ keys {keys} }}\n")).unwrap();
    }
    let same = gate(folder.path(), &["old/gateway.gate", "new/gateway.gate"]);
    assert_eq!(text(&same.stdout), "no change a request could tell\n", "{}", text(&same.stderr));
    let other = gate(folder.path(), &["old/gateway.gate", "other/gateway.gate"]);
    assert!(text(&other.stdout).contains("BREAKING"), "{}", text(&other.stdout));
}
