//! A new process in the place of this one: it is given the listening sockets, says when it accepts, and this one then drains.
//! So another version of the program takes over while connections go on and no new one waits.

use super::Server;
use super::listener::Listening;
use super::signals::Withheld;
use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// The variable that tells a new process where to say that it accepts.
pub const SUCCEEDS: &str = "GATE_SUCCEEDS";
/// The variable with what a new process proves itself by when it says so: anybody may write to the socket where it says it.
pub const TOKEN: &str = "GATE_UPGRADE_TOKEN";
/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 16;
/// Most bytes that are read of what is said.
const SAID_MAX: usize = 512;
/// How long a new process may take until it accepts.
const START_MAX: Duration = Duration::from_secs(60);
/// How often it is looked at whether it has ended instead.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The first descriptor of those that are passed (`sd_listen_fds(3)`).
const FIRST: i32 = 3;
/// What a process says when it accepts (`sd_notify(3)`).
const READY: &str = "READY=1";
/// Begins the line with the token.
const PROOF: &str = "X_TOKEN=";

/// Who comes before and after a process.
pub struct Line {
    /// How the program is started again, with the same arguments.
    pub successor: Box<dyn Fn() -> Command>,
    /// Whom it is to tell that it accepts: the process before it, the service manager.
    pub tell: Vec<Told>,
}

/// Who is told that a process accepts.
pub struct Told {
    /// The socket of it.
    pub address: String,
    /// What it knows the process by.
    pub token: Option<String>,
}

impl Line {
    /// Says that this process accepts. Who does not listen is not waited for.
    pub fn accepts(&self) {
        for told in &self.tell {
            if let Err(error) = say(told) {
                tracing::warn!(%error, address = told.address, "cannot say that the gateway accepts");
            }
        }
    }
}

fn say(told: &Told) -> io::Result<()> {
    let address = match told.address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&told.address)?,
    };
    let proof = told.token.iter().map(|token| format!("\n{PROOF}{token}")).collect::<String>();
    let text = format!("{READY}{proof}\nMAINPID={}", std::process::id());
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address).map(drop)
}

/// True when it is the process with this token that says that it accepts.
fn proves(said: &[u8], token: &str) -> bool {
    let has = |wanted: &str| said.split(|byte| *byte == b'\n').any(|line| line == wanted.as_bytes());
    has(READY) && has(&format!("{PROOF}{token}"))
}

fn token() -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("there is no randomness"))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Starts the successor and waits until it accepts. This one's sockets are its too from then on.
///
/// # Errors
/// Why there is none; nothing has changed then.
pub(super) async fn upgrade(server: &Server, line: &Line) -> io::Result<Successor> {
    let name = format!("gatewright-{}-{:016x}", std::process::id(), fastrand::u64(..));
    let heard = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    heard.set_nonblocking(true)?;
    let heard = tokio::net::UnixDatagram::from_std(heard)?;
    let token = token()?;
    let process = start((line.successor)(), server.listeners().sockets()?, (&name, &token))?;
    let mut successor = Successor { process, stays: false };
    let accepted = tokio::time::timeout(START_MAX, accepts(&heard, &token, &mut successor.process)).await;
    accepted.unwrap_or_else(|_| Err(io::Error::other(format!("it did not accept within {} s", START_MAX.as_secs()))))?;
    server.listeners().hand_over();
    successor.stays = true;
    Ok(successor)
}

/// A process that was started. It ends with this, also where nobody waits for it to accept any more, unless it `stays`.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) process: Child,
    stays: bool,
}

impl Successor {
    #[cfg(test)]
    pub(super) fn that_ended() -> Self {
        let mut process = Command::new("true").spawn().unwrap();
        process.wait().unwrap();
        Self { process, stays: true }
    }

    /// Has it reload.
    ///
    /// # Errors
    /// When it has another owner, or has ended: until that is looked at, a signal to it succeeds, and nobody hears it.
    pub(super) fn reload(&mut self) -> io::Result<()> {
        if let Some(status) = self.process.try_wait()? {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        let process = i32::try_from(self.process.id()).map_err(io::Error::other)?;
        Ok(kill(Pid::from_raw(process), Signal::SIGHUP)?)
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.stays {
            // It may have ended by itself.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn start(mut command: Command, sockets: Vec<(String, Listening)>, (name, token): (&str, &str)) -> io::Result<Child> {
    let names: Vec<&str> = sockets.iter().map(|(name, _)| name.as_str()).collect();
    command.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":")).env_remove("LISTEN_PID");
    command.env(SUCCEEDS, format!("@{name}")).env(TOKEN, token);
    let passed = sockets.into_iter().zip(FIRST..).map(|((_, socket), child_fd)| FdMapping { parent_fd: descriptor(socket), child_fd });
    command.fd_mappings(passed.collect()).map_err(io::Error::other)?;
    let _withheld = Withheld::new()?;
    command.spawn().map_err(|error| {
        let program = Path::new(command.get_program()).display();
        io::Error::new(error.kind(), format!("`{program}`: {error}"))
    })
}

fn descriptor(socket: Listening) -> OwnedFd {
    match socket {
        Listening::Tcp(socket) => socket.into(),
        Listening::Unix(socket) => socket.into(),
    }
}

/// Waits until the process says that it accepts.
async fn accepts(heard: &tokio::net::UnixDatagram, token: &str, child: &mut Child) -> io::Result<()> {
    let mut said = [0; SAID_MAX];
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        let accepts = tokio::select! {
            received = heard.recv(&mut said) => {
                let count = received?;
                let proven = said.get(..count).is_some_and(|said| proves(said, token));
                if !proven {
                    continue;
                }
                true
            }
            _ = look.tick() => false,
        };
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        if accepts {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_token_is_believed() {
        let (ours, other) = (token().unwrap(), token().unwrap());
        assert_eq!(ours.len(), 2 * TOKEN_BYTES);
        assert!(proves(format!("READY=1\nX_TOKEN={ours}\nMAINPID=1").as_bytes(), &ours));
        for said in ["READY=1".to_owned(), format!("READY=1\nX_TOKEN={other}"), format!("X_TOKEN={ours}"), "READY=1\nX_TOKEN=".to_owned()] {
            assert!(!proves(said.as_bytes(), &ours), "{said}");
        }
    }
}
