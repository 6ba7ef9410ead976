//! What a request's record costs, in CPU time of all threads: counting it, leaving its line, and making and writing
//! the line. Wall time would hide the writer's thread on a machine with a core to spare.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{Method, StatusCode};
use portcullis::base::clock::{Clock, Timestamp};
use portcullis::base::id::RequestId;
use portcullis::base::random::Random;
use portcullis::telemetry::events::{AccessLine, Decision, Finished, Identification, UpstreamCall};
use portcullis::telemetry::{Sink, Telemetry};

/// Below what makes the writer hurry, so that it is paced as in a gateway with tens of thousands of requests a second.
const BURST: u64 = 600;

/// Writes over the beginning of `file` and says how many lines it was.
struct Meter {
    file: File,
    written: Sender<u64>,
}

impl Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(bytes)?;
        let _ = self.written.send(memchr::memchr_iter(b'\n', bytes).count() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    telemetry: Arc<Telemetry>,
    written: Receiver<u64>,
    route: Arc<str>,
    upstream: Arc<str>,
    authenticator: Arc<str>,
    id: RequestId,
}

impl Bench {
    fn new(path: &str) -> Self {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .expect("a writable file");
        let (sender, written) = channel();
        let sink = Sink::new(Meter { file, written: sender });
        Self {
            telemetry: Telemetry::start(Clock::system(), sink).expect("a thread"),
            written,
            route: "/api/orders/{tenant}/**".into(),
            upstream: "orders".into(),
            authenticator: "idp".into(),
            id: RequestId::new(Timestamp::from_millis(1_800_000_000_000), &mut Random::system()),
        }
    }

    fn event(&self, number: u64, access_log: AccessLine) -> Finished<'_> {
        Finished {
            at: Timestamp::from_millis(1_800_000_000_000 + number / 50),
            request_id: self.id.as_str(),
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
            client_ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 17))),
            method: &Method::GET,
            host: Some(b"api.example.com"),
            route: Some(&self.route),
            status: StatusCode::OK,
            bytes: 100 + number % 1000,
            duration: Duration::from_micros(300 + number % 3000),
            upstream: Some(UpstreamCall {
                name: &self.upstream,
                took: Some(Duration::from_micros(200)),
            }),
            identification: Some(Identification::Accepted {
                authenticator: &self.authenticator,
                principal: "019a3c1e-7d52-7cc0-8f0e-3f1d8f6a2b11",
            }),
            decision: Some(Decision::Allowed),
            code: None,
            reason: None,
            access_log,
        }
    }

    /// CPU time of `requests`, of all threads, lines written.
    fn measure(&self, requests: u64, access_log: AccessLine) -> Duration {
        let reporter = self.telemetry.reporter();
        let before = cpu_time();
        for burst in 0..requests.div_ceil(BURST) {
            let count = BURST.min(requests - burst * BURST);
            for number in 0..count {
                reporter.finished(&self.event(burst * BURST + number, access_log));
            }
            if access_log == AccessLine::Written {
                self.wait_for(count);
            }
        }
        cpu_time() - before
    }

    fn wait_for(&self, lines: u64) {
        let mut written = 0;
        while written < lines {
            written += self.written.recv().expect("the writer runs");
        }
    }
}

/// Of all threads of this process; the kernel counts it in nanoseconds.
fn cpu_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("access_log");
    let file = std::env::temp_dir().join("portcullis-access-log-bench.jsonl");
    for (name, path, access_log) in [
        ("counted only", "/dev/null", AccessLine::Omitted),
        ("line to /dev/null", "/dev/null", AccessLine::Written),
        (
            "line to a file",
            file.to_str().expect("a plain path"),
            AccessLine::Written,
        ),
    ] {
        let bench = Bench::new(path);
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|requests| bench.measure(requests, access_log));
        });
    }
    group.finish();
    // Left behind it would be no harm.
    let _ = fs::remove_file(file);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(4));
    targets = record
}
criterion_main!(benches);
