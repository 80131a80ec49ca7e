//! The one normalisation of a request's path: the matcher, the policies and the upstream see its result.
//!
//! Percent-encoded unreserved characters are decoded once, other escapes get upper-case digits, characters that a path
//! may not hold bare are encoded, dot segments are resolved and runs of `/` merged (RFC 3986 §6.2.2). A path that two
//! readers could take for different things is refused. The query stays as it was sent.

use http::uri::PathAndQuery;

/// A normalised target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// The path, and the query as sent.
    pub target: PathAndQuery,
    /// True when the path holds `%2F`, which only an upstream with `path encoded_slashes keep` may see.
    pub encoded_slash: bool,
}

/// Why a path was refused, for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Normalises the target of a request.
///
/// # Errors
/// When the path has a `%` that is no escape, a NUL, a backslash or an encoded one, a control character, or a dot
/// segment that hides before path parameters or an encoded slash (`..;x`, `..%2Fx`).
pub fn normalise(sent: &PathAndQuery) -> Result<Normalised, Malformed> {
    let (path, query) = (sent.path(), sent.query());
    if query.is_some_and(|query| query.bytes().any(|byte| byte <= b' ' || byte == 0x7f)) {
        return Err(Malformed("the query holds a control character"));
    }
    if is_normal(path.as_bytes()) {
        return Ok(Normalised { target: sent.clone(), encoded_slash: false });
    }
    let (decoded, encoded_slash) = decode(path.as_bytes())?;
    let mut target = resolve(&decoded)?;
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    let target = PathAndQuery::try_from(target).map_err(|_| Malformed("the path holds a character it must not"))?;
    Ok(Normalised { target, encoded_slash })
}

/// True when normalisation would change nothing: only path characters, every segment non-empty and none beginning with a dot.
fn is_normal(path: &[u8]) -> bool {
    let mut after_slash = false;
    for byte in path {
        match CLASSES.get(usize::from(*byte)) {
            Some(Class::Plain) => after_slash = false,
            Some(Class::Slash) if !after_slash => after_slash = true,
            Some(Class::Dot) if !after_slash => {}
            _ => return false,
        }
    }
    path.first() == Some(&b'/')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Stands for itself.
    Plain,
    Slash,
    Dot,
    /// Must be looked at.
    Other,
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~!$&'()*+,;=:@";
    let mut at = 0;
    while at < plain.len() {
        classes[plain[at] as usize] = Class::Plain;
        at += 1;
    }
    classes[b'/' as usize] = Class::Slash;
    classes[b'.' as usize] = Class::Dot;
    classes
};

/// Decodes what may be decoded; true beside it when an encoded slash is left.
fn decode(path: &[u8]) -> Result<(String, bool), Malformed> {
    let mut out = String::with_capacity(path.len() + 8);
    let mut encoded_slash = false;
    let mut rest = path.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            match CLASSES.get(usize::from(byte)) {
                Some(Class::Other) if byte == b'\\' => return Err(Malformed("the path holds a backslash")),
                Some(Class::Other) if byte < b' ' || byte == 0x7f => return Err(Malformed("the path holds a control character")),
                Some(Class::Other) => escape(byte, &mut out),
                _ => out.push(char::from(byte)),
            }
            continue;
        }
        let (Some(high), Some(low)) = (rest.next().and_then(hex), rest.next().and_then(hex)) else {
            return Err(Malformed("the path holds a `%` that is no escape"));
        };
        let octet = high << 4 | low;
        match octet {
            0 => return Err(Malformed("the path holds an encoded NUL")),
            b'\\' => return Err(Malformed("the path holds an encoded backslash")),
            b'/' => {
                encoded_slash = true;
                out.push_str("%2F");
            }
            _ if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') => out.push(char::from(octet)),
            _ => escape(octet, &mut out),
        }
    }
    Ok((out, encoded_slash))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn escape(octet: u8, out: &mut String) {
    out.push('%');
    for digit in [octet >> 4, octet & 15] {
        out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
    }
}

/// Resolves dot segments and merges runs of slashes (RFC 3986 §5.2.4).
fn resolve(path: &str) -> Result<String, Malformed> {
    let mut out = String::with_capacity(path.len() + 1);
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "" | "." if last => out.push('/'),
            "" | "." => {}
            ".." => {
                let parent = out.rfind('/').unwrap_or(0);
                out.truncate(parent);
                if last {
                    out.push('/');
                }
            }
            _ if hidden_dots(segment) => return Err(Malformed("the path hides a dot segment")),
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    if out.is_empty() {
        out.push('/');
    }
    Ok(out)
}

/// `..;x`: some servers cut the parameters off first and then take the step. `..%2Fx`: an upstream that keeps encoded
/// slashes may decode them, and then take it.
fn hidden_dots(segment: &str) -> bool {
    let name = |part: &str| part.split(';').next().and_then(|part| part.split("%3B").next()).is_some_and(|name| matches!(name, "." | ".."));
    segment.split("%2F").any(name)
}

#[cfg(test)]
mod tests {
    use super::{Malformed, normalise};
    use http::uri::PathAndQuery;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    fn path(text: &str) -> Result<String, Malformed> {
        normalise(&PathAndQuery::try_from(text).unwrap()).map(|normalised| normalised.target.as_str().to_owned())
    }

    #[test]
    fn a_normal_path_is_kept_as_it_is() {
        for text in ["/", "/a/b-c_d~e", "/a/", "/a.b/c..d", "/x?y=//../%zz", "/users/1:2@3"] {
            assert_eq!(path(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn unreserved_escapes_are_decoded_once_and_others_get_upper_case_digits() {
        assert_eq!(path("/%61%2d%7e/%c3%a9").as_deref(), Ok("/a-~/%C3%A9"));
        assert_eq!(path("/%2561").as_deref(), Ok("/%2561"));
        assert_eq!(path("/a|b").as_deref(), Ok("/a%7Cb"));
    }

    #[test]
    fn dot_segments_are_resolved_and_slashes_merged() {
        for (sent, seen) in [
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/../../x", "/x"),
            ("//a///b//", "/a/b/"),
            ("/a/.", "/a/"),
            ("/.hidden", "/.hidden"),
            ("/a/.?q", "/a/?q"),
            ("/a//..//b", "/b"),
        ] {
            assert_eq!(path(sent).as_deref(), Ok(seen), "{sent}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in [
            "/%",
            "/%4",
            "/%zz",
            "/%00",
            "/a\\b",
            "/%5c",
            "/%5Cx",
            "/..;/admin",
            "/a/.;x/b",
            "/%2e%2e;a/b",
            "/..%3bx",
            "/a/..%2fb",
            "/a%2f%2e%2e",
        ] {
            assert!(path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_encoded_slash_is_kept_and_flagged() {
        let normalised = normalise(&PathAndQuery::from_static("/a%2fb")).unwrap();
        assert_eq!((normalised.target.as_str(), normalised.encoded_slash), ("/a%2Fb", true));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "/[a-c./%;25eE~|]{0,24}") {
            if let Ok(once) = path(&text) {
                prop_assert_eq!(path(&once), Ok(once.clone()));
                prop_assert!(!once.contains("//") && !once.contains("/../") && !once.contains("/./"));
            }
        }
    }
}
