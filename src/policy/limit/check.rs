//! Statements to config.

use super::{Algorithm, Arm, Bound, Config, Flow, HeaderStyle, Limit};
use crate::diag::{Code, Diagnostic};
use crate::lang::checker::{Moment, Spot, Typed, Want};
use crate::lang::expr::{Expr, Piece, Ref};
use crate::lang::form::Declared;
use crate::lang::types::Type;
use crate::lang::value::{Period, Rate};
use crate::lang::{Checker, Given, Node};
use crate::policy::Effective;
use crate::policy::arms::apart;
use crate::syntax::ast::{Expr as Tree, ExprKind, TextPart};

/// Most parts of one key.
const KEY_PARTS_MAX: usize = 8;
/// Most arms of one limit.
const ARMS_MAX: usize = 64;
/// Most requests that a `sliding_log` remembers for each key.
pub(super) const LOG_MAX: u64 = 10_000;
/// Most requests of a rate, a burst or a `concurrent`.
const COUNT_MAX: u64 = 1_000_000_000;

/// All limits in force on a route.
pub fn statements(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Config> {
    let mut limits = Vec::new();
    let mut headers = Some(vec![HeaderStyle::Ietf, HeaderStyle::X]);
    let mut sound = true;
    for statement in statements {
        if statement.node.form.word == "ratelimit_headers" {
            headers = styles(&statement.node, checker);
            continue;
        }
        match limit(statement, checker) {
            Some(limit) => limits.push(limit),
            None => sound = false,
        }
    }
    let headers = headers?;
    (sound && !limits.is_empty()).then_some(Config { limits, headers })
}

fn styles(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Vec<HeaderStyle>> {
    let mut styles = Vec::new();
    for (word, span) in checker.words(node.get("styles")?)? {
        let style = match word.as_str() {
            "ietf" => HeaderStyle::Ietf,
            "x" => HeaderStyle::X,
            _ => {
                checker.error(Code::TypeEnum, format!("`{word}` is no style of rate-limit fields"), span, "one of `ietf`, `x`");
                return None;
            }
        };
        if !styles.contains(&style) {
            styles.push(style);
        }
    }
    Some(styles)
}

fn limit(statement: &Effective<'_>, checker: &mut Checker<'_>) -> Option<Limit> {
    let node = &statement.node;
    if node.damaged {
        return None;
    }
    let name = node.word_in("name")?.text.clone();
    let key = key(node, checker);
    let counting = match node.child("counting").and_then(|child| child.get("condition")) {
        Some(given) => Some(checker.condition(given, Moment::Response)?.expr),
        None => None,
    };
    let (bound, conditions) = if node.has("concurrent") { (concurrent(node, checker)?, Moment::Constant) } else { rate(node, checker)? };
    let store = match node.child("store").and_then(|child| child.get("store")) {
        Some(given) => Some(u16::try_from(checker.declared(given, Declared::Store)?).ok()?),
        None => None,
    };
    let key = key?;
    let known = key.iter().map(|part| part.moment).fold(conditions, Moment::max);
    let key = key.into_iter().map(|part| part.expr).collect();
    Some(Limit { name, site: statement.site.clone(), bound, key, by_identity: known > Moment::Match, counting, store })
}

fn concurrent(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Bound> {
    let stranger = ["burst", "counting", "algorithm", "when"].into_iter().find_map(|word| node.child(word));
    if let Some(stranger) = stranger {
        checker.error(
            Code::SchemaArity,
            format!("`{}` has no meaning beside `concurrent`", stranger.name),
            stranger.span,
            "requests at once are not counted over time",
        );
        return None;
    }
    checker.int(node.get("rate")?, 1..=COUNT_MAX).map(Bound::Concurrent)
}

fn rate(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<(Bound, Moment)> {
    let algorithm = match node.child("algorithm").and_then(|child| child.word_in("name")) {
        Some(word) => match word.text.as_str() {
            "fixed_window" => Algorithm::FixedWindow,
            "sliding_window" => Algorithm::SlidingWindow,
            "sliding_log" => Algorithm::SlidingLog,
            _ => Algorithm::TokenBucket,
        },
        None => Algorithm::TokenBucket,
    };
    let flow = flow(node, algorithm, checker);
    let (arms, moment) = arms(node, algorithm, checker)?;
    Some((Bound::Rate { algorithm, flow: flow?, arms }, moment))
}

/// The rate of a limit or of one of its arms, with its burst.
fn flow(node: &Node<'_>, algorithm: Algorithm, checker: &mut Checker<'_>) -> Option<Flow> {
    let given = node.get("rate")?;
    let rate = checker.rate(given)?;
    in_range(rate, given, (algorithm, node.child("store").is_some()), checker)?;
    let Some(burst) = node.child("burst").and_then(|child| child.get("count")) else {
        return Some(Flow { rate, burst: rate.count });
    };
    let count = checker.int(burst, 1..=COUNT_MAX)?;
    if algorithm != Algorithm::TokenBucket {
        checker.report.push(
            Diagnostic::new(Code::SchemaArity, "`burst` is the size of a bucket")
                .at(burst.expr.span, "this algorithm has no bucket")
                .help("leave `burst` out, or use `algorithm token_bucket`"),
        );
        return None;
    }
    if count.saturating_mul(rate.per.length().as_secs()) < rate.count {
        let least = rate.count.div_ceil(rate.per.length().as_secs());
        checker.report.push(
            Diagnostic::new(Code::LimitBurstBelowRate, format!("a burst of {count} is less than one second of {rate}"))
                .at(burst.expr.span, "requests that come close together are refused although the rate is kept")
                .also(given.expr.span, format!("{least} a second"))
                .help(format!("write `burst {least}` or more")),
        );
    }
    Some(Flow { rate, burst: count })
}

fn in_range(rate: Rate, given: Given<'_>, (algorithm, stored): (Algorithm, bool), checker: &mut Checker<'_>) -> Option<()> {
    if matches!(rate.per, Period::Day | Period::Month) && !stored {
        checker.report.push(
            Diagnostic::new(Code::LimitPeriodNeedsStore, format!("a period of a {} wants a `store`", period_name(rate.per)))
                .at(given.expr.span, "longer than an hour")
                .help("a count in memory is lost with the process: write `store NAME` beside it, or use `/h` or less"),
        );
        return None;
    }
    let most = if algorithm == Algorithm::SlidingLog { LOG_MAX } else { COUNT_MAX };
    if rate.count > most {
        let mut found =
            Diagnostic::new(Code::TypeRange, format!("`{}` is out of range", rate.count)).at(given.expr.span, format!("at most {most}"));
        if algorithm == Algorithm::SlidingLog {
            found = found.help("`sliding_log` remembers each request: use `sliding_window` for rates as high as this");
        }
        checker.report.push(found);
        return None;
    }
    Some(())
}

fn period_name(period: Period) -> &'static str {
    match period {
        Period::Second => "second",
        Period::Minute => "minute",
        Period::Hour => "hour",
        Period::Day => "day",
        Period::Month => "month",
    }
}

fn arms(node: &Node<'_>, algorithm: Algorithm, checker: &mut Checker<'_>) -> Option<(Vec<Arm>, Moment)> {
    let read: Vec<Option<(Typed, Flow)>> = node
        .children_of("when")
        .map(|arm| {
            let when = arm.get("condition").and_then(|given| {
                if needs_auth(given.expr, checker) {
                    key_needs_auth(given, "condition", checker);
                    return None;
                }
                checker.condition(given, Moment::Authenticate)
            });
            let flow = flow(arm, algorithm, checker);
            when.zip(flow)
        })
        .collect();
    let read: Vec<(Typed, Flow)> = read.into_iter().collect::<Option<_>>()?;
    if read.len() > ARMS_MAX {
        checker.error(Code::SchemaArity, format!("a limit has at most {ARMS_MAX} arms"), node.span, "");
        return None;
    }
    // Requests that are left have the rate that stands beside the arms.
    let _left = apart(&read.iter().map(|(when, _)| when).collect::<Vec<_>>(), checker)?;
    let moment = read.iter().map(|(when, _)| when.moment).fold(Moment::Constant, Moment::max);
    Some((read.into_iter().map(|(when, flow)| Arm { when: when.expr, flow }).collect(), moment))
}

fn key(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Vec<Typed>> {
    let Some(given) = node.child("by").and_then(|child| child.get("key")) else { return Some(Vec::new()) };
    if given.expr.as_word().is_some_and(|word| word.text == "none") {
        return Some(Vec::new());
    }
    let items = checker.items(given);
    if items.is_empty() || items.len() > KEY_PARTS_MAX {
        checker.error(Code::SchemaArity, format!("a key has 1 to {KEY_PARTS_MAX} parts"), given.expr.span, "");
        return None;
    }
    items.into_iter().map(|item| key_part(item, checker)).collect::<Vec<_>>().into_iter().collect()
}

fn key_part(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Typed> {
    if needs_auth(given.expr, checker) {
        key_needs_auth(given, "key", checker);
        return None;
    }
    let typed = checker.typed(given, &Want::scalar(Moment::Authenticate, Spot::Plain))?;
    if typed.ty == Type::Secret {
        checker.error(Code::SecretLeak, "a secret may not go here", typed.span, "this is a secret");
        return None;
    }
    if typed.ty.is_optional() {
        checker.report.push(
            Diagnostic::new(Code::LimitKeyOptional, "this key may be missing")
                .at(typed.span, format!("`{}`: what would callers without it be counted by?", typed.ty))
                .help("give it a default: `… ?? \"none\"`"),
        );
        return None;
    }
    if let Some(what) = chosen_by_client(&typed.expr) {
        checker.report.push(
            Diagnostic::new(Code::LimitSpoofableKey, format!("{what} is for the client to choose"))
                .at(typed.span, "with a new value for each request nobody is ever limited")
                .help("count by `client.ip`, or by an attribute of an authenticated caller"),
        );
    }
    Some(typed)
}

fn key_needs_auth(given: Given<'_>, what: &str, checker: &mut Checker<'_>) {
    let route = checker.facts.route.clone();
    checker.report.push(
        Diagnostic::new(Code::LimitKeyNeedsAuth, format!("this {what} is part of an identity, and `{route}` asks nobody who they are"))
            .at(given.expr.span, "needs an identity")
            .help("give the route an `auth`, or count by `client.ip`"),
    );
}

/// True when an expression asks for the caller on a route that knows none.
fn needs_auth(tree: &Tree, checker: &Checker<'_>) -> bool {
    !checker.facts.uncertain && !checker.facts.identified && checker.facts.attributes.is_empty() && mentions_caller(tree)
}

fn mentions_caller(tree: &Tree) -> bool {
    match &tree.kind {
        ExprKind::Term(term) => {
            let family = matches!(term.path.as_slice(), [root, _] if matches!(root.text.as_str(), "claim" | "key" | "user"));
            family || term.args.iter().flatten().filter_map(|arg| arg.value.as_ref()).any(mentions_caller)
        }
        ExprKind::Text(parts) => parts.iter().any(|part| match part {
            TextPart::Interpolation(inner) => mentions_caller(inner),
            TextPart::Literal(_) => false,
        }),
        ExprKind::List(all) => all.iter().any(mentions_caller),
        ExprKind::Paren(inner) | ExprKind::Not(inner) => mentions_caller(inner),
        ExprKind::Binary(left, _, right) => mentions_caller(left) || mentions_caller(right),
        ExprKind::Literal(..) | ExprKind::Regex(_) | ExprKind::Path(_) | ExprKind::Url(_) => false,
    }
}

/// What part of a key the client makes up, if any.
fn chosen_by_client(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Ref(Ref::Header(_)) => Some("a header"),
        Expr::Ref(Ref::Query(_)) => Some("a query value"),
        Expr::Ref(Ref::Cookie(_)) => Some("a cookie"),
        Expr::Ref(_) | Expr::Const(_) | Expr::Secret(_) | Expr::Has(_) => None,
        Expr::Text(pieces) => pieces.iter().find_map(|piece| match piece {
            Piece::Hole(hole, _) => chosen_by_client(hole),
            Piece::Literal(_) => None,
        }),
        Expr::OrElse(first, second) => chosen_by_client(first).or_else(|| chosen_by_client(second)),
        Expr::Lower(inner) | Expr::Not(inner) => chosen_by_client(inner),
        // Conditions split callers in two: whoever changes sides gains one counter only.
        Expr::And(_) | Expr::Or(_) | Expr::Compare(..) | Expr::In(..) | Expr::Matches(..) => None,
    }
}
