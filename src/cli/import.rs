//! `gate import`

use super::{Outcome, complain, print_error, print_out};
use crate::import::{self, Kind};
use clap::ValueEnum;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Arguments of `gate import`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What the file is: `openapi`, `nginx` or `caddy`; or the file alone, then that is told from its content
    #[arg(value_name = "KIND|FILE")]
    what: PathBuf,
    /// The file
    file: Option<PathBuf>,
    /// The policy to write, which must not be there yet; standard output when it is not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The names of the kinds on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Named {
    Openapi,
    Nginx,
    Caddy,
}

/// Largest file that is read, in bytes.
const FILE_MAX: u64 = 32 << 20;

/// Imports.
pub fn run(arguments: &Arguments) -> Outcome {
    let (kind, file) = match &arguments.file {
        Some(file) => match Named::from_str(&arguments.what.to_string_lossy(), true) {
            Ok(named) => (Some(named), file),
            Err(_) => {
                complain(&format!("`{}` is nothing to import from: `openapi`, `nginx` or `caddy`", arguments.what.display()));
                return Outcome::Usage;
            }
        },
        None => (None, &arguments.what),
    };
    if kind.is_none() && file.extension().is_some_and(|extension| extension == "gate") {
        let file = file.display();
        complain(&format!(
            "{file}: this is a policy already: `gate check {file}` checks it; to import it as something else, name that: `gate import caddy {file}`"
        ));
        return Outcome::Usage;
    }
    let text = match read(file) {
        Ok(text) => text,
        Err(message) => {
            complain(&format!("{}: {message}", file.display()));
            return Outcome::Usage;
        }
    };
    let kind = match kind {
        Some(Named::Openapi) => Kind::OpenApi,
        Some(Named::Nginx) => Kind::Nginx,
        Some(Named::Caddy) => Kind::Caddy,
        None => match import::guess(&text) {
            Some(kind) => kind,
            None => {
                complain(&format!("{}: cannot tell what this is: name it, as in `gate import nginx FILE`", file.display()));
                return Outcome::Usage;
            }
        },
    };
    let imported = match import::import(kind, &text) {
        Ok(imported) => imported,
        Err(fault) => {
            complain(&format!("{}:{}: {}", file.display(), fault.line, fault.message));
            return Outcome::Failed;
        }
    };
    let outcome = match &arguments.output {
        None => {
            print_out(&imported.policy);
            Outcome::Fine
        }
        Some(output) => super::files::create(output, &imported.policy),
    };
    print_error(&list(file, &imported.left_out));
    outcome
}

fn read(file: &Path) -> Result<String, String> {
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    opened.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(format!("larger than {} MiB", FILE_MAX >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
}

/// What was not carried over, a line each.
fn list(file: &Path, left_out: &[import::LeftOut]) -> String {
    if left_out.is_empty() {
        return "everything was carried over\n".to_owned();
    }
    let mut out = format!("{} not carried over:\n", left_out.len());
    for entry in left_out {
        let _ = writeln!(out, "{}:{}: `{}`: {}", file.display(), entry.line, entry.what, entry.why);
    }
    out
}
