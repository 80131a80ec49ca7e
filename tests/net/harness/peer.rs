//! Programs of others that the gateway has to get along with: Python libraries, with their scripts in `tests/net/peers`.

use super::until;
use parking_lot::Mutex;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

/// A Python that has a library: that of `target/peers`, which `.ci/run` makes, else the machine's. Where there is none, the
/// test says so, and under CI it fails.
pub fn python_with(library: &str) -> Option<PathBuf> {
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/bin/python"));
    let found = [own, PathBuf::from("python3")].into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", &format!("import {library}")]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    });
    if found.is_none() {
        let why = format!(
            "there is no Python with `{library}`: `python3 -m venv target/peers && target/peers/bin/pip install websockets grpcio`"
        );
        assert!(std::env::var_os("CI").is_none(), "{why}");
        eprintln!("NOT RUN: {why}");
    }
    found
}

/// A script that runs until it is dropped: its standard input ends then.
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Starts a script with arguments.
    pub fn start(python: &PathBuf, script: &str, arguments: &[&str]) -> Self {
        let file = format!("{}/tests/net/peers/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(python);
        command.arg(file).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, of_reader) = (BufReader::new(child.stdout.take().unwrap()).lines(), Arc::clone(&said));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| of_reader.lock().push(line)));
        let input = child.stdin.take();
        Self { child, input, said }
    }

    /// The port it says it listens on.
    #[track_caller]
    pub fn port(&self) -> u16 {
        until("the peer's port", || self.said.lock().first()?.parse().ok())
    }

    /// Waits until it has ended, well or with a panic: what it said.
    #[track_caller]
    pub fn until_done(mut self) -> String {
        let status = until("the peer to end", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}: {:?}", self.said.lock());
        until("its last words", || (Arc::strong_count(&self.said) == 1).then_some(()));
        self.said.lock().join("\n")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
