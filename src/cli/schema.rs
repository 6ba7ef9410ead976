//! `portcullis schema`.

use std::process::ExitCode;

use clap::Args;

use super::output;
use crate::authn;
use crate::config;

const DETAILS: &str = "\
Examples:
  portcullis schema > schema.json
  portcullis schema --docs > configuration.md

An editor with a YAML language server reads the schema when the file begins with
  # yaml-language-server: $schema=./schema.json";

/// Print the JSON schema of the configuration
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Schema {
    /// Print the reference page (Markdown) instead
    #[arg(long)]
    docs: bool,
}

impl Schema {
    pub(super) fn run(self) -> ExitCode {
        let text = if self.docs {
            config::reference(authn::KINDS)
        } else {
            config::schema(authn::KINDS)
        };
        output::print(&text, ExitCode::SUCCESS)
    }
}
