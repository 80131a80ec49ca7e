//! `use`: a policy's statements put in force at a place, with its arguments in scope.

use super::declare::{Bench, declared_name};
use super::merge::key;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::lang::checker::{Constant, Moment, Scope, Spot, Want};
use crate::lang::form::{Declared, Merge, Place};
use crate::lang::read::{Reader, ScopeId};
use crate::lang::types::Type;
use crate::lang::usage::somewhere;
use crate::lang::{Given, Node};
use crate::policy::Effective;
use crate::syntax::ast::{Arg, ExprKind, Ident, Statement, Term};
use std::collections::HashMap;
use std::rc::Rc;

/// The statements of one level of inheritance: those of its `use`s, then its own.
#[derive(Debug, Clone, Default)]
pub struct Level<'a> {
    /// Statements.
    pub statements: Vec<Effective<'a>>,
    /// Hooks.
    pub hooks: Vec<UsedHook>,
    /// True when something in it was not understood: what is missing may be what was not understood.
    pub damaged: bool,
}

/// A hook put in force.
#[derive(Debug, Clone, Copy)]
pub struct UsedHook {
    /// Its place among the declarations.
    pub index: u16,
    /// The `use`.
    pub at: Span,
}

/// The hooks in force, the outermost first; one that is used on several levels is asked once.
pub fn hooks(levels: &[Rc<Level<'_>>]) -> Vec<UsedHook> {
    let mut found: Vec<UsedHook> = Vec::new();
    for hook in levels.iter().flat_map(|level| &level.hooks) {
        if !found.iter().any(|known| known.index == hook.index) {
            found.push(*hook);
        }
    }
    found
}

/// A declared policy, wherever it is used from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    home: ScopeId,
    name: String,
}

/// What a `use` brings.
struct Used<'a> {
    policy: Policy,
    body: Vec<Node<'a>>,
    damaged: bool,
}

/// A level while its `use`s are expanded.
struct Expansion<'a> {
    place: Place,
    /// The policies that are being expanded, outermost first.
    open: Vec<Policy>,
    /// How many have been expanded.
    expanded: usize,
    /// The uses of the block itself: what each brings has this site.
    uses: Vec<(String, Span)>,
    level: Level<'a>,
}

/// Deepest nesting of policies that use policies.
const USES_MAX: usize = 32;
/// Most policies that one block may bring into force, those counted that policies use: two `use`s in each of twenty policies
/// would be a million.
const EXPANDED_MAX: usize = 1_000;

impl<'a> Bench<'_, 'a> {
    /// The statements of a block, `use`s expanded. `site` says which block it is.
    pub fn level(&mut self, nodes: &[Node<'a>], site: &str, place: Place) -> Level<'a> {
        let mut expansion = Expansion { place, open: Vec::new(), expanded: 0, uses: Vec::new(), level: Level::default() };
        self.expand(nodes, site, &mut expansion);
        let mut level = expansion.level;
        self.conflicts(&level.statements, &expansion.uses);
        let own = nodes.iter().filter(|node| !matches!(node.form.word, "use" | "group" | "route" | "match" | "priority"));
        level.statements.extend(own.map(|node| Effective { node: node.clone(), site: site.to_owned() }));
        level
    }

    fn expand(&mut self, nodes: &[Node<'a>], site: &str, expansion: &mut Expansion<'a>) {
        for node in nodes.iter().filter(|node| node.form.word == "use") {
            let Some(given) = node.get("policy") else { continue };
            expansion.expanded += 1;
            if expansion.expanded > EXPANDED_MAX {
                if expansion.expanded == EXPANDED_MAX + 1 {
                    self.report.push(
                        Diagnostic::new(Code::PolicyUseCycle, format!("a block brings more than {EXPANDED_MAX} policies into force"))
                            .at(given.expr.span, "one too many, those counted that policies use")
                            .help("let policies use fewer policies, or each of them once"),
                    );
                }
                expansion.level.damaged = true;
                return;
            }
            if let Some(index) = self.hook(given) {
                expansion.level.hooks.push(UsedHook { index, at: node.word.to(node.span) });
                continue;
            }
            let Some(used) = self.used(given, &expansion.open) else {
                expansion.level.damaged = true;
                continue;
            };
            expansion.level.damaged |= used.damaged;
            let inner_site = format!("{site}, use {}", self.sources.text(given.expr.span));
            if let Some((_, first)) = expansion.uses.iter().find(|(known, _)| *known == inner_site) {
                self.report.push(
                    Diagnostic::new(Code::SchemaRepeated, format!("policy `{}` is used twice in one block", used.policy.name))
                        .at(given.expr.span, "here again")
                        .also(*first, "first here")
                        .help("remove one: the second changes nothing")
                        .fix("remove the second", vec![Edit { span: node.word.to(node.span), text: String::new() }]),
                );
                continue;
            }
            expansion.uses.push((inner_site.clone(), given.expr.span));
            expansion.open.push(used.policy);
            self.expand(&used.body, &inner_site, expansion);
            expansion.open.pop();
            for node in used.body.into_iter().filter(|node| node.form.word != "use") {
                if self.schema.word(node.form.word, expansion.place).is_some() {
                    expansion.level.statements.push(Effective { node, site: inner_site.clone() });
                } else {
                    self.misplaced(&node, given, expansion.place);
                }
            }
        }
    }

    /// The hook that a `use` names; hooks take no arguments.
    fn hook(&self, given: Given<'_>) -> Option<u16> {
        let path = given.expr.as_reference()?;
        let policy = self.names.declaration(Declared::Policy, given.scope, path);
        let hook = self.names.declaration(Declared::Hook, given.scope, path);
        hook.filter(|_| policy.is_none()).and_then(|(_, declaration)| u16::try_from(declaration.index).ok())
    }

    /// A policy's statement that means nothing where the policy is used: ignoring it would change what the policy says.
    fn misplaced(&mut self, node: &Node<'a>, at: Given<'a>, place: Place) {
        let homes = self.schema.homes(node.form.word).into_iter().filter(|home| home != Place::Policy.within()).collect::<Vec<_>>();
        self.report.push(
            Diagnostic::new(Code::SchemaWrongBlock, format!("this policy says `{}`, which has no meaning {}", node.name, place.within()))
                .at(at.expr.span, "not to be used here")
                .also(node.word, "said here")
                .help(format!("`{}` belongs {}", node.name, somewhere(&homes))),
        );
    }

    /// The statements of the policy that a `use` names, in a scope of their own with its arguments.
    fn used(&mut self, given: Given<'a>, open: &[Policy]) -> Option<Used<'a>> {
        let ExprKind::Term(Term { path, args, .. }) = &given.expr.kind else {
            self.report.push(Diagnostic::new(Code::SchemaArity, "`use` takes the name of a policy").at(given.expr.span, ""));
            return None;
        };
        let name = path.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
        let Some((home, _)) = self.names.declaration(Declared::Policy, given.scope, path) else {
            let reference = crate::syntax::ast::Expr {
                kind: ExprKind::Term(Term { path: path.clone(), args: None, generics: Vec::new(), optional: false }),
                span: path.first().map_or(given.expr.span, |first| first.span.to(path.last().map_or(first.span, |last| last.span))),
            };
            self.checker("use").declared(Given { expr: &reference, scope: given.scope }, Declared::Policy);
            return None;
        };
        let last = path.last()?;
        let policy = Policy { home, name: last.text.clone() };
        if open.contains(&policy) || open.len() >= USES_MAX {
            let circle = open.iter().skip_while(|before| **before != policy).chain([&policy]);
            let circle = circle.map(|policy| format!("`{}`", policy.name)).collect::<Vec<_>>().join(" uses ");
            self.report.push(
                Diagnostic::new(Code::PolicyUseCycle, format!("policy `{name}` uses itself"))
                    .at(given.expr.span, "leads back here")
                    .help(format!("the circle: {circle}; move what both need into another policy")),
            );
            return None;
        }
        let statement = self.policy_statement(home, &last.text)?;
        let declared = parameters(statement);
        let scope = self.arguments(home, declared, args.as_deref().unwrap_or_default(), given, &name)?;
        let (body, damaged) = self.policy_body(statement, scope);
        Some(Used { policy, body, damaged })
    }

    fn policy_statement(&self, home: ScopeId, name: &str) -> Option<&'a Statement> {
        let module = self.modules.get(home.0 as usize)?;
        module.ast.body.statements.iter().find(|statement| {
            statement.word.text == "policy"
                && policy_term(statement).is_some_and(|term| term.path.first().is_some_and(|found| found.text == name))
        })
    }

    fn policy_body(&mut self, statement: &'a Statement, scope: ScopeId) -> (Vec<Node<'a>>, bool) {
        let Some(block) = &statement.block else { return (Vec::new(), false) };
        let mut reader = Reader { schema: self.schema, report: self.report, suspects: &mut self.names.suspects };
        reader.body(block, Place::Policy, scope)
    }

    /// Reads a declared policy with what is known without a use: its parameters are left to their defaults.
    pub fn declared_policy(&mut self, node: &Node<'a>, home: ScopeId) {
        let Some(name) = declared_name(node) else { return };
        if let Some(statement) = self.policy_statement(home, &name.text) {
            for arg in parameters(statement) {
                let mut checker = self.checker(&name.text);
                match (&arg.name, &arg.annotation) {
                    (Some(_), Some(annotation)) => {
                        checker.type_of(annotation);
                    }
                    _ => {
                        let found = Diagnostic::new(Code::SchemaArity, "a parameter has a name and a type").at(arg.span, "");
                        checker.report.push(found.help("write `name: type` or `name: type = default`"));
                    }
                }
            }
        }
    }

    fn arguments(&mut self, home: ScopeId, declared: &'a [Arg], given: &'a [Arg], at: Given<'a>, policy: &str) -> Option<ScopeId> {
        let mut constants: HashMap<String, Constant> = HashMap::new();
        let mut complete = true;
        for name in given.iter().filter_map(|arg| arg.name.as_ref()) {
            if !declared.iter().any(|known| known.name.as_ref().is_some_and(|known| known.text == name.text)) {
                let known: Vec<&str> = declared.iter().filter_map(|known| known.name.as_ref().map(|name| name.text.as_str())).collect();
                let mut found = Diagnostic::new(Code::PolicyArgUnknown, format!("policy `{policy}` has no parameter `{}`", name.text))
                    .at(name.span, "not a parameter of it");
                let spans = declared.iter().filter_map(|known| known.name.as_ref()).map(|known| (known.text.as_str(), known.span));
                self.names.missed_idle(name.span, &name.text, spans);
                if let Some(near) = crate::diag::suggest::near(&name.text, known.iter().copied()) {
                    found = found.maybe(near.word);
                } else if known.is_empty() {
                    found = found.help("it takes no parameters");
                } else {
                    found = found.help(format!("it takes {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")));
                }
                self.report.push(found);
                complete = false;
            }
        }
        let names: Vec<&Ident> = given.iter().filter_map(|arg| arg.name.as_ref()).collect();
        for (at, name) in names.iter().enumerate() {
            if let Some(first) = names.iter().take(at).find(|first| first.text == name.text) {
                self.report.push(
                    Diagnostic::new(Code::NameDuplicate, format!("`{}` is given twice", name.text))
                        .at(name.span, "here again")
                        .also(first.span, "first here")
                        .help("keep one of them"),
                );
                complete = false;
            }
        }
        let unnamed = given.iter().any(|arg| arg.name.is_none());
        if let Some(unnamed) = given.iter().find(|arg| arg.name.is_none()) {
            self.report.push(
                Diagnostic::new(Code::PolicyArgUnknown, "arguments are given by name")
                    .at(unnamed.span, "whose value?")
                    .help("write `use name(parameter = value)`"),
            );
            complete = false;
        }
        for parameter in declared {
            let (Some(name), Some(annotation)) = (&parameter.name, &parameter.annotation) else { continue };
            let ty = self.checker(policy).type_of(annotation)?;
            if given.iter().any(|arg| arg.name.as_ref().is_some_and(|found| found.text == name.text)) {
                self.names.put_to_use(name.span);
            }
            let argument =
                given.iter().find(|arg| arg.name.as_ref().is_some_and(|found| found.text == name.text)).and_then(|arg| arg.value.as_ref());
            let (expr, scope) = match (argument, &parameter.value) {
                (Some(expr), _) => (expr, at.scope),
                (None, Some(expr)) => (expr, home),
                (None, None) => {
                    // What has no name may be the one that is missing.
                    if !unnamed {
                        self.missing(name, at, policy);
                    }
                    complete = false;
                    continue;
                }
            };
            let spot = if ty == Type::Secret { Spot::Secret } else { Spot::Plain };
            let want = Want { ty: Some(ty.clone()), by: Moment::Constant, spot, response: false };
            match self.checker(policy).typed(Given { expr, scope }, &want) {
                Some(typed) => {
                    constants.insert(name.text.clone(), Constant { expr: typed.expr, ty, span: name.span });
                }
                None => complete = false,
            }
        }
        if !complete {
            return None;
        }
        let scope = ScopeId(u32::try_from(self.names.scopes.len()).ok()?);
        let folder = self.names.scope(home).map(|scope| scope.folder.clone()).unwrap_or_default();
        self.names.scopes.push(Scope { parent: Some(home), constants, imports: HashMap::new(), folder });
        Some(scope)
    }

    fn missing(&mut self, name: &Ident, at: Given<'a>, policy: &str) {
        self.report.push(
            Diagnostic::new(Code::PolicyArgMissing, format!("policy `{policy}` needs `{}`", name.text))
                .at(at.expr.span, format!("without `{}`", name.text))
                .also(name.span, "has no default")
                .help(format!("write `use {policy}({} = …)`", name.text)),
        );
    }

    /// Two `use`s of one level that both set what can be set once: which one wins must not depend on their order.
    fn conflicts(&mut self, statements: &[Effective<'a>], uses: &[(String, Span)]) {
        let mut seen: HashMap<(&'static str, String), &Effective<'a>> = HashMap::new();
        for statement in statements {
            for thing in self.set_once(statement) {
                match seen.get(&thing) {
                    Some(first) if first.site != statement.site => {
                        let used = |site: &str| uses.iter().find(|(known, _)| known == site).map(|(_, span)| *span);
                        let found =
                            Diagnostic::new(Code::PolicyConflict, format!("two policies used here both set `{}`", set_name(&thing)));
                        // One policy used with different arguments: what differs is said where it is used.
                        let found = match (used(&statement.site), used(&first.site)) {
                            (Some(second), Some(before)) if first.node.span == statement.node.span => {
                                found.at(second, "used here").also(before, "and here").also(statement.node.span, "set by both")
                            }
                            _ => found.at(statement.node.span, "set here").also(first.node.span, "set here as well"),
                        };
                        self.report.push(found.help("use one of them here, or set it in the block itself"));
                    }
                    Some(_) => {}
                    None => {
                        seen.insert(thing, statement);
                    }
                }
            }
        }
    }

    /// What a statement sets that can be set once: itself, its clauses, or the name it declares.
    fn set_once(&self, statement: &Effective<'a>) -> Vec<(&'static str, String)> {
        let node = &statement.node;
        let word = node.form.word;
        match self.schema.merge(word) {
            Some(Merge::Single) => vec![(word, String::new())],
            Some(Merge::Keyed) => vec![(word, key(node))],
            Some(Merge::Fields) => node.children.iter().map(|child| (word, child.form.word.to_owned())).collect(),
            Some(Merge::Lines | Merge::Conjunctive) | None => Vec::new(),
        }
    }
}

fn set_name((word, part): &(&'static str, String)) -> String {
    if part.is_empty() { (*word).to_owned() } else { format!("{word} {part}") }
}

fn policy_term(statement: &Statement) -> Option<&Term> {
    match &statement.clauses.first()?.kind {
        crate::syntax::ast::ClauseKind::Expr(expr) => match &expr.kind {
            ExprKind::Term(term) => Some(term),
            _ => None,
        },
        _ => None,
    }
}

fn parameters(statement: &Statement) -> &[Arg] {
    policy_term(statement).and_then(|term| term.args.as_deref()).unwrap_or_default()
}
