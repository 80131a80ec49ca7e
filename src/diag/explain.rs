//! What each code means, why it matters, and how it looks wrong and right: the texts of `explain/AREA.md`.
//!
//! The examples are policies of a few lines. What a line needs and every reader knows (`gateway { listen :8080 }`, an upstream
//! `app`, a jwt auth `main`) is left out of them.

use super::Code;

/// The texts, one for each area of codes.
const TEXTS: &[&str] = &[
    include_str!("explain/file.md"),
    include_str!("explain/syntax.md"),
    include_str!("explain/name.md"),
    include_str!("explain/schema.md"),
    include_str!("explain/type.md"),
    include_str!("explain/route.md"),
    include_str!("explain/auth.md"),
    include_str!("explain/require.md"),
    include_str!("explain/limit.md"),
    include_str!("explain/timeout.md"),
    include_str!("explain/retry.md"),
    include_str!("explain/upstream.md"),
    include_str!("explain/cache.md"),
    include_str!("explain/cors.md"),
    include_str!("explain/headers.md"),
    include_str!("explain/secret.md"),
    include_str!("explain/policy.md"),
    include_str!("explain/tls.md"),
    include_str!("explain/hook.md"),
    include_str!("explain/test.md"),
    include_str!("explain/invariant.md"),
    include_str!("explain/analysis.md"),
];

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// What the rule asks and why it matters: paragraphs of Markdown.
    pub text: &'static str,
    /// A policy that breaks the rule.
    pub wrong: &'static str,
    /// The same policy put right.
    pub right: &'static str,
}

/// The explanation of a code; every code of the table has one.
#[must_use]
pub fn explain(code: Code) -> Option<Explanation> {
    let section = TEXTS.iter().find_map(|text| section(text, code.name()))?;
    let (text, rest) = section.split_once("\n```gate wrong\n")?;
    let (wrong, rest) = rest.split_once("```\n")?;
    let (_, rest) = rest.split_once("```gate right\n")?;
    let (right, _) = rest.split_once("```")?;
    Some(Explanation { text: text.trim(), wrong, right })
}

/// What stands below a code's heading, to the next one.
fn section(text: &'static str, name: &str) -> Option<&'static str> {
    let parts = text.split("# gate::").filter(|part| !part.is_empty());
    let short = name.strip_prefix("gate::")?;
    parts.filter_map(|part| part.split_once('\n')).find(|(heading, _)| heading.trim() == short).map(|(_, body)| body)
}

#[cfg(test)]
mod tests {
    use super::explain;
    use crate::diag::Code;

    #[test]
    fn every_code_is_explained_with_a_wrong_and_a_right_example() {
        for code in Code::ALL {
            let explained = explain(*code).unwrap_or_else(|| panic!("{code} has no explanation"));
            assert!(explained.text.len() > 40, "{code}");
            assert!(!explained.wrong.is_empty() && !explained.right.is_empty() && explained.wrong != explained.right, "{code}");
        }
    }
}
