//! Reads `fallback`.

use super::Config;
use crate::diag::{Code, Diagnostic};
use crate::lang::checker::Moment;
use crate::lang::form::Declared;
use crate::lang::{Checker, Node};
use crate::policy::page::{self, Format};

pub(super) fn check(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    match (node.get("upstream"), node.child("respond")) {
        (Some(_), Some(respond)) => {
            checker.error(Code::SchemaArity, "`fallback` is an upstream or a body, not both", respond.span, "a second answer");
            None
        }
        (Some(upstream), None) => checker.declared(upstream, Declared::Upstream).and_then(|index| u16::try_from(index).ok()).map(Config::Upstream),
        (None, Some(respond)) => {
            let status = page::status(respond.get("status")?, 200..=599, "from 200 to 599", checker);
            let format = Format::of(&respond.word_in("format")?.text);
            let body = page::text(respond.get("text")?, format, Moment::Body, checker);
            Some(Config::Body { status: status?, format, body: body? })
        }
        (None, None) => {
            if !node.damaged {
                checker.report.push(
                    Diagnostic::new(Code::SchemaArity, "`fallback` needs what answers")
                        .at(node.span.after(), "missing here")
                        .help("write `fallback -> upstream`, or `fallback respond 503 json \"…\"`"),
                );
            }
            None
        }
    }
}
