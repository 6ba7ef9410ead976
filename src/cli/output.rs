//! What a command prints.

use std::io::{ErrorKind, Write, stderr, stdout};
use std::process::ExitCode;

use super::FAILED;

/// Prints to standard output. A reader that went away has seen enough; any other failure is the command's failure.
pub(super) fn print(text: &str, code: ExitCode) -> ExitCode {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!("cannot write to standard output: {error}"));
            ExitCode::from(FAILED)
        }
        _ => code,
    }
}

/// Says what went wrong. There is nobody to tell when this fails too.
pub(super) fn complain(message: &str) {
    let _ = writeln!(stderr(), "portcullis: {message}");
}
