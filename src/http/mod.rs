//! The engine's vocabulary of one exchange: what was asked, what is answered, what went wrong, who asks.
//!
//! Floor 0: knows nothing of the language, of policies or of sockets.

pub mod address;
pub mod body;
pub mod certificate;
pub mod clock;
pub mod credentials;
pub mod early;
pub mod exchange;
pub mod fault;
pub mod forward;
pub mod grpc;
pub mod h1;
pub mod hop;
pub mod identity;
pub mod json;
pub mod path;
pub mod problem;
pub mod proxy;
pub mod reply;
pub mod share;
pub mod stall;
pub mod trace;
pub mod tunnel;
pub mod upgrade;

pub use address::Address;
pub use body::Body;
pub use certificate::Certificate;
pub use clock::Clock;
pub use credentials::Credentials;
pub use early::{Early, INTERIM_MAX};
pub use exchange::{Affinity, Calls, Client, Exchange, Outgoing, Params, Quota, Record, Request, Scheme, UpstreamHealth, UpstreamIndex};
pub use fault::{Fault, FaultKind, Side};
pub use forward::Forwarding;
pub use identity::{Attribute, Identity};
pub use problem::Problem;
pub use reply::{Reply, Source, is_status};
pub use stall::Stall;
pub use tunnel::{Duplex, Tunnel};
