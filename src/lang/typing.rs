//! Expressions from tree to typed: names become slots, literals values, and every type is checked. No implicit conversion.

use super::checker::{AttributeFact, Checker, Moment, Spot, Typed, Want};
use super::expr::{Comparison, Encoding, Expr, Pattern, Piece, Ref, Secret};
use super::kinds::{self, constant_text, path_text, push_literal, retyped};
use super::literal;
use super::read::{Given, ScopeId};
use super::types::Type;
use super::value::Value;
use crate::diag::suggest::near;
use crate::diag::{Code, Diagnostic, Edit, Span};
use crate::syntax::ast::{Arg, Expr as Tree, ExprKind, Ident, LiteralKind, Operator, Term, TextPart, TypeName};
use http::HeaderName;

/// Names of the built-in references.
pub const ROOTS: &[&str] = &["request", "client", "param", "claim", "key", "user", "upstream", "response", "flag"];
/// Names of the built-in functions.
pub const FUNCTIONS: &[&str] = &["header", "query", "cookie", "body", "env", "file", "has", "lower"];

/// True when a name may not be given to a `let` or a `param`.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    ROOTS.contains(&name) || FUNCTIONS.contains(&name) || matches!(name, "true" | "false" | "none")
}

impl Checker<'_> {
    /// Types an expression and holds it against what is wanted. `None` when something was reported.
    pub fn typed(&mut self, given: Given<'_>, want: &Want) -> Option<Typed> {
        let typed = Typing { checker: self, scope: given.scope, want }.expr(given.expr, want.ty.as_ref())?;
        if typed.moment > want.by {
            let late = self.late(given.expr, given.scope, want).unwrap_or(typed.span);
            return self.accept(Typed { span: late, ..typed }, want);
        }
        self.accept(typed, want)
    }

    /// Types a constant whose type is its own: a value or a list of values.
    pub fn inferred(&mut self, given: Given<'_>) -> Option<Typed> {
        let want = Want { ty: None, by: Moment::Constant, spot: Spot::Plain, response: false };
        if !matches!(given.expr.kind, ExprKind::List(_)) {
            return self.typed(given, &want);
        }
        let typed = Typing { checker: self, scope: given.scope, want: &want }.expr(given.expr, None)?;
        let ty = typed.ty.clone();
        self.accept(typed, &Want { ty: Some(ty), ..want })
    }

    /// Types an expression whatever is wanted of it.
    pub(super) fn any(&mut self, given: Given<'_>, want: &Want) -> Option<Typed> {
        Typing { checker: self, scope: given.scope, want }.expr(given.expr, None)
    }

    fn accept(&mut self, typed: Typed, want: &Want) -> Option<Typed> {
        if typed.ty == Type::Secret && !matches!(want.spot, Spot::Secret | Spot::RequestField) {
            self.report.push(
                Diagnostic::new(Code::SecretLeak, "a secret may not go here")
                    .at(typed.span, "this is a secret")
                    .help("secrets go into keys, credentials, store URLs, TLS material and `request { set … }` only"),
            );
            return None;
        }
        if typed.moment > want.by {
            self.too_early(typed.span, typed.moment, want.by);
            return None;
        }
        let Some(wanted) = &want.ty else {
            let named = want.by == Moment::Constant && typed.ty == Type::Regex;
            if !typed.ty.is_scalar() && typed.ty != Type::Secret && typed.ty != Type::Nothing && !named {
                self.error(Code::TypeMismatch, format!("a single value is expected, this is `{}`", typed.ty), typed.span, "not one value");
                return None;
            }
            return Some(typed);
        };
        if fits(&typed.ty, wanted) {
            return Some(typed);
        }
        self.mismatch(&typed, wanted);
        None
    }

    fn too_early(&mut self, span: Span, known: Moment, by: Moment) {
        let message = if by == Moment::Constant {
            "a constant is expected here".to_owned()
        } else {
            format!("this is known only from stage `{}` on", known.stage())
        };
        let help =
            if by == Moment::Constant { "this value differs from request to request".to_owned() } else { kinds::needed_before(known, by) };
        self.report.push(Diagnostic::new(Code::TypeTooEarly, message).at(span, "not known yet").help(help));
    }

    fn mismatch(&mut self, typed: &Typed, wanted: &Type) {
        if let (Expr::Const(Value::Int(number)), Some(units)) =
            (&typed.expr, literal::with_unit(if let Expr::Const(Value::Int(number)) = &typed.expr { *number } else { 0 }, wanted))
        {
            let found =
                Diagnostic::new(Code::TypeUnit, format!("`{number}` has no unit")).at(typed.span, format!("a {wanted} is expected"));
            self.report.push(kinds::with_units(found.help(format!("write {units}")), typed.span, wanted));
            return;
        }
        if typed.ty.is_optional() && typed.ty.present() == wanted {
            self.report.push(
                Diagnostic::new(Code::TypeOptional, "this value may be missing")
                    .at(typed.span, format!("`{}`, but a `{wanted}` must exist here", typed.ty))
                    .help("give it a default: `… ?? \"none\"`"),
            );
            return;
        }
        self.report.push(kinds::mismatch(typed, wanted));
    }
}

fn fits(have: &Type, wanted: &Type) -> bool {
    match (have, wanted) {
        (have, wanted) if have == wanted => true,
        (have, Type::Optional(inner)) => *have == Type::Nothing || fits(have, inner),
        (Type::Range(have), Type::Range(wanted)) | (Type::List(have) | Type::Set(have), Type::List(wanted) | Type::Set(wanted)) => {
            **have == Type::Nothing || fits(have, wanted)
        }
        // Text that has been checked more closely is still text.
        (have, Type::Str) => have.is_text() && !have.is_optional(),
        (Type::Range(inner), Type::Status) => **inner == Type::Int,
        _ => false,
    }
}

struct Typing<'t, 'c> {
    checker: &'t mut Checker<'c>,
    scope: ScopeId,
    want: &'t Want,
}

impl Typing<'_, '_> {
    /// Types an expression; `hint` helps bare words (enum choices, hosts, methods) to be understood.
    fn expr(&mut self, tree: &Tree, hint: Option<&Type>) -> Option<Typed> {
        let span = tree.span;
        let done = |expr: Expr, ty: Type, moment: Moment| Some(Typed { expr, ty, moment, span });
        match &tree.kind {
            ExprKind::Literal(kind, text) => self.literal(*kind, text, span, hint),
            ExprKind::Text(parts) => self.text(parts, span, hint),
            ExprKind::Regex(source) => done(Expr::Const(Value::Text(source.as_str().into())), Type::Regex, Moment::Constant),
            ExprKind::Path(text) => done(Expr::Const(Value::Text(text.as_str().into())), Type::Path, Moment::Constant),
            ExprKind::Url(text) => done(Expr::Const(Value::Text(text.as_str().into())), Type::Url, Moment::Constant),
            ExprKind::Term(term) => self.term(term, span, hint),
            ExprKind::List(items) => self.list(items, span, hint),
            ExprKind::Paren(inner) => self.expr(inner, hint).map(|typed| Typed { span, ..typed }),
            ExprKind::Not(inner) => {
                let inner = self.boolean(inner)?;
                done(Expr::Not(Box::new(inner.expr)), Type::Bool, inner.moment)
            }
            ExprKind::Binary(left, operator, right) => self.binary(left, *operator, right, span, hint),
        }
    }

    fn literal(&mut self, kind: LiteralKind, text: &str, span: Span, hint: Option<&Type>) -> Option<Typed> {
        let (value, ty) = match literal::parse(kind, text) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.checker.report.push(kinds::bad_literal(error, text, span));
                return None;
            }
        };
        let hint = hint.map(Type::present);
        let (value, ty) = match (value, ty, hint) {
            (Value::Int(code), Type::Int, Some(Type::Status)) => match u16::try_from(code) {
                Ok(code @ 100..=599) => (Value::Status(code, code), Type::Status),
                _ => {
                    self.checker.error(Code::TypeRange, format!("`{text}` is no status"), span, "100 to 599");
                    return None;
                }
            },
            (Value::Range(low, high), _, Some(Type::Status)) => match (*low, *high) {
                (Value::Int(low @ 100..=599), Value::Int(high @ 100..=599)) if low <= high => {
                    (Value::Status(u16::try_from(low).ok()?, u16::try_from(high).ok()?), Type::Status)
                }
                _ => {
                    self.checker.error(Code::TypeRange, format!("`{text}` is no range of statuses"), span, "both ends lie in 100 to 599");
                    return None;
                }
            },
            (Value::Ip(ip), Type::Ip, Some(Type::Cidr)) => (Value::Network(ip.into()), Type::Cidr),
            (Value::Ip(ip), Type::Ip, Some(Type::Host)) => (Value::Text(ip.to_string().into()), Type::Host),
            (Value::Text(text), Type::Address, Some(Type::Host)) if kind == LiteralKind::HostPort => (Value::Text(text), Type::Host),
            (value, ty, _) => (value, ty),
        };
        Some(Typed { expr: Expr::Const(value), ty, moment: Moment::Constant, span })
    }

    fn text(&mut self, parts: &[TextPart], span: Span, hint: Option<&Type>) -> Option<Typed> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut before = String::new();
        let mut moment = Moment::Constant;
        let mut secret = false;
        let mut failed = false;
        for part in parts {
            match part {
                TextPart::Literal(text) => {
                    before.push_str(text);
                    push_literal(&mut pieces, text);
                }
                TextPart::Interpolation(tree) => {
                    let Some(hole) = self.hole(tree) else {
                        failed = true;
                        continue;
                    };
                    moment = moment.max(hole.moment);
                    secret |= hole.ty == Type::Secret;
                    let encoding = Checker::encoding(self.want.spot, &before, self.path_encoding(&hole.expr));
                    // The policy's own URLs and paths are parts of a URL, not values in one.
                    let part = self.want.spot == Spot::Url && matches!(hole.ty, Type::Url | Type::Path);
                    match (&hole.expr, encoding) {
                        (Expr::Const(value), encoding) if part || encoding == Encoding::Plain => {
                            let text = constant_text(value);
                            before.push_str(&text);
                            push_literal(&mut pieces, &text);
                        }
                        _ => pieces.push(Piece::Hole(hole.expr, encoding)),
                    }
                }
            }
        }
        if failed {
            return None;
        }
        let ty = match (secret, hint.map(Type::present)) {
            (true, _) => Type::Secret,
            (false, Some(Type::Enum(choices))) => match pieces.as_slice() {
                [Piece::Literal(text)] if choices.contains(text) => Type::Enum(choices.clone()),
                [Piece::Literal(text)] => {
                    self.checker.report.push(kinds::no_choice(text, choices, span));
                    return None;
                }
                _ => Type::Str,
            },
            // A quoted host, path or URL is one where one is asked for; its reader looks at it closely.
            (false, Some(Type::Method)) => {
                if let [Piece::Literal(text)] = pieces.as_slice()
                    && !kinds::is_method(text)
                {
                    self.checker.report.push(kinds::no_method(text, span));
                    return None;
                }
                if moment == Moment::Constant { Type::Method } else { Type::Str }
            }
            (false, Some(wanted @ (Type::Host | Type::Path | Type::Url | Type::Address))) if moment == Moment::Constant => wanted.clone(),
            (false, _) => Type::Str,
        };
        // Hosts are compared as they are normalised: in lower case.
        if ty == Type::Host {
            for piece in &mut pieces {
                if let Piece::Literal(text) = piece {
                    text.make_ascii_lowercase();
                }
            }
        }
        let expr = match pieces.as_slice() {
            [] => Expr::Const(Value::Text("".into())),
            [Piece::Literal(text)] => Expr::Const(Value::Text(text.as_str().into())),
            _ => Expr::Text(pieces),
        };
        Some(Typed { expr, ty, moment, span })
    }

    fn hole(&mut self, tree: &Tree) -> Option<Typed> {
        let hole = self.expr(tree, None)?;
        if hole.ty.is_optional() {
            self.checker.report.push(
                Diagnostic::new(Code::TypeOptional, "a value that may be missing cannot be put into a string")
                    .at(hole.span, format!("`{}`: there may be none", hole.ty))
                    .help("give it a default inside the braces: `${… ?? \"none\"}`"),
            );
            return None;
        }
        if hole.ty == Type::Secret {
            return Some(hole);
        }
        if !hole.ty.is_scalar() {
            self.checker.error(Code::TypeMismatch, format!("`{}` cannot be put into a string", hole.ty), hole.span, "not one value");
            return None;
        }
        Some(hole)
    }

    /// How a value is encoded before the `?` of a URL.
    fn path_encoding(&self, expr: &Expr) -> Encoding {
        match expr {
            Expr::Ref(Ref::Path) => Encoding::Arrived,
            Expr::Ref(Ref::Param { slot, .. })
                if self.checker.facts.params.get(usize::from(*slot)).is_some_and(|param| param.keeps_slashes) =>
            {
                Encoding::Path
            }
            _ => Encoding::Segment,
        }
    }

    fn list(&mut self, items: &[Tree], span: Span, hint: Option<&Type>) -> Option<Typed> {
        let member_hint = hint.and_then(|hint| hint.present().member().or(Some(hint)));
        let typed: Vec<Option<Typed>> = items.iter().map(|item| self.expr(item, member_hint)).collect();
        let mut values = Vec::new();
        let mut ty = Type::Nothing;
        for (item, tree) in typed.into_iter().zip(items) {
            let item = item?;
            self.no_secret(&item)?;
            let Expr::Const(value) = item.expr else {
                self.checker.too_early(item.span, item.moment, Moment::Constant);
                return None;
            };
            if ty != Type::Nothing && ty != item.ty {
                let (wide, narrow) = (ty.is_text() && item.ty.is_text(), item.ty.clone());
                if !wide {
                    self.checker.error(Code::TypeMismatch, format!("`{narrow}` in a list of `{ty}`"), tree.span, format!("`{narrow}`"));
                    return None;
                }
                ty = Type::Str;
            } else {
                ty = item.ty;
            }
            values.push(value);
        }
        Some(Typed { expr: Expr::Const(Value::List(values)), ty: Type::List(Box::new(ty)), moment: Moment::Constant, span })
    }

    fn boolean(&mut self, tree: &Tree) -> Option<Typed> {
        let typed = self.expr(tree, Some(&Type::Bool))?;
        if typed.ty == Type::Bool {
            return Some(typed);
        }
        self.checker.error(
            Code::TypeMismatch,
            format!("a condition is expected, this is `{}`", typed.ty),
            typed.span,
            "neither true nor false",
        );
        None
    }

    fn binary(&mut self, left: &Tree, operator: Operator, right: &Tree, span: Span, hint: Option<&Type>) -> Option<Typed> {
        let comparison = match operator {
            Operator::And | Operator::Or => {
                let (left, right) = (self.boolean(left), self.boolean(right));
                let (left, right) = (left?, right?);
                let moment = left.moment.max(right.moment);
                let expr = if operator == Operator::And { join(left.expr, right.expr, true) } else { join(left.expr, right.expr, false) };
                return Some(Typed { expr, ty: Type::Bool, moment, span });
            }
            Operator::OrElse => return self.or_else(left, right, span, hint),
            Operator::In => return self.member(left, right, span, false),
            Operator::NotIn => return self.member(left, right, span, true),
            Operator::Matches => return self.matches(left, right, span),
            Operator::Equal => Comparison::Equal,
            Operator::NotEqual => Comparison::NotEqual,
            Operator::Less => Comparison::Less,
            Operator::LessOrEqual => Comparison::LessOrEqual,
            Operator::Greater => Comparison::Greater,
            Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
        };
        // A bare word takes its meaning from the other side.
        let chain = comparison != Comparison::Equal && comparison != Comparison::NotEqual && is_ordering(left);
        let (left, right) = if left.as_word().is_some_and(|word| self.is_plain_word(word)) {
            let right = self.expr(right, None)?;
            (self.expr(left, Some(&right.ty))?, right)
        } else if chain {
            self.checker.report.push(
                Diagnostic::new(Code::TypeMismatch, "comparisons are not chained")
                    .at(right.span, "compares what is already true or false")
                    .also(left.span, "true or false")
                    .help("compare twice, with `and` between: `1 < x and x < 3`"),
            );
            return None;
        } else {
            let left = self.expr(left, None)?;
            let right = self.expr(right, Some(&left.ty));
            (left, right?)
        };
        self.comparison(left, comparison, right, span)
    }

    fn comparison(&mut self, left: Typed, how: Comparison, right: Typed, span: Span) -> Option<Typed> {
        self.no_secret(&left)?;
        self.no_secret(&right)?;
        let (left, right) = kinds::statuses(left, right);
        if !left.ty.comparable(&right.ty) {
            self.checker.report.push(kinds::incomparable(&left, &right));
            return None;
        }
        let ordering = !matches!(how, Comparison::Equal | Comparison::NotEqual);
        if ordering {
            for side in [&left, &right] {
                if side.ty.is_optional() {
                    self.checker.report.push(
                        Diagnostic::new(Code::TypeOptional, "a value that may be missing has no order")
                            .at(side.span, format!("`{}`", side.ty))
                            .help(format!("give it a default: `… ?? {}`", if side.ty.is_text() { "\"\"" } else { "0" })),
                    );
                    return None;
                }
                if let Some(found) = kinds::unordered(side) {
                    self.checker.report.push(found);
                    return None;
                }
            }
        }
        let moment = left.moment.max(right.moment);
        Some(Typed { expr: Expr::Compare(Box::new(left.expr), how, Box::new(right.expr)), ty: Type::Bool, moment, span })
    }

    /// A condition on a secret would tell of it, one request after the other.
    fn no_secret(&mut self, typed: &Typed) -> Option<()> {
        if typed.ty == Type::Secret {
            self.checker.report.push(
                Diagnostic::new(Code::SecretLeak, "a secret cannot be compared or asked about")
                    .at(typed.span, "this is a secret")
                    .help("secrets go into keys, credentials, store URLs, TLS material and `request { set … }` only"),
            );
            return None;
        }
        Some(())
    }

    fn or_else(&mut self, left: &Tree, right: &Tree, span: Span, hint: Option<&Type>) -> Option<Typed> {
        let left = self.expr(left, hint)?;
        let right = self.expr(right, Some(hint.unwrap_or(left.ty.present())))?;
        if !left.ty.comparable(&right.ty) {
            self.checker.report.push(
                Diagnostic::new(Code::TypeMismatch, format!("the default is `{}`, the value `{}`", right.ty, left.ty))
                    .at(right.span, format!("`{}`", right.ty))
                    .also(left.span, format!("`{}`", left.ty)),
            );
            return None;
        }
        let present = left.ty.present().clone();
        let ty = if right.ty.is_optional() { present.optional() } else { present };
        let moment = left.moment.max(right.moment);
        Some(Typed { expr: Expr::OrElse(Box::new(left.expr), Box::new(right.expr)), ty, moment, span })
    }

    fn member(&mut self, item: &Tree, set: &Tree, span: Span, negated: bool) -> Option<Typed> {
        let literal_list = matches!(set.kind, ExprKind::List(_));
        // A bare word takes its meaning from the set, a list or range from what is looked for.
        let bare = item.as_word().is_some_and(|word| self.is_plain_word(word));
        let (item, set) = if !literal_list && !bare {
            let item = self.expr(item, None)?;
            let set = self.expr(set, Some(item.ty.present()))?;
            (item, set)
        } else if literal_list {
            let item = self.expr(item, None)?;
            let hint = if item.ty.present() == &Type::Ip { Type::Cidr } else { item.ty.present().clone() };
            let set = self.expr(set, Some(&Type::List(Box::new(hint))))?;
            (item, set)
        } else {
            let set = self.expr(set, Some(&Type::Status))?;
            let hint = set.ty.present().member().cloned();
            (self.expr(item, hint.as_ref())?, set)
        };
        self.no_secret(&item)?;
        let member = match set.ty.present() {
            Type::List(member) | Type::Set(member) | Type::Range(member) => (**member).clone(),
            Type::Status => Type::Status,
            Type::Cidr => Type::Cidr,
            other => {
                let found = Diagnostic::new(Code::TypeMismatch, format!("`in` needs a list, a set or a range, this is `{other}`"))
                    .at(set.span, format!("`{other}`"));
                let network = match &set.expr {
                    Expr::Const(Value::Text(text)) if item.ty.present() == &Type::Ip => {
                        text.parse::<ipnet::IpNet>().ok().map(|network| (network, text.clone()))
                    }
                    _ => None,
                };
                self.checker.report.push(match network {
                    Some((_, text)) => found
                        .help(format!("a network is written without quotes: `{text}`"))
                        .fix("leave the quotes out", vec![Edit { span: set.span, text: text.to_string() }]),
                    None => found.help("write a list: `[a, b]`"),
                });
                return None;
            }
        };
        let inside = item.ty.comparable(&member) || (item.ty.present() == &Type::Ip && member == Type::Cidr);
        if !inside {
            self.checker.report.push(
                Diagnostic::new(Code::TypeMismatch, format!("a `{}` is never among `{member}`", item.ty))
                    .at(item.span, format!("`{}`", item.ty))
                    .also(set.span, format!("`{}`", set.ty)),
            );
            return None;
        }
        let moment = item.moment.max(set.moment);
        let expr = Expr::In(Box::new(item.expr), Box::new(set.expr));
        let expr = if negated { Expr::Not(Box::new(expr)) } else { expr };
        Some(Typed { expr, ty: Type::Bool, moment, span })
    }

    fn matches(&mut self, text: &Tree, pattern: &Tree, span: Span) -> Option<Typed> {
        let typed = self.expr(text, None)?;
        self.no_secret(&typed)?;
        if !typed.ty.is_text() {
            self.checker.error(Code::TypeMismatch, format!("`matches` needs text, this is `{}`", typed.ty), typed.span, "not text");
            return None;
        }
        let source = match self.expr(pattern, None)? {
            Typed { expr: Expr::Const(Value::Text(source)), ty: Type::Regex, .. } => source,
            other => {
                self.checker.report.push(kinds::no_regex(&other));
                return None;
            }
        };
        match Pattern::new(&source) {
            Ok(pattern) => Some(Typed { expr: Expr::Matches(Box::new(typed.expr), pattern), ty: Type::Bool, moment: typed.moment, span }),
            Err(error) => {
                self.checker.report.push(regex_error(&error, pattern.span));
                None
            }
        }
    }

    /// A word that is no constant and no root: its meaning is the other side's.
    fn is_plain_word(&self, word: &Ident) -> bool {
        !is_reserved(&word.text) && self.checker.names.constant(self.scope, &word.text).is_none()
    }

    fn term(&mut self, term: &Term, span: Span, hint: Option<&Type>) -> Option<Typed> {
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
            found.meant(word.span, &word.text, near.word, near.alone)
        } else if let Some(whole) = kinds::reference_ending_in(&word.text) {
            found.help(format!("did you mean `{whole}`?"))
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
            Some(near) => found.meant(span, &path_text(root, rest), &format!("{}.{}", root.text, near.word), near.alone),
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
            Some(near) => diagnostic.meant(span, &format!("param.{name}"), &format!("param.{}", near.word), near.alone),
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
                Some(near) => diagnostic.meant(span, &written, near.word, near.alone),
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
                    Some(near) => found.meant(span, &text, &format!("{}.{}", root.text, near.word), near.alone),
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
                found = found.meant(span, &text, &format!("{}.{member}", near.word), near.alone);
            }
        }
        self.checker.report.push(found);
        None
    }

    fn call(&mut self, term: &Term, args: &[Arg], span: Span) -> Option<Typed> {
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
                    found = found.meant(name.span, other, near.word, near.alone);
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
            self.checker.report.push(
                Diagnostic::new(Code::SchemaArity, format!("`{}` takes one plain string", name.text))
                    .at(span, "")
                    .help(format!("write `{}(\"name\")`", name.text)),
            );
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

impl Checker<'_> {
    /// A type as written.
    pub fn type_of(&mut self, name: &TypeName) -> Option<Type> {
        let inner = |checker: &mut Self| match name.generics.as_slice() {
            [only] => checker.type_of(only).map(Box::new),
            _ => {
                checker.error(Code::SchemaArity, format!("`{}` takes one type", name.name.text), name.span, "write `list<str>`");
                None
            }
        };
        let ty = match name.name.text.as_str() {
            "enum" if name.choices.is_empty() => {
                self.error(Code::SchemaArity, "`enum` needs its choices", name.span, "write `enum(a, b)`");
                return None;
            }
            "enum" => Type::Enum(name.choices.iter().map(|choice| choice.text.clone()).collect()),
            "list" => Type::List(inner(self)?),
            "set" => Type::Set(inner(self)?),
            "range" => Type::Range(inner(self)?),
            simple => match Type::SIMPLE.iter().find(|(known, _)| *known == simple) {
                Some((_, ty)) => ty.clone(),
                None => {
                    self.report.push(kinds::no_type(simple, name.name.span));
                    return None;
                }
            },
        };
        Some(if name.optional { ty.optional() } else { ty })
    }

    /// A type that stands where an expression may: `sub str`, `plan enum(free, pro)`.
    pub fn type_in(&mut self, given: Given<'_>) -> Option<Type> {
        let ExprKind::Term(term) = &given.expr.kind else {
            self.error(Code::TypeMismatch, "a type is expected", given.expr.span, "no type");
            return None;
        };
        let [name] = term.path.as_slice() else {
            self.error(Code::TypeMismatch, "a type is expected", given.expr.span, "no type");
            return None;
        };
        let choices = term.args.iter().flatten().filter_map(|arg| arg.value.as_ref().and_then(Tree::as_word).cloned()).collect();
        let written =
            TypeName { name: name.clone(), generics: term.generics.clone(), choices, optional: term.optional, span: given.expr.span };
        self.type_of(&written)
    }
}

/// A regular expression that does not compile, in one line.
#[must_use]
pub fn regex_error(error: &regex::Error, span: Span) -> Diagnostic {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Diagnostic::new(Code::TypeMismatch, "this regular expression does not compile").at(span, line)
}

fn join(left: Expr, right: Expr, and: bool) -> Expr {
    let mut all = Vec::new();
    for side in [left, right] {
        match (side, and) {
            (Expr::And(inner), true) | (Expr::Or(inner), false) => all.extend(inner),
            (other, _) => all.push(other),
        }
    }
    if and { Expr::And(all) } else { Expr::Or(all) }
}

/// True for a comparison by order.
fn is_ordering(tree: &Tree) -> bool {
    use Operator::{Greater, GreaterOrEqual, Less, LessOrEqual};
    matches!(&tree.kind, ExprKind::Binary(_, Less | LessOrEqual | Greater | GreaterOrEqual, _))
}
