//! Which requests a stored response answers besides the one it was fetched for: those whose fields that `Vary` names say the
//! same (RFC 9111 §4.1).

use crate::http::caching::directives::members;
use crate::http::forward;
use http::header::{ACCEPT_ENCODING, VARY};
use http::{HeaderMap, HeaderName};

/// Most fields that a response may vary by; one that names more is not kept.
const FIELDS_MAX: usize = 16;

/// Fields and what the request said in them, as one value each; none for a field that was not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selecting(Vec<(HeaderName, Option<Vec<u8>>)>);

impl Selecting {
    /// What selects a response among those of its key; none for one that answers no other request: `Vary: *`, no list of names, or
    /// the name of a field that the gateway itself writes for each request.
    #[must_use]
    pub fn of(response: &HeaderMap, request: &HeaderMap) -> Option<Self> {
        let mut fields: Vec<(HeaderName, Option<Vec<u8>>)> = Vec::new();
        for line in response.get_all(VARY) {
            for name in line.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                if name == "*" {
                    return None;
                }
                let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !forward::is_written_anew(name))?;
                if fields.iter().all(|(known, _)| *known != name) {
                    let value = normalised(&name, request);
                    fields.push((name, value));
                }
            }
        }
        (fields.len() <= FIELDS_MAX).then(|| {
            fields.sort_unstable_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
            Self(fields)
        })
    }

    /// True for a request that says the same.
    #[must_use]
    pub fn selects(&self, request: &HeaderMap) -> bool {
        self.0.iter().all(|(name, value)| *value == normalised(name, request))
    }

    /// Bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.as_str().len() + value.as_ref().map_or(0, Vec::len)).sum()
    }
}

/// What a request says in a field: its lines as one list, without the spaces that mean nothing; codings in lower case.
fn normalised(name: &HeaderName, request: &HeaderMap) -> Option<Vec<u8>> {
    let mut value: Option<Vec<u8>> = None;
    for line in request.get_all(name) {
        let value = value.get_or_insert_default();
        let mut add = |member: &[u8]| {
            if !value.is_empty() {
                value.push(b',');
            }
            value.extend_from_slice(member);
        };
        match std::str::from_utf8(line.as_bytes()) {
            Ok(line) => members(line).filter(|member| !member.is_empty()).for_each(|member| add(member.as_bytes())),
            // Where such a list has its commas is not for us to say: it is compared as it stands.
            Err(_) => add(line.as_bytes()),
        }
    }
    if *name == ACCEPT_ENCODING
        && let Some(value) = &mut value
    {
        value.retain(|byte| *byte != b' ');
        value.make_ascii_lowercase();
    }
    value
}
