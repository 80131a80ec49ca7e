//! Files to nodes, nodes to declarations, declarations to the program.

use super::load::Module;
use super::uses::Level;
use super::written::Interned;
use super::{Options, breaker, explain::Explained, gateway, invariant, listen, operate, order, route, script, together};
use crate::diag::{Code, Diagnostic, FileId, Report, Sources, Span};
use crate::ir::{self, Program};
use crate::lang::Node;
use crate::lang::checker::{Checker, Declaration, Moment, Names, RouteFacts, Scope};
use crate::lang::form::{Declared, Place};
use crate::lang::read::{Reader, Schema, ScopeId};
use crate::meter::{NO_ROUTE, PAST_ROUTES};
use crate::policy::auth;
use crate::syntax::ast::{ClauseKind, Ident};
use crate::upstream;
use std::collections::HashMap;

/// A file's statements.
pub struct FileNodes<'a> {
    /// Its names.
    pub scope: ScopeId,
    /// Which file.
    pub file: FileId,
    /// Its statements.
    pub nodes: Vec<Node<'a>>,
    /// True when a statement was not understood.
    pub damaged: bool,
}

/// Reads every file's statements and collects what they declare.
pub fn read<'a>(modules: &'a [Module], schema: &Schema, names: &mut Names, report: &mut Report) -> Vec<FileNodes<'a>> {
    let mut files = Vec::new();
    for (at, module) in modules.iter().enumerate() {
        let scope = ScopeId(u32::try_from(at).unwrap_or(u32::MAX));
        let imports = module.imports.iter().map(|(name, scope)| (name.text.clone(), *scope)).collect();
        names.scopes.push(Scope { folder: module.folder.clone(), imports, ..Scope::default() });
        names.import_spans.extend(module.imports.iter().map(|(name, _)| ((scope, name.text.clone()), name.span)));
        imported(module, names, report);
        for broken in &module.ast.broken {
            names.suspects.extend(broken.words.iter().map(|word| word.text.clone()));
        }
        let mut reader = Reader { schema, report, suspects: &mut names.suspects };
        let (nodes, damaged) = reader.body(&module.ast.body, Place::File, scope);
        if at + 1 < modules.len() {
            only_declarations(&nodes, report);
        }
        files.push(FileNodes { scope, file: module.ast.file, nodes, damaged });
    }
    collect(&files, names, report);
    files
}

/// An import that could not be loaded declares its name all the same; two of one name are a mistake.
fn imported(module: &Module, names: &mut Names, report: &mut Report) {
    for (at, (name, _)) in module.imports.iter().enumerate() {
        if let Some((first, _)) = module.imports.iter().take(at).find(|(before, _)| before.text == name.text) {
            report.push(
                Diagnostic::new(Code::NameDuplicate, format!("two files are imported as `{}`", name.text))
                    .at(name.span, "here again")
                    .also(first.span, "first here")
                    .help("give one of them another name"),
            );
        }
    }
    for statement in module.ast.body.statements.iter().filter(|statement| statement.word.text == "import") {
        let words = statement.clauses.iter().filter_map(|clause| match &clause.kind {
            ClauseKind::Expr(expr) => expr.as_word().map(|word| word.text.as_str()),
            _ => None,
        });
        let lost = words.filter(|word| module.imports.iter().all(|(name, _)| name.text != *word));
        names.suspects.extend(lost.map(str::to_owned));
    }
}

fn only_declarations(nodes: &[Node<'_>], report: &mut Report) {
    for node in nodes
        .iter()
        .filter(|node| !matches!(node.form.word, "gate" | "import" | "let" | "param" | "policy" | "auth" | "store" | "upstream"))
    {
        report.push(
            Diagnostic::new(Code::SchemaWrongBlock, format!("an imported file holds no `{}`", node.name))
                .at(node.word, "not in an imported file")
                .help("a module holds `let`, `param`, `policy`, `auth`, `store` and `upstream`"),
        );
    }
}

fn collect(files: &[FileNodes<'_>], names: &mut Names, report: &mut Report) {
    let mut counts: HashMap<Declared, usize> = HashMap::new();
    for file in files {
        for node in &file.nodes {
            declare(node, file.scope, names, &mut counts, report);
        }
        groups(&file.nodes, report);
    }
}

/// Groups side by side have different names: a limit is told from others by the group that declares it.
fn groups(nodes: &[Node<'_>], report: &mut Report) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for node in nodes.iter().filter(|node| node.form.word == "group") {
        groups(&node.statements, report);
        let Some(name) = node.word_in("name") else { continue };
        if let Some(first) = seen.insert(&name.text, name.span) {
            report.push(
                Diagnostic::new(Code::NameDuplicate, format!("group `{}` is declared twice", name.text))
                    .at(name.span, "here again")
                    .also(first, "first here")
                    .help("give one of them another name: its limits are told apart by it"),
            );
        }
    }
}

fn declare(node: &Node<'_>, scope: ScopeId, names: &mut Names, counts: &mut HashMap<Declared, usize>, report: &mut Report) {
    let kind = match node.form.word {
        "upstream" => Declared::Upstream,
        "auth" => Declared::Auth,
        "policy" => Declared::Policy,
        "route" => Declared::Route,
        "store" => Declared::Store,
        "flag" => Declared::Flag,
        "hook" => Declared::Hook,
        "group" => {
            for inner in node.statements.iter().filter(|inner| matches!(inner.form.word, "group" | "route")) {
                declare(inner, scope, names, counts, report);
            }
            return;
        }
        _ => return,
    };
    let Some(name) = declared_name(node) else {
        if !node.damaged {
            report.push(
                Diagnostic::new(Code::SchemaArity, format!("`{}` needs a name", node.name))
                    .at(node.span_of("name"), "no name")
                    .help("a name begins with a letter or `_`; letters, digits, `_` and `-` follow"),
            );
        }
        return;
    };
    if kind == Declared::Route && matches!(name.text.as_str(), NO_ROUTE | PAST_ROUTES) {
        report.push(
            Diagnostic::new(Code::NameReserved, format!("no route is called `{}`: metrics count others under it", name.text))
                .at(name.span, "means something already")
                .help("choose another name"),
        );
    }
    let index = counts.entry(kind).or_insert(0);
    let declaration = Declaration { index: *index, span: name.span };
    *index += 1;
    let key = (kind, scope, name.text.clone());
    if let Some(first) = names.declared.get(&key) {
        report.push(
            Diagnostic::new(Code::NameDuplicate, format!("{} `{}` is declared twice", kind.word(), name.text))
                .at(name.span, "here again")
                .also(first.span, "first here")
                .help("give one of them another name, or remove it"),
        );
        return;
    }
    names.declared.insert(key, declaration);
}

/// The name a declaration gives; of `policy name(param: type)` it is `name`.
pub fn declared_name<'a>(node: &Node<'a>) -> Option<&'a Ident> {
    let given = node.get("name")?;
    given.expr.as_word().or_else(|| match &given.expr.kind {
        crate::syntax::ast::ExprKind::Term(term) if node.form.word == "policy" => term.path.first().filter(|_| term.path.len() == 1),
        _ => None,
    })
}

/// Declarations that no route is made of.
#[derive(Default)]
struct Operated {
    stores: Vec<ir::operate::Store>,
    flags: Vec<ir::operate::Flag>,
    /// As declared; none where one is broken.
    hooks: Vec<Option<ir::operate::Hook>>,
}

/// What the program is put together with.
pub struct Bench<'b, 'a> {
    /// The files' trees.
    pub modules: &'a [Module],
    /// All statements.
    pub schema: &'b Schema,
    /// All names; grows by a scope for each use of a policy.
    pub names: Names,
    /// Where findings go.
    pub report: &'b mut Report,
    /// The texts.
    pub sources: &'b Sources,
}

impl<'a> Bench<'_, 'a> {
    /// A checker for statements outside routes.
    pub fn checker(&mut self, about: &str) -> Checker<'_> {
        Checker { report: self.report, names: &self.names, facts: RouteFacts { route: about.to_owned(), ..RouteFacts::default() } }
    }

    /// Puts the program together.
    pub fn program(&mut self, files: &[FileNodes<'a>], options: &Options) -> (Option<Program>, Option<Explained>) {
        let main = files.last();
        let nodes: &[Node<'a>] = main.map_or(&[], |file| &file.nodes);
        let auths = self.auths(files);
        let operated = self.operated(files, auths.as_deref());
        let gateway_level = self.gateway_level(nodes);
        let upstreams = self.upstreams(files, &gateway_level, auths.as_deref());
        self.policies(files);
        let gateway = gateway::gateway(&gateway_level, self);
        let doors = together::doors(&gateway_level, self);
        together::loops(&upstreams, &doors, self);
        let drain_at = gateway_level.statements.iter().rfind(|statement| statement.node.form.word == "drain").map(|drain| drain.node.span);
        for facts in &upstreams {
            together::past_drain(facts.timeouts.total(), gateway.drain, drain_at, self.report);
        }
        let auth_nodes = files.iter().flat_map(|file| &file.nodes).filter(|node| node.form.word == "auth" && declared_name(node).is_some());
        let hook_nodes = files.iter().flat_map(|file| &file.nodes).filter(|node| node.form.word == "hook" && declared_name(node).is_some());
        let listens = gateway_level.statements.iter().map(|statement| &statement.node).filter(|node| node.form.word == "listen");
        let entrances = listen::entrances(listens, &gateway);
        let mut routes = route::Routes {
            auth_nodes: auth_nodes.collect(),
            hooks: hook_nodes.zip(operated.hooks.iter().map(Option::as_ref)).collect(),
            auths: auths.as_deref(),
            auth_facts: auths.iter().flatten().map(auth::auth_fact).collect(),
            upstreams: &upstreams,
            gateway: &gateway,
            credentials: auths.iter().flatten().flat_map(order::credentials).collect(),
            entrances: entrances.clone(),
            explain: options.explain.as_deref(),
            called: Vec::new(),
            drain_at,
            shadows: together::Shadows::default(),
            found: Vec::new(),
            written: Interned::default(),
            explained: None,
        };
        routes.all(nodes, gateway_level, self);
        let route::Routes { auth_nodes, found, called, written, explained, shadows, .. } = routes;
        breaker::breakers(&upstreams, &called, self.report);
        shadows.report(self.report);
        self.listeners(nodes, main.is_some_and(|file| file.damaged), &gateway, found.is_empty());
        let found = order::order(found, &entrances, self.report);
        invariant::invariants(nodes, &found, auths.as_deref(), &entrances, self);
        let (routes, _): (Vec<ir::Route>, Vec<route::Spans>) = found.into_iter().unzip();
        together::plaintext_passwords(&routes, auths.as_deref().unwrap_or_default(), &auth_nodes, &doors, self.report);
        let written = ir::Written { routes: written.routes(), upstreams: self.written_upstreams(files, &upstreams) };
        let upstreams: Vec<upstream::Config> = upstreams.into_iter().map(|upstream| upstream.config).collect();
        let uncertain = auths.is_none() || files.iter().any(|file| file.damaged);
        let tests = script::tests(nodes, &routes, uncertain, self);
        let (stores, flags, hooks) = (operated.stores, operated.flags, operated.hooks.into_iter().flatten().collect());
        (auths.map(|auths| Program { gateway, upstreams, auths, routes, stores, flags, hooks, tests, written }), explained)
    }

    /// Declared auths, by their place among the declarations; none when one of them is broken.
    fn auths(&mut self, files: &[FileNodes<'a>]) -> Option<Vec<auth::Declared>> {
        let mut auths = Vec::new();
        for file in files {
            for node in file.nodes.iter().filter(|node| node.form.word == "auth" && declared_name(node).is_some()) {
                let index = u16::try_from(auths.len()).unwrap_or(u16::MAX);
                auths.push(auth::declare(node, &mut self.checker("auth")));
                let rows = ["claims", "attributes"].into_iter().filter_map(|word| node.child(word)).flat_map(|child| &child.children);
                self.names.attributes.extend(rows.map(|row| ((index, row.name.to_owned()), row.word)));
            }
        }
        auths.into_iter().collect()
    }

    /// Stores, flags and hooks, by their places among the declarations of their kind.
    fn operated(&mut self, files: &[FileNodes<'a>], auths: Option<&[auth::Declared]>) -> Operated {
        let mut found = Operated::default();
        let mut checker = self.checker("gateway");
        checker.facts = super::upstream::anyone(auths);
        let (mut moments, mut keys) = (Vec::new(), Vec::new());
        for node in files.iter().flat_map(|file| &file.nodes) {
            match node.form.word {
                "store" => found.stores.extend(operate::store(node, &mut checker)),
                "flag" => {
                    let (flag, moment) = operate::flag(node, &mut checker).unzip();
                    if declared_name(node).is_some() {
                        moments.push(moment.unwrap_or(Moment::Accept));
                        keys.push(flag.as_ref().and_then(|flag| flag.by.clone()));
                    }
                    found.flags.extend(flag);
                }
                "hook" if declared_name(node).is_some() => found.hooks.push(operate::hook(node, &mut checker)),
                _ => {}
            }
        }
        self.names.flags = moments;
        self.names.flag_keys = keys;
        found
    }

    fn gateway_level(&mut self, nodes: &[Node<'a>]) -> Level<'a> {
        let mut gateways = nodes.iter().filter(|node| node.form.word == "gateway");
        let Some(first) = gateways.next() else { return Level::default() };
        if let Some(second) = gateways.next() {
            self.report.push(
                Diagnostic::new(Code::SchemaRepeated, "a file has one `gateway`")
                    .at(second.span, "here again")
                    .also(first.span, "first here")
                    .help("put both into one"),
            );
        }
        let mut level = self.level(&first.statements, "gateway", Place::Gateway);
        level.damaged |= first.damaged;
        level
    }

    /// Every policy is read once with its defaults, used or not, so that faults in it are found.
    fn policies(&mut self, files: &[FileNodes<'a>]) {
        for file in files {
            for node in file.nodes.iter().filter(|node| node.form.word == "policy") {
                self.declared_policy(node, file.scope);
            }
        }
    }

    fn listeners(&mut self, nodes: &[Node<'a>], damaged: bool, gateway: &ir::Gateway, no_routes: bool) {
        let damaged = damaged
            || nodes
                .iter()
                .filter(|node| node.form.word == "gateway")
                .any(|node| node.damaged || node.statements.iter().any(|inner| inner.form.word == "listen"));
        if !no_routes && gateway.listeners.is_empty() && !damaged {
            let at = nodes.iter().find(|node| node.form.word == "gateway").or_else(|| nodes.iter().find(|node| node.form.word == "route"));
            let span = at.map_or_else(Span::default, |node| node.word);
            self.report.push(
                Diagnostic::new(Code::SchemaMissingKey, "a file with routes says where to listen")
                    .at(span, "no `listen`")
                    .help("add `gateway { listen :8080 }`"),
            );
        }
    }
}
