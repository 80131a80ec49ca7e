//! `let` and `param`: evaluated in the order they need each other, whatever the order in the file.

use super::declare::FileNodes;
use crate::diag::{Code, Diagnostic, Report, Span};
use crate::lang::checker::Moment;
use crate::lang::checker::{Checker, Constant, Names, RouteFacts, Spot, Want};
use crate::lang::expr::{Expr, Secret};
use crate::lang::read::ScopeId;
use crate::lang::types::Type;
use crate::lang::typing::is_reserved;
use crate::lang::value::Value;
use crate::lang::{Node, literal};
use crate::syntax::ast::{Expr as Tree, ExprKind, LiteralKind, TextPart};
use std::collections::{BTreeMap, HashMap};

/// Evaluates the constants of every file; `params` are the deployment's values for those of the main file.
pub fn constants(files: &[FileNodes<'_>], params: &BTreeMap<String, String>, names: &mut Names, report: &mut Report) {
    let last = files.len().saturating_sub(1);
    for (at, file) in files.iter().enumerate() {
        let main = at == last;
        let given = if main { params.clone() } else { BTreeMap::new() };
        let mut evaluation =
            Evaluation { scope: file.scope, nodes: HashMap::new(), state: HashMap::new(), names, report, main, given: &given };
        evaluation.collect(&file.nodes);
        let mut all: Vec<String> = evaluation.nodes.keys().cloned().collect();
        all.sort_unstable();
        for name in all {
            evaluation.evaluate(&name);
        }
        for name in given.keys().filter(|name| evaluation.nodes.get(*name).is_none_or(|node| node.form.word != "param")) {
            let span = Span::new(file.file, 0, 0);
            evaluation.report.push(
                Diagnostic::new(Code::NameUnknown, format!("the deployment sets `{name}`, which is no `param`"))
                    .at(span, "not declared in this file"),
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Done,
}

struct Evaluation<'e, 'n, 'a> {
    scope: ScopeId,
    nodes: HashMap<String, &'n Node<'a>>,
    state: HashMap<String, State>,
    names: &'e mut Names,
    report: &'e mut Report,
    main: bool,
    given: &'e BTreeMap<String, String>,
}

impl<'n, 'a> Evaluation<'_, 'n, 'a> {
    fn collect(&mut self, nodes: &'n [Node<'a>]) {
        for node in nodes.iter().filter(|node| matches!(node.form.word, "let" | "param")) {
            let Some(word) = node.word_in("name") else {
                if node.damaged {
                    continue;
                }
                self.report.push(
                    Diagnostic::new(Code::SchemaArity, format!("`{}` needs a name", node.name))
                        .at(node.span_of("name"), "no name")
                        .help("a name begins with a letter or `_`; letters, digits, `_` and `-` follow"),
                );
                continue;
            };
            if is_reserved(&word.text) {
                self.names.suspects.insert(word.text.clone());
                self.report.push(
                    Diagnostic::new(Code::NameReserved, format!("`{}` is built in and cannot be declared", word.text))
                        .at(word.span, "means something already")
                        .help("choose another name"),
                );
                continue;
            }
            if let Some(first) = self.nodes.get(&word.text) {
                self.report.push(
                    Diagnostic::new(Code::NameDuplicate, format!("`{}` is declared twice", word.text))
                        .at(word.span, "here again")
                        .also(first.span_of("name"), "first here")
                        .help("give one of them another name, or remove it"),
                );
                continue;
            }
            self.nodes.insert(word.text.clone(), node);
        }
    }

    /// Evaluates a constant behind those it needs. How many they are in a row is for the file to say: they wait in a list.
    fn evaluate(&mut self, name: &str) {
        let mut open = vec![name.to_owned()];
        while let Some(name) = open.last().cloned() {
            let Some(node) = self.nodes.get(&name).copied() else {
                open.pop();
                continue;
            };
            let slot = if node.form.word == "let" { "value" } else { "default" };
            match self.state.get(&name) {
                Some(State::Done) => {
                    open.pop();
                }
                Some(State::Running) => {
                    match self.value(&name, node, slot) {
                        Some(constant) => {
                            if let Some(scope) = self.names.scopes.get_mut(self.scope.0 as usize) {
                                scope.constants.insert(name.clone(), constant);
                            }
                        }
                        // A use of it would only say the same again.
                        None => {
                            self.names.suspects.insert(name.clone());
                        }
                    }
                    self.state.insert(name, State::Done);
                    open.pop();
                }
                None => {
                    let mut words = Vec::new();
                    if let Some(given) = node.get(slot) {
                        words_of(given.expr, &mut words);
                    }
                    self.state.insert(name, State::Running);
                    for word in words.into_iter().rev() {
                        match self.state.get(&word) {
                            Some(State::Running) => self.in_a_circle(&word),
                            Some(State::Done) => {}
                            None => open.push(word),
                        }
                    }
                }
            }
        }
    }

    fn in_a_circle(&mut self, name: &str) {
        let Some(node) = self.nodes.get(name) else { return };
        if self.names.suspects.insert(name.to_owned()) {
            self.report.push(
                Diagnostic::new(Code::NameUnknown, format!("`{name}` is defined by itself"))
                    .at(node.span_of("name"), "needs its own value")
                    .help("write its value out"),
            );
        }
    }

    fn value(&mut self, name: &str, node: &Node<'_>, slot: &str) -> Option<Constant> {
        let span = node.span_of("name");
        let mut checker =
            Checker { report: self.report, names: self.names, facts: RouteFacts { route: name.to_owned(), ..RouteFacts::default() } };
        let declared = match node.annotation("type") {
            Some(annotation) => Some(checker.type_of(annotation)?),
            None => None,
        };
        if let (Some(_), Some(Type::Secret)) = (self.given.get(name), &declared) {
            // Its value stays where it is: in the environment, under the name the deployment gives params.
            return Some(Constant { expr: Expr::Secret(Secret::Env(format!("GATE_PARAM_{name}"))), ty: Type::Secret, span });
        }
        if let (Some(text), Some(ty)) = (self.given.get(name), &declared) {
            return match from_text(text, ty) {
                Some(value) => Some(Constant { expr: value, ty: ty.clone(), span }),
                None => {
                    checker.error(
                        Code::TypeMismatch,
                        format!("`{text}`, which the deployment sets, is no `{ty}`"),
                        span,
                        format!("`{ty}`"),
                    );
                    None
                }
            };
        }
        let Some(given) = node.get(slot) else {
            if node.damaged {
                return None;
            }
            checker.report.push(Diagnostic::new(Code::PolicyArgMissing, format!("`{name}` has no value")).at(span, "no default").help(
                if self.main {
                    format!("give one with `--set {name}=…`, with GATE_PARAM_{name} for `run` and `check --env`, or a default: `= …`")
                } else {
                    "give it a default: the deployment sets params of the main file only".to_owned()
                },
            ));
            return None;
        };
        let secret_allowed = node.form.word == "param" && declared == Some(Type::Secret);
        let spot = if secret_allowed { Spot::Secret } else { Spot::Plain };
        let want = Want { ty: declared.clone(), by: Moment::Constant, spot, response: false };
        let typed = if declared.is_none() { checker.inferred(given)? } else { checker.typed(given, &want)? };
        Some(Constant { expr: typed.expr, ty: declared.unwrap_or(typed.ty), span })
    }
}

/// Bare words of an expression: they may be other constants.
fn words_of(tree: &Tree, out: &mut Vec<String>) {
    match &tree.kind {
        ExprKind::Term(term) => {
            if let [word] = term.path.as_slice() {
                out.push(word.text.clone());
            }
            for arg in term.args.iter().flatten() {
                if let Some(value) = &arg.value {
                    words_of(value, out);
                }
            }
        }
        ExprKind::List(items) => items.iter().for_each(|item| words_of(item, out)),
        ExprKind::Paren(inner) | ExprKind::Not(inner) => words_of(inner, out),
        ExprKind::Binary(left, _, right) => {
            words_of(left, out);
            words_of(right, out);
        }
        ExprKind::Text(parts) => parts.iter().for_each(|part| {
            if let TextPart::Interpolation(inner) = part {
                words_of(inner, out);
            }
        }),
        ExprKind::Literal(..) | ExprKind::Regex(_) | ExprKind::Path(_) | ExprKind::Url(_) => {}
    }
}

/// A deployment's text as a value of a type; none when it is not one. Lists are separated by commas.
pub fn from_text(text: &str, ty: &Type) -> Option<Expr> {
    let literal = |kind: LiteralKind| literal::parse(kind, text).ok().map(|(value, _)| Expr::Const(value));
    match ty {
        Type::Bool => text.parse().ok().map(|truth| Expr::Const(Value::Bool(truth))),
        Type::Int => literal(LiteralKind::Integer),
        Type::Duration => literal(LiteralKind::Duration),
        Type::Size => literal(LiteralKind::Size),
        Type::Percent => literal(LiteralKind::Percent),
        Type::Rate => literal(LiteralKind::Rate),
        Type::Date => literal(LiteralKind::Date),
        Type::Ip => text.parse().ok().map(|ip| Expr::Const(Value::Ip(ip))),
        Type::Cidr => text
            .parse::<ipnet::IpNet>()
            .ok()
            .or_else(|| text.parse::<std::net::IpAddr>().ok().map(Into::into))
            .map(|net| Expr::Const(Value::Network(net))),
        Type::Status => {
            text.parse::<u16>().ok().filter(|code| (100..=599).contains(code)).map(|code| Expr::Const(Value::Status(code, code)))
        }
        Type::Enum(choices) => choices.iter().any(|choice| choice == text).then(|| Expr::Const(Value::Text(text.into()))),
        Type::Url => text.contains("://").then(|| Expr::Const(Value::Text(text.into()))),
        Type::Path => text.starts_with('/').then(|| Expr::Const(Value::Text(text.into()))),
        Type::Str | Type::Method | Type::Host | Type::Address => Some(Expr::Const(Value::Text(text.into()))),
        Type::List(inner) | Type::Set(inner) => text
            .split(',')
            .map(|item| match from_text(item.trim(), inner)? {
                Expr::Const(value) => Some(value),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(|values| Expr::Const(Value::List(values))),
        Type::Optional(inner) => from_text(text, inner),
        Type::Range(_) | Type::Regex | Type::Secret | Type::Nothing => None,
    }
}
