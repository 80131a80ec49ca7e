//! Statements read against their forms: which clause fills which slot. Types are not looked at here.

mod block;
mod faults;
mod node;
mod schema;

pub use node::{Given, Mode, Node, ScopeId};
pub use schema::Schema;

use crate::diag::{Code, Diagnostic, Report, Span};
use crate::lang::form::{Form, Kind, Mark, Merge, Place, Slot, Word};
use crate::syntax::ast::{Body, Clause, ClauseKind, Expr, ExprKind, Ident, Statement};
use faults::{named_not, pathward};
use node::Filled;
use std::collections::HashSet;

/// Reads statements, reporting what does not fit.
pub struct Reader<'s> {
    /// All statements.
    pub schema: &'s Schema,
    /// Where findings go.
    pub report: &'s mut Report,
    /// Words that stand where something not understood may have declared them.
    pub suspects: &'s mut HashSet<String>,
}

/// A statement's head, perhaps behind `override` or `drop`.
#[derive(Clone, Copy)]
struct Head<'a> {
    word: &'a Ident,
    clauses: &'a [Clause],
    block: Option<&'a Body>,
    docs: &'a [String],
    mode: Mode,
    lead: Span,
}

impl<'a> Head<'a> {
    fn span(&self) -> Span {
        self.clauses.last().map_or(self.word.span, |last| self.word.span.to(last.span))
    }
}

impl Reader<'_> {
    /// Reads the statements of a place.
    pub fn body<'a>(&mut self, body: &'a Body, place: Place, scope: ScopeId) -> (Vec<Node<'a>>, bool) {
        let mut damaged = body.damaged;
        let mut nodes: Vec<Node<'a>> = Vec::new();
        for statement in &body.statements {
            match self.statement(statement, place, scope) {
                Some(node) => nodes.push(node),
                None => damaged = true,
            }
        }
        self.said_twice(&nodes, place);
        (nodes, damaged)
    }

    fn statement<'a>(&mut self, statement: &'a Statement, place: Place, scope: ScopeId) -> Option<Node<'a>> {
        let head = self.head(statement)?;
        match self.schema.word(&head.word.text, place) {
            Some(word) => {
                self.mode_fits(&head, word)?;
                self.node(head, &word.form, scope)
            }
            None => {
                let known: Vec<&str> = self.schema.words().filter(|word| word.places.contains(&place)).map(|word| word.form.word).collect();
                self.unknown(&head, &known, place.within());
                None
            }
        }
    }

    /// Takes `override` and `drop` from the front.
    fn head<'a>(&mut self, statement: &'a Statement) -> Option<Head<'a>> {
        let plain = plain(statement);
        let Some((_, mode)) = Mode::WORDS.iter().find(|(word, _)| *word == statement.word.text) else { return Some(plain) };
        let inner = statement.clauses.split_first().and_then(|(first, rest)| match &first.kind {
            ClauseKind::Expr(expr) => expr.as_word().map(|word| (word, rest)),
            _ => None,
        });
        let Some((word, clauses)) = inner else {
            self.report.push(
                Diagnostic::new(Code::SchemaArity, format!("`{}` stands before a statement", statement.word.text))
                    .at(statement.word.span, "what does it apply to?")
                    .help(format!("write the statement behind it: `{} limit per_ip`", statement.word.text)),
            );
            return None;
        };
        Some(Head { word, clauses, mode: *mode, lead: statement.word.span.to(word.span.before()), ..plain })
    }

    /// `override` and `drop` stand where something outer can be loosened or removed, and nowhere else.
    fn mode_fits(&mut self, head: &Head<'_>, word: &Word) -> Option<()> {
        let name = word.form.word;
        let access = matches!(name, "auth" | "public");
        let inherited = word.places.contains(&Place::Group) || word.places.contains(&Place::Policy);
        let found = match head.mode {
            Mode::Plain => return Some(()),
            Mode::Override if access => return Some(()),
            Mode::Drop if inherited && !access && matches!(word.merge, Merge::Single | Merge::Keyed | Merge::Lines) => return Some(()),
            Mode::Override => Diagnostic::new(Code::PolicyNothingToOverride, format!("`{name}` takes no `override`"))
                .help("`override` stands before `auth` and `public`; of everything else the innermost is in force anyway"),
            Mode::Drop if access => Diagnostic::new(Code::PolicyNothingToDrop, format!("`{name}` cannot be dropped"))
                .help("write `override public \"why\"`, or `override auth NAME`"),
            Mode::Drop if word.merge == Merge::Fields => Diagnostic::new(Code::PolicyNothingToDrop, format!("`{name}` cannot be dropped"))
                .help("write its clauses again: the innermost of each is in force"),
            Mode::Drop => Diagnostic::new(Code::PolicyNothingToDrop, format!("`{name}` cannot be dropped"))
                .help("`drop` removes what is declared outside under a name, such as `drop limit per_ip`"),
        };
        self.suspect(head.clauses);
        self.report.push(found.at(head.word.span, "not this"));
        None
    }

    fn node<'a>(&mut self, head: Head<'a>, form: &'static Form, scope: ScopeId) -> Option<Node<'a>> {
        let mut node = Node::begun(head, form, scope);
        self.clauses(&mut node, head.clauses);
        if let Some(block) = head.block {
            self.block(&mut node, block);
        }
        if node.mode != Mode::Drop && !node.damaged {
            self.missing(&mut node);
        }
        self.repeated(&node);
        Some(node)
    }

    /// Reads a head: slots in their order, clauses in any.
    fn clauses<'a>(&mut self, node: &mut Node<'a>, clauses: &'a [Clause]) {
        if let Some(found) = named_not(node, clauses).or_else(|| pathward(node, clauses)) {
            node.damaged = true;
            self.report.push(found);
            return;
        }
        let rest = self.fill(node, clauses, 0, &[]);
        if let Some(first) = rest.first() {
            self.surplus(node, first);
        }
    }

    /// Fills slots from `next` on and reads clauses until something fits neither; returns what is left.
    /// `outer` are the clauses of the statement around this one: their words end an optional slot.
    fn fill<'a>(&mut self, node: &mut Node<'a>, mut clauses: &'a [Clause], mut next: usize, outer: &[&'static Form]) -> &'a [Clause] {
        let form = node.form;
        while let Some((first, rest)) = clauses.split_first() {
            let word = bare(first);
            let own = word.and_then(|word| form.child(&word.text));
            let stranger = word.is_some_and(|word| outer.iter().any(|form| form.child(&word.text).is_some()));
            let slot = form.slots.get(next..).and_then(|left| accepts(left, first)).map(|skip| next + skip);
            let named = slot.and_then(|at| form.slots.get(at)).is_some_and(|slot| {
                matches!(slot.kind, Kind::Name | Kind::Fixed(_))
                    || (!slot.optional && matches!(slot.kind, Kind::Declared(_)))
                    // `auth key NAME` is a kind of auth, although `key` is a clause as well.
                    || matches!(slot.kind, Kind::Word(words) if word.is_some_and(|word| words.contains(&word.text.as_str())))
            });
            if let (Some(child), false) = (own, named) {
                let Some(word) = word else { return clauses };
                let head = Head { word, clauses: &[], block: None, docs: &[], mode: Mode::Plain, lead: word.span.before() };
                let mut inner = Node::begun(head, child, node.scope);
                let mut around: Vec<&'static Form> = outer.to_vec();
                around.push(form);
                clauses = self.fill(&mut inner, rest, 0, &around);
                inner.span = clauses_end(inner.word, rest, clauses);
                if !inner.damaged {
                    self.missing(&mut inner);
                }
                node.damaged |= inner.damaged;
                node.children.push(inner);
                continue;
            }
            let Some(at) = slot.filter(|_| !stranger || named) else { return clauses };
            let Some(slot) = form.slots.get(at) else { return clauses };
            clauses = self.take(node, at, slot, clauses);
            next = at + 1;
        }
        clauses
    }

    /// Puts one clause, or all that belong together, into a slot.
    fn take<'a>(&mut self, node: &mut Node<'a>, at: usize, slot: &Slot, clauses: &'a [Clause]) -> &'a [Clause] {
        let Some((first, rest)) = clauses.split_first() else { return clauses };
        match &first.kind {
            ClauseKind::Annotation(name) => node.filled.push((at, Filled::Type(name))),
            ClauseKind::Operator(_) => {}
            ClauseKind::Expr(expr) | ClauseKind::Arrow(expr) | ClauseKind::Assign(expr) => {
                match slot.kind {
                    Kind::Word(words) => self.one_of(node, expr, words),
                    Kind::Fixed(_) => {}
                    Kind::Name | Kind::Value(_) | Kind::Path | Kind::Declared(_) | Kind::Methods | Kind::Rest(_) => {}
                }
                let several = match slot.kind {
                    Kind::Rest(_) => rest.len(),
                    Kind::Methods => rest.iter().take_while(|clause| clause.comma).count(),
                    _ => 0,
                };
                if matches!(slot.kind, Kind::Rest(_) | Kind::Methods) {
                    let more = rest.get(..several).unwrap_or_default();
                    let all = std::iter::once(first).chain(more).filter_map(expression).collect();
                    node.filled.push((at, Filled::Several(all)));
                    return rest.get(several..).unwrap_or_default();
                }
                node.filled.push((at, Filled::Expr(expr)));
            }
        }
        rest
    }
}

fn plain(statement: &Statement) -> Head<'_> {
    let Statement { word, clauses, block, docs, .. } = statement;
    Head { word, clauses, block: block.as_ref(), docs, mode: Mode::Plain, lead: word.span.before() }
}

fn expression(clause: &Clause) -> Option<&Expr> {
    match &clause.kind {
        ClauseKind::Expr(expr) | ClauseKind::Arrow(expr) | ClauseKind::Assign(expr) => Some(expr),
        ClauseKind::Annotation(_) | ClauseKind::Operator(_) => None,
    }
}

fn bare(clause: &Clause) -> Option<&Ident> {
    match &clause.kind {
        ClauseKind::Expr(expr) => expr.as_word(),
        _ => None,
    }
}

fn clauses_end(word: Span, all: &[Clause], left: &[Clause]) -> Span {
    let read = all.len().saturating_sub(left.len());
    all.get(..read).and_then(|read| read.last()).map_or(word, |last| word.to(last.span))
}

/// How many optional slots are passed over before one that takes the clause; none when no slot does.
fn accepts(slots: &[Slot], clause: &Clause) -> Option<usize> {
    for (skip, slot) in slots.iter().enumerate() {
        if fits(slot, clause) {
            return Some(skip);
        }
        if !slot.optional {
            return None;
        }
    }
    None
}

fn fits(slot: &Slot, clause: &Clause) -> bool {
    match (&clause.kind, slot.mark) {
        (ClauseKind::Arrow(_), Mark::Arrow) | (ClauseKind::Assign(_), Mark::Assign) | (ClauseKind::Annotation(_), Mark::Annotation) => true,
        (ClauseKind::Expr(expr), Mark::None) => match slot.kind {
            Kind::Fixed(word) => expr.as_word().is_some_and(|found| found.text == word),
            Kind::Word(words) if slot.optional => expr.as_word().is_some_and(|found| words.contains(&found.text.as_str())),
            Kind::Path if slot.optional => matches!(expr.kind, ExprKind::Path(_) | ExprKind::Regex(_)),
            Kind::Name | Kind::Value(_) | Kind::Word(_) | Kind::Methods | Kind::Path | Kind::Declared(_) | Kind::Rest(_) => true,
        },
        _ => false,
    }
}
