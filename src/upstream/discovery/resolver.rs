//! The machine's way of looking names up: its file of hosts, then the servers it is told to ask.

use super::super::endpoint::Addresses;
use super::{AGE_MAX, AGE_MIN, ANSWERS_MAX};
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long a line of the file of hosts is believed, which has no time to live.
const HOSTS_AGE: Duration = Duration::from_secs(5);

/// Looks names up. What the machine says of how is read anew each time: it changes while the gateway runs.
#[derive(Debug, Clone, Default)]
pub struct Resolver {
    /// Asked instead of the machine's servers.
    server: Option<SocketAddr>,
}

/// A host that offers a service, by an SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Those with the least are asked first.
    pub priority: u16,
    /// Its share among those of its priority.
    pub weight: u16,
}

impl Resolver {
    /// Asks one server only, and no file.
    #[must_use]
    pub fn of(server: SocketAddr) -> Self {
        Self { server: Some(server) }
    }

    fn build(&self) -> Result<TokioResolver, String> {
        let mut builder = match self.server {
            None => TokioResolver::builder_tokio().map_err(|error| format!("the machine names no server to ask: {error}"))?,
            Some(server) => {
                let mut ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                ways.iter_mut().for_each(|way| way.port = server.port());
                let server = NameServerConfig::new(server.ip(), true, ways.into());
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // Both are looked at here.
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        builder.build().map_err(|error| error.to_string())
    }

    /// Where a host is, and for how long that is to be believed.
    ///
    /// # Errors
    /// When it has no address, or nobody says.
    pub async fn addresses(&self, host: &str, port: u16) -> Result<(Addresses, Duration), String> {
        if let Ok(ip) = host.parse() {
            return Ok((Addresses::from_elem(SocketAddr::new(ip, port), 1), AGE_MAX));
        }
        if self.server.is_none()
            && let Some(listed) = from_hosts(host, port)
        {
            return Ok((listed, HOSTS_AGE));
        }
        let answer = self.build()?.lookup_ip(host).await.map_err(|error| format!("`{host}`: {error}"))?;
        let addresses: Addresses = answer.iter().take(ANSWERS_MAX).map(|ip| SocketAddr::new(ip, port)).collect();
        match addresses.is_empty() {
            true => Err(format!("`{host}` has no address")),
            false => Ok((addresses, age(answer.as_lookup().answers()))),
        }
    }

    /// Who offers a service, and for how long that is to be believed.
    ///
    /// # Errors
    /// When nobody does, or nobody says.
    pub async fn services(&self, name: &str) -> Result<(Vec<Service>, Duration), String> {
        let answer = self.build()?.srv_lookup(name).await.map_err(|error| format!("`{name}`: {error}"))?;
        let services: Vec<Service> = answer.answers().iter().filter_map(service).take(ANSWERS_MAX).collect();
        match services.is_empty() {
            true => Err(format!("nobody offers `{name}`")),
            false => Ok((services, age(answer.answers()))),
        }
    }
}

/// A record that names a host; the root as the host says that the service is not offered.
fn service(record: &Record) -> Option<Service> {
    match &record.data {
        RData::SRV(found) if !found.target.is_root() => {
            Some(Service { host: found.target.to_utf8(), port: found.port, priority: found.priority, weight: found.weight })
        }
        _ => None,
    }
}

/// The shortest time to live of an answer, an alias on the way included.
fn age(records: &[Record]) -> Duration {
    let least = records.iter().map(|record| record.ttl).min().unwrap_or_default();
    Duration::from_secs(u64::from(least)).clamp(AGE_MIN, AGE_MAX)
}

/// What the machine's file of hosts says.
fn from_hosts(host: &str, port: u16) -> Option<Addresses> {
    let hosts = Hosts::from_system().ok()?;
    let name = Name::from_utf8(host).ok()?;
    let of = |kind| hosts.lookup_static_host(&Query::query(name.clone(), kind));
    let found = [of(RecordType::A), of(RecordType::AAAA)].into_iter().flatten();
    let ips: Vec<IpAddr> =
        found.flat_map(|lookup| lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>()).collect();
    (!ips.is_empty()).then(|| ips.into_iter().take(ANSWERS_MAX).map(|ip| SocketAddr::new(ip, port)).collect())
}
