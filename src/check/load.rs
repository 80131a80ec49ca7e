//! Files and the files they import, each once.

use crate::diag::{Code, Diagnostic, FileId, Report, Source, Sources, Span};
use crate::lang::read::ScopeId;
use crate::syntax;
use crate::syntax::ast::{Ast, Clause, ClauseKind, Ident};
use crate::syntax::load::Undecodable;
use std::path::{Component, Path, PathBuf};

/// Where files come from: the machine's, an editor's, a test's.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Those of reading it.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
}

/// A file that cannot be checked at all.
#[derive(Debug)]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub message: String,
    /// The same as a finding, with the file as far as it is text.
    pub found: Box<(Sources, Diagnostic)>,
}

impl LoadError {
    fn new(path: &Path, message: String) -> Self {
        let found = Diagnostic::new(Code::FileUnreadable, format!("`{}` cannot be read: {message}", path.display()));
        Self::of(path, "", 0, found, message)
    }

    fn undecodable(path: &Path, bytes: &[u8], error: &Undecodable) -> Self {
        let message = error.to_string();
        let found = Diagnostic::new(Code::FileUnreadable, format!("`{}` cannot be read: {message}", path.display()));
        match error {
            Undecodable::TooLarge { .. } => Self::of(path, "", 0, found, message),
            Undecodable::NotUtf8 { offset, .. } => {
                let rest = bytes.get(*offset..).unwrap_or_default();
                let line = memchr::memchr(b'\n', rest).and_then(|end| rest.get(..end)).unwrap_or(rest);
                let before = bytes.get(..*offset).and_then(|before| std::str::from_utf8(before).ok()).unwrap_or_default();
                let text = format!("{before}{}", String::from_utf8_lossy(line));
                Self::of(path, &text, *offset, found.help("save it as UTF-8"), message)
            }
        }
    }

    fn of(path: &Path, text: &str, offset: usize, found: Diagnostic, message: String) -> Self {
        let mut sources = Sources::new();
        let file = sources.add(Source::new(path.to_string_lossy().into_owned(), text));
        let end = text.get(offset..).and_then(|rest| rest.chars().next()).map_or(offset, |letter| offset + letter.len_utf8());
        let found = found.at(Span::new(file, offset, end), if offset < end { "this byte" } else { "" });
        Self { path: path.to_owned(), message, found: Box::new((sources, found)) }
    }
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.message)
    }
}

impl std::error::Error for LoadError {}

/// A file of the policy.
pub struct Module {
    /// Its tree.
    pub ast: Ast,
    /// Its folder.
    pub folder: PathBuf,
    /// The names of its own imports.
    pub imports: Vec<(Ident, ScopeId)>,
}

/// Most files of one policy.
const MODULES_MAX: usize = 1_000;

/// Loads a file and what it imports; imported files stand before those that import them, the main file is the last.
pub fn load(main: &Path, files: &dyn Files, sources: &mut Sources, report: &mut Report) -> Result<Vec<Module>, LoadError> {
    let text = text(main, files)?;
    let mut loader = Loader { files, sources, report, modules: Vec::new(), loaded: Vec::new(), open: Vec::new() };
    loader.module(main, text);
    Ok(loader.modules)
}

/// Names the folders from that of the main file.
pub fn from_main(modules: &mut [Module]) {
    let main = modules.last().map(|main| main.folder.clone()).unwrap_or_default();
    for module in modules {
        if let Ok(inside) = module.folder.strip_prefix(&main) {
            module.folder = inside.to_owned();
        }
    }
}

fn text(path: &Path, files: &dyn Files) -> Result<String, LoadError> {
    let bytes = files.read(path).map_err(|error| LoadError::new(path, error.to_string()))?;
    syntax::load::decode(bytes).map_err(|(error, bytes)| LoadError::undecodable(path, &bytes, &error))
}

struct Loader<'l> {
    files: &'l dyn Files,
    sources: &'l mut Sources,
    report: &'l mut Report,
    modules: Vec<Module>,
    loaded: Vec<(PathBuf, ScopeId)>,
    open: Vec<PathBuf>,
}

impl Loader<'_> {
    fn module(&mut self, path: &Path, text: String) -> ScopeId {
        let file: FileId = self.sources.add(Source::new(path.to_string_lossy().into_owned(), text.as_str()));
        let ast = syntax::parse(file, &text, self.report);
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        self.open.push(normal(path));
        let mut imports = Vec::new();
        for statement in ast.body.statements.iter().filter(|statement| statement.word.text == "import") {
            if let Some(file) = unnamed(&statement.clauses) {
                self.report.push(
                    Diagnostic::new(Code::TypeMismatch, "the name of a file is expected")
                        .at(file, "not a plain string")
                        .help("write `import \"file.gate\" as name`"),
                );
            } else if let Some((target, span, name)) = import(&statement.clauses)
                && let Some(scope) = self.import(&folder.join(target), target, span)
            {
                imports.push((name.clone(), scope));
            }
        }
        self.open.pop();
        self.modules.push(Module { ast, folder, imports });
        let scope = ScopeId(u32::try_from(self.modules.len() - 1).unwrap_or(u32::MAX));
        self.loaded.push((normal(path), scope));
        scope
    }

    fn import(&mut self, path: &Path, written: &str, span: Span) -> Option<ScopeId> {
        let name = normal(path);
        if let Some((_, scope)) = self.loaded.iter().find(|(loaded, _)| *loaded == name) {
            return Some(*scope);
        }
        if self.open.contains(&name) {
            let around = self.open.iter().skip_while(|open| **open != name).map(|open| format!("`{}`", open.display())).collect::<Vec<_>>();
            self.report.push(
                Diagnostic::new(Code::NameImportCycle, format!("`{written}` imports itself"))
                    .at(span, "leads back here")
                    .help(format!("the circle: {}; move what both need into a third file", around.join(" imports "))),
            );
            return None;
        }
        if self.modules.len() + self.open.len() >= MODULES_MAX {
            self.report.push(
                Diagnostic::new(Code::NameImportMissing, format!("a policy has at most {MODULES_MAX} files")).at(span, "one too many"),
            );
            return None;
        }
        match text(path, self.files) {
            Ok(text) => Some(self.module(path, text)),
            Err(LoadError { message, .. }) => {
                self.report.push(
                    Diagnostic::new(Code::NameImportMissing, format!("`{written}` cannot be read"))
                        .at(span, message)
                        .help("file names are relative to the file that says them"),
                );
                None
            }
        }
    }
}

/// The file and the name of an `import`, when it has its shape.
fn import(clauses: &[Clause]) -> Option<(&str, Span, &Ident)> {
    let [file, _, name] = clauses else { return None };
    match (&file.kind, &name.kind) {
        (ClauseKind::Expr(file), ClauseKind::Expr(name)) => Some((file.as_plain_text()?, file.span, name.as_word()?)),
        _ => None,
    }
}

/// What stands in the place of the file's name in an `import`, where it is none.
fn unnamed(clauses: &[Clause]) -> Option<Span> {
    match &clauses.first()?.kind {
        ClauseKind::Expr(file) if file.as_plain_text().is_none() => Some(file.span),
        _ => None,
    }
}

/// The path without `.` and, where that is possible, `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
