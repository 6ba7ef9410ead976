//! `portcullis key`: keys that are made while gateways run, and hashes of keys that stand in the file.

mod create;
mod hash;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;

use super::keeper::Keeper;
use super::{FAILED, output};
use crate::identity::keys::KeyId;

const DETAILS: &str = "\
Keys that are made here are kept in the `store` of the file, as hashes. They count
where an authenticator says so:

  store: sqlite://data/portcullis.db
  auth:
    keys: { api_key: { store: true } }

Examples:
  portcullis key create -c gateway.yaml --owner billing --role svc --expires 90d
  portcullis key list -c gateway.yaml
  portcullis key revoke -c gateway.yaml 4f0c2k9x7a1b
  portcullis key hash < old-key.txt";

/// Make, list and revoke API keys
#[derive(Debug, Args)]
#[command(after_help = DETAILS, arg_required_else_help = true)]
pub(super) struct Key {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Create),
    List(list::List),
    Revoke(Revoke),
    Hash(hash::Hash),
}

/// The configuration file of a gateway.
#[derive(Debug, Args)]
struct Of {
    /// The configuration file of the gateway; it is asked, or its store where it does not answer
    #[arg(short, long, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    config: PathBuf,
}

const REVOKE_DETAILS: &str = "\
A gateway that is asked refuses the key from then on, any other on the same store
within a second. The key stays in the list, and
nothing makes it good again.

Example:
  portcullis key revoke -c gateway.yaml 4f0c2k9x7a1b";

/// End a key for good
#[derive(Debug, Args)]
#[command(after_help = REVOKE_DETAILS)]
struct Revoke {
    #[command(flatten)]
    of: Of,
    /// The id of the key, as `key list` shows it; the whole key will do, too
    #[arg(value_name = "ID", value_parser = id)]
    id: KeyId,
}

impl Key {
    pub(super) fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Create(create) => create.run(),
            Command::List(list) => list.run(),
            Command::Revoke(revoke) => revoke.run(),
            Command::Hash(hash) => hash.run(),
        };
        outcome.unwrap_or_else(|code| code)
    }
}

impl Revoke {
    fn run(self) -> Result<ExitCode, ExitCode> {
        let id = self.id;
        let keeper = Keeper::of(&self.of.config)?;
        match keeper.ask(&Method::DELETE, &format!("/api/v1/keys/{id}"), None) {
            Ok(kept) => {
                let when = match kept.by_gateway {
                    true => "the gateway refuses it from now on",
                    false => "a gateway that runs knows it within a second",
                };
                Ok(output::print(&format!("{id} is revoked; {when}\n"), ExitCode::SUCCESS))
            }
            Err(not_kept) if not_kept.status == 404 => {
                output::complain(&format!(
                    "no key has the id {id}; `portcullis key list` shows those there are"
                ));
                Err(ExitCode::from(FAILED))
            }
            Err(not_kept) => {
                output::complain(&not_kept.why);
                Err(ExitCode::from(FAILED))
            }
        }
    }
}

fn id(text: &str) -> Result<KeyId, String> {
    let wanted = "an id is 12 of a-z and 0-9, like 4f0c2k9x7a1b";
    KeyId::parse(text)
        .or_else(|| KeyId::of_key(text.as_bytes()))
        .ok_or_else(|| wanted.to_owned())
}
