//! What is declared and never used.

use super::declare::{FileNodes, declared_name};
use crate::diag::{Code, Diagnostic, Report};
use crate::lang::checker::Names;

/// Warns of unused declarations of the main file; imported files are shared, and others may use what this one does not.
pub fn unused(files: &[FileNodes<'_>], names: &Names, report: &mut Report) {
    // After an error, what looks unused may be used by what was not understood.
    if report.has_errors() {
        return;
    }
    let Some(main) = files.last() else { return };
    // A file that only declares is a module: what it declares is for the files that import it.
    if !main.nodes.iter().any(|node| matches!(node.form.word, "gateway" | "group" | "route")) {
        return;
    }
    let used = names.used.borrow();
    for node in &main.nodes {
        let what = match node.form.word {
            word @ ("let" | "param" | "upstream" | "auth" | "policy") => word,
            _ => continue,
        };
        if let Some(name) = declared_name(node)
            && !used.contains(&name.span)
        {
            report.push(
                Diagnostic::new(Code::NameUnused, format!("{what} `{}` is never used", name.text))
                    .at(name.span, "declared here")
                    .help("remove it, or put it to use"),
            );
        }
    }
}
