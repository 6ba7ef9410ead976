//! The servers behind the gateway: which there are, where they live, and the connections to them.
//!
//! [`Upstream`] and [`Target`] are shared by all workers and outlive a snapshot while their settings stay; [`Pools`]
//! belongs to one worker. Nothing here knows what a route or a principal is.

mod conn;
mod connect;
mod http2;
mod interim;
mod io;
mod pool;
mod resolve;
mod target;

pub use conn::{Conn, Detached, ExchangeFailed};
pub use connect::ConnectFailed;
pub use http2::{Call, CallFailed, Http2Pools, Parcel, Room};
pub use pool::{Nudges, Pools, TakeFailed};
pub use resolve::Resolver;
pub use target::{InFlight, Target};

pub use crate::base::resolve::{Resolve, SystemResolver};

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::spec::{ServersSpec, UpstreamProtocol, UpstreamTimeouts};

/// One named upstream with its servers.
#[derive(Debug)]
pub struct Upstream {
    pub name: Arc<str>,
    pub protocol: UpstreamProtocol,
    pub timeouts: UpstreamTimeouts,
    targets: Vec<Arc<Target>>,
    /// Where the search for the least busy target begins, so that idle targets take turns.
    turn: AtomicUsize,
}

impl Upstream {
    pub fn new(name: Arc<str>, spec: &ServersSpec, resolver: &Resolver) -> Self {
        let targets = spec
            .targets
            .iter()
            .map(|target| Arc::new(Target::new(target, spec, resolver)))
            .collect();
        Self {
            name,
            protocol: spec.protocol,
            timeouts: spec.timeouts,
            targets,
            turn: AtomicUsize::new(0),
        }
    }

    pub fn targets(&self) -> &[Arc<Target>] {
        &self.targets
    }

    /// The target with the fewest requests under way for its weight, among those not yet `tried`.
    pub fn choose(&self, tried: Tried) -> Option<&Arc<Target>> {
        if let [only] = self.targets.as_slice() {
            return (!tried.contains(0)).then_some(only);
        }
        let start = self.turn.fetch_add(1, Ordering::Relaxed) % self.targets.len();
        let rotated = self
            .targets
            .iter()
            .enumerate()
            .skip(start)
            .chain(self.targets.iter().enumerate().take(start));
        rotated
            .filter(|(index, _)| !tried.contains(*index))
            .min_by_key(|(_, target)| target.load())
            .map(|(_, t)| t)
    }

    /// `tried` and `target` too.
    pub fn mark(&self, tried: Tried, target: &Arc<Target>) -> Tried {
        let index = self.targets.iter().position(|candidate| Arc::ptr_eq(candidate, target));
        index.map_or(tried, |index| tried.with(index))
    }

    /// Whether requests under way must be counted: with one target there is nothing to choose.
    pub fn counts_requests(&self) -> bool {
        self.targets.len() > 1
    }
}

/// The targets one request has been refused by. Targets beyond the 64th are tried once and never twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried(u64);

impl Tried {
    fn contains(self, index: usize) -> bool {
        index >= 64 && self.0 != 0 || index < 64 && self.0 & (1 << index) != 0
    }

    fn with(self, index: usize) -> Self {
        Self(self.0 | 1 << index.min(63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::spec::{TargetHost, TargetSpec};
    use std::num::NonZeroUsize;
    use std::time::Duration;

    fn upstream(weights: &[u32]) -> Upstream {
        let targets = weights
            .iter()
            .map(|&weight| TargetSpec {
                host: TargetHost::Address("127.0.0.1".parse().unwrap()),
                port: 9,
                weight,
            })
            .collect();
        let second = Duration::from_secs(1);
        let spec = ServersSpec {
            targets,
            protocol: UpstreamProtocol::Http1,
            timeouts: UpstreamTimeouts {
                connect: second,
                response: second,
                idle: second,
            },
            max_connections: NonZeroUsize::MIN,
            max_pending: 0,
        };
        Upstream::new("test".into(), &spec, &Resolver::offline())
    }

    #[test]
    fn the_least_busy_target_for_its_weight_is_chosen() {
        let upstream = upstream(&[1, 2]);
        let mut chosen = [0, 0];
        let mut held = Vec::new();
        for _ in 0..30 {
            let target = upstream.choose(Tried::default()).unwrap();
            let index = upstream.targets.iter().position(|t| Arc::ptr_eq(t, target)).unwrap();
            chosen[index] += 1;
            held.push(InFlight::new(Arc::clone(target)));
        }
        assert_eq!(chosen, [10, 20]);
    }

    #[test]
    fn idle_targets_take_turns_and_tried_ones_are_left_out() {
        let upstream = upstream(&[1, 1, 1]);
        let first = Arc::clone(upstream.choose(Tried::default()).unwrap());
        let second = Arc::clone(upstream.choose(Tried::default()).unwrap());
        assert!(!Arc::ptr_eq(&first, &second));
        let mut tried = Tried::default();
        for _ in 0..3 {
            let target = Arc::clone(upstream.choose(tried).unwrap());
            tried = upstream.mark(tried, &target);
        }
        assert!(upstream.choose(tried).is_none());
    }
}
