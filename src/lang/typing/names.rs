//! What a bare word or a dotted name means.

use super::{ROOTS, SIZE_MAX, Typing, is_reserved};
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::checker::{AttributeFact, Moment, Typed};
use crate::lang::expr::{Expr, Ref};
use crate::lang::kinds::{self, path_text, retyped};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::syntax::ast::{Ident, Term};

impl Typing<'_, '_> {
    /// A word that is no constant and no root: its meaning is the other side's.
    pub(super) fn is_plain_word(&self, word: &Ident) -> bool {
        !is_reserved(&word.text) && self.checker.names.constant(self.scope, &word.text).is_none()
    }

    pub(super) fn term(&mut self, term: &Term, span: Span, hint: Option<&Type>) -> Option<Typed> {
        if let Some(args) = &term.args {
            return self.call(term, args, span);
        }
        if term.optional || !term.generics.is_empty() {
            self.checker.error(Code::TypeMismatch, "a value is expected, this is a type", span, "a type");
            return None;
        }
        match term.path.as_slice() {
            [word] => self.word(word, hint),
            [root, rest @ ..] => self.reference(root, rest, span, hint),
            [] => None,
        }
    }

    fn word(&mut self, word: &Ident, hint: Option<&Type>) -> Option<Typed> {
        let span = word.span;
        let constant = |value: Value, ty: Type| Some(Typed { expr: Expr::Const(value), ty, moment: Moment::Constant, span });
        let text = || Value::Text(word.text.as_str().into());
        let hint = hint.map(Type::present);
        if let Some(Type::Enum(choices)) = hint
            && choices.contains(&word.text)
        {
            return constant(text(), Type::Enum(choices.clone()));
        }
        match word.text.as_str() {
            "true" => return constant(Value::Bool(true), Type::Bool),
            "false" => return constant(Value::Bool(false), Type::Bool),
            "none" => return constant(Value::None, Type::Nothing),
            _ => {}
        }
        if let Some(found) = self.checker.names.constant(self.scope, &word.text) {
            self.count(&found.expr, span)?;
            let expr = retyped(found.expr.clone(), hint);
            let ty = match (&found.ty, hint) {
                (Type::Int, Some(Type::Status)) if matches!(expr, Expr::Const(Value::Status(..))) => Type::Status,
                (ty, _) => ty.clone(),
            };
            return Some(Typed { expr, ty, moment: Moment::Constant, span });
        }
        match hint {
            Some(Type::Method) if kinds::is_method(&word.text) => return constant(text(), Type::Method),
            Some(Type::Host) => return constant(Value::Text(word.text.to_ascii_lowercase().into()), Type::Host),
            _ => {}
        }
        if self.checker.names.suspects.contains(&word.text) {
            return None;
        }
        self.unknown_word(word, hint);
        None
    }

    /// Counts what a constant adds to the expression; `None` past the limit, which is reported once.
    fn count(&mut self, constant: &Expr, span: Span) -> Option<()> {
        let before = self.size;
        self.size += constant.size();
        if self.size > SIZE_MAX && before <= SIZE_MAX {
            let label = format!("with this one it is {}, at most {SIZE_MAX} are possible", self.size);
            self.checker.error(Code::TypeRange, "the constants that are used here hold too many operators", span, label);
        }
        (self.size <= SIZE_MAX).then_some(())
    }

    fn unknown_word(&mut self, word: &Ident, hint: Option<&Type>) {
        if let Some(Type::Enum(choices)) = hint {
            self.checker.report.push(kinds::no_choice(&word.text, choices, word.span));
            return;
        }
        if hint == Some(&Type::Method) && kinds::is_method(&word.text.to_ascii_uppercase()) {
            self.checker.report.push(kinds::no_method(&word.text, word.span));
            return;
        }
        let constants = || self.checker.names.chain(self.scope).flat_map(|(_, scope)| &scope.constants);
        let mut known: Vec<&str> = constants().map(|(name, _)| name.as_str()).collect();
        self.checker.names.missed(word.span, &word.text, constants().map(|(name, constant)| (name.as_str(), constant.span)));
        known.sort_unstable();
        let found = Diagnostic::new(Code::NameUnknown, format!("nothing is called `{}`", word.text)).at(word.span, "unknown name");
        let found = if ROOTS.contains(&word.text.as_str()) {
            found.help(format!("`{}` is a family of values: write `{}.NAME`", word.text, word.text))
        } else if let Some(near) = near(&word.text, known.iter().copied()) {
            found.maybe(near.word)
        } else if let Some(whole) = kinds::reference_ending_in(&word.text) {
            found.help(format!("did you mean `{whole}`?"))
        } else if hint == Some(&Type::Bool) {
            found.help("write `true` or `false`")
        } else if hint == Some(&Type::Str) || hint.is_none() {
            found.help(format!("write `\"{}\"` for text, or declare it with `let {} = …`", word.text, word.text))
        } else {
            found.help(format!("declare it with `let {} = …`", word.text))
        };
        self.checker.report.push(found);
    }

    fn reference(&mut self, root: &Ident, rest: &[Ident], span: Span, hint: Option<&Type>) -> Option<Typed> {
        let done = |reference: Ref, ty: Type, moment: Moment| Some(Typed { expr: Expr::Ref(reference), ty, moment, span });
        let names: Vec<&str> = rest.iter().map(|part| part.text.as_str()).collect();
        let text = Type::Str;
        match (root.text.as_str(), names.as_slice()) {
            ("request", ["method"]) => done(Ref::Method, Type::Method, Moment::Match),
            ("request", ["path"]) => done(Ref::Path, text, Moment::Match),
            ("request", ["host"]) => done(Ref::Host, Type::Host, Moment::Match),
            ("request", ["scheme"]) => done(Ref::Scheme, Type::Enum(["http".to_owned(), "https".to_owned()].into()), Moment::Match),
            ("request", ["id"]) => done(Ref::Id, text, Moment::Match),
            ("request", ["size"]) => done(Ref::Size, Type::Int.optional(), Moment::Match),
            ("request", ["listener"]) => done(Ref::Listener, text, Moment::Match),
            ("client", ["ip"]) => done(Ref::ClientIp, Type::Ip, Moment::Accept),
            ("client", ["cert", "subject"]) => done(Ref::ClientSubject, text.optional(), Moment::Accept),
            ("client", ["cert", "san"]) => done(Ref::ClientName, text.optional(), Moment::Accept),
            ("flag", [_]) => rest.first().and_then(|name| self.checker.flag(name, span, self.scope)),
            ("upstream", ["name"]) => done(Ref::UpstreamName, text, Moment::Target),
            ("response", ["status"]) => done(Ref::ResponseStatus, Type::Status, Moment::Response),
            ("response", ["duration"]) => done(Ref::ResponseDuration, Type::Duration, Moment::Response),
            ("param", [name]) => self.param(name, span),
            (family @ ("claim" | "key" | "user"), [name]) => self.attribute(family, name, span),
            (family, _) if ROOTS.contains(&family) => {
                self.unknown_member(root, rest, span);
                None
            }
            _ => self.imported_or_host(root, rest, span, hint),
        }
    }

    fn unknown_member(&mut self, root: &Ident, rest: &[Ident], span: Span) {
        let known: &[&str] = match root.text.as_str() {
            "request" => &["method", "path", "host", "scheme", "id", "size", "listener"],
            "client" => &["ip", "cert.subject", "cert.san"],
            "upstream" => &["name"],
            "response" => &["status", "duration"],
            _ => &[],
        };
        let last = rest.first().map_or("", |part| part.text.as_str());
        let mut found = Diagnostic::new(Code::NameUnknown, format!("`{}` is not known", path_text(root, rest))).at(span, "no such value");
        found = match near(last, known.iter().copied()) {
            Some(near) => found.meant(span, &path_text(root, rest), &format!("{}.{}", root.text, near.word), near.sure),
            None => {
                found.help(format!("known: {}", known.iter().map(|name| format!("`{}.{name}`", root.text)).collect::<Vec<_>>().join(", ")))
            }
        };
        self.checker.report.push(found);
    }

    fn param(&mut self, name: &str, span: Span) -> Option<Typed> {
        let found = self.checker.facts.params.iter().position(|param| param.name == name);
        if let Some(slot) = found
            && let Some(param) = self.checker.facts.params.get(slot)
        {
            self.checker.put_param_to_use(name);
            let reference = Ref::Param { slot: u16::try_from(slot).ok()?, int: param.ty == Type::Int };
            return Some(Typed { expr: Expr::Ref(reference), ty: param.ty.clone(), moment: Moment::Match, span });
        }
        if self.want.by == Moment::Constant {
            self.checker.too_early(span, Moment::Match, Moment::Constant);
            return None;
        }
        let route = &self.checker.facts.route;
        let known: Vec<&str> = self.checker.facts.params.iter().map(|param| param.name.as_str()).collect();
        let path = self.checker.facts.path;
        self.checker.missed_param(name, span);
        let mut diagnostic =
            Diagnostic::new(Code::TypeParamUnknown, format!("the path of `{route}` has no parameter `{name}`")).at(span, "not in its path");
        diagnostic = path.into_iter().fold(diagnostic, |found, path| found.also(path, "its path"));
        diagnostic = match near(name, known.iter().copied()) {
            Some(near) => diagnostic.maybe(&format!("param.{}", near.word)),
            None if known.is_empty() => diagnostic.help("the path has no parameters: write one as `{name}` or `{name:int}`"),
            None => {
                let known = known.iter().map(|name| format!("`param.{name}`")).collect::<Vec<_>>().join(" or ");
                diagnostic.help(format!("write {known}, or call a parameter of the path `{name}`"))
            }
        };
        self.checker.report.push(diagnostic);
        None
    }

    fn attribute(&mut self, family: &str, name: &str, span: Span) -> Option<Typed> {
        let facts = &self.checker.facts;
        let found = facts.attributes.iter().find(|fact| fact.root == family && fact.name == name);
        if let Some(AttributeFact { ty, slots, .. }) = found {
            self.checker.put_to_use(slots, name);
            return Some(Typed { expr: Expr::Ref(Ref::Attribute(slots.clone())), ty: ty.clone(), moment: Moment::Authenticate, span });
        }
        if facts.uncertain {
            return None;
        }
        if self.want.by == Moment::Constant {
            self.checker.too_early(span, Moment::Authenticate, Moment::Constant);
            return None;
        }
        let route = facts.route.clone();
        let known: Vec<String> = facts.attributes.iter().map(|fact| format!("{}.{}", fact.root, fact.name)).collect();
        self.checker.missed_attribute(name, span);
        let written = format!("{family}.{name}");
        let mut diagnostic = if known.is_empty() && !facts.identified {
            Diagnostic::new(Code::TypeUnknownClaim, format!("`{written}` is unknown: `{route}` asks nobody who they are"))
                .at(span, "needs an identity")
                .help("give the route an `auth` that declares it")
        } else {
            Diagnostic::new(Code::TypeUnknownClaim, format!("the auth of `{route}` declares no `{written}`")).at(span, "not declared")
        };
        if !known.is_empty() {
            diagnostic = match near(&written, known.iter().map(String::as_str)) {
                Some(near) => diagnostic.maybe(near.word),
                None => {
                    diagnostic.help(format!("it declares {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")))
                }
            };
        }
        self.checker.report.push(diagnostic);
        None
    }

    /// `module.name`, or a host of plain labels where a host is expected.
    fn imported_or_host(&mut self, root: &Ident, rest: &[Ident], span: Span, hint: Option<&Type>) -> Option<Typed> {
        if let (Some(module), [name]) = (self.checker.names.import(self.scope, &root.text), rest)
            && let Some(found) = self.checker.names.constant(module, &name.text)
        {
            self.count(&found.expr, span)?;
            return Some(Typed { expr: found.expr.clone(), ty: found.ty.clone(), moment: Moment::Constant, span });
        }
        let text = path_text(root, rest);
        if hint.map(Type::present) == Some(&Type::Host) {
            return Some(Typed {
                expr: Expr::Const(Value::Text(text.to_ascii_lowercase().into())),
                ty: Type::Host,
                moment: Moment::Constant,
                span,
            });
        }
        if self.checker.names.suspects.contains(&root.text) {
            return None;
        }
        let mut found = Diagnostic::new(Code::NameUnknown, format!("nothing is called `{text}`")).at(span, "unknown name");
        let names = self.checker.names;
        if let Some(module) = names.import(self.scope, &root.text) {
            let known = names.scope(module).into_iter().flat_map(|scope| scope.constants.keys().map(String::as_str));
            found = match rest {
                [name] => match near(&name.text, known) {
                    Some(near) => found.maybe(&format!("{}.{}", root.text, near.word)),
                    None => found.help(format!("no `let` or `param` of the file imported as `{}` is called so", root.text)),
                },
                _ => found,
            };
        } else {
            let known =
                ROOTS.iter().copied().chain(names.chain(self.scope).flat_map(|(_, scope)| scope.imports.keys().map(String::as_str)));
            self.checker.missed_import(root, span, self.scope);
            if let Some(near) = near(&root.text, known) {
                let member = rest.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
                found = found.meant(span, &text, &format!("{}.{member}", near.word), near.sure && ROOTS.contains(&near.word));
            }
        }
        self.checker.report.push(found);
        None
    }
}
