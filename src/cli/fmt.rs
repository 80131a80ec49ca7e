//! `gate fmt`

use super::{Outcome, Shown, complain, files, print_out, show};
use crate::diag::{Source, Sources};
use crate::syntax;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Arguments of `gate fmt`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Policies, or folders of policies; `-` reads standard input and writes standard output
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only say which files are not formatted
    #[arg(long)]
    check: bool,
}

/// Formats every file.
pub fn run(arguments: &Arguments) -> Outcome {
    if arguments.files == [PathBuf::from(files::INPUT)] {
        return standard_input(arguments.check);
    }
    let Some(paths) = files::policies(&arguments.files) else { return Outcome::Usage };
    paths.iter().map(|path| file(path, arguments.check)).fold(Outcome::Fine, Outcome::and)
}

fn file(path: &Path, check: bool) -> Outcome {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            complain(&format!("{}: {error}", path.display()));
            return Outcome::Usage;
        }
    };
    let (text, formatted) = match formatted(&path.to_string_lossy(), bytes) {
        Ok(both) => both,
        Err(outcome) => return outcome,
    };
    if text == formatted {
        return Outcome::Fine;
    }
    if check {
        complain(&format!("{} is not formatted", path.display()));
        return Outcome::Failed;
    }
    match files::replace(path, &formatted) {
        Ok(()) => Outcome::Fine,
        Err(error) => {
            complain(&format!("{}: {error}", path.display()));
            Outcome::Usage
        }
    }
}

fn standard_input(check: bool) -> Outcome {
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut bytes) {
        complain(&error.to_string());
        return Outcome::Usage;
    }
    match formatted("<standard input>", bytes) {
        Ok((text, formatted)) if check => {
            if text == formatted {
                Outcome::Fine
            } else {
                Outcome::Failed
            }
        }
        Ok((_, formatted)) => {
            print_out(&formatted);
            Outcome::Fine
        }
        Err(outcome) => outcome,
    }
}

/// The text and the text formatted; a text with faults is neither.
fn formatted(name: &str, bytes: Vec<u8>) -> Result<(String, String), Outcome> {
    let text = match syntax::load::decode(bytes) {
        Ok(text) => text,
        Err((error, _)) => {
            complain(&format!("{name}: {error}"));
            return Err(Outcome::Usage);
        }
    };
    match syntax::format(&text) {
        Ok(formatted) => Ok((text, formatted)),
        Err(found) => {
            let mut sources = Sources::new();
            sources.add(Source::new(name, text));
            show(Shown::Human, &sources, &found);
            Err(Outcome::Failed)
        }
    }
}
