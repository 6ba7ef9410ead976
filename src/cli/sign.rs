//! `portcullis sign`: a request and a key in, the fields of its signature or a line for curl out. Sends nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::{FAILED, USAGE, output};
use crate::authn::signature::signing::{self, Algorithm, Head, How, Signer, SigningKey};
use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::base::secret::Secret;
use crate::config::{Environment, Process};
use crate::request::path::NormalPath;

const DETAILS: &str = "\
The time and the nonce are those of now: a signature is good for one request,
and for five minutes (or `max_age` of the authenticator).

Examples:
  portcullis sign --scheme v1 --key-id acme --secret-file acme.key \\
    POST https://api.example.com/orders -d '{\"item\":7}'
  portcullis sign --scheme rfc9421 --key-id acme --private-key acme.pem \\
    --cover content-type GET https://api.example.com/orders \\
    -H 'Content-Type: application/json' --headers-only
  portcullis sign --scheme github --secret-env WEBHOOK_SECRET \\
    POST http://127.0.0.1:8080/hooks --data-file event.json | sh

The secret itself is never an argument: every user of the machine can read the
arguments of a command.";

/// The largest body and the largest key file.
const BODY_MAX: u64 = 32 << 20;
const KEY_MAX: u64 = 64 * 1024;

/// Sign a request; print it as a curl line, or only its fields
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
#[command(group(clap::ArgGroup::new("key").required(true)))]
pub(super) struct Sign {
    /// How to sign
    #[arg(long, value_enum)]
    scheme: Scheme,
    /// The id of the key, for `v1` and `rfc9421`
    #[arg(long, value_name = "ID", required_if_eq_any([("scheme", "v1"), ("scheme", "rfc9421")]))]
    key_id: Option<String>,
    /// A file with the shared secret; one final newline does not belong to it
    #[arg(long, value_name = "FILE", group = "key")]
    secret_file: Option<PathBuf>,
    /// An environment variable with the shared secret
    #[arg(long, value_name = "NAME", group = "key")]
    secret_env: Option<String>,
    /// A PEM file with a private key, for `rfc9421`
    #[arg(long, value_name = "FILE", group = "key")]
    private_key: Option<PathBuf>,
    /// The algorithm, where a private key has more than one: `rsa-pss-sha512` (without this) or `rsa-v1_5-sha256`
    #[arg(long, value_name = "NAME", value_enum)]
    alg: Option<Alg>,
    /// With `rfc9421`: a component or header field to cover besides method, host, path, query and body
    #[arg(long, value_name = "NAME")]
    cover: Vec<String>,
    /// A header field of the request
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The body
    #[arg(short, long, conflicts_with = "data_file")]
    data: Option<String>,
    /// A file with the body
    #[arg(long, value_name = "FILE")]
    data_file: Option<PathBuf>,
    /// Print the fields of the signature, one a line, instead of a curl line
    #[arg(long)]
    headers_only: bool,
    /// The method, as `GET` or `POST`
    method: String,
    /// The whole URL, with `http://` or `https://`
    url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scheme {
    V1,
    Rfc9421,
    Github,
    Stripe,
    Slack,
    StandardWebhooks,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Alg {
    Ed25519,
    #[value(name = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
    RsaPssSha512,
    #[value(name = "rsa-v1_5-sha256")]
    RsaV15Sha256,
}

impl Sign {
    pub(super) fn run(self) -> ExitCode {
        let now = Clock::system().wall().as_millis() / 1000;
        let nonce = Random::system().bytes::<16>();
        match self.signed(&Process, now, &nonce) {
            Ok(text) => output::print(&text, ExitCode::SUCCESS),
            Err(Complaint { code, message }) => {
                output::complain(&message);
                ExitCode::from(code)
            }
        }
    }

    fn signed(&self, machine: &dyn Environment, now: u64, nonce: &[u8; 16]) -> Result<String, Complaint> {
        let key = self.key(machine)?;
        let method = method(&self.method).map_err(Complaint::usage)?;
        let url = Url::read(&self.url).map_err(Complaint::usage)?;
        let headers = headers(&self.headers).map_err(Complaint::usage)?;
        if headers.contains_key(http::header::HOST) {
            return Err(Complaint::usage("the host is the one of the URL; leave `Host` out"));
        }
        let body = self.body(machine)?;
        let nonce: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
        let head = Head {
            method: method.as_str(),
            scheme: url.scheme,
            host: &url.host,
            target: &url.target,
            headers: &headers,
            // What curl sends.
            content_length: (!body.is_empty()).then_some(body.len() as u64),
        };
        let signer = Signer {
            key: &key,
            id: self.key_id.as_deref().unwrap_or_default(),
            at: now,
            nonce: &nonce,
        };
        let fields = signing::sign(self.how()?, &signer, &head, &body);
        let fields = fields.map_err(|fault| format!("the request cannot be signed: {fault}"))?;
        if self.headers_only {
            return Ok(fields
                .iter()
                .map(|(name, value)| format!("{}: {value}\n", capitalised(name)))
                .collect());
        }
        Ok(self.curl(&method, &url, &fields))
    }

    fn how(&self) -> Result<How<'_>, Complaint> {
        if self.scheme != Scheme::Rfc9421 && !self.cover.is_empty() {
            return Err(Complaint::usage(
                "only rfc9421 lets a signer choose what to cover; leave `--cover` out",
            ));
        }
        Ok(match self.scheme {
            Scheme::V1 => How::V1,
            Scheme::Rfc9421 => How::Rfc9421 { more: &self.cover },
            Scheme::Github => How::Github,
            Scheme::Stripe => How::Stripe,
            Scheme::Slack => How::Slack,
            Scheme::StandardWebhooks => How::StandardWebhooks,
        })
    }

    fn key(&self, machine: &dyn Environment) -> Result<SigningKey, Complaint> {
        if let Some(path) = &self.private_key {
            let pem = Secret::new(read(machine, path, KEY_MAX)?);
            let wanted = self.alg.map(|alg| match alg {
                Alg::Ed25519 => Algorithm::Ed25519,
                Alg::EcdsaP256Sha256 => Algorithm::EcdsaP256Sha256,
                Alg::RsaPssSha512 => Algorithm::RsaPssSha512,
                Alg::RsaV15Sha256 => Algorithm::RsaV15Sha256,
            });
            let key = SigningKey::of_pem(pem.expose(), wanted);
            return Ok(key.map_err(|fault| format!("{}: {fault}", path.display()))?);
        }
        if self.alg.is_some() {
            return Err(Complaint::usage(
                "a secret has one algorithm, hmac-sha256; leave `--alg` out",
            ));
        }
        let secret = self.secret(machine)?;
        if secret.is_empty() {
            return Err("the secret is empty".to_owned().into());
        }
        match self.scheme {
            Scheme::StandardWebhooks => {
                Ok(SigningKey::of_standard_webhooks(&secret).map_err(|fault| fault.to_string())?)
            }
            _ => Ok(SigningKey::of_secret(&secret)),
        }
    }

    fn secret(&self, machine: &dyn Environment) -> Result<Secret, String> {
        if let Some(path) = &self.secret_file {
            let mut bytes = read(machine, path, KEY_MAX)?;
            // As `${file:}` reads it, so that both sides have the same secret.
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
                if bytes.last() == Some(&b'\r') {
                    bytes.pop();
                }
            }
            return Ok(Secret::new(bytes));
        }
        let name = self.secret_env.as_deref().unwrap_or_default();
        let value = machine.variable(name).map(|value| value.into_encoded_bytes());
        let value = value.ok_or_else(|| format!("the environment variable {name} is not set"))?;
        Ok(Secret::new(value))
    }

    fn body(&self, machine: &dyn Environment) -> Result<Vec<u8>, String> {
        match (&self.data, &self.data_file) {
            (Some(data), _) => Ok(data.as_bytes().to_vec()),
            (None, Some(path)) => read(machine, path, BODY_MAX),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// One line for a shell. `--globoff` and `--path-as-is` keep curl from changing the path that was signed.
    fn curl(&self, method: &Method, url: &Url, fields: &[(HeaderName, String)]) -> String {
        let mut line = "curl --globoff --path-as-is".to_owned();
        match *method {
            // With `-X HEAD` curl would wait for a body.
            Method::HEAD => line.push_str(" --head"),
            _ => line.push_str(&format!(" -X {method}")),
        }
        let given = self.headers.iter().cloned();
        let signed = fields
            .iter()
            .map(|(name, value)| format!("{}: {value}", capitalised(name)));
        for header in given.chain(signed) {
            line.push_str(&format!(" -H {}", quoted(&header)));
        }
        match (&self.data, &self.data_file) {
            // Not `--data`, which reads a file where the data begins with `@`.
            (Some(data), _) => line.push_str(&format!(" --data-raw {}", quoted(data))),
            (None, Some(path)) => line.push_str(&format!(" --data-binary {}", quoted(&format!("@{}", path.display())))),
            (None, None) => {}
        }
        line.push_str(&format!(" {}\n", quoted(&url.to_string())));
        line
    }
}

/// What to say instead of a signature, and how to end.
#[derive(Debug)]
struct Complaint {
    code: u8,
    message: String,
}

impl Complaint {
    fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code: USAGE, message }
    }
}

impl From<String> for Complaint {
    fn from(message: String) -> Self {
        Self { code: FAILED, message }
    }
}

/// In single quotes nothing means anything to a shell but their end.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `X-Signature-Key`.
fn capitalised(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}

fn read(machine: &dyn Environment, path: &Path, at_most: u64) -> Result<Vec<u8>, String> {
    let bytes = machine
        .file(path, at_most)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if bytes.len() as u64 > at_most {
        return Err(format!("{} is larger than {at_most} bytes", path.display()));
    }
    Ok(bytes)
}

fn method(text: &str) -> Result<Method, String> {
    let known = crate::request::KNOWN_METHODS;
    let method = known.split(", ").find(|known| *known == text);
    let method = method.and_then(|method| method.parse().ok());
    method.ok_or_else(|| format!("`{text}` is no method that a gateway takes; write one of {known}"))
}

fn headers(lines: &[String]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let field = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.parse().ok()?;
            let value: HeaderValue = value.trim_matches([' ', '\t']).parse().ok()?;
            Some((name, value))
        });
        let Some((name, value)) = field else {
            return Err(format!("`{line}` is no header field; write it like `Name: value`"));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

/// Where to, in the spelling that curl sends.
struct Url {
    scheme: &'static str,
    host: String,
    target: PathAndQuery,
}

impl Url {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` {why}; write a URL like `https://api.example.com/path?query`");
        if text.contains('#') {
            return Err(wrong("has a fragment, which is never sent"));
        }
        let uri: Uri = text.parse().map_err(|_| wrong("is no URL"))?;
        let (scheme, port) = match uri.scheme_str() {
            Some("http") => ("http", ":80"),
            Some("https") => ("https", ":443"),
            _ => return Err(wrong("has neither `http://` nor `https://`")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("names no host"))?.as_str();
        if authority.contains('@') {
            return Err(wrong("holds a user, who is not signed"));
        }
        let host = authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
        let target = match uri.path_and_query() {
            Some(target) if target.as_str().starts_with('/') => target.clone(),
            Some(target) => PathAndQuery::try_from(format!("/{target}")).map_err(|_| wrong("is no URL"))?,
            None => PathAndQuery::from_static("/"),
        };
        let target = NormalPath::check(target).map_err(|fault| wrong(&format!("holds {fault}")))?;
        Ok(Self {
            scheme,
            host,
            target: target.path_and_query().clone(),
        })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.host, self.target)
    }
}

#[cfg(test)]
mod tests;
