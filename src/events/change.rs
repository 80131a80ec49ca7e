//! Everything that can happen to the gateway: one table of names, kinds, and what is a fault.

/// What an event is about; the words of `events post … on [kinds]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The gateway accepts requests.
    Startup,
    /// It has ended.
    Shutdown,
    /// It takes no new requests and finishes those under way.
    Drain,
    /// Another policy is in force, or was refused.
    Reload,
    /// How an upstream's targets are.
    Health,
    /// How an upstream's breaker stands.
    Breaker,
    /// A limit refuses requests.
    Limit,
    /// How a store is.
    Store,
    /// How the keys of an issuer are to be had.
    Jwks,
    /// Certificates were looked at again.
    Certificate,
    /// A route was closed for maintenance, or opened.
    Maintenance,
    /// A flag was turned.
    Flag,
    /// Something was dropped from the cache by hand.
    Purge,
    /// What has no other kind and should not be.
    Error,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Startup,
        Self::Shutdown,
        Self::Drain,
        Self::Reload,
        Self::Health,
        Self::Breaker,
        Self::Limit,
        Self::Store,
        Self::Jwks,
        Self::Certificate,
        Self::Maintenance,
        Self::Flag,
        Self::Purge,
        Self::Error,
    ];

    /// Its name, as it is written in a policy and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Shutdown => "shutdown",
            Self::Drain => "drain",
            Self::Reload => "reload",
            Self::Health => "health",
            Self::Breaker => "breaker",
            Self::Limit => "limit",
            Self::Store => "store",
            Self::Jwks => "jwks",
            Self::Certificate => "certificate",
            Self::Maintenance => "maintenance",
            Self::Flag => "flag",
            Self::Purge => "purge",
            Self::Error => "error",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The gateway accepts requests.
    Started,
    /// It has ended.
    Stopped,
    /// It takes no new requests.
    Draining,
    /// Another policy is in force.
    Reloaded,
    /// Another policy was broken; the old one stays.
    ReloadRefused,
    /// Probes find a target down.
    TargetDown,
    /// They find it well again.
    TargetUp,
    /// A target failed too many requests, and is left out for a while.
    TargetEjected,
    /// The name of a target, or of targets, cannot be looked up.
    TargetUnresolved,
    /// It can again.
    TargetResolved,
    /// No target is fit: all are tried.
    UpstreamPanic,
    /// One is fit again.
    UpstreamCalm,
    /// A breaker lets nothing through.
    BreakerOpened,
    /// It lets its probes through.
    BreakerHalfOpened,
    /// It lets all through again.
    BreakerClosed,
    /// A limit refuses requests; told once a minute while it does.
    LimitReached,
    /// A store does not answer: its limits are under `on_failure`.
    StoreDown,
    /// It answers again.
    StoreUp,
    /// An issuer's keys cannot be fetched; those that are kept stay in use.
    KeysMissing,
    /// They can again.
    KeysFetched,
    /// Changed certificates were put in force.
    CertificateRenewed,
    /// Changed certificates are broken; the old ones stay.
    CertificateRefused,
    /// A route was closed for maintenance, or opened, by hand.
    MaintenanceTurned,
    /// A flag was turned by hand.
    FlagTurned,
    /// Something was dropped from the cache by hand.
    CachePurged,
    /// Something went wrong that has no other name.
    Failed,
}

impl Change {
    /// Every change.
    pub const ALL: &[Self] = &[
        Self::Started,
        Self::Stopped,
        Self::Draining,
        Self::Reloaded,
        Self::ReloadRefused,
        Self::TargetDown,
        Self::TargetUp,
        Self::TargetEjected,
        Self::TargetUnresolved,
        Self::TargetResolved,
        Self::UpstreamPanic,
        Self::UpstreamCalm,
        Self::BreakerOpened,
        Self::BreakerHalfOpened,
        Self::BreakerClosed,
        Self::LimitReached,
        Self::StoreDown,
        Self::StoreUp,
        Self::KeysMissing,
        Self::KeysFetched,
        Self::CertificateRenewed,
        Self::CertificateRefused,
        Self::MaintenanceTurned,
        Self::FlagTurned,
        Self::CachePurged,
        Self::Failed,
    ];

    /// Its name in logs and JSON, its kind, and whether it says that something is not as it should be.
    const fn described(self) -> (&'static str, Kind, bool) {
        match self {
            Self::Started => ("started", Kind::Startup, false),
            Self::Stopped => ("stopped", Kind::Shutdown, false),
            Self::Draining => ("draining", Kind::Drain, false),
            Self::Reloaded => ("reloaded", Kind::Reload, false),
            Self::ReloadRefused => ("reload_refused", Kind::Reload, true),
            Self::TargetDown => ("target_down", Kind::Health, true),
            Self::TargetUp => ("target_up", Kind::Health, false),
            Self::TargetEjected => ("target_ejected", Kind::Health, true),
            Self::TargetUnresolved => ("target_unresolved", Kind::Health, true),
            Self::TargetResolved => ("target_resolved", Kind::Health, false),
            Self::UpstreamPanic => ("upstream_panic", Kind::Health, true),
            Self::UpstreamCalm => ("upstream_calm", Kind::Health, false),
            Self::BreakerOpened => ("breaker_opened", Kind::Breaker, true),
            Self::BreakerHalfOpened => ("breaker_half_opened", Kind::Breaker, false),
            Self::BreakerClosed => ("breaker_closed", Kind::Breaker, false),
            Self::LimitReached => ("limit_reached", Kind::Limit, false),
            Self::StoreDown => ("store_down", Kind::Store, true),
            Self::StoreUp => ("store_up", Kind::Store, false),
            Self::KeysMissing => ("keys_missing", Kind::Jwks, true),
            Self::KeysFetched => ("keys_fetched", Kind::Jwks, false),
            Self::CertificateRenewed => ("certificate_renewed", Kind::Certificate, false),
            Self::CertificateRefused => ("certificate_refused", Kind::Certificate, true),
            Self::MaintenanceTurned => ("maintenance_turned", Kind::Maintenance, false),
            Self::FlagTurned => ("flag_turned", Kind::Flag, false),
            Self::CachePurged => ("cache_purged", Kind::Purge, false),
            Self::Failed => ("failed", Kind::Error, true),
        }
    }

    /// Its name in logs and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.described().0
    }

    /// What it is about.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.described().1
    }

    /// True when something is not as it should be.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        self.described().2
    }
}
