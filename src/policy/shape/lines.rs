//! Brings the lines of all levels together: a later level's line about a name replaces what earlier levels say of it.

use super::{Choice, Lines, Names, Rename, Set};
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::{Expr, Piece, Ref};
use crate::lang::read::Mode;
use crate::lang::value::Value;
use crate::lang::{Checker, Given, Node};
use crate::policy::Effective;

/// What the lines are about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
    Query,
}

impl Side {
    fn want(self) -> Want {
        match self {
            Self::Request => Want::scalar(Moment::Body, Spot::RequestField),
            Self::Response => Want::scalar(Moment::Response, Spot::ResponseField),
            Self::Query => Want::scalar(Moment::Body, Spot::Query),
        }
    }

    fn by(self) -> Moment {
        match self {
            Self::Request | Self::Query => Moment::Body,
            Self::Response => Moment::Response,
        }
    }
}

/// A line with where it was written.
struct Line {
    kind: Kind,
    site: String,
    span: Span,
}

enum Kind {
    Remove(Names),
    Rename(Rename),
    Set(Set),
    Add(Set),
}

impl Kind {
    /// The name the line is about.
    fn name(&self) -> &str {
        match self {
            Self::Remove(Names::Exact(name) | Names::Prefix(name)) => name,
            Self::Rename(rename) => &rename.old,
            Self::Set(set) | Self::Add(set) => &set.name,
        }
    }
}

/// Collects lines, outermost first.
pub(super) struct Reader {
    side: Side,
    lines: Vec<Line>,
}

impl Reader {
    pub(super) fn request() -> Self {
        Self { side: Side::Request, lines: Vec::new() }
    }

    pub(super) fn response() -> Self {
        Self { side: Side::Response, lines: Vec::new() }
    }

    pub(super) fn query() -> Self {
        Self { side: Side::Query, lines: Vec::new() }
    }

    /// Adds the lines of one block.
    pub(super) fn read(&mut self, statement: &Effective<'_>, checker: &mut Checker<'_>) {
        if statement.node.mode == Mode::Drop {
            if self.lines.is_empty() {
                let word = statement.node.form.word;
                checker.error(
                    Code::PolicyNothingToDrop,
                    format!("there is no `{word}` to drop here"),
                    statement.node.span,
                    "drops nothing",
                );
            }
            self.lines.clear();
            return;
        }
        for node in &statement.node.children {
            if node.mode == Mode::Drop {
                self.drop_line(node, &statement.site, checker);
            } else if let Some(kind) = self.line(node, checker) {
                self.put(Line { kind, site: statement.site.clone(), span: node.span }, checker);
            }
        }
    }

    /// The lines in force.
    pub(super) fn lines(self) -> Lines {
        let mut lines = Lines::default();
        for line in self.lines {
            match line.kind {
                Kind::Remove(names) => lines.remove.push(names),
                Kind::Rename(rename) => lines.rename.push(rename),
                Kind::Set(set) => lines.set.push(set),
                Kind::Add(set) => lines.add.push(set),
            }
        }
        lines
    }

    /// Puts a line behind those before it; within one block `set` names a field once, other levels' lines give way.
    fn put(&mut self, line: Line, checker: &mut Checker<'_>) {
        let same = |other: &Line| other.site == line.site && other.kind.name() == line.kind.name();
        let twice = self.lines.iter().find(|other| same(other) && matches!((&other.kind, &line.kind), (Kind::Set(_), Kind::Set(_))));
        if let Some(first) = twice {
            checker.report.push(
                Diagnostic::new(Code::SchemaRepeated, format!("`{}` is set twice in one block", line.kind.name()))
                    .at(line.span, "here again")
                    .also(first.span, "first here")
                    .help("write the cases in one line: `set NAME { when … -> …; else -> … }`"),
            );
            return;
        }
        if !matches!(line.kind, Kind::Add(_) | Kind::Remove(Names::Prefix(_))) {
            self.lines.retain(|other| other.site == line.site || other.kind.name() != line.kind.name());
        }
        self.lines.push(line);
    }

    /// `drop set NAME`: what outer levels say of the name is forgotten.
    fn drop_line(&mut self, node: &Node<'_>, site: &str, checker: &mut Checker<'_>) {
        let slot = if node.form.word == "rename" { "old" } else { "name" };
        let Some(name) = node.get(slot).and_then(|given| self.names(given, checker)) else { return };
        let (Names::Exact(name) | Names::Prefix(name)) = name;
        let before = self.lines.len();
        let word = node.form.word;
        self.lines.retain(|line| {
            let kind = match line.kind {
                Kind::Remove(_) => "remove",
                Kind::Rename(_) => "rename",
                Kind::Set(_) => "set",
                Kind::Add(_) => "add",
            };
            line.site == site || line.kind.name() != name || kind != word
        });
        if self.lines.len() == before {
            checker.error(Code::PolicyNothingToDrop, format!("no outer level has a `{word} {name}`"), node.span, "drops nothing");
        }
    }

    fn line(&self, node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Kind> {
        Some(match node.form.word {
            "remove" => Kind::Remove(self.names(node.get("name")?, checker)?),
            "rename" => Kind::Rename(Rename { old: self.name(node.get("old")?, checker)?, new: self.name(node.get("new")?, checker)? }),
            "set" => Kind::Set(self.set(node, checker)?),
            "add" => Kind::Add(self.set(node, checker)?),
            _ => return None,
        })
    }

    fn name(&self, given: Given<'_>, checker: &mut Checker<'_>) -> Option<String> {
        if self.side == Side::Query {
            return match given.expr.as_word() {
                Some(word) => Some(word.text.clone()),
                None => checker.text(given),
            };
        }
        let name = checker.header_name(given)?;
        if self.side == Side::Request && name == http::header::HOST {
            checker.report.push(
                Diagnostic::new(Code::HeadersHopByHop, "`Host` is not the request's to shape")
                    .at(given.expr.span, "the upstream says which `Host` it is sent")
                    .help("write `host \"name\"` in the `upstream`"),
            );
            return None;
        }
        Some(name.as_str().to_owned())
    }

    /// A name, or with `*` at its end all that begin so.
    fn names(&self, given: Given<'_>, checker: &mut Checker<'_>) -> Option<Names> {
        let written = given.expr.as_plain_text().and_then(|text| text.strip_suffix('*'));
        let Some(prefix) = written else { return self.name(given, checker).map(Names::Exact) };
        if self.side == Side::Query {
            return Some(Names::Prefix(prefix.to_owned()));
        }
        // `*` is a letter of field names, but no field is called so: what is before it must be a name's beginning.
        if prefix.is_empty() {
            checker.error(Code::HeadersInvalidName, "`*` alone would take every field", given.expr.span, "write the names' beginning");
            return None;
        }
        checker.header_name_text(prefix, given.expr.span).map(|name| Names::Prefix(name.as_str().to_owned()))
    }

    fn set(&self, node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Set> {
        let name = self.name(node.get("name")?, checker);
        let choices = self.choices(node, checker);
        let (name, choices) = (name?, choices?);
        if self.side != Side::Query && choices.iter().any(|choice| controls(&choice.value)) {
            checker.error(Code::TypeMismatch, "a field's value holds no control characters", node.span, "a line break or the like is in it");
            return None;
        }
        let vouched = choices.iter().any(|choice| vouches(&choice.value) || choice.when.as_ref().is_some_and(vouches));
        Some(Set { name, choices, if_missing: node.child("if_missing").is_some(), vouched })
    }

    /// `EXPR [when|unless EXPR]`, or the cases of a block.
    fn choices(&self, node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Vec<Choice>> {
        let cases: Vec<&Node<'_>> = node.children_of("when").collect();
        let (unless, otherwise) = (node.child("unless"), node.child("else"));
        if let Some(value) = node.get("value") {
            if let Some(case) = cases.iter().find(|case| case.has("value")).copied().or(otherwise) {
                self.confused(node, case, checker);
                return None;
            }
            let value = checker.typed(value, &self.side.want());
            if cases.len() + usize::from(unless.is_some()) > 1 {
                self.confused(node, cases.last().copied().or(unless)?, checker);
                return None;
            }
            let when = match (cases.first(), unless) {
                (Some(case), _) => Some(checker.condition(case.get("condition")?, self.side.by())?.expr),
                (None, Some(case)) => Some(Expr::Not(Box::new(checker.condition(case.get("condition")?, self.side.by())?.expr))),
                (None, None) => None,
            };
            return Some(vec![Choice { when, value: value?.expr }]);
        }
        if let Some(unless) = unless {
            self.confused(node, unless, checker);
            return None;
        }
        let mut choices = Some(Vec::new());
        for case in cases.into_iter().chain(otherwise) {
            match (self.case(case, checker), &mut choices) {
                (Some(choice), Some(choices)) => choices.push(choice),
                _ => choices = None,
            }
        }
        if choices.as_ref().is_some_and(Vec::is_empty) {
            checker.report.push(
                Diagnostic::new(Code::SchemaArity, format!("`{}` needs a value", node.form.word))
                    .at(node.span, "without a value")
                    .help("write it behind the name, or its cases in a block: `{ when … -> …; else -> … }`"),
            );
            return None;
        }
        choices
    }

    fn case(&self, case: &Node<'_>, checker: &mut Checker<'_>) -> Option<Choice> {
        let when = match case.get("condition") {
            Some(given) => Some(checker.condition(given, self.side.by())?.expr),
            None => None,
        };
        let Some(value) = case.get("value") else {
            checker.report.push(
                Diagnostic::new(Code::SchemaArity, "a case needs its value")
                    .at(case.span, "without a value")
                    .help("write `when CONDITION -> VALUE`"),
            );
            return None;
        };
        Some(Choice { when, value: checker.typed(value, &self.side.want())?.expr })
    }

    fn confused(&self, node: &Node<'_>, case: &Node<'_>, checker: &mut Checker<'_>) {
        checker.report.push(
            Diagnostic::new(Code::SchemaArity, format!("`{}` has either one value or cases", node.form.word))
                .at(case.span, "does not go with the rest")
                .help("write `NAME VALUE [when|unless CONDITION]`, or `NAME { when CONDITION -> VALUE; else -> VALUE }`"),
        );
    }
}

/// True when an upstream may take the value as the gateway's word: it depends on who asks, where from, or on a secret.
fn vouches(expr: &Expr) -> bool {
    let is_told = |reference: &Ref| match reference {
        Ref::Attribute(_) | Ref::ClientIp | Ref::ClientSubject | Ref::ClientName | Ref::Listener | Ref::Scheme => true,
        Ref::Method
        | Ref::Path
        | Ref::Host
        | Ref::Id
        | Ref::Size
        | Ref::Header(_)
        | Ref::Query(_)
        | Ref::Cookie(_)
        | Ref::Body(_)
        | Ref::Param { .. }
        | Ref::Flag { .. }
        | Ref::UpstreamName
        | Ref::ResponseStatus
        | Ref::ResponseDuration
        | Ref::ResponseHeader(_) => false,
    };
    matches!(expr, Expr::Secret(_)) || matches!(expr, Expr::Ref(reference) if is_told(reference)) || expr.parts().into_iter().any(vouches)
}

/// True for a value in which a control character is written (RFC 9110 §5.5); a tab may be.
fn controls(value: &Expr) -> bool {
    let held = |text: &str| text.chars().any(|letter| letter != '\t' && letter.is_ascii_control());
    match value {
        Expr::Const(Value::Text(text)) => held(text),
        Expr::Text(pieces) => pieces.iter().any(|piece| matches!(piece, Piece::Literal(text) if held(text))),
        _ => false,
    }
}
