//! `gate explain ROUTE`: what is in force on a route, stage by stage, with where each setting came from.

use super::asked::Asked;
use super::calls::retry_in_force;
use super::merge;
use super::upstream::UpstreamFacts;
use crate::diag::{Sources, Span};
use crate::http::UpstreamIndex;
use crate::ir::{Route, Target};
use crate::lang::Node;
use crate::lang::form::{Form, Kind, Mark, Merge, Word};
use crate::lang::literal;
use crate::policy::limit::{Algorithm, Bound, Limit};
use crate::policy::stage::{Place, STAGES};
use crate::policy::{self, Config, Effective, auth};
use crate::upstream::check::Timeouts;
use serde::Serialize;

/// What is in force on a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The route's name.
    pub route: String,
    /// What it takes.
    pub takes: String,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Its pipeline.
    pub lines: Vec<Line>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The stage it belongs to.
    pub stage: &'static str,
    /// The setting, as it would be written.
    pub setting: String,
    /// `file:line`, or `default`.
    pub from: String,
    /// 0 for a statement, 1 for a clause of it, and so on.
    pub depth: usize,
}

/// What a route's explanation is made of besides the route.
pub struct Context<'e, 'a> {
    /// Statements in force.
    pub in_force: &'e [Effective<'a>],
    /// Statements of all levels, the gateway's first.
    pub levels: &'e [&'e [Effective<'a>]],
    /// The hooks that are asked.
    pub hooks: &'e [Asked<'e, 'a>],
    /// Upstreams.
    pub upstreams: &'e [UpstreamFacts<'a>],
    /// The declarations of auths, in their order.
    pub auths: &'e [&'e Node<'a>],
    /// What the groups and the route say of timeouts.
    pub timeouts: Timeouts,
    /// The texts.
    pub sources: &'e Sources,
}

/// Explains a route.
pub fn explain(route: &Route, context: &Context<'_, '_>) -> Explained {
    let mut lines = Lines { sources: context.sources, lines: Vec::new(), behind: None };
    let key = &route.key;
    let takes = format!("{} {}", key.methods.names().collect::<Vec<_>>().join(","), key.pattern.text());
    lines.gateway(context);
    lines.add("normalise", 0, "framing, Host and size checks, RFC 9112", DEFAULT);
    lines.add("normalise", 0, "path normalised once, RFC 3986 §6", DEFAULT);
    lines.add("match", 0, &takes, &route.place);
    for host in &key.hosts {
        lines.add("match", 0, &format!("host {host}"), &route.place);
    }
    lines.add("match", 0, &format!("priority {}", key.priority), if key.priority == 0 { DEFAULT } else { &route.place });
    for statement in context.in_force {
        let limit = limit(statement, route);
        lines.behind = limit.filter(|limit| limit.by_identity).map(|_| Place::Authorize);
        lines.statement(&statement.node, stage_of(statement), 0);
        if let Some(limit) = limit {
            lines.burst(&statement.node, limit);
        }
    }
    lines.behind = None;
    lines.auths(route, context);
    lines.hooks(context.hooks);
    lines.body(context);
    lines.calls(route, context);
    lines.add("respond", 0, "request id returned; errors as application/problem+json, RFC 9457", DEFAULT);
    let mut lines = lines.lines;
    let order = |stage: &str| STAGES.iter().position(|known| *known == stage).unwrap_or(STAGES.len());
    lines.sort_by_key(|(line, behind)| (order(behind.map_or(line.stage, Place::name)), behind.is_some()));
    Explained { route: route.name.clone(), takes, doc: route.doc.clone(), lines: lines.into_iter().map(|(line, _)| line).collect() }
}

/// Where a setting comes from that nobody wrote.
const DEFAULT: &str = "default";

fn stage_of(statement: &Effective<'_>) -> &'static str {
    let word = statement.node.form.word;
    policy::ALL.iter().flat_map(|entry| entry.words).find(|known| known.form.word == word).map_or("", |known| known.stage)
}

/// The limit that a statement declares.
fn limit<'r>(statement: &Effective<'_>, route: &'r Route) -> Option<&'r Limit> {
    let name = statement.node.word_in("name").filter(|_| statement.node.form.word == "limit")?;
    route.policies.iter().find_map(|policy| match policy {
        Config::Limit(limits) => limits.limits.iter().find(|limit| limit.name == name.text),
        _ => None,
    })
}

struct Lines<'s> {
    sources: &'s Sources,
    /// Each with what it runs behind, where it does not run at its stage's own place.
    lines: Vec<(Line, Option<Place>)>,
    /// What the lines that are added run behind: limits that ask who calls, and hooks.
    behind: Option<Place>,
}

impl Lines<'_> {
    fn add(&mut self, stage: &'static str, depth: usize, setting: &str, from: &str) {
        self.lines.push((Line { stage, setting: setting.to_owned(), from: from.to_owned(), depth }, self.behind));
    }

    /// A statement's head as written, the clauses of its block, and its defaults.
    fn statement(&mut self, node: &Node<'_>, stage: &'static str, depth: usize) {
        self.written(node, stage, depth);
        for missing in defaults(node) {
            self.add(stage, depth + 1, missing, DEFAULT);
        }
    }

    fn written(&mut self, node: &Node<'_>, stage: &'static str, depth: usize) {
        let place = self.sources.place(node.word);
        self.add(stage, depth, &self.text(node.span), &place);
        for slot in node.form.slots {
            // What the head says is in its own text already.
            let inside = node.get(slot.name).map(|given| given.expr.span).filter(|span| !within(*span, node.span));
            if let Some(span) = inside {
                let (setting, place) = (format!("{} {}", slot.name, self.text(span)), self.sources.place(span));
                self.add(stage, depth + 1, &setting, &place);
            }
        }
        for child in node.children.iter().filter(|child| !within(child.span, node.span)) {
            self.written(child, stage, depth + 1);
        }
    }

    /// White space folded.
    fn text(&self, span: Span) -> String {
        self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn gateway(&mut self, context: &Context<'_, '_>) {
        let level = context.levels.first().copied().unwrap_or_default();
        let said = |word: &str| level.iter().map(|statement| &statement.node).rfind(|node| node.form.word == word);
        for listener in level.iter().filter(|statement| statement.node.form.word == "listen") {
            self.written(&listener.node, "accept", 0);
        }
        for (word, default) in [("trust", "trust []"), ("request_id", "request_id \"x-request-id\"")] {
            match said(word) {
                Some(node) => self.written(node, "accept", 0),
                None => self.add("accept", 0, default, DEFAULT),
            }
        }
        let limits = said("limits");
        let forms = super::words::WORDS.iter().filter(|word| word.form.word == "limits").flat_map(|word| word.form.children);
        for form in forms.filter(|form| form.word != "body") {
            match (limits.and_then(|node| node.child(form.word)), form.default) {
                (Some(child), _) => {
                    let (setting, place) = (format!("limits {}", self.text(child.span)), self.sources.place(child.word));
                    self.add("accept", 0, &setting, &place);
                }
                (None, Some(default)) => self.add("accept", 0, &format!("limits {default}"), DEFAULT),
                (None, None) => {}
            }
        }
        let mut log = context.levels.iter().flat_map(|level| level.iter()).map(|statement| &statement.node);
        match log.rfind(|node| node.form.word == "log") {
            Some(node) => self.statement(node, "respond", 0),
            None => self.add("respond", 0, "log access off", DEFAULT),
        }
    }

    fn burst(&mut self, node: &Node<'_>, limit: &Limit) {
        if node.child("burst").is_none()
            && let Bound::Rate { algorithm: Algorithm::TokenBucket, flow, .. } = &limit.bound
        {
            self.add(Place::Limit.name(), 1, &format!("burst {}", flow.burst), DEFAULT);
        }
    }

    fn auths(&mut self, route: &Route, context: &Context<'_, '_>) {
        let indices = route.auth().map(|auth| auth.auths.as_slice()).unwrap_or_default();
        for node in indices.iter().filter_map(|index| context.auths.get(usize::from(*index))) {
            self.written(node, "authenticate", 1);
            let kind = node.word_in("kind").map_or("", |kind| kind.text.as_str());
            let own = auth::clauses(kind);
            if own.contains(&"from") && node.child("from").is_none() {
                let carrier = if kind == "jwt" { "from header(\"authorization\")" } else { "from header(\"x-api-key\")" };
                self.add("authenticate", 2, carrier, DEFAULT);
            }
            let missing = node.form.children.iter().filter(|clause| own.contains(&clause.word) && node.child(clause.word).is_none());
            for default in missing.filter_map(|clause| clause.default) {
                self.add("authenticate", 2, default, DEFAULT);
            }
            if let Some(jwks) = node.child("jwks") {
                for default in defaults(jwks) {
                    self.add("authenticate", 2, &format!("jwks {default}"), DEFAULT);
                }
                self.add("authenticate", 2, &format!("jwks fetched within {}", literal::written(auth::FETCH_MAX)), DEFAULT);
            }
            if kind == "introspect" {
                self.add("authenticate", 2, &format!("answered within {}", literal::written(auth::INTROSPECT_MAX)), DEFAULT);
            }
        }
    }

    /// Each hook at the stages at which it is asked; its declaration stands at the first of them.
    fn hooks(&mut self, asked: &[Asked<'_, '_>]) {
        for asked in asked {
            let used = (self.text(asked.used), self.sources.place(asked.used));
            for (nth, (stage, may)) in asked.stages().enumerate() {
                self.behind = Some(Place::Authorize).filter(|place| place.name() == stage);
                self.add(stage, 0, &used.0, &used.1);
                if nth == 0 {
                    self.statement(asked.node, stage, 1);
                }
                self.add(stage, 1, &may, &self.sources.place(asked.node.word));
            }
        }
        self.behind = None;
    }

    fn body(&mut self, context: &Context<'_, '_>) {
        if context.in_force.iter().any(|statement| statement.node.form.word == "body") {
            return;
        }
        let level = context.levels.first().copied().unwrap_or_default();
        let limits = level.iter().map(|statement| &statement.node).rfind(|node| node.form.word == "limits");
        match limits.and_then(|node| node.child("body")).and_then(|body| body.get("size")) {
            Some(given) => {
                let (setting, place) = (format!("body max {}", self.text(given.expr.span)), self.sources.place(given.expr.span));
                self.add("body", 0, &setting, &place);
            }
            None => self.add("body", 0, "body max 8MiB", DEFAULT),
        }
    }

    /// The upstreams that the route calls, and how.
    fn calls(&mut self, route: &Route, context: &Context<'_, '_>) {
        let mut called: Vec<UpstreamIndex> = route.policies.iter().flat_map(Config::upstreams).collect();
        if let Target::Upstream(index) = route.target {
            called.push(index);
            let name = context.upstreams.get(usize::from(index.0)).map_or("", |facts| facts.config.name.as_str());
            self.add("target", 0, &format!("-> {name}"), &route.place);
        }
        called.sort_unstable();
        called.dedup();
        if called.is_empty() {
            return;
        }
        self.add("shape", 0, "hop-by-hop fields dropped, RFC 9110 §7.6.1", DEFAULT);
        self.add("shape", 0, "X-Forwarded-For, -Host, -Proto, Forwarded, Via, X-Request-Id and traceparent set", DEFAULT);
        for facts in called.into_iter().filter_map(|index| context.upstreams.get(usize::from(index.0))) {
            self.upstream(facts, context);
        }
        self.add("call", 0, "one more attempt when a kept-alive connection was stale", DEFAULT);
    }

    fn upstream<'a>(&mut self, facts: &UpstreamFacts<'a>, context: &Context<'_, 'a>) {
        let of =
            |word: &'static str| facts.level.statements.iter().map(|statement| &statement.node).filter(move |node| node.form.word == word);
        self.add("call", 0, &format!("upstream {}", facts.config.name), &self.sources.place(facts.name));
        for target in of("target") {
            self.statement(target, "call", 1);
        }
        match of("host").next_back() {
            Some(host) => self.written(host, "call", 1),
            None => self.add("call", 1, "host keep", DEFAULT),
        }
        self.add("call", 1, "balance two_choices", DEFAULT);
        let timeouts = facts.timeouts.or(context.timeouts);
        let complete = timeouts.complete_quietly();
        let times = [complete.connect, complete.attempt, complete.read, complete.total];
        for ((clause, place), time) in timeouts.places().into_iter().zip(times) {
            let from = place.map_or_else(|| DEFAULT.to_owned(), |span| self.sources.place(span));
            self.add("call", 1, &format!("timeout {clause} {}", literal::written(time)), &from);
        }
        if let Some(concurrency) = of("concurrency").next_back() {
            self.statement(concurrency, "call", 1);
        }
        if let Some(retry) = retry_in_force(facts, context.levels) {
            self.retry(&retry);
        }
        let breakers: Vec<&Node<'_>> = of("breaker").collect();
        let Some(breaker) = merge::fields(&breakers) else {
            self.add("call", 1, "no breaker", DEFAULT);
            return;
        };
        for child in &breaker.children {
            self.add("call", 1, &format!("breaker {}", self.text(child.span)), &self.sources.place(child.word));
        }
        if breaker.child("open_after").or(breaker.child("open_when")).is_none() {
            self.add("call", 1, "breaker open_after 5 failures", DEFAULT);
        }
        let window = breaker.child("open_when").is_some();
        for missing in defaults(&breaker).filter(|missing| window || !missing.starts_with("window")) {
            self.add("call", 1, &format!("breaker {missing}"), DEFAULT);
        }
    }
}

impl Lines<'_> {
    fn retry(&mut self, retry: &Node<'_>) {
        for child in &retry.children {
            self.add("call", 1, &format!("retry {}", self.text(child.span)), &self.sources.place(child.word));
        }
        // A wait that is always the same is drawn only where that is written.
        let backoff = retry.child("backoff");
        let drawn = backoff.is_none_or(|backoff| backoff.has("kind"));
        let said = backoff.is_some_and(|backoff| backoff.child("jitter").is_some());
        for missing in defaults(retry) {
            match missing {
                "jitter full" if said => {}
                "jitter full" if !drawn => self.add("call", 1, "retry jitter none", DEFAULT),
                missing => self.add("call", 1, &format!("retry {missing}"), DEFAULT),
            }
        }
    }
}

fn defaults<'n>(node: &'n Node<'_>) -> impl Iterator<Item = &'static str> + 'n {
    let children: &'static [Form] = node.form.children;
    children.iter().filter(|child| node.child(child.word).is_none()).filter_map(|child| child.default)
}

fn within(inner: Span, outer: Span) -> bool {
    inner.file == outer.file && inner.start >= outer.start && inner.end <= outer.end
}

/// How a word is written, with what may stand behind it: for `gate explain FILE WORD`.
#[must_use]
pub fn explain_word(word: &Word) -> String {
    let Word { form, merge, .. } = *word;
    let mut out = explain_form(&form);
    out.push_str(match merge {
        Merge::Single => "  inherited: the innermost wins, whole\n",
        Merge::Fields => "  inherited: the innermost wins, clause by clause\n",
        Merge::Keyed => "  inherited: adds up by name, the same name again replaces, `drop` removes\n",
        Merge::Lines => "  inherited: its lines add up, the same name again replaces\n",
        Merge::Conjunctive => "  inherited: all hold\n",
    });
    out
}

/// A form: how it is written, what it means, and what may stand in it.
#[must_use]
pub fn explain_form(form: &Form) -> String {
    let mut out = format!("{}\n  {}\n", crate::lang::usage::usage(form), form.doc);
    for slot in form.slots.iter().filter(|slot| !matches!(slot.kind, Kind::Fixed(_))) {
        let mark = match slot.mark {
            Mark::None => "",
            Mark::Arrow => "-> ",
            Mark::Assign => "= ",
            Mark::Annotation => ": ",
        };
        if form.ways.is_empty() || !matches!(slot.kind, Kind::Rest(_)) {
            out.push_str(&format!("  {mark}{}: {}\n", slot.name.to_uppercase(), crate::lang::usage::what(slot)));
        }
    }
    for (written, doc) in form.ways {
        out.push_str(&format!("  {written}: {doc}\n"));
    }
    for child in form.children {
        let default = child.default.map_or_else(String::new, |default| format!(" (default: `{default}`)"));
        out.push_str(&format!("  {}: {}{default}\n", crate::lang::usage::usage(child), child.doc));
    }
    if let Some(row) = form.rows {
        out.push_str(&format!("  {}: {}; a line each\n", crate::lang::usage::usage(row), row.doc));
    }
    out
}
