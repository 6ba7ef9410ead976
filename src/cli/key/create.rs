//! `portcullis key create`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use http::Method;
use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::Of;
use crate::base::clock::Clock;
use crate::cli::keeper::Keeper;
use crate::cli::{USAGE, expiry, output};
use crate::config::values::{network, rate};
use crate::endpoints::admin::input::{self, Expiry};

const DETAILS: &str = "\
The key is printed once and kept nowhere: only its hash is in the store. Make a new
key before an old one expires; both may have the same owner.

Examples:
  portcullis key create -c gateway.yaml --owner billing --role svc --expires 90d
  portcullis key create -c gateway.yaml --owner crm --permission orders:read \\
      --network 10.0.0.0/8 --limit 50/s --json | jq -r .key";

/// Make a key, and show it this once
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Create {
    #[command(flatten)]
    of: Of,
    /// Who acts with the key; upstreams see it as the subject
    #[arg(long, value_name = "NAME", value_parser = name)]
    owner: Box<str>,
    /// A role of its holder; may stand several times
    #[arg(long = "role", value_name = "ROLE", value_parser = name)]
    roles: Vec<Box<str>>,
    /// A permission beside those of the roles; may stand several times
    #[arg(long = "permission", value_name = "PERMISSION", value_parser = name)]
    permissions: Vec<Box<str>>,
    /// A scope; may stand several times
    #[arg(long = "scope", value_name = "SCOPE", value_parser = name)]
    scopes: Vec<Box<str>>,
    /// How long it is good (90d, 12h) or until when (2027-01-01); for ever unless said
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    expires: Option<Box<str>>,
    /// An address or network it may come from; may stand several times
    #[arg(long = "network", value_name = "NETWORK", value_parser = network)]
    networks: Vec<IpNet>,
    /// How many requests may be made with it, like 50/s
    #[arg(long, value_name = "RATE", value_parser = limit)]
    limit: Option<Box<str>>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

impl Create {
    pub(super) fn run(self) -> Result<ExitCode, ExitCode> {
        let keeper = Keeper::of(&self.of.config)?;
        let now = Clock::system().wall();
        if matches!(self.expires.as_deref().and_then(Expiry::parse), Some(Expiry::At(end)) if end <= now) {
            output::complain("the key would have expired before anybody could use it; give --expires a later time");
            return Err(ExitCode::from(USAGE));
        }
        let wanted = json!({
            "owner": self.owner,
            "roles": self.roles,
            "permissions": self.permissions,
            "scopes": self.scopes,
            "networks": self.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "limit": self.limit,
            "expires": self.expires,
        });
        let made = keeper.must(&Method::POST, "/api/v1/keys", Some(&wanted))?.told;
        let report = match self.json {
            true => format!("{made:#}\n"),
            false => as_text(&made, &next(&keeper, &self.of.config)),
        };
        Ok(output::print(&report, ExitCode::SUCCESS))
    }
}

fn as_text(made: &Json, next: &str) -> String {
    let text = |name: &str| made.get(name).and_then(Json::as_str);
    let until = text("expires").map_or_else(|| "until it is revoked".to_owned(), |end| format!("until {end}"));
    let [id, owner, key] = ["id", "owner", "key"].map(|name| text(name).unwrap_or_default());
    format!("The key {id} of {owner}, good {until}:\n\n  {key}\n\n{next}\n")
}

/// The one thing to do now.
fn next(keeper: &Keeper, file: &Path) -> String {
    let takes = |kind: &str, needs_store: bool| kind == "api_key" && needs_store;
    let is_taken = keeper
        .config
        .auth
        .iter()
        .any(|entry| takes(entry.kind, entry.plan.needs_store()));
    match is_taken {
        true => "It is shown this once: give it to its user now.".to_owned(),
        false => format!(
            "It is shown this once. No authenticator of {} takes it yet: write `auth: {{ keys: {{ api_key: {{ store: true }} }} \
             }}` there.",
            file.display()
        ),
    }
}

fn name(text: &str) -> Result<Box<str>, String> {
    input::name(text).ok_or_else(|| format!("write 1 to {} bytes of printable text", input::NAME_MAX))
}

fn limit(text: &str) -> Result<Box<str>, String> {
    match rate(text) {
        Ok(_) => Ok(text.into()),
        Err((_, way_out)) => Err(format!("this is not a rate{way_out}")),
    }
}
