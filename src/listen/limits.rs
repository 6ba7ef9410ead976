//! How many clients may be connected, in all and from one address, counted over all workers (RS-03).

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::base::peer::{Peer, Trusted};
use crate::config::spec::Connections;

/// The connections of all workers.
#[derive(Debug, Default)]
pub struct ConnectionCount {
    open: AtomicUsize,
    /// Told when the last connection is gone.
    emptied: Notify,
    /// Seeded: strangers choose the keys.
    by_address: Mutex<HashMap<IpAddr, NonZeroUsize, foldhash::quality::RandomState>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    TooMany,
    TooManyFromAddress,
}

impl ConnectionCount {
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Ready when no connection is open.
    pub async fn none_open(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.open() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Count a connection in the total, or refuse it.
    pub fn enter(self: &Arc<Self>, limits: Connections) -> Result<Entered, Refused> {
        // Counted before it is compared, so that workers that accept at the same time cannot both take the last place.
        let entered = Entered {
            count: Arc::clone(self),
            address: None,
        };
        if self.open.fetch_add(1, Ordering::Relaxed) >= limits.max.get() {
            return Err(Refused::TooMany);
        }
        Ok(entered)
    }
}

/// One counted connection, until it is dropped.
#[derive(Debug)]
pub struct Entered {
    count: Arc<ConnectionCount>,
    address: Option<IpAddr>,
}

impl Entered {
    /// Count the connection among those of `peer` too, or refuse it. A trusted proxy speaks for many clients, and who
    /// comes through a unix socket has no address: they count in the total only.
    pub fn counted_for(mut self, peer: Peer, trusted: &Trusted, limits: Connections) -> Result<Self, Refused> {
        let Peer::Ip(address) = peer else { return Ok(self) };
        if trusted.contains(peer) || self.address == Some(address) {
            return Ok(self);
        }
        let mut by_address = self.count.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let open = by_address.get(&address).map_or(0, |open| open.get());
        if open >= limits.per_address.get() {
            return Err(Refused::TooManyFromAddress);
        }
        by_address.insert(address, NonZeroUsize::MIN.saturating_add(open));
        drop(by_address);
        self.address = Some(address);
        Ok(self)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.count.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.count.emptied.notify_waiters();
        }
        let Some(address) = self.address else { return };
        let mut by_address = self.count.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        match by_address
            .get(&address)
            .and_then(|open| NonZeroUsize::new(open.get() - 1))
        {
            Some(left) => drop(by_address.insert(address, left)),
            None => drop(by_address.remove(&address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::net::AddressSet;

    fn limits(max: usize, per_address: usize) -> Connections {
        Connections {
            max: NonZeroUsize::new(max).unwrap(),
            per_address: NonZeroUsize::new(per_address).unwrap(),
        }
    }

    fn enter(count: &Arc<ConnectionCount>, from: Peer, limits: Connections) -> Result<Entered, Refused> {
        let proxies = AddressSet::new(["10.0.0.0/8".parse().unwrap()]);
        count
            .enter(limits)?
            .counted_for(from, &Trusted::new(proxies, false), limits)
    }

    fn ip(address: &str) -> Peer {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_place_that_is_given_up_can_be_taken_again() {
        let count = Arc::<ConnectionCount>::default();
        let here = ip("192.0.2.1");
        let first = enter(&count, here, limits(10, 1)).unwrap();
        assert_eq!(
            enter(&count, here, limits(10, 1)).unwrap_err(),
            Refused::TooManyFromAddress
        );
        assert_eq!(count.open(), 1);
        drop(first);
        assert!(enter(&count, here, limits(10, 1)).is_ok());
        assert!(count.by_address.lock().unwrap().is_empty());
    }

    #[test]
    #[doc = "RS-03"]
    fn the_total_counts_everybody_and_the_address_limit_spares_trusted_proxies_and_unix_peers() {
        for spared in [ip("10.0.0.1"), Peer::Unix] {
            let count = Arc::<ConnectionCount>::default();
            let _held: Vec<_> = (0..3).map(|_| enter(&count, spared, limits(3, 1)).unwrap()).collect();
            let stranger = enter(&count, ip("192.0.2.1"), limits(3, 1));
            assert_eq!(stranger.unwrap_err(), Refused::TooMany);
            assert_eq!(count.open(), 3);
        }
    }

    #[test]
    fn a_mapped_address_is_counted_as_the_address_it_holds() {
        let count = Arc::<ConnectionCount>::default();
        let _first = enter(&count, ip("192.0.2.1"), limits(9, 1)).unwrap();
        assert!(enter(&count, ip("::ffff:192.0.2.1"), limits(9, 1)).is_err());
    }
}
