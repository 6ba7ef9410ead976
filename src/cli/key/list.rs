//! `portcullis key list`.

use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::Value as Json;

use super::Of;
use crate::cli::keeper::Keeper;
use crate::cli::output;

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
        let target = match &self.owner {
            Some(owner) => {
                let owner: String = url::form_urlencoded::byte_serialize(owner.as_bytes()).collect();
                format!("/api/v1/keys?owner={owner}")
            }
            None => "/api/v1/keys".to_owned(),
        };
        let mut kept = Keeper::of(&self.of.config)?.must(&Method::GET, &target, None)?;
        let keys = kept.told.get_mut("keys").map(Json::take).unwrap_or_default();
        let report = match self.json {
            true => format!("{keys:#}\n"),
            false => as_text(keys.as_array().map(Vec::as_slice).unwrap_or_default()),
        };
        Ok(output::print(&report, ExitCode::SUCCESS))
    }
}

const HEADS: [&str; 6] = ["ID", "OWNER", "STATE", "ROLES", "EXPIRES", "LAST USED"];

fn as_text(keys: &[Json]) -> String {
    if keys.is_empty() {
        return "there are no keys; make one with `portcullis key create`\n".to_owned();
    }
    let rows: Vec<[String; 6]> = std::iter::once(HEADS.map(str::to_owned))
        .chain(keys.iter().map(row))
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

fn row(key: &Json) -> [String; 6] {
    let text = |name: &str, otherwise: &str| key.get(name).and_then(Json::as_str).unwrap_or(otherwise).to_owned();
    let roles = key.get("roles").and_then(Json::as_array).into_iter().flatten();
    let roles: Vec<&str> = roles.filter_map(Json::as_str).collect();
    [
        text("id", ""),
        text("owner", ""),
        text("state", ""),
        roles.join(","),
        text("expires", "never"),
        text("last_used", "never"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::random::Random;
    use crate::endpoints::admin::keys::as_json;
    use crate::identity::keys::NewKey;
    use crate::identity::model::api_key::ApiKey;

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
        insta::assert_snapshot!(as_text(&[short, long].map(|key| as_json(&key, at(0)))), @r"
        ID            OWNER                      STATE  ROLES           EXPIRES               LAST USED
        0123456789ab  é                          live   svc,two, words  never                 2023-11-14T22:13:20Z
        jklmnopqrstu  somebody with a long name  live                   2027-01-01T00:00:00Z  never
        ");
        assert!(as_text(&[]).contains("key create"));
    }
}
