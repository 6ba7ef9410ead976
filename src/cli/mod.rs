//! The command line: one file a command. Arguments come in, an exit code goes out; what a command does is done by the
//! folders below, this one only asks them and prints.

mod check;
mod explain;
mod hash_password;
mod health;
mod keeper;
mod key;
mod line;
mod output;
mod reload;
mod run;
mod schema;
mod sign;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::endpoints::admin::input::Expiry;

/// Something that was asked for could not be done.
const FAILED: u8 = 1;
/// The arguments make no sense together; clap ends with the same.
const USAGE: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  portcullis run -c config/quickstart.yaml   start; prints curl lines to paste
  portcullis check gateway.yaml              every fault, with its place and the way out
  portcullis explain -c gateway.yaml GET /orders what would become of it, and why
  portcullis schema > schema.json            editors complete and check with it
  portcullis health -c gateway.yaml          is this file's gateway ready for traffic?
  portcullis reload -c gateway.yaml          put the edited file in force
  portcullis token inspect < token.txt       what a token says
  portcullis key create -c gateway.yaml --owner billing --role svc --expires 90d
  portcullis sign --scheme v1 --key-id acme --secret-file acme.key GET https://api.example.com/orders
  portcullis hash-password                   what stands for a password in a file

Exit codes: 0 ok, 1 failure at run time, 2 wrong usage, 78 invalid configuration.";

/// The gate in front of your APIs: decides who may come in and forwards only what it has let through.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Explain(explain::Explain),
    Schema(schema::Schema),
    Reload(reload::Reload),
    Health(health::Health),
    Key(key::Key),
    Token(token::Token),
    Sign(sign::Sign),
    HashPassword(hash_password::HashPassword),
    /// Print the version
    Version,
}

/// Everything this program does.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(run) => run.run(),
        Command::Check(check) => check.run(),
        Command::Explain(explain) => explain.run(),
        Command::Schema(schema) => schema.run(),
        Command::Health(health) => health.run(),
        Command::Reload(reload) => reload.run(),
        Command::Key(key) => key.run(),
        Command::Token(token) => token.run(),
        Command::Sign(sign) => sign.run(),
        Command::HashPassword(hash_password) => hash_password.run(),
        Command::Version => output::print(
            &format!("portcullis {}\n", env!("CARGO_PKG_VERSION")),
            ExitCode::SUCCESS,
        ),
    }
}

/// When something ends, as the argument of an option.
fn expiry(text: &str) -> Result<Box<str>, String> {
    match Expiry::parse(text) {
        Some(_) => Ok(text.into()),
        None => Err("write a duration like `90d` or `12h`, or a date like `2027-01-01`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
