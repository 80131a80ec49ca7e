//! Reads `respond` and `redirect`.

use super::{Config, Format};
use crate::diag::suggest::nearest;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::{Expr, Piece, Ref};
use crate::lang::value::Value;
use crate::lang::{Checker, Node};
use crate::policy::page;

/// What `respond` answers by itself.
const MADE: &[&str] = &["health", "routes", "openapi"];

pub(super) fn respond(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    if let Some(what) = node.word_in("what") {
        if node.has("status") || node.has("format") || node.has("text") {
            checker.error(Code::SchemaArity, format!("`respond {}` takes nothing more", what.text), node.span, "too much");
            return None;
        }
        return match what.text.as_str() {
            "health" => Some(Config::Health),
            "routes" => Some(Config::Routes),
            _ => Some(Config::Openapi),
        };
    }
    let Some(given) = node.get("status") else {
        checker.report.push(
            Diagnostic::new(Code::SchemaArity, "`respond` needs what it answers")
                .at(node.span, "with what?")
                .help("write `respond 200 json \"…\"`, `respond health`, `respond routes` or `respond openapi`"),
        );
        return None;
    };
    if let Some(word) = given.expr.as_word()
        && let Some(near) = nearest(&word.text, MADE.iter().copied())
    {
        checker.report.push(
            Diagnostic::new(Code::TypeEnum, format!("`{}` is nothing that `respond` answers", word.text))
                .at(word.span, "")
                .help(format!("did you mean `{near}`?")),
        );
        return None;
    }
    if let Some(word) = given.expr.as_word()
        && Format::WORDS.contains(&word.text.as_str())
    {
        let before = Span { end: word.span.start, ..word.span };
        checker.report.push(
            Diagnostic::new(Code::SchemaArity, "`respond` needs a status before its text")
                .at(word.span, "with which status?")
                .help(format!("write `respond 200 {} \"…\"`", word.text))
                .fix("answer with 200", vec![Edit { span: before, text: "200 ".to_owned() }]),
        );
        return None;
    }
    let status = page::status(given, 200..=599, "from 200 to 599", checker);
    let format = node.word_in("format").map_or(Format::Text, |word| Format::of(&word.text));
    let body = match node.get("text") {
        Some(given) => page::text(given, format, Moment::Body, checker),
        None if node.has("format") => {
            checker.error(Code::SchemaArity, "`respond` needs a text behind its format", node.span.after(), "missing here");
            None
        }
        None => Some(Expr::Const(Value::Text("".into()))),
    };
    let (status, body) = (status?, body?);
    if matches!(status, 204 | 205 | 304) && node.has("text") {
        checker.error(Code::TypeRange, format!("a {status} has no body"), node.span_of("text"), "no client would read this");
        return None;
    }
    if node.has("text") && !node.has("format") {
        checker.error(Code::SchemaArity, "`respond` says what its text is", node.span_of("text"), "put `json`, `text` or `html` before it");
        return None;
    }
    Some(Config::Body { status, format, body })
}

pub(super) fn redirect(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    // Where one of them is missing that has been said, and the other may stand in its place.
    let (given, url) = (node.get("status")?, node.get("url")?);
    let status = page::status(given, 300..=399, "from 300 to 399", checker).filter(|status| {
        if *status == 304 {
            checker.error(Code::TypeRange, "304 sends nobody elsewhere", given.expr.span, "from 300 to 399, but not this one");
        }
        *status != 304
    });
    let typed = checker.typed(url, &Want { ty: None, by: Moment::Body, spot: Spot::Url, response: false });
    let (status, typed) = (status?, typed?);
    let first = match &typed.expr {
        Expr::Const(Value::Text(text)) => text.to_string(),
        Expr::Text(pieces) => match pieces.first() {
            Some(Piece::Literal(text)) => text.clone(),
            // A path at the very front stays on this host.
            _ => "/".to_owned(),
        },
        _ => String::new(),
    };
    if !first.starts_with('/') && !first.starts_with("http://") && !first.starts_with("https://") {
        checker.report.push(
            Diagnostic::new(Code::TypeMismatch, "a redirect leads to a URL or to a path")
                .at(typed.span, "neither")
                .help("begin it with `https://`, `http://` or `/`"),
        );
        return None;
    }
    if let Expr::Text(pieces) = &typed.expr
        && chooses_host(pieces)
    {
        checker.report.push(
            Diagnostic::new(Code::TypeMismatch, "the client would choose the host that it is sent to")
                .at(typed.span, "a value without a domain behind it")
                .help("put a `/` before the value, or end the host with a domain of your own: `https://${…}.example.com/`"),
        );
        return None;
    }
    let unfit = match &typed.expr {
        Expr::Const(Value::Text(text)) => unfit(text),
        Expr::Text(pieces) => pieces.iter().find_map(|piece| if let Piece::Literal(text) = piece { unfit(text) } else { None }),
        _ => None,
    };
    if let Some(letter) = unfit {
        let what = if letter == ' ' { "a space".to_owned() } else { format!("`{}`", letter.escape_default()) };
        let found = Diagnostic::new(Code::TypeMismatch, format!("{what} stands in no URL"));
        checker.report.push(found.at(typed.span, "not as it is").help(match letter {
            '{' | '}' => "parameters are written as `${param.name}` in a string".to_owned(),
            _ => format!("write `%{:02X}` in its place (RFC 3986 §2.1)", u32::from(letter)),
        }));
        return None;
    }
    Some(Config::Redirect { status, keeps_query: !has_query(&typed.expr), location: typed.expr })
}

/// The first letter that no URL holds (RFC 3986 §2). Those beyond ASCII have one encoding each, and are sent in it.
fn unfit(text: &str) -> Option<char> {
    text.chars().find(|letter| letter.is_ascii_control() || " \"<>\\^`{|}".contains(*letter))
}

/// True when a value that is no host by itself stands in the host of a URL, and no domain behind it.
fn chooses_host(pieces: &[Piece]) -> bool {
    let mut before = String::new();
    let mut open = false;
    for piece in pieces {
        match piece {
            Piece::Literal(text) => {
                before.push_str(text);
                let Some((_, rest)) = before.split_once("://") else { continue };
                let ended = rest.find(['/', '?', '#']);
                let domain = text.split(['/', '?', '#']).next().unwrap_or_default();
                open &= !domain.split(':').next().is_some_and(|name| name.starts_with('.') && name.len() > 1);
                if ended.is_some() {
                    return open;
                }
            }
            Piece::Hole(Expr::Ref(Ref::Path), _) if before.contains("://") => return open,
            Piece::Hole(Expr::Const(_) | Expr::Ref(Ref::Host | Ref::Param { int: true, .. }), _) => {}
            Piece::Hole(..) => open |= before.contains("://"),
        }
    }
    open
}

fn has_query(text: &Expr) -> bool {
    match text {
        Expr::Const(Value::Text(text)) => text.contains('?'),
        Expr::Text(pieces) => pieces.iter().any(|piece| matches!(piece, Piece::Literal(text) if text.contains('?'))),
        _ => false,
    }
}
