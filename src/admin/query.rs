//! The parameters of a request, which all stand in its query.

use super::answer::unclear;
use crate::http::Problem;
use percent_encoding::percent_decode_str;

/// The parameters that a request gives, each at most once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the text behind the `?`.
    ///
    /// # Errors
    /// When it holds something besides the parameters that are known, or one of them twice: what is misspelt must not be passed
    /// over, or a purge of one path becomes one of all.
    pub fn read(text: &str, known: &[&str]) -> Result<Self, Problem> {
        let mut found: Vec<(String, String)> = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !known.contains(&name.as_str()) {
                return Err(unclear(match known {
                    [] => format!("there is no parameter `{name}`: none is taken here"),
                    known => format!("there is no parameter `{name}`; there are {}", listed(known)),
                }));
            }
            if found.iter().any(|(before, _)| *before == name) {
                return Err(unclear(format!("`{name}` stands there twice")));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// The value of a parameter that is given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// All that is given.
    pub fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a parameter that must be given.
    ///
    /// # Errors
    /// When it is not; `such as` shows one.
    pub fn need(&self, name: &str, such_as: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| unclear(format!("`{name}` is missing, such as `?{name}={such_as}`")))
    }
}

/// Text without its percent-encoding.
///
/// # Errors
/// When what it stands for is no text.
pub fn decoded(text: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| unclear(format!("`{text}` is not UTF-8")))?;
    Ok(decoded.into_owned())
}

/// `` `a`, `b` ``
pub fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
