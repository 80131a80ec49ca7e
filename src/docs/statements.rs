//! The statements of a checked policy as they are written, with their doc comments: what is in force on a route, in the
//! author's own words.

use crate::diag::{FileId, Report, Sources};
use crate::lang::expr::Secret;
use crate::syntax::ast::{Ast, Body, ClauseKind, Statement};
use crate::syntax::parse;

/// How deep `use` is followed: policies may use policies, and the checker has refused circles.
const USES_MAX: usize = 64;

/// The files of a policy, read again for what the program does not keep.
pub(super) struct Files<'s> {
    sources: &'s Sources,
    trees: Vec<Ast>,
}

/// A route's declaration and what stands around it.
pub(super) struct Declaration<'a> {
    /// The groups, outermost first.
    pub groups: Vec<&'a Statement>,
    /// The route.
    pub route: &'a Statement,
}

impl<'s> Files<'s> {
    /// Reads the sources again; they were checked, so there is nothing to find.
    pub fn new(sources: &'s Sources) -> Self {
        let mut report = Report::new();
        let trees = sources.iter().map(|(file, source)| parse(file, &source.text, &mut report)).collect();
        Self { sources, trees }
    }

    /// The main file: the first that was read.
    pub fn main(&self) -> &[Statement] {
        self.trees.iter().find(|tree| tree.file == FileId(0)).map_or(&[], |tree| tree.body.statements.as_slice())
    }

    /// The declarations of a word in the main file.
    pub fn declarations<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a Statement> {
        self.main().iter().filter(move |statement| statement.word.text == word)
    }

    /// The doc comment of a declaration, by the word and the name.
    pub fn docs(&self, word: &str, name: &str) -> Option<String> {
        let found = self.declarations(word).find(|statement| names(statement).any(|found| found == name))?;
        text_of_docs(found)
    }

    /// Every route of the main file in the order of the text, with its groups.
    pub fn routes(&self) -> Vec<Declaration<'_>> {
        let mut found = Vec::new();
        collect(self.main(), &mut Vec::new(), &mut found);
        found
    }

    /// What a route's statements of some words say, outermost first: of the gateway, the groups, the policies they use and
    /// the route itself.
    pub fn in_force<'a>(&'a self, declaration: &Declaration<'a>, words: &[&str]) -> Vec<&'a Statement> {
        let mut found = Vec::new();
        let gateway = self.declarations("gateway").chain(declaration.groups.iter().copied()).chain([declaration.route]);
        for level in gateway {
            self.level(level.block.as_ref(), words, 0, &mut found);
        }
        found
    }

    fn level<'a>(&'a self, body: Option<&'a Body>, words: &[&str], depth: usize, found: &mut Vec<&'a Statement>) {
        let Some(body) = body.filter(|_| depth < USES_MAX) else { return };
        for statement in body.statements.iter().filter(|statement| statement.word.text == "use") {
            self.level(self.policy(statement), words, depth + 1, found);
        }
        found.extend(body.statements.iter().filter(|statement| words.contains(&statement.word.text.as_str())));
    }

    /// The block of the policy that a `use` names, in this file or in an imported one.
    fn policy<'a>(&'a self, used: &Statement) -> Option<&'a Body> {
        let name = words(used).next()?;
        let statements = match name.split_once('.') {
            None => return block_of(self.main(), &name),
            Some((module, policy)) => (self.module(module)?, policy.to_owned()),
        };
        block_of(statements.0, &statements.1)
    }

    fn module(&self, name: &str) -> Option<&[Statement]> {
        let import = self.declarations("import").find(|statement| names(statement).any(|found| found == name))?;
        let file = import.clauses.iter().find_map(|clause| match &clause.kind {
            ClauseKind::Expr(expr) => expr.as_plain_text(),
            ClauseKind::Arrow(_) | ClauseKind::Assign(_) | ClauseKind::Annotation(_) | ClauseKind::Operator(_) => None,
        })?;
        let wanted = file.trim_start_matches("./");
        let (id, _) = self.sources.iter().find(|(_, source)| source.name.ends_with(wanted))?;
        self.trees.iter().find(|tree| tree.file == id).map(|tree| tree.body.statements.as_slice())
    }

    /// A statement on one line, as it was written.
    pub fn line(&self, statement: &Statement) -> String {
        let head = squeezed(self.sources.text(statement.head_span()));
        let inside: Vec<String> =
            statement.block.iter().flat_map(|block| &block.statements).map(|inner| squeezed(self.sources.text(inner.span))).collect();
        if inside.is_empty() { head } else { format!("{head} {{ {} }}", inside.join("; ")) }
    }

    /// The head of a statement behind its word, as it was written.
    pub fn rest(&self, statement: &Statement) -> String {
        let head = squeezed(self.sources.text(statement.head_span()));
        head.strip_prefix(statement.word.text.as_str()).unwrap_or(&head).trim().to_owned()
    }
}

fn collect<'a>(statements: &'a [Statement], groups: &mut Vec<&'a Statement>, found: &mut Vec<Declaration<'a>>) {
    for statement in statements {
        match statement.word.text.as_str() {
            "route" => found.push(Declaration { groups: groups.clone(), route: statement }),
            "group" => {
                groups.push(statement);
                if let Some(block) = &statement.block {
                    collect(&block.statements, groups, found);
                }
                groups.pop();
            }
            _ => {}
        }
    }
}

fn block_of<'a>(statements: &'a [Statement], policy: &str) -> Option<&'a Body> {
    let declared = |statement: &&Statement| statement.word.text == "policy" && words(statement).next().as_deref() == Some(policy);
    statements.iter().find(declared)?.block.as_ref()
}

/// The dotted names that a statement's head begins its clauses with; of a call its name.
fn words(statement: &Statement) -> impl Iterator<Item = String> {
    statement.clauses.iter().filter_map(|clause| match &clause.kind {
        ClauseKind::Expr(expr) => match &expr.kind {
            crate::syntax::ast::ExprKind::Term(term) => Some(term.path.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")),
            _ => None,
        },
        ClauseKind::Arrow(_) | ClauseKind::Assign(_) | ClauseKind::Annotation(_) | ClauseKind::Operator(_) => None,
    })
}

/// The names in a statement's head.
pub(super) fn names(statement: &Statement) -> impl Iterator<Item = String> {
    words(statement)
}

/// The first name in a statement's head.
pub(super) fn name(statement: &Statement) -> String {
    words(statement).next().unwrap_or_default()
}

/// A statement's doc comment.
pub(super) fn text_of_docs(statement: &Statement) -> Option<String> {
    (!statement.docs.is_empty()).then(|| statement.docs.join("\n"))
}

/// Where a secret comes from, never what it is.
pub(super) fn source(secret: &Secret) -> String {
    match secret {
        Secret::Env(name) => format!("`env(\"{name}\")`"),
        Secret::File(path) => format!("`file(\"{path}\")`"),
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
