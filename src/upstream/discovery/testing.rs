//! A small server of DNS (RFC 1035), written without the crate that asks it.

use super::Resolver;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::UdpSocket;

/// What a record says.
#[derive(Debug, Clone)]
pub enum Says {
    /// A or AAAA.
    At(IpAddr),
    /// CNAME.
    Alias(&'static str),
    /// SRV: priority, weight, port, host.
    Offers(u16, u16, u16, &'static str),
}

impl Says {
    fn kind(&self) -> u16 {
        match self {
            Self::At(IpAddr::V4(_)) => 1,
            Self::Alias(_) => 5,
            Self::At(IpAddr::V6(_)) => 28,
            Self::Offers(..) => 33,
        }
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::At(IpAddr::V4(ip)) => ip.octets().to_vec(),
            Self::At(IpAddr::V6(ip)) => ip.octets().to_vec(),
            Self::Alias(name) => labels(name),
            Self::Offers(priority, weight, port, host) => {
                let numbers = [priority, weight, port].into_iter().flat_map(|number| number.to_be_bytes());
                numbers.chain(labels(host)).collect()
            }
        }
    }
}

fn labels(name: &str) -> Vec<u8> {
    let parts = name.split('.').filter(|label| !label.is_empty());
    parts.flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).chain([0]).collect()
}

type Records = HashMap<String, Vec<(u32, Says)>>;

/// A running server; names it does not know do not exist.
#[derive(Clone)]
pub struct Zone {
    records: Arc<Mutex<Records>>,
    broken: Arc<Mutex<bool>>,
    address: SocketAddr,
}

impl Zone {
    /// A server without names.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let zone = Self { records: Arc::default(), broken: Arc::default(), address: socket.local_addr().unwrap() };
        let served = zone.clone();
        tokio::spawn(async move {
            let mut query = [0; 1232];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let _ = socket.send_to(&served.answer(&query[..length]), from).await;
            }
        });
        zone
    }

    /// What asks it.
    pub fn resolver(&self) -> Resolver {
        Resolver::of(self.address)
    }

    /// Puts records in the place of those a name had; each has a time to live in seconds.
    pub fn set(&self, name: &str, records: &[(u32, Says)]) {
        self.records.lock().insert(name.to_owned(), records.to_vec());
    }

    /// Takes a name away.
    pub fn forget(&self, name: &str) {
        self.records.lock().remove(name);
    }

    /// From now on every answer is a failure, or no longer.
    pub fn fail(&self, broken: bool) {
        *self.broken.lock() = broken;
    }

    fn answer(&self, query: &[u8]) -> Vec<u8> {
        let mut end = 12;
        let mut name = Vec::new();
        while query[end] > 0 {
            let length = usize::from(query[end]);
            name.push(String::from_utf8(query[end + 1..=end + length].to_vec()).unwrap());
            end += length + 1;
        }
        let kind = u16::from_be_bytes([query[end + 1], query[end + 2]]);
        let records = self.records.lock().get(&name.join(".").to_lowercase()).cloned();
        // Servfail, or no such name.
        let code = if *self.broken.lock() {
            2
        } else if records.is_none() {
            3
        } else {
            0
        };
        let mut found: Vec<(Vec<u8>, u32, Says)> = Vec::new();
        for (ttl, says) in records.unwrap_or_default() {
            let alias = if let Says::Alias(target) = &says { Some(*target) } else { None };
            if code == 0 && (alias.is_some() || says.kind() == kind) {
                found.push((vec![0xc0, 12], ttl, says));
            }
            for (ttl, says) in alias.and_then(|target| self.records.lock().get(target).cloned()).unwrap_or_default() {
                if says.kind() == kind {
                    found.push((labels(alias.unwrap()), ttl, says));
                }
            }
        }
        let count = u8::try_from(found.len()).unwrap();
        let mut answer = [&query[..2], &[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0], &query[12..end + 5]].concat();
        for (owner, ttl, says) in found {
            let data = says.data();
            let length = u16::try_from(data.len()).unwrap();
            answer.extend(owner);
            answer.extend([&says.kind().to_be_bytes()[..], &[0, 1], &ttl.to_be_bytes(), &length.to_be_bytes(), &data].concat());
        }
        answer
    }
}
