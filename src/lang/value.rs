//! Values of the language, as the checker knows them at compile time.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Value {
    /// `none`
    None,
    /// `bool`
    Bool(bool),
    /// `int`: 64 bits, never negative.
    Int(u64),
    /// `str`, `method`, `host`, `path`, `url`, a word of an `enum`
    Text(Arc<str>),
    /// `duration`
    Duration(Duration),
    /// `size`, in bytes.
    Size(u64),
    /// `percent`
    Percent(Percent),
    /// `rate`
    Rate(Rate),
    /// `status`: a range of codes, both ends included (`404` is 404..=404, `2xx` is 200..=299).
    Status(u16, u16),
    /// `ip`
    Ip(IpAddr),
    /// `cidr`
    Network(IpNet),
    /// `range<T>`
    Range(Box<Value>, Box<Value>),
    /// `list<T>` and `set<T>`
    List(Vec<Value>),
}

/// A share, in hundredths of a percent: 25% is 2 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Percent(pub u32);

/// So many per so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// Requests, or bytes.
    pub count: u64,
    /// True when `count` is bytes (`10MiB/s`).
    pub bytes: bool,
    /// The period.
    pub per: Period,
}

/// The periods of rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    /// `/s`
    Second,
    /// `/min`
    Minute,
    /// `/h`
    Hour,
    /// `/d`
    Day,
    /// `/month`: 30 days.
    Month,
}

impl Period {
    /// Its length.
    #[must_use]
    pub fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Month => 30 * 86_400,
        })
    }

    /// As it is written behind the `/`.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "d",
            Self::Month => "month",
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}/{}", self.count, if self.bytes { "B" } else { "" }, self.per.unit())
    }
}
