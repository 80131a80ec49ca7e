//! API keys: only their SHA-256 is kept. Keys are random and long, so a fast hash is enough; the lookup compares hashes.

use super::attribute;
use super::config::AttributeDecl;
use crate::http::{Attribute, Identity};
use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// Most keys of one auth.
const KEYS_MAX: usize = 1_000_000;

/// SHA-256 of a key.
pub type Hash = [u8; 32];

/// A key's hash and what is known of its owner.
pub type Entry = (Hash, Box<[Attribute]>);

/// The keys of one auth, by their hashes.
pub struct Keys {
    auth: u16,
    known: ArcSwap<HashMap<Hash, Arc<Identity>>>,
}

impl Keys {
    /// The keys of these lines.
    ///
    /// # Errors
    /// When there are more than a million, or two have the same hash.
    pub fn new(auth: u16, entries: Vec<Entry>) -> Result<Self, String> {
        if entries.len() > KEYS_MAX {
            return Err(format!("more than {KEYS_MAX} keys"));
        }
        let mut known = HashMap::with_capacity(entries.len());
        for (hash, attributes) in entries {
            let name = attributes.first().cloned();
            if known.insert(hash, Arc::new(Identity { auth, attributes })).is_some() {
                let name = match name {
                    Some(Attribute::Text(name)) => format!(" of `{name}`"),
                    _ => String::new(),
                };
                return Err(format!("the key{name} stands there twice"));
            }
        }
        Ok(Self { auth, known: ArcSwap::from_pointee(known) })
    }

    /// Whose key it is.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Arc<Identity>> {
        self.known.load().get(&hash(key)).cloned()
    }

    /// Makes one more key known, for `gate test`.
    pub fn admit(&self, key: &str, attributes: Box<[Attribute]>) {
        let identity = Arc::new(Identity { auth: self.auth, attributes });
        let hash = hash(key);
        self.known.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(hash, identity.clone());
            known
        });
    }
}

/// SHA-256 of a key.
#[must_use]
pub fn hash(key: &str) -> Hash {
    Sha256::digest(key.as_bytes()).into()
}

/// A hash as lines of keys have it: `sha256:HEX`.
#[must_use]
pub fn hash_text(hash: &Hash) -> String {
    use std::fmt::Write as _;
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads lines `NAME sha256:HEX [attribute=value …]`; `#` begins a comment.
///
/// # Errors
/// The number of the first bad line, from 1, and what is wrong with it; never the hash.
pub fn lines(text: &str, declared: &[AttributeDecl]) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for (number, line) in (1_usize..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        entries.push(entry(line, declared).map_err(|error| format!("line {number}: {error}"))?);
    }
    Ok(entries)
}

fn entry(line: &str, declared: &[AttributeDecl]) -> Result<Entry, String> {
    let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
    let name = words.next().unwrap_or_default();
    let hash = words.next().and_then(|word| word.strip_prefix("sha256:")).and_then(digest);
    let hash = hash.ok_or("`sha256:` and 64 hexadecimal digits are expected behind the name")?;
    let mut given: HashMap<&str, &str> = HashMap::new();
    for word in words {
        let (attribute, value) = word.split_once('=').ok_or("an attribute is written `name=value`")?;
        if declared.iter().skip(1).all(|known| known.name != attribute) {
            return Err(format!("no attribute is called `{attribute}`"));
        }
        if given.insert(attribute, value).is_some() {
            return Err(format!("`{attribute}` is given twice"));
        }
    }
    let attributes =
        identity(name, declared, |attribute| given.get(attribute.name.as_str()).map(|text| attribute::from_text(attribute, text)))?;
    Ok((hash, attributes))
}

/// The attributes of a key's owner: the name, then those that are given or have a default.
///
/// # Errors
/// When one has another type or is missing.
pub fn identity(
    name: &str,
    declared: &[AttributeDecl],
    given: impl Fn(&AttributeDecl) -> Option<Option<Attribute>>,
) -> Result<Box<[Attribute]>, String> {
    std::iter::once(Ok(Attribute::Text(name.into())))
        .chain(declared.iter().skip(1).map(|attribute| match given(attribute) {
            Some(Some(value)) => Ok(value),
            Some(None) => Err(format!("`{}` is no `{}`", attribute.name, attribute.expression_type().present())),
            None => attribute::missing(attribute).ok_or_else(|| format!("the attribute `{}` is missing", attribute.name)),
        }))
        .collect()
}

fn digest(hex: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}
