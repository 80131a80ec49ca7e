//! `gate run --watch`: a policy that changes on disk is put in force. Files count by what stands in them: of what else happens
//! in their folders, and of links that lead to the same text, nothing comes.

use super::watch::Watch;
use crate::check::Files;
use crate::server::Control;
use crate::server::control::{By, Stage};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stood in files when they were read, in short; nothing where they could not be.
pub type Seen = BTreeMap<PathBuf, Option<u64>>;

/// The files that the policy in force was made of, and those that were read since for policies that came to nothing: what was
/// wrong with them may be mended in any of these.
#[derive(Debug, Default, Clone)]
pub struct Watched(Arc<Mutex<Read>>);

#[derive(Debug, Default)]
struct Read {
    watched: Seen,
    /// Of these, the ones of the policy that is being made.
    of_attempt: Seen,
}

impl Watched {
    /// A policy is about to be made.
    pub fn attempt(&self) {
        self.0.lock().of_attempt.clear();
    }

    /// Files were read for it.
    pub fn add(&self, files: Seen) {
        let mut read = self.0.lock();
        read.of_attempt.extend(files.clone());
        read.watched.extend(files);
    }

    /// It is in force: what others were made of concerns nobody any more.
    pub fn in_force(&self) {
        let mut read = self.0.lock();
        read.watched = std::mem::take(&mut read.of_attempt);
    }

    /// Something else stands in files that are still watched.
    fn note(&self, now: Seen) {
        let mut read = self.0.lock();
        for (file, content) in now {
            read.watched.entry(file).and_modify(|known| *known = content);
        }
    }

    /// Starts watching, until the gateway is about to end: each change is a reload. What has changed since it was read counts.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn follow(self, control: Control) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let watch = move || {
            loop {
                let files = self.0.lock().watched.clone();
                // Before they are looked at, so that nothing is missed.
                let watch = match Watch::new(files.keys().map(|file| nearest(file))) {
                    Ok(watch) => watch,
                    Err(error) => return tracing::error!("the policy's files cannot be watched: {error}"),
                };
                let now: Seen = files.keys().map(|file| (file.clone(), content(file))).collect();
                if now == files {
                    if !watch.changed() {
                        return;
                    }
                    continue;
                }
                if control.stage() == Stage::Draining {
                    return;
                }
                self.note(now);
                // What came of it is in the log.
                let _ = runtime.block_on(control.reload(By::Watch));
            }
        };
        std::thread::Builder::new().name("gate-watch".to_owned()).spawn(watch).map(drop)
    }
}

/// Files that a policy is read from, whether or not they are those on the disk: what stands on the disk meanwhile is noted.
pub struct Noting<'f> {
    files: &'f dyn Files,
    seen: Mutex<Seen>,
}

impl<'f> Noting<'f> {
    /// Notes which of these are read.
    pub fn new(files: &'f dyn Files) -> Self {
        Self { files, seen: Mutex::default() }
    }

    /// What stands in those that were read.
    pub fn seen(self) -> Seen {
        self.seen.into_inner()
    }
}

impl Files for Noting<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // First, so that what changes in between counts as a change.
        self.seen.lock().insert(path.to_owned(), content(path));
        self.files.read(path)
    }
}

/// What stands in a file, in short; nothing where it cannot be read, or is a pipe, of which nobody else may take anything.
pub fn content(file: &Path) -> Option<u64> {
    let text = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file).and_then(|_| std::fs::read(file).ok())?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Some(hasher.finish())
}

/// The file, or where its folder is gone the folder of its path whose own is there: it is noticed when that comes back.
fn nearest(file: &Path) -> &Path {
    let stands = |path: &&Path| path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    file.ancestors().find(stands).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::{Noting, content, nearest};
    use crate::check::Files;
    use crate::cli::files::Disk;

    #[test]
    fn what_is_noted_is_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let (there, gone) = (folder.path().join("a.gate"), folder.path().join("b/c/d.gate"));
        std::fs::write(&there, "gate 1\n").unwrap();
        let noting = Noting::new(&Disk);
        noting.read(&there).unwrap();
        noting.read(&gone).unwrap_err();
        let seen = noting.seen();
        assert_eq!((seen[&there], seen[&gone]), (content(&there), None));
        std::fs::write(&there, "gate 1\n\n").unwrap();
        assert_ne!(seen[&there], content(&there));
    }

    #[test]
    fn of_a_folder_that_is_gone_the_nearest_one_that_stands_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("b/c/d.gate");
        assert_eq!(nearest(&file), folder.path().join("b"));
        std::fs::create_dir_all(folder.path().join("b/c")).unwrap();
        assert_eq!(nearest(&file), file);
    }
}
