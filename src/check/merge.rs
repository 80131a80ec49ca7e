//! Inheritance: the statements of all levels brought together, each word in its own way.

use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Edit, Report};
use crate::lang::Node;
use crate::lang::form::{Merge, Word};
use crate::lang::read::Mode;
use crate::policy::Effective;
use crate::syntax::ast::{Expr, ExprKind};

/// The statements of these words that are in force, outermost level first.
pub fn merged<'a>(levels: &[&[Effective<'a>]], words: &[Word], report: &mut Report) -> Vec<Effective<'a>> {
    let mut out = Vec::new();
    for word in words {
        let written = levels.iter().flat_map(|level| level.iter()).filter(|statement| statement.node.form.word == word.form.word);
        match word.merge {
            Merge::Conjunctive => out.extend(written.cloned()),
            Merge::Lines => out.extend(lines(&written.collect::<Vec<_>>())),
            Merge::Single => out.extend(single(written, report)),
            Merge::Keyed => out.extend(keyed(written, report)),
            Merge::Fields => {
                let all: Vec<&Effective<'a>> = written.collect();
                let nodes: Vec<&Node<'a>> = all.iter().map(|statement| &statement.node).collect();
                if let (Some(node), Some(last)) = (fields(&nodes), all.last()) {
                    out.push(Effective { node, site: last.site.clone() });
                }
            }
        }
    }
    out
}

fn single<'a, 's>(written: impl Iterator<Item = &'s Effective<'a>>, report: &mut Report) -> Option<Effective<'a>>
where
    'a: 's,
{
    let mut found: Option<&Effective<'a>> = None;
    for statement in written {
        if statement.node.mode == Mode::Drop {
            if found.is_none() {
                nothing_to_drop(statement, &[], report);
            }
            found = None;
        } else {
            found = Some(statement);
        }
    }
    found.cloned()
}

fn keyed<'a, 's>(written: impl Iterator<Item = &'s Effective<'a>>, report: &mut Report) -> Vec<Effective<'a>>
where
    'a: 's,
{
    let mut found: Vec<(String, Effective<'a>)> = Vec::new();
    for statement in written {
        let name = key(&statement.node);
        let before = found.iter().position(|(known, _)| *known == name);
        match (before, statement.node.mode) {
            (Some(at), Mode::Drop) => {
                found.remove(at);
            }
            (None, Mode::Drop) => nothing_to_drop(statement, &found, report),
            (Some(at), _) => {
                if let Some(place) = found.get_mut(at) {
                    if place.1.site == statement.site && !std::ptr::eq(&place.1, statement) {
                        report.push(
                            Diagnostic::new(Code::NameDuplicate, format!("{} `{name}` is declared twice", statement.node.name))
                                .at(statement.node.span, "here again")
                                .also(place.1.node.span, "first here")
                                .help("give one of them another name, or remove it"),
                        );
                    }
                    place.1 = statement.clone();
                }
            }
            (None, _) => found.push((name, statement.clone())),
        }
    }
    found.into_iter().map(|(_, statement)| statement).collect()
}

/// Blocks of lines, without the lines that an inner level's line about the same name takes the place of.
fn lines<'a>(written: &[&Effective<'a>]) -> Vec<Effective<'a>> {
    let mut out: Vec<Effective<'a>> = Vec::new();
    let mut inner: Vec<&Effective<'a>> = Vec::new();
    for statement in written.iter().rev() {
        let mut kept = (*statement).clone();
        kept.node.children.retain(|line| !replaced(line, &statement.site, &inner));
        if statement.node.mode == Mode::Drop {
            // What it drops has to be there.
            inner.clear();
        } else {
            inner.push(statement);
        }
        if !kept.node.children.is_empty() || statement.node.children.is_empty() {
            out.push(kept);
        }
    }
    out.reverse();
    out
}

/// True for a line whose place another takes that stands further in. One that is to be dropped stays, so that it can be.
fn replaced(line: &Node<'_>, site: &str, inner: &[&Effective<'_>]) -> bool {
    let Some(name) = about(line) else { return false };
    let same = |other: &str, word: &str| if word == "query" { other == name } else { other.eq_ignore_ascii_case(name) };
    let about_it = || {
        let blocks = inner.iter().filter(|statement| statement.site != site).map(|statement| &statement.node);
        blocks.flat_map(|block| block.children.iter().filter(move |other| about(other).is_some_and(|other| same(other, block.form.word))))
    };
    line.mode != Mode::Drop
        && about_it().all(|other| other.mode != Mode::Drop)
        && about_it().any(|other| matches!(other.form.word, "set" | "remove" | "rename"))
}

/// The name that a line is about; a name with `*` is of many.
fn about<'n>(line: &'n Node<'_>) -> Option<&'n str> {
    let slot = match line.form.word {
        "rename" => "old",
        "set" | "add" | "remove" => "name",
        _ => return None,
    };
    let given = line.get(slot)?.expr;
    let name = match given.as_word() {
        Some(word) => word.text.as_str(),
        None => given.as_plain_text()?,
    };
    (!name.ends_with('*')).then_some(name)
}

/// `known` are the statements of this word that are in force, by name.
fn nothing_to_drop(statement: &Effective<'_>, known: &[(String, Effective<'_>)], report: &mut Report) {
    let node = &statement.node;
    let name = key(node);
    let what = if name.is_empty() { node.name.to_owned() } else { format!("{} {name}", node.name) };
    let found = Diagnostic::new(Code::PolicyNothingToDrop, format!("there is no `{what}` to drop here")).at(node.span, "drops nothing");
    let slot = node.form.slots.first().map_or("", |slot| slot.name);
    report.push(match near(&name, known.iter().map(|(name, _)| name.as_str())) {
        Some(near) => {
            let declared = known.iter().find(|(name, _)| name == near.word).map(|(_, statement)| statement.node.span_of(slot));
            let found = declared.into_iter().fold(found, |found, declared| found.also(declared, "declared here"));
            found.maybe(near.word)
        }
        None => found
            .help("`drop` removes what an enclosing group, the gateway or a policy declared")
            .fix("remove it", vec![Edit { span: node.lead.to(node.span), text: String::new() }]),
    });
}

/// What a keyed statement is about: the text of its first slot, a name or values such as statuses.
pub fn key(node: &Node<'_>) -> String {
    let slot = node.form.slots.first().map_or("", |slot| slot.name);
    node.get(slot).map_or_else(String::new, |given| written(given.expr))
}

fn written(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Literal(_, text) => text.clone(),
        ExprKind::List(items) => items.iter().map(written).collect::<Vec<_>>().join(", "),
        _ => expr.as_word().map_or_else(String::new, |word| word.text.clone()),
    }
}

/// One statement made of several, the innermost clause winning; none when there are none.
pub fn fields<'a>(nodes: &[&Node<'a>]) -> Option<Node<'a>> {
    let (last, outer) = nodes.split_last()?;
    let mut merged: Node<'a> = (*last).clone();
    for node in outer.iter().rev() {
        for child in &node.children {
            if merged.child(child.form.word).is_none() {
                merged.children.push(child.clone());
            }
        }
    }
    Some(merged)
}
