//! The `gate` program as a process of its own.

use super::client::{Ask, Client};
use super::{Origin, PLAIN, until};
use parking_lot::Mutex;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// A policy file and the process that runs it. The process is killed when this is dropped.
pub struct Program {
    folder: TempDir,
    child: Child,
    said: Arc<Mutex<String>>,
    logged: Arc<Mutex<String>>,
}

impl Program {
    /// `gate run` with a policy; `arguments` follow the file.
    pub fn run(policy: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("policy.gate"), policy).unwrap();
        Self::start(folder, arguments, environment)
    }

    /// One before an upstream, with these settings of the gateway.
    pub fn plain(app: &Origin, settings: &str) -> Self {
        let text = PLAIN.replace("127.0.0.1:0", &format!("127.0.0.1:0\n{settings}\n"));
        Self::run(&text.replace("{app}", &app.address().to_string()), &[], &[])
    }

    /// The same where its policies are kept, beside the file.
    pub fn run_keeping(policy: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("policy.gate"), policy).unwrap();
        let state = folder.path().join("state");
        Self::start(folder, &["--state", state.to_str().unwrap()], environment)
    }

    /// The same with files beside the policy, by their names.
    pub fn run_beside(files: &[(&str, &str)], policy: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files.iter().chain(&[("policy.gate", policy)]) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self::start(folder, &[], environment)
    }

    /// The same with the file of one that has ended.
    pub fn run_again(mut self, arguments: &[&str]) -> Self {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Self::start(folder, arguments, &[])
    }

    fn start(folder: TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command.arg("run").arg(folder.path().join("policy.gate")).args(arguments).env_clear().envs(environment.iter().copied());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = collect(child.stderr.take().unwrap());
        let logged = collect(child.stdout.take().unwrap());
        Self { folder, child, said, logged }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The folder of its policy, which is `policy.gate`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs another command of `gate`: how it ended, and what it printed on standard output and standard error.
    pub fn ask(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        let output = command.args(arguments).current_dir(self.folder()).env_clear().output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// What it has said on standard error.
    pub fn said(&self) -> String {
        self.said.lock().clone()
    }

    /// How often a text stands in what it has said.
    pub fn times_said(&self, text: &str) -> usize {
        self.said.lock().matches(text).count()
    }

    /// Waits until so many lines stand in its access log.
    #[track_caller]
    pub fn until_logged(&self, count: usize) -> Vec<String> {
        until("lines of the access log", || {
            let lines: Vec<String> = self.logged.lock().lines().map(str::to_owned).collect();
            (lines.len() >= count).then_some(lines)
        })
    }

    /// What stands in its access log.
    pub fn logged(&self) -> String {
        self.logged.lock().clone()
    }

    /// Waits until a text stands in what it has said.
    #[track_caller]
    pub fn until_said(&self, text: &str) {
        until(text, || (self.times_said(text) > 0).then_some(()));
    }

    /// Puts another text into the policy's file.
    pub fn write(&self, policy: &str) {
        std::fs::write(self.folder.path().join("policy.gate"), policy).unwrap();
    }

    /// Waits until it listens: where.
    #[track_caller]
    pub fn address(&mut self) -> SocketAddr {
        until("the gateway to listen", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("ended with {status}: {}", self.said());
            }
            let said = self.said.lock();
            let (_, rest) = said.split_once("gate: listening on ")?;
            rest.split_once('\n')?.0.split(',').next()?.parse().ok()
        })
    }

    /// Waits until its admin listener listens: where.
    #[track_caller]
    pub fn admin_address(&mut self) -> SocketAddr {
        self.address();
        until("the admin listener to listen", || {
            let said = self.said.lock();
            let (_, rest) = said.rsplit_once("gate: administered at ")?;
            rest.split_once('\n')?.0.parse().ok()
        })
    }

    /// A request to its admin listener.
    pub fn admin(&mut self, method: &str, target: &str) -> Ask {
        Ask::new(self.admin_address(), method, target)
    }

    /// A connection to it.
    pub fn connect(&mut self) -> Client {
        Client::connect(self.address())
    }

    /// A GET request to it.
    pub fn get(&mut self, target: &str) -> Ask {
        Ask::new(self.address(), "GET", target)
    }

    /// A POST request without a body to it.
    pub fn post(&mut self, target: &str) -> Ask {
        Ask::new(self.address(), "POST", target)
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Tells it to reload, and waits until it says what came of that.
    #[track_caller]
    pub fn reload(&self, outcome: &str) {
        let before = self.times_said(outcome);
        self.signal("HUP");
        until(outcome, || (self.times_said(outcome) > before).then_some(()));
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn until_gone(&mut self) -> ExitStatus {
        until("the gateway to end", || self.ended())
    }

    /// Waits until it has ended and all that it said has been read.
    #[track_caller]
    pub fn until_ended(&mut self) -> ExitStatus {
        let status = self.until_gone();
        // The threads that read let go of what they have read when there is no more.
        until("its last words", || (Arc::strong_count(&self.said) + Arc::strong_count(&self.logged) == 2).then_some(()));
        status
    }

    /// The most memory it ever had, in bytes.
    pub fn memory_max(&self) -> u64 {
        self.memory("status", "VmHWM:")
    }

    /// The memory it has now for itself, in bytes: without the program's own pages, which processes share.
    pub fn memory_now(&self) -> u64 {
        self.memory("smaps_rollup", "Anonymous:")
    }

    fn memory(&self, file: &str, what: &str) -> u64 {
        let status = std::fs::read_to_string(Path::new("/proc").join(self.child.id().to_string()).join(file)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

/// Sends a process a signal.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {process}")).status().unwrap();
    assert!(sent.success());
}

/// Collects lines as they come.
fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let collected = Arc::new(Mutex::new(String::new()));
    let (mut lines, of_reader) = (BufReader::new(stream), Arc::clone(&collected));
    std::thread::spawn(move || {
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|count| count > 0) {
            of_reader.lock().push_str(&line);
            line.clear();
        }
    });
    collected
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `gate` with arguments and standard input to its end: what it printed.
#[track_caller]
pub fn gate(arguments: &[&str], input: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(arguments).env_clear().envs(environment.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
