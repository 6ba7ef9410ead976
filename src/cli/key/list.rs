//! `portcullis key list`.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value as Json;

use super::{Of, as_json, time};
use crate::base::clock::Timestamp;
use crate::cli::keeper::Keeper;
use crate::cli::output;
use crate::identity::model::api_key::ApiKey;

const DETAILS: &str = "\
Last use is written a few times a minute.

Examples:
  portcullis key list -c gateway.yaml --owner billing
  portcullis key list -c gateway.yaml --json | jq -r '.[] | select(.state == \"live\") | .id'";

/// Show the keys of the store, the oldest first
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct List {
    #[command(flatten)]
    of: Of,
    /// Only the keys of this owner
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self) -> Result<ExitCode, ExitCode> {
        let keeper = Keeper::of(&self.of.config)?;
        let (keys, now) = (keeper.list(self.owner.as_deref())?, keeper.now());
        let report = match self.json {
            true => format!("{:#}\n", keys.iter().map(|key| as_json(key, now)).collect::<Json>()),
            false => as_text(&keys, now),
        };
        Ok(output::print(&report, ExitCode::SUCCESS))
    }
}

const HEADS: [&str; 6] = ["ID", "OWNER", "STATE", "ROLES", "EXPIRES", "LAST USED"];

fn as_text(keys: &[ApiKey], now: Timestamp) -> String {
    if keys.is_empty() {
        return "there are no keys; make one with `portcullis key create`\n".to_owned();
    }
    let rows: Vec<[String; 6]> = std::iter::once(HEADS.map(str::to_owned))
        .chain(keys.iter().map(|key| row(key, now)))
        .collect();
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(key: &ApiKey, now: Timestamp) -> [String; 6] {
    let or_never = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), time);
    [
        key.id.to_string(),
        key.owner.to_string(),
        key.state(now).as_str().to_owned(),
        key.roles.join(","),
        or_never(key.expires),
        or_never(key.last_used),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::identity::keys::NewKey;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut random = Random::counting();
        let [one, two] = [(); 2].map(|()| NewKey::make(&mut random));
        let long = ApiKey {
            roles: Vec::new(),
            expires: Some(at(1_798_761_600_000)),
            ..ApiKey::for_test(&two, "somebody with a long name")
        };
        let short = ApiKey {
            last_used: Some(at(1_700_000_000_999)),
            ..ApiKey::for_test(&one, "é")
        };
        insta::assert_snapshot!(as_text(&[short, long], at(0)), @r"
        ID            OWNER                      STATE  ROLES           EXPIRES               LAST USED
        0123456789ab  é                          live   svc,two, words  never                 2023-11-14T22:13:20Z
        jklmnopqrstu  somebody with a long name  live                   2027-01-01T00:00:00Z  never
        ");
        assert!(as_text(&[], at(0)).contains("key create"));
    }
}
