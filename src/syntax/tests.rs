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
        ("unix:/run/gate.sock", L::Located),
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

/// One fault each: the text, the code, the message.
const FAULTS: &[(&str, Code, &str)] = &[
    ("timeout: 5s", Code::SyntaxUnexpected, "`:` stands between `timeout` and its value"),
    ("drain = 5s", Code::SyntaxUnexpected, "`=` stands between `drain` and its value"),
    ("// a comment", Code::SyntaxUnexpected, "`//` begins no comment"),
    ("drain 5s // a comment", Code::SyntaxUnexpected, "`//` begins no comment"),
    ("public 'why'", Code::SyntaxUnexpected, "strings are not written in single quotes"),
    ("public “why”", Code::SyntaxUnexpected, "strings are not written in typographic quotes"),
    ("require a && b", Code::SyntaxUnexpected, "`&&` has no meaning here"),
    ("require a || b", Code::SyntaxUnexpected, "`||` has no meaning here"),
    ("require !a", Code::SyntaxUnexpected, "`!` has no meaning here"),
    ("route a GET /x => b", Code::SyntaxUnexpected, "`=>` has no meaning here"),
    ("route a GET /x -> -> b", Code::SyntaxUnexpected, "`->` is not expected here"),
    ("public \"why", Code::SyntaxString, "a string does not end on its line"),
    ("set X hello\"", Code::SyntaxString, "a string does not end on its line"),
    ("x \"\"\"abc\nb {", Code::SyntaxString, "a raw string does not end"),
    ("match re\"abc", Code::SyntaxString, "a regex does not end on its line"),
    ("x \"a ${b\"", Code::SyntaxString, "an interpolation in a string does not end"),
    ("x \"a ${b c}\"", Code::SyntaxString, "an interpolation holds no expression"),
    ("x \"\"\"a ${}\"\"\"", Code::SyntaxString, "an interpolation holds no expression"),
    ("type text/html", Code::SyntaxUnexpected, "`text` and `/html` touch"),
    ("x a\"b\"", Code::SyntaxUnexpected, "`a` and `\"b\"` touch"),
    ("x 8080#y", Code::SyntaxUnexpected, "a `#` touches what stands before it"),
    ("auth any [a, b", Code::SyntaxBrace, "`[` is not closed"),
    ("x (a]", Code::SyntaxBrace, "`(` is closed by `]`"),
    ("x a)", Code::SyntaxBrace, "`)` closes nothing"),
    ("x [a b]", Code::SyntaxUnexpected, "`b` is not expected here"),
    ("x a\n}", Code::SyntaxBrace, "`}` closes nothing"),
    ("x {", Code::SyntaxBrace, "the block of `x` is not closed"),
    ("x { } y", Code::SyntaxUnexpected, "`y` stands behind the `}` that ends its statement"),
    ("{ a }", Code::SyntaxUnexpected, "a block has no statement before it"),
    ("-> users", Code::SyntaxUnexpected, "a statement begins with `->`"),
    ("and b", Code::SyntaxUnexpected, "a statement begins with the operator `and`"),
    ("require a and", Code::SyntaxUnexpected, "the statement stops after `and`"),
    ("route a GET /x ->", Code::SyntaxUnexpected, "the statement stops after `->`"),
    ("x a - b", Code::SyntaxUnexpected, "`-` has no meaning here"),
    ("x a\rb", Code::SyntaxUnexpected, "a carriage return stands without a line feed"),
    ("x a\u{FEFF}", Code::SyntaxUnexpected, "a byte order mark stands inside the file"),
    ("x\u{A0}a", Code::SyntaxUnexpected, "the character U+00A0 cannot be seen and means nothing here"),
    ("x \"\\q\"", Code::SyntaxEscape, "`\\q` is no escape"),
    ("gate 2", Code::SyntaxEdition, "edition `2` is not known"),
    ("x\ngate 1", Code::SyntaxEdition, "the edition does not stand first"),
    ("gate", Code::SyntaxEdition, "`gate` names no edition"),
];

#[test]
fn each_fault_is_one_diagnostic_in_the_users_terms() {
    for (text, code, message) in FAULTS {
        for text in [(*text).to_owned(), format!("{text}\n")] {
            let found = read(&text).1;
            let said: Vec<_> = found.iter().map(|found| (found.code, found.message.as_str())).collect();
            assert_eq!(said, [(*code, *message)], "{text}");
            assert!(found[0].help.is_some() || !found[0].fixes.is_empty(), "{text}");
        }
    }
}

#[test]
fn machine_fixes_repair_their_fault() {
    let texts = [
        "timeout: 5s",
        "drain = 5s",
        "drain 5s // c",
        "require a && !b",
        "r GET /x => b",
        "x { } y",
        "x [a]#y",
        "x a \u{FEFF}",
        "x\u{A0}a",
        "x y#z",
    ];
    for text in texts {
        let mut text = text.to_owned();
        for _ in 0..3 {
            let Some(fix) = read(&text).1.first().map(|found| found.fixes[0].clone()) else { break };
            for edit in fix.edits {
                text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
            }
        }
        assert_eq!(read(&text).1, [], "{text}");
    }
}

#[test]
fn a_broken_statement_costs_itself_alone() {
    let text = "upstream a {\n  target: x\n  timeout 5s\n}\nupstream b ! {\n  auth jwt c\n}\nroute d GET /d -> a\n";
    let (ast, found) = read(text);
    assert_eq!(found.len(), 2);
    let words: Vec<_> = ast.body.statements.iter().map(|statement| statement.word.span.start).collect();
    assert_eq!(words.len(), 2);
    assert!(ast.body.damaged);
    let inner = ast.body.statements[0].block.as_ref().unwrap();
    assert!(inner.damaged && inner.statements.len() == 1);
    let broken: Vec<Vec<_>> = ast.broken.iter().map(|broken| broken.words.iter().map(|word| word.text.as_str()).collect()).collect();
    assert_eq!(broken, [vec!["target", "x"], vec!["upstream", "b"], vec!["auth", "jwt", "c"]]);
}

#[test]
fn an_unclosed_bracket_gives_back_the_lines_it_swallowed() {
    let (ast, found) = read("a [1,\n  2\nb {\n  c\n}\nd (\ne\n");
    assert_eq!(messages("a [1,\n  2\nb {\n  c\n}\nd (\ne\n"), ["`[` is not closed", "`(` is not closed"]);
    assert_eq!(found.len(), 2);
    let words: Vec<_> = ast.body.statements.iter().map(|statement| statement.word.text.as_str()).collect();
    assert_eq!(words, ["b", "e"]);
}

#[test]
fn indentation_tells_which_brace_is_missing_or_too_much() {
    let text = "group a {\n  route b GET /b {\n    public\n\n  route c GET /c {\n    public\n  }\n}\nupstream d {\n}\n";
    let (ast, found) = read(text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "the block of `route` is not closed");
    assert_eq!(found[0].primary().unwrap().start as usize, text.find("b {").unwrap() + 2);
    assert_eq!(ast.body.statements.len(), 2);
    assert_eq!(ast.body.statements[0].block.as_ref().unwrap().statements.len(), 2);

    let text = "group a {\n  route b GET /b {\n    public\n  }\n  }\n  route c GET /c\n}\nupstream d {\n}\n";
    let (ast, found) = read(text);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].message.as_str(), found[0].primary().unwrap().start as usize),
        ("`}` closes nothing", text.find("  }\n  }").unwrap() + 6)
    );
    assert_eq!(ast.body.statements[0].block.as_ref().unwrap().statements.len(), 2);

    let (ast, found) = read("upstream a {\n  target x\n\nroute b GET /b\n");
    assert_eq!(found.len(), 1);
    assert_eq!(ast.body.statements.len(), 2);
}

#[test]
fn depth_is_bounded() {
    let nested = |open: &str, close: &str, levels: usize| format!("x {}a{}", open.repeat(levels), close.repeat(levels));
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("\"${", "}\""), ("f(a = ", ")")] {
        assert_eq!(codes(&nested(open, close, 60)), [], "{open}");
        assert_eq!(codes(&nested(open, close, 129)), [Code::SyntaxTooDeep], "{open}");
        let broken = nested(open, close, 60).replace('a', "!");
        assert_eq!(codes(&broken).len(), 1, "{open}");
    }
    assert_eq!(codes(&format!("{}a{}", "x { ".repeat(128), " }".repeat(128))), []);
    assert_eq!(codes(&format!("{}a{}", "x { ".repeat(129), " }".repeat(129))), [Code::SyntaxTooDeep]);
    assert_eq!(codes(&format!("require {}a", "not ".repeat(100_000))), [Code::SyntaxTooDeep]);
    assert_eq!(codes(&format!("require a{}", " or a".repeat(100_000))), [Code::SyntaxTooDeep]);
}

#[test]
fn at_most_a_hundred_faults_are_said_and_the_rest_counted() {
    let found = read(&"x !\n".repeat(250)).1;
    assert_eq!(found.len(), 101);
    assert_eq!(found[100].message, "and 150 more syntax errors");
}
