//! The page for people: three files that are part of the program. All that it shows it asks of the other endpoints.

use super::answer::Answered;
use super::desk::Desk;
use super::endpoints::Asked;
use crate::http::Reply;
use http::StatusCode;

/// Its text.
pub fn text(_: &Desk, _: &Asked) -> Answered {
    file("text/html; charset=utf-8", include_str!("page/page.html"))
}

/// How it looks.
pub fn style(_: &Desk, _: &Asked) -> Answered {
    file("text/css; charset=utf-8", include_str!("page/page.css"))
}

/// What it does.
pub fn script(_: &Desk, _: &Asked) -> Answered {
    file("text/javascript; charset=utf-8", include_str!("page/page.js"))
}

fn file(media_type: &'static str, text: &'static str) -> Answered {
    Ok(Reply::of(StatusCode::OK, media_type, text))
}
