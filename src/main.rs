//! Arguments in, exit code out.

use std::process::ExitCode;

use portcullis::base::allocator::Allocator;

/// See `docs/decisions/0003-allocator.md`.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    portcullis::cli::main()
}
