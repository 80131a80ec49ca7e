//! Reads `error`.

use super::{Body, Page};
use crate::diag::{Code, Diagnostic};
use crate::lang::checker::Moment;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Given, Node};
use crate::policy::page::{self, Format};
use crate::syntax::ast::ExprKind;

pub(super) fn page(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Page> {
    let statuses = statuses(node.get("statuses")?, checker);
    let body = node.get("text").and_then(|given| body(node, given, checker));
    Some(Page { statuses: statuses?, upstream: node.has("of"), body: body? })
}

fn statuses(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Vec<(u16, u16)>> {
    let mut found = Vec::new();
    for item in checker.items(given) {
        match checker.constant(item, Type::Status)? {
            Value::Status(low, high) if low >= 400 => found.push((low, high)),
            _ => {
                checker.error(Code::TypeRange, "this is the status of no error", item.expr.span, "from 400 to 599");
                return None;
            }
        }
    }
    Some(found)
}

fn body(node: &Node<'_>, given: Given<'_>, checker: &mut Checker<'_>) -> Option<Body> {
    let file = match &given.expr.kind {
        ExprKind::Term(term) => match (term.path.as_slice(), term.args.as_deref()) {
            ([name], Some([only])) if name.text == "page" && only.name.is_none() => only.value.as_ref(),
            _ => None,
        },
        _ => None,
    };
    match (file, node.word_in("format")) {
        (Some(file), None) => checker.file_name(Given { expr: file, scope: given.scope }).map(Body::File),
        (Some(_), Some(format)) => {
            checker.error(Code::SchemaArity, format!("a page is not `{}`", format.text), format.span, "its file's name says what it is");
            None
        }
        (None, Some(format)) => {
            let format = Format::of(&format.text);
            page::text(given, format, Moment::Body, checker).map(|text| Body::Text(format, text))
        }
        (None, None) => {
            checker.report.push(
                Diagnostic::new(Code::SchemaArity, "`error` says what its text is")
                    .at(given.expr.span, "put `json`, `text` or `html` before it")
                    .help("a whole file is `page(\"404.html\")`"),
            );
            None
        }
    }
}
