//! What is said of a statement that does not fit its form.

use super::node::{Filled, Node};
use super::{Head, Reader, bare, expression};
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::lang::form::{Count, Kind, Merge, Place, Slot};
use crate::lang::usage::{list, somewhere, usage, what};
use crate::syntax::ast::{Clause, ClauseKind, Expr, ExprKind};
use crate::syntax::relative_socket;
use std::collections::HashMap;

impl Reader<'_> {
    /// What can be said once in a block is said once; named statements are told apart by their names elsewhere.
    pub(super) fn said_twice(&mut self, nodes: &[Node<'_>], place: Place) {
        let mut seen: HashMap<&'static str, Span> = HashMap::new();
        for node in nodes.iter().filter(|node| node.form.count != Count::Many) {
            let once = self.schema.word(node.form.word, place).is_some_and(|word| matches!(word.merge, Merge::Single | Merge::Fields));
            let before = seen.get(node.form.word).copied();
            match before.filter(|_| once) {
                Some(first) => self.report.push(
                    Diagnostic::new(Code::SchemaRepeated, format!("`{}` is written twice {}", node.form.word, place.within()))
                        .at(node.span, "here again")
                        .also(first, "first here")
                        .help("keep one of them"),
                ),
                None => {
                    seen.insert(node.form.word, node.span);
                }
            }
        }
    }

    pub(super) fn unknown(&mut self, head: &Head<'_>, known: &[&str], place: &str) {
        self.suspect(head.clauses);
        let word = &head.word.text;
        // Two words may be alike, such as `request` in tests and on routes: what is said of the one is no help with the other.
        let homes: Vec<String> = self.schema.homes(word).into_iter().filter(|home| home != place).collect();
        // One letter more or less makes it a word of this place.
        let here = near(word, known.iter().copied());
        let slip = here.filter(|near| near.distance == 1);
        if !homes.is_empty() && slip.is_none() {
            self.report.push(
                Diagnostic::new(Code::SchemaWrongBlock, format!("`{word}` has no meaning {place}"))
                    .at(head.word.span, "not here")
                    .help(format!("it belongs {}", somewhere(&homes))),
            );
            return;
        }
        let mut found =
            Diagnostic::new(Code::SchemaUnknownKey, format!("unknown word `{word}` {place}")).at(head.word.span, "not known here");
        let elsewhere = near(word, self.schema.words().map(|word| word.form.word));
        let elsewhere = elsewhere.filter(|other| slip.is_none() && here.is_none_or(|here| other.distance < here.distance));
        if let Some(other) = elsewhere {
            let homes = somewhere(&self.schema.homes(other.word));
            found = found.help(format!("did you mean `{}`? it belongs {homes}", other.word));
        } else if let Some(near) = here {
            found = found.meant(head.word.span, word, near.word, near.sure);
        } else if !known.is_empty() && known.len() <= 12 {
            found = found.help(format!("known here: {}", list(known)));
        }
        self.report.push(found);
    }

    /// Names in a head that was not understood count as declared.
    pub(super) fn suspect(&mut self, clauses: &[Clause]) {
        for clause in clauses {
            if let ClauseKind::Expr(expr) = &clause.kind
                && let Some(word) = expr.as_word()
            {
                self.suspects.insert(word.text.clone());
            }
        }
    }

    pub(super) fn one_of(&mut self, node: &mut Node<'_>, expr: &Expr, words: &'static [&'static str]) {
        let found = expr.as_word().map(|word| word.text.as_str());
        if found.is_some_and(|found| words.contains(&found)) {
            return;
        }
        node.damaged = true;
        let written = found.unwrap_or("this");
        let mut diagnostic = Diagnostic::new(Code::TypeEnum, format!("`{written}` is no choice for `{}`", node.form.word))
            .at(expr.span, format!("one of {}", list(words)));
        if let Some(near) = near(written, words.iter().copied()) {
            diagnostic = diagnostic.meant(expr.span, written, near.word, near.sure);
        }
        self.report.push(diagnostic);
    }

    pub(super) fn surplus(&mut self, node: &mut Node<'_>, clause: &Clause) {
        node.damaged = true;
        let form = node.form;
        if let ClauseKind::Operator(ident) = &clause.kind {
            self.report.push(operator(&ident.text, ident.span));
            return;
        }
        let asks = form.slots.iter().any(|slot| slot.kind == Kind::Value("a condition"));
        if let (ClauseKind::Assign(_), true) = (&clause.kind, asks) {
            // Half a condition is none.
            node.filled.clear();
            let sign = Span { end: clause.span.start + 1, ..clause.span };
            self.report.push(
                Diagnostic::new(Code::SyntaxUnexpected, "`=` compares nothing")
                    .at(sign, "gives a name its value, in `let` and in calls")
                    .help("equality is asked with `==`")
                    .fix("write `==`", vec![Edit { span: sign, text: "==".to_owned() }]),
            );
            return;
        }
        if let ClauseKind::Annotation(_) = &clause.kind
            && let Some(Filled::Expr(socket)) = node.filled.iter().map(|(_, filled)| filled).next_back()
            && socket.as_word().is_some_and(|word| word.text == "unix")
        {
            self.report.push(relative_socket(Code::TypeMismatch, socket.span.to(clause.span)));
            node.filled.clear();
            return;
        }
        if let Some(word) = bare(clause)
            && self.schema.words().any(|known| known.form.word == word.text)
        {
            self.report.push(
                Diagnostic::new(Code::SchemaArity, format!("`{}` does not take this", node.name))
                    .at(clause.span, "a statement of its own?")
                    .help(format!("a statement ends with its line or at a `;`: put one before `{}`", word.text)),
            );
            return;
        }
        let words: Vec<&str> = form.children.iter().map(|child| child.word).collect();
        if let Some(word) = bare(clause)
            && let Some(near) = near(&word.text, words.iter().copied())
        {
            self.report.push(
                Diagnostic::new(Code::SchemaUnknownKey, format!("unknown word `{}` in `{}`", word.text, form.word))
                    .at(word.span, "not known here")
                    .meant(word.span, &word.text, near.word, near.sure),
            );
            return;
        }
        if clause.comma && node.filled.last().and_then(|(at, _)| form.slots.get(*at)).is_some_and(|slot| what(slot).contains("a list")) {
            self.report.push(
                Diagnostic::new(Code::SchemaArity, format!("`{}` does not take this", node.name))
                    .at(clause.span, "several stand in a list")
                    .help(format!("put them in brackets: `{} [A, B]`", node.name)),
            );
            return;
        }
        let label = match &clause.kind {
            ClauseKind::Arrow(_) => "no `->` here",
            ClauseKind::Assign(_) => "no `=` here",
            ClauseKind::Annotation(_) => "no type here",
            ClauseKind::Expr(_) | ClauseKind::Operator(_) => "not expected here",
        };
        let found = Diagnostic::new(Code::SchemaArity, format!("`{}` does not take this", node.name)).at(clause.span, label);
        // Where there is but one clause, its word is what is missing.
        self.report.push(match (form.slots, form.children, &clause.kind) {
            ([], [only], ClauseKind::Expr(Expr { kind: ExprKind::Literal(..), span, .. })) => {
                let word = format!("{} ", only.word);
                found
                    .help(format!("its form is `{}`", usage(form)))
                    .fix(format!("write `{}` before it", only.word), vec![Edit { span: span.before(), text: word }])
            }
            _ => found.help(format!("its form is `{}`", usage(form))),
        });
    }

    pub(super) fn missing(&mut self, node: &mut Node<'_>) {
        for (at, slot) in node.form.slots.iter().enumerate() {
            let filled = node.filled.iter().any(|(filled, _)| *filled == at);
            if !filled && !slot.optional {
                node.damaged = true;
                self.report.push(arity_missing(node, slot, node.span));
                return;
            }
        }
        for child in node.form.children.iter().filter(|child| child.count == Count::Required) {
            if node.child(child.word).is_none() {
                node.damaged = true;
                self.report.push(
                    Diagnostic::new(Code::SchemaMissingKey, format!("`{}` needs `{}`", node.form.word, child.word))
                        .at(node.span, format!("without `{}`", child.word))
                        .help(format!("add `{}`: {}", usage(child), child.doc)),
                );
            }
        }
    }

    pub(super) fn repeated(&mut self, node: &Node<'_>) {
        for child in node.form.children.iter().filter(|child| child.count != Count::Many) {
            let mut written = node.children_of(child.word);
            if let (Some(first), Some(second)) = (written.next(), written.next()) {
                self.report.push(
                    Diagnostic::new(Code::SchemaRepeated, format!("`{}` is written twice in one `{}`", child.word, node.form.word))
                        .at(second.span, "here again")
                        .also(first.span, "first here")
                        .help("keep one of them"),
                );
            }
        }
    }
}

fn operator(word: &str, span: Span) -> Diagnostic {
    let found = Diagnostic::new(Code::NameReserved, format!("`{word}` is an operator and names nothing"));
    found.at(span, "an operator").help("choose another name")
}

/// `route not GET /a`: a `not` in the place of the name takes what follows with it.
pub(super) fn named_not(node: &Node<'_>, clauses: &[Clause]) -> Option<Diagnostic> {
    let [Slot { kind: Kind::Name, .. }, ..] = node.form.slots else { return None };
    let Expr { kind: ExprKind::Not(_), span, .. } = expression(clauses.first()?)? else { return None };
    let word = "not";
    Some(operator(word, Span::new(span.file, span.start as usize, span.start as usize + word.len())))
}

/// `route GET /a` and `route a /a`: what is missing is one word before the path, and all behind it is as it should be.
pub(super) fn pathward(node: &Node<'_>, clauses: &[Clause]) -> Option<Diagnostic> {
    let [Slot { kind: Kind::Name, .. }, Slot { kind: Kind::Methods, .. }, ..] = node.form.slots else { return None };
    let [first, second, ..] = clauses else { return None };
    let (word, path) = (bare(first)?, expression(second)?);
    if !matches!(path.kind, ExprKind::Path(_) | ExprKind::Regex(_)) {
        return None;
    }
    let methods = word.text.bytes().all(|byte| byte.is_ascii_uppercase());
    let (what, at) = if methods { ("a name before its methods", word.span) } else { ("methods before its path", path.span) };
    let help = if methods { "name it, as in `route show_user GET …`" } else { "write `GET`, `GET,POST` or `ANY` before the path" };
    Some(Diagnostic::new(Code::SchemaArity, format!("`{}` needs {what}", node.name)).at(at.before(), "missing here").help(help))
}

pub(super) fn arity_missing(node: &Node<'_>, slot: &Slot, span: Span) -> Diagnostic {
    for (at, filled) in &node.filled {
        let name = node.form.slots.get(*at).is_some_and(|slot| matches!(slot.kind, Kind::Name));
        if let (true, Filled::Expr(Expr { kind: ExprKind::Literal(_, text), span, .. })) = (name, filled) {
            let found = Diagnostic::new(Code::SchemaArity, format!("`{}` needs a name before `{text}`", node.name)).at(*span, "no name");
            return found.help(format!("its form is `{}`", usage(node.form)));
        }
        let status = node.form.slots.get(*at).is_some_and(|slot| what(slot).starts_with("a status"));
        if let (true, Filled::Expr(Expr { kind: ExprKind::Text(_) | ExprKind::Url(_) | ExprKind::Path(_), span, .. })) = (status, filled) {
            let found = Diagnostic::new(Code::SchemaArity, format!("`{}` needs a status before this", node.name)).at(*span, "no status");
            return found.help(format!("its form is `{}`", usage(node.form)));
        }
    }
    let found = Diagnostic::new(Code::SchemaArity, format!("`{}` needs {}", node.name, what(slot))).at(span.after(), "missing here");
    found.help(format!("its form is `{}`", usage(node.form)))
}
