mod answers;
mod framing;
mod rig;
mod streams;
mod upstreams;
