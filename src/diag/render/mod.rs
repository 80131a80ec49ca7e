//! How findings are shown: graphical for people, plain for pipes and screen readers, JSON for programs,
//! SARIF and GitHub's workflow commands for what reads them.

mod excerpt;
mod github;
mod human;
mod json;
mod plain;
mod sarif;

use super::{Diagnostic, Sources};

/// What the output is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The user's lines with drawn labels.
    Human,
    /// The same words without colour or box drawing, one fact a line.
    Plain,
    /// One JSON object; see the language reference, "Diagnostics".
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// What the terminal can show; only [`Format::Human`] looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns before text is wrapped.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { width: 80, colour: false }
    }
}

/// The findings as text, each ending with a newline; in 80 columns, without colour.
#[must_use]
pub fn render(format: Format, sources: &Sources, found: &[Diagnostic]) -> String {
    render_for(Terminal::default(), format, sources, found)
}

/// The findings as text for a given terminal.
#[must_use]
pub fn render_for(terminal: Terminal, format: Format, sources: &Sources, found: &[Diagnostic]) -> String {
    match format {
        Format::Human => human::render(terminal, sources, found),
        Format::Plain => plain::render(sources, found),
        Format::Json => json::render(sources, found),
        Format::Sarif => sarif::render(sources, found),
        Format::Github => github::render(sources, found),
    }
}

#[cfg(test)]
mod tests;
