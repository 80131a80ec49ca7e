//! The graphical form, drawn by miette. A report of miette has one source, so labels in further files follow in
//! reports of their own, before the help.

use super::Terminal;
use super::excerpt::{marked, place, visible};
use crate::diag::{Diagnostic, FileId, Label, Severity, Source, Sources, Span};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::borrow::Cow;
use std::fmt;

/// The longest stretch that two labels share one drawing of.
const LONGEST_DRAWING: usize = 4096;

pub(super) fn render(terminal: Terminal, sources: &Sources, found: &[Diagnostic]) -> String {
    let theme = if terminal.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(terminal.width)
        .with_links(false)
        .without_cause_chain()
        .without_syntax_highlighting();
    let mut out = String::new();
    let mut shown: Vec<Drawing<'_>> = Vec::new();
    for diagnostic in found {
        if !out.is_empty() {
            out.push('\n');
        }
        let files = files(diagnostic);
        for (at, file) in files.iter().enumerate() {
            if let Some(file) = file.filter(|file| shown.iter().all(|drawing| drawing.file != *file))
                && let Some(source) = sources.get(file)
            {
                shown.push(Drawing { file, source, text: visible(&source.text) });
            }
            let drawing = file.and_then(|file| shown.iter().find(|drawing| drawing.file == file));
            let report = Drawn { diagnostic, drawing, first: at == 0, last: at + 1 == files.len() };
            if handler.render_report(&mut out, &report).is_err() {
                out.push_str(&diagnostic.message);
                out.push('\n');
            }
        }
    }
    out
}

/// The files of a diagnostic's labels, the primary label's first; one `None` when it has no label.
fn files(diagnostic: &Diagnostic) -> Vec<Option<FileId>> {
    let mut files: Vec<Option<FileId>> = diagnostic.primary().map(|span| Some(span.file)).into_iter().collect();
    for label in &diagnostic.labels {
        if !files.contains(&Some(label.span.file)) {
            files.push(Some(label.span.file));
        }
    }
    if files.is_empty() {
        files.push(None);
    }
    files
}

/// A file as miette reads it: whole lines of safe characters.
struct Drawing<'a> {
    file: FileId,
    source: &'a Source,
    text: Cow<'a, str>,
}

impl SourceCode for Drawing<'_> {
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, after: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        if span.len() > LONGEST_DRAWING {
            return Err(MietteError::OutOfBounds);
        }
        let (start, end) = (span.offset(), span.offset() + span.len());
        let first = place(self.source, Span::new(self.file, start, end));
        let last = place(self.source, Span::new(self.file, end, end));
        // Asked without context, miette wants the place itself, for the line and column above the drawing.
        let (from, to) = if before + after == 0 { (start, end) } else { (first.shown.0, first.shown.1.max(last.shown.1)) };
        let data = self.text.get(from..to).ok_or(MietteError::OutOfBounds)?;
        let position = self.source.position(u32::try_from(from).unwrap_or(u32::MAX));
        Ok(Box::new(MietteSpanContents::new_named(
            self.source.name.to_string(),
            data.as_bytes(),
            (from, to - from).into(),
            position.line - 1,
            position.column - 1,
            data.lines().count().max(1),
        )))
    }
}

/// One report of miette's.
struct Drawn<'a> {
    diagnostic: &'a Diagnostic,
    drawing: Option<&'a Drawing<'a>>,
    first: bool,
    last: bool,
}

impl fmt::Debug for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.diagnostic, f)
    }
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.drawing {
            Some(drawing) if !self.first => write!(f, "and in {}", drawing.source.name),
            _ => f.write_str(&visible(&self.diagnostic.message)),
        }
    }
}

impl std::error::Error for Drawn<'_> {}

impl miette::Diagnostic for Drawn<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.first.then(|| Box::new(self.diagnostic.code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity() {
            _ if !self.first => miette::Severity::Advice,
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.diagnostic.help.as_deref().filter(|_| self.last)?;
        Some(Box::new(visible(help)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.drawing.map(|drawing| drawing as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let drawing = self.drawing?;
        let labels = self.diagnostic.labels.iter().filter(move |label| label.span.file == drawing.file);
        Some(Box::new(labels.map(move |label| labelled(drawing.source, label))))
    }
}

fn labelled(source: &Source, label: &Label) -> LabeledSpan {
    let span = marked(source, label);
    let text = (!label.text.is_empty()).then(|| visible(&label.text).into_owned());
    let place = (span.start as usize, span.len());
    if label.primary { LabeledSpan::new_primary_with_span(text, place) } else { LabeledSpan::new_with_span(text, place) }
}
