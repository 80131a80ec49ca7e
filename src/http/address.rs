//! Where a gateway listens.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// An address to listen on. As text: `127.0.0.1:8080`, `[::]:8080`, `unix:/run/gate.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// A port of TCP, on one address of the machine or on all.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(String),
}

/// What stands before the path of a Unix socket.
const UNIX: &str = "unix:";

impl Address {
    /// Longest path of a Unix socket, in bytes: what fits into `sockaddr_un` with its end.
    pub const PATH_BYTES_MAX: usize = 107;

    /// The permissions of a Unix socket's file where nothing else is said: its owner and group may connect.
    pub const MODE_DEFAULT: u16 = 0o660;

    /// The address of TCP.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// True when nobody but this machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.tcp().is_none_or(|address| address.ip().is_loopback())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(out),
            Self::Unix(path) => write!(out, "{UNIX}{path}"),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix(UNIX) {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.to_owned())),
            Some(_) | None => text.parse().map(Self::Tcp).map_err(|_| format!("`{text}` is no address to listen on")),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}
