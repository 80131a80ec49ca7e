//! The words of the language, as highlighters need them.

use gatewright::check;
use gatewright::lang::form::{Form, Kind, Slot};
use gatewright::lang::read::Mode;
use gatewright::lang::types::Type;
use gatewright::lang::typing::{FUNCTIONS, ROOTS};
use gatewright::route::segment::TYPE_NAMES;
use std::collections::{BTreeMap, BTreeSet};

/// Some words, sorted, each once.
pub type Set = BTreeSet<&'static str>;

/// All words.
#[derive(Debug)]
pub struct Words {
    /// Words that begin a statement, with what may follow them; of several statements with one word the union.
    pub heads: BTreeMap<&'static str, Head>,
    /// `override`, `drop`.
    pub modes: Set,
    /// Types of values.
    pub types: Set,
    /// Types of path parameters.
    pub path_types: Set,
    /// What references begin with.
    pub roots: Set,
    /// Built-in functions.
    pub functions: Set,
}

/// What may follow a statement's word.
#[derive(Debug, Default)]
pub struct Head {
    /// A new name comes first.
    pub names: bool,
    /// One of these comes first, a new name second.
    pub kinds: Set,
    /// The words of the head.
    pub own: Own,
    /// The lines of its block begin with words of the user's own.
    pub rows: Option<Row>,
}

/// The words that mean something in a head.
#[derive(Debug, Default)]
pub struct Own {
    /// Clauses, at any depth of the head, and words that must stand where they stand.
    pub clauses: Set,
    /// Clauses that a new name follows.
    pub naming: Set,
    /// Choices.
    pub choices: Set,
}

/// The lines of a block of the user's own words.
#[derive(Debug, Default)]
pub struct Row {
    /// The words of the line.
    pub own: Own,
    /// Whether a type comes first.
    pub typed: bool,
    /// Lines that begin with words of the language all the same.
    pub statements: Set,
}

impl Words {
    /// The words of the schema.
    pub fn of_the_language() -> Self {
        let mut heads = BTreeMap::new();
        for word in check::schema().words() {
            collect(&word.form, &mut heads);
        }
        Self {
            heads,
            modes: Mode::WORDS.iter().map(|(word, _)| *word).collect(),
            types: Type::SIMPLE.iter().map(|(name, _)| *name).chain(Type::GENERIC.iter().copied()).collect(),
            path_types: TYPE_NAMES.into_iter().collect(),
            roots: ROOTS.iter().copied().collect(),
            functions: FUNCTIONS.iter().copied().collect(),
        }
    }
}

impl Head {
    /// Nothing but expressions follow.
    pub fn is_plain(&self) -> bool {
        !self.names && self.kinds.is_empty() && self.own.is_empty() && self.rows.is_none()
    }

    fn add(&mut self, form: &Form) {
        match form.slots {
            [first, ..] if first.kind == Kind::Name => self.names = true,
            [Slot { kind: Kind::Word(kinds), .. }, second, ..] if second.kind == Kind::Name => self.kinds.extend(*kinds),
            _ => {}
        }
        self.own.add(form);
    }
}

impl Own {
    /// Nothing but expressions stand in the head.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty() && self.naming.is_empty() && self.choices.is_empty()
    }

    fn add(&mut self, form: &Form) {
        self.add_slots(form);
        for child in form.children {
            match child.slots {
                [first, ..] if first.kind == Kind::Name => self.naming.insert(child.word),
                _ => self.clauses.insert(child.word),
            };
            self.add(child);
        }
    }

    fn add_slots(&mut self, form: &Form) {
        for slot in form.slots {
            match slot.kind {
                Kind::Word(words) => self.choices.extend(words),
                Kind::Fixed(word) => {
                    self.clauses.insert(word);
                }
                Kind::Rest(words) => self.clauses.extend(words),
                Kind::Name | Kind::Value(_) | Kind::Methods | Kind::Path | Kind::Declared(_) => {}
            }
        }
    }
}

/// A statement, its clauses, and its slots: each may begin a statement of the block.
fn collect(form: &Form, heads: &mut BTreeMap<&'static str, Head>) {
    let head = heads.entry(form.word).or_default();
    head.add(form);
    if let Some(row) = form.rows {
        let known = head.rows.get_or_insert_default();
        known.own.add(row);
        known.typed |= row.slots.first().is_some_and(|slot| slot.name == "type");
        known.statements.extend(form.children.iter().map(|child| child.word));
    }
    for slot in form.slots {
        match slot.kind {
            Kind::Value(_) | Kind::Declared(_) | Kind::Path | Kind::Methods => {
                heads.entry(slot.name).or_default();
            }
            Kind::Word(words) => heads.entry(slot.name).or_default().own.choices.extend(words),
            Kind::Name | Kind::Fixed(_) | Kind::Rest(_) => {}
        }
    }
    for child in form.children {
        collect(child, heads);
    }
}
