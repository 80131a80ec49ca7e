//! Who makes the requests of a test: what `given claims`, `key` and `user` say, and the credentials made from it.

use crate::ir::{Program, Route};
use crate::lang::value::Value;
use crate::policy::auth::{Declared, Kind, Mode, Remote, Runtime};
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

/// What a test has said of the caller so far; each kind once, the last word counts.
#[derive(Debug, Default)]
pub struct Caller {
    claims: Option<Map<String, Json>>,
    key: Option<Map<String, Json>>,
    user: Option<Map<String, Json>>,
}

/// A credential made for one auth.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The auth that accepts it.
    pub auth: String,
    /// The field it travels in.
    pub name: HeaderName,
    /// The field's value.
    pub value: HeaderValue,
}

impl Caller {
    /// `given claims { … }`
    pub fn claims(&mut self, rows: &[(String, Value)]) -> Result<(), String> {
        self.claims = Some(members(rows)?);
        Ok(())
    }

    /// `given key { … }`
    pub fn key(&mut self, rows: &[(String, Value)]) -> Result<(), String> {
        self.key = Some(members(rows)?);
        Ok(())
    }

    /// `given user "name"`
    pub fn user(&mut self, name: &str) {
        self.user = Some(Map::from_iter([("name".to_owned(), Json::from(name))]));
    }

    /// What is known of a caller at once.
    #[must_use]
    pub fn known(claims: Option<Map<String, Json>>, key: Option<Map<String, Json>>, user: Option<&str>) -> Self {
        let mut caller = Self { claims, key, user: None };
        if let Some(user) = user {
            caller.user(user);
        }
        caller
    }

    fn given_for(&self, kind: &Kind) -> Option<&Map<String, Json>> {
        match kind {
            Kind::Jwt(_) | Kind::Remote(Remote::Issuer(_) | Remote::Introspect(_)) => self.claims.as_ref(),
            Kind::Key(_) => self.key.as_ref(),
            Kind::Basic(_) | Kind::Remote(Remote::Forward(_)) => self.user.as_ref(),
        }
    }

    /// The credentials with which this caller meets a route: for each of its auths whose kind was given one, under `any` only
    /// for the first that accepts what was given.
    ///
    /// # Errors
    /// When what was given is nothing the auths declare.
    pub fn credentials(
        &self,
        route: &Route,
        program: &Program,
        runtimes: &[Option<Arc<Runtime>>],
        now: Duration,
    ) -> Result<Vec<Credential>, String> {
        let Some(config) = route.auth() else { return Ok(Vec::new()) };
        let fitting: Vec<(&Declared, &Runtime, &Map<String, Json>)> = config
            .auths
            .iter()
            .filter_map(|index| {
                let declared = program.auths.get(usize::from(*index))?;
                let runtime = runtimes.get(usize::from(*index))?.as_deref()?;
                Some((declared, runtime, self.given_for(&declared.kind)?))
            })
            .collect();
        let mint = |declared: &Declared, runtime: &Runtime, given: &Map<String, Json>| {
            let (name, value) = runtime.mint(given, now)?;
            Ok(Credential { auth: declared.name.clone(), name, value })
        };
        match config.mode {
            Mode::Public { .. } => Ok(Vec::new()),
            Mode::One | Mode::Optional => fitting.into_iter().map(|(declared, runtime, given)| mint(declared, runtime, given)).collect(),
            Mode::Any => {
                let mut refused = None;
                for (declared, runtime, given) in fitting {
                    match mint(declared, runtime, given) {
                        Ok(credential) => return Ok(vec![credential]),
                        Err(why) => refused = refused.or(Some(why)),
                    }
                }
                refused.map_or(Ok(Vec::new()), Err)
            }
            Mode::All => {
                let knows = |declared: &Declared, name: &str| declared.attributes.iter().any(|attribute| attribute.name == name);
                fitting
                    .iter()
                    .map(|(declared, runtime, given)| {
                        // What another auth of the same kind declares is that one's to say.
                        let elsewhere = |name: &str| {
                            fitting
                                .iter()
                                .any(|(other, ..)| other.name != declared.name && other.root() == declared.root() && knows(other, name))
                        };
                        let own = given.iter().filter(|(name, _)| knows(declared, name) || !elsewhere(name));
                        mint(declared, runtime, &own.map(|(name, value)| (name.clone(), value.clone())).collect())
                    })
                    .collect()
            }
        }
    }
}

fn members(rows: &[(String, Value)]) -> Result<Map<String, Json>, String> {
    rows.iter()
        .map(|(name, value)| match json(value) {
            Some(value) => Ok((name.clone(), value)),
            None => Err(format!("`{name}` has a value that neither a claim nor an attribute can have")),
        })
        .collect()
}

/// A constant as a token has it.
fn json(value: &Value) -> Option<Json> {
    match value {
        Value::None => Some(Json::Null),
        Value::Bool(truth) => Some(Json::from(*truth)),
        Value::Int(number) | Value::Size(number) => Some(Json::from(*number)),
        Value::Text(text) => Some(Json::from(&**text)),
        Value::List(all) => all.iter().map(json).collect::<Option<_>>().map(Json::Array),
        Value::Duration(_)
        | Value::Percent(_)
        | Value::Rate(_)
        | Value::Status(..)
        | Value::Ip(_)
        | Value::Network(_)
        | Value::Range(..) => None,
    }
}
