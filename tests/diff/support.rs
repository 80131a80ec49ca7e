//! Policies from memory, and requests run through their match trees.

use gatewright::analyse::diff::{Diff, Witness, diff};
use gatewright::check::{Files, Options, check};
use gatewright::ir::{Program, Route};
use gatewright::route::{Captures, Found, MatchTree, RouteKey, Sample};
use std::path::Path;

struct Memory<'t>(&'t str);

impl Files for Memory<'_> {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }
}

/// A text's program, or what is wrong with it.
pub fn checked(name: &str, text: &str) -> Result<Program, String> {
    let checked = check(Path::new(name), &Memory(text), &Options::default()).unwrap();
    let found: Vec<String> = checked.report.into_sorted().iter().map(|found| format!("{}: {}", found.code, found.message)).collect();
    checked.program.ok_or_else(|| format!("{found:?} in\n{text}"))
}

/// Compares two texts that are sound.
#[track_caller]
pub fn compared(old: &str, new: &str) -> Diff {
    diff(&checked("old.gate", old).unwrap(), &checked("new.gate", new).unwrap())
}

/// `CLASS sentence` of each change.
pub fn said(diff: &Diff) -> Vec<String> {
    diff.changes.iter().map(|change| format!("{} {}", change.class.name(), change.says)).collect()
}

/// A program's routes, ready for requests.
pub struct Routes<'p> {
    program: &'p Program,
    keys: Vec<RouteKey>,
    tree: MatchTree,
}

impl<'p> Routes<'p> {
    pub fn of(program: &'p Program) -> Self {
        let keys: Vec<RouteKey> = program.routes.iter().map(|route| route.key.clone()).collect();
        Self { program, tree: MatchTree::build(&keys), keys }
    }

    /// The route that takes a request.
    pub fn find(&self, request: &Sample) -> Option<&'p Route> {
        let mut fulfils = |route: usize, _: &Captures| request.fulfils(&self.keys[route].predicate);
        match self.tree.find(&request.method, request.authority(), &request.path, &mut fulfils, &mut Captures::new()) {
            Found::Route(route) => Some(&self.program.routes[route]),
            Found::MethodNotAllowed(_) | Found::NotFound => None,
        }
    }
}

/// The request that a witness describes.
pub fn request(witness: &Witness) -> Sample {
    let (host, target) = match witness.url.strip_prefix("http://") {
        Some(rest) => {
            let slash = rest.find('/').unwrap();
            (Some(rest[..slash].to_owned()), &rest[slash..])
        }
        None => (None, witness.url.as_str()),
    };
    let path = target.split('?').next().unwrap();
    let mut sample = Sample::plain(witness.method.clone(), host, path.to_owned());
    sample.values = witness.headers.iter().map(|(name, value)| (format!("header(\"{name}\")"), Some(value.clone()))).collect();
    sample
}
