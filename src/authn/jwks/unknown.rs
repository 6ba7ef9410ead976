//! Key ids that the set does not hold, and the fetches they may bring about. Strangers write key ids, so they must not
//! decide how often the issuer is asked (KEY-03): one fetch in half a minute, counted on time alone, and those who come
//! meanwhile wait for it or go. A flood of invented ids costs a look at two numbers each, and no lock.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::watch;

use crate::base::clock::Moment;

/// Between two fetches that unknown ids brought about.
const APART: Duration = Duration::from_secs(30);
/// How long an id that the issuer did not know brings about nothing: a client with an old token would else spend each of
/// those fetches. Short, because an id may be asked for before its key is published.
const ABSENT_FOR: Duration = Duration::from_secs(60);
/// Ids that are remembered, each of at most [`KID_MAX`] bytes.
const REMEMBERED: usize = 256;
/// No set holds a longer one (JWT-04).
const KID_MAX: usize = 256;

pub(super) struct Unknown {
    /// A moment, in nanoseconds: when an unknown id may next bring about a fetch.
    next: AtomicU64,
    /// Whether such a fetch is wanted or under way.
    pending: AtomicBool,
    state: Mutex<State>,
    rounds: watch::Sender<Rounds>,
}

#[derive(Default)]
struct State {
    /// The fetch that unknown ids wait for.
    forced: Option<u64>,
    /// Who waits for it.
    asked: HashSet<Box<str>, RandomState>,
    /// Ids that the issuer did not know, and until when that is believed.
    absent: HashMap<Box<str>, Moment, RandomState>,
}

/// Fetches, numbered from 1; at most one is under way.
#[derive(Clone, Copy, Debug, Default)]
struct Rounds {
    begun: u64,
    ended: u64,
    /// What comes after a fetch is done, too: there is nothing to do but wait.
    rested: u64,
}

/// What somebody with an unknown id may wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) round: u64,
    /// Whether the fetch has to be told to begin.
    pub(super) begins: bool,
}

impl Default for Unknown {
    fn default() -> Self {
        Self {
            next: AtomicU64::new(0),
            pending: AtomicBool::new(false),
            state: Mutex::default(),
            rounds: watch::Sender::default(),
        }
    }
}

impl Unknown {
    /// `is_empty`: no set was ever fetched, so that any fetch under way may answer.
    pub(super) fn ask(&self, kid: &str, now: Moment, is_empty: bool) -> Option<Asked> {
        let waits = || now.as_nanos() < self.next.load(Ordering::Acquire);
        if kid.len() > KID_MAX || waits() && !self.pending.load(Ordering::Acquire) {
            return None;
        }
        let mut state = self.lock();
        let Rounds { begun, ended, .. } = *self.rounds.borrow();
        if let Some(round) = state.forced {
            state.remember(kid);
            return Some(Asked { round, begins: false });
        }
        if is_empty && begun > ended {
            let round = begun;
            return Some(Asked { round, begins: false });
        }
        if waits() || state.absent.get(kid).is_some_and(|until| now < *until) {
            return None;
        }
        // One that has begun already may have been answered before the key was there.
        let round = begun + 1;
        state.forced = Some(round);
        state.remember(kid);
        self.next.store((now + APART).as_nanos(), Ordering::Release);
        self.pending.store(true, Ordering::Release);
        Some(Asked { round, begins: true })
    }

    pub(super) async fn has_ended(&self, round: u64) {
        let mut rounds = self.rounds.subscribe();
        // The sender is `self` and stays.
        let _ended = rounds.wait_for(|rounds| rounds.ended >= round).await;
    }

    /// Whether somebody waits for a fetch that has not begun.
    pub(super) fn is_wanted(&self) -> bool {
        let state = self.lock();
        let begun = self.rounds.borrow().begun;
        state.forced.is_some_and(|round| round > begun)
    }

    /// A fetch begins.
    pub(super) fn begin(&self) {
        let _state = self.lock();
        self.rounds.send_modify(|rounds| rounds.begun += 1);
    }

    /// The fetch has ended. Whoever still finds his key missing in a set that was fetched for him is told at once, next
    /// time; a set that has changed says nothing about what was missing before.
    pub(super) fn end(&self, outcome: Ended, now: Moment) {
        let mut state = self.lock();
        if outcome == Ended::Changed {
            state.absent.clear();
        }
        let round = self.rounds.borrow().begun;
        if state.forced.is_some_and(|forced| forced <= round) {
            state.forced = None;
            let asked = std::mem::take(&mut state.asked);
            if outcome != Ended::Failed {
                state.believe_absent(asked, now);
            }
            self.pending.store(false, Ordering::Release);
        }
        drop(state);
        self.rounds.send_modify(|rounds| rounds.ended = round);
    }

    /// All is done until the next fetch.
    pub(super) fn rest(&self) {
        self.rounds.send_modify(|rounds| rounds.rested = rounds.ended);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Failed,
    Same,
    Changed,
}

impl State {
    fn remember(&mut self, kid: &str) {
        if self.asked.len() < REMEMBERED && !self.asked.contains(kid) {
            self.asked.insert(kid.into());
        }
    }

    fn believe_absent(&mut self, kids: HashSet<Box<str>, RandomState>, now: Moment) {
        self.absent.retain(|_, until| now < *until);
        let room = REMEMBERED.saturating_sub(self.absent.len());
        let until = now + ABSENT_FOR;
        self.absent.extend(kids.into_iter().take(room).map(|kid| (kid, until)));
    }
}

#[cfg(test)]
impl Unknown {
    pub(super) fn begun(&self) -> u64 {
        self.rounds.borrow().begun
    }

    pub(super) async fn has_rested(&self, round: u64) {
        let mut rounds = self.rounds.subscribe();
        rounds.wait_for(|rounds| rounds.rested >= round).await.unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::START + Duration::from_secs(seconds)
    }

    fn round(unknown: &Unknown, outcome: Ended, now: Moment) {
        unknown.begin();
        unknown.end(outcome, now);
    }

    #[test]
    #[doc = "KEY-03"]
    fn whatever_comes_of_it_a_fetch_is_brought_about_once_in_half_a_minute() {
        for (is_empty, outcome) in [(false, Ended::Same), (false, Ended::Failed), (true, Ended::Failed)] {
            let unknown = Unknown::default();
            let begins = |kid: &str, now| unknown.ask(kid, now, is_empty).is_some_and(|asked| asked.begins);
            assert!(begins("a", at(1)));
            assert!(unknown.is_wanted());
            round(&unknown, outcome, at(1));
            assert!(!unknown.is_wanted());
            assert!(!begins("b", at(2)));
            assert!(!begins("c", at(30)));
            assert!(begins("d", at(31)));
        }
    }

    #[test]
    #[doc = "KEY-03"]
    fn a_failed_start_does_not_spend_the_fetch_of_an_unknown_key() {
        let unknown = Unknown::default();
        unknown.begin();
        let joined = unknown.ask("a", at(0), true).unwrap();
        assert_eq!((joined.round, joined.begins), (1, false));
        unknown.end(Ended::Failed, at(0));
        assert!(unknown.ask("a", at(0), true).unwrap().begins);
    }

    #[test]
    #[doc = "KEY-03"]
    fn who_comes_while_a_fetch_is_wanted_waits_for_the_same_one() {
        let unknown = Unknown::default();
        unknown.begin();
        // The one under way may be too early for the key.
        assert_eq!(unknown.ask("a", at(0), false).unwrap().round, 2);
        let later = unknown.ask("b", at(0), false).unwrap();
        assert_eq!((later.round, later.begins), (2, false));
        unknown.end(Ended::Same, at(0));
        assert!(unknown.is_wanted());
        assert!(!unknown.ask("c", at(1), false).unwrap().begins);
        round(&unknown, Ended::Same, at(1));
        assert!(unknown.ask("d", at(1), false).is_none());
    }

    #[test]
    #[doc = "KEY-03"]
    fn an_id_that_the_issuer_did_not_know_brings_about_nothing_for_a_minute() {
        let unknown = Unknown::default();
        assert!(unknown.ask("old", at(0), false).is_some());
        round(&unknown, Ended::Same, at(20));
        assert!(unknown.ask("old", at(30), false).is_none());
        // It does not spend what somebody else may need.
        assert!(unknown.ask("new", at(30), false).is_some());
        round(&unknown, Ended::Same, at(30));
        assert!(unknown.ask("old", at(79), false).is_none());
        assert!(unknown.ask("old", at(80), false).is_some());
    }

    #[test]
    #[doc = "KEY-04"]
    fn a_set_that_has_changed_says_nothing_about_what_was_missing_before() {
        let unknown = Unknown::default();
        assert!(unknown.ask("old", at(0), false).is_some());
        round(&unknown, Ended::Same, at(20));
        round(&unknown, Ended::Changed, at(25));
        assert!(unknown.ask("old", at(30), false).is_some());
    }

    #[test]
    #[doc = "KEY-03"]
    fn a_failed_fetch_tells_nothing_about_the_id() {
        let unknown = Unknown::default();
        assert!(unknown.ask("a", at(0), false).is_some());
        round(&unknown, Ended::Failed, at(1));
        assert!(unknown.ask("a", at(30), false).is_some());
    }

    #[test]
    #[doc = "KEY-03"]
    fn what_is_remembered_of_ids_is_bounded() {
        let unknown = Unknown::default();
        for number in 0..10_000 {
            unknown.ask(&format!("{number:0>250}"), at(0), false);
        }
        assert_eq!(unknown.lock().asked.len(), REMEMBERED);
        round(&unknown, Ended::Same, at(0));
        for number in 0..10_000 {
            unknown.ask(&format!("other {number}"), at(30), false);
        }
        round(&unknown, Ended::Same, at(30));
        let state = unknown.lock();
        assert_eq!((state.asked.len(), state.absent.len()), (0, REMEMBERED));
        drop(state);
        assert!(unknown.ask(&"x".repeat(KID_MAX + 1), at(90), false).is_none());
    }
}
