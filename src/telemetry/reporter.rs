//! A worker's mouth: what it has to say about requests and connections, without a lock that others hold.

use std::sync::Arc;

use super::Telemetry;
use super::access_log::AccessLogQueue;
use super::events::{AccessLine, Event, Finished, Lookups};
use super::metrics::{OpenConnection, Shard, UpstreamConnection};

/// Made by [`Telemetry::reporter`] on the worker's own thread, and stays there.
pub struct Reporter {
    telemetry: Arc<Telemetry>,
    shard: Shard,
    queue: AccessLogQueue,
}

impl Reporter {
    pub(super) fn new(telemetry: Arc<Telemetry>) -> Self {
        let shard = telemetry.metrics.shard();
        let queue = telemetry.access_log.queue(Arc::clone(shard.numbers()));
        Self {
            telemetry,
            shard,
            queue,
        }
    }

    /// A request has ended: count it, and leave its line for the access log.
    pub fn finished(&self, event: &Finished<'_>) {
        let counted = self.shard.count(event);
        if event.access_log == AccessLine::Written {
            self.queue.push(event, counted);
        }
    }

    /// Somebody was looked for among the remembered verdicts.
    pub fn looked_up(&self, lookups: Lookups) {
        self.shard.looked_up(lookups);
    }

    pub fn emit(&self, event: impl Event) {
        self.telemetry.emit(event);
    }

    /// Count a client's connection as open until the guard is dropped.
    pub fn open_connection(&self) -> OpenConnection {
        self.shard.open_connection()
    }

    /// Count a connection to the upstream `name` until the guard is dropped.
    pub fn upstream_connection(&self, name: &Arc<str>) -> UpstreamConnection {
        self.shard.upstream_connection(name)
    }
}
