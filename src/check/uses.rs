//! `use`: a policy's statements put in force at a place, with its arguments in scope.

use super::declare::{Bench, declared_name};
use crate::diag::{Code, Diagnostic};
use crate::lang::checker::{Constant, Moment, Scope, Spot, Want};
use crate::lang::form::{Declared, Merge, Place};
use crate::lang::read::{Reader, ScopeId};
use crate::lang::types::Type;
use crate::lang::{Given, Node};
use crate::policy::Effective;
use crate::syntax::ast::{Arg, ExprKind, Ident, Statement, Term};
use std::collections::HashMap;

/// The statements of one level of inheritance: those of its `use`s, then its own.
#[derive(Debug, Clone, Default)]
pub struct Level<'a> {
    /// Statements.
    pub statements: Vec<Effective<'a>>,
}

/// Deepest nesting of policies that use policies.
const USES_MAX: usize = 32;

impl<'a> Bench<'_, 'a> {
    /// The statements of a block, `use`s expanded. `site` says which block it is.
    pub fn level(&mut self, nodes: &[Node<'a>], site: &str) -> Level<'a> {
        let mut statements = Vec::new();
        self.expand(nodes, site, &mut Vec::new(), &mut statements);
        self.conflicts(&statements);
        let own = nodes.iter().filter(|node| !matches!(node.form.word, "use" | "group" | "route" | "match" | "priority"));
        statements.extend(own.map(|node| Effective { node: node.clone(), site: site.to_owned() }));
        Level { statements }
    }

    fn expand(&mut self, nodes: &[Node<'a>], site: &str, open: &mut Vec<String>, out: &mut Vec<Effective<'a>>) {
        for node in nodes.iter().filter(|node| node.form.word == "use") {
            let Some(given) = node.get("policy") else { continue };
            let Some((body, name)) = self.used(given, open) else { continue };
            let inner_site = format!("{site}, use {}", self.sources.text(given.expr.span));
            open.push(name);
            self.expand(&body, &inner_site, open, out);
            open.pop();
            let own = body.into_iter().filter(|node| node.form.word != "use");
            out.extend(own.map(|node| Effective { node, site: inner_site.clone() }));
        }
    }

    /// The statements of the policy that a `use` names, in a scope of their own with its arguments.
    fn used(&mut self, given: Given<'a>, open: &[String]) -> Option<(Vec<Node<'a>>, String)> {
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
        if open.contains(&name) || open.len() >= USES_MAX {
            self.report.push(
                Diagnostic::new(Code::PolicyUseCycle, format!("policy `{name}` uses itself"))
                    .at(given.expr.span, "leads back here")
                    .help(format!("the circle: {}", open.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" uses "))),
            );
            return None;
        }
        let last = path.last()?;
        let statement = self.policy_statement(home, &last.text)?;
        let declared = parameters(statement);
        let scope = self.arguments(home, declared, args.as_deref().unwrap_or_default(), given, &name)?;
        Some((self.policy_body(statement, scope), name))
    }

    fn policy_statement(&self, home: ScopeId, name: &str) -> Option<&'a Statement> {
        let module = self.modules.get(home.0 as usize)?;
        module.ast.body.statements.iter().find(|statement| {
            statement.word.text == "policy"
                && policy_term(statement).is_some_and(|term| term.path.first().is_some_and(|found| found.text == name))
        })
    }

    fn policy_body(&mut self, statement: &'a Statement, scope: ScopeId) -> Vec<Node<'a>> {
        let Some(block) = &statement.block else { return Vec::new() };
        let mut reader = Reader { schema: self.schema, report: self.report, suspects: &mut self.names.suspects };
        reader.body(block, Place::Policy, scope).0
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
        for (name, arg) in given.iter().filter_map(|arg| arg.name.as_ref().map(|name| (name, arg))) {
            if !declared.iter().any(|known| known.name.as_ref().is_some_and(|known| known.text == name.text)) {
                let known: Vec<&str> = declared.iter().filter_map(|known| known.name.as_ref().map(|name| name.text.as_str())).collect();
                let mut found =
                    Diagnostic::new(Code::PolicyArgUnknown, format!("policy `{policy}` has no parameter `{}`", name.text)).at(arg.span, "");
                if let Some(near) = crate::diag::suggest::nearest(&name.text, known.iter().copied()) {
                    found = found.help(format!("did you mean `{near}`?"));
                }
                self.report.push(found);
                complete = false;
            }
        }
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
            let argument =
                given.iter().find(|arg| arg.name.as_ref().is_some_and(|found| found.text == name.text)).and_then(|arg| arg.value.as_ref());
            let (expr, scope) = match (argument, &parameter.value) {
                (Some(expr), _) => (expr, at.scope),
                (None, Some(expr)) => (expr, home),
                (None, None) => {
                    self.missing(name, at, policy);
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

    /// Two `use`s of one level that both set what can be set once.
    fn conflicts(&mut self, statements: &[Effective<'a>]) {
        let mut seen: HashMap<&'static str, &Effective<'a>> = HashMap::new();
        for statement in statements {
            let word = statement.node.form.word;
            let single = self.schema.words().any(|known| known.form.word == word && known.merge == Merge::Single);
            if !single {
                continue;
            }
            match seen.get(word) {
                Some(first) if first.site != statement.site => self.report.push(
                    Diagnostic::new(Code::PolicyConflict, format!("two policies used here both set `{word}`"))
                        .at(statement.node.span, "set here")
                        .also(first.node.span, "and here")
                        .help("use one of them here, or set it in the block itself"),
                ),
                Some(_) => {}
                None => {
                    seen.insert(word, statement);
                }
            }
        }
    }
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
