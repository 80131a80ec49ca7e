//! The policies that a gateway had in force, kept on disk with the files they are made of. No secret is among them: policies
//! name secrets, and values of `param`s are not kept.

use crate::admin::Generation;
use crate::check::Files;
use crate::diag::Sources;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// How many are kept.
pub const KEPT_MAX: usize = 10;
/// The end of a file's name.
const EXTENSION: &str = "json";

/// Where the policies of a gateway are kept.
#[derive(Debug, Clone)]
pub struct State {
    folder: PathBuf,
}

/// A policy as it was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its number, and how it came to be in force.
    #[serde(flatten)]
    pub generation: Generation,
    /// The policy's file and what it imports.
    pub files: Bundle,
}

impl Snapshot {
    /// Since when, for people.
    #[must_use]
    pub fn date(&self) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + self.generation.since)
    }
}

/// Files and their text. Paths are those below the folder of the policy, where they are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    policy: PathBuf,
    texts: BTreeMap<PathBuf, String>,
}

impl Bundle {
    /// The files of a policy that was checked.
    #[must_use]
    pub fn of(policy: &Path, sources: &Sources) -> Self {
        let text = |source: &crate::diag::Source| (below(policy, Path::new(&*source.name)), source.text.to_string());
        Self { policy: policy.to_owned(), texts: sources.iter().map(|(_, source)| text(source)).collect() }
    }

    /// The same for a policy that stands elsewhere, or is called by another path.
    fn at(mut self, policy: &Path) -> Self {
        policy.clone_into(&mut self.policy);
        self
    }
}

impl Files for Bundle {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.texts.get(&below(&self.policy, path));
        text.map(|text| text.clone().into_bytes()).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it was not kept"))
    }
}

fn below(policy: &Path, path: &Path) -> PathBuf {
    policy.parent().and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path).to_owned()
}

impl State {
    /// The state of a policy's gateway: where it is said, else where the service manager keeps it, else in the user's own folder
    /// for such. Each path of a policy has a folder of its own there, so that none is taken for another's. None where there is no
    /// such folder.
    #[must_use]
    pub fn of(policy: &Path, said: Option<&Path>) -> Option<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let service = || std::env::split_paths(&set("STATE_DIRECTORY")?).next();
        let own = || {
            let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
            Some(state.join("gatewright"))
        };
        let folder = said.map(Path::to_owned).or_else(service).or_else(own)?;
        let path = std::path::absolute(policy).ok()?;
        let name = crate::policy::auth::hash_key(&path.to_string_lossy()).replace("sha256:", "");
        Some(Self { folder: folder.join(name.get(..16)?) })
    }

    /// The numbers that are kept, the oldest first.
    #[must_use]
    pub fn numbers(&self) -> Vec<u64> {
        let number = |entry: io::Result<std::fs::DirEntry>| {
            let path = entry.ok()?.path();
            path.extension().filter(|extension| *extension == EXTENSION)?;
            path.file_stem()?.to_str()?.parse().ok()
        };
        let mut numbers: Vec<u64> = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// A policy that is kept.
    ///
    /// # Errors
    /// Why there is none of that number.
    pub fn read(&self, number: u64, policy: &Path) -> Result<Snapshot, String> {
        let read = std::fs::read(self.path(number));
        let text = read.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.lacks(number),
            _ => format!("`{}`: {error}", self.path(number).display()),
        })?;
        let snapshot: Snapshot = serde_json::from_slice(&text).map_err(|error| format!("`{}`: {error}", self.path(number).display()))?;
        Ok(Snapshot { files: snapshot.files.at(policy), ..snapshot })
    }

    /// Says that a number is not among those that are kept.
    #[must_use]
    pub fn lacks(&self, number: u64) -> String {
        let kept: Vec<String> = self.numbers().iter().map(ToString::to_string).collect();
        format!("there is no policy {number}; kept in `{}`: {}", self.folder.display(), kept.join(", "))
    }

    /// The one that was in force last, of those that can be read; others are told to `skipped`.
    pub fn last(&self, policy: &Path, mut skipped: impl FnMut(String)) -> Option<Snapshot> {
        self.numbers().iter().rev().find_map(|number| self.read(*number, policy).map_err(&mut skipped).ok())
    }

    /// Where they are kept.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a policy, and forgets the oldest past [`KEPT_MAX`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, snapshot: &Snapshot) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let (path, beside) = (self.path(snapshot.generation.number), self.folder.join("new"));
        let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(snapshot).map_err(io::Error::other)?)?;
        file.sync_all()?;
        std::fs::rename(beside, path)?;
        let numbers = self.numbers();
        let old = numbers.len().saturating_sub(KEPT_MAX);
        numbers.iter().take(old).try_for_each(|number| std::fs::remove_file(self.path(*number)))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(number.to_string()).with_extension(EXTENSION)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bundle, KEPT_MAX, Snapshot, State};
    use crate::admin::Generation;
    use crate::check::Files;
    use crate::diag::{Source, Sources};
    use crate::server::control::By;
    use std::path::Path;

    fn snapshot(number: u64) -> Snapshot {
        let mut sources = Sources::new();
        sources.add(Source::new("gates/a.gate", format!("gate {number}\n")));
        sources.add(Source::new("gates/lib/b.gate", "gate 1\n"));
        let (hash, summary) = (format!("{number:016x}"), "1 LOOSER".to_owned());
        let by = if number == 7 { By::Admin { user: Some("ann".into()) } } else { By::Watch };
        let generation = Generation {
            number,
            since: std::time::Duration::from_millis(1_500),
            by: Some(by),
            rollback: (number == 7).then_some(3),
            hash,
            summary,
        };
        Snapshot { generation, files: Bundle::of(Path::new("gates/a.gate"), &sources) }
    }

    #[test]
    fn the_last_ten_are_kept_and_read_back_wherever_the_policy_is_called_from() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(Path::new("gates/a.gate"), Some(&folder.path().join("deep/er"))).unwrap();
        assert_eq!(state.last(Path::new("gates/a.gate"), |_| ()), None);
        (1..=14).for_each(|number| state.keep(&snapshot(number)).unwrap());
        assert_eq!(state.numbers(), (5..=14).collect::<Vec<_>>());
        assert_eq!(state.numbers().len(), KEPT_MAX);
        for number in [7, 8] {
            assert_eq!(state.read(number, Path::new("gates/a.gate")), Ok(snapshot(number)));
        }
        let elsewhere = state.last(Path::new("/etc/gate/a.gate"), |_| ()).unwrap();
        assert_eq!(elsewhere.files.read(Path::new("/etc/gate/a.gate")).unwrap(), b"gate 14\n");
        assert_eq!(elsewhere.files.read(Path::new("/etc/gate/lib/b.gate")).unwrap(), b"gate 1\n");
        assert!(elsewhere.files.read(Path::new("/etc/gate/lib/c.gate")).is_err());
        let error = state.read(4, Path::new("gates/a.gate")).unwrap_err();
        assert!(error.contains("there is no policy 4") && error.ends_with(": 5, 6, 7, 8, 9, 10, 11, 12, 13, 14"), "{error}");
    }

    #[test]
    fn what_was_kept_before_it_was_noted_by_whom_is_read_still() {
        let folder = tempfile::tempdir().unwrap();
        let policy = Path::new("gates/a.gate");
        let state = State::of(policy, Some(folder.path())).unwrap();
        state.keep(&snapshot(1)).unwrap();
        let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(state.path(1)).unwrap()).unwrap();
        for member in ["by", "user", "rollback", "hash"] {
            kept.as_object_mut().unwrap().remove(member);
        }
        std::fs::write(state.path(1), kept.to_string()).unwrap();
        let read = state.read(1, policy).unwrap();
        assert_eq!((read.generation.by, &read.files), (None, &snapshot(1).files));
    }
}
