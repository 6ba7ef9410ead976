//! `portcullis key create`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;

use super::{Of, as_json, time};
use crate::base::clock::Timestamp;
use crate::base::random::Random;
use crate::cli::keeper::Keeper;
use crate::cli::{USAGE, output};
use crate::config::values::{Rate, date, duration, network, rate};
use crate::identity::keys::NewKey;
use crate::identity::model::api_key::{ApiKey, Limit};

const DETAILS: &str = "\
The key is printed once and kept nowhere: only its hash is in the store. Make a new
key before an old one expires; both may have the same owner.

Examples:
  portcullis key create -c gateway.yaml --owner billing --role svc --expires 90d
  portcullis key create -c gateway.yaml --owner crm --permission orders:read \\
      --network 10.0.0.0/8 --limit 50/s --json | jq -r .key";

/// It goes into logs and headers, as the same names of the file do.
const NAME_MAX: usize = 128;

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
    expires: Option<Expiry>,
    /// An address or network it may come from; may stand several times
    #[arg(long = "network", value_name = "NETWORK", value_parser = network)]
    networks: Vec<IpNet>,
    /// How many requests may be made with it, like 50/s
    #[arg(long, value_name = "RATE", value_parser = limit)]
    limit: Option<Rate>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug)]
enum Expiry {
    After(Duration),
    At(Timestamp),
}

impl Create {
    pub(super) fn run(self) -> Result<ExitCode, ExitCode> {
        let keeper = Keeper::of(&self.of.config)?;
        let now = keeper.now();
        let expires = self.expires.map(|expiry| expiry.from(now));
        if expires.is_some_and(|end| end <= now) {
            output::complain("the key would have expired before anybody could use it; give --expires a later time");
            return Err(ExitCode::from(USAGE));
        }
        let made = NewKey::make(&mut Random::system());
        let key = ApiKey {
            id: made.id,
            hash: made.hash,
            owner: self.owner,
            roles: self.roles,
            permissions: self.permissions,
            scopes: self.scopes,
            networks: self.networks,
            limit: self.limit.map(|rate| Limit {
                count: rate.count,
                per: rate.per,
            }),
            created: now,
            expires,
            revoked: None,
            last_used: None,
        };
        keeper.create(key.clone())?;
        let secret = String::from_utf8_lossy(made.text.expose()).into_owned();
        let report = match self.json {
            true => {
                let mut report = as_json(&key, now);
                if let Some(report) = report.as_object_mut() {
                    report.insert("key".to_owned(), secret.into());
                }
                format!("{report:#}\n")
            }
            false => as_text(&key, &secret, &next(&keeper, &self.of.config)),
        };
        Ok(output::print(&report, ExitCode::SUCCESS))
    }
}

impl Expiry {
    fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::After(span) => {
                let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
                Timestamp::from_millis(now.as_millis().saturating_add(millis))
            }
        }
    }
}

fn as_text(key: &ApiKey, secret: &str, next: &str) -> String {
    let until = key.expires.map_or_else(
        || "until it is revoked".to_owned(),
        |end| format!("until {}", time(end)),
    );
    format!(
        "The key {} of {}, good {until}:\n\n  {secret}\n\n{next}\n",
        key.id, key.owner
    )
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
    let printable = !text.is_empty() && text.len() <= NAME_MAX && !text.chars().any(char::is_control);
    match printable {
        true => Ok(text.into()),
        false => Err(format!("write 1 to {NAME_MAX} bytes of printable text")),
    }
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if let Some(at) = date(text) {
        return Ok(Expiry::At(at));
    }
    match duration(text) {
        Ok(span) if !span.is_zero() => Ok(Expiry::After(span)),
        _ => Err("write a duration like `90d` or `12h`, or a date like `2027-01-01`".to_owned()),
    }
}

fn limit(text: &str) -> Result<Rate, String> {
    rate(text).map_err(|(_, way_out)| format!("this is not a rate{way_out}"))
}
