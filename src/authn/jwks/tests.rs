use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::base::clock::{Clock, Timestamp};
use crate::outbound::scripted::{self, Reply, START, Server, run, seconds};
use crate::telemetry::Sink;
use crate::telemetry::metrics::{Figures, Format};

mod fetching;
mod keeping;
mod telling;
mod unknown_keys;

/// A key set is the ids of its keys here.
type Kids = Vec<String>;

const READING: Reading<Kids> = Reading {
    parse: |text, _| {
        let set: serde_json::Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let keys = set["keys"].as_array().ok_or("there are no keys")?;
        let (named, nameless): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key["kid"].is_string());
        Ok(Parsed {
            set: named
                .iter()
                .filter_map(|key| Some(key["kid"].as_str()?.to_owned()))
                .collect(),
            left_out: nameless.iter().map(|_| "it has no name".to_owned()).collect(),
        })
    },
    is_empty: |kids| kids.is_empty(),
};

/// An issuer, and what a gateway asks it with.
struct Bench {
    clock: Clock,
    background: Background,
    telemetry: Arc<Telemetry>,
    issuer: Server,
    disk: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let clock = scripted::clock();
        let background = scripted::background(&clock);
        let issuer = Server::start(&background).await;
        let telemetry = Telemetry::start(clock.clone(), Sink::new(std::io::sink())).unwrap();
        let disk = tempfile::tempdir().unwrap();
        Self {
            clock,
            background,
            telemetry,
            issuer,
            disk,
        }
    }

    /// The same disk and issuer, `span` after the first start of all.
    fn started_again(self, span: Duration) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(START + u64::try_from(span.as_millis()).unwrap()));
        let background = scripted::background(&clock);
        Self {
            clock,
            background,
            ..self
        }
    }

    fn folder(&self) -> Arc<Path> {
        self.disk.path().join("keys").into()
    }

    fn keyring(&self) -> Keyring<Kids> {
        let parts = Parts {
            outbound: scripted::outbound(&scripted::spec(), &self.background),
            background: self.background.clone(),
            telemetry: Arc::clone(&self.telemetry),
            random: Random::counting,
            keep: self.folder(),
        };
        Keyring::new(parts, READING)
    }

    /// Of the authenticator `idp`, by the URL of its keys.
    fn remote(&self) -> Remote<Kids> {
        self.keyring().remote(&"idp".into(), &self.source())
    }

    fn source(&self) -> RemoteKeys {
        RemoteKeys {
            issuer: None,
            jwks_url: Some(self.issuer.url("/keys")),
            algorithms: Vec::new(),
        }
    }

    /// The issuer has these keys now.
    fn publish(&self, kids: &[&str]) {
        self.issuer.on("/keys", Reply::json(&set_of(kids)));
    }

    fn fail(&self) {
        self.issuer.on("/keys", Reply::new("500 Internal Server Error", "", ""));
    }

    fn fetches(&self) -> usize {
        self.issuer.count("/keys")
    }

    /// Let time pass, and wait for the end of the fetch that comes then.
    async fn after(&self, span: Duration, remote: &Remote<Kids>) {
        let round = remote.0.unknown().begun() + 1;
        self.clock.advance(span);
        remote.0.unknown().has_rested(round).await;
    }

    fn scrape(&self) -> String {
        self.telemetry
            .metrics()
            .expose(Format::Text, Figures::default())
            .unwrap()
    }
}

impl Remote<Kids> {
    /// Waits until so many fetches have ended.
    async fn fetched(self, times: u64) -> Self {
        self.0.unknown().has_rested(times).await;
        self
    }

    fn kids(&self) -> Option<Kids> {
        self.current().map(|kids| (*kids).clone())
    }
}

fn set_of(kids: &[&str]) -> String {
    let keys: Vec<_> = kids.iter().map(|kid| serde_json::json!({ "kid": kid })).collect();
    serde_json::json!({ "keys": keys }).to_string()
}

fn kids<const N: usize>(kids: [&str; N]) -> Option<Kids> {
    Some(kids.map(str::to_owned).into())
}

/// Lets everything that is ready run.
async fn yield_some() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

const FIVE_MINUTES: Duration = Duration::from_secs(300);
