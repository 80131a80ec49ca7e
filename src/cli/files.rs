//! Files of the machine, the policies below a folder, and files as they would be after a change.

use super::complain;
use crate::check::Files;
use std::io;
use std::path::{Path, PathBuf};

/// The machine's files.
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// How standard input is called where a policy's file is expected.
pub const INPUT: &str = "-";

/// The machine's files, and standard input.
pub struct Input;

impl Files for Input {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path != Path::new(INPUT) {
            return Disk.read(path);
        }
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes)?;
        Ok(bytes)
    }
}

/// The machine's files, one of them with another text.
pub struct Changed<'c> {
    /// The file.
    pub path: &'c Path,
    /// Its text.
    pub text: &'c str,
}

impl Files for Changed<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.path { Ok(self.text.as_bytes().to_vec()) } else { Disk.read(path) }
    }
}

/// Writes beside the file and renames, so that a reader never sees half of it.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = std::fs::canonicalize(path)?;
    let beside = target.with_extension("gate.new");
    std::fs::write(&beside, text)?;
    std::fs::set_permissions(&beside, std::fs::metadata(&target)?.permissions())?;
    std::fs::rename(&beside, &target)
}

/// The files themselves, and of folders the `.gate` files directly and deeper in them, sorted; none once it is said why.
pub fn policies(paths: &[PathBuf]) -> Option<Vec<PathBuf>> {
    found(paths).map_err(|error| complain(&error.to_string())).ok()
}

fn found(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut inside = Vec::new();
            below(path, &mut inside)?;
            if inside.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, format!("{}: no `.gate` file in this folder", path.display())));
            }
            inside.sort();
            found.append(&mut inside);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(named)? {
        let entry = entry?;
        let path = entry.path();
        // A link to a folder is not followed: it may lead back here.
        if entry.file_type()?.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "gate") {
            found.push(path);
        }
    }
    Ok(())
}

/// Writes a file, whether or not it is there.
pub(super) fn write(path: &Path, text: &str) -> super::Outcome {
    written(path, std::fs::write(path, text))
}

/// Writes a file that is not there yet; one that is stays as it is.
pub(super) fn create(path: &Path, text: &str) -> super::Outcome {
    let opened = std::fs::File::options().write(true).create_new(true).open(path);
    match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            super::complain(&format!("{} is there already, and is left as it is", path.display()));
            super::Outcome::Usage
        }
        opened => written(path, opened.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))),
    }
}

fn written(path: &Path, result: io::Result<()>) -> super::Outcome {
    match result {
        Ok(()) => super::Outcome::Fine,
        Err(error) => {
            super::complain(&format!("{}: {error}", path.display()));
            super::Outcome::Usage
        }
    }
}
