//! Places in JSON values, and what is taken of a value: `pick`, `keep`, `drop` and `rename`.

use crate::diag::Code;
use crate::lang::form::{Form, Slot};
use crate::lang::{Checker, Given, Node};
use crate::syntax::ast::ExprKind;
use serde::{Deserialize, Serialize};

/// What is taken of a value, in this order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Take {
    /// This value alone; one that is not there is null.
    pub pick: Option<Pointer>,
    /// Of the value only these; none written: all.
    pub keep: Vec<Pointer>,
    /// Not these.
    pub drop: Vec<Pointer>,
    /// Members under another name.
    pub rename: Vec<(Pointer, String)>,
}

/// A place in a JSON value: a member's name, or a JSON pointer (RFC 6901) in which `*` stands for all members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer(pub Vec<Step>);

/// A step of a pointer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The member of this name, or the item at this place.
    Member(String),
    /// `*`
    All,
}

/// `pick FIELD`
pub const PICK: Form = Form::new("pick", "takes one field's value").slots(&[Slot::value("field", "a field or a JSON pointer")]);
/// `keep [FIELDS]`
pub const KEEP: Form = Form::new("keep", "takes only these fields").slots(&[Slot::value("fields", "a list of fields or JSON pointers")]);
/// `drop [FIELDS]`
pub const DROP: Form = Form::new("drop", "leaves these fields out").slots(&[Slot::value("fields", "a list of fields or JSON pointers")]);
/// `rename OLD NEW`
pub const RENAME: Form = Form::new("rename", "gives a field another name")
    .slots(&[Slot::value("old", "a field or a JSON pointer"), Slot::value("new", "a name")])
    .many();

/// Reads the clauses of a node that say what is taken.
pub fn take(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Take> {
    let pick = match node.child("pick").and_then(|child| child.get("field")) {
        Some(given) => {
            let pointer = pointer(given, checker)?;
            if pointer.0.contains(&Step::All) {
                checker.error(Code::TypeMismatch, "`pick` takes one value", given.expr.span, "`*` stands for many");
                return None;
            }
            Some(pointer)
        }
        None => None,
    };
    let mut list = |word: &str| -> Option<Vec<Pointer>> {
        let Some(given) = node.child(word).and_then(|child| child.get("fields")) else { return Some(Vec::new()) };
        checker.items(given).into_iter().map(|item| pointer(item, checker)).collect()
    };
    let (keep, drop) = (list("keep"), list("drop"));
    let rename = node.children_of("rename").map(|child| rename(child, checker)).collect::<Option<Vec<_>>>();
    Some(Take { pick, keep: keep?, drop: drop?, rename: rename? })
}

fn rename(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<(Pointer, String)> {
    let old = node.get("old")?;
    let (from, to) = (pointer(old, checker)?, field(node.get("new")?, checker)?);
    if from.0.last() == Some(&Step::All) {
        checker.error(Code::TypeMismatch, "`rename` names one field", old.expr.span, "`*` stands for many");
        return None;
    }
    Some((from, to))
}

/// A bare name or a string.
pub fn field(given: Given<'_>, checker: &mut Checker<'_>) -> Option<String> {
    match given.expr.as_word() {
        Some(word) => Some(word.text.clone()),
        None => checker.text(given),
    }
}

/// A place: a name, a string, or a path.
pub fn pointer(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Pointer> {
    let text = match &given.expr.kind {
        ExprKind::Path(path) => path.clone(),
        _ => field(given, checker)?,
    };
    let step = |text: &str| match text {
        "*" => Step::All,
        name => Step::Member(name.replace("~1", "/").replace("~0", "~")),
    };
    Some(Pointer(match text.strip_prefix('/') {
        Some(path) => path.split('/').map(step).collect(),
        None if text == "*" => vec![Step::All],
        None => vec![Step::Member(text)],
    }))
}
