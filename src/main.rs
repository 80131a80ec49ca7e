//! `gate`: arguments in, exit code out.

use std::process::ExitCode;

/// Buffers of some kilobytes come and go with every request, which the system's allocator handles slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gatewright::cli::main()
}
