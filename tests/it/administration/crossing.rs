//! Nobody is ever taken for somebody else, however their requests are mixed (CA-08).

use std::io::{BufRead, BufReader, Read, Write};
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
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut subjects) = (String::new(), Vec::new());
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            let told = subjects.join("+");
            subjects.clear();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}", told.len());
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        } else if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("x-auth-subject")
        {
            subjects.push(value.trim_end().to_owned());
        }
    }
}

/// The body of the next answer, which must be a good one.
fn body(lines: &mut BufReader<TcpStream>, line: &mut String) -> String {
    let mut length = 0;
    line.clear();
    lines.read_line(line).unwrap();
    assert_eq!(line, "HTTP/1.1 200 OK\r\n");
    loop {
        line.clear();
        lines.read_line(line).unwrap();
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim_end().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
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
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut state) = (String::new(), connection as u64 + 1);
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
                    for user in users {
                        assert_eq!(body(&mut lines, &mut line), format!("user-{user}"));
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
