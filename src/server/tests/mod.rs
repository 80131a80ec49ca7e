mod answers;
mod framing;
mod listeners;
pub(in crate::server) mod rig;
mod streams;
mod tls;
mod upstreams;
