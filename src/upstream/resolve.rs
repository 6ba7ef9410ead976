//! Host names to addresses: looked up in the background, again and again, and never on the request path.
//!
//! A name that stops resolving keeps its last known addresses; a name that never resolved has none.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

use crate::base::resolve::Resolve;
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::spec::TargetHost;

/// The system's resolver tells no TTL; a few seconds is what moving a service by DNS commonly expects.
const REFRESH: Duration = Duration::from_secs(10);

/// How long a name that does not resolve is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// Starts and feeds the lookups.
#[derive(Clone)]
pub struct Resolver {
    background: Option<Background>,
}

#[derive(Clone)]
struct Background {
    resolve: Arc<dyn Resolve>,
    timers: Timers,
    tasks: Tasks,
    runtime: tokio::runtime::Handle,
}

impl Resolver {
    pub fn new(resolve: Arc<dyn Resolve>, timers: Timers, tasks: Tasks, runtime: tokio::runtime::Handle) -> Self {
        Self {
            background: Some(Background {
                resolve,
                timers,
                tasks,
                runtime,
            }),
        }
    }

    /// Knows addresses only; a name never resolves.
    pub fn offline() -> Self {
        Self { background: None }
    }

    /// The addresses of `host`, kept fresh for as long as somebody holds them.
    pub(super) fn watch(&self, host: &TargetHost, port: u16) -> Addresses {
        let (settled, first) = watch::channel(!matches!(host, TargetHost::Name(_)));
        let known = match host {
            TargetHost::Address(address) => vec![SocketAddr::new(*address, port)],
            TargetHost::Name(_) | TargetHost::Unix(_) => Vec::new(),
        };
        let shared = Arc::new(Known {
            addresses: ArcSwap::from_pointee(known),
            generation: AtomicU64::new(0),
            look_again: Notify::new(),
        });
        if let (TargetHost::Name(name), Some(background)) = (host, &self.background) {
            let task = refresh(
                Arc::clone(name),
                port,
                Arc::downgrade(&shared),
                settled,
                background.clone(),
            );
            let _entered = background.runtime.enter();
            background.tasks.spawn("resolve", task);
        }
        Addresses { shared, first }
    }
}

/// What is known of a target's addresses right now.
#[derive(Debug)]
pub(super) struct Addresses {
    shared: Arc<Known>,
    /// True once the first lookup has ended, well or badly; closed when none ever comes.
    first: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Known {
    addresses: ArcSwap<Vec<SocketAddr>>,
    /// Moves when the addresses change.
    generation: AtomicU64,
    look_again: Notify,
}

impl Addresses {
    /// The addresses, once the first lookup has ended.
    pub(super) async fn settled(&self) -> Arc<Vec<SocketAddr>> {
        let mut first = self.first.clone();
        // An error means that nobody looks: what is known is all there will be.
        let _settled = first.wait_for(|settled| *settled).await;
        self.shared.addresses.load_full()
    }

    pub(super) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Relaxed)
    }

    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        self.shared.addresses.load().contains(&address)
    }

    /// No address answered: look the name up again before the usual time.
    pub(super) fn distrust(&self) {
        self.shared.look_again.notify_one();
    }
}

async fn refresh(name: Arc<str>, port: u16, known: Weak<Known>, settled: watch::Sender<bool>, background: Background) {
    let Background { resolve, timers, .. } = background;
    let mut reported = false;
    loop {
        let found = resolve.resolve(Arc::clone(&name)).await;
        let Some(known) = known.upgrade() else { return };
        let pause = match found {
            Ok(addresses) if !addresses.is_empty() => {
                let mut fresh: Vec<_> = addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
                fresh.dedup();
                if **known.addresses.load() != fresh {
                    known.addresses.store(Arc::new(fresh));
                    known.generation.fetch_add(1, Ordering::Relaxed);
                }
                reported = false;
                REFRESH
            }
            outcome => {
                if !reported {
                    let reason = outcome
                        .err()
                        .map_or_else(|| "no addresses".to_owned(), |error| error.to_string());
                    tracing::warn!(name = &*name, reason, "an upstream's host name does not resolve");
                    reported = true;
                }
                RETRY
            }
        };
        settled.send_replace(true);
        let again = known.look_again.notified();
        tokio::pin!(again);
        // At most one lookup a second, however often somebody asks.
        timers.sleep(RETRY.min(pause)).await;
        let _early = timers.within(pause.saturating_sub(RETRY), again).await;
    }
}
