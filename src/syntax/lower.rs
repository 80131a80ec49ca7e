//! The grammar's pairs to the tree of one statement. Expressions get their precedence here, from loosest to tightest:
//! `or`, `and`, `not`, comparisons, `??`.

use super::ast::{Arg, Clause, ClauseKind, Expr, ExprKind, Ident, LiteralKind, Operator, Statement, Term, TypeName};
use super::grammar::{Grammar, Rule};
use super::report::Findings;
use super::text;
use crate::diag::{Code, Diagnostic, FileId, Span};
use pest::Parser as _;
use pest::error::InputLocation;
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use std::sync::LazyLock;

/// Most operators in one expression: the tree of a longer chain would be too deep for those who walk it.
const MAX_OPERATORS: usize = 256;

static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let left = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(left(Rule::or))
        .op(left(Rule::and))
        .op(Op::prefix(Rule::not))
        .op(left(Rule::eq)
            | left(Rule::ne)
            | left(Rule::le)
            | left(Rule::ge)
            | left(Rule::lt)
            | left(Rule::gt)
            | left(Rule::is_in)
            | left(Rule::not_in)
            | left(Rule::matches))
        .op(left(Rule::or_else))
});

/// Reads one head that begins at the file's byte `offset`.
pub(super) struct Lowering<'a> {
    pub(super) file: FileId,
    pub(super) offset: usize,
    pub(super) findings: &'a mut Findings,
    /// A fault in it was reported that leaves nothing to read.
    pub(super) failed: bool,
}

impl Lowering<'_> {
    /// The statement of this head, or the byte of the head at which it stops making sense; none when what is wrong has been
    /// reported.
    pub(super) fn statement(mut self, head: &str) -> Result<Option<Statement>, usize> {
        let mut pairs = Grammar::parse(Rule::head, head).map_err(|error| match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
        })?;
        let mut parts = pairs.next().ok_or(0_usize)?.into_inner();
        let word = self.ident(&parts.next().ok_or(0_usize)?);
        let mut clauses = Vec::new();
        let mut comma = false;
        while let Some(part) = parts.next() {
            let start = self.span(&part);
            let kind = match part.as_rule() {
                Rule::comma => {
                    comma = true;
                    continue;
                }
                Rule::end => break,
                Rule::arrow | Rule::assign => {
                    let arrow = part.as_rule() == Rule::arrow;
                    let expr = self.expr(parts.next().ok_or(0_usize)?);
                    if arrow { ClauseKind::Arrow(expr) } else { ClauseKind::Assign(expr) }
                }
                Rule::annotation => ClauseKind::Annotation(self.annotation(part)),
                Rule::misnamed => ClauseKind::Operator(self.ident(&part)),
                _ => ClauseKind::Expr(self.expr(part)),
            };
            let span = match &kind {
                ClauseKind::Expr(expr) => expr.span,
                ClauseKind::Arrow(expr) | ClauseKind::Assign(expr) => start.to(expr.span),
                ClauseKind::Annotation(_) | ClauseKind::Operator(_) => start,
            };
            clauses.push(Clause { kind, comma: std::mem::take(&mut comma), span });
        }
        let span = clauses.last().map_or(word.span, |last: &Clause| word.span.to(last.span));
        Ok((!self.failed).then_some(Statement { docs: Vec::new(), word, clauses, block: None, span }))
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        Span::new(self.file, self.offset + span.start(), self.offset + span.end())
    }

    fn ident(&self, pair: &Pair<'_, Rule>) -> Ident {
        Ident { text: pair.as_str().to_owned(), span: self.span(pair) }
    }

    /// An `expr` or a `wide` pair; the space and comments around a wide one are not the expression's.
    fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = pair.clone().into_inner().map(|part| self.span(&part)).reduce(Span::to).unwrap_or_else(|| self.span(&pair));
        let operators = pair.clone().into_inner().filter(|part| operator(part.as_rule()).is_some() || part.as_rule() == Rule::not).count();
        if operators > MAX_OPERATORS {
            self.findings.report(|| {
                Diagnostic::new(Code::SyntaxTooDeep, format!("an expression has more than {MAX_OPERATORS} operators"))
                    .at(span, format!("{operators} operators"))
                    .help("ask `in` of a list, or name parts of it with `let`")
            });
            self.failed = true;
            return Expr { kind: ExprKind::List(Vec::new()), span };
        }
        let cell = std::cell::RefCell::new(self);
        PRECEDENCE
            .map_primary(|part| cell.borrow_mut().primary(part))
            .map_prefix(|not, of: Expr| {
                let span = cell.borrow().span(&not).to(of.span);
                Expr { kind: ExprKind::Not(Box::new(of)), span }
            })
            .map_infix(|left: Expr, sign, right: Expr| {
                let span = left.span.to(right.span);
                let operator = operator(sign.as_rule()).unwrap_or(Operator::Equal);
                Expr { kind: ExprKind::Binary(Box::new(left), operator, Box::new(right)), span }
            })
            .parse(pair.into_inner())
    }

    fn primary(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let letters = pair.as_str();
        let kind = match pair.as_rule() {
            Rule::string | Rule::raw => self.string(pair),
            Rule::regex => {
                let pattern = letters.strip_prefix("re\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(letters);
                ExprKind::Regex(text::unquote_regex(pattern))
            }
            Rule::path => ExprKind::Path(letters.to_owned()),
            Rule::url => ExprKind::Url(letters.to_owned()),
            Rule::term => ExprKind::Term(self.term(pair)),
            Rule::list => {
                let items = pair.into_inner().filter(|part| part.as_rule() == Rule::wide);
                ExprKind::List(items.map(|part| self.expr(part)).collect())
            }
            Rule::paren => match pair.into_inner().find(|part| part.as_rule() == Rule::wide) {
                Some(inner) => ExprKind::Paren(Box::new(self.expr(inner))),
                None => ExprKind::List(Vec::new()),
            },
            rule => ExprKind::Literal(literal(rule), letters.to_owned()),
        };
        Expr { kind, span }
    }

    fn string(&mut self, pair: Pair<'_, Rule>) -> ExprKind {
        let mut parts = text::Parts::default();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::text | Rule::raw_text => parts.push(part.as_str()),
                Rule::dollar => parts.push("${"),
                Rule::escape => match text::unescape(part.as_str()) {
                    Some(letter) => parts.push_char(letter),
                    None => {
                        let span = self.span(&part);
                        self.findings.report(|| text::unknown_escape(span, part.as_str()));
                        parts.push(part.as_str());
                    }
                },
                Rule::interp => {
                    if let Some(inner) = part.into_inner().find(|inner| inner.as_rule() == Rule::expr) {
                        parts.interpolate(self.expr(inner));
                    }
                }
                _ => {}
            }
        }
        ExprKind::Text(parts.finish())
    }

    fn term(&mut self, pair: Pair<'_, Rule>) -> Term {
        let mut term = Term { path: Vec::new(), args: None, generics: Vec::new(), optional: false };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::reference => term.path = part.into_inner().map(|ident| self.ident(&ident)).collect(),
                Rule::args => {
                    let args = part.into_inner().filter(|arg| arg.as_rule() == Rule::arg);
                    term.args = Some(args.map(|arg| self.arg(arg)).collect());
                }
                Rule::type_args => term.generics = self.generics(part),
                Rule::optional => term.optional = true,
                _ => {}
            }
        }
        term
    }

    fn arg(&mut self, pair: Pair<'_, Rule>) -> Arg {
        let start = self.span(&pair);
        let mut arg = Arg { name: None, annotation: None, value: None, span: start };
        let mut last = start.before();
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::word => {
                    arg.name = Some(self.ident(&part));
                    last = span;
                }
                Rule::annotation => {
                    let annotation = self.annotation(part);
                    last = annotation.span;
                    arg.annotation = Some(annotation);
                }
                Rule::wide => {
                    let value = self.expr(part);
                    last = value.span;
                    arg.value = Some(value);
                }
                _ => {}
            }
        }
        arg.span = start.before().to(last);
        if arg.name.is_none() {
            arg.span = last;
        }
        arg
    }

    fn annotation(&self, pair: Pair<'_, Rule>) -> TypeName {
        let span = self.span(&pair);
        match pair.into_inner().find(|part| part.as_rule() == Rule::type_name) {
            Some(name) => self.type_name(name),
            None => {
                TypeName { name: Ident { text: String::new(), span }, generics: Vec::new(), choices: Vec::new(), optional: false, span }
            }
        }
    }

    fn generics(&self, pair: Pair<'_, Rule>) -> Vec<TypeName> {
        pair.into_inner().filter(|part| part.as_rule() == Rule::type_inner).map(|part| self.type_name(part)).collect()
    }

    /// A `type_name`, `type_inner` or `type_leaf` pair.
    fn type_name(&self, pair: Pair<'_, Rule>) -> TypeName {
        let span = self.span(&pair);
        let name = Ident { text: String::new(), span };
        let mut found = TypeName { name, generics: Vec::new(), choices: Vec::new(), optional: false, span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::ident => found.name = self.ident(&part),
                Rule::type_args => found.generics = self.generics(part),
                Rule::type_leaf => found.generics.push(self.type_name(part)),
                Rule::choices => {
                    found.choices = part.into_inner().filter(|part| part.as_rule() == Rule::ident).map(|part| self.ident(&part)).collect();
                }
                Rule::optional => found.optional = true,
                _ => {}
            }
        }
        found
    }
}

/// The literal that a rule reads. The grammar's remaining primaries are all literals.
fn literal(rule: Rule) -> LiteralKind {
    match rule {
        Rule::number => LiteralKind::Integer,
        Rule::duration => LiteralKind::Duration,
        Rule::size => LiteralKind::Size,
        Rule::percent => LiteralKind::Percent,
        Rule::rate => LiteralKind::Rate,
        Rule::status => LiteralKind::StatusClass,
        Rule::range => LiteralKind::Range,
        Rule::date => LiteralKind::Date,
        Rule::ip => LiteralKind::Ip,
        Rule::addr => LiteralKind::Address,
        Rule::host | Rule::any_host => LiteralKind::Host,
        Rule::host_port => LiteralKind::HostPort,
        Rule::located => LiteralKind::Located,
        Rule::digest => LiteralKind::Digest,
        _ => LiteralKind::Odd,
    }
}

fn operator(rule: Rule) -> Option<Operator> {
    Some(match rule {
        Rule::or => Operator::Or,
        Rule::and => Operator::And,
        Rule::eq => Operator::Equal,
        Rule::ne => Operator::NotEqual,
        Rule::lt => Operator::Less,
        Rule::le => Operator::LessOrEqual,
        Rule::gt => Operator::Greater,
        Rule::ge => Operator::GreaterOrEqual,
        Rule::is_in => Operator::In,
        Rule::not_in => Operator::NotIn,
        Rule::matches => Operator::Matches,
        Rule::or_else => Operator::OrElse,
        _ => return None,
    })
}
