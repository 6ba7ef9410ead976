//! `portcullis token inspect`: what stands in a token, without judging it. The signature is never shown: header and
//! claims alone are no credential.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use super::{bare, from_stdin};
use crate::authn::KINDS;
use crate::authn::jose::json::object;
use crate::authn::jose::token::{TOKEN_MAX, unverified_issuer};
use crate::base::clock::Timestamp;
use crate::cli::{FAILED, output};
use crate::config::authenticators::{AuthenticatorSpec, Share};
use crate::config::{self, Config, Faults, Process};
use crate::endpoints::admin::input::time;

const DETAILS: &str = "\
Nothing is verified: whoever can write text can write this. `portcullis explain` with
the token as `Authorization: Bearer …` says what a route makes of it.

Examples:
  portcullis token inspect < token.txt
  portcullis token inspect -c gateway.yaml < token.txt    with the authenticators of its issuer
  portcullis token inspect --json < token.txt | jq .claims.sub";

/// Show header and claims of a token, unverified
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Inspect {
    /// The token; `-`, or nothing, reads it from standard input
    #[arg(value_name = "TOKEN")]
    token: Option<String>,
    /// Also say which authenticators of this configuration would judge it
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> Result<ExitCode, (u8, String)> {
        let failed = |why: String| (FAILED, why);
        let token = match self.token.map(Zeroizing::new) {
            Some(text) if *text != "-" => Zeroizing::new(bare(&text).to_owned()),
            _ => from_stdin().map_err(failed)?,
        };
        let parts = Parts::of(&token).map_err(failed)?;
        let judges = self.config.map(|file| {
            let loaded = config::load(&file, KINDS, &Process).map_err(|faults| {
                (
                    Faults::EXIT_CODE,
                    format!("{} does not load:\n{faults}", file.display()),
                )
            })?;
            Ok::<_, (u8, String)>(judges(&loaded.config, &token))
        });
        let judges = judges.transpose()?;
        let report = match self.json {
            true => format!("{:#}\n", parts.as_json(judges.as_deref())),
            false => parts.as_text(judges.as_deref()),
        };
        Ok(output::print(&report, ExitCode::SUCCESS))
    }
}

/// What can be read without a key.
#[derive(Debug)]
pub(super) struct Parts {
    header: Map<String, Json>,
    pub(super) claims: Map<String, Json>,
}

impl Parts {
    pub(super) fn of(token: &str) -> Result<Self, String> {
        if token.len() > TOKEN_MAX {
            return Err(format!(
                "this is longer than any token that is taken ({TOKEN_MAX} bytes)"
            ));
        }
        let mut segments = token.split('.');
        let (Some(header), Some(claims), Some(_), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err("this is no signed token: it has not three segments with dots between them".to_owned());
        };
        let part = |name: &str, segment: &str| {
            let bytes = URL_SAFE_NO_PAD
                .decode(segment)
                .map_err(|_| format!("the {name} is not base64url"))?;
            object(&bytes).map_err(|fault| format!("the {name} {fault}"))
        };
        Ok(Self {
            header: part("header", header)?,
            claims: part("payload", claims)?,
        })
    }

    fn as_json(&self, judges: Option<&[String]>) -> Json {
        let mut report = json!({ "verified": false, "header": self.header, "claims": self.claims });
        if let (Some(report), Some(judges)) = (report.as_object_mut(), judges) {
            report.insert("authenticators".to_owned(), judges.into());
        }
        report
    }

    fn as_text(&self, judges: Option<&[String]>) -> String {
        let shown = |part: &Map<String, Json>| format!("{:#}", Json::Object(part.clone()));
        let mut text = format!(
            "not verified: anybody could have written this\n\nheader  {}\nclaims  {}\n",
            shown(&self.header),
            shown(&self.claims)
        );
        for name in ["iat", "nbf", "exp"] {
            if let Some(seconds) = self.claims.get(name).and_then(Json::as_u64) {
                let at = time(Timestamp::from_millis(seconds.saturating_mul(1000)));
                text.push_str(&format!("{name:<8}{at}\n"));
            }
        }
        match judges {
            None => {}
            Some([]) => text.push_str("no authenticator of the file takes it\n"),
            Some(judges) => text.push_str(&format!("judged by {}\n", judges.join(", "))),
        }
        text
    }
}

/// The authenticators that would claim it, were it presented where they look: those of its issuer, else those that take
/// what nobody else takes.
fn judges(config: &Config, token: &str) -> Vec<String> {
    let issuer = unverified_issuer(token.as_bytes()).ok().flatten();
    let taking = |wanted: &dyn Fn(&Share) -> bool| -> Vec<String> {
        let takes = |entry: &&Arc<AuthenticatorSpec>| entry.plan.reads().iter().any(|reads| wanted(&reads.share));
        config
            .auth
            .iter()
            .filter(takes)
            .map(|entry| entry.name.to_string())
            .collect()
    };
    let of_issuer = taking(&|share| matches!((share, &issuer), (Share::Issuer(one), Some(named)) if **one == **named));
    if !of_issuer.is_empty() {
        return of_issuer;
    }
    let of_others = taking(&|share| matches!(share, Share::OtherIssuers));
    match of_others.is_empty() {
        true => taking(&|share| matches!(share, Share::Rest)),
        false => of_others,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let segment = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2lnbmF0dXJl", segment(header), segment(claims))
    }

    #[test]
    #[doc = "LG-01"]
    fn everything_but_the_signature_is_shown_and_nothing_is_judged() {
        // `crit` would be refused by whoever judges.
        let token = token(r#"{"alg":"none","crit":["x"]}"#, r#"{"sub":"alice","exp":2000000000}"#);
        let parts = Parts::of(&token).unwrap();
        let text = parts.as_text(Some(&[]));
        insta::assert_snapshot!(text, @r#"
        not verified: anybody could have written this

        header  {
          "alg": "none",
          "crit": [
            "x"
          ]
        }
        claims  {
          "exp": 2000000000,
          "sub": "alice"
        }
        exp     2033-05-18T03:33:20Z
        no authenticator of the file takes it
        "#);
        assert!(!text.contains("c2lnbmF0dXJl"));
        assert_eq!(parts.as_json(None)["verified"], false);
        assert!(!parts.as_json(None).to_string().contains("c2lnbmF0dXJl"));
    }

    #[test]
    fn what_is_no_token_is_told_without_repeating_it() {
        for text in [
            "",
            "a.b",
            "a.b.c.d",
            "!.e30.x",
            &token("[]", "{}"),
            &token("{}", r#"{"a":1,"a":2}"#),
        ] {
            let why = Parts::of(text).unwrap_err();
            assert!(text.is_empty() || !why.contains(text), "{why}");
        }
        assert!(Parts::of(&"a".repeat(TOKEN_MAX + 1)).is_err());
    }
}
