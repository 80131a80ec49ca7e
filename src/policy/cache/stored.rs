//! A response as it is stored.

use super::content::Content;
use super::epochs::Stamp;
use crate::http::caching::freshness::Freshness;
use super::vary::Selecting;
use crate::http::Source;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// What a stored response takes besides its text and its body.
const OVERHEAD: u64 = 512;
/// What a field takes besides its text.
const FIELD_OVERHEAD: usize = 64;

/// What of a response is stored besides its body.
#[derive(Debug, Clone)]
pub struct Head {
    /// Where it came from, as a purge names it.
    pub of: Arc<Of>,
    /// The status.
    pub status: StatusCode,
    /// The fields, without `Age`.
    pub headers: HeaderMap,
    /// Who made it.
    pub source: Source,
    /// Which requests it answers.
    pub selecting: Selecting,
    /// How fresh it is.
    pub freshness: Freshness,
    /// What was invalidated when it was asked for.
    pub stamp: Stamp,
}

/// Where a response came from.
#[derive(Debug, PartialEq, Eq)]
pub struct Of {
    /// The route's name.
    pub route: Arc<str>,
    /// The host.
    pub host: Arc<str>,
    /// The path, as it was asked for.
    pub path: String,
    /// The values of `by`, with a comma between them.
    pub key: String,
}

/// Fields that name the tags of a response.
const TAGS: &[(&str, char)] = &[("surrogate-key", ' '), ("cache-tag", ',')];

impl Head {
    /// True when the response has a tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        TAGS.iter().any(|(name, separator)| {
            let lines = self.headers.get_all(*name).iter().filter_map(|line| line.to_str().ok());
            lines.flat_map(|line| line.split(*separator)).any(|known| known.trim() == tag)
        })
    }
}

/// A response as it is stored.
#[derive(Debug)]
pub struct Stored {
    /// All but its body.
    pub head: Head,
    /// Its body.
    pub content: Content,
    /// The bytes it takes.
    pub size: u64,
}

impl Stored {
    /// A whole response that is stored by a key.
    #[must_use]
    pub fn new(head: Head, content: Content, key: &[u8]) -> Self {
        let fields: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD).sum();
        let text = fields + head.selecting.bytes() + head.of.path.len() + head.of.key.len() + key.len();
        let size = content.length() + text as u64 + OVERHEAD;
        Self { head, content, size }
    }
}
