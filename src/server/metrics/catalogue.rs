//! Every family of series that there is: what it is called, what tells its series apart, and what it means.

/// What kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts up to edges, the sum and the count of times.
    Histogram,
}

/// A family of series.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Its name, of a counter with `_total`.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels, in the order they are written.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

impl Family {
    const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels, help }
    }

    const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels, help }
    }

    const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, labels, help }
    }

    /// Its name without `_total`.
    #[must_use]
    pub fn stem(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }
}

/// Defines the families and lists them, so that none is left out of the list.
macro_rules! families {
    ($($name:ident = $kind:ident($text:literal, [$($label:literal),*], $help:literal);)*) => {
        $(pub(super) const $name: Family = Family::$kind($text, &[$($label),*], $help);)*
        /// All of them, in the order they are written.
        pub const FAMILIES: &[Family] = &[$($name),*];
    };
}

families! {
    REQUESTS = counter("gate_requests_total", ["route", "code"], "Requests that have ended, by the status of the reply.");
    REQUEST_DURATION = histogram("gate_request_duration_seconds", ["route"], "From a request's head to the end of the reply.");
    REQUEST_BYTES = counter("gate_request_body_bytes_total", ["route"], "Bytes of the bodies of requests.");
    RESPONSE_BYTES = counter("gate_response_body_bytes_total", ["route"], "Bytes of the bodies of replies.");
    CACHE_REQUESTS = counter("gate_cache_requests_total", ["route", "verdict"], "Requests by what the cache made of them.");
    UPSTREAM_REQUESTS = counter("gate_upstream_requests_total", ["upstream", "code"], "Attempts that an upstream answered, by status.");
    UPSTREAM_DURATION =
        histogram("gate_upstream_duration_seconds", ["upstream"], "From when a request has gone out to the head of the response.");
    UPSTREAM_FAILURES =
        counter("gate_upstream_failures_total", ["upstream", "reason"], "Attempts that came to nothing, or could not be made.");
    UPSTREAM_RETRIES = counter("gate_upstream_retries_total", ["upstream"], "Attempts that were made again.");
    UPSTREAM_IN_FLIGHT = gauge("gate_upstream_requests_in_flight", ["upstream"], "Attempts that are under way.");
    UPSTREAM_CONNECTIONS = gauge("gate_upstream_connections", ["upstream", "state"], "Connections to an upstream.");
    UPSTREAM_CONNECTS = counter("gate_upstream_connects_total", ["upstream"], "Connections that were made to an upstream.");
    UPSTREAM_PANICS = counter("gate_upstream_panics_total", ["upstream"], "Requests that were sent on although no target is healthy.");
    TARGET_HEALTHY = gauge("gate_upstream_target_healthy", ["upstream", "target"], "Whether a target may be asked: 1 or 0.");
    DNS_LOOKUPS = counter("gate_dns_lookups_total", ["upstream", "outcome"], "Names of an upstream's targets that were looked up.");
    BREAKER_STATE = gauge("gate_breaker_state", ["upstream", "state"], "The state a breaker is in has 1, the others 0.");
    BREAKER_TRIPS = counter("gate_breaker_trips_total", ["upstream"], "How often a breaker has opened.");
    LIMITER_REQUESTS = counter("gate_limiter_requests_total", ["limit", "outcome"], "Requests that a limit has let through or refused.");
    LIMITER_KEYS = gauge("gate_limiter_keys", ["limit"], "Keys that a limit counts for.");
    LIMITER_FORGOTTEN =
        counter("gate_limiter_keys_forgotten_total", ["limit"], "Keys still in use whose counters had to make room for others.");
    CACHE_BYTES = gauge("gate_cache_bytes", [], "Bytes that caches hold.");
    CACHE_BYTES_MAX = gauge("gate_cache_bytes_max", [], "Bytes that caches may hold.");
    CACHE_ENTRIES = gauge("gate_cache_entries", [], "Responses that caches hold.");
    CACHE_EVICTIONS = counter("gate_cache_evictions_total", [], "Responses that had to make room for others.");
    AUTH_FAILURES = counter("gate_auth_failures_total", ["auth", "reason"], "Requests that an auth did not let in.");
    DEPENDENCY_UP = gauge("gate_dependency_up", ["kind", "name"], "Whether a store or an issuer's keys can be had: 1 or 0.");
    CONNECTIONS = gauge("gate_connections", [], "Connections of clients that are open.");
    CONNECTIONS_ACCEPTED = counter("gate_connections_accepted_total", [], "Connections of clients that were taken in.");
    CONNECTIONS_REFUSED = counter("gate_connections_refused_total", [], "Connections that were closed at once, since too many are open.");
    HTTP2_CONNECTIONS = gauge("gate_http2_connections", [], "Connections of HTTP/2 that are open.");
    TUNNELS = gauge("gate_tunnels", [], "Tunnels that are open, such as WebSockets.");
    EVENT_LOOP_DELAY = histogram("gate_event_loop_delay_seconds", ["worker"], "How late a worker's timers are.");
    LOG_DROPPED = counter("gate_log_lines_dropped_total", [], "Lines of the access log that were dropped, since the output is too slow or fails.");
    RELOADS = counter("gate_reloads_total", ["outcome"], "Policies that took the place of another one, or were refused.");
    GENERATION = gauge("gate_generation", [], "The number of the policy in force.");
    CONFIG_INFO = gauge("gate_config_info", ["hash"], "The policy in force: 1.");
    BUILD_INFO = gauge("gate_build_info", ["version"], "The gateway's version: 1.");
    PROCESS_CPU = counter("process_cpu_seconds_total", [], "Time of the processor, in seconds.");
    PROCESS_RESIDENT = gauge("process_resident_memory_bytes", [], "Memory that is in use, in bytes.");
    PROCESS_VIRTUAL = gauge("process_virtual_memory_bytes", [], "Memory that was asked for, in bytes.");
    PROCESS_FDS = gauge("process_open_fds", [], "Files and sockets that are open.");
    PROCESS_FDS_MAX = gauge("process_max_fds", [], "Files and sockets that may be open.");
    PROCESS_THREADS = gauge("process_threads", [], "Threads.");
    PROCESS_START = gauge("process_start_time_seconds", [], "When the process began, in seconds since 1970.");
}
