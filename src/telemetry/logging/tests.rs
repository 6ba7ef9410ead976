//! The log as its reader gets it.

use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;
use tracing::subscriber::with_default;

use super::*;
use crate::base::clock::Timestamp;
use crate::base::peer::Peer;
use crate::telemetry::Untrusted;
use crate::telemetry::events::{ConfigRefused, ConnectionEnd, ConnectionRefused};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

const LONG: Duration = Duration::from_secs(30);

fn spec(level: LogLevel, format: LogFormat) -> LogSpec {
    LogSpec {
        level,
        format,
        access: true,
    }
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(1_800_000_000_000))
}

fn telemetry() -> Arc<Telemetry> {
    Telemetry::start(clock(), Sink::new(io::sink())).unwrap()
}

/// What `speak` logs.
fn logged(spec: &LogSpec, speak: impl FnOnce(&Logging)) -> String {
    let paper = Paper::default();
    let (logging, subscriber) = Logging::start(spec, clock(), Sink::new(paper.clone()), Arc::default()).unwrap();
    with_default(subscriber, || speak(&logging));
    assert!(logging.close(LONG));
    paper.text()
}

#[test]
fn a_json_line_has_its_fields_beside_its_message() {
    let text = logged(&spec(LogLevel::Info, LogFormat::Json), |_| {
        tracing::info!(routes = 3, "loaded")
    });
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["timestamp"], "2027-01-15T08:00:00.000Z");
    assert_eq!(
        (&line["level"], &line["message"], &line["routes"]),
        (&"INFO".into(), &"loaded".into(), &3.into())
    );
}

#[test]
fn a_text_line_is_plain() {
    let text = logged(&spec(LogLevel::Info, LogFormat::Text), |_| {
        tracing::warn!(port = 80, "taken")
    });
    assert_eq!(text, "2027-01-15T08:00:00.000Z  WARN taken port=80\n");
}

#[test]
fn the_level_may_change_while_running() {
    let text = logged(&spec(LogLevel::Warn, LogFormat::Text), |logging| {
        tracing::info!("one");
        logging.reload(&spec(LogLevel::Debug, LogFormat::Text));
        tracing::debug!("two");
        tracing::trace!("three");
        logging.reload(&spec(LogLevel::Error, LogFormat::Text));
        tracing::warn!("four");
        tracing::error!("five");
    });
    let words: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next_back()).collect();
    assert_eq!(words, ["two", "five"]);
}

#[test]
#[doc = "LG-01"]
fn libraries_do_not_print_what_passes_through_them() {
    let text = logged(&spec(LogLevel::Trace, LogFormat::Text), |_| {
        tracing::trace!("ours");
        tracing::info!(target: "hyper::proto", "Authorization: Bearer secret");
        tracing::warn!(target: "notify", "theirs");
    });
    assert!(
        text.contains("ours") && text.contains("theirs") && !text.contains("secret"),
        "{text}"
    );
}

#[test]
#[doc = "LG-02"]
fn a_stranger_writes_no_line_of_his_own() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let hostile = "bad\r\n2027-01-15T08:00:00.000Z  INFO \u{1b}[31mall is well\u{2028}\"";
        let text = logged(&spec(LogLevel::Info, format), |_| {
            let telemetry = telemetry();
            let end = ConnectionEnd::Malformed;
            telemetry.emit(ConnectionRefused {
                end,
                peer: Some(Peer::Ip("192.0.2.1".parse().unwrap())),
                detail: hostile,
            });
            tracing::info!(host = %Untrusted(hostile.as_bytes()), "again");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{2028}')),
            "{text:?}"
        );
        assert!(text.contains("192.0.2.1") && text.contains("malformed"), "{text}");
    }
}

#[test]
#[doc = "CF-05"]
fn a_refused_reload_is_told() {
    let text = logged(&spec(LogLevel::Error, LogFormat::Text), |_| {
        let first = "gateway.yaml:3:5: key.unknown: …";
        telemetry().emit(ConfigRefused { faults: 2, first });
    });
    assert!(
        text.contains("stays as it was faults=2 first=gateway.yaml:3:5"),
        "{text}"
    );
}

/// Takes nothing until it is told to.
struct Stuck {
    begun: Sender<()>,
    go: Receiver<()>,
    paper: Paper,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begun.send(());
        let _ = self.go.recv();
        self.paper.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
#[doc = "LG-04"]
fn a_full_pipe_holds_nobody_up_and_the_lost_lines_are_counted() {
    let ((begun, has_begun), (go, may_go)) = (channel(), channel());
    let (metrics, paper) = (Arc::<Metrics>::default(), Paper::default());
    let sink = Sink::new(Stuck {
        begun,
        go: may_go,
        paper: paper.clone(),
    });
    let spec = spec(LogLevel::Info, LogFormat::Text);
    let (logging, subscriber) = Logging::start(&spec, clock(), sink, Arc::clone(&metrics)).unwrap();
    let long = "x".repeat(1000);
    with_default(subscriber, || {
        tracing::info!("first");
        has_begun.recv_timeout(LONG).unwrap();
        for _ in 0..2000 {
            tracing::info!("{long}");
        }
    });
    let dropped = metrics.log_lines_dropped.read();
    assert!((900..1100).contains(&dropped), "{dropped}");
    assert!(!logging.close(Duration::from_millis(1)));
    drop(go);
    assert!(logging.close(LONG));
    assert_eq!(paper.text().lines().count() as u64, 2001 - dropped);
}

#[test]
#[doc = "CF-07"]
#[doc = "LG-01"]
fn a_panic_is_counted_and_tells_its_place_but_no_bytes() {
    let telemetry = telemetry();
    let text = logged(&spec(LogLevel::Info, LogFormat::Text), |_| {
        let before = panic::take_hook();
        watch_panics(&telemetry);
        let secret = String::from("hunter2");
        assert!(panic::catch_unwind(|| panic!("it said {secret}")).is_err());
        assert!(panic::catch_unwind(|| panic!("the plan failed")).is_err());
        panic::set_hook(before);
    });
    assert!(
        text.contains("logging/tests.rs") && text.contains("the plan failed"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    // Other tests of this process may panic on purpose meanwhile.
    assert!(telemetry.metrics().panics() >= 2);
}
