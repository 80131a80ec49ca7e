//! Statements read against their forms: which clause fills which slot. Types are not looked at here.

use super::form::{Count, Form, Kind, Mark, Merge, Place, Slot, Word};
use super::usage::{list, somewhere, usage, what};
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Edit, Report, Span};
use crate::syntax::ast::{Body, Clause, ClauseKind, Expr, ExprKind, Ident, Statement, TypeName};
use std::collections::{HashMap, HashSet};

/// In which names an expression is understood: a file's own, or those of one use of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ScopeId(pub u32);

/// `override` or `drop` before a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Neither.
    Plain,
    /// `override`: loosens what is inherited, visibly.
    Override,
    /// `drop`: removes what is inherited.
    Drop,
}

impl Mode {
    /// The words that stand before a statement.
    pub const WORDS: &'static [(&'static str, Self)] = &[("override", Self::Override), ("drop", Self::Drop)];
}

/// A statement or clause that was read by its form.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// Its form.
    pub form: &'static Form,
    /// Its word as written: for rows the user's own.
    pub name: &'a str,
    /// Where the word stands.
    pub word: Span,
    /// From the word to the end of its head.
    pub span: Span,
    /// The doc comment before it.
    pub docs: &'a [String],
    /// `override` or `drop`.
    pub mode: Mode,
    /// From `override` or `drop` to the word behind it; empty when it stands alone.
    pub lead: Span,
    /// In which names its expressions are understood.
    pub scope: ScopeId,
    /// Its clauses and rows, from head and block.
    pub children: Vec<Node<'a>>,
    /// The statements its block holds.
    pub statements: Vec<Node<'a>>,
    /// True when something in it was not understood: what is missing may be what was not understood.
    pub damaged: bool,
    filled: Vec<(usize, Filled<'a>)>,
}

#[derive(Debug, Clone)]
enum Filled<'a> {
    Expr(&'a Expr),
    Several(Vec<&'a Expr>),
    Type(&'a TypeName),
}

/// An expression that fills a slot, with the names it is understood in.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The expression.
    pub expr: &'a Expr,
    /// The names.
    pub scope: ScopeId,
}

impl<'a> Node<'a> {
    /// A node of which nothing but its word has been read.
    fn begun(head: Head<'a>, form: &'static Form, scope: ScopeId) -> Self {
        Self {
            form,
            name: &head.word.text,
            word: head.word.span,
            span: head.span(),
            docs: head.docs,
            mode: head.mode,
            lead: head.lead,
            scope,
            children: Vec::new(),
            statements: Vec::new(),
            damaged: false,
            filled: Vec::new(),
        }
    }

    /// What fills a slot.
    #[must_use]
    pub fn get(&self, slot: &str) -> Option<Given<'a>> {
        self.filled(slot).and_then(|filled| match filled {
            Filled::Expr(expr) => Some(Given { expr, scope: self.scope }),
            Filled::Several(all) => all.first().map(|expr| Given { expr, scope: self.scope }),
            Filled::Type(_) => None,
        })
    }

    /// All that fills a slot that takes several.
    #[must_use]
    pub fn all(&self, slot: &str) -> Vec<Given<'a>> {
        match self.filled(slot) {
            Some(Filled::Several(all)) => all.iter().map(|expr| Given { expr, scope: self.scope }).collect(),
            Some(Filled::Expr(expr)) => vec![Given { expr, scope: self.scope }],
            Some(Filled::Type(_)) | None => Vec::new(),
        }
    }

    /// The type in a slot.
    #[must_use]
    pub fn annotation(&self, slot: &str) -> Option<&'a TypeName> {
        match self.filled(slot) {
            Some(Filled::Type(name)) => Some(name),
            _ => None,
        }
    }

    /// The bare word in a slot.
    #[must_use]
    pub fn word_in(&self, slot: &str) -> Option<&'a Ident> {
        self.get(slot).and_then(|given| given.expr.as_word())
    }

    /// True when a slot is filled.
    #[must_use]
    pub fn has(&self, slot: &str) -> bool {
        self.filled(slot).is_some()
    }

    /// The clause of a name, if it is written; the last when it is written several times.
    #[must_use]
    pub fn child(&self, word: &str) -> Option<&Node<'a>> {
        self.children.iter().rev().find(|child| child.form.word == word)
    }

    /// All clauses of a name.
    pub fn children_of<'n>(&'n self, word: &'n str) -> impl Iterator<Item = &'n Node<'a>> {
        self.children.iter().filter(move |child| child.form.word == word)
    }

    /// Where a slot's value stands, or the head when the slot is empty.
    #[must_use]
    pub fn span_of(&self, slot: &str) -> Span {
        match self.filled(slot) {
            Some(Filled::Expr(expr)) => expr.span,
            Some(Filled::Several(all)) => match (all.first(), all.last()) {
                (Some(first), Some(last)) => first.span.to(last.span),
                _ => self.span,
            },
            Some(Filled::Type(name)) => name.span,
            None => self.span,
        }
    }

    fn filled(&self, slot: &str) -> Option<&Filled<'a>> {
        let index = self.form.slots.iter().position(|known| known.name == slot)?;
        self.filled.iter().find(|(at, _)| *at == index).map(|(_, filled)| filled)
    }
}

/// Every statement of the language.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    words: Vec<&'static Word>,
    by_name: HashMap<&'static str, Vec<&'static Word>>,
}

impl Schema {
    /// The schema made of these words.
    #[must_use]
    pub fn new(words: Vec<&'static Word>) -> Self {
        let mut by_name: HashMap<&'static str, Vec<&'static Word>> = HashMap::new();
        for word in &words {
            by_name.entry(word.form.word).or_default().push(word);
        }
        Self { words, by_name }
    }

    /// The statement of a name at a place.
    #[must_use]
    pub fn word(&self, name: &str, place: Place) -> Option<&'static Word> {
        self.by_name.get(name)?.iter().find(|word| word.places.contains(&place)).copied()
    }

    /// How a statement that routes inherit is brought together.
    #[must_use]
    pub fn merge(&self, name: &str) -> Option<Merge> {
        let words = self.by_name.get(name)?;
        words.iter().find(|word| word.places.contains(&Place::Policy) || word.places.contains(&Place::Route)).map(|word| word.merge)
    }

    /// All statements.
    pub fn words(&self) -> impl Iterator<Item = &'static Word> + '_ {
        self.words.iter().copied()
    }

    /// Where a word has a meaning, in words: `in a `route``.
    #[must_use]
    pub fn homes(&self, name: &str) -> Vec<String> {
        let mut homes: Vec<String> = Vec::new();
        let mut add = |home: String| {
            if !homes.contains(&home) {
                homes.push(home);
            }
        };
        for word in &self.words {
            if word.form.word == name {
                word.places.iter().for_each(|place| add(place.within().to_owned()));
            } else {
                parents(&word.form, name, &mut add);
            }
        }
        homes
    }
}

/// The forms at some depth of this one of which the word is a clause.
fn parents(form: &Form, name: &str, add: &mut impl FnMut(String)) {
    if form.children.iter().any(|child| child.word == name) {
        add(format!("in `{}`", form.word));
    }
    form.children.iter().for_each(|child| parents(child, name, add));
}

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

    /// What can be said once in a block is said once; named statements are told apart by their names elsewhere.
    fn said_twice(&mut self, nodes: &[Node<'_>], place: Place) {
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

    fn unknown(&mut self, head: &Head<'_>, known: &[&str], place: &str) {
        self.suspect(head.clauses);
        let word = &head.word.text;
        // Two words may be alike, such as `request` in tests and on routes: what is said of the one is no help with the other.
        let homes: Vec<String> = self.schema.homes(word).into_iter().filter(|home| home != place).collect();
        if !homes.is_empty() {
            self.report.push(
                Diagnostic::new(Code::SchemaWrongBlock, format!("`{word}` has no meaning {place}"))
                    .at(head.word.span, "not here")
                    .help(format!("it belongs {}", somewhere(&homes))),
            );
            return;
        }
        let mut found =
            Diagnostic::new(Code::SchemaUnknownKey, format!("unknown word `{word}` {place}")).at(head.word.span, "not known here");
        let here = near(word, known.iter().copied());
        let elsewhere = near(word, self.schema.words().map(|word| word.form.word));
        let elsewhere = elsewhere.filter(|other| here.is_none_or(|here| other.distance < here.distance));
        if let Some(other) = elsewhere {
            let homes = somewhere(&self.schema.homes(other.word));
            found = found.help(format!("did you mean `{}`? it belongs {homes}", other.word));
        } else if let Some(near) = here {
            found = found.meant(head.word.span, word, near.word, near.alone);
        } else if !known.is_empty() && known.len() <= 12 {
            found = found.help(format!("known here: {}", list(known)));
        }
        self.report.push(found);
    }

    /// Names in a head that was not understood count as declared.
    fn suspect(&mut self, clauses: &[Clause]) {
        for clause in clauses {
            if let ClauseKind::Expr(expr) = &clause.kind
                && let Some(word) = expr.as_word()
            {
                self.suspects.insert(word.text.clone());
            }
        }
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
        if let Some(found) = pathward(node, clauses) {
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

    fn one_of(&mut self, node: &mut Node<'_>, expr: &Expr, words: &'static [&'static str]) {
        let found = expr.as_word().map(|word| word.text.as_str());
        if found.is_some_and(|found| words.contains(&found)) {
            return;
        }
        node.damaged = true;
        let written = found.unwrap_or("this");
        let mut diagnostic = Diagnostic::new(Code::TypeEnum, format!("`{written}` is no choice for `{}`", node.form.word))
            .at(expr.span, format!("one of {}", list(words)));
        if let Some(near) = near(written, words.iter().copied()) {
            diagnostic = diagnostic.meant(expr.span, written, near.word, near.alone);
        }
        self.report.push(diagnostic);
    }

    fn surplus(&mut self, node: &mut Node<'_>, clause: &Clause) {
        node.damaged = true;
        let form = node.form;
        if let ClauseKind::Operator(ident) = &clause.kind {
            self.report.push(
                Diagnostic::new(Code::NameReserved, format!("`{}` is an operator and names nothing", ident.text))
                    .at(ident.span, "an operator")
                    .help("choose another name"),
            );
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
                    .fix("write `==`", vec![crate::diag::Edit { span: sign, text: "==".to_owned() }]),
            );
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
                    .meant(word.span, &word.text, near.word, near.alone),
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

    fn block<'a>(&mut self, node: &mut Node<'a>, block: &'a Body) {
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
        let known: Vec<&str> = form.children.iter().map(|child| child.word).chain(form.slots.iter().map(|slot| slot.name)).collect();
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

    fn missing(&mut self, node: &mut Node<'_>) {
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

    fn repeated(&mut self, node: &Node<'_>) {
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

fn plain(statement: &Statement) -> Head<'_> {
    let Statement { word, clauses, block, docs, .. } = statement;
    Head { word, clauses, block: block.as_ref(), docs, mode: Mode::Plain, lead: word.span.before() }
}

/// `route GET /a` and `route a /a`: what is missing is one word before the path, and all behind it is as it should be.
fn pathward(node: &Node<'_>, clauses: &[Clause]) -> Option<Diagnostic> {
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

fn arity_missing(node: &Node<'_>, slot: &Slot, span: Span) -> Diagnostic {
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
