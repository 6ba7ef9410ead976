//! `portcullis explain`: one request, walked through a configuration without a gateway and without a network.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::{Value as Json, json};

use super::{FAILED, output};
use crate::app::{self, ExplainedIdentity, ExplainedRoute, Explanation, Outcome, Question};
use crate::authn::{KINDS, Known};
use crate::config::{self, Faults, Process};

const DETAILS: &str = "\
The request goes through the same code as in the gateway, and nothing is sent. It
stands before the first listener of the file. Keys of an issuer that would have to be
fetched are taken from what was kept of them; where nothing was kept, the answer says
so. Exits with 0 whatever the verdict is; --format json has it for programs.

Examples:
  portcullis explain -c gateway.yaml GET http://api.example.com/orders/7
  portcullis explain -c gateway.yaml GET /orders/7 -H 'Host: api.example.com' \\
      -H \"Authorization: Bearer $TOKEN\" --ip 203.0.113.9
  portcullis explain -c gateway.yaml POST /hooks/github -H 'X-Hub-Signature-256: …' --data @body.json";

/// Tell what would become of a request, and why
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Explain {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    config: PathBuf,
    /// The method, in capitals
    #[arg(value_name = "METHOD")]
    method: Method,
    /// A URL, or a path
    #[arg(value_name = "URL")]
    url: Uri,
    /// A header field; may be given again
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = field)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, or with @FILE where it stands
    #[arg(short, long, value_name = "TEXT")]
    data: Option<String>,
    /// Where the request comes from
    #[arg(long, default_value = "127.0.0.1")]
    ip: IpAddr,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a field is `Name: value`")?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| "that is no name of a field")?;
    let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| "that is no value of a field")?;
    Ok((name, value))
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        let loaded = match config::load(&self.config, KINDS, &Process) {
            Ok(loaded) => loaded,
            Err(faults) => return output::print(&format!("{faults}\n"), ExitCode::from(Faults::EXIT_CODE)),
        };
        let format = self.format;
        let explained = self.question().and_then(|question| {
            let explained = app::explain(&loaded.config, &question);
            explained.map_err(|error| format!("the request cannot be walked through: {error}"))
        });
        match explained {
            Ok(explanation) if format == Format::Json => {
                output::print(&format!("{:#}\n", as_json(&explanation)), ExitCode::SUCCESS)
            }
            Ok(explanation) => output::print(&as_text(&explanation), ExitCode::SUCCESS),
            Err(message) => {
                output::complain(&message);
                ExitCode::from(FAILED)
            }
        }
    }

    fn question(self) -> Result<Question, String> {
        let mut headers = HeaderMap::new();
        if let Some(authority) = self.url.authority() {
            let host = HeaderValue::try_from(authority.as_str()).map_err(|_| "the URL has no usable host")?;
            headers.insert(HOST, host);
        }
        for (name, value) in self.headers {
            if name == HOST {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
        // As `curl` does it: a path alone is for this machine.
        headers.entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        let body = match self.data.as_deref().map(|data| (data, data.strip_prefix('@'))) {
            None => Bytes::new(),
            Some((_, Some(file))) => std::fs::read(file)
                .map_err(|error| format!("{file} cannot be read: {error}"))?
                .into(),
            Some((text, None)) => Bytes::copy_from_slice(text.as_bytes()),
        };
        if !body.is_empty() {
            headers.insert(http::header::CONTENT_LENGTH, body.len().into());
        }
        let target = self.url.path_and_query().map_or("/", |target| target.as_str());
        let url = Uri::try_from(target).map_err(|_| "the target of the URL is not one that a request can have")?;
        Ok(Question {
            method: self.method,
            url,
            headers,
            body,
            from: self.ip,
        })
    }
}

/// Width of the words in front.
const INDENT: usize = 10;

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{name:INDENT$}{value}");
}

fn as_text(explanation: &Explanation) -> String {
    let mut text = String::new();
    if let Some(client) = explanation.client {
        line(&mut text, "client", &client.to_string());
    }
    if let Some(route) = &explanation.route {
        let place = match route.line {
            0 => "the gateway's own".to_owned(),
            line => format!("line {line}"),
        };
        line(&mut text, "route", &format!("{} ({place})", route.id));
        line(&mut text, "asks for", &asks_for(route));
    }
    match &explanation.identity {
        Some(ExplainedIdentity::Anonymous) => line(&mut text, "who", "nobody in particular"),
        Some(ExplainedIdentity::Known { who, also }) => {
            line(&mut text, "who", &introduced(who));
            for other in also {
                line(&mut text, "with", &introduced(other));
            }
        }
        None => {}
    }
    if let Some(rule) = explanation.rule {
        line(&mut text, "rule", rule);
    }
    match &explanation.outcome {
        None => line(&mut text, "verdict", "answered by the gateway itself"),
        Some(Outcome::Allowed { to, target, told }) => {
            line(&mut text, "verdict", &format!("allowed: {target} goes to {to}"));
            for (name, value) in told {
                line(
                    &mut text,
                    "",
                    &format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())),
                );
            }
        }
        Some(Outcome::Refused {
            code,
            reason,
            authenticator,
            challenges,
        }) => {
            line(
                &mut text,
                "verdict",
                &format!("refused: {} {}", code.status().as_u16(), code.as_str()),
            );
            line(&mut text, "because", reason);
            if let Some(authenticator) = authenticator {
                line(&mut text, "by", authenticator);
            }
            if !explanation.is_checkable_offline() {
                line(&mut text, "", "not checkable offline: ask the running gateway");
            }
            for challenge in challenges {
                let challenge = String::from_utf8_lossy(challenge.as_bytes());
                line(&mut text, "", &format!("www-authenticate: {challenge}"));
            }
        }
    }
    text
}

fn asks_for(route: &ExplainedRoute) -> String {
    let mut names: Vec<String> = route
        .auth
        .iter()
        .map(|(name, kind)| format!("{name} ({kind})"))
        .collect();
    if route.is_open {
        names.push("nothing".to_owned());
    }
    names.join(", or ")
}

fn introduced(who: &Known) -> String {
    let principal = &who.verified.principal;
    let mut text = format!("{} by {}", principal.id, who.authenticator);
    for (name, words) in [
        ("roles", &principal.roles),
        ("permissions", &principal.permissions),
        ("scopes", &principal.scopes),
    ] {
        if !words.is_empty() {
            let _ = write!(text, "; {name} {}", words.join(", "));
        }
    }
    text
}

fn as_json(explanation: &Explanation) -> Json {
    let identity = match &explanation.identity {
        None => Json::Null,
        Some(ExplainedIdentity::Anonymous) => json!({ "anonymous": true }),
        Some(ExplainedIdentity::Known { who, also }) => {
            let also: Vec<Json> = also.iter().map(|other| principal(other)).collect();
            let mut identity = principal(who);
            if let Some(members) = identity.as_object_mut() {
                members.insert("also".to_owned(), also.into());
            }
            identity
        }
    };
    let route = explanation.route.as_ref().map(|route| {
        let auth: Vec<Json> = route
            .auth
            .iter()
            .map(|(name, kind)| json!({ "name": &**name, "kind": kind }))
            .collect();
        json!({ "id": &*route.id, "line": (route.line > 0).then_some(route.line), "auth": auth, "open": route.is_open })
    });
    let verdict = match &explanation.outcome {
        None => json!({ "allowed": true }),
        Some(Outcome::Allowed { to, target, told }) => {
            let told: serde_json::Map<String, Json> = told
                .iter()
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
                .collect();
            json!({ "allowed": true, "to": to, "target": target, "headers": told })
        }
        Some(Outcome::Refused {
            code,
            reason,
            authenticator,
            challenges,
        }) => {
            let challenges: Vec<_> = challenges
                .iter()
                .map(|challenge| String::from_utf8_lossy(challenge.as_bytes()))
                .collect();
            json!({
                "allowed": false,
                "status": code.status().as_u16(),
                "code": code.as_str(),
                "reason": reason,
                "checkable_offline": explanation.is_checkable_offline(),
                "authenticator": authenticator.as_deref(),
                "challenges": challenges,
            })
        }
    };
    json!({
        "client": explanation.client,
        "route": route,
        "identity": identity,
        "rule": explanation.rule,
        "verdict": verdict,
    })
}

fn principal(who: &Known) -> Json {
    let principal = &who.verified.principal;
    json!({
        "id": &*principal.id,
        "authenticator": &*who.authenticator,
        "roles": &principal.roles,
        "permissions": &principal.permissions,
        "scopes": &principal.scopes,
    })
}
