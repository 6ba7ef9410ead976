//! The whole way of a plain request, through real sockets on one connection: client, gateway, upstream and back. Most of
//! it is the kernel's and the waiting of three threads for each other; look at differences, not at the figure.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot run should say so and stop"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis::app::{Gateway, Options, Source};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"status\":\"ok!\"}";
const REQUEST: &[u8] =
    b"GET /orders/4711?full=1 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";

/// An upstream that answers everything alike.
fn upstream() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    port
}

fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {
        if stream.write_all(ANSWER).is_err() {
            return;
        }
    }
}

fn gateway(port: u16, access: bool) -> Gateway {
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:0\" }}]\nadmin: {{ addr: \"127.0.0.1:0\" }}\nworkers: 1\n\
         log: {{ access: {access} }}\nupstreams: {{ up: {{ urls: [\"http://127.0.0.1:{port}\"] }} }}\n\
         routes: [{{ path: /orders/**, upstream: up, auth: public }}]\n"
    );
    let options = Options {
        access_log: Box::new(std::io::sink()),
        ..Options::default()
    };
    Gateway::start(
        Source::Text {
            name: "bench.yaml".into(),
            text,
        },
        options,
    )
    .unwrap()
}

/// One request and its whole answer.
fn ask(stream: &mut TcpStream) {
    stream.write_all(REQUEST).unwrap();
    let mut buffer = [0; 4096];
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok!\"}") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the gateway closed the connection");
        answer.extend_from_slice(&buffer[..count]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

fn hot_path(criterion: &mut Criterion) {
    let port = upstream();
    let connected = |address| {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    };
    let mut direct = connected(([127, 0, 0, 1], port).into());
    criterion.bench_function("hot path/no gateway", |bencher| bencher.iter(|| ask(&mut direct)));
    for (name, access) in [("hot path/plain", false), ("hot path/plain with access log", true)] {
        let gateway = gateway(port, access);
        let mut stream = connected(gateway.addresses()[0].tcp().unwrap());
        criterion.bench_function(name, |bencher| bencher.iter(|| ask(&mut stream)));
        gateway.stop();
    }
}

criterion_group!(benches, hot_path);
criterion_main!(benches);
