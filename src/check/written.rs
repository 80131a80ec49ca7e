//! Statements as they were written, with their places: what `gate trace` and `gate test --coverage` show beside what happens.

use super::asked::Asked;
use super::declare::{Bench, FileNodes};
use super::upstream::UpstreamFacts;
use crate::diag::{Sources, Span};
use crate::ir::Statement;
use crate::lang::Node;
use crate::lang::read::Schema;
use crate::policy::Effective;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The statements in force on the routes; what many of them inherit is kept once.
#[derive(Default)]
pub struct Interned {
    known: HashSet<Arc<Statement>>,
    routes: BTreeMap<String, Vec<Arc<Statement>>>,
}

impl Interned {
    /// Notes what is in force on a route.
    pub fn route(
        &mut self,
        name: &str,
        in_force: &[Effective<'_>],
        levels: &[&[Effective<'_>]],
        hooks: &[Asked<'_, '_>],
        bench: &Bench<'_, '_>,
    ) {
        let of =
            |word: &'static str| levels.iter().flat_map(|level| level.iter()).filter(move |statement| statement.node.form.word == word);
        // Timeouts hold clause by clause, of `log` the innermost.
        let beside = of("timeout").chain(of("log").next_back());
        let hooks = hooks.iter().flat_map(|asked| asked.stages().map(|(stage, _)| hook(asked, stage, bench.sources)));
        let written = in_force.iter().chain(beside).map(|statement| self::statement(&statement.node, bench)).chain(hooks);
        let written = written.map(|statement| self.intern(statement)).collect();
        self.routes.insert(name.to_owned(), written);
    }

    fn intern(&mut self, statement: Statement) -> Arc<Statement> {
        if let Some(known) = self.known.get(&statement) {
            return Arc::clone(known);
        }
        let statement = Arc::new(statement);
        self.known.insert(Arc::clone(&statement));
        statement
    }

    /// By the routes' names.
    pub fn routes(self) -> BTreeMap<String, Vec<Arc<Statement>>> {
        self.routes
    }
}

impl<'a> Bench<'_, 'a> {
    /// The declarations of upstreams, with the statements in force on them.
    pub fn written_upstreams(&self, files: &[FileNodes<'a>], upstreams: &[UpstreamFacts<'a>]) -> Vec<Arc<Statement>> {
        let nodes = files.iter().flat_map(|file| &file.nodes).filter(|node| node.form.word == "upstream");
        let declared: Vec<&Node<'a>> = nodes.collect();
        let of = |facts: &UpstreamFacts<'a>| {
            let node = declared.iter().find(|node| node.word_in("name").is_some_and(|name| name.span == facts.name));
            let head = node.map_or(facts.name, |node| node.span);
            Arc::new(Statement {
                word: "upstream".to_owned(),
                name: Some(facts.config.name.clone()),
                stage: "call".to_owned(),
                text: folded(head, self.sources),
                place: self.sources.place(facts.name),
                clauses: facts.level.statements.iter().map(|inner| statement(&inner.node, self)).collect(),
            })
        };
        upstreams.iter().map(of).collect()
    }
}

fn statement(node: &Node<'_>, bench: &Bench<'_, '_>) -> Statement {
    Statement { stage: stage(node.form.word, bench.schema).to_owned(), ..clause(node, bench.sources) }
}

/// The `use` of a hook at one of its stages; its clause is the declaration.
fn hook(asked: &Asked<'_, '_>, stage: &str, sources: &Sources) -> Statement {
    let declared = clause(asked.node, sources);
    Statement {
        word: "use".to_owned(),
        name: declared.name.clone(),
        stage: stage.to_owned(),
        text: folded(asked.used, sources),
        place: sources.place(asked.used),
        clauses: vec![declared],
    }
}

fn clause(node: &Node<'_>, sources: &Sources) -> Statement {
    let first = node.form.slots.first().and_then(|slot| node.get(slot.name));
    let name = first.and_then(|given| match given.expr.as_word() {
        Some(word) => Some(word.text.clone()),
        None => given.expr.as_plain_text().map(str::to_owned),
    });
    // What the head says is in its own text already.
    let inside = node.children.iter().filter(|child| !within(child.span, node.span));
    Statement {
        word: node.name.to_owned(),
        name,
        stage: String::new(),
        text: folded(node.span, sources),
        place: sources.place(node.word),
        clauses: inside.map(|child| clause(child, sources)).collect(),
    }
}

fn stage(word: &str, schema: &Schema) -> &'static str {
    match word {
        "log" => "respond",
        _ => {
            // The steps of tests share some words, and have no stage.
            schema.words().find(|known| known.form.word == word && !known.stage.is_empty()).map_or("", |known| known.stage)
        }
    }
}

fn folded(span: Span, sources: &Sources) -> String {
    sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn within(inner: Span, outer: Span) -> bool {
    inner.file == outer.file && inner.start >= outer.start && inner.end <= outer.end
}
