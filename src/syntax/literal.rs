//! Where a bare word, number, address, path or URL ends: the shapes that the lexer needs to know so that a colon, a slash
//! or a brace inside them is no delimiter. Generous where the grammar is strict: the grammar has the last word.

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn skip(bytes: &[u8], at: usize, keep: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| keep(**byte)).count()
}

/// Letters, digits, dots, and dashes that a letter or digit follows.
pub(super) fn run_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        at = skip(bytes, at, is_word);
        let joint = skip(bytes, at, |byte| byte == b'-');
        let joint = if joint == at && byte(bytes, at) == b'.' { at + 1 } else { joint };
        if joint == at || !is_word(byte(bytes, joint)) {
            return at;
        }
        at = joint;
    }
}

/// An identifier, without dots.
fn ident_end(bytes: &[u8], start: usize) -> Option<usize> {
    if !matches!(byte(bytes, start), b'a'..=b'z' | b'A'..=b'Z' | b'_') {
        return None;
    }
    let mut at = start;
    loop {
        at = skip(bytes, at, is_word);
        let joint = skip(bytes, at, |byte| byte == b'-');
        if joint == at || !is_word(byte(bytes, joint)) {
            return Some(at);
        }
        at = joint;
    }
}

/// What may be a URL's scheme.
pub(super) fn scheme_end(bytes: &[u8], start: usize) -> usize {
    skip(bytes, start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// A word with what belongs to it: the port of a host, the rest of an address or digest, type arguments, a `?`.
pub(super) fn word_end(bytes: &[u8], start: usize) -> usize {
    if let Some(end) = ip_end(bytes, start) {
        return end;
    }
    let mut at = run_end(bytes, start);
    if byte(bytes, at) == b':' {
        let digits = skip(bytes, at + 1, |byte| byte.is_ascii_digit());
        let hex = skip(bytes, at + 1, |byte| byte.is_ascii_hexdigit());
        if hex - at > 32 {
            return hex;
        }
        if digits > at + 1 {
            return digits;
        }
    }
    if byte(bytes, at) == b'<' {
        at = type_arguments_end(bytes, at).unwrap_or(at);
    }
    if byte(bytes, at) == b'?' && byte(bytes, at + 1) != b'?' {
        at += 1;
    }
    at
}

/// `<str>`, `<list<str>?>`: two levels, without spaces.
fn type_arguments_end(bytes: &[u8], start: usize) -> Option<usize> {
    let optional = |at: usize| if byte(bytes, at) == b'?' { at + 1 } else { at };
    let mut at = ident_end(bytes, start + 1)?;
    if byte(bytes, at) == b'<' {
        at = optional(ident_end(bytes, at + 1)?);
        if byte(bytes, at) != b'>' {
            return None;
        }
        at += 1;
    }
    at = optional(at);
    (byte(bytes, at) == b'>').then_some(at + 1)
}

/// A number, with everything that may belong to its unit, rate, range, address or date.
pub(super) fn number_end(bytes: &[u8], start: usize) -> usize {
    if let Some(end) = ip_end(bytes, start) {
        return end;
    }
    let mut at = start;
    loop {
        at = skip(bytes, at, |byte| is_word(byte) || byte == b'%');
        let joint = match byte(bytes, at) {
            b'-' => skip(bytes, at, |byte| byte == b'-'),
            b'.' if byte(bytes, at + 1) == b'.' => at + 2,
            b'.' | b'/' | b':' => at + 1,
            _ => return at,
        };
        if !is_word(byte(bytes, joint)) {
            return at;
        }
        at = joint;
    }
}

/// `:8080`, `::1`, `::/0`.
pub(super) fn colon_end(bytes: &[u8], start: usize) -> Option<usize> {
    ip_end(bytes, start).or_else(|| {
        let end = skip(bytes, start + 1, |byte| byte.is_ascii_digit());
        (end > start + 1).then(|| run_end(bytes, end))
    })
}

/// An IPv6 address, with its prefix length if it has one.
fn ip_end(bytes: &[u8], start: usize) -> Option<usize> {
    let at = ipv6_end(bytes, start)?;
    let end = if byte(bytes, at) == b'/' { skip(bytes, at + 1, |byte| byte.is_ascii_digit()) } else { at };
    Some(if end == at + 1 { at } else { end })
}

fn ipv6_end(bytes: &[u8], start: usize) -> Option<usize> {
    let group = |at: usize| skip(bytes, at, |byte| byte.is_ascii_hexdigit());
    let mut at = start;
    let mut colons = 0;
    while colons < 7 {
        let end = group(at);
        if end - at > 4 || byte(bytes, end) != b':' {
            break;
        }
        at = end + 1;
        colons += 1;
    }
    let last = skip(bytes, at, |byte| byte.is_ascii_hexdigit() || byte == b'.');
    (colons >= 2).then_some(last)
}

/// `[::1]`
pub(super) fn bracketed_end(bytes: &[u8], start: usize) -> Option<usize> {
    if byte(bytes, start) != b'[' {
        return None;
    }
    let end = ipv6_end(bytes, start + 1)?;
    (byte(bytes, end) == b']').then_some(end + 1)
}

/// A bare path: its letters and its parameters.
pub(super) fn path_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        at = skip(bytes, at, is_path);
        match parameter_end(bytes, at) {
            Some(end) => at = end,
            None => return at,
        }
    }
}

fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'/' | b'-' | b'.' | b'_' | b'~' | b'%' | b'?' | b'=' | b'&' | b':' | b'@' | b'!' | b'$' | b'\'' | b'+' | b'#' | b'*'
        )
}

/// `{name}`, `{name:type}`, `{name:a|b}`, `{name:re"…"}`, without spaces.
fn parameter_end(bytes: &[u8], start: usize) -> Option<usize> {
    if byte(bytes, start) != b'{' {
        return None;
    }
    let mut at = ident_end(bytes, start + 1)?;
    if byte(bytes, at) == b':' {
        at = if bytes.get(at + 1..).is_some_and(|rest| rest.starts_with(b"re\"")) {
            regex_end(bytes, at + 1)?
        } else {
            skip(bytes, at + 1, |byte| is_word(byte) || matches!(byte, b'-' | b'.' | b'~' | b'|'))
        };
    }
    (byte(bytes, at) == b'}').then_some(at + 1)
}

/// The end of the `re"…"` at `start`, or nothing when its line ends first.
pub(super) fn regex_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 3;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\r' | b'\n' => return None,
            b'\\' if !matches!(byte(bytes, at + 1), b'\r' | b'\n') => at += 2,
            _ => at += 1,
        }
    }
}
