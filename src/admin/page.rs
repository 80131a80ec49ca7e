//! The page for people: a few files that are part of the program. All that it shows it asks of the other endpoints.

use super::answer::{Answered, unknown};
use super::desk::Desk;
use super::endpoints::Asked;
use crate::http::Reply;
use http::StatusCode;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What the page is made of, as browsers take it: nothing is put together, so that what is sent is what is read here.
const FILES: &[(&str, &str, &str)] = &[
    ("page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("cells.js", SCRIPT, include_str!("page/cells.js")),
    ("course.js", SCRIPT, include_str!("page/course.js")),
    ("events.js", SCRIPT, include_str!("page/events.js")),
    ("figures.js", SCRIPT, include_str!("page/figures.js")),
    ("gateway.js", SCRIPT, include_str!("page/gateway.js")),
    ("generations.js", SCRIPT, include_str!("page/generations.js")),
    ("limits.js", SCRIPT, include_str!("page/limits.js")),
    ("notice.js", SCRIPT, include_str!("page/notice.js")),
    ("routes.js", SCRIPT, include_str!("page/routes.js")),
    ("status.js", SCRIPT, include_str!("page/status.js")),
    ("switches.js", SCRIPT, include_str!("page/switches.js")),
    ("tables.js", SCRIPT, include_str!("page/tables.js")),
    ("trace.js", SCRIPT, include_str!("page/trace.js")),
    ("upstreams.js", SCRIPT, include_str!("page/upstreams.js")),
    ("watch.js", SCRIPT, include_str!("page/watch.js")),
];

/// Its text.
pub fn text(_: &Desk, _: &Asked) -> Answered {
    Ok(Reply::of(StatusCode::OK, "text/html; charset=utf-8", include_str!("page/page.html")))
}

/// How it looks, and what it does.
pub fn file(_: &Desk, asked: &Asked) -> Answered {
    let found = FILES.iter().find(|(name, ..)| *name == asked.name);
    let (_, media_type, text) = found.ok_or_else(|| unknown(format!("the page has no file `{}`", asked.name)))?;
    Ok(Reply::of(StatusCode::OK, media_type, *text))
}
