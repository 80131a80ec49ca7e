//! The machinery of the schema: the form of a statement. A clause of a head and a statement of a block are the same thing,
//! so one [`Form`] describes both, and forms nest.

/// The form of a statement or clause: its word, what follows, and what may stand in its block.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The word. In [`Form::rows`] it is what the row's first word stands for, in capitals.
    pub word: &'static str,
    /// One line on what it means.
    pub doc: &'static str,
    /// What follows the word, in order. A slot that is not written in the head may be written in the block under its name.
    pub slots: &'static [Slot],
    /// For a slot of [`Kind::Rest`]: what may be written there, and what it means.
    pub ways: &'static [(&'static str, &'static str)],
    /// Clauses: in the head behind the slots in any order, or in the block as statements.
    pub children: &'static [Form],
    /// Lines of the block that begin with a word of the user's: `claims { sub str }`.
    pub rows: Option<&'static Form>,
    /// What kind of statements the block holds besides.
    pub holds: Option<Place>,
    /// How often it may be written in one block.
    pub count: Count,
    /// What is in force when it is not written, as it would be written.
    pub default: Option<&'static str>,
}

/// One part of a head.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// Its name in messages, in the reference, and as a statement of the block.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What stands before it.
    pub mark: Mark,
    /// Whether it may be left out.
    pub optional: bool,
}

/// What may stand in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A new name.
    Name,
    /// A value or expression; the reader of the policy says of what type. Its words are for messages: `a duration`.
    Value(&'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// This word and no other (`failures` in `5 failures`); it carries no meaning of its own.
    Fixed(&'static str),
    /// Methods, with commas: `GET,POST` or `ANY`.
    Methods,
    /// A path pattern, or a regex in its place.
    Path,
    /// The name of something declared.
    Declared(Declared),
    /// All that is left of the head; the words that mean something in it.
    Rest(&'static [&'static str]),
}

/// What stands before a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// `->`
    Arrow,
    /// `=`
    Assign,
    /// `:`, a type
    Annotation,
}

/// Kinds of declarations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Declared {
    /// `upstream`
    Upstream,
    /// `auth`
    Auth,
    /// `store`
    Store,
    /// `policy`
    Policy,
    /// `route`
    Route,
    /// `hook`
    Hook,
    /// `flag`
    Flag,
}

impl Declared {
    /// The word that declares it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Auth => "auth",
            Self::Store => "store",
            Self::Policy => "policy",
            Self::Route => "route",
            Self::Hook => "hook",
            Self::Flag => "flag",
        }
    }
}

/// Where a statement may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// At the top of a file.
    File,
    /// In `gateway { }`.
    Gateway,
    /// In `upstream NAME { }`.
    Upstream,
    /// In `group NAME { }`.
    Group,
    /// In `route NAME { }`.
    Route,
    /// In `policy NAME { }`.
    Policy,
    /// In `test "…" { }`.
    Test,
}

impl Place {
    /// As messages say where something stands: `in a `route``.
    #[must_use]
    pub fn within(self) -> &'static str {
        match self {
            Self::File => "at the top of a file",
            Self::Gateway => "in `gateway`",
            Self::Upstream => "in an `upstream`",
            Self::Group => "in a `group`",
            Self::Route => "in a `route`",
            Self::Policy => "in a `policy`",
            Self::Test => "in a `test`",
        }
    }

    /// As messages say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "the top of a file",
            Self::Gateway => "`gateway`",
            Self::Upstream => "an `upstream`",
            Self::Group => "a `group`",
            Self::Route => "a `route`",
            Self::Policy => "a `policy`",
            Self::Test => "a `test`",
        }
    }
}

/// How often a clause or statement may be written in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// At most once.
    Optional,
    /// Exactly once.
    Required,
    /// Any number of times.
    Many,
}

/// How a statement that is written on several levels (gateway, upstream, groups, policies, route) is brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// The innermost wins, whole.
    Single,
    /// The innermost wins, clause by clause.
    Fields,
    /// Statements of other names add up, the same name again replaces. The name is the first slot.
    Keyed,
    /// The block's lines add up; what a line is about again replaces.
    Lines,
    /// All hold.
    Conjunctive,
}

/// A statement of the language: its form, where it may stand, and how it is inherited.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// Its form.
    pub form: Form,
    /// Where it may stand.
    pub places: &'static [Place],
    /// How it is inherited.
    pub merge: Merge,
    /// The stage it runs in, as `expect stage` says it; empty for what is no stage of its own.
    pub stage: &'static str,
}

/// An example of a statement, for the reference and the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The statement's word.
    pub word: &'static str,
    /// Where the text stands; with the word this says which statement is meant (`request` is one of routes and one of tests).
    pub place: Place,
    /// Formatted text, without a line end behind it.
    pub text: &'static str,
}

impl Example {
    /// One at the top of a file.
    #[must_use]
    pub const fn file(word: &'static str, text: &'static str) -> Self {
        Self { word, place: Place::File, text }
    }

    /// One in `gateway`.
    #[must_use]
    pub const fn gateway(word: &'static str, text: &'static str) -> Self {
        Self { word, place: Place::Gateway, text }
    }

    /// One in an `upstream`.
    #[must_use]
    pub const fn upstream(word: &'static str, text: &'static str) -> Self {
        Self { word, place: Place::Upstream, text }
    }

    /// One in a `route`.
    #[must_use]
    pub const fn route(word: &'static str, text: &'static str) -> Self {
        Self { word, place: Place::Route, text }
    }

    /// One in a `test`.
    #[must_use]
    pub const fn step(word: &'static str, text: &'static str) -> Self {
        Self { word, place: Place::Test, text }
    }
}

impl Form {
    /// A word alone.
    #[must_use]
    pub const fn new(word: &'static str, doc: &'static str) -> Self {
        Self { word, doc, slots: &[], ways: &[], children: &[], rows: None, holds: None, count: Count::Optional, default: None }
    }

    /// With what follows the word.
    #[must_use]
    pub const fn slots(self, slots: &'static [Slot]) -> Self {
        Self { slots, ..self }
    }

    /// With what may be written in its slot of [`Kind::Rest`].
    #[must_use]
    pub const fn ways(self, ways: &'static [(&'static str, &'static str)]) -> Self {
        Self { ways, ..self }
    }

    /// With its clauses.
    #[must_use]
    pub const fn children(self, children: &'static [Self]) -> Self {
        Self { children, ..self }
    }

    /// With lines of the user's own words.
    #[must_use]
    pub const fn rows(self, rows: &'static Self) -> Self {
        Self { rows: Some(rows), ..self }
    }

    /// With statements of a place in its block.
    #[must_use]
    pub const fn holds(self, place: Place) -> Self {
        Self { holds: Some(place), ..self }
    }

    /// It must be written.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { count: Count::Required, ..self }
    }

    /// It may be written several times.
    #[must_use]
    pub const fn many(self) -> Self {
        Self { count: Count::Many, ..self }
    }

    /// With what is in force when it is not written.
    #[must_use]
    pub const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The clause of a name.
    #[must_use]
    pub fn child(&self, word: &str) -> Option<&'static Self> {
        self.children.iter().find(|child| child.word == word)
    }
}

impl Slot {
    /// A slot that must be filled.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, mark: Mark::None, optional: false }
    }

    /// A value of a type; the text is for messages, with its article: `a duration`.
    #[must_use]
    pub const fn value(name: &'static str, what: &'static str) -> Self {
        Self::new(name, Kind::Value(what))
    }

    /// A new name.
    #[must_use]
    pub const fn name(name: &'static str) -> Self {
        Self::new(name, Kind::Name)
    }

    /// One of some words.
    #[must_use]
    pub const fn word(name: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(name, Kind::Word(words))
    }

    /// A word that must stand there and means nothing by itself.
    #[must_use]
    pub const fn fixed(word: &'static str) -> Self {
        Self::new(word, Kind::Fixed(word))
    }

    /// The name of something declared.
    #[must_use]
    pub const fn declared(name: &'static str, what: Declared) -> Self {
        Self::new(name, Kind::Declared(what))
    }

    /// It may be left out.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Behind `->`.
    #[must_use]
    pub const fn arrow(self) -> Self {
        Self { mark: Mark::Arrow, ..self }
    }

    /// Behind `=`.
    #[must_use]
    pub const fn assign(self) -> Self {
        Self { mark: Mark::Assign, ..self }
    }

    /// Behind `:`.
    #[must_use]
    pub const fn annotation(self) -> Self {
        Self { mark: Mark::Annotation, ..self }
    }
}
