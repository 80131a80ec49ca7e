//! `test` blocks to scripts.

use super::declare::Bench;
use super::load::Module;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::hook::Answer;
use crate::http::UpstreamIndex;
use crate::ir::Route;
use crate::ir::script::{Action, Comparison, Expectation, Reply, Request, Step, Test};
use crate::lang::form::Declared;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Given, Node};
use crate::policy::Config;
use crate::policy::stage::STAGES;
use crate::syntax::ast::{Body, ClauseKind, Expr, ExprKind, LiteralKind, Operator};
use std::time::Duration;

/// Most times one step may repeat a request.
const REPEAT_MAX: u64 = 1_000_000;
/// States of a breaker.
const BREAKER: &[&str] = &["closed", "open", "half_open"];
/// Verdicts of the cache.
const CACHE: &[&str] = &["hit", "miss", "stale", "revalidated", "bypass"];

/// The tests of a file. `uncertain` says that an auth could not be understood.
pub fn tests<'a>(nodes: &[Node<'a>], routes: &[Route], uncertain: bool, bench: &mut Bench<'_, 'a>) -> Vec<Test> {
    let mut found: Vec<(Test, Span)> = Vec::new();
    for node in nodes.iter().filter(|node| node.form.word == "test") {
        let Some(given) = node.get("name") else { continue };
        let Some(name) = bench.checker("test").text(given) else { continue };
        if let Some((_, first)) = found.iter().find(|(test, _)| test.name == name) {
            bench.report.push(
                Diagnostic::new(Code::NameDuplicate, format!("two tests are called \"{name}\""))
                    .at(given.expr.span, "here again")
                    .also(*first, "first here")
                    .help("give one of them another name"),
            );
        }
        let place = bench.sources.place(node.word);
        let steps: Vec<Step> = node.statements.iter().filter_map(|step| self::step(step, routes, uncertain, bench)).collect();
        if !node.damaged && steps.len() == node.statements.len() && !steps.iter().any(|step| matches!(step.action, Action::Expect(_))) {
            bench.report.push(
                Diagnostic::new(Code::TestNoAssert, format!("test \"{name}\" expects nothing"))
                    .at(given.expr.span, "cannot fail")
                    .help("add an `expect`, such as `expect status 200`"),
            );
        }
        let is_request = |step: &&Node<'_>| matches!(step.form.word, "request" | "repeat");
        let until = node.statements.iter().position(|step| is_request(&step)).unwrap_or(node.statements.len());
        if let Some(early) = node.statements.iter().take(until).find(|step| step.form.word == "expect") {
            bench.report.push(
                Diagnostic::new(Code::TestImpossible, "nothing was requested before this is expected")
                    .at(early.span, "of which answer")
                    .help("write a `request` before it, such as `request GET /path`"),
            );
        }
        found.push((Test { name, place, steps }, given.expr.span));
    }
    found.into_iter().map(|(test, _)| test).collect()
}

fn step<'a>(node: &Node<'a>, routes: &[Route], uncertain: bool, bench: &mut Bench<'_, 'a>) -> Option<Step> {
    let place = bench.sources.place(node.word);
    let text = bench.sources.text(node.span).split_whitespace().collect::<Vec<_>>().join(" ");
    let modules = bench.modules;
    let mut reading = Reading { checker: bench.checker("test"), routes, modules, uncertain };
    let action = match node.form.word {
        "given" => reading.given(node),
        "request" => reading.request(node, 1).map(Action::Request),
        "repeat" => {
            let times = reading.checker.int(node.get("times")?, 1..=REPEAT_MAX)?;
            reading.request(node, u32::try_from(times).ok()?).map(Action::Request)
        }
        "advance" => reading.checker.duration(node.get("time")?).map(Action::Advance),
        _ => reading.expect(node).map(Action::Expect),
    }?;
    Some(Step { action, place, text })
}

struct Reading<'r, 'c> {
    checker: Checker<'c>,
    routes: &'r [Route],
    modules: &'r [Module],
    /// True when an auth could not be understood: what it declares is then not known.
    uncertain: bool,
}

impl Reading<'_, '_> {
    fn unknown<T>(&mut self, span: Span, what: &str, help: &str) -> Option<T> {
        self.checker.report.push(Diagnostic::new(Code::SchemaArity, what).at(span, "not understood").help(help));
        None
    }

    fn given(&mut self, node: &Node<'_>) -> Option<Action> {
        const HELP: &str = "write `given claims { … }`, `key { … }`, `user \"name\"`, `client.ip IP`, `header \"x\" \"y\"`, `upstream U replies STATUS`, `upstream U refuses`, `hook H replies json \"…\"`, `hook H fails` or `only limit L`";
        let all = node.all("what");
        let (first, rest) = all.split_first()?;
        let path: Vec<&str> = first.expr.as_reference().unwrap_or_default().iter().map(|part| part.text.as_str()).collect();
        match (path.as_slice(), rest) {
            (["claims"], []) => {
                self.declared(node, "claim");
                Some(Action::Claims(self.rows(node)?))
            }
            (["key"], []) => {
                self.declared(node, "attribute");
                Some(Action::Key(self.rows(node)?))
            }
            (["user"], [name]) => self.checker.text(*name).map(Action::User),
            (["client", "ip"], [ip]) => match self.checker.constant(*ip, Type::Ip)? {
                Value::Ip(ip) => Some(Action::ClientIp(ip)),
                _ => None,
            },
            (["header"], [name, value]) => Some(Action::Header(self.checker.text(*name)?, self.checker.text(*value)?)),
            (["only"], [limit, name]) if is_word(limit.expr, "limit") => self.limit_name(name.expr).map(Action::OnlyLimit),
            (["hook"], [name, how @ ..]) => {
                let hook = u16::try_from(self.checker.declared(*name, Declared::Hook)?).ok()?;
                self.hook(hook, how, node.span)
            }
            (["upstream"], [name, how @ ..]) => {
                let upstream = self.upstream(*name)?;
                self.scripted(upstream, how, first.expr.span)
            }
            _ => self.unknown(node.span, "this `given` is not known", HELP),
        }
    }

    /// Reports claims or attributes that no auth declares. `key.name` always is.
    fn declared(&mut self, node: &Node<'_>, what: &str) {
        let names = self.checker.names;
        for row in &node.children {
            let mut own = names.attributes.iter().filter(|((_, name), _)| name == row.name).map(|(_, span)| *span).peekable();
            let known = own.peek().is_some() || (what == "attribute" && row.name == "name") || names.suspects.contains(row.name);
            own.for_each(|span| names.put_to_use(span));
            if known || self.uncertain {
                continue;
            }
            let declared: Vec<(&str, Span)> = names.attributes.iter().map(|((_, name), span)| (name.as_str(), *span)).collect();
            let found = Diagnostic::new(Code::TypeUnknownClaim, format!("no auth declares the {what} `{}`", row.name));
            let found = found.at(row.word, "not declared");
            let found = match crate::diag::suggest::near(row.name, declared.iter().map(|(name, _)| *name)) {
                Some(near) => found.maybe(near.word),
                None => found.help(format!("declare it in the auth whose callers have it: `{}s {{ {} str }}`", what, row.name)),
            };
            names.missed(row.word, row.name, declared);
            self.checker.report.push(found);
        }
    }

    fn rows(&mut self, node: &Node<'_>) -> Option<Vec<(String, Value)>> {
        let mut rows = Vec::new();
        for row in &node.children {
            let value = row.get("value")?;
            rows.push((row.name.to_owned(), self.value(value)?));
        }
        Some(rows)
    }

    /// A claim's value: a literal, a list, or a bare word (a choice of an enum).
    fn value(&mut self, given: Given<'_>) -> Option<Value> {
        if let Some(word) = given.expr.as_word()
            && !matches!(word.text.as_str(), "true" | "false" | "none")
            && self.checker.names.constant(given.scope, &word.text).is_none()
        {
            return Some(Value::Text(word.text.as_str().into()));
        }
        if let ExprKind::List(items) = &given.expr.kind {
            let values = items.iter().map(|expr| self.value(Given { expr, scope: given.scope })).collect::<Option<Vec<_>>>()?;
            return Some(Value::List(values));
        }
        let want = crate::lang::checker::Want {
            ty: None,
            by: crate::lang::checker::Moment::Constant,
            spot: crate::lang::checker::Spot::Plain,
            response: false,
        };
        match self.checker.typed(given, &want)?.expr {
            crate::lang::expr::Expr::Const(value) => Some(value),
            _ => None,
        }
    }

    fn upstream(&mut self, given: Given<'_>) -> Option<UpstreamIndex> {
        let index = self.checker.declared(given, Declared::Upstream)?;
        u16::try_from(index).ok().map(UpstreamIndex)
    }

    /// `replies S [json|text "…"] [after D] [times N]`, `refuses [times N]`
    fn scripted(&mut self, upstream: UpstreamIndex, how: &[Given<'_>], span: Span) -> Option<Action> {
        const HELP: &str = "write `replies 500`, `replies 200 json \"…\" after 2s times 3`, or `refuses times 1`";
        let Some((verb, rest)) = how.split_first() else { return self.unknown(span, "what does the upstream do?", HELP) };
        let mut reply = Reply { status: 200, body: None, after: Duration::ZERO, times: None };
        let mut rest = rest;
        let replies = is_word(verb.expr, "replies");
        if replies {
            let Some((status, tail)) = rest.split_first() else { return self.unknown(span, "which status?", HELP) };
            let Value::Status(code, _) = self.checker.constant(*status, Type::Status)? else { return None };
            reply.status = code;
            rest = tail;
        } else if !is_word(verb.expr, "refuses") {
            return self.unknown(verb.expr.span, "an upstream replies or refuses", HELP);
        }
        while let [word, value, tail @ ..] = rest {
            match word.expr.as_word().map(|word| word.text.as_str()) {
                Some("json") if replies => reply.body = Some(("application/json".to_owned(), self.checker.text(*value)?)),
                Some("text") if replies => reply.body = Some(("text/plain; charset=utf-8".to_owned(), self.checker.text(*value)?)),
                Some("after") if replies => reply.after = self.checker.duration(*value)?,
                Some("times") => reply.times = Some(u32::try_from(self.checker.int(*value, 1..=REPEAT_MAX)?).ok()?),
                _ => return self.unknown(word.expr.span, "this is not known of an upstream", HELP),
            }
            rest = tail;
        }
        if let [odd] = rest {
            return self.unknown(odd.expr.span, "this is not known of an upstream", HELP);
        }
        Some(if replies { Action::Replies(upstream, reply) } else { Action::Refuses(upstream, reply.times) })
    }

    /// `replies json "…"`, `fails`
    fn hook(&mut self, hook: u16, how: &[Given<'_>], span: Span) -> Option<Action> {
        const HELP: &str = "write `given hook NAME replies json \"\"\"{\"set\": {\"x-plan\": \"gold\"}}\"\"\"`, or `given hook NAME fails`";
        match how {
            [verb] if is_word(verb.expr, "fails") => Some(Action::HookFails(hook)),
            [verb, kind, given] if is_word(verb.expr, "replies") && is_word(kind.expr, "json") => {
                let text = self.checker.text(*given)?;
                match Answer::read(text.as_bytes()) {
                    Ok(_) => Some(Action::HookReplies(hook, text)),
                    Err(failure) => {
                        self.unknown(given.expr.span, &failure.to_string(), "a hook answers `{\"set\": {…}, \"status\": N, \"body\": …}`")
                    }
                }
            }
            _ => self.unknown(span, "what does the hook do?", HELP),
        }
    }

    fn limit_name(&mut self, expr: &Expr) -> Option<String> {
        let Some(word) = expr.as_word() else {
            return self.unknown(expr.span, "the name of a limit is expected", "write `limited by NAME`");
        };
        let known: Vec<&str> = self
            .routes
            .iter()
            .flat_map(|route| &route.policies)
            .filter_map(|policy| match policy {
                Config::Limit(limits) => Some(limits.limits.iter().map(|limit| limit.name.as_str())),
                _ => None,
            })
            .flatten()
            .collect();
        let mut declared = Vec::new();
        self.modules.iter().for_each(|module| limits(&module.ast.body, &mut declared));
        declared.iter().filter(|(name, _)| *name == word.text).for_each(|(_, span)| self.checker.names.put_to_use(*span));
        if known.contains(&word.text.as_str()) || self.checker.names.suspects.contains(&word.text) {
            return Some(word.text.clone());
        }
        // A limit that was written and could not be read is in no route; that has been said.
        if declared.iter().any(|(name, _)| *name == word.text) && self.checker.report.has_errors() {
            return Some(word.text.clone());
        }
        self.checker.names.missed_idle(word.span, &word.text, declared);
        let mut found =
            Diagnostic::new(Code::TestImpossible, format!("no limit is called `{}`", word.text)).at(word.span, "no request can meet it");
        if let Some(near) = crate::diag::suggest::near(&word.text, known.iter().copied()) {
            found = found.maybe(near.word);
        } else {
            found = found.help("name a limit that a route declares or inherits");
        }
        self.checker.report.push(found);
        None
    }

    fn request(&mut self, node: &Node<'_>, times: u32) -> Option<Request> {
        let method = node.get("method")?;
        let Some(method) = method.expr.as_word() else {
            return self.unknown(method.expr.span, "a method is expected", "write `request GET /path`");
        };
        let given = node.get("target")?;
        let target = match &given.expr.kind {
            ExprKind::Path(text) | ExprKind::Url(text) => text.clone(),
            _ => self.checker.text(given)?,
        };
        if !target.starts_with('/') && !target.contains("://") {
            return self.unknown(given.expr.span, "a path or a URL is expected", "paths begin with `/`");
        }
        let mut request = Request { times, method: method.text.clone(), target, headers: Vec::new(), body: None };
        for with in node.children_of("with") {
            let (name, value) = (with.get("name")?, self.checker.text(with.get("value")?)?);
            if with.word_in("what").is_some_and(|what| what.text == "header") {
                request.headers.push((self.checker.text(name)?, value));
                continue;
            }
            let media_type = match name.expr.as_word().map(|word| word.text.as_str()) {
                Some("json") => "application/json",
                Some("text") => "text/plain; charset=utf-8",
                _ => return self.unknown(name.expr.span, "a body is `json` or `text`", "write `with body json \"…\"`"),
            };
            request.body = Some((media_type.to_owned(), value));
        }
        Some(request)
    }

    fn expect(&mut self, node: &Node<'_>) -> Option<Expectation> {
        const HELP: &str = "write `expect status 200`, `route == NAME`, `upstream == NAME`, `stage NAME`, `limited by NAME`, `breaker U == open`, `cache == hit`, `attempts == N`, \
                            `header(\"x\") == \"y\"`, `body json \"…\"` or `received header(\"x\") == \"y\"`";
        let all = node.all("what");
        let (first, rest) = all.split_first()?;
        let word = first.expr.as_word().map(|word| word.text.as_str());
        match (word, rest) {
            (Some("status"), [status]) => match self.checker.constant(*status, Type::Status)? {
                Value::Status(low, high) => Some(Expectation::Status(low, high)),
                _ => None,
            },
            (Some("stage"), [stage]) => self.choice(stage.expr, STAGES).map(Expectation::Stage),
            (Some("limited"), [by, name]) if is_word(by.expr, "by") => self.limit_name(name.expr).map(Expectation::LimitedBy),
            (Some("breaker"), [state]) => self.breaker(*state),
            (Some("body"), [kind, text]) if is_word(kind.expr, "json") => {
                let written = self.checker.text(*text)?;
                match serde_json::from_str(&written) {
                    Ok(value) => Some(Expectation::BodyJson(value)),
                    Err(error) => self.unknown(text.expr.span, "this is no JSON", &error.to_string()),
                }
            }
            (Some("body"), [kind, text]) if is_word(kind.expr, "text") => self.checker.text(*text).map(Expectation::BodyText),
            (Some("received"), [what]) => self.comparison(*what, true),
            (None, []) => self.comparison(*first, false),
            _ => self.unknown(node.span, "this expectation is not known", HELP),
        }
    }

    fn choice(&mut self, expr: &Expr, choices: &[&str]) -> Option<String> {
        let word = expr.as_word().map(|word| word.text.as_str());
        if let Some(word) = word.filter(|word| choices.contains(word)) {
            return Some(word.to_owned());
        }
        let all = choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
        let mut found = Diagnostic::new(Code::TypeEnum, "this is none of the choices").at(expr.span, format!("one of {all}"));
        if let Some((word, near)) = word.and_then(|word| Some((word, crate::diag::suggest::near(word, choices.iter().copied())?))) {
            found = found.meant(expr.span, word, near.word, near.sure);
        }
        self.checker.report.push(found);
        None
    }

    /// `users == open`
    fn breaker(&mut self, given: Given<'_>) -> Option<Expectation> {
        let (left, how, right) = self.sides(given.expr)?;
        let upstream = self.upstream(Given { expr: left, scope: given.scope })?;
        Some(Expectation::Breaker(upstream, how, self.choice(right, BREAKER)?))
    }

    fn sides<'e>(&mut self, expr: &'e Expr) -> Option<(&'e Expr, Comparison, &'e Expr)> {
        match &expr.kind {
            ExprKind::Binary(left, Operator::Equal, right) => Some((left, Comparison::Equal, right)),
            ExprKind::Binary(left, Operator::NotEqual, right) => Some((left, Comparison::NotEqual, right)),
            _ => self.unknown(expr.span, "`==` or `!=` is expected", "write `… == …`"),
        }
    }

    /// `route == x`, `header("x") == "y"`; with `received` before it, of the request the upstream got.
    fn comparison(&mut self, given: Given<'_>, received: bool) -> Option<Expectation> {
        if let (ExprKind::Literal(LiteralKind::Integer | LiteralKind::StatusClass, status), false) = (&given.expr.kind, received) {
            let span = given.expr.span;
            self.checker.report.push(
                Diagnostic::new(Code::SchemaArity, format!("what is to be `{status}` is not said"))
                    .at(span, "a status?")
                    .help(format!("write `expect status {status}`"))
                    .fix("write `status` before it", vec![Edit { span: Span { end: span.start, ..span }, text: "status ".to_owned() }]),
            );
            return None;
        }
        let (left, how, right) = self.sides(given.expr)?;
        let right = Given { expr: right, scope: given.scope };
        if let ExprKind::Term(term) = &left.kind
            && let (Some(args), [function]) = (&term.args, term.path.as_slice())
        {
            let name = match args.as_slice() {
                [only] => only.value.as_ref().and_then(Expr::as_plain_text),
                _ => None,
            };
            let Some(name) = name else { return self.unknown(left.span, "one name in quotes is expected", "write `header(\"name\")`") };
            let value = self.maybe_text(right)?;
            return match (function.text.as_str(), received) {
                ("header", false) => Some(Expectation::Header(name.to_owned(), how, value)),
                ("header", true) => Some(Expectation::ReceivedHeader(name.to_owned(), how, value)),
                ("query", true) => Some(Expectation::ReceivedQuery(name.to_owned(), how, value)),
                _ => self.unknown(
                    left.span,
                    "this cannot be expected",
                    "replies have `header(…)`, received requests `header(…)`, `query(…)` and `path`",
                ),
            };
        }
        match (left.as_word().map(|word| word.text.as_str()), received) {
            (Some("route"), false) => self.name(right, Declared::Route).map(|name| Expectation::Route(how, name)),
            (Some("upstream"), false) => self.name(right, Declared::Upstream).map(|name| Expectation::Upstream(how, name)),
            (Some("cache"), false) => self.choice(right.expr, CACHE).map(|verdict| Expectation::Cache(how, verdict)),
            (Some("attempts"), false) => self.checker.int(right, 0..=1_000).map(|count| Expectation::Attempts(how, count)),
            (Some("status"), false) => {
                self.unknown(given.expr.span, "a status is expected without `==`", "write `expect status 200` or `expect status 2xx`")
            }
            (Some("body"), false) => self.unknown(
                given.expr.span,
                "a body is expected without `==`",
                "write `expect body text \"…\"` or `expect body json \"…\"`",
            ),
            (Some("path"), true) => match &right.expr.kind {
                ExprKind::Path(path) => Some(Expectation::ReceivedPath(how, path.clone())),
                _ => self.checker.text(right).map(|path| Expectation::ReceivedPath(how, path)),
            },
            _ => self.unknown(
                left.span,
                "this cannot be expected",
                "known: `status`, `body json`, `body text`, `route`, `upstream`, `cache`, `attempts`, `header(…)`, and `received …`",
            ),
        }
    }

    fn name(&mut self, given: Given<'_>, kind: Declared) -> Option<Option<String>> {
        if is_word(given.expr, "none") {
            return Some(None);
        }
        self.checker.declared(given, kind)?;
        given.expr.as_reference().map(|path| path.last().map(|name| name.text.clone()))
    }

    /// A string, or none.
    fn maybe_text(&mut self, given: Given<'_>) -> Option<Option<String>> {
        if is_word(given.expr, "none") {
            return Some(None);
        }
        self.checker.text(given).map(Some)
    }
}

/// The names of all limits, with where they stand.
fn limits<'a>(body: &'a Body, found: &mut Vec<(&'a str, Span)>) {
    for statement in &body.statements {
        if statement.word.text == "limit"
            && let Some(ClauseKind::Expr(expr)) = statement.clauses.first().map(|clause| &clause.kind)
            && let Some(name) = expr.as_word()
        {
            found.push((&name.text, name.span));
        }
        statement.block.iter().for_each(|block| limits(block, found));
    }
}

fn is_word(expr: &Expr, text: &str) -> bool {
    expr.as_word().is_some_and(|word| word.text == text)
}
