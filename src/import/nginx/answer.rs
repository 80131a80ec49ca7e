//! What nginx answers by itself: `return`, and redirects.

use super::level::Level;
use super::tokens::Directive;
use super::values;

/// A redirect to a text with variables.
pub(super) fn redirect(status: u16, url: &str, captures: &[String]) -> Result<String, String> {
    if !url.starts_with("http://") && !url.starts_with("https://") && !url.starts_with('/') && !url.starts_with("$scheme://") {
        return Err("a redirect leads to a URL or to a path".to_owned());
    }
    // Behind a plain listener the scheme is the one that the client used.
    let url = url.replacen("$scheme://", "http://", 1);
    Ok(format!("redirect {status} {}", values::url(&url, captures)?))
}

/// `return` as what answers.
pub(super) fn answer_at_once(directive: &Directive, level: &Level, captures: &[String]) -> Result<Vec<String>, String> {
    let (first, second) = (directive.word(0), directive.word(1));
    let Ok(status) = first.parse::<u16>() else { return Ok(vec![redirect(302, first, captures)?]) };
    match status {
        301 | 302 | 303 | 307 | 308 => Ok(vec![redirect(status, second, captures)?]),
        204 => Ok(vec!["respond 204".to_owned()]),
        // What it stands for is listed.
        444 => Ok(vec!["respond 404".to_owned()]),
        200..=599 if status != 304 && second.is_empty() => Ok(vec![format!("respond {status}")]),
        200..=599 if status != 304 => {
            let json = level.media_type.contains("json") && serde_json::from_str::<serde::de::IgnoredAny>(second).is_ok();
            let format = if json {
                "json"
            } else if level.media_type.contains("html") {
                "html"
            } else {
                "text"
            };
            Ok(vec![format!("respond {status} {format} {}", values::string(second, captures)?)])
        }
        _ => Err("no status that can be answered".to_owned()),
    }
}
