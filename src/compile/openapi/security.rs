//! Auths as security schemes, and what a route asks of them as requirements.

use crate::policy::auth::{self, Carrier, Declared, Kind, Mode, Remote};
use http::header::AUTHORIZATION;
use serde_json::{Map, Value as Json, json};

/// Every auth's schemes, by its place among the declarations; one per place where its credential may stand.
pub(super) struct Schemes(Vec<Vec<(String, Json)>>);

impl Schemes {
    /// Those of a program.
    pub fn new(auths: &[Declared]) -> Self {
        let named = |auth: &Declared| {
            let objects = objects(&auth.kind).into_iter().enumerate();
            objects.map(|(at, object)| (if at == 0 { auth.name.clone() } else { format!("{}_{}", auth.name, at + 1) }, object)).collect()
        };
        Self(auths.iter().map(named).collect())
    }

    fn of(&self, auth: u16) -> &[(String, Json)] {
        self.0.get(usize::from(auth)).map_or(&[], Vec::as_slice)
    }

    /// The schemes that routes ask for.
    pub fn used<'r>(&self, asked: impl Iterator<Item = &'r auth::Config>) -> Map<String, Json> {
        let mut auths: Vec<u16> = asked.flat_map(|config| config.auths.iter().copied()).collect();
        auths.sort_unstable();
        auths.dedup();
        auths.into_iter().flat_map(|auth| self.of(auth)).cloned().collect()
    }

    /// What a route asks for: of a list of alternatives one; each names all the schemes that it takes.
    pub fn requirement(&self, config: &auth::Config) -> Json {
        let alone = |name: &String| json!({ name.as_str(): [] });
        let each = || config.auths.iter().flat_map(|auth| self.of(*auth)).map(|(name, _)| alone(name));
        Json::Array(match config.mode {
            Mode::Public { .. } => Vec::new(),
            Mode::One | Mode::Any => each().collect(),
            Mode::Optional => each().chain([json!({})]).collect(),
            Mode::All => self.together(&config.auths),
        })
    }

    /// One alternative for each way to bring all credentials.
    fn together(&self, auths: &[u16]) -> Vec<Json> {
        let mut ways = vec![Map::new()];
        for auth in auths {
            let with = |way: &Map<String, Json>, name: &String| {
                let mut way = way.clone();
                way.insert(name.clone(), json!([]));
                way
            };
            ways = ways.iter().flat_map(|way| self.of(*auth).iter().map(move |(name, _)| with(way, name))).collect();
        }
        ways.into_iter().map(Json::Object).collect()
    }
}

fn objects(kind: &Kind) -> Vec<Json> {
    match kind {
        Kind::Jwt(jwt) => jwt.terms.from.iter().map(token).collect(),
        Kind::Remote(Remote::Issuer(issuer)) => issuer.terms.from.iter().map(token).collect(),
        Kind::Key(key) => key.from.iter().map(held).collect(),
        Kind::Basic(_) => vec![json!({ "type": "http", "scheme": "basic" })],
        Kind::Remote(Remote::Introspect(_)) => vec![json!({ "type": "http", "scheme": "bearer" })],
        Kind::Remote(Remote::Forward(forward)) => {
            let field = forward.headers.first().map_or(AUTHORIZATION.as_str(), String::as_str);
            let said = "what stands there is judged by another service";
            vec![json!({ "type": "apiKey", "in": "header", "name": field, "description": said })]
        }
    }
}

fn token(carrier: &Carrier) -> Json {
    match carrier {
        Carrier::Header(name) if *name == AUTHORIZATION => json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }),
        Carrier::Header(_) | Carrier::Cookie(_) | Carrier::Query(_) => held(carrier),
    }
}

fn held(carrier: &Carrier) -> Json {
    let (place, name) = match carrier {
        Carrier::Header(name) => ("header", name.as_str()),
        Carrier::Cookie(name) => ("cookie", name.as_str()),
        Carrier::Query(name) => ("query", name.as_str()),
    };
    json!({ "type": "apiKey", "in": place, "name": name })
}
