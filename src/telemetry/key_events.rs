//! What happens to the key sets of issuers. An outage is told when it begins and when it ends, not at every try.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Telemetry;
use super::escape::Untrusted;
use super::events::Event;

/// A fetch brought a key set that can be used.
#[derive(Clone, Copy, Debug)]
pub struct KeysFetched<'a> {
    pub authenticator: &'a Arc<str>,
    pub change: KeyChange,
    /// The fetch before it failed.
    pub recovered: bool,
}

/// What a good fetch changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChange {
    First,
    Same,
    Other,
}

impl Event for KeysFetched<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let authenticator = &**self.authenticator;
        telemetry.metrics.keys_fetched(self.authenticator, true);
        if self.recovered {
            tracing::info!(authenticator, "the keys of the issuer can be fetched again");
        }
        match self.change {
            KeyChange::First => tracing::debug!(authenticator, "the keys of the issuer are known"),
            KeyChange::Other => tracing::info!(authenticator, "the issuer has changed its keys"),
            KeyChange::Same => {}
        }
    }
}

/// A fetch brought nothing that can be used; the keys known before stay.
#[derive(Clone, Copy, Debug)]
pub struct KeysNotFetched<'a> {
    pub authenticator: &'a Arc<str>,
    /// May repeat some of what the issuer answered.
    pub why: &'a str,
    /// The fetch before it did not fail.
    pub is_first: bool,
    /// How long the keys in force may still be used; absent when there are none.
    pub left: Option<Duration>,
}

impl Event for KeysNotFetched<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics.keys_fetched(self.authenticator, false);
        let (authenticator, why) = (&**self.authenticator, Untrusted(self.why.as_bytes()));
        match (self.is_first, self.left) {
            (false, _) => tracing::debug!(authenticator, %why, "the keys of the issuer can still not be fetched"),
            (true, Some(left)) => {
                let left = left.as_secs();
                tracing::warn!(authenticator, %why, usable_seconds = left, "the keys of the issuer cannot be fetched; those known stay in use");
            }
            (true, None) => {
                tracing::warn!(authenticator, %why, "the keys of the issuer cannot be fetched and none are known: its tokens get 503");
            }
        }
    }
}

/// A set that came into force holds keys that are not used.
#[derive(Clone, Copy, Debug)]
pub struct KeysLeftOut<'a> {
    pub authenticator: &'a Arc<str>,
    /// Which, and why. May repeat what the issuer calls them.
    pub left_out: &'a [String],
}

impl Event for KeysLeftOut<'_> {
    fn emit(self, _: &Telemetry) {
        let authenticator = &**self.authenticator;
        let listed = self.left_out.join("; ");
        let keys = Untrusted(listed.as_bytes());
        tracing::info!(authenticator, %keys, "some keys of the issuer are not used: tokens that name one are refused");
    }
}

/// The keys were last fetched so long ago that they are not used any more.
#[derive(Clone, Copy, Debug)]
pub struct KeysExpired<'a> {
    pub authenticator: &'a Arc<str>,
}

impl Event for KeysExpired<'_> {
    fn emit(self, _: &Telemetry) {
        let authenticator = &**self.authenticator;
        tracing::error!(
            authenticator,
            "the keys of the issuer could not be fetched for 24 hours and are not used any more: its tokens get 503"
        );
    }
}

/// Keys that were kept on disk are in use until the issuer answers.
#[derive(Clone, Copy, Debug)]
pub struct KeysRestored<'a> {
    pub authenticator: &'a Arc<str>,
    pub age: Duration,
}

impl Event for KeysRestored<'_> {
    fn emit(self, _: &Telemetry) {
        let (authenticator, age) = (&**self.authenticator, self.age.as_secs());
        tracing::info!(
            authenticator,
            age_seconds = age,
            "using the keys kept from the last run until the issuer answers"
        );
    }
}

/// Keys could not be kept on disk, or what is kept there is not used.
#[derive(Clone, Copy, Debug)]
pub struct KeysNotKept<'a> {
    pub authenticator: &'a Arc<str>,
    pub path: &'a Path,
    pub why: &'a str,
}

impl Event for KeysNotKept<'_> {
    fn emit(self, _: &Telemetry) {
        let (authenticator, path) = (&**self.authenticator, self.path.display());
        let why = Untrusted(self.why.as_bytes());
        tracing::warn!(
            authenticator,
            %path,
            %why,
            "no use of the keys kept on disk: a restart while the issuer is away would begin without keys"
        );
    }
}
