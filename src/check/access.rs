//! Who may call a route: that it says so, and that whatever is loosened is loosened visibly.

use super::declare::declared_name;
use crate::diag::{Code, Diagnostic, Edit};
use crate::lang::Node;
use crate::lang::checker::Checker;
use crate::lang::read::Mode;
use crate::policy::Effective;
use crate::syntax::ast::{ExprKind, TextPart};

/// A route that neither asks who calls nor says that everyone may.
pub fn uncovered(node: &Node<'_>, checker: &mut Checker<'_>) {
    let name = declared_name(node).map_or(node.span, |name| name.span);
    checker.report.push(
        Diagnostic::new(Code::AuthUncovered, format!("route `{}` does not say who may call it", checker.facts.route))
            .at(name, "neither `auth` nor `public`")
            .help("add `auth NAME`, or `public \"why\"` when everyone may"),
    );
}

/// Loosening is always visible: it says `override`. True when a requirement in force leaves no way to loosen.
pub fn overrides(written: &[&Effective<'_>], levels: &[&[Effective<'_>]], checker: &mut Checker<'_>) -> bool {
    let mut contrary = false;
    let mut outer: Option<&Effective<'_>> = None;
    for statement in written {
        let node = &statement.node;
        match (outer, node.mode) {
            // The same word twice has been reported by whoever read the block.
            (Some(before), _) if before.site == statement.site && before.node.form.word == node.form.word => {}
            (Some(before), _) if before.site == statement.site => checker.report.push(
                Diagnostic::new(Code::SchemaRepeated, "a block says `auth` or `public`, not both")
                    .at(node.span, "and this")
                    .also(before.node.span, "says this")
                    .help("keep one of them"),
            ),
            (Some(before), Mode::Plain) if before.node.form.word == "auth" && !same(&before.node, node) => {
                let how = if node.form.word == "public" { "`public`" } else { "another `auth`" };
                let found = Diagnostic::new(Code::AuthNotOverridden, format!("{how} under a group that asks for `auth`"))
                    .at(node.span, "loosens what the group asks for")
                    .also(before.node.span, "asked for here")
                    .help(format!("say so: `override {}`", if node.form.word == "public" { "public \"why\"" } else { "auth …" }));
                // With `override` it would be `auth::public-with-require`.
                let required = requires_identity(levels).next().filter(|_| node.form.word == "public");
                if let Some(require) = required {
                    checker.report.push(
                        found
                            .also(require.node.span, "and this must hold of the caller")
                            .help("move the route out of the group, or keep its `auth`"),
                    );
                    contrary = true;
                    outer = Some(statement);
                    continue;
                }
                // `override public` wants its reason, which only people know.
                let whole = node.form.word != "public" || node.get("why").is_some();
                checker.report.push(if whole {
                    found.fix("put `override` before it", vec![Edit { span: node.word.before(), text: "override ".to_owned() }])
                } else {
                    found
                });
            }
            (None, Mode::Override) => {
                checker.report.push(
                    Diagnostic::new(Code::PolicyNothingToOverride, "there is nothing to override here")
                        .at(node.span, "no enclosing group says `auth`")
                        .help("leave `override` out")
                        .fix("leave `override` out", vec![Edit { span: node.lead, text: String::new() }]),
                );
            }
            (Some(_), Mode::Override) if node.form.word == "public" && node.get("why").is_none() => {
                checker.report.push(
                    Diagnostic::new(Code::SchemaArity, "`override public` gives its reason")
                        .at(node.span, "why?")
                        .help("write `override public \"why\"`"),
                );
            }
            _ => {}
        }
        outer = Some(statement);
    }
    contrary
}

/// The same statement in the same words.
fn same(first: &Node<'_>, second: &Node<'_>) -> bool {
    let words = |node: &Node<'_>| -> Option<Vec<String>> {
        node.form
            .slots
            .iter()
            .flat_map(|slot| node.all(slot.name))
            .map(|given| given.expr.as_word().map(|word| word.text.clone()))
            .collect()
    };
    first.form.word == second.form.word && words(first).is_some() && words(first) == words(second)
}

/// A `require` on who the caller is cannot be met when nobody is asked; true when there is one.
pub fn public_with_require(public: &Effective<'_>, levels: &[&[Effective<'_>]], report: &mut crate::diag::Report) -> bool {
    let mut found = false;
    for require in requires_identity(levels) {
        found = true;
        report.push(
            Diagnostic::new(Code::AuthPublicWithRequire, "a route that requires something of its caller cannot be public")
                .at(public.node.span, "asks nobody who they are")
                .also(require.node.span, "but this must hold")
                .help("move the route out of the group, or keep its `auth`"),
        );
    }
    found
}

/// The requirements in force on who the caller is.
fn requires_identity<'l, 'a>(levels: &'l [&'l [Effective<'a>]]) -> impl Iterator<Item = &'l Effective<'a>> {
    let requires = levels.iter().flat_map(|level| level.iter()).filter(|statement| statement.node.form.word == "require");
    requires.filter(|require| require.node.get("condition").is_some_and(|given| asks_identity(given.expr)))
}

fn asks_identity(tree: &crate::syntax::ast::Expr) -> bool {
    match &tree.kind {
        ExprKind::Term(term) => {
            term.path.first().is_some_and(|root| matches!(root.text.as_str(), "claim" | "key" | "user"))
                || term.args.iter().flatten().filter_map(|arg| arg.value.as_ref()).any(asks_identity)
        }
        ExprKind::Paren(inner) | ExprKind::Not(inner) => asks_identity(inner),
        ExprKind::Binary(left, _, right) => asks_identity(left) || asks_identity(right),
        ExprKind::List(items) => items.iter().any(asks_identity),
        ExprKind::Text(parts) => parts.iter().any(|part| matches!(part, TextPart::Interpolation(inner) if asks_identity(inner))),
        ExprKind::Literal(..) | ExprKind::Regex(_) | ExprKind::Path(_) | ExprKind::Url(_) => false,
    }
}
