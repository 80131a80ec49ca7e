//! Puts pages in the place of errors.

use super::{Body, Config, PAGE_MAX};
use crate::http::{Body as Bytes, Exchange, Reply, Source};
use crate::lang::eval::Facts;
use crate::lang::expr::{Expr, Secret};
use crate::lang::value::Value;
use crate::policy::altered::altered;
use crate::policy::build::Purpose;
use crate::policy::stage::OnResponse;
use crate::policy::{Build, BuildError};
use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED};
use http::{HeaderValue, StatusCode};

/// What is said of the body that a page takes the place of.
const OF_THE_BODY: &[HeaderName] = &[CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE, ETAG, LAST_MODIFIED];

/// The response part.
pub(super) struct Pages(Vec<Page>);

struct Page {
    statuses: Vec<(u16, u16)>,
    upstream: bool,
    media_type: &'static str,
    content: Content,
}

enum Content {
    Ready(bytes::Bytes),
    Text(Expr),
}

impl Pages {
    /// The pages, files read.
    pub(super) fn new(config: &Config, build: &Build<'_>) -> Result<Self, BuildError> {
        let ready = |page: &super::Page| {
            let (media_type, content) = match &page.body {
                Body::Text(format, Expr::Const(Value::Text(text))) => (format.media_type(), Content::Ready(text.to_string().into())),
                Body::Text(format, text) => (format.media_type(), Content::Text(text.clone())),
                Body::File(path) => (media_type(path), Content::Ready(file(path, build)?)),
            };
            Ok(Page { statuses: page.statuses.clone(), upstream: page.upstream, media_type, content })
        };
        config.pages.iter().map(ready).collect::<Result<_, _>>().map(Self)
    }

    fn of(&self, status: StatusCode, source: Source) -> Option<&Page> {
        let code = status.as_u16();
        let fits = |page: &&Page| {
            let meant = match source {
                Source::Gateway => true,
                Source::Upstream => page.upstream,
                Source::Policy => false,
            };
            meant && page.statuses.iter().any(|(low, high)| (*low..=*high).contains(&code))
        };
        self.0.iter().rfind(fits)
    }
}

fn file(path: &str, build: &Build<'_>) -> Result<bytes::Bytes, BuildError> {
    let page = Secret::File(path.to_owned());
    let text = build.secrets.secret(&page, Purpose::Page)?;
    if text.len() > PAGE_MAX {
        let large = format!("the page `{path}` has {} bytes, more than {PAGE_MAX}", text.len());
        return Err(BuildError::unfit(Purpose::Page, &page, large));
    }
    Ok(text.into())
}

/// What a file is, by its name.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" | "htm" => "text/html; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        _ => "text/plain; charset=utf-8",
    }
}

impl OnResponse for Pages {
    fn response(&self, exchange: &Exchange, reply: &mut Reply) {
        let Some(page) = self.of(reply.status, reply.source) else { return };
        let body = match &page.content {
            Content::Ready(bytes) => bytes.clone(),
            Content::Text(text) => text.eval(Facts::request(exchange)).as_text().unwrap_or_default().into_owned().into(),
        };
        altered(&mut reply.headers);
        for name in OF_THE_BODY {
            reply.headers.remove(name);
        }
        reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.media_type));
        reply.body = Bytes::full(body);
    }
}
