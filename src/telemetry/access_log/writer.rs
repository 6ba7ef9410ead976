//! The one thread that makes lines of records.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::line::{self, Labels, Stamp, Template, Values};
use super::{Lane, Pending, RECORDS_URGENT, Record, Shared};
use crate::problem::Code;
use crate::telemetry::events::Decision;
use crate::telemetry::metrics::{AuthSeries, Counted, RequestSeries, UpstreamSeries};
use crate::telemetry::sink::Sink;

/// How long records gather before they are written: a fiftieth of a second costs the reader nothing and saves a write
/// and a wake-up for each request.
const GATHER: Duration = Duration::from_millis(20);
/// Lines are handed to the sink in pieces of about this size.
const PIECE: usize = 64 * 1024;

pub(super) struct Writer {
    shared: Arc<Shared>,
    lanes: Vec<Known>,
    /// Exchanged with a lane's own; what it held is written while the worker fills the other.
    taken: Pending,
    output: Output,
}

/// A lane, and what the writer already knows of its worker's series.
struct Known {
    lane: Arc<Lane>,
    requests: Vec<Arc<RequestSeries>>,
    upstreams: Vec<Arc<UpstreamSeries>>,
    auths: Vec<Arc<AuthSeries>>,
    templates: HashMap<TemplateKey, Option<Template>, RandomState>,
}

/// Places in the worker's lists, and what else the lines of a template have in common.
type TemplateKey = (u32, Option<u32>, Option<u32>, Option<Decision>, Option<Code>);

/// More combinations in use than this are made anew now and then.
const TEMPLATES_MAX: usize = 4096;

struct Output {
    sink: Sink,
    lines: Vec<u8>,
    count: u64,
    stamp: Stamp,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, sink: Sink) -> Self {
        let output = Output {
            sink,
            lines: Vec::new(),
            count: 0,
            stamp: Stamp::default(),
        };
        Self {
            shared,
            lanes: Vec::new(),
            taken: Pending::default(),
            output,
        }
    }

    pub(super) fn run(mut self) {
        // Set by this thread alone, once.
        let _ = self.shared.writer.set(thread::current());
        loop {
            // Asked before the lanes are emptied: what was left before the end is written.
            let closed = self.shared.closed.load(Ordering::Acquire);
            let wrote = self.write_what_is_there();
            if closed {
                return;
            }
            if !wrote {
                self.rest();
            }
            if !self.shared.closed.load(Ordering::Acquire) {
                thread::park_timeout(GATHER);
            }
        }
    }

    /// Wait until a lane gets its first record.
    fn rest(&mut self) {
        self.shared.writer_rests.store(true, Ordering::Release);
        // A record left before the flag was up woke nobody. One left later finds the flag: the lane's lock orders the two.
        self.meet_new_lanes();
        while self.shared.writer_rests.load(Ordering::Acquire)
            && !self.shared.closed.load(Ordering::Acquire)
            && self.lanes.iter().all(|known| known.lane.pending().records.is_empty())
        {
            thread::park();
            self.meet_new_lanes();
        }
        self.shared.writer_rests.store(false, Ordering::Release);
    }

    fn meet_new_lanes(&mut self) {
        let lanes = self.shared.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let new = lanes.iter().skip(self.lanes.len());
        self.lanes.extend(new.map(|lane| Known {
            lane: Arc::clone(lane),
            requests: Vec::new(),
            upstreams: Vec::new(),
            auths: Vec::new(),
            templates: HashMap::default(),
        }));
    }

    fn write_what_is_there(&mut self) -> bool {
        self.meet_new_lanes();
        let mut wrote = false;
        for known in &mut self.lanes {
            std::mem::swap(&mut *known.lane.pending(), &mut self.taken);
            wrote |= !self.taken.records.is_empty();
            known.write(&self.taken, &mut self.output, &self.shared);
            self.taken.forget();
        }
        self.output.flush(&self.shared);
        wrote
    }
}

impl Known {
    fn write(&mut self, taken: &Pending, output: &mut Output, shared: &Shared) {
        let mut texts = taken.texts.as_slice();
        let mut next = |len: u16| {
            let (text, others) = texts.split_at_checked(usize::from(len)).unwrap_or_default();
            texts = others;
            text
        };
        for record in &taken.records {
            let (request_id, trace_id) = (next(record.request_id_len), next(record.trace_id_len));
            let host = record.host_len.map(&mut next);
            let principal = record.principal_len.map(&mut next);
            self.catch_up(record.counted);
            let values = Values {
                ts: output.stamp.text(record.at),
                request_id,
                trace_id,
                client_ip: record.client_ip,
                host,
                bytes: record.bytes,
                micros: record.micros,
                principal,
                reason: record.rest.as_deref().and_then(|rest| rest.reason.as_deref()),
            };
            self.write_line(record, &values, &mut output.lines);
            output.count += 1;
            if output.lines.len() >= PIECE {
                output.flush(shared);
            }
        }
    }

    fn write_line(&mut self, record: &Record, values: &Values<'_>, lines: &mut Vec<u8>) {
        let Some(series) = self.requests.get(record.counted.request as usize) else {
            return;
        };
        let upstream = record
            .counted
            .upstream
            .and_then(|place| self.upstreams.get(place as usize));
        let auth = record.counted.auth.and_then(|place| self.auths.get(place as usize));
        let labels = || {
            Labels::of(
                record,
                series,
                upstream.map(|upstream| &**upstream),
                auth.map(|auth| &**auth),
            )
        };
        if record.rest.is_some() {
            return line::append(lines, labels(), values);
        }
        if self.templates.len() >= TEMPLATES_MAX {
            self.templates.clear();
        }
        let key = (
            record.counted.request,
            record.counted.upstream,
            record.counted.auth,
            record.decision,
            record.code,
        );
        match self.templates.entry(key).or_insert_with(|| Template::new(labels())) {
            Some(template) => template.append(lines, values),
            None => line::append(lines, labels(), values),
        }
    }

    /// A worker publishes a series before it leaves a record that names it.
    fn catch_up(&mut self, counted: Counted) {
        if self.requests.len() <= counted.request as usize {
            self.lane.numbers.requests.catch_up(&mut self.requests);
        }
        if counted
            .upstream
            .is_some_and(|place| self.upstreams.len() <= place as usize)
        {
            self.lane.numbers.upstreams.catch_up(&mut self.upstreams);
        }
        if counted.auth.is_some_and(|place| self.auths.len() <= place as usize) {
            self.lane.numbers.auths.catch_up(&mut self.auths);
        }
    }
}

impl Pending {
    /// Ready for the next exchange, without the memory a burst took.
    fn forget(&mut self) {
        self.records.clear();
        self.texts.clear();
        self.records.shrink_to(RECORDS_URGENT);
        self.texts.shrink_to(RECORDS_URGENT * 128);
    }
}

impl Output {
    fn flush(&mut self, shared: &Shared) {
        if self.count == 0 {
            return;
        }
        if self.sink.write_lines(&self.lines).is_err() {
            shared.drop_lines(self.count);
        }
        self.lines.clear();
        self.count = 0;
    }
}
