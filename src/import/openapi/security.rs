//! Security schemes as auths, and requirements as who may call. What cannot be asked for closes the route: an operation is
//! never made public because its scheme is unknown.

use super::super::draft::Draft;
use super::super::words;
use super::node::Node;
use super::{Document, resolved};
use std::collections::BTreeMap;

/// The schemes that became auths, by their names in the document.
pub(super) type Auths = BTreeMap<String, Auth>;

/// A scheme that became an auth.
pub(super) struct Auth {
    /// Its name in the policy.
    name: String,
    /// Whether its tokens carry scopes.
    scopes: bool,
}

/// Declares the schemes.
pub(super) fn declare(document: &Document<'_>, draft: &mut Draft) -> Auths {
    let mut auths = Auths::new();
    let schemes = document.root.get("components").and_then(|components| components.get("securitySchemes"));
    for (name, line, scheme) in schemes.map_or(&[][..], Node::members) {
        let scheme = resolved(scheme, document);
        match auth(name, *line, &scheme, draft) {
            Ok(auth) => {
                auths.insert(name.clone(), auth);
            }
            Err(why) => draft.leave_out(*line, format!("securitySchemes {name}"), why),
        }
    }
    auths
}

fn auth(scheme_name: &str, line: usize, scheme: &Node, draft: &mut Draft) -> Result<Auth, String> {
    let kind = scheme.text_of("type").unwrap_or_default();
    let http = scheme.text_of("scheme").unwrap_or_default().to_ascii_lowercase();
    let wish = words::name_of_words(scheme_name);
    let docs: Vec<String> = words::comment(scheme.text_of("description").unwrap_or_default());
    let docs: String = docs.iter().map(|line| format!("{}\n", format!("## {line}").trim_end())).collect();
    match (kind, http.as_str()) {
        ("http", "bearer") | ("oauth2" | "openIdConnect", _) => {
            let name = draft.name("auth", &wish);
            if kind != "http" {
                draft.leave_out(
                    line,
                    format!("securitySchemes {scheme_name}"),
                    "the gateway checks the tokens and has no part in how they are obtained: taken as JWTs",
                );
            }
            let scopes = kind != "http";
            let claim = if scopes { "scope set<str> = []\n" } else { "" };
            draft.auths.push(format!(
                "{docs}auth jwt {name} {{\n# To fill in: how tokens are signed, the key, and with `issuer` and `audience` whose tokens are accepted.\n\
                 algorithms [HS256]\nkey env(\"{}_KEY\")\nclaims {{\nsub str\n{claim}}}\n}}",
                name.to_ascii_uppercase()
            ));
            Ok(Auth { name, scopes })
        }
        ("http", "basic") => {
            let name = draft.name("auth", &wish);
            draft.auths.push(format!(
                "{docs}auth basic {name} {{\n# To fill in: lines as `gate hash password` prints them.\nusers env(\"{}_USERS\")\n}}",
                name.to_ascii_uppercase()
            ));
            Ok(Auth { name, scopes: false })
        }
        ("apiKey", _) => {
            let field = words::text(scheme.text_of("name").unwrap_or_default());
            let from = match scheme.text_of("in") {
                Some("header") => format!("header({field})"),
                Some("query") => format!("query({field})"),
                Some("cookie") => format!("cookie({field})"),
                _ => return Err("it does not say where the key stands".to_owned()),
            };
            let name = draft.name("auth", &wish);
            draft.auths.push(format!(
                "{docs}auth key {name} {{\nfrom {from}\n# To fill in: lines as `gate hash key` prints them.\nkeys env(\"{}_KEYS\")\n}}",
                name.to_ascii_uppercase()
            ));
            Ok(Auth { name, scopes: false })
        }
        ("http", other) => Err(format!("HTTP authentication `{other}` is not one of the language")),
        ("mutualTLS", _) => Err(
            "a listener asks for client certificates: write `tls { client_ca file(\"…\") }` there, then `require client.cert.subject != none`"
                .to_owned(),
        ),
        (other, _) => Err(format!("a scheme of type `{other}` is not one of the language")),
    }
}

/// The statements that say who may call an operation; none when what it asks for cannot be asked.
pub(super) fn statements(requirement: Option<&Node>, auths: &Auths, what: &str, draft: &mut Draft) -> Option<Vec<String>> {
    let Some(requirement) = requirement else { return Some(vec!["public \"the document asks for no credential\"".to_owned()]) };
    let alternatives = requirement.items();
    let optional = alternatives.iter().any(|alternative| alternative.members().is_empty());
    let asked: Vec<&Node> = alternatives.iter().filter(|alternative| !alternative.members().is_empty()).collect();
    if asked.is_empty() {
        return Some(vec!["public \"the document asks for no credential\"".to_owned()]);
    }
    let known: Vec<&Node> = asked
        .iter()
        .filter(|alternative| {
            let missing = alternative.members().iter().find(|(name, ..)| !auths.contains_key(name));
            if let Some((name, line, _)) = missing {
                draft.leave_out(*line, format!("security {name} of {what}"), "its scheme was not carried over");
            }
            missing.is_none()
        })
        .copied()
        .collect();
    let singles: Vec<&Node> = known.iter().filter(|alternative| alternative.members().len() == 1).copied().collect();
    let chosen: Vec<&Node> = if singles.is_empty() { known.iter().take(1).copied().collect() } else { singles };
    for alternative in known.iter().filter(|known| !chosen.iter().any(|chosen| std::ptr::eq(**known, *chosen))) {
        draft.leave_out(
            alternative.line,
            format!("security of {what}"),
            "alternatives of which one asks for several schemes: the others are asked for",
        );
    }
    let first = *chosen.first()?;
    let names = |nodes: &[&Node]| -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for name in nodes.iter().flat_map(|node| node.members()).filter_map(|(name, ..)| auths.get(name)).map(|auth| auth.name.clone()) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        all
    };
    let all = names(&chosen);
    let mut out = match (all.as_slice(), chosen.len()) {
        ([only], _) if optional => vec![format!("auth optional {only}")],
        ([only], _) => vec![format!("auth {only}")],
        (several, 1) => vec![format!("auth all [{}]", several.join(", "))],
        (several, _) => vec![format!("auth any [{}]", several.join(", "))],
    };
    if optional && all.len() > 1 {
        draft.leave_out(requirement.line, format!("security of {what}"), "`auth optional` takes one auth: a credential is asked for");
    }
    scopes(first, chosen.len() == 1 && !optional, auths, what, &mut out, draft);
    Some(out)
}

/// The scopes of a requirement: where it is the only one they can be required.
fn scopes(requirement: &Node, only: bool, auths: &Auths, what: &str, out: &mut Vec<String>, draft: &mut Draft) {
    for (name, line, scopes) in requirement.members() {
        let wanted: Vec<&str> = scopes.items().iter().filter_map(Node::text).collect();
        if wanted.is_empty() {
            continue;
        }
        let carried = only && requirement.members().len() == 1 && auths.get(name).is_some_and(|auth| auth.scopes);
        if carried {
            out.extend(wanted.iter().map(|scope| format!("require {} in claim.scope", words::text(scope))));
        } else {
            draft.leave_out(
                *line,
                format!("scopes of {name} of {what}"),
                "the callers of this route are not known by scopes alone; `require` can ask for them",
            );
        }
    }
}
