//! Patterns: what is read, what is refused, what matches.

use super::{Pattern, PatternErrorKind};
use crate::route::dfa::RegexFault;
use crate::route::segment::SegmentType;

fn parse(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> (String, String) {
    let error = Pattern::parse(text).expect_err(text);
    (text[error.at.clone()].to_owned(), error.to_string())
}

#[test]
fn parameters_are_listed_with_their_types_in_order() {
    let pattern = parse("/a/{x}/{id:int}/{k:b|a|b}/{r:re\"[a/}]+\"}/**");
    let params: Vec<(&str, String)> = pattern.params().into_iter().map(|(name, kind)| (name, kind.to_string())).collect();
    let wanted = [("x", "str"), ("id", "int"), ("k", "a|b"), ("r", "re\"[a/}]+\""), ("rest", "str")];
    assert_eq!(params, wanted.map(|(name, kind)| (name, kind.to_owned())));
    assert_eq!(pattern.params()[4].1, &SegmentType::Rest);
}

#[test]
fn literals_are_normalised_like_requests() {
    assert!(parse("/%61%7e/%c3%a9").matches("/a~/%C3%A9"));
    assert!(parse("/é b").matches("/%C3%A9%20b"));
    assert!(parse("/a<b>|\"c").matches("/a%3Cb%3E%7C%22c"));
}

#[test]
fn what_no_normalised_path_looks_like_is_refused_where_it_stands() {
    for (text, at) in [
        ("/a//b", "//"),
        ("/a/../b", ".."),
        ("/a/..;x/b", "..;x"),
        ("/a/%2e%3bx", "%2e%3bx"),
        ("/a/%2e", "%2e"),
        ("/a%zz", "%zz"),
        ("/a%2", "%2"),
        ("/x%2fy", "%2f"),
        ("/x%5Cy", "%5C"),
        ("/%00", "%00"),
        ("/a\\b", "\\"),
    ] {
        let error = Pattern::parse(text).expect_err(text);
        assert!(error.is_encoding(), "{text}");
        assert_eq!(&text[error.at.clone()], at, "{text}");
    }
}

#[test]
fn mistakes_have_their_own_words() {
    let own = |at: &str, words: &str| (at.to_owned(), words.to_owned());
    assert_eq!(refused("a"), own("a", "a path begins with `/`"));
    assert_eq!(refused("/a{x}/b"), own("a{x}", "a parameter is a whole segment, `a{x}` is more"));
    assert_eq!(refused("/{x}b"), own("{x}b", "a parameter is a whole segment, `{x}b` is more"));
    assert_eq!(refused("/{x:in}"), own("in", "unknown segment type `in`"));
    assert_eq!(refused("/{x}/{y}/{x}"), own("x", "the path has two parameters `x`"));
    assert_eq!(refused("/{rest}/**"), own("/**", "the path has two parameters `rest`"));
    assert_eq!(refused("/**/a"), own("**", "`/**` stands at the end of a path"));
    assert_eq!(refused("/a/*"), own("*", "`*` stands for nothing here"));
    assert_eq!(refused("/{1x}"), own("{1x}", "`1x` is no name of a parameter"));
    assert_eq!(refused("/{x"), own("{x", "the parameter is not closed"));
    assert_eq!(refused("/{x:re\"(\"}"), own("re\"(\"", "the regex cannot be read: unclosed group"));
    assert_eq!(refused("/a?b=c"), own("?", "`?` is no part of a path"));
}

#[test]
fn regexes_that_no_path_matches_or_that_are_too_large_are_refused() {
    let kind = |source: &str| Pattern::regex(source).expect_err(source).kind;
    assert_eq!(kind("users/.*"), PatternErrorKind::Regex(RegexFault::MatchesNothing));
    assert_eq!(kind("/a//b"), PatternErrorKind::Regex(RegexFault::MatchesNothing));
    assert_eq!(kind("/a[<>]"), PatternErrorKind::Regex(RegexFault::MatchesNothing));
    assert_eq!(kind("/(a|b)*a(a|b){20}"), PatternErrorKind::Regex(RegexFault::TooLarge));
    assert!(matches!(kind("/a)(b"), PatternErrorKind::Regex(RegexFault::Syntax(_))));
    assert!(Pattern::parse("/{x:re\"a/b\"}").is_err());
}

#[test]
fn a_regex_takes_whole_paths() {
    let pattern = Pattern::regex("/v(?<n>[0-9]+)|/v1x").expect("a regex");
    assert!(pattern.matches("/v1x") && pattern.matches("/v22"));
    assert!(!pattern.matches("/v2x") && !pattern.matches("/v2/"));
    assert_eq!(pattern.params(), [("n", &SegmentType::RegexGroup)]);
}

#[test]
fn types_take_their_languages() {
    let taken = |kind: &str, text: &str| parse(&format!("/{{x:{kind}}}")).matches(&format!("/{text}"));
    assert!(taken("int", "9999999999999999999") && !taken("int", "12345678901234567890") && !taken("int", "-1"));
    assert!(taken("hex", "aF0") && !taken("hex", "0x1"));
    assert!(taken("slug", "a-b-1") && !taken("slug", "a--b") && !taken("slug", "-a") && !taken("slug", "a-") && !taken("slug", "A"));
    assert!(taken("uuid", "123e4567-E89B-12d3-a456-426614174000") && !taken("uuid", "123e4567e89b-12d3-a456-426614174000"));
    assert!(taken("date", "2027-01-31") && !taken("date", "2027-1-31"));
}

#[test]
fn a_group_puts_its_prefix_before_the_path() {
    let prefixed = |prefix: &str, path: &str| parse(path).prefixed(&parse(prefix)).map(|pattern| pattern.to_string());
    assert_eq!(prefixed("/api", "/users/{id}"), Ok("/api/users/{id}".to_owned()));
    assert_eq!(prefixed("/api", "/"), Ok("/api".to_owned()));
    assert_eq!(prefixed("/", "/a/"), Ok("/a/".to_owned()));
    assert_eq!(prefixed("/{tenant}", "/**"), Ok("/{tenant}/**".to_owned()));
    let error = prefixed("/{id}", "/a/{id:int}").expect_err("the name stands twice");
    assert_eq!((error.at.clone(), error.to_string()), (4..6, "the path has two parameters `id`".to_owned()));
    assert!(prefixed("/api/", "/a").is_err() && prefixed("/api/**", "/a").is_err());
}

#[test]
fn a_group_puts_its_prefix_before_a_regex_as_whole_segments() {
    let inner = Pattern::regex("/v(?<n>[0-9]+)").expect("a regex");
    let pattern = inner.prefixed(&parse("/a.b/{t:int}")).expect("no name stands twice");
    assert!(pattern.matches("/a.b/7/v1"));
    assert!(!pattern.matches("/aXb/7/v1") && !pattern.matches("/a.b/x/v1"));
    assert_eq!(pattern.params().iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["t", "n"]);
    assert_eq!(Pattern::parse(pattern.text()), Ok(pattern));
}

#[test]
fn a_pattern_is_written_and_read_as_its_text() {
    for text in ["/", "/a/{x:re\"a|\\\"[}]\"}/", "/api/**", "/api/{x}re\"/v(?<n>.*)\""] {
        let json = serde_json::to_string(&parse(text)).expect("text");
        assert_eq!(serde_json::from_str::<Pattern>(&json).expect("the same"), parse(text));
    }
}
