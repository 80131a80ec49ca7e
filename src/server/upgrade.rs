//! A new process in the place of this one: it is given the listening sockets, says when it accepts, and this one then drains.
//! So another version of the program takes over while connections go on and no new one waits.

use super::Server;
use super::listener::Listening;
use command_fds::{CommandFdExt, FdMapping};
use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Child, Command};
use std::time::Duration;

/// The variable that tells a new process where to say that it accepts.
pub const SUCCEEDS: &str = "GATE_SUCCEEDS";
/// How long a new process may take until it accepts.
const START_MAX: Duration = Duration::from_secs(60);
/// How often it is looked at whether it has ended instead.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The first descriptor of those that are passed (`sd_listen_fds(3)`).
const FIRST: i32 = 3;
/// What a process says when it accepts (`sd_notify(3)`).
const READY: &[u8] = b"READY=1";

/// Who comes before and after a process.
pub struct Line {
    /// How the program is started again, with the same arguments.
    pub successor: Box<dyn Fn() -> Command>,
    /// The sockets at which it is to say that it accepts: of the process before it, of the service manager.
    pub tell: Vec<String>,
}

impl Line {
    /// Says that this process accepts. Who does not listen is not waited for.
    pub fn accepts(&self) {
        for address in &self.tell {
            if let Err(error) = say(address) {
                tracing::warn!(%error, address, "cannot say that the gateway accepts");
            }
        }
    }
}

fn say(address: &str) -> io::Result<()> {
    let address = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(address)?,
    };
    let text = [READY, b"\nMAINPID=", std::process::id().to_string().as_bytes()].concat();
    UnixDatagram::unbound()?.send_to_addr(&text, &address).map(drop)
}

/// Starts the successor and waits until it accepts: its process. This one's sockets are its too from then on.
///
/// # Errors
/// Why there is none; nothing has changed then.
pub async fn upgrade(server: &Server, line: &Line) -> io::Result<u32> {
    let name = format!("gatewright-{}-{:016x}", std::process::id(), fastrand::u64(..));
    let heard = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    heard.set_nonblocking(true)?;
    let heard = tokio::net::UnixDatagram::from_std(heard)?;
    let mut successor = Successor { process: start((line.successor)(), server.listeners().sockets()?, &name)?, stays: false };
    let accepted = tokio::time::timeout(START_MAX, accepts(&heard, &mut successor.process)).await;
    accepted.unwrap_or_else(|_| Err(io::Error::other(format!("it did not accept within {} s", START_MAX.as_secs()))))?;
    server.listeners().hand_over();
    successor.stays = true;
    Ok(successor.process.id())
}

/// A process that was started. It ends with this, also where nobody waits for it to accept any more, unless it `stays`.
struct Successor {
    process: Child,
    stays: bool,
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

fn start(mut command: Command, sockets: Vec<(String, Listening)>, name: &str) -> io::Result<Child> {
    let names: Vec<&str> = sockets.iter().map(|(name, _)| name.as_str()).collect();
    command.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":")).env_remove("LISTEN_PID");
    command.env(SUCCEEDS, format!("@{name}"));
    let passed = sockets.into_iter().zip(FIRST..).map(|((_, socket), child_fd)| FdMapping { parent_fd: descriptor(socket), child_fd });
    command.fd_mappings(passed.collect()).map_err(io::Error::other)?;
    command.spawn()
}

fn descriptor(socket: Listening) -> OwnedFd {
    match socket {
        Listening::Tcp(socket) => socket.into(),
        Listening::Unix(socket) => socket.into(),
    }
}

/// Waits until the process says that it accepts.
async fn accepts(heard: &tokio::net::UnixDatagram, child: &mut Child) -> io::Result<()> {
    let mut text = [0; READY.len()];
    loop {
        tokio::select! {
            received = heard.recv(&mut text) => {
                received?;
                if text == READY {
                    return Ok(());
                }
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                if let Some(status) = child.try_wait()? {
                    return Err(io::Error::other(format!("it ended with {status}")));
                }
            }
        }
    }
}
