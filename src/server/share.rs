//! Sockets that the workers share: a thread of their own accepts and hands connections to the workers in turn. So a
//! connection wakes one worker, where all would wake that watched one socket, and the load is spread evenly.

use super::entrance::{ACCEPT_PAUSE, LAST_MAX, is_of_one_connection};
use super::listener::{Accepted, File, Listening};
use super::site::{Accepts, Site};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;

/// Connections of one socket that wait for one worker. Past it the next worker gets them; when all are that busy, they wait
/// in the kernel.
pub const HANDED_MAX: usize = 64;

/// A socket that workers share.
pub struct Shared {
    // Before the socket: see `File`.
    file: Option<File>,
    socket: Listening,
    /// It goes when this process closes it, and its queue with it.
    ours: bool,
    site: Arc<Site>,
    accepts: Accepts,
    turns: Turns,
}

/// Those who get connections, one after the other.
struct Turns {
    workers: Vec<mpsc::Sender<Accepted>>,
    /// Who got the last one.
    last: usize,
}

impl Shared {
    /// A socket and, where the gateway made one for it, its file; and for each worker what it is handed.
    #[must_use]
    pub fn new(
        (site, accepts): (Arc<Site>, Accepts),
        socket: Listening,
        file: Option<File>,
        ours: bool,
        workers: usize,
    ) -> (Self, Vec<mpsc::Receiver<Accepted>>) {
        let (workers, handed) = (0..workers).map(|_| mpsc::channel(HANDED_MAX)).unzip();
        (Self { file, socket, ours, site, accepts, turns: Turns { workers, last: 0 } }, handed)
    }

    /// Accepts until the site is closed. Whoever waits in a queue that ends with the socket is still served.
    async fn run(self) -> io::Result<()> {
        let Self { file, socket, ours, site, accepts, mut turns } = self;
        let waiting = Waiting::new(socket)?;
        // Every listener is open, or nobody would run.
        let file = file.map(File::take_over);
        while let Some(next) = site.closing().run_until_cancelled(waiting.accept()).await {
            match next {
                Ok(accepted) => turns.hand(accepted).await,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        let socket = waiting.into_inner()?;
        // Another process may go on with it: whether it does is seen once it is closed here.
        let file = file.filter(|_| site.is_handed_over());
        if ours {
            for _ in 0..LAST_MAX {
                let Ok(accepted) = socket.accept() else { break };
                turns.hand(accepted).await;
            }
        }
        drop(socket);
        drop(accepts);
        file.into_iter().for_each(File::leave);
        Ok(())
    }
}

impl Turns {
    /// Hands a connection to the worker whose turn it is, or to the next that has room.
    async fn hand(&mut self, mut accepted: Accepted) {
        for _ in 0..self.workers.len() {
            self.last = (self.last + 1) % self.workers.len();
            let Some(worker) = self.workers.get(self.last) else { return };
            match worker.try_send(accepted) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => accepted = back,
            }
        }
        if let Some(worker) = self.workers.get(self.last) {
            // A worker that has ended takes no connection any more.
            let _ = worker.send(accepted).await;
        }
    }
}

/// A socket on which the runtime waits.
enum Waiting {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Waiting {
    fn new(socket: Listening) -> io::Result<Self> {
        Ok(match socket {
            Listening::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            Listening::Unix(socket) => Self::Unix(UnixListener::from_std(socket)?),
        })
    }

    fn into_inner(self) -> io::Result<Listening> {
        Ok(match self {
            Self::Tcp(socket) => Listening::Tcp(socket.into_std()?),
            Self::Unix(socket) => Listening::Unix(socket.into_std()?),
        })
    }

    async fn accept(&self) -> io::Result<Accepted> {
        Ok(match self {
            Self::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                Accepted::Tcp(stream.into_std()?, peer)
            }
            Self::Unix(socket) => Accepted::Unix(socket.accept().await?.0.into_std()?),
        })
    }
}

/// Starts a thread that accepts until the sites are closed; none where nothing is shared.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(shared: Vec<Shared>) -> io::Result<Option<JoinHandle<io::Result<()>>>> {
    if shared.is_empty() {
        return Ok(None);
    }
    let accepting = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let running: Vec<_> = shared.into_iter().map(|socket| tokio::spawn(socket.run())).collect();
            for task in running {
                task.await.map_err(io::Error::other)??;
            }
            Ok(())
        })
    };
    std::thread::Builder::new().name("gate-accept".to_owned()).spawn(accepting).map(Some)
}
