//! What one compilation makes of small policies, where a case file cannot say it.

use super::{Checked, Options, testing, words};
use crate::ir::Target;
use crate::lang::form::{Kind, Slot};
use crate::policy::Config;
use std::collections::BTreeSet;

fn checked(text: &str, options: &Options) -> Checked {
    let text = format!("gateway {{ listen :8080 }}\nupstream app {{ target http://127.0.0.1:9000 }}\n{text}");
    testing::checked(&text, options)
}

#[test]
fn a_limit_of_a_group_is_one_site_for_all_its_routes_and_one_of_a_policy_is_one_for_each_use() {
    let text = "policy p { limit own 5/s by client.ip }\ngroup g {\n  limit shared 5/s by client.ip\n  route a GET /a -> app { public \"a\"; use p }\n  route b GET /b -> app { public \"a\"; use p }\n}\n";
    let program = checked(text, &Options::default()).program.unwrap();
    let sites = |name: &str| -> Vec<String> {
        let all = program.routes.iter().flat_map(|route| &route.policies).filter_map(|policy| match policy {
            Config::Limit(limits) => limits.limits.iter().find(|limit| limit.name == name),
            _ => None,
        });
        all.map(|limit| limit.site.clone()).collect()
    };
    assert_eq!(sites("shared"), ["group g", "group g"]);
    assert_eq!(sites("own"), ["route a, use p", "route b, use p"]);
}

#[test]
fn timeouts_are_inherited_clause_by_clause() {
    let text = "group g {\n  timeout { total 9s }\n  route a GET /a -> app { public \"a\"; timeout { attempt 4s } }\n}\n";
    let program = checked(text, &Options::default()).program.unwrap();
    let (_, timeout) = program.routes[0].timeouts[0];
    assert_eq!((timeout.connect.as_secs(), timeout.attempt.as_secs(), timeout.total.as_secs()), (3, 4, 9));
    assert!(matches!(program.routes[0].target, Target::Upstream(_)));
}

#[test]
fn a_deployment_sets_params_and_nothing_else() {
    let text = "param at: url = http://a:1\nlet fixed = 5s\nupstream b { target at }\nroute r GET /r -> b { public \"a\"; timeout { total fixed } }\nroute s GET /s -> app { public \"a\" }\n";
    let set = |name: &str, value: &str| Options { params: [(name.to_owned(), value.to_owned())].into(), explain: None };
    let program = checked(text, &set("at", "http://b:2")).program.unwrap();
    assert_eq!(program.upstreams[1].targets[0].port, 2);
    assert!(checked(text, &set("at", "5s")).program.is_none());
    assert!(checked(text, &set("fixed", "6s")).program.is_none());
    assert!(checked(text, &set("nothing", "6s")).program.is_none());
}

#[test]
fn an_explanation_says_where_each_value_came_from() {
    let text = "policy slow {\n  timeout { total 9s }\n}\nroute r GET /r -> app {\n  public \"a\"\n  use slow\n}\n";
    let options = Options { explain: Some("r".to_owned()), ..Options::default() };
    let explained = checked(text, &options).explained.unwrap();
    let from = |setting: &str| explained.lines.iter().find(|line| line.setting == setting).map(|line| line.from.clone());
    assert_eq!(from("timeout total 9s").as_deref(), Some("policy.gate:4"));
    assert_eq!(from("timeout attempt 9s").as_deref(), Some("default"));
    assert_eq!(from("target http://127.0.0.1:9000").as_deref(), Some("policy.gate:2"));
    assert_eq!(from("body max 8MiB").as_deref(), Some("default"));
}

#[test]
fn policies_that_double_with_each_use_are_refused_before_they_fill_the_memory() {
    let mut text = String::from("policy p0(n: int) { timeout { total 5s } }\n");
    for level in 1..25 {
        text.push_str(&format!("policy p{level}(n: int) {{ use p{}(n = 1); use p{}(n = 2) }}\n", level - 1, level - 1));
    }
    text.push_str("route r GET /r -> app { public \"a\"; use p24(n = 1) }\n");
    let found = checked(&text, &Options::default()).report.into_sorted();
    assert!(found.iter().any(|found| found.message.contains("more than 1000 policies")));
}

#[test]
fn the_words_of_a_step_are_those_it_is_explained_with() {
    for form in words::WORDS.iter().map(|word| &word.form).filter(|form| !form.ways.is_empty()) {
        let words =
            |(written, _): &(&'static str, &str)| written.split(|letter: char| !(letter.is_ascii_lowercase() || "._".contains(letter)));
        let said: BTreeSet<&str> = form.ways.iter().flat_map(words).filter(|word| !word.is_empty() && !word.contains('.')).collect();
        let [Slot { kind: Kind::Rest(known), .. }] = form.slots else { panic!("{}", form.word) };
        assert_eq!(said, known.iter().copied().collect(), "{}", form.word);
    }
}
