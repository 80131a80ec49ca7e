//! Statements to config.

use super::Config;
use crate::diag::suggest::nearest;
use crate::diag::{Code, Diagnostic};
use crate::lang::Checker;
use crate::lang::checker::{Moment, Spot, Want};
use crate::lang::expr::Expr;
use crate::lang::form::Declared;
use crate::policy::Effective;

/// Claims that the gateway fills in itself.
const FILLED_IN: &[&str] = &["iat", "exp", "iss", "aud"];

/// The innermost is in force.
pub fn statement(statements: &[Effective<'_>], checker: &mut Checker<'_>) -> Option<Config> {
    let node = &statements.last()?.node;
    if node.damaged {
        return None;
    }
    let given = node.get("auth")?;
    let index = checker.declared(given, Declared::Auth)?;
    let ttl_given = node.child("ttl")?.get("time")?;
    let ttl = checker.duration(ttl_given)?;
    if ttl.as_secs() == 0 {
        checker.error(Code::TypeRange, "a token lives a second at least", ttl_given.expr.span, "too short");
        return None;
    }
    let auths = checker.facts.auths.clone();
    let fact = auths.get(index)?;
    let Some(claims) = &fact.claims else {
        checker.report.push(
            Diagnostic::new(Code::TypeMismatch, format!("`{}` is no auth with tokens", fact.name))
                .at(given.expr.span, "nothing to sign for")
                .help("`issue` needs an `auth jwt` with a `key`"),
        );
        return None;
    };
    let mut set: Vec<(String, Expr)> = Vec::new();
    let mut sound = true;
    for row in node.children.iter().filter(|child| child.form.word != "ttl") {
        if FILLED_IN.contains(&row.name) {
            checker.error(Code::SchemaRepeated, format!("`{}` is filled in by the gateway", row.name), row.word, "leave it out");
            sound = false;
            continue;
        }
        if set.iter().any(|(name, _)| name == row.name) {
            checker.error(Code::SchemaRepeated, format!("`{}` is set twice", row.name), row.word, "here again");
            sound = false;
            continue;
        }
        let Some(claim) = claims.iter().find(|claim| claim.name == row.name) else {
            let mut found = Diagnostic::new(Code::TypeUnknownClaim, format!("`{}` declares no claim `{}`", fact.name, row.name))
                .at(row.word, "not declared");
            let auth = u16::try_from(index).ok();
            let declared = checker.names.attributes.iter().filter(|((of, _), _)| Some(*of) == auth);
            checker.names.missed(row.word, row.name, declared.map(|((_, name), span)| (name.as_str(), *span)));
            if let Some(near) = nearest(row.name, claims.iter().map(|claim| claim.name.as_str())) {
                found = found.help(format!("did you mean `{near}`?"));
            }
            checker.report.push(found);
            sound = false;
            continue;
        };
        let declared = u16::try_from(index).ok().and_then(|auth| checker.names.attributes.get(&(auth, row.name.to_owned())));
        declared.into_iter().for_each(|declared| checker.names.put_to_use(*declared));
        let want = Want { ty: Some(claim.ty.clone()), by: Moment::Authenticate, spot: Spot::Plain, response: false };
        match row.get("value").and_then(|value| checker.typed(value, &want)) {
            Some(typed) => set.push((row.name.to_owned(), typed.expr)),
            None => sound = false,
        }
    }
    for missing in claims.iter().filter(|claim| claim.required) {
        if sound && set.iter().all(|(name, _)| *name != missing.name) {
            checker.report.push(
                Diagnostic::new(Code::SchemaMissingKey, format!("the token would have no `{}`", missing.name))
                    .at(node.span, format!("`{}` refuses such a token", fact.name))
                    .help(format!("set it: `{} …`", missing.name)),
            );
            sound = false;
        }
    }
    Some(Config { auth: u16::try_from(index).ok()?, ttl, claims: set }).filter(|_| sound)
}
