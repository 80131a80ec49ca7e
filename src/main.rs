//! `gate`: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    gatewright::cli::main()
}
