//! A real Redis for tests, on a free port.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A server with an empty memory; it ends with the value.
pub struct Redis {
    port: u16,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// Held, so that it can go on writing.
    _output: BufReader<std::process::ChildStdout>,
}

impl Redis {
    /// Starts one. `None`, said loudly, where there is no `redis-server`; under `CI` that is a failure.
    pub fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("CI").is_none(), "`redis-server` is not installed");
            eprintln!("SKIPPED: `redis-server` is not installed (`apt-get install redis-server`); nothing was tested");
            return None;
        }
        // Another process may take the port between the two: then the next one is tried.
        (0..16).find_map(|_| {
            let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
            let mut redis = Self { port, running: None };
            redis.begin().then_some(redis)
        })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it anew at its port, with nothing in it: true when it is ready.
    pub fn begin(&mut self) -> bool {
        let port = self.port.to_string();
        let settings = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"];
        let mut child = Command::new("redis-server").args(settings).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while output.read_line(&mut line).is_ok_and(|read| read > 0) {
            if line.contains("eady to accept connections") {
                self.running = Some(Running { child, _output: output });
                return true;
            }
            line.clear();
        }
        let _ = child.wait();
        false
    }

    /// Kills it as a failing machine would.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }

    /// Stops it where it stands (true) or lets it go on: it keeps its connections and says nothing.
    pub fn freeze(&self, frozen: bool) {
        if let Some(running) = &self.running {
            let signal = if frozen { "-STOP" } else { "-CONT" };
            let done = Command::new("kill").args([signal, &running.child.id().to_string()]).status();
            assert!(done.unwrap().success());
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
