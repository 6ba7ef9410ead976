//! `portcullis check`: a file in, all its faults and warnings out. Needs no network and starts nothing.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use super::output;
use crate::authn;
use crate::config::{self, Fault, Faults, Loaded, Process, Warning};

const DETAILS: &str = "\
A line is `file:line:column: code: what is wrong and what to do`. Exits with 78
when there is a fault; warnings alone do not change the exit code.

Examples:
  portcullis check gateway.yaml
  portcullis check gateway.yaml --format json | jq '.faults[].code'";

/// Check a configuration file and report every fault in it
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Check {
    /// The configuration file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let loaded = config::load(&self.file, authn::KINDS, &Process);
        let code = if loaded.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(Faults::EXIT_CODE)
        };
        let report = match self.format {
            Format::Text => as_text(&loaded, &self.file.display().to_string()),
            Format::Json => as_json(&loaded),
        };
        output::print(&report, code)
    }
}

fn as_text(loaded: &Result<Loaded, Faults>, file: &str) -> String {
    let mut report = String::new();
    let (faults, warnings) = parts(loaded);
    // Writing to a `String` cannot fail.
    for fault in &faults {
        let _ = writeln!(report, "{fault}");
    }
    for Warning {
        file,
        line,
        col,
        code,
        message,
    } in warnings
    {
        let _ = writeln!(report, "{file}:{line}:{col}: warning: {code}: {message}");
    }
    let counted = [counted(faults.len(), "fault"), counted(warnings.len(), "warning")];
    let counted: Vec<String> = counted.into_iter().flatten().collect();
    let end = if counted.is_empty() {
        String::new()
    } else {
        format!(" ({})", counted.join(", "))
    };
    let verdict = if faults.is_empty() { "loads" } else { "does not load" };
    let _ = writeln!(report, "{file} {verdict}{end}");
    report
}

fn counted(number: usize, what: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{number} {what}s")),
    }
}

fn as_json(loaded: &Result<Loaded, Faults>) -> String {
    let (faults, warnings) = parts(loaded);
    let faults: Vec<Json> = faults.into_iter().map(line).collect();
    let warnings: Vec<Json> = warnings.iter().map(line).collect();
    format!(
        "{:#}\n",
        json!({ "valid": loaded.is_ok(), "faults": faults, "warnings": warnings })
    )
}

fn line(fault: &Fault) -> Json {
    let Fault {
        file,
        line,
        col,
        code,
        message,
    } = fault;
    json!({ "file": &**file, "line": line, "column": col, "code": code.as_str(), "message": message })
}

fn parts(loaded: &Result<Loaded, Faults>) -> (Vec<&Fault>, &[Warning]) {
    match loaded {
        Ok(loaded) => (Vec::new(), &loaded.warnings),
        Err(faults) => (faults.iter().collect(), faults.warnings()),
    }
}
