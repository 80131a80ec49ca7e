//! Manual pages and completions are those of the commands. With `GATE_WRITE=1` in the environment they are written instead.

use crate::at;
use clap_complete::Shell;
use gatewright::cli::command;
use std::collections::BTreeMap;
use std::path::Path;

/// The files by name, below `packaging/`.
fn fresh() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (shell, name) in [(Shell::Bash, "gate.bash"), (Shell::Zsh, "_gate"), (Shell::Fish, "gate.fish")] {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command(), "gate", &mut text);
        files.insert(format!("completions/{name}"), text);
    }
    let mut commands = command().disable_help_subcommand(true);
    commands.build();
    pages(&commands, &mut files);
    files
}

/// The pages of a command and of those below it.
fn pages(command: &clap::Command, files: &mut BTreeMap<String, Vec<u8>>) {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut text = Vec::new();
    let source = concat!("gatewright ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command.clone()).title(name.clone()).source(source).render(&mut text).unwrap();
    files.insert(format!("man/{name}.1"), text);
    command.get_subcommands().for_each(|below| pages(below, files));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.collect()
}

#[test]
fn manual_pages_and_completions_are_those_of_the_commands() {
    let folder = at("packaging");
    let fresh = fresh();
    if std::env::var_os("GATE_WRITE").is_some() {
        fresh.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
    }
    let stale = fresh.iter().filter(|(name, text)| std::fs::read(folder.join(name)).ok().as_ref() != Some(text));
    let mut wrong: Vec<String> = stale.map(|(name, _)| name.clone()).collect();
    for part in ["man", "completions"] {
        let there = names(&folder.join(part)).into_iter().map(|name| format!("{part}/{name}"));
        wrong.extend(there.filter(|name| !fresh.contains_key(name)));
    }
    assert!(wrong.is_empty(), "not what the commands say: {wrong:?}; run `GATE_WRITE=1 cargo test --test packaging`");
}
