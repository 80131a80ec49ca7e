//! What is wrong outside a policy, shown at the policy's line that asks for it.

use crate::diag::{Diagnostic, Sources, Span};
use crate::lang::expr::Secret;
use crate::policy::BuildError;
use crate::policy::build::Warning;

/// A fault with its place.
pub fn fault(error: &BuildError, sources: &Sources) -> Diagnostic {
    at(Diagnostic::new(error.code, error.message.clone()), error.secret.as_ref(), sources, "asked for here")
}

/// Something weak with its place.
pub fn weakness(warning: &Warning, sources: &Sources) -> Diagnostic {
    let weak = Diagnostic::new(warning.code, warning.message.clone());
    match &warning.secret {
        Some(_) => at(weak, warning.secret.as_ref(), sources, "this key").help("`openssl rand -hex 32` prints one that is long enough"),
        None => weak,
    }
}

fn at(found: Diagnostic, secret: Option<&Secret>, sources: &Sources, text: &str) -> Diagnostic {
    match secret.and_then(|secret| place(secret, sources)) {
        Some(span) => found.at(span, text),
        None => found,
    }
}

/// Where a policy names a secret or file: the first `env("…")`, `file("…")` or `page("…")` outside comments that means it.
fn place(secret: &Secret, sources: &Sources) -> Option<Span> {
    match secret {
        Secret::Env(_) => named(secret, "env(\"", sources),
        Secret::File(_) => named(secret, "file(\"", sources).or_else(|| named(secret, "page(\"", sources)),
    }
}

fn named(secret: &Secret, open: &str, sources: &Sources) -> Option<Span> {
    sources.iter().find_map(|(file, source)| {
        source.text.match_indices(open).find_map(|(at, _)| {
            let rest = source.text.get(at + open.len()..)?;
            let name = rest.get(..rest.find(['"', '\n'])?)?;
            let line = source.text.get(..at)?.rsplit('\n').next()?;
            let meant = match secret {
                Secret::Env(known) => known == name,
                Secret::File(known) => !name.is_empty() && std::path::Path::new(known).ends_with(name),
            };
            (meant && !line.contains('#')).then(|| Span::new(file, at, at + open.len() + name.len() + "\")".len()))
        })
    })
}
