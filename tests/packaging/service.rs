//! The systemd units, and the Debian package that holds them.

use crate::{at, is_taken, packaged};
use std::collections::BTreeSet;

/// The values of a setting, in their order.
fn settings<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

/// How many seconds `drain` is where the policy does not say.
const DRAIN_SECONDS: u64 = 30;

#[test]
fn the_service_runs_commands_that_there_are() {
    let unit = packaged("systemd/gate.service");
    let commands = ["ExecStart", "ExecReload"].into_iter().flat_map(|name| settings(&unit, name));
    let ours: Vec<&str> = commands.filter(|command| command.starts_with("/usr/bin/gate ")).collect();
    assert_eq!(ours.len(), 2, "{ours:?}");
    ours.iter().for_each(|command| is_taken(command.split_whitespace()));
    assert_eq!((settings(&unit, "Type"), settings(&unit, "NotifyAccess")), (vec!["notify"], vec!["all"]));
}

#[test]
fn the_service_is_given_longer_to_end_than_it_drains() {
    let unit = packaged("systemd/gate.service");
    assert!(settings(&unit, "TimeoutStopSec")[0].parse::<u64>().unwrap() > DRAIN_SECONDS);
}

#[test]
fn every_setting_of_a_unit_is_one_of_its_section() {
    for file in ["gate.service", "gate.socket", "gate-http.socket"] {
        let unit = packaged(&format!("systemd/{file}"));
        let sections: Vec<&str> = unit.lines().filter(|line| line.starts_with('[')).collect();
        let own = if file.ends_with(".service") { "[Service]" } else { "[Socket]" };
        assert_eq!(sections, ["[Unit]", own, "[Install]"], "{file}");
        for line in unit.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
            let name = line.split_once('=').map(|(name, _)| name);
            assert!(name.is_some_and(|name| name.chars().all(|letter| letter.is_ascii_alphanumeric())), "{file}: {line}");
        }
    }
}

#[test]
fn sockets_are_called_as_the_listeners_of_the_page_for_operators() {
    let page = std::fs::read_to_string(at("docs/operating.md")).unwrap();
    for file in ["gate.socket", "gate-http.socket"] {
        let unit = packaged(&format!("systemd/{file}"));
        let listener = format!("listen :{} as {}", settings(&unit, "ListenStream")[0], settings(&unit, "FileDescriptorName")[0]);
        assert!(page.contains(&listener), "docs/operating.md has no `{listener}`");
    }
}

#[test]
fn what_the_debian_package_holds_is_there() {
    let manifest = std::fs::read_to_string(at("Cargo.toml")).unwrap();
    let (_, deb) = manifest.split_once("[package.metadata.deb]").unwrap();
    let assets = deb.split_once("assets = [").unwrap().1.split_once("\n]").unwrap().0;
    let sources: BTreeSet<&str> = assets.lines().filter_map(|line| line.trim().strip_prefix("[\"")?.split('"').next()).collect();
    assert!(sources.len() > 5, "{sources:?}");
    for source in sources.iter().filter(|source| !source.starts_with("target/")) {
        let (folder, pattern) = source.rsplit_once('/').unwrap();
        let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let fits = |name: String| name.starts_with(start) && name.ends_with(end);
        let found = std::fs::read_dir(at(folder)).unwrap().any(|entry| fits(entry.unwrap().file_name().into_string().unwrap()));
        assert!(found, "Cargo.toml: there is no `{source}`");
    }
    let log = packaged("deb/changelog");
    assert!(log.starts_with(concat!("gatewright (", env!("CARGO_PKG_VERSION"), "-")), "packaging/deb/changelog begins with this version");
    for script in ["postinst", "postrm"] {
        let text = packaged(&format!("deb/{script}"));
        assert!(text.starts_with("#!/bin/sh\nset -e\n") && text.contains("\n#DEBHELPER#\n"), "{script}");
    }
}
