//! The gateway from outside: real sockets on both sides, in this process or as the `gate` program.
//!
//! Nothing here knows how the gateway does it: tests send bytes, play the upstream, and look at what arrives.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod admin;
#[cfg(test)]
mod aggregate;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod balance;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod closing;
#[cfg(test)]
mod compress;
#[cfg(test)]
mod development;
#[cfg(test)]
mod events;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod load;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod methods;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod page;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod readings;
mod reload;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod start;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod upgrade;
#[cfg(test)]
mod upstream_tls;
#[cfg(test)]
mod upstreams;
#[cfg(test)]
mod websocket;
