//! Reads auths whose word is another service's.

use super::{Forward, Introspect, IssuerKeys};
use crate::diag::Code;
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::lang::{Checker, Given, Node};
use crate::policy::auth::check::required;
use std::time::Duration;

/// How long an issuer's keys are kept when `refresh` is not written.
const REFRESH_DEFAULT: Duration = Duration::from_secs(600);
/// The shortest such time.
const REFRESH_MIN: Duration = Duration::from_secs(10);
/// How long a service may take when `timeout` is not written.
const TIMEOUT_DEFAULT: Duration = Duration::from_millis(200);

/// Reads `jwks` or `public_key`.
pub fn issuer_keys(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<IssuerKeys> {
    if let Some(file) = node.get("file") {
        return checker.file(file).map(IssuerKeys::PublicKey);
    }
    let url = url(node.get("url")?, checker);
    let refresh = match node.child("refresh").and_then(|child| child.get("every")) {
        Some(given) => checker.duration(given),
        None => Some(REFRESH_DEFAULT),
    };
    let (url, refresh) = (url?, refresh?);
    if refresh < REFRESH_MIN {
        checker.error(Code::TypeRange, "an issuer is asked for its keys every 10 s at most", node.span, "`refresh` is too short");
        return None;
    }
    Some(IssuerKeys::Jwks { url, refresh })
}

/// Reads `auth forward`.
pub fn forward(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Forward> {
    let url = service(node, "auth forward", checker);
    let timeout = time(node, "timeout", checker);
    let mut fields = |clause: &str| match node.child(clause).and_then(|child| child.get("names")) {
        Some(given) => {
            let names: Vec<_> = checker.items(given).into_iter().map(|item| checker.header_name(item)).collect();
            names.into_iter().map(|name| name.map(|name| name.as_str().to_owned())).collect::<Option<Vec<_>>>()
        }
        None => Some(Vec::new()),
    };
    let (headers, copy) = (fields("headers"), fields("copy"));
    let cache = time(node, "cache", checker);
    Some(Forward { url: url?, timeout: timeout?.unwrap_or(TIMEOUT_DEFAULT), headers: headers?, copy: copy?, cache: cache? })
}

/// Reads `auth introspect`.
pub fn introspect(node: &Node<'_>, checker: &mut Checker<'_>) -> Option<Introspect> {
    let url = service(node, "auth introspect", checker);
    let client_id = match node.child("client_id").and_then(|child| child.get("id")) {
        Some(given) => checker.text(given).map(Some),
        None => Some(None),
    };
    let client_secret = match node.child("client_secret").and_then(|child| child.get("secret")) {
        Some(given) => checker.secret(given).map(Some),
        None => Some(None),
    };
    let cache = time(node, "cache", checker);
    Some(Introspect { url: url?, client_id: client_id?, client_secret: client_secret?, cache: cache? })
}

fn service(node: &Node<'_>, parent: &str, checker: &mut Checker<'_>) -> Option<String> {
    let given = required(node, "url", parent, checker)?.get("url")?;
    url(given, checker)
}

fn url(given: Given<'_>, checker: &mut Checker<'_>) -> Option<String> {
    match checker.constant(given, Type::Url)? {
        Value::Text(url) => Some(url.to_string()),
        _ => None,
    }
}

fn time(node: &Node<'_>, clause: &str, checker: &mut Checker<'_>) -> Option<Option<Duration>> {
    match node.child(clause).and_then(|child| child.get("time")) {
        Some(given) => checker.lasting(given).map(Some),
        None => Some(None),
    }
}
