//! The gateway's own log on standard error: what happens to it, apart from requests. Lines go through a bounded queue
//! to a thread of its own, so a full pipe stops nobody; what does not fit is counted.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, reload};

use super::Telemetry;
use super::events::Panicked;
use super::metrics::Metrics;
use super::sink::Sink;
use super::time::rfc3339;
use crate::base::clock::Clock;
use crate::config::spec::{LogFormat, LogLevel, LogSpec};

/// Of lines nobody has taken yet.
const BYTES_MAX: usize = 1024 * 1024;

/// The running log. Dropping it writes what is left.
pub struct Logging {
    level: reload::Handle<Targets, Registry>,
    lines: Arc<Lines>,
    /// Says nothing; it ends when the writer has.
    ended: mpsc::Receiver<()>,
}

/// How long the end of the program waits for a reader of its last lines.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

impl Logging {
    /// A log to `sink`, and what feeds it: for [`install`] or, in a test, for one thread.
    pub fn start(
        spec: &LogSpec,
        clock: Clock,
        sink: Sink,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, impl tracing::Subscriber + Send + Sync + 'static)> {
        let lines = Arc::new(Lines {
            metrics,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (alive, ended) = mpsc::channel();
        let of_writer = Arc::clone(&lines);
        thread::Builder::new().name("log".into()).spawn(move || {
            let _alive: mpsc::Sender<()> = alive;
            of_writer.write_to(sink);
        })?;
        let (filter, level) = reload::Layer::new(targets(spec.level));
        let subscriber = tracing_subscriber::registry()
            .with(filter)
            .with(layer(spec.format, clock, &lines));
        Ok((Self { level, lines, ended }, subscriber))
    }

    /// From now on the level of `spec`. The format stays as it was at the start.
    pub fn reload(&self, spec: &LogSpec) {
        // Fails only when the subscriber is gone, and then nobody logs.
        let _ = self.level.reload(targets(spec.level));
    }

    /// Write what is left. False if nobody took it within `patience`.
    pub fn close(&self, patience: Duration) -> bool {
        self.lines.close();
        self.ended.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.close(LAST_PATIENCE);
    }
}

/// Only our own events below warnings: at a low level libraries print what passes through them, credentials included.
fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("portcullis", level)
}

type Filtered = tracing_subscriber::layer::Layered<reload::Layer<Targets, Registry>, Registry>;

fn layer(format: LogFormat, clock: Clock, lines: &Arc<Lines>) -> Box<dyn Layer<Filtered> + Send + Sync> {
    let layer = fmt::layer()
        .with_timer(WallTime(clock))
        .with_writer(Queue(Arc::clone(lines)))
        .with_ansi(false);
    match format {
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        LogFormat::Text => layer.with_target(false).boxed(),
    }
}

struct WallTime(Clock);

impl FormatTime for WallTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str(&rfc3339(self.0.wall()))
    }
}

/// Lines on their way to the writer.
struct Lines {
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    count: u64,
    closed: bool,
}

impl Lines {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.closed || state.lines.len() + line.len() > BYTES_MAX {
            self.metrics.log_lines_dropped.add(1);
            return;
        }
        state.lines.extend_from_slice(line);
        state.count += 1;
        self.changed.notify_one();
    }

    fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    fn write_to(&self, mut sink: Sink) {
        let mut taken = Vec::new();
        loop {
            let idle = |state: &mut State| state.lines.is_empty() && !state.closed;
            let mut state = self
                .changed
                .wait_while(self.state(), idle)
                .unwrap_or_else(PoisonError::into_inner);
            if state.lines.is_empty() {
                return;
            }
            std::mem::swap(&mut state.lines, &mut taken);
            let count = std::mem::take(&mut state.count);
            drop(state);
            if sink.write_lines(&taken).is_err() {
                self.metrics.log_lines_dropped.add(count);
            }
            taken.clear();
            taken.shrink_to(64 * 1024);
        }
    }
}

/// Hands each line on whole: the layer writes it with a single call.
struct Queue(Arc<Lines>);

impl<'a> MakeWriter<'a> for Queue {
    type Writer = QueueWriter<'a>;
    fn make_writer(&'a self) -> QueueWriter<'a> {
        QueueWriter(&self.0)
    }
}

struct QueueWriter<'a>(&'a Lines);

impl Write for QueueWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on `subscriber` gets the events of the whole program. False if something else already does.
pub fn install(subscriber: impl tracing::Subscriber + Send + Sync + 'static) -> bool {
    tracing::subscriber::set_global_default(subscriber).is_ok()
}

/// From now on every panic of the program is logged and counted, wherever it is caught.
pub fn watch_panics(telemetry: &Arc<Telemetry>) {
    let telemetry = Arc::downgrade(telemetry);
    panic::set_hook(Box::new(move |info| report(&telemetry, info)));
}

fn report(telemetry: &Weak<Telemetry>, info: &PanicHookInfo<'_>) {
    let Some(telemetry) = telemetry.upgrade() else { return };
    let place = info.location().map(ToString::to_string);
    telemetry.emit(Panicked {
        thread: thread::current().name().unwrap_or("unnamed"),
        place: place.as_deref().unwrap_or("unknown"),
        text: info.payload().downcast_ref::<&'static str>().copied(),
    });
}

#[cfg(test)]
mod tests;
