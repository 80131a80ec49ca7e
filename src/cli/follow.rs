//! `gate run --watch`: a policy that changes on disk is put in force. Files count by what stands in them: of what else happens
//! in their folders, and of links that lead to the same text, nothing comes.

use super::watch::Watch;
use crate::server::Control;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Which files a policy was made of when it was last looked at, whatever came of it.
#[derive(Debug, Default, Clone)]
pub struct Watched(Arc<Mutex<BTreeSet<PathBuf>>>);

impl Watched {
    /// Adds files. One that is gone for a moment comes back, so none is forgotten.
    pub fn add(&self, files: impl IntoIterator<Item = PathBuf>) {
        self.0.lock().extend(files);
    }

    /// Starts watching: each change is a reload.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn follow(self, control: Control) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut seen = self.content();
        let watch = move || {
            loop {
                let files = self.0.lock().clone();
                let there =
                    files.iter().map(PathBuf::as_path).filter(|file| file.parent().is_none_or(|folder| folder == "" || folder.is_dir()));
                let watch = match Watch::new(there) {
                    Ok(watch) => watch,
                    Err(error) => return tracing::error!("the policy's files cannot be watched: {error}"),
                };
                // What changed before they were watched is a change as well.
                while self.content() == seen {
                    if !watch.changed() {
                        return;
                    }
                }
                seen = self.content();
                // What came of it is in the log.
                let _ = runtime.block_on(control.reload());
                if *self.0.lock() != files {
                    seen = self.content();
                }
            }
        };
        std::thread::Builder::new().name("gate-watch".to_owned()).spawn(watch).map(drop)
    }

    /// What stands in the files, in short.
    fn content(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for file in &*self.0.lock() {
            std::fs::read(file).ok().hash(&mut hasher);
        }
        hasher.finish()
    }
}
