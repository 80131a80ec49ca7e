//! Listening sockets. Of TCP one per worker and address, the kernel spreads the connections (`SO_REUSEPORT`); those that
//! cannot be had several times, Unix sockets and inherited ones, the workers share.

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Connections the kernel may hold until they are accepted.
const BACKLOG: i32 = 4096;

/// A socket that is bound beside others of this process to the same address. Nobody is sent to it before it [listens](listen):
/// where it comes to nothing after all, no client has waited there in vain.
///
/// # Errors
/// When the address cannot be bound: in use, not one of this machine's, or not permitted.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Has a socket take connections.
///
/// # Errors
/// When the port was taken meanwhile.
pub fn listen<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<()> {
    socket.into().listen(BACKLOG)
}

/// True when another process listens on the address: with `SO_REUSEPORT` alone it would silently get half of the
/// connections.
///
/// # Errors
/// When the address cannot be bound for another reason.
pub fn is_taken(address: SocketAddr) -> io::Result<bool> {
    if address.port() == 0 {
        return Ok(false);
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    match socket.bind(&address.into()) {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(true),
        Err(error) => Err(error),
    }
}

/// A socket that is bound to a path, whose file has these permissions before anybody can connect, which is when it
/// [listens](listen). A file that an earlier gateway left behind, so that nobody answers there, is replaced.
///
/// # Errors
/// When the path is in use, is no socket's, or not permitted.
pub fn bind_unix(path: &str, mode: u16) -> io::Result<(UnixListener, File)> {
    let path = Path::new(path);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let address = socket2::SockAddr::unix(path)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path)? => {
            std::fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        bound => bound?,
    }
    let file = File::of(path)?;
    set_mode(path, mode)?;
    Ok((socket.into(), file))
}

/// Gives the file of a Unix socket its permissions.
///
/// # Errors
/// When it is not there, or somebody else's.
pub fn set_mode(path: impl AsRef<Path>, mode: u16) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode.into()))
}

/// True for the file of a socket on which nobody listens.
fn is_left_behind(path: &Path) -> io::Result<bool> {
    if !std::fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Somebody whose queue is full answers, too: later.
    socket.set_nonblocking(true)?;
    let tried = socket.connect(&socket2::SockAddr::unix(path)?);
    Ok(tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused))
}

/// The file of a Unix socket that this process made. Dropped, it is removed, unless another stands at its path by now; so it
/// must be dropped before the socket is closed.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    /// Which file it is, until it is left to another process.
    made: Option<(u64, u64)>,
    /// It is removed: not while it is that of a process which may go on.
    armed: bool,
}

impl File {
    /// The file at a path, which this process made.
    ///
    /// # Errors
    /// When it is not there.
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), made: Some(identity(path)?), armed: true })
    }

    /// The file at a path, which the gateway before this one made. It is that one's until it is [taken over](Self::take_over).
    ///
    /// # Errors
    /// When it is not there.
    pub fn inherited(path: &str) -> io::Result<Self> {
        let path = Path::new(path);
        Ok(Self { path: path.to_owned(), made: Some(identity(path)?), armed: false })
    }

    /// From now on it is this process that removes it.
    #[must_use]
    pub fn take_over(mut self) -> Self {
        self.armed = true;
        self
    }

    /// Leaves the file to the process that goes on with the socket, which is closed in this one. Where nobody does, it is
    /// removed.
    pub fn leave(mut self) {
        if !is_left_behind(&self.path).unwrap_or(false) {
            self.made = None;
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Drop for File {
    fn drop(&mut self) {
        if self.armed
            && self.made.is_some_and(|made| identity(&self.path).is_ok_and(|there| there == made))
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the file of a Unix socket stays behind");
        }
    }
}

/// A socket that is shared by the workers. It does not block.
#[derive(Debug)]
pub enum Listening {
    /// A port.
    Tcp(TcpListener),
    /// A path.
    Unix(UnixListener),
}

/// A connection that one thread has accepted for another. It does not block.
#[derive(Debug)]
pub enum Accepted {
    /// Over TCP, with its peer's address.
    Tcp(TcpStream, SocketAddr),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Listening {
    /// The same socket once more: it listens until both are closed.
    ///
    /// # Errors
    /// When the process is out of file descriptors.
    pub fn copy(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            Self::Unix(listener) => listener.try_clone().map(Self::Unix),
        }
    }

    /// Has it take connections.
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub fn listen(&self) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listen(listener),
            Self::Unix(listener) => listen(listener),
        }
    }

    /// The next connection.
    ///
    /// # Errors
    /// When none waits (`WouldBlock`), or one cannot be accepted.
    pub fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Accepted::Unix(stream))
            }
        }
    }
}
