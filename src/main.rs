//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    portcullis::app::run(std::env::args_os().nth(1).unwrap_or_default().into())
}
