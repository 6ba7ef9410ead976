//! `portcullis run`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

const DETAILS: &str = "\
The file is read again on SIGHUP and when it, or a file that it names, changes; a
file with a fault changes nothing. SIGTERM and SIGINT drain: what runs is finished,
a second signal ends at once.

Examples:
  portcullis run -c config/quickstart.yaml
  PORTCULLIS_CONFIG=/etc/portcullis.yaml portcullis run";

/// Start the gateway
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Run {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    config: PathBuf,
}

impl Run {
    pub(super) fn run(self) -> ExitCode {
        crate::app::run(self.config)
    }
}
