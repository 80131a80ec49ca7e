//! What the reader makes of files: the samples, small shapes, and broken text.

use super::ast::{Ast, ClauseKind, ExprKind, LiteralKind, Operator, TextPart};
use super::parse;
use crate::diag::{Code, Diagnostic, FileId, Report};

pub(super) const SAMPLES: [(&str, &str); 6] = [
    ("hello", include_str!("../../gateways/hello.gate")),
    ("shop", include_str!("../../gateways/shop.gate")),
    ("search", include_str!("../../gateways/search.gate")),
    ("patterns", include_str!("../../gateways/patterns.gate")),
    ("full", include_str!("../../gateways/full.gate")),
    ("resilience", include_str!("../../gateways/lib/resilience.gate")),
];

pub(super) fn read(text: &str) -> (Ast, Vec<Diagnostic>) {
    let mut report = Report::new();
    let ast = parse(FileId(0), text, &mut report);
    (ast, report.into_sorted())
}

fn codes(text: &str) -> Vec<Code> {
    read(text).1.iter().map(|found| found.code).collect()
}

fn messages(text: &str) -> Vec<String> {
    read(text).1.into_iter().map(|found| found.message).collect()
}

/// The first clause of the file's only statement.
fn clause(text: &str) -> ExprKind {
    let (ast, found) = read(text);
    assert_eq!(found, [], "{text}");
    match ast.body.statements[0].clauses[0].kind.clone() {
        ClauseKind::Expr(expr) => expr.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_sample_is_read_without_a_fault() {
    for (name, text) in SAMPLES {
        let (ast, found) = read(text);
        assert_eq!(found, [], "{name}");
        assert!(ast.broken.is_empty() && !ast.body.damaged && !ast.body.statements.is_empty(), "{name}");
    }
}

#[test]
fn literals_have_their_shapes() {
    use LiteralKind as L;
    let cases = [
        ("5_000", L::Integer),
        ("1m30s", L::Duration),
        ("64KiB", L::Size),
        ("1.5MB", L::Size),
        ("0.5%", L::Percent),
        ("100/min", L::Rate),
        ("10MiB/s", L::Rate),
        ("2xx", L::StatusClass),
        ("500..599", L::Range),
        ("50ms..400ms", L::Range),
        ("2027-01-31", L::Date),
        ("10.0.0.1", L::Ip),
        ("10.0.0.0/8", L::Ip),
        ("fd00::/8", L::Ip),
        ("::1", L::Ip),
        (":8080", L::Address),
        ("127.0.0.1:9901", L::Address),
        ("[::]:443", L::Address),
        ("*.example.com", L::Host),
        ("a.2b.example", L::Host),
        ("localhost:8080", L::HostPort),
        ("a-b.example.com:80", L::HostPort),
        ("sha256:0123456789abcdef0123456789abcdef", L::Digest),
        ("30sec", L::Odd),
        ("1.5s", L::Odd),
    ];
    for (text, kind) in cases {
        let wanted = ExprKind::Literal(kind, text.to_owned());
        assert_eq!(clause(&format!("x {text}")), wanted);
        assert_eq!(clause(&format!("x {text} {{ y }}")), wanted);
        let (ast, found) = read(&format!("x [{text}, {text}]"));
        assert_eq!(found, [], "{text} in {ast:?}");
    }
}

#[test]
fn a_brace_that_touches_a_path_is_a_parameter_and_one_with_spaces_a_block() {
    let (ast, found) = read("r /a{x}\nr /a{ x }\nr /a {x}\nr http://h/{id:int}{x} {y}\nr /{n:re\"a{2}\"}/b{ x }");
    assert_eq!(found, []);
    let blocks: Vec<_> = ast.body.statements.iter().map(|statement| statement.block.is_some()).collect();
    assert_eq!(blocks, [false, true, true, true, true]);
}

#[test]
fn operators_bind_as_the_language_says() {
    fn print(kind: &ExprKind) -> String {
        match kind {
            ExprKind::Binary(left, operator, right) => format!("({} {operator:?} {})", print(&left.kind), print(&right.kind)),
            ExprKind::Not(of) => format!("(not {})", print(&of.kind)),
            ExprKind::Term(term) => term.path.iter().map(|ident| ident.text.as_str()).collect::<Vec<_>>().join("."),
            ExprKind::Literal(_, text) => text.clone(),
            other => format!("{other:?}"),
        }
    }
    let cases = [
        ("a or b and c", "(a Or (b And c))"),
        ("not a == b and c", "((not (a Equal b)) And c)"),
        ("a ?? b == c", "((a OrElse b) Equal c)"),
        ("a not in b or c matches d", "((a NotIn b) Or (c Matches d))"),
        ("not not a.in", "(not (not a.in))"),
        ("a == not b", "(a Equal (not b))"),
    ];
    for (text, tree) in cases {
        assert_eq!(print(&clause(&format!("require {text}"))), tree, "{text}");
    }
}

#[test]
fn strings_resolve_escapes_and_keep_interpolations() {
    let ExprKind::Text(parts) = clause(r#"x "a\n\t\"\\\$\u{e9}${lower("}${b}")}z""#) else { panic!() };
    assert_eq!(parts[0], TextPart::Literal("a\n\t\"\\$é".to_owned()));
    assert!(matches!(&parts[1], TextPart::Interpolation(expr) if matches!(expr.kind, ExprKind::Term(_))));
    assert_eq!(parts[2], TextPart::Literal("z".to_owned()));
    let ExprKind::Text(parts) = clause("x \"\"\"\"slow\\n\" $${a} ${b}\n\"\"\"\"") else { panic!() };
    assert_eq!(parts[0], TextPart::Literal("\"slow\\n\" ${a} ".to_owned()));
    assert_eq!(parts[2], TextPart::Literal("\n\"".to_owned()));
    assert_eq!(clause(r#"x re"a\"b\\""#), ExprKind::Regex(r#"a"b\\"#.to_owned()));
    assert_eq!(codes(r#"x "\q \u{110000} ok""#), [Code::SyntaxEscape, Code::SyntaxEscape]);
}

#[test]
fn statements_go_on_after_operators_commas_arrows_and_inside_brackets() {
    let text = "require a and # why\n  b\nroute x GET,\n  POST /y ->\n  z\nlet q =\n  [\n1 # one\n  , 2,\n]\nroute in\nlet and = 1\nx (a\n or b)\ny c.in\nz set<str>\n";
    let (ast, found) = read(text);
    assert_eq!(found, []);
    let words: Vec<_> = ast.body.statements.iter().map(|statement| statement.word.text.as_str()).collect();
    assert_eq!(words, ["require", "route", "let", "route", "let", "x", "y", "z"]);
}

#[test]
fn docs_belong_to_the_next_statement() {
    let (ast, _) = read("## one\n##two\n### banner\n# plain\na ## behind\nb { ## no\n  ## yes\n  c\n  ## lost\n}\nd");
    assert_eq!(ast.body.statements[0].docs, ["one", "two"]);
    assert!(ast.body.statements[1].docs.is_empty() && ast.body.statements[2].docs.is_empty());
    assert_eq!(ast.body.statements[1].block.as_ref().unwrap().statements[0].docs, ["yes"]);
}

#[test]
fn spans_reach_from_the_first_to_the_last_letter() {
    let text = "\u{FEFF}route a ( b  or\n c ) -> d { e; x f( g = 1 ) }";
    let (ast, found) = read(text);
    assert_eq!(found, []);
    let statement = &ast.body.statements[0];
    let under = |span: crate::diag::Span| &text[span.start as usize..span.end as usize];
    assert_eq!(under(statement.span), text.trim_start_matches('\u{FEFF}'));
    assert_eq!(under(statement.clauses[1].span), "( b  or\n c )");
    assert_eq!(under(statement.clauses[2].span), "-> d");
    let ClauseKind::Expr(expr) = &statement.clauses[1].kind else { panic!() };
    let ExprKind::Paren(inner) = &expr.kind else { panic!() };
    assert_eq!(under(inner.span), "b  or\n c");
    assert!(matches!(&inner.kind, ExprKind::Binary(_, Operator::Or, _)));
    assert_eq!(under(statement.block.as_ref().unwrap().span), "{ e; x f( g = 1 ) }");
}
