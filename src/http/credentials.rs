//! Where credentials stand in messages: the one list of what logs, traces and hooks do not show.

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use percent_encoding::percent_decode_str;

/// What stands in the place of a credential.
pub const NOT_SHOWN: &str = "(not shown)";
/// The field in which keys come where nothing else is said.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The query parameter of RFC 6750 §2.3.
const ACCESS_TOKEN: &str = "access_token";

/// The names under which credentials come. Every cookie is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Fields.
    pub fields: Vec<HeaderName>,
    /// Parameters of the query, decoded.
    pub parameters: Vec<String>,
}

impl Credentials {
    /// Those that are known whatever a policy says.
    #[must_use]
    pub fn usual() -> Self {
        Self { fields: vec![AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE, API_KEY], parameters: vec![ACCESS_TOKEN.to_owned()] }
    }

    /// True for a field that holds one.
    #[must_use]
    pub fn has_field(&self, name: &HeaderName) -> bool {
        self.fields.contains(name)
    }

    /// True for a parameter of the query that does.
    #[must_use]
    pub fn has_parameter(&self, name: &str) -> bool {
        self.parameters.iter().any(|known| known == name)
    }

    /// The query without the parameters that hold credentials; none where nothing is left.
    #[must_use]
    pub fn left_out(&self, query: &str) -> Option<String> {
        let left: Vec<&str> = query.split('&').filter(|pair| !self.holds(pair)).collect();
        (!left.is_empty()).then(|| left.join("&"))
    }

    /// A target, a URL or any other text that may end in a query, with [`NOT_SHOWN`] for what credentials in it say.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        let Some((before, query)) = text.split_once('?') else { return text.to_owned() };
        let (query, fragment) = query.split_once('#').map_or((query, None), |(query, fragment)| (query, Some(fragment)));
        let masked = |pair: &str| match pair.split_once('=') {
            Some((name, _)) if self.holds(pair) => format!("{name}={NOT_SHOWN}"),
            Some(_) | None => pair.to_owned(),
        };
        let pairs: Vec<String> = query.split('&').map(masked).collect();
        let fragment = fragment.map_or_else(String::new, |fragment| format!("#{fragment}"));
        format!("{before}?{}{fragment}", pairs.join("&"))
    }

    /// True for a pair whose name, under whatever spelling, is that of a credential. A `+` is one to whoever looks for
    /// credentials, and a space to those that read forms.
    fn holds(&self, pair: &str) -> bool {
        let name = pair.split('=').next().unwrap_or_default();
        let is_one = |name: &str| self.has_parameter(&percent_decode_str(name).decode_utf8_lossy());
        is_one(name) || is_one(&name.replace('+', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;

    fn credentials() -> Credentials {
        Credentials { parameters: vec!["api_key".to_owned()], ..Credentials::default() }
    }

    #[test]
    fn a_credential_in_the_query_is_found_however_its_name_is_spelt() {
        let query = "x=1&api%5fkey=s&api_key=s&%61pi_key&apikey=2";
        assert_eq!(credentials().left_out(query).as_deref(), Some("x=1&apikey=2"));
        let masked = credentials().masked(&format!("/a?{query}#api_key=1"));
        assert_eq!(masked, "/a?x=1&api%5fkey=(not shown)&api_key=(not shown)&%61pi_key&apikey=2#api_key=1");
    }

    #[test]
    fn a_plus_in_a_name_hides_no_credential() {
        let of = |name: &str| Credentials { parameters: vec![name.to_owned()], ..Credentials::default() };
        assert_eq!(of("a+b").left_out("a+b=s&a%2Bb=s&x=1").as_deref(), Some("x=1"));
        assert_eq!(of("a b").left_out("a+b=s&a%20b=s&x=1").as_deref(), Some("x=1"));
    }

    #[test]
    fn a_query_of_credentials_alone_is_none() {
        assert_eq!(credentials().left_out("api_key=s"), None);
        assert_eq!(credentials().masked("/api_key=s"), "/api_key=s");
    }
}
