//! From a pattern's text to its segments.

use std::ops::Range;

use crate::route::dfa::{Universe, is_unreserved, stands_bare};
use crate::route::segment::{CHOICES_MAX, SegmentRegex, SegmentType};

use super::{End, PathRegex, Pattern, PatternError, PatternErrorKind, SEGMENTS_MAX, Segment};

/// Reads a whole pattern.
pub(super) fn pattern(text: &str) -> Result<Pattern, PatternError> {
    let mut segments = Vec::new();
    let mut at = 0;
    let end = loop {
        let rest = text.get(at..).unwrap_or_default();
        if rest.is_empty() && at > 0 {
            break End::Exact;
        }
        if rest.starts_with("re\"") {
            break End::Regex(path_regex(text, at)?);
        }
        if !rest.starts_with('/') {
            return Err(error(at..text.len(), PatternErrorKind::NoSlash));
        }
        if rest == "/" {
            break End::Slash;
        }
        if rest == "/**" {
            break End::Rest;
        }
        let (segment, next) = segment(text, at + 1)?;
        segments.push(segment);
        if segments.len() > SEGMENTS_MAX {
            return Err(error(at..text.len(), PatternErrorKind::TooLong));
        }
        at = next;
    };
    let pattern = Pattern { text: text.to_owned(), segments, end };
    refuse_duplicates(&pattern)?;
    Ok(pattern)
}

fn error(at: Range<usize>, kind: PatternErrorKind) -> PatternError {
    PatternError { at, kind }
}

fn path_regex(text: &str, at: usize) -> Result<PathRegex, PatternError> {
    let (source, after) = quoted(text, at)?;
    if after != text.len() {
        return Err(error(after..text.len(), PatternErrorKind::NoSlash));
    }
    PathRegex::new(source).map_err(|fault| PatternError::regex(at..after, fault))
}

/// The source of the `re"…"` at `at`, and where it ends. A backslash and what follows it are one pair.
fn quoted(text: &str, at: usize) -> Result<(&str, usize), PatternError> {
    let start = at + "re\"".len();
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Ok((text.get(start..offset).unwrap_or_default(), offset + 1)),
            _ => {}
        }
    }
    Err(error(at..text.len(), PatternErrorKind::Unclosed))
}

/// The segment at `start`, and where the next slash or the end is.
fn segment(text: &str, start: usize) -> Result<(Segment, usize), PatternError> {
    if text.get(start..).unwrap_or_default().starts_with('{') {
        let (segment, after) = parameter(text, start)?;
        let rest = text.get(after..).unwrap_or_default();
        if rest.is_empty() || rest.starts_with('/') || rest.starts_with("re\"") {
            return Ok((segment, after));
        }
        let end = after + rest.find('/').unwrap_or(rest.len());
        return Err(glued(text, start..end));
    }
    let rest = text.get(start..).unwrap_or_default();
    let slash = rest.find('/').unwrap_or(rest.len());
    let end = start + rest.find("re\"").map_or(slash, |regex| regex.min(slash));
    let written = text.get(start..end).unwrap_or_default();
    if written.contains('{') {
        return Err(glued(text, start..end));
    }
    if written.contains('*') {
        let kind = if written == "**" { PatternErrorKind::RestNotLast } else { PatternErrorKind::Star };
        return Err(error(start..end, kind));
    }
    if let Some(name) = written.strip_prefix(':').filter(|name| is_name(name)) {
        return Err(error(start..end, PatternErrorKind::Colon { name: name.to_owned() }));
    }
    Ok((Segment::Literal(literal(written, start)?), end))
}

fn glued(text: &str, at: Range<usize>) -> PatternError {
    let segment = text.get(at.clone()).unwrap_or_default().to_owned();
    error(at, PatternErrorKind::Glued { segment })
}

/// The parameter at `start`, and where its `}` ends.
fn parameter(text: &str, start: usize) -> Result<(Segment, usize), PatternError> {
    let inner = start + 1;
    let rest = text.get(inner..).unwrap_or_default();
    let Some(name_length) = rest.find([':', '}']) else { return Err(error(start..text.len(), PatternErrorKind::Unclosed)) };
    let name = rest.get(..name_length).unwrap_or_default();
    let name_end = inner + name_length;
    if !is_name(name) {
        return Err(error(start..name_end + 1, PatternErrorKind::BadName { written: name.to_owned() }));
    }
    let (kind, after) = match text.as_bytes().get(name_end) {
        Some(b':') => segment_type(text, name_end + 1)?,
        _ => (SegmentType::Any, name_end),
    };
    if text.as_bytes().get(after) != Some(&b'}') {
        return Err(error(start..after, PatternErrorKind::Unclosed));
    }
    Ok((Segment::Parameter { name: name.to_owned(), kind }, after + 1))
}

/// True for what the language calls a name.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        && !text.ends_with('-')
}

/// The type at `start`, and where the `}` after it is.
fn segment_type(text: &str, start: usize) -> Result<(SegmentType, usize), PatternError> {
    let rest = text.get(start..).unwrap_or_default();
    if rest.starts_with("re\"") {
        let (source, after) = quoted(text, start)?;
        let regex = SegmentRegex::new(source).map_err(|fault| PatternError::regex(start..after, fault))?;
        return Ok((SegmentType::Regex(regex), after));
    }
    let end = start + rest.find('}').unwrap_or(rest.len());
    let written = text.get(start..end).unwrap_or_default();
    if !written.contains('|') {
        let kind =
            SegmentType::named(written).ok_or_else(|| error(start..end, PatternErrorKind::UnknownType { word: written.to_owned() }))?;
        return Ok((kind, end));
    }
    let mut words = Vec::new();
    let mut at = start;
    for word in written.split('|') {
        if word.is_empty() || word.contains('/') || words.len() >= CHOICES_MAX {
            return Err(error(start..end, PatternErrorKind::BadChoice));
        }
        words.push(literal(word, at)?);
        at += word.len() + 1;
    }
    words.sort_unstable();
    words.dedup();
    Ok((SegmentType::Choice(words), end))
}

/// The literal as it stands in a normalised path; `start` is where it begins in the pattern.
fn literal(written: &str, start: usize) -> Result<String, PatternError> {
    let mut normal = String::with_capacity(written.len());
    let mut bytes = written.bytes().enumerate();
    let whole = start..start + written.len();
    while let Some((offset, byte)) = bytes.next() {
        match byte {
            b'%' => {
                let at = start + offset..(start + offset + 3).min(whole.end);
                let digits = written.get(offset + 1..offset + 3).unwrap_or_default();
                push_octet(&mut normal, digits, at)?;
                bytes.nth(1);
            }
            b'?' | b'#' => {
                let character = char::from(byte);
                return Err(error(start + offset..start + offset + 1, PatternErrorKind::NotPath { character }));
            }
            b'\\' => return Err(not_normal(start + offset..start + offset + 1, "\\", "a backslash in a path is refused")),
            _ if stands_bare(byte) => normal.push(char::from(byte)),
            _ => normal.push_str(&format!("%{byte:02X}")),
        }
    }
    match normal.as_str() {
        "" => Err(not_normal(start.saturating_sub(1)..start + 1, "//", "empty segments are merged")),
        "." | ".." => Err(not_normal(whole, written, "dot segments are resolved")),
        hidden if !Universe::Segment.contains(hidden.as_bytes()) => {
            Err(not_normal(whole, written, "a dot segment that hides before `;` is refused"))
        }
        _ => Ok(normal),
    }
}

fn push_octet(normal: &mut String, digits: &str, at: Range<usize>) -> Result<(), PatternError> {
    let written = format!("%{digits}");
    let octet = Some(digits)
        .filter(|digits| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u8::from_str_radix(digits, 16).ok());
    match octet {
        None => Err(not_normal(at, &written, "a `%` is followed by two hexadecimal digits")),
        Some(0) => Err(not_normal(at, &written, "NUL in a path is refused")),
        Some(b'/' | b'\\') => Err(not_normal(at, &written, "an encoded slash in a path is refused")),
        Some(octet) if is_unreserved(octet) => {
            normal.push(char::from(octet));
            Ok(())
        }
        Some(octet) => {
            normal.push_str(&format!("%{octet:02X}"));
            Ok(())
        }
    }
}

fn not_normal(at: Range<usize>, written: &str, why: &'static str) -> PatternError {
    error(at, PatternErrorKind::NotNormal { written: written.to_owned(), why })
}

fn refuse_duplicates(pattern: &Pattern) -> Result<(), PatternError> {
    let params = pattern.params();
    for (index, (name, _)) in params.iter().enumerate() {
        if params.iter().take(index).any(|(earlier, _)| earlier == name) {
            let at = second_place(&pattern.text, name);
            return Err(error(at, PatternErrorKind::DuplicateParameter { name: (*name).to_owned() }));
        }
    }
    Ok(())
}

/// Where a name that stands twice stands for the second time; a `/**` is its own name.
fn second_place(text: &str, name: &str) -> Range<usize> {
    let named = |opener: char| {
        text.match_indices(opener).map(|(at, _)| at + 1).filter(|at| {
            let rest = text.get(*at..).unwrap_or_default();
            rest.strip_prefix(name).is_some_and(|after| after.starts_with([':', '}', '>']))
        })
    };
    match named('{').chain(named('<')).nth(1) {
        Some(at) => at..at + name.len(),
        None => text.len().saturating_sub("/**".len())..text.len(),
    }
}
