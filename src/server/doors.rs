//! What a gateway listens on, opened: which sockets a worker has for itself, and which it shares.

use super::inherit::Inherited;
use super::listener::{self, File, Listening};
use super::share::Shared;
use super::site::Site;
use super::worker::Door;
use crate::compile::Plan;
use crate::compile::plan::Listener;
use crate::http::Address;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// All listeners of a plan.
#[derive(Default)]
pub struct Doors {
    /// Where they are, in the order of the plan.
    pub addresses: Vec<Address>,
    /// What the plan says of each.
    pub sites: Vec<Arc<Site>>,
    /// By worker, how connections come to it.
    pub of_workers: Vec<Vec<(Door, Arc<Site>)>>,
    /// The sockets behind those that are shared.
    pub shared: Vec<Shared>,
}

impl Doors {
    /// Opens all that was not inherited.
    ///
    /// # Errors
    /// When an address cannot be bound or is in use, or a socket that was inherited is no listener's.
    pub fn open(plan: &Plan, mut inherited: Inherited) -> io::Result<Self> {
        let mut doors = Self { of_workers: (0..plan.settings.workers.max(1)).map(|_| Vec::new()).collect(), ..Self::default() };
        for declared in &plan.settings.listeners {
            let site = Arc::new(Site::new(declared.clone()));
            let address = doors.open_one(declared, &site, &mut inherited);
            doors
                .addresses
                .push(address.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", declared.address)))?);
            doors.sites.push(site);
        }
        inherited.end()?;
        Ok(doors)
    }

    /// Where it is then.
    fn open_one(&mut self, declared: &Listener, site: &Arc<Site>, inherited: &mut Inherited) -> io::Result<Address> {
        let passed = inherited.take(declared);
        if let Some((first, _)) = passed.first() {
            let first = first.clone();
            for (_, socket) in passed {
                self.share(site, socket, None);
            }
            return Ok(first);
        }
        match &declared.address {
            Address::Tcp(address) => self.open_port(*address, site).map(Address::Tcp),
            Address::Unix(path) => {
                let (socket, file) = listener::bind_unix(path, declared.mode)?;
                self.share(site, Listening::Unix(socket), Some(file));
                Ok(declared.address.clone())
            }
        }
    }

    fn open_port(&mut self, address: SocketAddr, site: &Arc<Site>) -> io::Result<SocketAddr> {
        if listener::is_taken(address)? {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let mut bound = address;
        for doors in &mut self.of_workers {
            let socket = listener::bind(bound)?;
            // A port that the kernel chose is the same for all workers.
            bound = socket.local_addr()?;
            doors.push((Door::Own(socket), Arc::clone(site)));
        }
        Ok(bound)
    }

    fn share(&mut self, site: &Arc<Site>, socket: Listening, file: Option<File>) {
        let (shared, handed) = Shared::new(socket, file, self.of_workers.len());
        for (doors, handed) in self.of_workers.iter_mut().zip(handed) {
            doors.push((Door::Shared(handed), Arc::clone(site)));
        }
        self.shared.push(shared);
    }
}
