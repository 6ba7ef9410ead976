//! `portcullis key`: keys that are made while gateways run, and hashes of keys that stand in the file.

mod create;
mod hash;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::keeper::Keeper;
use super::{FAILED, output};
use crate::base::clock::Timestamp;
use crate::identity::keys::KeyId;
use crate::identity::model::api_key::ApiKey;
use crate::identity::store::Revoked;

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
    /// The configuration file of the gateway; its store keeps the keys
    #[arg(short, long, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    config: PathBuf,
}

const REVOKE_DETAILS: &str = "\
A gateway that runs refuses the key within a second. The key stays in the list, and
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
        let id = self.id.clone();
        match Keeper::of(&self.of.config)?.revoke(self.id)? {
            Revoked::Now => {
                let text = format!("{id} is revoked; a gateway that runs knows it within a second\n");
                Ok(output::print(&text, ExitCode::SUCCESS))
            }
            Revoked::Before => Ok(output::print(&format!("{id} was revoked before\n"), ExitCode::SUCCESS)),
            Revoked::Unknown => {
                output::complain(&format!(
                    "no key has the id {id}; `portcullis key list` shows those there are"
                ));
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

/// Everything but the key and its hash.
fn as_json(key: &ApiKey, now: Timestamp) -> Json {
    json!({
        "id": key.id.as_str(),
        "owner": key.owner,
        "state": key.state(now).as_str(),
        "roles": key.roles,
        "permissions": key.permissions,
        "scopes": key.scopes,
        "networks": key.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "limit": key.limit.map(|limit| json!({ "count": limit.count, "seconds": limit.per.as_secs() })),
        "created": time(key.created),
        "expires": key.expires.map(time),
        "revoked": key.revoked.map(time),
        "last_used": key.last_used.map(time),
    })
}

/// To the second, in UTC.
fn time(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_millis() / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "never".to_owned(), |at| at.to_string())
}
