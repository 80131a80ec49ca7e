//! Policies from memory, and requests run through their match trees.

use gatewright::analyse::diff::{Class, Diff, Place, Witness, diff};
use gatewright::check::{Files, Options, check};
use gatewright::ir::{Program, Route};
use gatewright::logic::Matches;
use gatewright::route::remainder::Judge;
use gatewright::route::{Captures, Found, MatchTree, RouteKey, Sample};
use gatewright::testing::{Ask, trace};
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
    let (old, new) = (checked("old.gate", old).unwrap(), checked("new.gate", new).unwrap());
    let diff = diff(&old, &new);
    replay(&diff, &old, &new);
    diff
}

/// Sends every witness through both policies: the routes that its change names take it.
#[track_caller]
fn replay(diff: &Diff, old: &Program, new: &Program) {
    for change in diff.changes.iter().filter(|change| !change.routes.is_empty()) {
        let Some(witness) = &change.witness else { continue };
        let took = (taker(old, witness), taker(new, witness));
        let named = |place: &Option<Place>| place.as_ref().map(|place| place.route.clone());
        let told = change.routes.iter().any(|pair| {
            let (was, is) = (named(&pair.old), named(&pair.new));
            match change.class {
                // The other one is the same route as it stands in the other policy, which does not take it.
                Class::Breaking if change.says.contains("no route takes them") => took == (was, None),
                Class::Looser if change.says.starts_with("no route took") => took == (None, is),
                _ => took == (was, is),
            }
        });
        assert!(told, "{witness} is taken by {took:?}, told as {:?}: {}", change.routes, change.says);
    }
}

/// The route of a program that takes a witness, as `gate trace` tells.
fn taker(program: &Program, witness: &Witness) -> Option<String> {
    let ip = witness.with.iter().find_map(|with| with.strip_prefix("with `client.ip` = `")?.strip_suffix('`')?.parse().ok());
    let ask =
        Ask { method: witness.method.clone(), url: witness.url.clone(), headers: witness.headers.clone(), client_ip: ip, ..Ask::default() };
    trace(program, &ask).unwrap().route
}

/// `CLASS sentence` of each change.
pub fn said(diff: &Diff) -> Vec<String> {
    diff.changes.iter().map(|change| format!("{} {}", change.class.name(), change.says)).collect()
}

/// A program's routes, ready for requests.
pub struct Routes<'p> {
    program: &'p Program,
    keys: Vec<RouteKey>,
    matches: Matches<'p>,
    tree: MatchTree,
}

impl<'p> Routes<'p> {
    pub fn of(program: &'p Program) -> Self {
        let keys: Vec<RouteKey> = program.routes.iter().map(|route| route.key.clone()).collect();
        let matches = Matches::new(program.routes.iter().map(|route| (&route.key, route.predicate.as_ref())), &[]);
        Self { program, tree: MatchTree::build(&keys), keys, matches }
    }

    /// The route that takes a request.
    pub fn find(&self, request: &Sample) -> Option<&'p Route> {
        let mut fulfils = |route: usize, _: &Captures| self.matches.holds(&self.keys[route], request);
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
