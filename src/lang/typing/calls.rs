//! What calls of the built-in functions mean.

use super::{FUNCTIONS, Typing};
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::lang::checker::{Moment, Typed};
use crate::lang::expr::{Expr, Ref, Secret};
use crate::lang::types::Type;
use crate::syntax::ast::{Arg, Term};
use http::HeaderName;

impl Typing<'_, '_> {
    pub(super) fn call(&mut self, term: &Term, args: &[Arg], span: Span) -> Option<Typed> {
        let [name] = term.path.as_slice() else {
            self.checker.error(Code::NameUnknown, "this cannot be called", span, "no function");
            return None;
        };
        match name.text.as_str() {
            "has" | "lower" => return self.function(&name.text, args, span),
            "header" | "query" | "cookie" | "body" | "env" | "file" => {}
            other => {
                let mut found = Diagnostic::new(Code::NameUnknown, format!("no function is called `{other}`")).at(name.span, "not known");
                if let Some(near) = near(other, FUNCTIONS.iter().copied()) {
                    found = found.meant(name.span, other, near.word, near.sure);
                }
                self.checker.report.push(found);
                return None;
            }
        }
        let text = match args {
            [Arg { name: None, value: Some(value), .. }] => value.as_plain_text(),
            _ => None,
        };
        let Some(text) = text else {
            let found = Diagnostic::new(Code::SchemaArity, format!("`{}` takes one plain string", name.text)).at(span, "");
            let bare = match args {
                [Arg { name: None, value: Some(value), .. }] => value.as_reference().map(|path| (value.span, path)),
                _ => None,
            };
            self.checker.report.push(match bare {
                Some((bare, path)) => {
                    let quoted = format!("\"{}\"", path.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("."));
                    let help = format!("write `{}({quoted})`", name.text);
                    found.help(help).fix("put it in quotes", vec![Edit { span: bare, text: quoted }])
                }
                None => found.help(format!("write `{}(\"name\")`", name.text)),
            });
            return None;
        };
        if text.is_empty() {
            self.checker.error(Code::TypeRange, format!("`{}` needs a name", name.text), span, "names nothing");
            return None;
        }
        let done = |expr: Expr, ty: Type, moment: Moment| Some(Typed { expr, ty, moment, span });
        match name.text.as_str() {
            "header" => {
                let Ok(field) = HeaderName::try_from(text) else {
                    self.checker.error(Code::HeadersInvalidName, format!("`{text}` is no field name"), span, "");
                    return None;
                };
                if field == http::header::HOST && !self.want.response {
                    self.checker.report.push(
                        Diagnostic::new(Code::NameUnknown, "`header(\"host\")` is always missing")
                            .at(span, "not among the fields")
                            .help("the host, in lower case and without the port, is `request.host`")
                            .fix("ask for the host", vec![Edit { span, text: "request.host".to_owned() }]),
                    );
                    return None;
                }
                let (reference, moment) =
                    if self.want.response { (Ref::ResponseHeader(field), Moment::Response) } else { (Ref::Header(field), Moment::Match) };
                done(Expr::Ref(reference), Type::Str.optional(), moment)
            }
            "query" => done(Expr::Ref(Ref::Query(text.to_owned())), Type::Str.optional(), Moment::Match),
            "cookie" => done(Expr::Ref(Ref::Cookie(text.to_owned())), Type::Str.optional(), Moment::Match),
            "env" => done(Expr::Secret(Secret::Env(text.to_owned())), Type::Secret, Moment::Constant),
            "file" => {
                let folder = self.checker.names.chain(self.scope).last().map(|(_, scope)| scope.folder.clone()).unwrap_or_default();
                done(Expr::Secret(Secret::File(folder.join(text).to_string_lossy().into_owned())), Type::Secret, Moment::Constant)
            }
            _ => {
                let Some(steps) =
                    text.strip_prefix('/').map(|steps| steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
                else {
                    self.checker.report.push(
                        Diagnostic::new(Code::TypeMismatch, format!("`{text}` is no JSON pointer"))
                            .at(span, "not a place in a body")
                            .help(format!("a pointer begins with `/`: `body(\"/{text}\")`")),
                    );
                    return None;
                };
                self.checker.facts.reads_body = true;
                done(Expr::Ref(Ref::Body(steps)), Type::Str.optional(), Moment::Body)
            }
        }
    }

    fn function(&mut self, name: &str, args: &[Arg], span: Span) -> Option<Typed> {
        let [Arg { name: None, value: Some(value), .. }] = args else {
            self.checker.error(Code::SchemaArity, format!("`{name}` takes one value"), span, "");
            return None;
        };
        let typed = self.expr(value, None)?;
        self.no_secret(&typed)?;
        if name == "has" {
            return Some(Typed { expr: Expr::Has(Box::new(typed.expr)), ty: Type::Bool, moment: typed.moment, span });
        }
        if !typed.ty.is_text() {
            self.checker.error(Code::TypeMismatch, format!("`lower` needs text, this is `{}`", typed.ty), typed.span, "not text");
            return None;
        }
        let ty = if typed.ty.is_optional() { Type::Str.optional() } else { Type::Str };
        Some(Typed { expr: Expr::Lower(Box::new(typed.expr)), ty, moment: typed.moment, span })
    }
}
