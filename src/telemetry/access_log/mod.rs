//! One JSON line for each request, written off the hot path. A worker leaves a small record in a lane of its own; one
//! thread collects the lanes a few dozen times a second, makes lines of the records and writes them in large pieces.
//!
//! Nothing here can hold a request up: a full lane drops the record, a broken pipe loses the lines, and both are counted.

mod line;
mod writer;

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use http::Method;

use super::escape::cut;
use super::events::{Decision, Finished};
use super::metrics::{Counted, Metrics, ShardNumbers};
use super::sink::Sink;
use crate::base::clock::Timestamp;
use crate::problem::Code;

/// What a lane holds at most: at fifty thousand requests a second a third of a second, about 3 MiB.
const RECORDS_MAX: usize = 16 * 1024;
/// Of texts beside the records, when strangers send long ones.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// The writer is woken before its time when a lane gets this full.
const RECORDS_URGENT: usize = RECORDS_MAX / 4;

/// The running log.
pub struct AccessLog {
    shared: Arc<Shared>,
    /// Says nothing; it ends when the writer has.
    ended: Mutex<mpsc::Receiver<()>>,
}

struct Shared {
    lanes: Mutex<Vec<Arc<Lane>>>,
    metrics: Arc<Metrics>,
    writer: OnceLock<Thread>,
    /// The writer waits until somebody wakes it.
    writer_rests: AtomicBool,
    closed: AtomicBool,
}

impl Shared {
    fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    fn drop_lines(&self, lines: u64) {
        self.metrics.access_lines_dropped.add(lines);
    }
}

/// What one worker left for the writer.
struct Lane {
    pending: Mutex<Pending>,
    numbers: Arc<ShardNumbers>,
}

impl Lane {
    /// Never waited for long: the writer holds it for an exchange of two pointers.
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Pending {
    records: Vec<Record>,
    /// The texts of the records (request id, trace id, host, principal), one after the other.
    texts: Vec<u8>,
}

/// A request, without anything that would have to be counted up and down across threads: labels are places in the
/// worker's list of series, the texts lie beside.
struct Record {
    at: Timestamp,
    client_ip: Option<IpAddr>,
    counted: Counted,
    bytes: u64,
    micros: u64,
    request_id_len: u16,
    trace_id_len: u16,
    host_len: Option<u16>,
    principal_len: Option<u16>,
    decision: Option<Decision>,
    code: Option<Code>,
    rest: Option<Box<Rest>>,
}

/// What most requests do not have.
#[derive(Default)]
struct Rest {
    reason: Option<Box<str>>,
    labels: Option<OwnLabels>,
}

/// Where the label of a series stands for several.
struct OwnLabels {
    route: Option<Arc<str>>,
    method: Method,
    status: u16,
    authenticator: Option<Arc<str>>,
}

impl AccessLog {
    /// Start the writer.
    pub fn start(sink: Sink, metrics: Arc<Metrics>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            lanes: Mutex::default(),
            metrics,
            writer: OnceLock::new(),
            writer_rests: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        let (alive, ended) = mpsc::channel();
        let of_writer = Arc::clone(&shared);
        thread::Builder::new().name("access-log".into()).spawn(move || {
            let _alive: mpsc::Sender<()> = alive;
            writer::Writer::new(of_writer, sink).run();
        })?;
        Ok(Self {
            shared,
            ended: Mutex::new(ended),
        })
    }

    /// The lane of one more worker, whose shard `numbers` are.
    pub(super) fn queue(&self, numbers: Arc<ShardNumbers>) -> AccessLogQueue {
        let lane = Arc::new(Lane {
            pending: Mutex::default(),
            numbers,
        });
        self.shared
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&lane));
        AccessLogQueue {
            lane,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Write what was left so far and end. What a worker leaves later is lost and counted.
    ///
    /// Waits for the sink at most `patience`; false if it was not enough.
    pub fn close(&self, patience: Duration) -> bool {
        self.end();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected)
    }
}

impl AccessLog {
    fn end(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.wake();
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.end();
    }
}

/// A worker's end of the log.
pub(super) struct AccessLogQueue {
    lane: Arc<Lane>,
    shared: Arc<Shared>,
}

impl AccessLogQueue {
    pub(super) fn push(&self, event: &Finished<'_>, counted: Counted) {
        let record = Record::of(event, counted);
        let host = event.host.map_or(&[][..], cut);
        let principal = principal(event).map_or(&[][..], cut);
        let mut pending = self.lane.pending();
        let before = pending.records.len();
        let texts = [
            cut(event.request_id.as_bytes()),
            cut(event.trace_id.as_bytes()),
            host,
            principal,
        ];
        let length: usize = texts.iter().map(|text| text.len()).sum();
        let full = before >= RECORDS_MAX || pending.texts.len() + length > BYTES_MAX;
        if full || self.shared.closed.load(Ordering::Relaxed) {
            drop(pending);
            self.shared.drop_lines(1);
            return;
        }
        for text in texts {
            pending.texts.extend_from_slice(text);
        }
        pending.records.push(record);
        drop(pending);
        // The writer rests only after it has seen every lane empty, so the first record of a lane is the one to wake it.
        if before == 0 && self.shared.writer_rests.swap(false, Ordering::AcqRel) || before == RECORDS_URGENT {
            self.shared.wake();
        }
    }
}

impl Record {
    fn of(event: &Finished<'_>, counted: Counted) -> Self {
        Self {
            at: event.at,
            client_ip: event.client_ip,
            counted,
            bytes: event.bytes,
            micros: u64::try_from(event.duration.as_micros()).unwrap_or(u64::MAX),
            request_id_len: length(event.request_id.as_bytes()),
            trace_id_len: length(event.trace_id.as_bytes()),
            host_len: event.host.map(length),
            principal_len: principal(event).map(length),
            decision: event.decision,
            code: event.code,
            rest: Rest::of(event, counted),
        }
    }
}

fn principal<'a>(event: &Finished<'a>) -> Option<&'a [u8]> {
    Some(event.identification?.principal()?.as_bytes())
}

/// Of what is kept of a text.
fn length(text: &[u8]) -> u16 {
    u16::try_from(cut(text).len()).unwrap_or(0)
}

impl Rest {
    fn of(event: &Finished<'_>, counted: Counted) -> Option<Box<Self>> {
        if event.reason.is_none() && !counted.with_others {
            return None;
        }
        Some(Box::new(Self {
            reason: event.reason.map(Into::into),
            labels: counted.with_others.then(|| OwnLabels {
                route: event.route.cloned(),
                method: event.method.clone(),
                status: event.status.as_u16(),
                authenticator: event
                    .identification
                    .and_then(|outcome| outcome.authenticator().cloned()),
            }),
        }))
    }
}

#[cfg(test)]
mod tests;
