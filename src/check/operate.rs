//! `trace`, `events`, `store`, `flag` and `hook`: what the gateway tells others, shares with them, asks of them, and what is
//! turned while it runs.

use super::declare::declared_name;
use crate::diag::suggest::nearest;
use crate::diag::{Code, Diagnostic};
use crate::events::Kind;
use crate::fetch::address;
use crate::ir::operate::{Events, Flag, Hook, On, OnFailure, Store, StoreUrl, Trace};
use crate::lang::checker::{Checker, Moment, Spot, Want};
use crate::lang::expr::Expr;
use crate::lang::form::{Form, Merge, Place, Slot, Word};
use crate::lang::types::Type;
use crate::lang::value::{Percent, Value};
use crate::lang::{Given, Node};
use std::time::Duration;

const WHOLE: Percent = Percent(10_000);

const TIMEOUT: Form = Form::new("timeout", "how long an answer may take").slots(&[Slot::value("time", "a duration")]);

/// The words.
pub const WORDS: &[Word] = &[
    Word {
        form: Form::new("trace", "sends traces to an OpenTelemetry collector")
            .slots(&[Slot::fixed("otlp"), Slot::value("url", "a URL")])
            .children(&[Form::new("sample", "the share of the requests")
                .slots(&[Slot::value("share", "a percentage")])
                .default("sample 100%")]),
        places: &[Place::Gateway],
        merge: Merge::Single,
        stage: "",
    },
    Word {
        form: Form::new("events", "posts what happens to the gateway itself to a URL")
            .slots(&[Slot::fixed("post"), Slot::value("url", "a URL")])
            .children(&[Form::new("on", "which events").slots(&[Slot::value("kinds", "a list such as `[reload, breaker]`")]).required()])
            .many(),
        places: &[Place::Gateway],
        merge: Merge::Conjunctive,
        stage: "",
    },
    ready(
        Form::new("store", "where several gateways keep counters together")
            .slots(&[Slot::name("name"), Slot::word("kind", &["redis"])])
            .children(&[
                Form::new("url", "where it is")
                    .slots(&[Slot::value("url", "a secret such as `env(\"REDIS_URL\")`, or a URL without a password")])
                    .required(),
                TIMEOUT.default("timeout 50ms"),
                Form::new("on_failure", "what becomes of limits while it is down: counted here, not at all, or refused with 503")
                    .slots(&[Slot::word("choice", &["local", "open", "closed"])])
                    .default("on_failure local"),
            ]),
    ),
    Word {
        form: Form::new("flag", "a switch that is turned while the gateway runs; `flag.NAME` in conditions")
            .slots(&[Slot::name("name"), Slot::value("state", "`on`, `off` or a percentage").assign()])
            .children(&[Form::new("by", "for a percentage: the same value always sees the same").slots(&[Slot::value("key", "a value")])])
            .many(),
        places: &[Place::File],
        merge: Merge::Keyed,
        stage: "",
    },
    ready(
        Form::new(
            "hook",
            "what is asked about requests and replies: a service, or a part of the embedding program; put in force by `use NAME`",
        )
        .slots(&[Slot::name("name"), Slot::word("kind", &["http", "embedded"]), Slot::value("url", "a URL").optional()])
        .children(&[
            Form::new("on", "when it is asked: `startup`, `request`, `response`, `error`, `shutdown`")
                .slots(&[Slot::value("moments", "a list such as `[request, response]`")])
                .required(),
            TIMEOUT.default("timeout 200ms"),
            Form::new("on_failure", "what becomes of a request when it cannot be asked: it goes on, or is refused with 502 or 503")
                .slots(&[Slot::word("choice", &["continue", "refuse"])])
                .default("on_failure continue"),
            Form::new("forward", "http: the service is told the credentials of requests as well").slots(&[Slot::fixed("credential")]),
        ]),
    ),
];

const fn ready(form: Form) -> Word {
    Word { form: form.many(), places: &[Place::File], merge: Merge::Keyed, stage: "" }
}

/// Reads `trace`.
pub fn trace(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Trace> {
    let url = url(node.get("url")?, checker);
    let sample = match node.child("sample").and_then(|child| child.get("share")) {
        Some(given) => share(given, checker),
        None => Some(WHOLE),
    };
    Some(Trace { url: url?, sample: sample? })
}

/// Reads `events`.
pub fn events(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Events> {
    let url = node.get("url").and_then(|given| url(given, checker));
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let on = node.child("on").and_then(|child| child.get("kinds")).and_then(|given| choices(given, &kinds, "event", checker));
    Some(Events { url: url?, on: on? })
}

/// Reads `store`.
pub fn store(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Store> {
    let name = declared_name(node)?.text.clone();
    let url = node.child("url").and_then(|child| child.get("url")).and_then(|given| store_url(given, checker));
    let timeout = timeout(node, 50, checker);
    let on_failure = match node.child("on_failure").and_then(|child| child.word_in("choice")).map(|word| word.text.as_str()) {
        Some("open") => OnFailure::Open,
        Some("closed") => OnFailure::Closed,
        _ => OnFailure::Local,
    };
    Some(Store { name, url: url?, timeout: timeout?, on_failure })
}

/// A URL with a password in it is a secret.
fn store_url(given: Given<'_>, checker: &mut Checker<'_>) -> Option<StoreUrl> {
    let typed = checker.typed(given, &Want { ty: None, by: Moment::Constant, spot: Spot::Secret, response: false })?;
    match typed.expr {
        Expr::Secret(secret) => Some(StoreUrl::Secret(secret)),
        Expr::Const(Value::Text(text)) if text.starts_with("redis://") || text.starts_with("rediss://") => {
            if text.contains('@') {
                checker.report.push(
                    Diagnostic::new(Code::SecretLiteral, "a secret stands in the file")
                        .at(typed.span, "everyone who reads the policy knows this password")
                        .help("write `env(\"REDIS_URL\")`, and change the password"),
                );
                return None;
            }
            Some(StoreUrl::Plain(text.to_string()))
        }
        _ => {
            checker.report.push(
                Diagnostic::new(Code::TypeMismatch, "the URL of a store is expected")
                    .at(typed.span, "no such URL")
                    .help("write `env(\"REDIS_URL\")`, or `\"redis://host:6379\"`"),
            );
            None
        }
    }
}

/// Reads `flag`: and when it is known.
pub fn flag(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<(Flag, Moment)> {
    let name = declared_name(node)?.text.clone();
    let given = node.get("state")?;
    let share = match given.expr.as_word().map(|word| word.text.as_str()) {
        Some("on") => Some(WHOLE),
        Some("off") => Some(Percent(0)),
        _ => share(given, checker),
    };
    let by = node.child("by").and_then(|child| child.get("key"));
    let key = match by {
        Some(given) => Some(checker.typed(given, &Want::scalar(Moment::Authenticate, Spot::Plain))?),
        None => None,
    };
    let moment = key.as_ref().map_or(Moment::Accept, |key| key.moment);
    let share = share?;
    if by.is_none() && share != WHOLE && share != Percent(0) {
        checker.report.push(
            Diagnostic::new(Code::SchemaMissingKey, format!("flag `{name}` is on for a share of what?"))
                .at(given.expr.span, "without `by`")
                .help("say whose share it is, such as `by client.ip`: the same value then always sees the same"),
        );
        return None;
    }
    Some((Flag { name, share, by: key.map(|key| key.expr) }, moment))
}

/// Reads `hook`.
pub fn hook(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Hook> {
    let name = declared_name(node)?.text.clone();
    let embedded = node.word_in("kind").is_some_and(|kind| kind.text == "embedded");
    let url = match (node.get("url"), embedded) {
        (Some(given), false) => url(given, checker).map(Some),
        (None, true) => Some(None),
        (Some(given), true) => {
            checker.report.push(
                Diagnostic::new(Code::SchemaArity, format!("hook `{name}` is a part of the embedding program"))
                    .at(given.expr.span, "no address leads there")
                    .help(format!("leave the URL out; for a service write `hook {name} http URL`")),
            );
            None
        }
        (None, false) => {
            checker.report.push(
                Diagnostic::new(Code::SchemaArity, format!("hook `{name}` does not say which service is asked"))
                    .at(node.span, "without a URL")
                    .help(format!("write `hook {name} http http://127.0.0.1:9100/hook`")),
            );
            None
        }
    };
    let names: Vec<&str> = On::ALL.iter().map(|on| on.name()).collect();
    let on = node.child("on").and_then(|child| child.get("moments")).and_then(|given| choices(given, &names, "moment", checker));
    let on = on.map(|on| On::ALL.iter().copied().filter(|moment| on.iter().any(|name| name == moment.name())).collect());
    let timeout = timeout(node, 200, checker);
    let refuse = node.child("on_failure").and_then(|child| child.word_in("choice")).is_some_and(|word| word.text == "refuse");
    let forward = node.child("forward");
    if let Some(child) = forward.filter(|_| embedded) {
        checker.error(Code::SchemaArity, "an embedded hook sees all fields there are", child.span, "only for `http`");
        return None;
    }
    Some(Hook { name, url: url?, on: on?, timeout: timeout?, refuse, forward: forward.is_some() })
}

fn url(given: Given<'_>, checker: &mut Checker<'_>) -> Option<String> {
    let Value::Text(url) = checker.constant(given, Type::Url)? else { return None };
    if let Err(why) = address(&url) {
        checker.error(Code::TypeMismatch, format!("the url {why}"), given.expr.span, "nobody can be called there");
        return None;
    }
    Some(url.to_string())
}

fn timeout(node: &Node<'_>, default_ms: u64, checker: &mut Checker<'_>) -> Option<Duration> {
    match node.child("timeout").and_then(|child| child.get("time")) {
        Some(given) => checker.lasting(given),
        None => Some(Duration::from_millis(default_ms)),
    }
}

fn share(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Percent> {
    let share = checker.percent(given)?;
    if share > WHOLE {
        checker.error(Code::TypeRange, "a share is at most the whole", given.expr.span, "at most 100%");
        return None;
    }
    Some(share)
}

/// Words of a list, each one of those that are known.
fn choices(given: Given<'_>, known: &[&str], what: &str, checker: &mut Checker<'_>) -> Option<Vec<String>> {
    let words = checker.words(given)?;
    if words.is_empty() {
        checker.report.push(
            Diagnostic::new(Code::SchemaArity, format!("no {what} is named, so nobody is told anything"))
                .at(given.expr.span, "an empty list")
                .help(format!("name one or more, such as `[{}]`", known.first().copied().unwrap_or_default())),
        );
        return None;
    }
    let mut found = Vec::new();
    let mut sound = true;
    for (word, span) in words {
        if known.contains(&word.as_str()) {
            found.push(word);
            continue;
        }
        sound = false;
        let list = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let unknown = Diagnostic::new(Code::TypeEnum, format!("`{word}` is no {what}")).at(span, format!("one of {list}"));
        checker.report.push(match nearest(&word, known.iter().copied()) {
            Some(near) => unknown.help(format!("did you mean `{near}`?")),
            None => unknown,
        });
    }
    sound.then_some(found)
}
