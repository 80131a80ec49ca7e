//! Reads `cors`.

use super::{Config, Origin};
use crate::diag::{Code, Diagnostic, Span};
use crate::lang::kinds::unlikely_method;
use crate::lang::{Checker, Given, Node};

pub(super) fn check(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Config> {
    let given = |word: &str| node.child(word).and_then(|child| child.get("list"));
    let origins = given("origins").and_then(|given| origins(given, checker));
    let methods = given("methods").map_or(Some(Vec::new()), |given| methods(given, checker));
    let headers = given("headers").map_or(Some(Vec::new()), |given| fields(given, checker));
    let expose = given("expose").map_or(Some(Vec::new()), |given| fields(given, checker));
    let max_age = match node.child("max_age").and_then(|child| child.get("time")) {
        Some(given) => checker.duration(given),
        None => Some(Config::MAX_AGE),
    };
    let credentials = node.child("credentials");
    let config = Config {
        origins: origins?,
        methods: methods?,
        headers: headers?,
        expose: expose?,
        credentials: credentials.is_some(),
        max_age: max_age?,
    };
    if let Some(credentials) = credentials {
        no_wildcards(&config, node, credentials.span, checker)?;
    }
    Some(config)
}

/// A `*` beside credentials is either unsafe (origins) or taken literally by browsers (everything else).
fn no_wildcards(config: &Config, node: &Node<'_>, credentials: Span, checker: &mut Checker<'_>) -> Option<()> {
    let star = |list: &[String]| list.iter().any(|entry| entry == "*");
    let wild = [
        ("origins", config.origins.contains(&Origin::Any), "any site could act as its visitors"),
        ("headers", star(&config.headers), "with credentials, browsers read `*` as a field of that name"),
        ("expose", star(&config.expose), "with credentials, browsers read `*` as a field of that name"),
    ];
    let mut sound = Some(());
    for (word, _, label) in wild.into_iter().filter(|(_, wild, _)| *wild) {
        let span = node.child(word).map_or(node.span, |child| child.span_of("list"));
        checker.report.push(
            Diagnostic::new(Code::CorsWildcardCredentials, format!("`{word}` may not be `*` where credentials are allowed"))
                .at(span, label)
                .also(credentials, "credentials are allowed here")
                .help(format!("name the {word}, or leave `credentials allow` out")),
        );
        sound = None;
    }
    sound
}

fn origins(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Vec<Origin>> {
    let mut found = Vec::new();
    let mut sound = true;
    for item in checker.items(given) {
        let Some(texts) = checker.texts(item) else {
            sound = false;
            continue;
        };
        for text in texts {
            match origin(&text) {
                Ok(origin) => found.push(origin),
                Err(reason) => {
                    sound = false;
                    checker.report.push(
                        Diagnostic::new(Code::CorsOriginSyntax, format!("`{text}` is no origin"))
                            .at(item.expr.span, reason)
                            .help("write a scheme, a host and perhaps a port: `\"https://shop.example.com\"`, `\"https://*.example.org\"`"),
                    );
                }
            }
        }
    }
    if sound && found.is_empty() {
        checker.error(Code::CorsOriginSyntax, "`cors` without an origin lets nobody call", given.expr.span, "name at least one");
        return None;
    }
    sound.then_some(found)
}

/// An origin as browsers write it (RFC 6454 §6.2), or why it is none.
fn origin(text: &str) -> Result<Origin, &'static str> {
    if text == "*" {
        return Ok(Origin::Any);
    }
    let text = text.to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://").ok_or("the scheme is missing")?;
    if !scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        || !scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'))
    {
        return Err("this is no scheme");
    }
    if rest.contains('/') {
        return Err("an origin has no path, not even a slash at its end");
    }
    if rest.contains(['?', '#', '@']) {
        return Err("an origin has no query, fragment or user");
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse::<u16>().map_err(|_| "this is no port")?)),
        _ => (rest, None),
    };
    let port = match (scheme, port) {
        ("http", Some(80)) | ("https", Some(443)) | (_, None) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    let scheme = format!("{scheme}://");
    if let Some(domain) = host.strip_prefix("*.") {
        return if is_name(domain) {
            Ok(Origin::Under { scheme, suffix: format!(".{domain}{port}") })
        } else {
            Err("a wildcard stands for the first labels of a host: `*.example.org`")
        };
    }
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let sound = literal.map_or_else(|| is_name(host), |literal| literal.parse::<std::net::Ipv6Addr>().is_ok());
    if sound { Ok(Origin::Exact(format!("{scheme}{host}{port}"))) } else { Err("this is no host") }
}

fn is_name(host: &str) -> bool {
    host.split('.')
        .all(|label| !label.is_empty() && label.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')))
}

fn methods(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for (method, span) in checker.words(given)? {
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)) {
            checker.error(Code::TypeMismatch, format!("`{method}` is no method"), span, "a method is a word such as `GET`");
            return None;
        }
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            checker.report.push(
                Diagnostic::new(Code::TypeMismatch, format!("`{method}` is no method"))
                    .at(span, "")
                    .help("methods are written in capitals, such as `GET`: browsers compare them letter by letter"),
            );
            return None;
        }
        unlikely_method(&method, span).into_iter().for_each(|found| checker.report.push(found));
        found.push(method);
    }
    Some(found)
}

/// Field names in lower case; a constant may stand for the whole list.
fn fields(given: Given<'_>, checker: &mut Checker<'_>) -> Option<Vec<String>> {
    let constant = given.expr.as_word().is_some_and(|word| checker.names.constant(given.scope, &word.text).is_some());
    if constant {
        let texts = checker.texts(given)?;
        return texts.iter().map(|text| Some(checker.header_name_text(text, given.expr.span)?.as_str().to_owned())).collect();
    }
    let items = checker.items(given);
    items.into_iter().map(|item| Some(checker.header_name(item)?.as_str().to_owned())).collect()
}
