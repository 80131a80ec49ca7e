//! The block of a statement: its clauses and slots once more, a line each, and the statements it holds.

use super::faults::arity_missing;
use super::node::{Mode, Node};
use super::{Head, Reader, plain};
use crate::diag::{Code, Diagnostic};
use crate::lang::form::{Form, Kind, Merge, Slot};
use crate::lang::usage::usage;
use crate::syntax::ast::Body;

impl Reader<'_> {
    pub(super) fn block<'a>(&mut self, node: &mut Node<'a>, block: &'a Body) {
        let form = node.form;
        node.damaged |= block.damaged;
        if form.children.is_empty()
            && form.rows.is_none()
            && form.holds.is_none()
            && form.slots.iter().all(|slot| matches!(slot.kind, Kind::Name))
        {
            node.damaged = true;
            self.report.push(
                Diagnostic::new(Code::SchemaArity, format!("`{}` takes no block", node.name))
                    .at(block.span, "")
                    .help(format!("its form is `{}`", usage(form))),
            );
            return;
        }
        for statement in &block.statements {
            // A form with a clause of its own called `drop` means that one, and a row may be called so.
            let own = form.child(&statement.word.text).is_some() || (form.rows.is_some() && form.holds.is_none());
            let head = if own { Some(plain(statement)) } else { self.head(statement) };
            let Some(head) = head else {
                node.damaged = true;
                continue;
            };
            self.line(node, head);
        }
        if let Some(place) = form.holds {
            self.said_twice(&node.statements, place);
        }
    }

    /// One statement of a block: a clause, a slot by its name, a statement of the place, or a row.
    fn line<'a>(&mut self, node: &mut Node<'a>, head: Head<'a>) {
        let form = node.form;
        let word = head.word.text.as_str();
        if let Some(child) = form.child(word) {
            if head.mode != Mode::Plain && !(head.mode == Mode::Drop && self.schema.merge(form.word) == Some(Merge::Lines)) {
                node.damaged = true;
                self.clause_mode(&head, form);
                return;
            }
            match self.node(head, child, node.scope) {
                Some(inner) => {
                    node.damaged |= inner.damaged;
                    node.children.push(inner);
                }
                None => node.damaged = true,
            }
            return;
        }
        let slot = form.slots.iter().enumerate().find(|(_, slot)| slot.name == word && !matches!(slot.kind, Kind::Name | Kind::Fixed(_)));
        if let (Some((at, slot)), None) = (slot, form.holds) {
            self.slot_line(node, at, slot, head);
            return;
        }
        if let Some(place) = form.holds {
            match self.schema.word(word, place) {
                Some(found) => match self.mode_fits(&head, found).and_then(|()| self.node(head, &found.form, node.scope)) {
                    Some(inner) => node.statements.push(inner),
                    None => node.damaged = true,
                },
                None if slot.is_some() => {
                    node.damaged = true;
                    self.report.push(
                        Diagnostic::new(Code::SchemaWrongBlock, format!("`{word}` has no meaning {}", place.within()))
                            .at(head.word.span, "not here")
                            .help(format!("it stands in the head: `{}`", usage(form))),
                    );
                }
                None => {
                    node.damaged = true;
                    let known: Vec<&str> = self
                        .schema
                        .words()
                        .filter(|found| found.places.contains(&place))
                        .map(|found| found.form.word)
                        .chain(form.children.iter().map(|child| child.word))
                        .collect();
                    self.unknown(&head, &known, place.within());
                }
            }
            return;
        }
        if let Some(row) = form.rows {
            match self.node(head, row, node.scope) {
                Some(inner) => {
                    node.damaged |= inner.damaged;
                    node.children.push(inner);
                }
                None => node.damaged = true,
            }
            return;
        }
        node.damaged = true;
        let open = |(at, slot): (usize, &Slot)| {
            let said = matches!(slot.kind, Kind::Name | Kind::Fixed(_)) || node.filled.iter().any(|(filled, _)| *filled == at);
            (!said).then_some(slot.name)
        };
        let known: Vec<&str> = form.children.iter().map(|child| child.word).chain(form.slots.iter().enumerate().filter_map(open)).collect();
        self.unknown(&head, &known, &format!("in `{}`", form.word));
    }

    fn clause_mode(&mut self, head: &Head<'_>, form: &Form) {
        let (code, mode) = match head.mode {
            Mode::Drop => (Code::PolicyNothingToDrop, "drop"),
            Mode::Override | Mode::Plain => (Code::PolicyNothingToOverride, "override"),
        };
        self.report.push(
            Diagnostic::new(code, format!("a clause of `{}` takes no `{mode}`", form.word))
                .at(head.word.span, "a clause, not a statement")
                .help(format!("write the `{}` as it is to be here", form.word)),
        );
    }

    fn slot_line<'a>(&mut self, node: &mut Node<'a>, at: usize, slot: &Slot, head: Head<'a>) {
        if node.filled.iter().any(|(filled, _)| *filled == at) {
            node.damaged = true;
            self.report.push(
                Diagnostic::new(Code::SchemaRepeated, format!("`{}` of `{}` is given twice", slot.name, node.name))
                    .at(head.word.span, "here again")
                    .also(node.span_of(slot.name), "first here")
                    .help("keep one of them"),
            );
            return;
        }
        if head.clauses.is_empty() {
            node.damaged = true;
            self.report.push(arity_missing(node, slot, head.word.span));
            return;
        }
        let rest = self.take(node, at, slot, head.clauses);
        // `rate 50/s burst 100` in the block: what follows belongs to the statement, as in its head.
        let rest = self.fill(node, rest, at + 1, &[]);
        if let Some(first) = rest.first() {
            self.surplus(node, first);
        }
    }
}
