mod answers;
mod framing;
pub(super) mod rig;
mod streams;
mod upstreams;
