//! Sockets that whoever started the process has opened for it (systemd's socket activation, `sd_listen_fds(3)`): they listen
//! before the gateway runs and while it is started again, and may be at ports that it could not open itself. A gateway that
//! starts another one in its place passes its sockets in the same way.

use super::listener::Listening;
use crate::compile::plan::Listener;
use crate::http::Address;
use listenfd::ListenFd;
use std::io;

/// Most sockets that are taken from who is no gateway.
const SOCKETS_MAX: usize = 64;
/// Most sockets that are taken over from a gateway: for each of its listeners one by worker.
const TAKEN_OVER_MAX: usize = 4096;

/// The sockets, until listeners take them.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Socket>,
    /// They are those of a gateway that this process takes over from.
    taken_over: bool,
}

#[derive(Debug)]
struct Socket {
    name: String,
    address: Address,
    listening: Listening,
    ours: bool,
}

/// A socket that a listener has taken.
#[derive(Debug)]
pub struct Taken {
    /// Where it listens.
    pub address: Address,
    /// The socket.
    pub listening: Listening,
    /// A gateway has opened it, and it ends with the last one that has it.
    pub ours: bool,
}

/// Begins the name of a socket that is passed on and was not opened by a gateway.
const OTHERS: char = '=';

impl Inherited {
    /// What `LISTEN_FDS` counts, if `LISTEN_PID` is this process; both are taken out of the environment. `names` is
    /// `LISTEN_FDNAMES`, with a colon between two. `taken_over` when they are those of a gateway before this one.
    ///
    /// # Errors
    /// When one of them is no listening stream socket, or there are too many.
    pub fn from_environment(names: &str, taken_over: bool) -> io::Result<Self> {
        let mut passed = ListenFd::from_env();
        let most = if taken_over { TAKEN_OVER_MAX } else { SOCKETS_MAX };
        if passed.len() > most {
            return Err(io::Error::other(format!("{} sockets were passed, more than {most}", passed.len())));
        }
        let mut names = names.split(':');
        let mut found = Vec::new();
        for index in 0..passed.len() {
            let name = names.next().unwrap_or_default();
            let own = name.strip_prefix(OTHERS).filter(|_| taken_over);
            let (name, ours) = (own.unwrap_or(name).to_owned(), taken_over && own.is_none());
            let failed = |error: io::Error| io::Error::new(error.kind(), format!("the socket `{name}` that was passed: {error}"));
            let tcp = passed.take_tcp_listener(index).ok().flatten().map(Listening::Tcp);
            let listening = match tcp {
                Some(tcp) => tcp,
                None => match passed.take_unix_listener(index).map_err(failed)? {
                    Some(unix) => Listening::Unix(unix),
                    None => continue,
                },
            };
            let address = prepare(&listening).map_err(failed)?;
            found.push(Socket { name, address, listening, ours });
        }
        Ok(Self { sockets: found, taken_over })
    }

    /// One port that is listened at.
    #[cfg(test)]
    pub fn of(name: &str, listener: std::net::TcpListener) -> io::Result<Self> {
        let listening = Listening::Tcp(listener);
        let address = prepare(&listening)?;
        Ok(Self { sockets: vec![Socket { name: name.to_owned(), address, listening, ours: false }], taken_over: false })
    }

    /// The sockets for a listener: those of its name, and those at its address. What a gateway passes on is called by what was
    /// declared: the port may have been the kernel's choice.
    pub fn take(&mut self, listener: &Listener) -> Vec<Taken> {
        let name = if self.taken_over { name_of(&listener.address) } else { listener.name.to_string() };
        let fits = |socket: &mut Socket| socket.name == name || socket.address == listener.address;
        let taken = |Socket { address, listening, ours, .. }: Socket| Taken { address, listening, ours };
        self.sockets.extract_if(.., fits).map(taken).collect()
    }

    /// Ends the taking. What is left of a gateway before this one is closed when that ends.
    ///
    /// # Errors
    /// When another socket is left, on which clients would wait for nobody.
    pub fn end(self) -> io::Result<()> {
        let Some(Socket { name, address, .. }) = self.sockets.first().filter(|_| !self.taken_over) else { return Ok(()) };
        Err(io::Error::other(format!(
            "a socket at {address} was passed that no listener takes: write `listen {address}`, or call one `as {name}`"
        )))
    }
}

/// What a socket is called that a gateway passes on: where it was declared to be, without what divides names, and whether it is
/// a gateway's own.
#[must_use]
pub fn passed_name(declared: &Address, ours: bool) -> String {
    let name = name_of(declared);
    if ours { name } else { format!("{OTHERS}{name}") }
}

fn name_of(declared: &Address) -> String {
    declared.to_string().replace('%', "%25").replace(':', "%3A")
}

/// Makes accepting not wait: where the socket listens.
fn prepare(listening: &Listening) -> io::Result<Address> {
    match listening {
        Listening::Tcp(listener) => {
            listener.set_nonblocking(true)?;
            listener.local_addr().map(Address::Tcp)
        }
        Listening::Unix(listener) => {
            listener.set_nonblocking(true)?;
            let path = listener.local_addr()?.as_pathname().and_then(|path| path.to_str().map(str::to_owned));
            Ok(Address::Unix(path.unwrap_or_default()))
        }
    }
}
