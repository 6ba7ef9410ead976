//! Nobody is ever taken for somebody else, however their requests are mixed (CA-08).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::authn::{idp, with};
use crate::support::token::Token;
use crate::support::{HOST, Upstream};

const USERS: usize = 64;
const REQUESTS: usize = 200_000;
const CONNECTIONS: usize = 8;
/// Written at once and read one after the other.
const AT_ONCE: usize = 50;

/// Answers with the subject that it is told, on every connection until it ends. Without the bookkeeping of the other
/// upstreams, which is not made for so many requests.
fn telling() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || tell(stream));
        }
    });
    format!("http://{address}")
}

fn tell(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let (mut buffer, mut filled) = (vec![0; 64 * 1024], 0);
    loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(read @ 1..) => filled += read,
            _ => return,
        }
        let mut answers = Vec::new();
        let mut rest = &buffer[..filled];
        while let Some(end) = find(rest, b"\r\n\r\n") {
            let head = &rest[..end + 2];
            let mut told = Vec::new();
            let mut from = head;
            // Every field of this name, so that a second one would show.
            while let Some(at) = find(from, b"x-auth-subject: ") {
                from = &from[at + b"x-auth-subject: ".len()..];
                told.extend_from_slice(&from[..find(from, b"\r\n").unwrap()]);
            }
            answers.extend_from_slice(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", told.len()).as_bytes());
            answers.extend_from_slice(&told);
            rest = &rest[end + 4..];
        }
        let left = rest.len();
        buffer.copy_within(filled - left..filled, 0);
        filled = left;
        if stream.write_all(&answers).is_err() {
            return;
        }
    }
}

/// The bodies of the next answers, which must be good ones.
fn bodies(stream: &mut TcpStream, buffer: &mut Vec<u8>, count: usize) -> Vec<String> {
    let mut bodies = Vec::with_capacity(count);
    buffer.clear();
    let (mut taken, mut chunk) = (0, [0; 32 * 1024]);
    while bodies.len() < count {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the connection ended after {} answers", bodies.len());
        buffer.extend_from_slice(&chunk[..read]);
        while let Some(end) = find(&buffer[taken..], b"\r\n\r\n") {
            let head = &buffer[taken..taken + end + 2];
            assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", head.escape_ascii());
            let at = find(head, b"content-length: ").unwrap() + b"content-length: ".len();
            let length = &head[at..at + find(&head[at..], b"\r\n").unwrap()];
            let length: usize = std::str::from_utf8(length).unwrap().parse().unwrap();
            let begin = taken + end + 4;
            let Some(body) = buffer.get(begin..begin + length) else {
                break;
            };
            bodies.push(String::from_utf8(body.to_vec()).unwrap());
            taken = begin + length;
        }
    }
    assert_eq!(taken, buffer.len(), "more came than was asked for");
    bodies
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

#[test]
#[doc = "CA-08"]
fn two_hundred_thousand_mixed_requests_of_64_users_never_cross() {
    let unused = Upstream::ok();
    let route = "{ path: /**, upstream: telling, auth: idp }";
    let telling = format!("{{ urls: [\"{}\"] }}", telling());
    let setup = with(&unused, &idp(), route)
        .upstream_as("telling", &telling)
        .top("log: { access: false }");
    let gateway = setup.workers(2).start();
    let requests: Vec<String> = (0..USERS)
        .map(|user| {
            let bearer = Token::of(&format!("user-{user}")).bearer();
            format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {bearer}\r\n\r\n")
        })
        .collect();
    let address = gateway.address();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let requests = requests.clone();
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                let (mut buffer, mut state) = (Vec::new(), connection as u64 + 1);
                let mut met = [false; USERS];
                for _ in 0..REQUESTS / CONNECTIONS / AT_ONCE {
                    let users: Vec<usize> = (0..AT_ONCE)
                        .map(|_| {
                            state = state
                                .wrapping_mul(6_364_136_223_846_793_005)
                                .wrapping_add(1_442_695_040_888_963_407);
                            (state >> 33) as usize % USERS
                        })
                        .collect();
                    let written: String = users.iter().map(|user| requests[*user].as_str()).collect();
                    stream.write_all(written.as_bytes()).unwrap();
                    let told = bodies(&mut stream, &mut buffer, AT_ONCE);
                    for (user, told) in users.into_iter().zip(told) {
                        assert_eq!(told, format!("user-{user}"));
                        met[user] = true;
                    }
                }
                assert!(met.iter().all(|met| *met));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
