//! What a plan depends on besides its upstreams, so that `respond health` can say how it stands.

use parking_lot::RwLock;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// Something outside that the gateway asks: an issuer's keys, a store.
pub trait Dependency: Send + Sync {
    /// What it is called among its kind.
    fn name(&self) -> &str;
    /// Its kind, as `respond health` says it: `jwks`.
    fn kind(&self) -> &'static str;
    /// How it stands.
    fn health(&self) -> Health;
}

/// How a dependency stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// True when nothing is wrong.
    pub well: bool,
    /// More, in JSON; never a secret, never an address.
    pub state: Json,
}

/// The dependencies of one plan. They come in while it is built, in whatever order its routes do.
#[derive(Default)]
pub struct Dependencies(RwLock<Vec<Arc<dyn Dependency>>>);

impl Dependencies {
    /// Adds one; the same name and kind again is the same.
    pub fn add(&self, dependency: Arc<dyn Dependency>) {
        let mut all = self.0.write();
        if !all.iter().any(|known| known.kind() == dependency.kind() && known.name() == dependency.name()) {
            all.push(dependency);
        }
    }

    /// Each by kind and name, and whether it is well.
    #[must_use]
    pub fn each(&self) -> Vec<(&'static str, String, bool)> {
        self.0.read().iter().map(|dependency| (dependency.kind(), dependency.name().to_owned(), dependency.health().well)).collect()
    }

    /// True when all are well, and each by kind and name.
    #[must_use]
    pub fn health(&self) -> (bool, Map<String, Json>) {
        let (mut well, mut kinds) = (true, Map::new());
        for dependency in self.0.read().iter() {
            let health = dependency.health();
            well &= health.well;
            let kind = kinds.entry(dependency.kind()).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(kind) = kind {
                kind.insert(dependency.name().to_owned(), health.state);
            }
        }
        (well, kinds)
    }
}
