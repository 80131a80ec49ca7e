mod answers;
mod framing;
pub(in crate::server) mod rig;
mod streams;
mod tls;
mod upstream_dns;
mod upstream_http2;
mod upstream_tls;
mod upstreams;
