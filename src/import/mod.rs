//! Other gateways' files to a policy's text: OpenAPI documents, nginx configurations, Caddyfiles.
//!
//! Text in, text out. What a file says and the policy does not is listed, with its line and the reason: nothing is dropped in
//! silence. What would open a door when it is left out takes its route along. Knows no file, no schema and no program.

mod caddy;
mod draft;
mod nginx;
mod openapi;
mod patterns;
mod settle;
mod words;

use draft::Draft;

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An OpenAPI document of version 3.0 or 3.1, in JSON or YAML.
    OpenApi,
    /// An nginx configuration.
    Nginx,
    /// A Caddyfile.
    Caddy,
}

/// A policy made of another gateway's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The policy, formatted.
    pub policy: String,
    /// What it does not say, in the order of the file.
    pub left_out: Vec<LeftOut>,
}

/// Something that was not carried over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Its line, from 1.
    pub line: usize,
    /// What it is, in the file's own words.
    pub what: String,
    /// Why, or what stands for it.
    pub why: String,
}

/// Why a file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl Fault {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// What a text is, as far as its first words tell.
#[must_use]
pub fn guess(text: &str) -> Option<Kind> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines().next()?;
    if (first.starts_with('{') && text.contains("\"openapi\"")) || lines().any(|line| line.starts_with("openapi:")) {
        return Some(Kind::OpenApi);
    }
    if lines().any(|line| line.split('#').next().is_some_and(|code| code.trim_end().ends_with(';'))) {
        return Some(Kind::Nginx);
    }
    let caddy = ["reverse_proxy", "respond", "redir", "handle", "handle_path", "route", "file_server", "encode", "header"];
    lines().any(|line| line.split_whitespace().next().is_some_and(|word| caddy.contains(&word))).then_some(Kind::Caddy)
}

/// Makes a policy of a text.
///
/// # Errors
/// When the text is no such file.
pub fn import(kind: Kind, text: &str) -> Result<Imported, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut draft = Draft::default();
    match kind {
        Kind::OpenApi => openapi::read(text, &mut draft)?,
        Kind::Nginx => nginx::read(text, &mut draft)?,
        Kind::Caddy => caddy::read(text, &mut draft)?,
    }
    draft.print()
}
