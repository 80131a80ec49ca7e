//! The listeners of a gateway that runs: opened and closed when another policy wants others, while the rest goes on.

use super::control::ENDS;
use super::doors::{Door, Doors, Open};
use super::inherit::{Inherited, passed_name};
use super::listener::{self, Listening};
use super::share;
use crate::compile::plan::Listener;
use crate::compile::tls::Tls;
use crate::http::Address;
use parking_lot::Mutex;
use std::io;
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Changes of listeners that may wait for a worker.
const CHANGES_MAX: usize = 16;

/// The listeners of a gateway.
pub struct Listeners {
    open: Mutex<Vec<Open>>,
    workers: Vec<mpsc::Sender<Vec<Door>>>,
    acceptors: Mutex<Vec<JoinHandle<io::Result<()>>>>,
    stop: CancellationToken,
}

/// What a worker is given its doors by.
pub type Given = mpsc::Receiver<Vec<Door>>;

impl Listeners {
    /// None yet, for so many workers. All are closed with `stop`.
    #[must_use]
    pub fn new(workers: usize, stop: CancellationToken) -> (Self, Vec<Given>) {
        let (workers, given) = (0..workers.max(1)).map(|_| mpsc::channel(CHANGES_MAX)).unzip();
        (Self { open: Mutex::default(), workers, acceptors: Mutex::default(), stop }, given)
    }

    /// Has exactly these open. Those whose address stays go on; one that goes takes nobody any more, which is so when this returns, and
    /// finishes what runs.
    /// `left` is a port that something else in this process leaves. `in_force` is called once it is certain, before anybody comes in by those that are new.
    ///
    /// # Errors
    /// When one cannot be opened, an inherited socket is no listener's, or all are closed for good. Nothing has changed then.
    pub fn be(&self, declared: &[Listener], mut inherited: Inherited, left: Option<u16>, in_force: impl FnOnce()) -> io::Result<()> {
        let mut open = self.open.lock();
        if self.stop.is_cancelled() {
            return Err(io::Error::other(ENDS));
        }
        let stays = |open: &Open| declared.iter().find(|declared| declared.address == open.site.declared().address);
        let (ports, mut doors) = (left_by(&open, declared).chain(left).collect::<Vec<_>>(), Doors::none(self.workers.len()));
        for listener in declared {
            if !open.iter().any(|open| open.site.declared().address == listener.address) {
                let own = matches!(listener.address, Address::Tcp(address) if ports.contains(&address.port()));
                doors.open(listener, &mut inherited, own, &self.stop)?;
            }
        }
        inherited.end()?;
        let busy = |_| io::Error::other("the workers have not yet taken the listeners of policies before");
        let places = self.workers.iter().map(|worker| worker.try_reserve().map_err(busy)).collect::<io::Result<Vec<_>>>()?;
        doors.listen()?;
        if let Some(acceptor) = share::start(doors.shared)? {
            let mut acceptors = self.acceptors.lock();
            acceptors.retain(|acceptor| !acceptor.is_finished());
            acceptors.push(acceptor);
        }
        in_force();
        for (place, doors) in places.into_iter().zip(doors.of_workers) {
            place.send(doors);
        }
        let mut closed = Vec::new();
        for mut before in std::mem::take(&mut *open) {
            match stays(&before) {
                Some(listener) => {
                    follow(&before, listener);
                    doors.open.push(before);
                }
                None => {
                    before.sockets.clear();
                    closed.push(before);
                }
            }
        }
        let place = |open: &Open| declared.iter().position(|declared| declared.address == open.site.declared().address);
        doors.open.sort_by_key(place);
        *open = doors.open;
        drop(open);
        for Open { site, address, .. } in &closed {
            tracing::info!(%address, "not listened at any more");
            site.closing().cancel();
        }
        closed.iter().for_each(|open| open.closed.wait());
        Ok(())
    }

    /// The ports that are free when these are open alone. Until then they count as taken.
    #[must_use]
    pub fn left_by(&self, declared: &[Listener]) -> Vec<u16> {
        left_by(&self.open.lock(), declared).collect()
    }

    /// Where they are, in the order of the policy.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.open.lock().iter().map(|open| open.address.clone()).collect()
    }

    /// Shows other certificates to clients that connect from now on to an address of the policy.
    pub fn renew(&self, address: &Address, tls: &Tls) {
        for open in &*self.open.lock() {
            open.site.renew(address, tls);
        }
    }

    /// Their sockets once more, each with the name by which [`Inherited`] knows it.
    ///
    /// # Errors
    /// When the process is out of file descriptors.
    pub fn sockets(&self) -> io::Result<Vec<(String, Listening)>> {
        let open = self.open.lock();
        let named = |open: &Open| {
            let name = passed_name(&open.site.declared().address, open.ours);
            open.sockets.iter().map(move |socket| Ok((name.clone(), socket.copy()?))).collect::<Vec<_>>()
        };
        open.iter().flat_map(named).collect()
    }

    /// Leaves them to another process, which has their sockets.
    pub fn hand_over(&self) {
        self.open.lock().iter().for_each(|open| open.site.hand_over());
    }

    /// Closes all; workers finish what runs.
    pub fn close(&self) {
        let mut open = self.open.lock();
        open.iter_mut().for_each(|open| open.sockets.clear());
        // Under the lock, so that no reload opens what nobody closes.
        self.stop.cancel();
    }

    /// Waits until nobody accepts any more for all workers.
    ///
    /// # Errors
    /// When a thread that did has failed.
    pub fn join(&self) -> io::Result<()> {
        let acceptors = std::mem::take(&mut *self.acceptors.lock());
        acceptors.into_iter().try_for_each(|acceptor| acceptor.join().map_err(|_| io::Error::other("the thread that accepts panicked"))?)
    }
}

/// Has a listener follow another policy.
fn follow(open: &Open, listener: &Listener) {
    if let Address::Unix(path) = &listener.address
        && open.site.declared().mode != listener.mode
        && let Err(error) = listener::set_mode(path, listener.mode)
    {
        tracing::error!(%error, path, "the file of a Unix socket keeps its permissions");
    }
    open.site.follow(listener.clone());
}

fn left_by<'o>(open: &'o [Open], declared: &'o [Listener]) -> impl Iterator<Item = u16> + 'o {
    let goes = |open: &&Open| declared.iter().all(|declared| declared.address != open.site.declared().address);
    open.iter().filter(goes).filter_map(|open| open.address.tcp()).map(|address| address.port())
}
