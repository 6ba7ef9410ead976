//! The task that keeps one set fresh. It alone replaces the set; it ends when nobody holds the set any more.

use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use tokio::sync::Notify;

use super::fetch::{FetchError, Fetched, Fetcher};
use super::kept::{Kept, KeptError};
use super::remote::{Shared, USABLE};
use super::unknown::Ended;
use super::{Parsed, Reading};
use crate::authn::jose::algorithm::Algorithm;
use crate::base::background::Background;
use crate::base::clock::{Moment, Timestamp};
use crate::base::random::Random;
use crate::telemetry::Telemetry;
use crate::telemetry::key_events::{
    KeyChange, KeysExpired, KeysFetched, KeysLeftOut, KeysNotFetched, KeysNotKept, KeysRestored,
};

/// After the first failed fetch, doubled with each further one.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(30);
/// A set that stays the same is written again after this long: its age counts after a restart.
const WRITE_AGAIN: Duration = Duration::from_secs(60 * 60);
/// For a disk that does not answer.
const DISK_PATIENCE: Duration = Duration::from_secs(5);
/// A kept set that says it was fetched later than this from now was not written by a clock to go by.
const SKEW: Duration = Duration::from_secs(5 * 60);

pub(super) struct Refresh<T> {
    pub(super) shared: Weak<Shared<T>>,
    pub(super) wanted: Arc<Notify>,
    pub(super) fetcher: Fetcher<T>,
    pub(super) kept: Kept,
    pub(super) reading: Reading<T>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) authenticator: Arc<str>,
    pub(super) background: Background,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) random: Random,
}

/// What the task remembers from one fetch to the next.
#[derive(Default)]
struct Progress {
    /// In a row.
    failures: u32,
    /// What is on disk, and of when.
    written: Option<([u8; 32], Timestamp)>,
    told_of_disk: bool,
}

impl<T: Send + Sync + 'static> Refresh<T> {
    pub(super) async fn run(mut self) {
        let mut progress = Progress::default();
        self.restore(&mut progress).await;
        loop {
            match self.shared.upgrade() {
                Some(shared) => shared.unknown().begin(),
                None => return,
            }
            // The set is not held meanwhile, so that it can go.
            let fetched = self.fetcher.fetch().await;
            let ControlFlow::Continue(next) = self.settle(fetched, &mut progress).await else {
                return;
            };
            if self.rest(next).await.is_break() {
                return;
            }
        }
    }

    /// Take what came, and say when to fetch again.
    async fn settle(
        &mut self,
        fetched: Result<Fetched<T>, FetchError>,
        progress: &mut Progress,
    ) -> ControlFlow<(), Moment> {
        let Some(shared) = self.shared.upgrade() else {
            return ControlFlow::Break(());
        };
        let now = self.now();
        match fetched {
            Ok(fetched) => {
                let pause = self.jittered(fetched.fresh_for);
                let text = fetched.text.clone();
                self.accept(&shared, fetched, progress);
                drop(shared);
                self.keep(&text, progress).await;
                ControlFlow::Continue(now + pause)
            }
            Err(error) => {
                let pause = self.jittered(retry_after(progress.failures));
                self.endure(&shared, &error, progress);
                ControlFlow::Continue(now + pause)
            }
        }
    }

    fn accept(&self, shared: &Shared<T>, fetched: Fetched<T>, progress: &mut Progress) {
        let fingerprint = fingerprint(&fetched.text);
        let change = shared.accept(fetched.set.set, fingerprint, self.wall(), Duration::ZERO);
        shared.set_reachable(true);
        self.telemetry.emit(KeysFetched {
            authenticator: &self.authenticator,
            change,
            recovered: progress.failures > 0,
        });
        if change != KeyChange::Same {
            self.tell_left_out(&fetched.set.left_out);
        }
        progress.failures = 0;
        let outcome = match change {
            KeyChange::Same => Ended::Same,
            KeyChange::First | KeyChange::Other => Ended::Changed,
        };
        shared.unknown().end(outcome, self.now());
    }

    fn endure(&self, shared: &Shared<T>, error: &FetchError, progress: &mut Progress) {
        shared.set_reachable(false);
        let left = shared.left();
        self.telemetry.emit(KeysNotFetched {
            authenticator: &self.authenticator,
            why: &error.to_string(),
            is_first: progress.failures == 0,
            left,
        });
        if left.is_some_and(|left| left.is_zero()) {
            shared.forget();
            self.telemetry.emit(KeysExpired {
                authenticator: &self.authenticator,
            });
        }
        progress.failures = progress.failures.saturating_add(1);
        shared.unknown().end(Ended::Failed, self.now());
    }

    /// Until `next`, or until somebody wants a fetch before that. Breaks when nobody holds the set any more.
    async fn rest(&self, next: Moment) -> ControlFlow<()> {
        if let Some(shared) = self.shared.upgrade() {
            shared.unknown().rest();
        }
        loop {
            let woken = self.timers().before(next, self.wanted.notified()).await;
            let Some(shared) = self.shared.upgrade() else {
                return ControlFlow::Break(());
            };
            if woken.is_none() || shared.unknown().is_wanted() {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Begin with what was kept, unless it is too old.
    async fn restore(&mut self, progress: &mut Progress) {
        let kept = self.kept.clone();
        match self.on_disk(move || kept.read()).await {
            Ok(None) => {}
            Ok(Some((fetched, text))) => {
                if let Err(why) = self.take_kept(fetched, &text) {
                    self.tell_of_disk(&why, progress);
                } else {
                    progress.written = Some((fingerprint(&text), fetched));
                }
            }
            Err(why) => self.tell_of_disk(&why, progress),
        }
    }

    fn take_kept(&self, fetched: Timestamp, text: &[u8]) -> Result<(), String> {
        let now = self.wall();
        let ahead = Duration::from_millis(fetched.as_millis().saturating_sub(now.as_millis()));
        if ahead > SKEW {
            return Err("it is dated in the future".to_owned());
        }
        let age = Duration::from_millis(now.as_millis().saturating_sub(fetched.as_millis()));
        let Parsed { set, left_out } = (self.reading.parse)(text, &self.algorithms)?;
        if age >= USABLE || (self.reading.is_empty)(&set) {
            return Ok(());
        }
        if let Some(shared) = self.shared.upgrade() {
            shared.accept(set, fingerprint(text), fetched, age);
            let authenticator = &self.authenticator;
            self.telemetry.emit(KeysRestored { authenticator, age });
            self.tell_left_out(&left_out);
        }
        Ok(())
    }

    fn tell_left_out(&self, left_out: &[String]) {
        if !left_out.is_empty() {
            self.telemetry.emit(KeysLeftOut {
                authenticator: &self.authenticator,
                left_out,
            });
        }
    }

    /// Write down what was just fetched, if that says more than what is written.
    async fn keep(&mut self, text: &[u8], progress: &mut Progress) {
        let (now, fingerprint) = (self.wall(), fingerprint(text));
        let is_news = progress.written.is_none_or(|(written, at)| {
            let age = Duration::from_millis(now.as_millis().saturating_sub(at.as_millis()));
            written != fingerprint || age >= WRITE_AGAIN || at > now
        });
        if !is_news {
            return;
        }
        let (kept, text, nonce) = (self.kept.clone(), text.to_vec(), self.random.bytes());
        match self.on_disk(move || kept.write(now, &text, nonce)).await {
            Ok(()) => progress.written = Some((fingerprint, now)),
            Err(why) => self.tell_of_disk(&why, progress),
        }
    }

    async fn on_disk<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<R, KeptError> + Send + 'static,
    ) -> Result<R, String> {
        let done = self.timers().within(DISK_PATIENCE, self.background.block(work)).await;
        match done {
            Some(Ok(outcome)) => outcome.map_err(|error| error.to_string()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("the disk does not answer".to_owned()),
        }
    }

    /// Once: without the disk everything works but a start while the issuer is away.
    fn tell_of_disk(&self, why: &str, progress: &mut Progress) {
        if !std::mem::replace(&mut progress.told_of_disk, true) {
            self.telemetry.emit(KeysNotKept {
                authenticator: &self.authenticator,
                path: self.kept.file(),
                why,
            });
        }
    }

    /// Up to a tenth sooner, so that gateways that were started together do not ask together for ever.
    fn jittered(&mut self, span: Duration) -> Duration {
        let share = u32::from(u16::from_be_bytes(self.random.bytes()));
        span - span / 10 * share / u32::from(u16::MAX)
    }

    fn timers(&self) -> &crate::base::timers::Timers {
        self.background.timers()
    }

    fn now(&self) -> Moment {
        self.timers().now()
    }

    fn wall(&self) -> Timestamp {
        self.timers().clock().wall()
    }
}

/// The pause after so many failures in a row before this one.
fn retry_after(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    RETRY_FIRST.saturating_mul(doubled).min(RETRY_LONGEST)
}

/// Of what a set says: spaces, the order of its keys and what stands beside them are no change of it.
pub(super) fn fingerprint(text: &[u8]) -> [u8; 32] {
    let keys =
        serde_json::from_slice::<Value>(text)
            .ok()
            .and_then(|mut set| match set.get_mut("keys").map(Value::take) {
                Some(Value::Array(keys)) => Some(keys),
                _ => None,
            });
    let digested = match keys {
        Some(keys) => {
            let mut keys: Vec<String> = keys.iter().map(Value::to_string).collect();
            keys.sort_unstable();
            digest(&SHA256, keys.join("\n").as_bytes())
        }
        None => digest(&SHA256, text),
    };
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digested.as_ref());
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "KEY-03"]
    fn failures_are_tried_again_from_a_quarter_of_a_second_up_to_half_a_minute() {
        let pauses: Vec<u128> = (0..9).map(|failures| retry_after(failures).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(retry_after(u32::MAX), RETRY_LONGEST);
    }

    #[test]
    #[doc = "KEY-04"]
    fn only_the_keys_themselves_make_a_set_another_one() {
        let one = fingerprint(br#"{"keys":[{"kid":"a","n":"1"},{"kid":"b"}]}"#);
        for same in [
            r#"{ "keys" : [ {"n":"1", "kid":"a"}, {"kid":"b"} ] }"#,
            r#"{"keys":[{"kid":"b"},{"kid":"a","n":"1"}],"issued":7}"#,
        ] {
            assert_eq!(fingerprint(same.as_bytes()), one, "{same}");
        }
        for other in [
            r#"{"keys":[{"kid":"a","n":"2"},{"kid":"b"}]}"#,
            r#"{"keys":[{"kid":"a","n":"1"}]}"#,
            r#"{"keys":[]}"#,
            r#"{"keys":{}}"#,
            "no JSON",
        ] {
            assert_ne!(fingerprint(other.as_bytes()), one, "{other}");
        }
    }
}
