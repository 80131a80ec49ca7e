//! Which requests a stored response answers besides the one it was fetched for: those whose fields that `Vary` names say the
//! same (RFC 9111 §4.1).

use crate::http::caching::directives::members;
use crate::http::forward;
use http::header::{ACCEPT_ENCODING, VARY};
use http::{HeaderMap, HeaderName};

/// Most fields that a response may vary by; one that names more is not kept.
const FIELDS_MAX: usize = 16;

/// Fields and what the request said in them, as one text each; none for a field that was not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selecting(Vec<(HeaderName, Option<String>)>);

impl Selecting {
    /// What selects a response among those of its key; none for one that answers no other request: `Vary: *`, no list of names, or
    /// the name of a field that the gateway itself writes for each request.
    #[must_use]
    pub fn of(response: &HeaderMap, request: &HeaderMap) -> Option<Self> {
        let mut fields: Vec<(HeaderName, Option<String>)> = Vec::new();
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
        self.0.iter().map(|(name, value)| name.as_str().len() + value.as_ref().map_or(0, String::len)).sum()
    }
}

/// What a request says in a field: its lines as one list, without the spaces that mean nothing; codings in lower case.
fn normalised(name: &HeaderName, request: &HeaderMap) -> Option<String> {
    let mut value: Option<String> = None;
    for line in request.get_all(name) {
        let line = String::from_utf8_lossy(line.as_bytes());
        let value = value.get_or_insert_default();
        for member in members(&line).filter(|member| !member.is_empty()) {
            if !value.is_empty() {
                value.push(',');
            }
            value.push_str(member);
        }
    }
    if *name == ACCEPT_ENCODING
        && let Some(value) = &mut value
    {
        value.retain(|character| character != ' ');
        value.make_ascii_lowercase();
    }
    value
}
