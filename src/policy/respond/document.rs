//! The document that `respond openapi` serves: made off the path of requests, put in place whole.

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// The document in force.
#[derive(Debug, Default)]
pub struct Document(ArcSwap<Rendered>);

/// A document as it is sent.
#[derive(Debug)]
pub struct Rendered {
    /// Its text.
    pub text: Bytes,
    /// Its tag: the same text has the same one, whichever gateway serves it.
    pub tag: HeaderValue,
}

impl Default for Rendered {
    fn default() -> Self {
        Self::new("{}".to_owned())
    }
}

impl Rendered {
    fn new(text: String) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("\"{hex}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { text: Bytes::from(text), tag }
    }
}

impl Document {
    /// Puts another text in place.
    pub fn replace(&self, text: String) {
        self.0.store(Arc::new(Rendered::new(text)));
    }

    /// What is in place.
    #[must_use]
    pub fn rendered(&self) -> Arc<Rendered> {
        self.0.load_full()
    }
}
