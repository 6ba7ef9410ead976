//! What the gateway tells about itself: events in, log lines and numbers out. Knows what may be said and how often;
//! refuses to know why it happened, and never holds a request up.

pub mod access_log;
pub mod admin_events;
mod escape;
pub mod events;
pub mod key_events;
pub mod health;
pub mod logging;
pub mod metrics;
mod reporter;
mod sampling;
mod sink;
mod time;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use escape::Untrusted;
pub use reporter::Reporter;
pub use sink::Sink;

use access_log::AccessLog;
use events::{ConnectionEnd, Event};
use metrics::Metrics;
use sampling::Sampler;

use crate::base::clock::Clock;

/// Made once, shared by everybody.
pub struct Telemetry {
    clock: Clock,
    metrics: Arc<Metrics>,
    access_log: AccessLog,
    /// One for each [`ConnectionEnd`], in their order.
    connection_lines: [Sampler; ConnectionEnd::ALL.len()],
    panic_lines: Sampler,
    admin_lines: Sampler,
}

impl Telemetry {
    /// Starts the writer of the access log, whose lines go to `access`.
    pub fn start(clock: Clock, access: Sink) -> io::Result<Arc<Self>> {
        let metrics = Arc::new(Metrics::default());
        let access_log = AccessLog::start(access, Arc::clone(&metrics))?;
        Ok(Arc::new(Self {
            clock,
            metrics,
            access_log,
            connection_lines: Default::default(),
            panic_lines: Sampler::default(),
            admin_lines: Sampler::default(),
        }))
    }

    /// The reporter of one more worker.
    pub fn reporter(self: &Arc<Self>) -> Reporter {
        Reporter::new(Arc::clone(self))
    }

    /// Write the event's log line and move its number.
    pub fn emit(&self, event: impl Event) {
        event.emit(self);
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Write what the access log still holds, and end it. False if the sink did not take it within `patience`.
    pub fn close_access_log(&self, patience: Duration) -> bool {
        self.access_log.close(patience)
    }

    fn sampled(&self, end: ConnectionEnd) -> Option<u64> {
        self.connection_lines
            .get(end as usize)
            .and_then(|sampler| sampler.admit(self.clock.now()))
    }

    fn sampled_admin(&self) -> Option<u64> {
        self.admin_lines.admit(self.clock.now())
    }

    fn sampled_panic(&self) -> Option<u64> {
        self.panic_lines.admit(self.clock.now())
    }
}
