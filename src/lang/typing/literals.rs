//! What stands for itself: literals, strings with holes, lists.

use super::Typing;
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::checker::{Checker, Moment, Spot, Typed};
use crate::lang::expr::{Encoding, Expr, Piece, Ref};
use crate::lang::kinds::{self, constant_text, push_literal};
use crate::lang::literal;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::syntax::ast::{Expr as Tree, LiteralKind, TextPart};

/// The longest text that is put together of constants, in bytes: where each holds another twice, thirty lines would be gigabytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

impl Typing<'_, '_> {
    pub(super) fn literal(&mut self, kind: LiteralKind, text: &str, span: Span, hint: Option<&Type>) -> Option<Typed> {
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

    pub(super) fn text(&mut self, parts: &[TextPart], span: Span, hint: Option<&Type>) -> Option<Typed> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut before = String::new();
        let mut moment = Moment::Constant;
        let mut secret = false;
        let mut failed = false;
        let (mut bytes, mut is_folded) = (0_usize, false);
        for part in parts {
            match part {
                TextPart::Literal(text) => {
                    bytes = bytes.saturating_add(text.len());
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
                            (bytes, is_folded) = (bytes.saturating_add(text.len()), true);
                            if bytes <= TEXT_BYTES_MAX {
                                before.push_str(&text);
                                push_literal(&mut pieces, &text);
                            }
                        }
                        _ => pieces.push(Piece::Hole(hole.expr, encoding)),
                    }
                }
            }
        }
        if failed {
            return None;
        }
        if is_folded && bytes > TEXT_BYTES_MAX {
            let label = format!("at most {TEXT_BYTES_MAX} can be put together of constants");
            self.checker.error(Code::TypeRange, format!("this text has {bytes} bytes"), span, label);
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

    pub(super) fn list(&mut self, items: &[Tree], span: Span, hint: Option<&Type>) -> Option<Typed> {
        let member_hint = hint.and_then(|hint| hint.present().member().or(Some(hint)));
        let typed: Vec<Option<Typed>> = items.iter().map(|item| self.expr(item, member_hint)).collect();
        let mut values = Vec::new();
        let mut ty = Type::Nothing;
        for (item, tree) in typed.into_iter().zip(items) {
            let item = item?;
            self.no_secret(&item)?;
            if matches!(item.ty, Type::List(_) | Type::Set(_)) {
                self.checker.error(Code::TypeMismatch, "a list holds no lists", item.span, format!("`{}`", item.ty));
                return None;
            }
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
}
