//! The access log from a request to the bytes its reader gets.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{Receiver, Sender, channel};

use http::StatusCode;
use serde_json::Value;

use super::*;
use crate::base::clock::Clock;
use crate::base::id::RequestId;
use crate::base::random::Random;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{AccessLine, Identification, UpstreamCall};
use crate::telemetry::metrics::{Figures, Format};

mod auth;

/// What was written, readable after the log is closed.
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

    fn lines(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Takes a write only when told; says when one has begun.
struct Gate {
    begun: Sender<()>,
    go: Receiver<()>,
    paper: Paper,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begun.send(());
        if self.go.recv().is_err() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.paper.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const LONG: Duration = Duration::from_secs(30);

fn telemetry(sink: impl Write + Send + 'static) -> Arc<Telemetry> {
    Telemetry::start(Clock::manual(Timestamp::from_millis(0)), Sink::new(sink)).unwrap()
}

fn plain(random: &mut Random) -> Finished<'static> {
    let at = Timestamp::from_millis(1_800_000_000_123);
    Finished {
        at,
        request_id: RequestId::new(at, random).as_str().to_owned().leak(),
        trace_id: "abababababababababababababababab",
        client_ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
        method: &Method::GET,
        host: Some(b"api.example.com"),
        route: None,
        status: StatusCode::OK,
        bytes: 17,
        duration: Duration::from_micros(1_234),
        upstream: None,
        identification: None,
        decision: None,
        code: None,
        reason: None,
        access_log: AccessLine::Written,
    }
}

#[test]
fn a_line_has_all_fields_in_their_order() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    let (route, upstream): (Arc<str>, Arc<str>) = ("/orders/**".into(), "orders".into());
    let reporter = telemetry.reporter();
    let event = Finished {
        route: Some(&route),
        upstream: Some(UpstreamCall {
            name: &upstream,
            took: Some(Duration::from_millis(1)),
        }),
        decision: Some(Decision::Allowed),
        ..plain(&mut Random::counting())
    };
    reporter.finished(&event);
    reporter.finished(&Finished {
        client_ip: "2001:db8::1".parse().ok(),
        host: None,
        code: Some(Code::RouteNone),
        status: StatusCode::NOT_FOUND,
        reason: Some("no route matches"),
        ..plain(&mut Random::counting())
    });
    assert!(telemetry.close_access_log(LONG));
    let id = event.request_id;
    let expected = format!(
        concat!(
            r#"{{"ts":"2027-01-15T08:00:00.123Z","request_id":"{id}","trace_id":"abababababababababababababababab","#,
            r#""client_ip":"192.0.2.7","method":"GET","host":"api.example.com","route":"/orders/**","status":200,"#,
            r#""bytes":17,"duration_ms":1.234,"upstream":"orders","principal":null,"authenticator":null,"#,
            r#""decision":"allowed","code":null}}"#,
            "\n",
            r#"{{"ts":"2027-01-15T08:00:00.123Z","request_id":"{id}","trace_id":"abababababababababababababababab","#,
            r#""client_ip":"2001:db8::1","method":"GET","host":null,"route":null,"status":404,"#,
            r#""bytes":17,"duration_ms":1.234,"upstream":null,"principal":null,"authenticator":null,"#,
            r#""decision":null,"code":"route.none","reason":"no route matches"}}"#,
            "\n",
        ),
        id = id
    );
    assert_eq!(paper.text(), expected);
}

#[test]
#[doc = "LG-02"]
fn what_a_stranger_sends_stays_inside_its_field_and_its_line() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    let method = Method::from_bytes(b"B'REW").unwrap();
    let host = b"a\"}\r\n{\x1b[2J\xff\xe2\x80\xa8".repeat(200);
    let mut random = Random::system();
    let reporter = telemetry.reporter();
    reporter.finished(&Finished {
        method: &method,
        host: Some(&host),
        ..plain(&mut random)
    });
    reporter.finished(&plain(&mut random));
    assert!(telemetry.close_access_log(LONG));
    let text = paper.text();
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{2028}')),
        "{text:?}"
    );
    let lines = paper.lines();
    assert_eq!(lines[0]["method"], "B'REW");
    let logged = lines[0]["host"].as_str().unwrap();
    assert!(logged.starts_with("a\"}\r\n{\u{1b}[2J\\xff\u{2028}a"), "{logged:?}");
    assert!(logged.len() < 1024 * 2);
    // The neighbour still has its own host.
    assert_eq!(lines[1]["host"], "api.example.com");
}

#[test]
fn requests_of_several_workers_are_told_apart() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let telemetry = Arc::clone(&telemetry);
            std::thread::spawn(move || {
                let reporter = telemetry.reporter();
                let mut random = Random::system();
                for number in 0..500 {
                    let route: Arc<str> = format!("/w{worker}/r{}", number % 7).into();
                    let host = format!("w{worker}.r{}.test", number % 7);
                    reporter.finished(&Finished {
                        route: Some(&route),
                        host: Some(host.as_bytes()),
                        ..plain(&mut random)
                    });
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    assert!(telemetry.close_access_log(LONG));
    let lines = paper.lines();
    assert_eq!(lines.len(), 2000);
    for line in &lines {
        let route = line["route"].as_str().unwrap().replace('/', ".");
        assert_eq!(format!("{}.test", &route[1..]), line["host"].as_str().unwrap());
    }
    let ids: std::collections::HashSet<_> = lines.iter().map(|line| line["request_id"].to_string()).collect();
    assert_eq!(ids.len(), 2000);
}

#[test]
#[doc = "LG-04"]
fn a_reader_that_stops_costs_lines_and_never_a_request() {
    let ((begun, has_begun), (go, may_go)) = (channel(), channel());
    let paper = Paper::default();
    let telemetry = telemetry(Gate {
        begun,
        go: may_go,
        paper: paper.clone(),
    });
    let reporter = telemetry.reporter();
    let mut random = Random::system();
    reporter.finished(&plain(&mut random));
    has_begun.recv_timeout(LONG).unwrap();
    // The writer is held inside a write of one line: this returns all the same, and keeps what a lane may keep.
    for _ in 0..RECORDS_MAX + 100 {
        reporter.finished(&plain(&mut random));
    }
    assert_eq!(telemetry.metrics().access_lines_dropped.read(), 100);
    assert!(
        !telemetry.close_access_log(Duration::from_millis(1)),
        "the reader has not come back"
    );
    // After the end nothing more is taken.
    reporter.finished(&plain(&mut random));
    assert_eq!(telemetry.metrics().access_lines_dropped.read(), 101);
    for _ in 0..1000 {
        let _ = go.send(());
    }
    assert!(telemetry.close_access_log(LONG));
    assert_eq!(paper.lines().len(), RECORDS_MAX + 1);
}

#[test]
#[doc = "LG-04"]
fn lines_for_a_closed_pipe_are_counted() {
    let ((begun, _has_begun), (go, may_go)) = (channel(), channel());
    drop(go);
    let telemetry = telemetry(Gate {
        begun,
        go: may_go,
        paper: Paper::default(),
    });
    let reporter = telemetry.reporter();
    for _ in 0..10 {
        reporter.finished(&plain(&mut Random::system()));
    }
    assert!(telemetry.close_access_log(LONG));
    assert_eq!(telemetry.metrics().access_lines_dropped.read(), 10);
}

#[test]
fn a_line_is_written_without_waiting_for_the_end() {
    let ((begun, has_begun), (go, may_go)) = (channel(), channel());
    let paper = Paper::default();
    let telemetry = telemetry(Gate {
        begun,
        go: may_go,
        paper: paper.clone(),
    });
    let reporter = telemetry.reporter();
    for _ in 0..3 {
        reporter.finished(&plain(&mut Random::system()));
        has_begun.recv_timeout(LONG).unwrap();
        go.send(()).unwrap();
    }
    assert!(telemetry.close_access_log(LONG));
    assert_eq!(paper.lines().len(), 3);
}

#[test]
fn a_request_without_a_line_is_still_counted() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    let reporter = telemetry.reporter();
    reporter.finished(&Finished {
        access_log: AccessLine::Omitted,
        ..plain(&mut Random::system())
    });
    assert!(telemetry.close_access_log(LONG));
    assert_eq!(paper.text(), "");
    let scrape = telemetry.metrics().expose(Format::Text, Figures::default()).unwrap();
    assert!(
        scrape.contains("http_server_request_duration_seconds_count"),
        "{scrape}"
    );
}

#[test]
fn the_docs_list_every_field_in_its_order() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    telemetry.reporter().finished(&Finished {
        reason: Some("a reason"),
        ..plain(&mut Random::system())
    });
    assert!(telemetry.close_access_log(LONG));
    let text = paper.text();
    let pieces = text.split("\":").filter_map(|piece| Some(piece.rsplit_once('"')?.1));
    let fields: Vec<&str> = pieces
        .filter(|piece| piece.ends_with(|c: char| c.is_ascii_lowercase()))
        .collect();
    let docs = include_str!("../../../docs/operations.md");
    let table = docs.split_once("| field | what it holds |").unwrap().1;
    let rows = table
        .lines()
        .skip(2)
        .map_while(|row| row.strip_prefix("| `")?.split_once('`'));
    let documented: Vec<&str> = rows.map(|(field, _)| field).collect();
    assert_eq!(fields, documented);
}
