//! A line to the admin listener of a running gateway: one request of HTTP/1.1, and its answer. An operation comes in,
//! a status and JSON come out, or that nobody there is a gateway.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use http::Method;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::config::spec::AdminSpec;

/// A listener of this machine, or of its network.
const CONNECT: Duration = Duration::from_secs(2);
/// As long as the listener keeps a connection.
const ANSWER: Duration = Duration::from_secs(10);
/// The list of all keys.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// Where the gateway of a file takes orders.
pub(super) struct Line {
    address: SocketAddr,
    token: Secret,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) status: u16,
    /// `null` where there was no body.
    pub(super) body: Json,
}

/// Why nothing did.
#[derive(Debug)]
pub(super) enum Silent {
    /// Nobody is there, or nobody who would take the order: it was not done.
    Nobody(String),
    /// It may have been done.
    Broken(String),
}

impl Line {
    /// `None` where the file has no token: such a gateway takes no orders.
    pub(super) fn to(admin: &AdminSpec) -> Option<Self> {
        Some(Self {
            address: reachable(admin.addr),
            token: admin.token.clone()?,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn ask(&self, method: &Method, target: &str, body: Option<&Json>) -> Result<Told, Silent> {
        let nobody = |error: io::Error| Silent::Nobody(error.to_string());
        let mut stream = TcpStream::connect_timeout(&self.address, CONNECT).map_err(nobody)?;
        stream.set_write_timeout(Some(CONNECT)).map_err(nobody)?;
        stream.write_all(&self.request(method, target, body)).map_err(nobody)?;
        let (status, body) = read(&mut stream)?;
        let is_stranger = match status {
            // Its token is another one, so it runs on another file or on an older state of this one.
            401 | 421 => true,
            // Without a detail nothing at all is there.
            404 => body.get("detail").is_none(),
            _ => false,
        };
        match is_stranger {
            true => Err(Silent::Nobody(format!(
                "it answers with {status} to the token of the file"
            ))),
            false => Ok(Told { status, body }),
        }
    }

    fn request(&self, method: &Method, target: &str, body: Option<&Json>) -> Zeroizing<Vec<u8>> {
        let body = body.map(Json::to_string).unwrap_or_default();
        // Its room is taken at once: a buffer that grows leaves pieces of the token behind.
        let mut request = Zeroizing::new(Vec::with_capacity(
            512 + target.len() + self.token.expose().len() + body.len(),
        ));
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.address
        );
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(b"Authorization: Bearer ");
        request.extend_from_slice(self.token.expose());
        if !body.is_empty() {
            let fields = format!("\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
            request.extend_from_slice(fields.as_bytes());
        }
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(body.as_bytes());
        request
    }
}

/// A listener on every address is found on loopback.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The number in `HTTP/1.1 200 OK`.
pub(super) fn status(answer: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(answer.split(|byte| matches!(byte, b'\r' | b'\n')).next()?).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next().filter(|status| status.len() == 3)?.parse().ok()
}

/// Everything until the connection ends, which the listener does after each answer.
fn read(stream: &mut TcpStream) -> Result<(u16, Json), Silent> {
    let clock = Clock::system();
    let until = clock.now() + ANSWER;
    let broken = |why: &str| Silent::Broken(format!("it did not answer: {why}"));
    let (mut answer, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let left = until - clock.now();
        if left.is_zero() {
            return Err(broken("it took too long"));
        }
        stream
            .set_read_timeout(Some(left))
            .map_err(|error| broken(&error.to_string()))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(&error.to_string())),
        }
        if answer.len() > ANSWER_MAX {
            return Err(broken("it says too much"));
        }
        if answer.len() > 16 && status(&answer).is_none() {
            break;
        }
    }
    let status = status(&answer).ok_or_else(|| Silent::Nobody("what listens there is no gateway".to_owned()))?;
    let end = memchr::memmem::find(&answer, b"\r\n\r\n").ok_or_else(|| broken("the answer has no end"))?;
    let body = answer.get(end + 4..).unwrap_or_default();
    if body.is_empty() {
        return Ok((status, Json::Null));
    }
    match serde_json::from_slice(body) {
        Ok(body) => Ok((status, body)),
        // Our listener says everything in JSON.
        Err(_) => Err(Silent::Nobody("what listens there is no gateway".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use serde_json::json;

    use super::*;

    fn asked(answer: &'static str) -> (Result<Told, Silent>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = AdminSpec {
            addr: listener.local_addr().unwrap(),
            token: Some(Secret::new(b"0123456789abcdef".to_vec())),
        };
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut asked, mut buffer) = (Vec::new(), [0; 1024]);
            while !asked.ends_with(b"{\"owner\":\"a\"}") {
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "{}", asked.escape_ascii());
                asked.extend_from_slice(&buffer[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        let line = Line::to(&admin).unwrap();
        let told = line.ask(&Method::POST, "/api/v1/keys", Some(&json!({ "owner": "a" })));
        (told, server.join().unwrap())
    }

    #[test]
    fn one_request_brings_a_status_and_json() {
        let (told, request) = asked("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{\"id\":1}\n");
        let body = json!({ "id": 1 });
        assert_eq!(told.unwrap(), Told { status: 201, body });
        let head = request.split_once("\r\n\r\n").unwrap().0;
        assert!(
            head.starts_with("POST /api/v1/keys HTTP/1.1\r\nHost: 127.0.0.1:"),
            "{head}"
        );
        assert!(
            head.contains("\r\nAuthorization: Bearer 0123456789abcdef\r\n"),
            "{head}"
        );
        assert!(
            head.ends_with("\r\nContent-Type: application/json\r\nContent-Length: 13"),
            "{head}"
        );
        let (told, _) = asked("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(told.unwrap().body, Json::Null);
    }

    #[test]
    fn whoever_is_no_gateway_of_the_file_is_nobody() {
        for answer in [
            "HTTP/1.1 401 Unauthorized\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\n\r\n{\"code\":\"route.none\"}",
            "HTTP/1.1 200 OK\r\n\r\n<html>",
            "SSH-2.0-OpenSSH_9.9 and more\r\n",
        ] {
            assert!(matches!(asked(answer).0, Err(Silent::Nobody(_))), "{answer}");
        }
        let (told, _) = asked("HTTP/1.1 404 Not Found\r\n\r\n{\"detail\":\"No key has this id.\"}");
        assert_eq!(told.unwrap().status, 404);
        // What was asked for may have been done.
        assert!(matches!(asked("HTTP/1.1 200").0, Err(Silent::Broken(_))));
    }

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        let asked = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:9901"), "127.0.0.1:9901");
        assert_eq!(asked("[::]:9901"), "[::1]:9901");
        assert_eq!(asked("10.0.0.1:9901"), "10.0.0.1:9901");
    }
}
