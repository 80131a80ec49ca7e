//! Which methods a route answers.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The methods that have a bit, in the order in which `Allow` names them.
const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// The bit of every method without one of its own.
const OTHER: u8 = 1 << 7;
const GET: u8 = 1;
const HEAD: u8 = 1 << 1;

/// A set of methods. GET brings HEAD with it, so a route that names HEAD alone lies inside one that names GET
/// and comes before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Methods {
    any: bool,
    bits: u8,
    others: Vec<String>,
}

/// A method that no route can take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MethodError {
    /// CONNECT or TRACE, which the gateway answers with 405 before any route.
    Refused(String),
    /// Not a token of RFC 9110 section 5.6.2, or not in upper case.
    NotAToken(String),
    /// No method at all.
    Empty,
}

impl fmt::Display for MethodError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(name) => write!(out, "`{name}` never reaches a route: the gateway answers it with 405"),
            Self::NotAToken(name) => write!(out, "`{name}` is no method"),
            Self::Empty => out.write_str("a route takes at least one method"),
        }
    }
}

impl std::error::Error for MethodError {}

impl Methods {
    /// Every method but CONNECT and TRACE.
    pub const ANY: Self = Self { any: true, bits: u8::MAX, others: Vec::new() };

    /// The set of the names; `ANY` is every method but CONNECT and TRACE.
    ///
    /// # Errors
    /// For the first name that no route can take.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, MethodError> {
        let mut set = Self::default();
        for name in names {
            match name {
                "ANY" => set = Self::ANY,
                "CONNECT" | "TRACE" => return Err(MethodError::Refused(name.to_owned())),
                _ if !is_token(name) => return Err(MethodError::NotAToken(name.to_owned())),
                _ => set.insert(name),
            }
        }
        if set.is_empty() { Err(MethodError::Empty) } else { Ok(set) }
    }

    fn insert(&mut self, name: &str) {
        if self.any {
            return;
        }
        match bit(name) {
            OTHER => {
                self.bits |= OTHER;
                if let Err(at) = self.others.binary_search_by(|other| other.as_str().cmp(name)) {
                    self.others.insert(at, name.to_owned());
                }
            }
            GET => self.bits |= GET | HEAD,
            known => self.bits |= known,
        }
    }

    /// True for no method at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// True for `ANY`.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.any
    }

    /// True when the set holds the method.
    #[inline]
    #[must_use]
    pub fn contains(&self, method: &str) -> bool {
        self.contains_bit(bit(method), method)
    }

    /// [`Methods::contains`], with the method's [`bit`] found before.
    #[inline]
    pub(super) fn contains_bit(&self, bit: u8, method: &str) -> bool {
        if bit == OTHER {
            return if self.any { !matches!(method, "CONNECT" | "TRACE") } else { self.others.iter().any(|other| other == method) };
        }
        self.bits & bit != 0
    }

    /// The bits of the set: a method can only be in it when its bit is.
    pub(super) fn bits(&self) -> u8 {
        self.bits
    }

    /// True when every method of this set is in the other.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        other.any || (!self.any && self.bits & !other.bits == 0 && self.others.iter().all(|name| other.others.contains(name)))
    }

    /// True when some method is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.bits & other.bits & !OTHER != 0
            || (self.any && other.bits & OTHER != 0)
            || (other.any && self.bits & OTHER != 0)
            || self.others.iter().any(|name| other.others.contains(name))
    }

    /// The methods of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.any || other.any {
            return Self::ANY;
        }
        let mut others = self.others.clone();
        others.extend(other.others.iter().cloned());
        others.sort_unstable();
        others.dedup();
        Self { any: false, bits: self.bits | other.bits, others }
    }

    /// The methods of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        match (self.any, other.any) {
            (true, _) => other.clone(),
            (false, true) => self.clone(),
            (false, false) => {
                let others: Vec<String> = self.others.iter().filter(|name| other.others.contains(name)).cloned().collect();
                let other_bit = if others.is_empty() { 0 } else { OTHER };
                Self { any: false, bits: (self.bits & other.bits & !OTHER) | other_bit, others }
            }
        }
    }

    /// The methods by name; those of `ANY` that have a name of their own in HTTP.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        KNOWN
            .iter()
            .enumerate()
            .filter(|(index, _)| self.bits & (1 << index) != 0)
            .map(|(_, name)| *name)
            .chain(self.others.iter().map(String::as_str))
    }

    /// The value of an `Allow` field (RFC 9110 section 10.2.1).
    #[must_use]
    pub fn allow_header(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }

    /// Larger for larger sets: a proper subset always has a smaller size.
    pub(super) fn size(&self) -> (bool, usize) {
        (self.any, (self.bits & !OTHER).count_ones() as usize + self.others.len())
    }
}

impl fmt::Display for Methods {
    /// As in a route's head: `GET,POST`; the HEAD that GET brings is not named.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.any {
            return out.write_str("ANY");
        }
        let implied = self.bits & GET != 0;
        let names: Vec<&str> = self.names().filter(|name| !(implied && *name == "HEAD")).collect();
        out.write_str(&names.join(","))
    }
}

impl Serialize for Methods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Methods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?.split(',')).map_err(serde::de::Error::custom)
    }
}

/// The method's own bit, or the one that stands for all others.
#[inline]
pub(super) fn bit(method: &str) -> u8 {
    match method {
        "GET" => GET,
        "HEAD" => HEAD,
        "POST" => 1 << 2,
        "PUT" => 1 << 3,
        "PATCH" => 1 << 4,
        "DELETE" => 1 << 5,
        "OPTIONS" => 1 << 6,
        _ => OTHER,
    }
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// True for the bit of one method alone.
#[inline]
pub(super) fn has_own(bit: u8) -> bool {
    bit != OTHER
}
