//! What is declared, and under which name it is found.

use super::want::Moment;
use crate::diag::Span;
use crate::lang::expr::Expr;
use crate::lang::form::Declared;
use crate::lang::missed::Missed;
use crate::lang::read::ScopeId;
use crate::lang::types::Type;
use crate::syntax::ast::Ident;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// A compile-time constant: a `let`, a `param`, or an argument of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Its value, or where the secret comes from.
    pub expr: Expr,
    /// Its type.
    pub ty: Type,
    /// Where it is declared.
    pub span: Span,
}

/// Names of one file, or of one use of a policy.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Where names not found here are looked up.
    pub parent: Option<ScopeId>,
    /// Constants.
    pub constants: HashMap<String, Constant>,
    /// Imported files, by the name they were given.
    pub imports: HashMap<String, ScopeId>,
    /// The folder relative file names start from.
    pub folder: PathBuf,
}

/// Something declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// Its place among the declarations of its kind.
    pub index: usize,
    /// Where its name stands.
    pub span: Span,
}

/// All names of a compilation.
#[derive(Debug, Default)]
pub struct Names {
    /// By [`ScopeId`].
    pub scopes: Vec<Scope>,
    /// Declarations of each file's scope.
    pub declared: HashMap<(Declared, ScopeId, String), Declaration>,
    /// When each flag is known, by its place among the declarations.
    pub flags: Vec<Moment>,
    /// What a share of each flag is of, by the same place; none for those that are the same for all.
    pub flag_keys: Vec<Option<Expr>>,
    /// Words of statements that were not understood: they may have been declarations.
    pub suspects: HashSet<String>,
    /// Where imported files were given their names.
    pub import_spans: HashMap<(ScopeId, String), Span>,
    /// Where claims and attributes are declared, by the place of their auth among the auths.
    pub attributes: HashMap<(u16, String), Span>,
    /// Where used names were declared.
    pub used: RefCell<HashSet<Span>>,
    /// Uses of names that are not declared, where one that is declared is near.
    pub missed: RefCell<Vec<Missed>>,
}

impl Names {
    /// The scope of an id.
    #[must_use]
    pub fn scope(&self, id: ScopeId) -> Option<&Scope> {
        self.scopes.get(id.0 as usize)
    }

    /// A scope and its parents, innermost first.
    pub fn chain(&self, id: ScopeId) -> impl Iterator<Item = (ScopeId, &Scope)> {
        std::iter::successors(self.scope(id).map(|scope| (id, scope)), |(_, scope)| {
            scope.parent.and_then(|parent| self.scope(parent).map(|found| (parent, found)))
        })
    }

    /// The constant of a name.
    #[must_use]
    pub fn constant(&self, id: ScopeId, name: &str) -> Option<&Constant> {
        let found = self.chain(id).find_map(|(_, scope)| scope.constants.get(name))?;
        self.used.borrow_mut().insert(found.span);
        Some(found)
    }

    /// The imported file of a name.
    #[must_use]
    pub fn import(&self, id: ScopeId, name: &str) -> Option<ScopeId> {
        let (home, found) = self.chain(id).find_map(|(home, scope)| Some((home, *scope.imports.get(name)?)))?;
        self.used.borrow_mut().extend(self.import_spans.get(&(home, name.to_owned())));
        Some(found)
    }

    /// The declaration that `name` or `module.name` means.
    #[must_use]
    pub fn declaration(&self, kind: Declared, id: ScopeId, path: &[Ident]) -> Option<(ScopeId, Declaration)> {
        let (home, name) = match path {
            [name] => (self.chain(id).last().map(|(id, _)| id)?, name),
            [module, name] => (self.import(id, &module.text)?, name),
            _ => return None,
        };
        let found = self.declared.get(&(kind, home, name.text.clone())).copied()?;
        self.used.borrow_mut().insert(found.span);
        Some((home, found))
    }
}
