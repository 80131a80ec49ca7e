//! Reads `security_headers`.

use super::Config;
use crate::diag::{Code, Diagnostic};
use crate::lang::{Checker, Node};

pub(super) fn check(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for row in &node.children {
        let name = checker.header_name_text(row.name, row.word);
        let given = row.get("value")?;
        let value = checker.text(given)?;
        if http::HeaderValue::from_str(&value).is_err() {
            checker.error(Code::TypeRange, "this cannot stand in a field", given.expr.span, "one line of visible letters");
            return None;
        }
        let name = name?.as_str().to_owned();
        if fields.iter().any(|(known, _)| *known == name) {
            checker.report.push(
                Diagnostic::new(Code::SchemaRepeated, format!("`{}` is said twice", row.name)).at(row.span, "here again").help("keep one of them"),
            );
            return None;
        }
        fields.push((name, value));
    }
    Some(Config { fields })
}
