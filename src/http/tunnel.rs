//! What a 101 has in place of a body: a connection on which HTTP has ended, and bytes go both ways.

use bytes::Bytes;
use std::any::Any;
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// The upstream's end of a tunnel.
pub struct Tunnel {
    /// The connection.
    pub stream: Box<dyn Duplex>,
    /// What was read of it behind the head.
    pub came: Bytes,
    /// How long it may go without a byte in either direction.
    pub idle: Duration,
    /// Held until it ends.
    pub held: Box<dyn Any + Send>,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("came", &self.came.len()).field("idle", &self.idle).finish_non_exhaustive()
    }
}
