//! Names that are used and not declared. Where a declaration is near that nobody uses, it is as likely that the declaration
//! is misspelt: the finding shows both, and several uses that agree are one finding.

use super::checker::{Checker, Names};
use super::form::Declared;
use super::read::ScopeId;
use crate::diag::suggest::{all_near, near};
use crate::diag::{Code, Diagnostic, Report, Span};
use crate::syntax::ast::Ident;
use std::collections::{BTreeMap, BTreeSet};

/// The use of a name that is not declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Where it is used.
    pub at: Span,
    /// The name.
    pub written: String,
    /// Declared names that are near, the nearest first, and where they are declared.
    pub near: Vec<(String, Span)>,
    /// True where nobody need use what is declared.
    pub idle: bool,
}

/// The most other uses of one misspelt name that are shown.
const SHOWN_MAX: usize = 3;

impl Names {
    /// Notes that a name was used that is none of the declared ones. Those of other files are for others to use as well.
    pub fn missed<'d>(&self, at: Span, written: &str, declared: impl IntoIterator<Item = (&'d str, Span)>) {
        self.note(at, written, declared, false);
    }

    /// The same of what is at work without being named: a route, a limit, a parameter that has a default.
    pub fn missed_idle<'d>(&self, at: Span, written: &str, declared: impl IntoIterator<Item = (&'d str, Span)>) {
        self.note(at, written, declared, true);
    }

    fn note<'d>(&self, at: Span, written: &str, declared: impl IntoIterator<Item = (&'d str, Span)>, idle: bool) {
        let declared: Vec<(&str, Span)> = declared.into_iter().filter(|(_, span)| span.file == at.file).collect();
        let near = all_near(written, declared.iter().map(|(name, _)| *name));
        let place = |name: &str| declared.iter().find(|(known, _)| *known == name).map(|(_, span)| (name.to_owned(), *span));
        let near: Vec<(String, Span)> = near.into_iter().filter_map(place).collect();
        let mut missed = self.missed.borrow_mut();
        if !near.is_empty() && !missed.iter().any(|known| known.at == at) {
            missed.push(Missed { at, written: written.to_owned(), near, idle });
        }
    }

    /// Notes that a declaration is used, wherever a name means it.
    pub fn put_to_use(&self, declared: Span) {
        self.used.borrow_mut().insert(declared);
    }
}

/// Once all uses are known: shows declarations that nobody uses beside uses of names that are near to theirs. What several
/// uses say alike is not put right use by use: their findings become one, with what the declaration says.
pub fn misspelt(names: &Names, report: &mut Report) {
    let used = names.used.borrow();
    let missed = names.missed.borrow();
    let mut meant: BTreeMap<Span, BTreeMap<&str, BTreeSet<Span>>> = BTreeMap::new();
    let mut of_use: BTreeMap<Span, (Span, &str, &Missed)> = BTreeMap::new();
    for use_of in missed.iter() {
        let Some((name, declared)) = use_of.near.iter().find(|(_, declared)| !used.contains(declared)) else { continue };
        meant.entry(*declared).or_default().entry(&use_of.written).or_default().insert(use_of.at);
        of_use.insert(use_of.at, (*declared, name, use_of));
    }
    if of_use.is_empty() {
        return;
    }
    report.revise(|found| {
        let about = matches!(
            found.code,
            Code::NameUnknown | Code::TypeUnknownClaim | Code::TypeParamUnknown | Code::TestImpossible | Code::PolicyArgUnknown
        );
        let Some((declared, name, use_of)) = found.primary().filter(|_| about).and_then(|at| of_use.get(&at)) else { return true };
        let by_name = meant.get(declared);
        let uses = by_name.and_then(|by_name| by_name.get(use_of.written.as_str())).into_iter().flatten();
        let others: Vec<Span> = uses.copied().filter(|at| Some(*at) != found.primary()).collect();
        let alone = by_name.is_some_and(|by_name| by_name.len() == 1);
        let mut shown = std::mem::replace(found, Diagnostic::new(found.code, ""))
            .also(*declared, format!("`{name}` is declared here{}", if use_of.idle { "" } else { " and used nowhere" }));
        if alone && let Some(first) = others.first() {
            if found_after(&shown, *first) {
                return false;
            }
            for other in others.iter().take(SHOWN_MAX) {
                shown = shown.also(*other, "used here as well");
            }
            shown = shown.help(format!("is its declaration misspelt? it says `{name}`"));
        }
        *found = shown;
        true
    });
}

/// True when another use stands before the finding's.
fn found_after(found: &Diagnostic, first: Span) -> bool {
    found.primary().is_some_and(|at| at > first)
}

impl Checker<'_> {
    /// Notes that an attribute of some auths is used.
    pub(super) fn put_to_use(&self, slots: &[(u16, u16)], name: &str) {
        let declared = slots.iter().filter_map(|(auth, _)| self.names.attributes.get(&(*auth, name.to_owned())));
        declared.for_each(|declared| self.names.put_to_use(*declared));
    }

    /// Notes that a parameter of the path is used.
    pub(super) fn put_param_to_use(&self, name: &str) {
        let written = self.facts.param_names.iter().filter(|(known, _)| known == name);
        written.for_each(|(_, span)| self.names.put_to_use(*span));
    }

    /// Notes that the path has no such parameter.
    pub(super) fn missed_param(&self, name: &str, span: Span) {
        self.names.missed(span, name, self.facts.param_names.iter().map(|(name, span)| (name.as_str(), *span)));
    }

    /// Notes that none of the auths in force declares an attribute.
    pub(super) fn missed_attribute(&self, name: &str, span: Span) {
        let auths: Vec<u16> = self.facts.attributes.iter().flat_map(|fact| &fact.slots).map(|(auth, _)| *auth).collect();
        let declared = self.names.attributes.iter().filter(|((auth, _), _)| auths.contains(auth));
        self.names.missed(span, name, declared.map(|((_, name), span)| (name.as_str(), *span)));
    }

    /// Notes that no imported file has the name that a module is asked for by.
    pub(super) fn missed_import(&self, module: &Ident, span: Span, scope: ScopeId) {
        let home = self.names.chain(scope).last().map(|(id, _)| id);
        let imports = self.names.import_spans.iter().filter(|((scope, _), _)| Some(*scope) == home);
        self.names.missed(span, &module.text, imports.map(|((_, name), span)| (name.as_str(), *span)));
    }

    /// The finding on a name that no declaration of a kind has.
    pub(super) fn unknown_name(&mut self, what: &str, path: &[Ident], span: Span, scope: ScopeId) {
        if path.iter().any(|part| self.names.suspects.contains(&part.text)) {
            return;
        }
        let written = path.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
        let mut found = Diagnostic::new(Code::NameUnknown, format!("no {what} is called `{written}`")).at(span, "not declared");
        let names = self.names;
        let module = match path {
            [module, _] => names.import(scope, &module.text),
            _ => None,
        };
        let home = module.or_else(|| names.chain(scope).last().map(|(id, _)| id));
        let declared = names.declared.iter().filter(|((kind, scope, _), _)| kind.word() == what && Some(*scope) == home);
        let declared: Vec<(&str, Span)> = declared.map(|((_, _, name), declaration)| (name.as_str(), declaration.span)).collect();
        let known = declared.iter().map(|(name, _)| *name);
        found = match (path, module) {
            ([within, name], Some(_)) => match near(&name.text, known) {
                Some(near) => found.maybe(&format!("{}.{}", within.text, near.word)),
                None => found.help(format!("no {what} of the file imported as `{}` is called so", within.text)),
            },
            _ => {
                match path {
                    [name] if what == Declared::Route.word() => names.missed_idle(span, &name.text, declared.iter().copied()),
                    [name] => names.missed(span, &name.text, declared.iter().copied()),
                    [module, _] => self.missed_import(module, span, scope),
                    _ => {}
                }
                match near(&written, known) {
                    Some(near) => found.maybe(near.word),
                    None if path.len() > 1 => {
                        found.help(format!("nothing is imported as `{}`", path.first().map_or("", |part| &part.text)))
                    }
                    None if what == Declared::Auth.word() && written == "none" => {
                        found.help("write `public \"why\"` for what everyone may call")
                    }
                    None if what == Declared::Route.word() => {
                        found.help("only declared routes can be named: correct the name, or take it out")
                    }
                    None if what == Declared::Auth.word() => found.help(format!("declare it, such as `auth jwt {written} {{ … }}`")),
                    None => found.help(format!("declare it: `{what} {written} {{ … }}`")),
                }
            }
        };
        self.report.push(found);
    }
}
