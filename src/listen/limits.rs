//! How many clients may be connected, in all and from one address, counted over all workers (RS-03).

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::base::net::canonical;
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

    /// Count a connection from `address`, or refuse it. A trusted proxy speaks for many clients, so its connections
    /// count in the total only.
    pub fn enter(self: &Arc<Self>, address: IpAddr, trusted: bool, limits: Connections) -> Result<Entered, Refused> {
        // Counted before it is compared, so that workers that accept at the same time cannot both take the last place.
        let mut entered = Entered {
            count: Arc::clone(self),
            address: None,
        };
        if self.open.fetch_add(1, Ordering::Relaxed) >= limits.max.get() {
            return Err(Refused::TooMany);
        }
        if !trusted {
            let address = canonical(address);
            let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            let open = by_address.get(&address).map_or(0, |open| open.get());
            if open >= limits.per_address.get() {
                return Err(Refused::TooManyFromAddress);
            }
            by_address.insert(address, NonZeroUsize::MIN.saturating_add(open));
            drop(by_address);
            entered.address = Some(address);
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

    fn limits(max: usize, per_address: usize) -> Connections {
        Connections {
            max: NonZeroUsize::new(max).unwrap(),
            per_address: NonZeroUsize::new(per_address).unwrap(),
        }
    }

    #[test]
    fn a_place_that_is_given_up_can_be_taken_again() {
        let count = Arc::<ConnectionCount>::default();
        let here = "192.0.2.1".parse().unwrap();
        let first = count.enter(here, false, limits(10, 1)).unwrap();
        assert_eq!(
            count.enter(here, false, limits(10, 1)).unwrap_err(),
            Refused::TooManyFromAddress
        );
        assert_eq!(count.open(), 1);
        drop(first);
        assert!(count.enter(here, false, limits(10, 1)).is_ok());
        assert!(count.by_address.lock().unwrap().is_empty());
    }

    #[test]
    fn the_total_counts_everybody_and_the_address_limit_spares_trusted_proxies() {
        let count = Arc::<ConnectionCount>::default();
        let proxy = "10.0.0.1".parse().unwrap();
        let _held: Vec<_> = (0..3)
            .map(|_| count.enter(proxy, true, limits(3, 1)).unwrap())
            .collect();
        let stranger = "192.0.2.1".parse().unwrap();
        assert_eq!(
            count.enter(stranger, false, limits(3, 1)).unwrap_err(),
            Refused::TooMany
        );
        assert_eq!(count.open(), 3);
    }

    #[test]
    fn a_mapped_address_is_counted_as_the_address_it_holds() {
        let count = Arc::<ConnectionCount>::default();
        let _first = count.enter("192.0.2.1".parse().unwrap(), false, limits(9, 1)).unwrap();
        assert!(
            count
                .enter("::ffff:192.0.2.1".parse().unwrap(), false, limits(9, 1))
                .is_err()
        );
    }
}
