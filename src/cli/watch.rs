//! Waiting for files to change: their folders are watched, since editors write a new file and rename it, and so are those that
//! links lead to.

use notify::{EventKind, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tokio::time::Instant;

/// How long nothing may happen before a change counts as whole: one save is several events.
const QUIET: Duration = Duration::from_millis(100);
/// How long it is waited for that at most: in some folders something always happens.
const QUIET_MAX: Duration = Duration::from_secs(2);

/// Watched folders.
pub struct Watch {
    // Dropping it ends the events.
    _watcher: notify::RecommendedWatcher,
    changes: Receiver<()>,
}

impl Watch {
    /// Watches the folders of files.
    ///
    /// # Errors
    /// When a folder cannot be watched.
    pub fn new<'p>(files: impl IntoIterator<Item = &'p Path>) -> notify::Result<Self> {
        let (send, changes) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let read = event.as_ref().is_ok_and(|event| matches!(event.kind, EventKind::Access(_)));
            if !read {
                // Nobody listens any more when the command ends.
                let _ = send.send(());
            }
        })?;
        for folder in folders(files) {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { _watcher: watcher, changes })
    }

    /// Waits for a change, and until it is whole. False when there will be none.
    pub fn changed(&self) -> bool {
        if self.changes.recv().is_err() {
            return false;
        }
        let began = Instant::now();
        loop {
            match self.changes.recv_timeout(QUIET) {
                Ok(()) if began.elapsed() >= QUIET_MAX => return true,
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

fn folders<'p>(files: impl IntoIterator<Item = &'p Path>) -> BTreeSet<PathBuf> {
    let folder = |file: &Path| match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    };
    let led_to = |file: &Path| std::fs::canonicalize(file).ok().filter(|_| file.is_symlink()).map(|file| folder(&file));
    files.into_iter().flat_map(|file| std::iter::once(folder(file)).chain(led_to(file))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Watch, folders};
    use std::path::{Path, PathBuf};

    #[test]
    fn the_folder_of_a_bare_name_is_the_current_one() {
        let found = folders([Path::new("a.gate"), Path::new("lib/b.gate"), Path::new("lib/c.gate")]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [PathBuf::from("."), PathBuf::from("lib")]);
    }

    #[test]
    fn a_file_that_is_replaced_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.gate");
        std::fs::write(&file, "gate 1\n").unwrap();
        let watch = Watch::new([file.as_path()]).unwrap();
        std::fs::write(folder.path().join("b"), "gate 1\n\n").unwrap();
        std::fs::rename(folder.path().join("b"), &file).unwrap();
        assert!(watch.changed());
    }
}
