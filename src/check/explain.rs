//! `gate explain ROUTE`: what is in force on a route, stage by stage, with where each setting came from.

use crate::diag::{Sources, Span};
use crate::ir::{Route, Target};
use crate::lang::Node;
use crate::lang::form::{Form, Kind, Mark, Merge, Ready, Word};
use crate::policy::{self, Effective};
use crate::upstream;
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
    /// 0 for a statement, 1 for a clause of it.
    pub depth: usize,
}

/// The stages in the order they run.
const STAGES: &[&str] = &[
    "accept",
    "tls",
    "normalise",
    "match",
    "access",
    "preflight",
    "limit",
    "authenticate",
    "authorize",
    "target",
    "body",
    "cache",
    "shape",
    "call",
    "respond",
];

/// Explains a route.
pub fn explain(
    route: &Route,
    in_force: &[Effective<'_>],
    levels: &[&[Effective<'_>]],
    upstreams: &[&upstream::Config],
    sources: &Sources,
) -> Explained {
    let mut lines = Vec::new();
    let mut add = |stage: &'static str, setting: String, from: String, depth: usize| lines.push(Line { stage, setting, from, depth });
    add("normalise", "path normalised once, RFC 3986 §6".to_owned(), "default".to_owned(), 0);
    let key = &route.key;
    add("match", format!("{} {}", key.methods.names().collect::<Vec<_>>().join(","), key.pattern.text()), route.place.clone(), 0);
    for host in &key.hosts {
        add("match", format!("host {host}"), route.place.clone(), 0);
    }
    add("match", format!("priority {}", key.priority), if key.priority == 0 { "default".to_owned() } else { route.place.clone() }, 0);
    for statement in in_force {
        statement_lines(&statement.node, stage_of(statement), sources, &mut add);
    }
    if !in_force.iter().any(|statement| statement.node.form.word == "body") {
        add("body", "body max 8MiB".to_owned(), "default".to_owned(), 0);
    }
    target_lines(route, levels, upstreams, sources, &mut add);
    for (stage, setting) in ALWAYS {
        add(stage, (*setting).to_owned(), "default".to_owned(), 0);
    }
    let order = |stage: &str| STAGES.iter().position(|known| *known == stage).unwrap_or(STAGES.len());
    lines.sort_by_key(|line| order(line.stage));
    let takes = format!("{} {}", key.methods.names().collect::<Vec<_>>().join(","), key.pattern.text());
    Explained { route: route.name.clone(), takes, doc: route.doc.clone(), lines }
}

/// What the gateway does on every route without being asked.
const ALWAYS: &[(&str, &str)] = &[
    ("normalise", "framing, Host and size checks, RFC 9112"),
    ("shape", "hop-by-hop fields dropped, RFC 9110 §7.6.1"),
    ("shape", "X-Forwarded-For, -Host, -Proto, Forwarded, Via, X-Request-Id and traceparent set"),
    ("call", "one more attempt when a kept-alive connection was stale"),
    ("respond", "X-Request-Id returned; errors as application/problem+json, RFC 9457"),
];

type Add<'f> = dyn FnMut(&'static str, String, String, usize) + 'f;

fn stage_of(statement: &Effective<'_>) -> &'static str {
    let word = statement.node.form.word;
    policy::ALL.iter().flat_map(|entry| entry.words).find(|known| known.form.word == word).map_or("", |known| known.stage)
}

fn statement_lines(node: &Node<'_>, stage: &'static str, sources: &Sources, add: &mut Add<'_>) {
    add(stage, written(node, sources), sources.place(node.word), 0);
    for child in &node.children {
        // Clauses of the head stand in the statement's own text already.
        if !within(child.span, node.span) {
            add(stage, written(child, sources), sources.place(child.word), 1);
        }
    }
    for missing in defaults(node) {
        add(stage, missing.to_owned(), "default".to_owned(), 1);
    }
}

fn defaults<'n>(node: &'n Node<'_>) -> impl Iterator<Item = &'static str> + 'n {
    let children: &'static [Form] = node.form.children;
    children.iter().filter(|child| child.ready == Ready::Now && node.child(child.word).is_none()).filter_map(|child| child.default)
}

fn within(inner: Span, outer: Span) -> bool {
    inner.file == outer.file && inner.start >= outer.start && inner.end <= outer.end
}

/// A statement's head as written, its white space folded.
fn written(node: &Node<'_>, sources: &Sources) -> String {
    sources.text(node.span).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn target_lines(route: &Route, levels: &[&[Effective<'_>]], upstreams: &[&upstream::Config], sources: &Sources, add: &mut Add<'_>) {
    let Target::Upstream(index) = route.target else { return };
    let Some(upstream) = upstreams.get(usize::from(index.0)) else { return };
    add("target", format!("-> {}", upstream.name), route.place.clone(), 0);
    for target in &upstream.targets {
        let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
        add("call", format!("target http://{host}:{}", target.port), format!("upstream {}", upstream.name), 0);
    }
    add("call", "balance two_choices".to_owned(), "default".to_owned(), 0);
    let timeout = route.timeouts.iter().find(|(own, _)| *own == index).map_or(upstream.timeout, |(_, timeout)| *timeout);
    let said = |clause: &str| -> String {
        let statements = levels.iter().skip(1).flat_map(|level| level.iter()).filter(|statement| statement.node.form.word == "timeout");
        let innermost = statements.filter_map(|statement| statement.node.child(clause)).last();
        match innermost {
            Some(child) => sources.place(child.word),
            None if upstream.timeout == upstream::timeout::Config::default() => "default".to_owned(),
            None => format!("upstream {}", upstream.name),
        }
    };
    add("call", "timeout".to_owned(), String::new(), 0);
    for (clause, time) in [("connect", timeout.connect), ("attempt", timeout.attempt), ("read", timeout.read), ("total", timeout.total)] {
        add("call", format!("{clause} {time:?}"), said(clause), 1);
    }
    match &upstream.breaker {
        Some(breaker) => {
            let opens = match breaker.opens {
                upstream::breaker::Opens::AfterFailures(count) => format!("open_after {count} failures"),
                upstream::breaker::Opens::Share { share, least, window } => {
                    format!("window {window:?}; open_when failures >= {}% of {least}", f64::from(share) / 100.0)
                }
            };
            let text = format!("breaker {{ {opens}; cooldown {:?}; probes {} }}", breaker.cooldown, breaker.probes);
            add("call", text, format!("upstream {}", upstream.name), 0);
        }
        None => add("call", "no breaker".to_owned(), "default".to_owned(), 0),
    }
}

/// How a word is written, with what may stand behind it: for `gate explain FILE WORD`.
#[must_use]
pub fn explain_word(word: &Word) -> String {
    let Word { form, merge, .. } = *word;
    let mut out = format!("{}\n  {}\n", crate::lang::read::usage(&form), form.doc);
    for slot in form.slots.iter().filter(|slot| !matches!(slot.kind, Kind::Fixed(_))) {
        let mark = match slot.mark {
            Mark::None => "",
            Mark::Arrow => "-> ",
            Mark::Assign => "= ",
            Mark::Annotation => ": ",
        };
        out.push_str(&format!("  {mark}{}: {}\n", slot.name.to_uppercase(), crate::lang::read::what(slot)));
    }
    for child in form.children {
        let default = child.default.map_or_else(String::new, |default| format!(" (default: `{default}`)"));
        let later = if child.ready == Ready::Later { " (not available yet)" } else { "" };
        out.push_str(&format!("  {}: {}{default}{later}\n", crate::lang::read::usage(child), child.doc));
    }
    out.push_str(match merge {
        Merge::Single => "  inherited: the innermost wins, whole\n",
        Merge::Fields => "  inherited: the innermost wins, clause by clause\n",
        Merge::Keyed => "  inherited: adds up by name, the same name again replaces, `drop` removes\n",
        Merge::Lines => "  inherited: its lines add up, the same name again replaces\n",
        Merge::Conjunctive => "  inherited: all hold\n",
    });
    out
}
