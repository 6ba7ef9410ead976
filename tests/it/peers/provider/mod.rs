//! An OpenID provider that others wrote, and a gateway that knows no more of it than its name: what it signs lets in,
//! its keys may change, and it may be away, slow or out of its mind.

mod accepted;
mod outages;
mod rotation;
mod starts;

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;

use super::{Peer, node};
use crate::support::clock::START;
use crate::support::{Client, Gateway, Response, Setup, Upstream, get, post};

const ALGORITHMS: [&str; 4] = ["RS256", "ES256", "PS256", "EdDSA"];

/// `provider.js` at work.
struct Provider {
    peer: Peer,
    control: SocketAddr,
}

impl Provider {
    #[track_caller]
    fn start() -> Self {
        let host = own_address();
        let (now, at) = (START.to_string(), host.to_string());
        let mut command = node("provider.js");
        let peer = Peer::start(command.args(["--while-stdin", "--now", &now, "--host", &at]), host);
        let control = u16::try_from(peer.said["control"].as_u64().unwrap()).unwrap();
        Self {
            control: SocketAddr::from((host, control)),
            peer,
        }
    }

    fn url(&self) -> String {
        self.peer.url()
    }

    /// On its second port.
    #[track_caller]
    fn tell(&self, what: &str) -> String {
        Client::to(self.control).ask(post(what, "")).is(200).text()
    }

    /// How often it was asked for this path.
    #[track_caller]
    fn seen(&self, path: &str) -> u64 {
        let seen = Client::to(self.control).ask(get("/seen")).is(200).json();
        seen[path].as_u64().unwrap_or(0)
    }

    /// A signed access token, made with its newest key.
    #[track_caller]
    fn signed(&self, algorithm: &str) -> String {
        let resource = format!("&resource=urn:token:{algorithm}");
        self.token(&resource)
    }

    /// One of each kind.
    #[track_caller]
    fn one_of_each(&self) -> Vec<String> {
        ALGORITHMS.iter().map(|algorithm| self.signed(algorithm)).collect()
    }

    /// One that says nothing itself.
    #[track_caller]
    fn opaque(&self) -> String {
        self.token("")
    }

    fn token(&self, resource: &str) -> String {
        let form = format!("grant_type=client_credentials&scope=read%20write{resource}");
        let asked = self.ask("service", "/token", &form).is(200).json();
        asked["access_token"].as_str().unwrap().to_owned()
    }

    /// As one of its clients.
    #[track_caller]
    fn ask(&self, client: &str, path: &str, form: &str) -> Response {
        let basic = match client {
            "service" => "c2VydmljZTpzZWNyZXQ=",
            _ => "Z2F0ZXdheTpzZWNyZXQ=",
        };
        let form = post(path, form)
            .field("Authorization", &format!("Basic {basic}"))
            .field("Content-Type", "application/x-www-form-urlencoded");
        Client::to(self.peer.address).ask(form)
    }
}

/// A loopback address of this process alone: when the provider stops listening, nobody else is given its port.
fn own_address() -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + high % 64, low, 1)
}

/// A gateway that knows its issuers by name, and what is around it.
struct Site {
    upstream: Upstream,
    keep: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self {
            upstream: Upstream::ok(),
            keep: tempfile::tempdir().unwrap(),
        }
    }

    /// Everything but `/open` is for whoever brings a token of the provider.
    fn before(&self, provider: &Provider) -> Setup {
        self.guarded(&by_name("idp", provider))
            .route("{ path: /**, upstream: up, auth: idp }")
    }

    fn guarded(&self, authenticators: &str) -> Setup {
        Setup::new()
            .variable("SECRET", "secret")
            .top(&format!("outbound: {{ keep: \"{}\" }}", self.keep.path().display()))
            .top(&format!("auth:\n{authenticators}"))
            .upstream("up", &self.upstream)
            .route("{ path: /open, upstream: up, auth: public }")
    }
}

/// An authenticator that is given the name of its issuer and nothing else about its keys.
fn by_name(name: &str, provider: &Provider) -> String {
    format!(
        "  {name}: {{ jwt: {{ issuer: \"{}\", audience: \"api://orders\", roles_from: realm.roles }} }}\n",
        provider.url()
    )
}

#[track_caller]
fn present(gateway: &Gateway, token: &str) -> Response {
    gateway.ask(get("/").field("Authorization", &format!("Bearer {token}")))
}

/// How many fetches of keys have ended well, or did not.
fn fetches(gateway: &Gateway, result: &str) -> f64 {
    let label = format!("result=\"{result}\"");
    let told = gateway.metrics().sum("portcullis_jwks_fetches_total", &[&label]);
    told.unwrap_or(0.0)
}

/// Let the time of the next fetch come, and wait for what comes of it.
#[track_caller]
fn refreshed(gateway: &Gateway, result: &str) {
    let before = fetches(gateway, result);
    gateway.clock.advance_secs(301);
    // One that hangs ends when time has moved on.
    gateway
        .clock
        .soon("a fetch", |_| (fetches(gateway, result) > before).then_some(()));
}

fn claims(token: &str) -> Value {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
