//! `portcullis reload`: the running gateway of a file is told to read it again, and what it answers is shown.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::Value as Json;

use super::line::{Line, Silent};
use super::{FAILED, output};
use crate::config::{self, Faults, Process};

const DETAILS: &str = "\
The gateway is asked on the admin address of the file, with its token, also when the
file does not load: then it says what is wrong, and goes on as before. Exits with 0
when the new configuration is in force, with 78 when the file has faults, with 1 when
it cannot be put in force while the gateway runs or nobody answers.

Without `admin.token` a gateway takes no orders over its admin address; SIGHUP does
the same, and the log says what came of it.

Examples:
  portcullis reload -c gateway.yaml
  kill -HUP $(pidof portcullis)";

/// Put the edited file in force, or say why not
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Reload {
    /// The configuration file of the gateway
    #[arg(short, long, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    config: PathBuf,
}

impl Reload {
    pub(super) fn run(self) -> ExitCode {
        let admin = match config::admin(&self.config, &Process) {
            Ok(admin) => admin,
            Err(faults) => return output::print(&format!("{faults}\n"), ExitCode::from(Faults::EXIT_CODE)),
        };
        let Some(line) = Line::to(&admin) else {
            output::complain(
                "the file has no `admin.token`, so its gateway takes no orders there: send SIGHUP to the process, or \
                 write `admin: { token: \"${file:/run/secrets/admin}\" }` and restart it once",
            );
            return ExitCode::from(FAILED);
        };
        match line.ask(&Method::POST, "/api/v1/reload", None) {
            Ok(told) if told.status == 200 => {
                let generation = told.body.get("generation").and_then(Json::as_u64).unwrap_or_default();
                let text = format!("reloaded: generation {generation} is in force\n");
                output::print(&text, ExitCode::SUCCESS)
            }
            Ok(told) => refused(&told.body),
            Err(Silent::Nobody(why) | Silent::Broken(why)) => {
                let address = line.address();
                output::complain(&format!("the gateway at {address} was not reloaded: {why}"));
                ExitCode::from(FAILED)
            }
        }
    }
}

fn refused(body: &Json) -> ExitCode {
    let faults: Vec<String> = body
        .get("errors")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .map(fault)
        .collect();
    let text = |name: &str| body.get(name).and_then(Json::as_str);
    let said = text("detail").or(text("title")).unwrap_or("the gateway refuses");
    output::complain(said);
    match faults.as_slice() {
        [] => ExitCode::from(FAILED),
        faults => output::print(&format!("{}\n", faults.join("\n")), ExitCode::from(Faults::EXIT_CODE)),
    }
}

/// As `check` words it.
fn fault(error: &Json) -> String {
    let text = |name: &str| error.get(name).and_then(Json::as_str).unwrap_or_default();
    let number = |name: &str| error.get(name).and_then(Json::as_u64).unwrap_or_default();
    format!(
        "{}:{}:{}: {}: {}",
        text("file"),
        number("line"),
        number("column"),
        text("code"),
        text("message")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_reads_as_check_words_it() {
        let told = json!({ "file": "a.yaml", "line": 3, "column": 7, "code": "key.unknown", "message": "no such key" });
        assert_eq!(fault(&told), "a.yaml:3:7: key.unknown: no such key");
    }
}
