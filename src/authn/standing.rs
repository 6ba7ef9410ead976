//! Whether somebody who was let in may stay: for streams, which outlast the moment at which credentials are judged
//! (METH-05). Comes in: an identity, and what is revoked. Goes out: the moment it ends, or is ended. What belongs to one
//! answer that is soon over has none of this.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::watch;

use super::revocation::{Revocations, What};
use super::{Identity, Known};
use crate::base::clock::Moment;
use crate::base::task::TaskHandle;
use crate::problem::Code;

/// Somebody's right to go on.
pub struct Standing {
    who: Arc<Known>,
    also: Vec<Arc<Known>>,
    /// When the first of their credentials ends.
    ends: Moment,
    revocations: Arc<Revocations>,
    /// Of the revocations that they were last compared with.
    epoch: Option<u64>,
    changed: Change,
}

type Change = Pin<Box<dyn Future<Output = watch::Receiver<u64>>>>;

/// Why somebody may not stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    #[error("the credential has expired")]
    Expired(Code),
    #[error("the {} was revoked", .0.as_str())]
    Revoked(What),
}

impl Lost {
    pub fn code(self) -> Code {
        match self {
            Self::Expired(code) => code,
            Self::Revoked(what) => what.code(),
        }
    }
}

impl Standing {
    /// Who is nobody has nothing to lose.
    pub fn of(identity: &Identity, revocations: &Arc<Revocations>) -> Option<Box<Self>> {
        let Identity::Known { who, also, .. } = identity else {
            return None;
        };
        let ends = also.iter().map(|known| known.ends).fold(who.ends, Moment::min);
        Some(Box::new(Self {
            who: Arc::clone(who),
            also: also.clone(),
            ends,
            revocations: Arc::clone(revocations),
            // What was revoked since they were judged is asked about at the first look.
            epoch: None,
            changed: change(revocations.subscribe()),
        }))
    }

    /// Ready when they may not stay; until then the task is woken when that may have changed.
    pub fn poll_lost(&mut self, task: &TaskHandle) -> Poll<Lost> {
        if task.poll_past(self.ends).is_ready() {
            return Poll::Ready(Lost::Expired(self.expired()));
        }
        loop {
            if let Some(what) = self.revoked() {
                return Poll::Ready(Lost::Revoked(what));
            }
            // At every look: one that has fired and is not waited for again would leave the next change unheard.
            match task.poll_with(|cx| self.changed.as_mut().poll(cx)) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(receiver) => self.changed = change(receiver),
            }
        }
    }

    /// The list is asked again only after it has changed; the epoch is read before.
    fn revoked(&mut self) -> Option<What> {
        let epoch = self.revocations.epoch();
        if self.epoch == Some(epoch) {
            return None;
        }
        let revoked = self
            .all()
            .find_map(|known| self.revocations.is_revoked(&known.authenticator, &known.verified));
        if revoked.is_none() {
            self.epoch = Some(epoch);
        }
        revoked
    }

    fn expired(&self) -> Code {
        let first = self.all().find(|known| known.ends == self.ends).unwrap_or(&self.who);
        let handles = &first.verified.handles;
        match (&handles.key, &handles.session, &handles.token) {
            (Some(_), ..) => Code::KeyExpired,
            (None, Some(_), None) => Code::SessionExpired,
            _ => Code::TokenExpired,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Known>> {
        std::iter::once(&self.who).chain(&self.also)
    }
}

/// The list lives as long as whoever waits for it: the sender is never gone.
fn change(mut receiver: watch::Receiver<u64>) -> Change {
    Box::pin(async move {
        let _changed = receiver.changed().await;
        receiver
    })
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Standing({}, until {:?})", self.who.id(), self.ends)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};
    use std::time::Duration;

    use super::*;
    use crate::authn::principal::{Handles, Verified};
    use crate::authn::revocation::{Revocation, Target};
    use crate::base::clock::{Clock, Timestamp};
    use crate::base::random::Random;
    use crate::base::timers::Timers;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Stage {
        clock: Clock,
        task: TaskHandle,
        woken: Arc<Woken>,
        list: Arc<Revocations>,
    }

    impl Stage {
        fn new() -> Self {
            let clock = Clock::manual(Timestamp::from_millis(0));
            let task = TaskHandle::new(&Timers::new(clock.clone()));
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            task.look_at_clock(&Context::from_waker(&waker));
            let list = Arc::new(Revocations::new(10, &mut Random::counting()));
            Self {
                clock,
                task,
                woken,
                list,
            }
        }

        fn woken(&self) -> usize {
            self.woken.0.load(Ordering::SeqCst)
        }

        fn revoke(&self, what: What, id: &str) {
            let target = Target::new(what, Some("idp"), id).unwrap();
            let revocation = Revocation { target, until: None };
            self.list.revoke(&revocation, self.clock.wall()).unwrap();
        }
    }

    fn known(name: &str, id: &str, handles: Handles, ends: Moment) -> Arc<Known> {
        let verified = Verified {
            handles,
            ..Verified::of(id)
        };
        Arc::new(Known::new(verified, &name.into(), ends, 0).unwrap())
    }

    fn token(id: &str) -> Handles {
        Handles {
            token: Some(id.into()),
            ..Handles::default()
        }
    }

    fn alone(who: Arc<Known>) -> Identity {
        Identity::Known {
            who,
            also: Vec::new(),
            token: None,
        }
    }

    #[test]
    #[doc = "METH-05, CA-03"]
    fn every_change_wakes_and_the_one_that_concerns_it_ends_it() {
        let stage = Stage::new();
        let identity = alone(known("idp", "alice", token("t"), Moment::NEVER));
        let mut standing = Standing::of(&identity, &stage.list).unwrap();
        assert!(standing.poll_lost(&stage.task).is_pending());
        for (number, other) in ["a", "b", "c"].into_iter().enumerate() {
            stage.revoke(What::Token, other);
            assert_eq!(stage.woken(), number + 1);
            assert!(standing.poll_lost(&stage.task).is_pending());
        }
        stage.revoke(What::Subject, "alice");
        assert_eq!(stage.woken(), 4);
        let lost = standing.poll_lost(&stage.task);
        assert_eq!(lost, Poll::Ready(Lost::Revoked(What::Subject)));
        // And it stays so.
        assert_eq!(standing.poll_lost(&stage.task), lost);
    }

    #[test]
    #[doc = "METH-05"]
    fn what_was_revoked_before_the_first_look_counts() {
        let stage = Stage::new();
        stage.revoke(What::Token, "t");
        let identity = alone(known("idp", "alice", token("t"), Moment::NEVER));
        let mut standing = Standing::of(&identity, &stage.list).unwrap();
        let lost = standing.poll_lost(&stage.task);
        assert_eq!(lost, Poll::Ready(Lost::Revoked(What::Token)));
    }

    #[test]
    #[doc = "METH-05"]
    fn the_first_credential_to_end_ends_it() {
        let stage = Stage::new();
        let at = |seconds| Moment::START + Duration::from_secs(seconds);
        let key = Handles {
            key: Some("k".into()),
            ..Handles::default()
        };
        let identity = Identity::Known {
            who: known("idp", "alice", token("t"), at(60)),
            also: vec![known("keys", "billing", key, at(30))],
            token: None,
        };
        let mut standing = Standing::of(&identity, &stage.list).unwrap();
        assert!(standing.poll_lost(&stage.task).is_pending());
        stage.clock.advance(Duration::from_secs(30));
        // Nobody turns the wheel here: a task that has not asked before looks at the clock.
        let task = TaskHandle::new(&Timers::new(stage.clock.clone()));
        let lost = standing.poll_lost(&task);
        assert_eq!(lost, Poll::Ready(Lost::Expired(Code::KeyExpired)));
        assert!(Standing::of(&Identity::Anonymous, &stage.list).is_none());
    }
}
