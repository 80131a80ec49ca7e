//! What a gateway listens on, opened: which sockets a worker has for itself, and which it shares.

use super::inherit::{Inherited, Taken};
use super::listener::{self, Accepted, File, Listening};
use super::share::Shared;
use super::site::{Accepts, Closed, Site, accepting};
use crate::compile::plan::Listener;
use crate::http::Address;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A way into a worker.
pub struct Door {
    /// How connections come.
    pub way: Way,
    /// What the plan in force says of them.
    pub site: Arc<Site>,
}

/// How connections come to a worker.
pub enum Way {
    /// By a socket of its own.
    Own(TcpListener, Accepts),
    /// By a socket that all share, from the thread that accepts there.
    Shared(mpsc::Receiver<Accepted>),
}

/// A listener that is open.
pub struct Open {
    /// What the plan in force says of it.
    pub site: Arc<Site>,
    /// Where it is.
    pub address: Address,
    /// A gateway has opened it.
    pub ours: bool,
    /// Its sockets, for a process that goes on with them. One that is to be closed must be closed here as well.
    pub sockets: Vec<Listening>,
    /// Nobody accepts there any more.
    pub closed: Closed,
}

/// Listeners that were opened, and that nobody serves yet.
pub struct Doors {
    /// They themselves, in the order in which they were declared.
    pub open: Vec<Open>,
    /// By worker, how connections come to it.
    pub of_workers: Vec<Vec<Door>>,
    /// The sockets behind those that are shared.
    pub shared: Vec<Shared>,
}

impl Doors {
    /// None, for so many workers.
    #[must_use]
    pub fn none(workers: usize) -> Self {
        Self { open: Vec::new(), of_workers: (0..workers).map(|_| Vec::new()).collect(), shared: Vec::new() }
    }

    /// Opens a listener, unless it was inherited; clients come when all [listen](Self::listen). It is closed with `stop` at the
    /// latest. A port that this process itself has until then (`own`) is not taken.
    ///
    /// # Errors
    /// When the address cannot be bound or is in use.
    pub fn open(&mut self, declared: &Listener, inherited: &mut Inherited, own: bool, stop: &CancellationToken) -> io::Result<()> {
        let site = Arc::new(Site::new(declared.clone(), stop.child_token()));
        let (accepts, closed) = accepting();
        let opened = self.open_at(declared, (&site, &accepts), inherited, own);
        let (address, sockets, ours) = opened.map_err(|error| failed(declared, &error))?;
        self.open.push(Open { site, address, ours, sockets, closed });
        Ok(())
    }

    /// Has all that were opened take connections.
    ///
    /// # Errors
    /// When a port was taken meanwhile.
    pub fn listen(&self) -> io::Result<()> {
        // Others' sockets listen as their owner has set it.
        for open in self.open.iter().filter(|open| open.ours) {
            let listened = open.sockets.iter().try_for_each(Listening::listen);
            listened.map_err(|error| failed(&open.site.declared(), &error))?;
        }
        Ok(())
    }

    /// Where it is then, its sockets, and whether a gateway has opened them.
    fn open_at(
        &mut self,
        declared: &Listener,
        at: (&Arc<Site>, &Accepts),
        inherited: &mut Inherited,
        own: bool,
    ) -> io::Result<(Address, Vec<Listening>, bool)> {
        let passed = inherited.take(declared);
        if let Some(first) = passed.first() {
            let (address, ours) = (first.address.clone(), passed.iter().all(|passed| passed.ours));
            let sockets: Vec<Listening> = passed.into_iter().map(|Taken { listening, .. }| listening).collect();
            let copies = sockets.iter().map(Listening::copy).collect::<io::Result<_>>()?;
            self.go_on(sockets, &address, at, ours)?;
            return Ok((address, copies, ours));
        }
        match &declared.address {
            Address::Tcp(address) => self.open_port(*address, at, own).map(|(address, sockets)| (Address::Tcp(address), sockets, true)),
            Address::Unix(path) => {
                let (socket, file) = listener::bind_unix(path, declared.mode)?;
                let socket = Listening::Unix(socket);
                let copy = socket.copy()?;
                self.share(at, socket, Some(file), true);
                Ok((declared.address.clone(), vec![copy], true))
            }
        }
    }

    /// Serves sockets that were open already. Those of a gateway before this one (`ours`) are one for each worker.
    fn go_on(&mut self, sockets: Vec<Listening>, address: &Address, at: (&Arc<Site>, &Accepts), ours: bool) -> io::Result<()> {
        let one_each = ours && sockets.len() == self.of_workers.len();
        for (number, socket) in sockets.into_iter().enumerate() {
            match (socket, self.of_workers.get_mut(number)) {
                (Listening::Tcp(socket), Some(doors)) if one_each => doors.push(own_door(socket, at)),
                (socket, _) => {
                    let file = match address {
                        Address::Unix(path) if ours => Some(File::inherited(path)?),
                        Address::Unix(_) | Address::Tcp(_) => None,
                    };
                    self.share(at, socket, file, ours);
                }
            }
        }
        Ok(())
    }

    fn open_port(&mut self, address: SocketAddr, at: (&Arc<Site>, &Accepts), own: bool) -> io::Result<(SocketAddr, Vec<Listening>)> {
        if !own && listener::is_taken(address)? {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (mut bound, mut copies) = (address, Vec::new());
        for doors in &mut self.of_workers {
            let socket = listener::bind(bound)?;
            // A port that the kernel chose is the same for all workers.
            bound = socket.local_addr()?;
            copies.push(Listening::Tcp(socket.try_clone()?));
            doors.push(own_door(socket, at));
        }
        Ok((bound, copies))
    }

    fn share(&mut self, (site, accepts): (&Arc<Site>, &Accepts), socket: Listening, file: Option<File>, ours: bool) {
        let (shared, handed) = Shared::new((Arc::clone(site), accepts.clone()), socket, file, ours, self.of_workers.len());
        for (doors, handed) in self.of_workers.iter_mut().zip(handed) {
            doors.push(Door { way: Way::Shared(handed), site: Arc::clone(site) });
        }
        self.shared.push(shared);
    }
}

fn own_door(socket: TcpListener, (site, accepts): (&Arc<Site>, &Accepts)) -> Door {
    Door { way: Way::Own(socket, accepts.clone()), site: Arc::clone(site) }
}

fn failed(declared: &Listener, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {}: {error}", declared.address))
}
