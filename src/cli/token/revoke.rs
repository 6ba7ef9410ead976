//! `portcullis token revoke`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::{Value as Json, json};

use super::from_stdin;
use super::inspect::Parts;
use crate::cli::keeper::Keeper;
use crate::cli::{FAILED, expiry, output};

const DETAILS: &str = "\
A token is known by its `jti`; one without can only be ended with everything else of
its subject, through the admin API. The gateway of the file is asked, and refuses the
token from then on; where it does not answer, the store of the file is told, and every
gateway on it knows within a second. Of the token itself nothing is kept.

Examples:
  portcullis token revoke -c gateway.yaml < token.txt
  portcullis token revoke -c gateway.yaml --id 7f3c --authenticator idp --expires 12h";

/// End a token before its time
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Revoke {
    /// The configuration file of the gateway
    #[arg(short, long, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    config: PathBuf,
    /// The `jti` of the token; without it the token itself is read from standard input
    #[arg(long, value_name = "JTI")]
    id: Option<String>,
    /// Only where this authenticator vouches for it
    #[arg(long, value_name = "NAME")]
    authenticator: Option<String>,
    /// When the token ends anyway, so that this may be forgotten (12h, 2027-01-01); kept for ever unless said
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    expires: Option<Box<str>>,
}

impl Revoke {
    pub(super) fn run(self) -> Result<ExitCode, (u8, String)> {
        let failed = |why: String| (FAILED, why);
        let id = match self.id {
            Some(id) => id,
            // Its own end is not believed: nobody has verified it, and a wrong one would end the revocation early.
            None => jti(&Parts::of(&from_stdin().map_err(failed)?).map_err(failed)?).map_err(failed)?,
        };
        let keeper = match Keeper::of(&self.config) {
            Ok(keeper) => keeper,
            Err(code) => return Ok(code),
        };
        let wanted = json!({ "token": id, "authenticator": self.authenticator, "expires": self.expires });
        match keeper.ask(&Method::POST, "/api/v1/revocations", Some(&wanted)) {
            Ok(kept) => {
                let is_kept = kept.told.get("kept").and_then(Json::as_bool).unwrap_or_default();
                let when = match (kept.by_gateway, is_kept) {
                    (true, true) => "the gateway refuses it from now on",
                    (true, false) => "the gateway refuses it until it ends; it has no store to remember it in",
                    (false, _) => "a gateway that runs knows it within a second",
                };
                Ok(output::print(
                    &format!("the token {} is revoked; {when}\n", id.escape_debug()),
                    ExitCode::SUCCESS,
                ))
            }
            Err(not_kept) => Err((FAILED, not_kept.why)),
        }
    }
}

fn jti(parts: &Parts) -> Result<String, String> {
    let jti = parts
        .claims
        .get("jti")
        .and_then(Json::as_str)
        .filter(|jti| !jti.is_empty());
    jti.map(str::to_owned).ok_or_else(|| {
        "the token has no `jti`, so it cannot be told from others; revoke its subject through the admin API".to_owned()
    })
}
