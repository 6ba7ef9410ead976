//! The admin listener as a client sees it: real sockets, and a clock that moves by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as Client};

use super::*;
use crate::authn::revocation::Revocations;
use crate::base::clock::Timestamp;
use crate::base::random::Random;
use crate::endpoints::admin::NotReloaded;
use crate::telemetry::Sink;

struct Running {
    address: SocketAddr,
    health: Arc<Health>,
    token: Arc<AdminToken>,
    clock: Clock,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(token: Option<&str>) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let health = Health::new(clock.clone(), 1);
        health.set_started();
        let admin_token = Arc::new(AdminToken::new(token.map(secret)));
        let parts = AdminParts {
            telemetry: Telemetry::start(clock.clone(), Sink::new(io::sink())).unwrap(),
            health: Arc::clone(&health),
            token: Arc::clone(&admin_token),
            clock: clock.clone(),
            figures: Box::new(Figures::default),
            api: Api {
                store: None,
                revocations: Arc::new(Revocations::new(10, &mut Random::counting())),
                clock: clock.clone(),
                random: Random::counting,
                is_authenticator: Box::new(|_| false),
                reload: Box::new(|| Box::pin(async { Err(NotReloaded::Unavailable) })),
            },
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let thread = Some(start(listener, parts, stop.clone()).unwrap());
        Self {
            address,
            health,
            token: admin_token,
            clock,
            stop,
            thread,
        }
    }

    fn connect(&self) -> Client {
        let client = Client::connect(self.address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client
    }

    /// Everything that comes back for `request`, until the connection closes.
    fn ask(&self, request: &str) -> Answer {
        let mut client = self.connect();
        client.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut client)
    }

    fn get(&self, path: &str, fields: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"))
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.into())
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn read(client: &mut Client) -> Self {
        let mut bytes = Vec::new();
        // A peer that is cut off may see a reset instead of an end.
        let _ = client.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        Self {
            status,
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["code"].as_str().unwrap().to_owned()
    }
}

#[test]
#[doc = "AD-02"]
fn probes_and_metrics_need_no_token() {
    let admin = Running::start(Some("0123456789abcdef"));
    for path in ["/livez", "/healthz", "/readyz", "/startupz"] {
        let answer = admin.get(path, "");
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"), "{path}");
        assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
        assert!(
            !answer.head.contains("server:") && !answer.head.contains(env!("CARGO_PKG_VERSION")),
            "{}",
            answer.head
        );
    }
    let answer = admin.get("/metrics", "");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("portcullis_build_info{"), "{}", answer.body);
    assert!(
        answer.head.contains("content-type: text/plain; version=0.0.4"),
        "{}",
        answer.head
    );
    let answer = admin.get("/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    assert!(
        answer
            .head
            .contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{}",
        answer.head
    );
    assert!(answer.body.ends_with("# EOF\n"), "{}", answer.body);
}

#[test]
fn a_draining_gateway_lives_but_wants_no_traffic() {
    let admin = Running::start(None);
    admin.health.set_draining();
    assert_eq!(admin.get("/livez", "").status, 200);
    assert_eq!(admin.get("/readyz", "").status, 503);
    assert_eq!(admin.get("/readyz", "").body, "draining\n");
}

#[test]
#[doc = "AD-01"]
fn without_the_token_nobody_learns_what_else_exists() {
    let admin = Running::start(Some("0123456789abcdef"));
    for path in [
        "/",
        "/api/v1/config",
        "/livez/",
        "/METRICS",
        "/metrics/../api",
        "//metrics",
    ] {
        let answer = admin.get(path, "");
        assert_eq!(
            (answer.status, answer.code()),
            (401, "credential.missing".into()),
            "{path}"
        );
        assert!(
            answer
                .head
                .contains("www-authenticate: bearer realm=\"portcullis-admin\""),
            "{}",
            answer.head
        );
        assert!(
            !answer.head.contains("error="),
            "nothing was presented: {}",
            answer.head
        );
    }
    for wrong in [
        "Bearer 0123456789abcdeF",
        "Bearer 0123456789abcde",
        "Bearer ",
        "Bearer 0123456789abcdef0",
    ] {
        let answer = admin.get("/api", &format!("Authorization: {wrong}\r\n"));
        assert_eq!(answer.status, 401, "{wrong}");
    }
    for missing in [
        "Basic 0123456789abcdef",
        "0123456789abcdef",
        "Bearer 0123456789abcdef\r\nAuthorization: Bearer x",
    ] {
        let answer = admin.get("/api", &format!("Authorization: {missing}\r\n"));
        assert_eq!(
            (answer.status, answer.code()),
            (401, "credential.missing".into()),
            "{missing}"
        );
    }
    let refused = admin.get("/api", "Authorization: Bearer wrong\r\n");
    assert_eq!(refused.code(), "credential.refused");
    for right in ["Bearer 0123456789abcdef", "bearer   0123456789abcdef"] {
        let answer = admin.get("/api", &format!("Authorization: {right}\r\n"));
        assert_eq!((answer.status, answer.code()), (404, "route.none".into()), "{right}");
    }
}

#[test]
#[doc = "AD-01"]
fn a_replaced_token_opens_nothing_any_more() {
    let admin = Running::start(Some("0123456789abcdef"));
    let status = |token| admin.get("/api", &format!("Authorization: Bearer {token}\r\n")).status;
    assert_eq!((status("0123456789abcdef"), status("fedcba9876543210")), (404, 401));
    admin.token.replace(Some(secret("fedcba9876543210")));
    assert_eq!((status("0123456789abcdef"), status("fedcba9876543210")), (401, 404));
    admin.token.replace(None);
    assert_eq!((status("0123456789abcdef"), status("")), (404, 404));
}

#[test]
#[doc = "AD-01"]
fn without_a_configured_token_nothing_else_exists() {
    let admin = Running::start(None);
    for fields in ["", "Authorization: Bearer \r\n", "Authorization: Bearer x\r\n"] {
        let answer = admin.get("/api/v1/config", fields);
        assert_eq!((answer.status, answer.code()), (404, "route.none".into()));
    }
}

#[test]
#[doc = "AD-01"]
fn a_name_that_was_rebound_to_this_address_gets_nothing() {
    let admin = Running::start(None);
    let port = admin.address.port();
    for own in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.53:9901",
        "[::1]",
        "[::1]:80",
        "[::ffff:127.0.0.1]",
    ] {
        assert_eq!(
            admin
                .ask(&format!("GET /metrics HTTP/1.1\r\nHost: {own}\r\n\r\n"))
                .status,
            200,
            "{own}"
        );
    }
    assert_eq!(
        admin
            .ask(&format!("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"))
            .status,
        200
    );
    assert_eq!(admin.ask("GET /livez HTTP/1.0\r\n\r\n").status, 200);
    for foreign in [
        "evil.test",
        "localhost.evil.test",
        "192.0.2.1",
        "0.0.0.0",
        "127.0.0.1.evil.test",
        "[::2]",
        "127.1",
    ] {
        let answer = admin.ask(&format!("GET /metrics HTTP/1.1\r\nHost: {foreign}\r\n\r\n"));
        assert_eq!(
            (answer.status, answer.code()),
            (421, "host.mismatch".into()),
            "{foreign}"
        );
    }
    for bad in [
        "",
        "Host:\r\n",
        "Host: a@localhost\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: local host\r\n",
    ] {
        let answer = admin.ask(&format!("GET /metrics HTTP/1.1\r\n{bad}\r\n"));
        assert_eq!(
            (answer.status, answer.code()),
            (400, "request.malformed".into()),
            "{bad:?}"
        );
    }
    let absolute = |target: &str| {
        admin
            .ask(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .status
    };
    assert_eq!(absolute("http://localhost/livez"), 200);
    assert_eq!(absolute("http://evil.test/livez"), 400);
}

#[test]
#[doc = "AD-01"]
fn a_page_of_another_site_gets_nothing() {
    let admin = Running::start(None);
    assert_eq!(admin.get("/metrics", "Origin: http://localhost\r\n").status, 200);
    for origin in [
        "http://evil.test",
        "null",
        "http://localhost:8080",
        "file://localhost",
        "http://localhost.evil.test",
    ] {
        let answer = admin.get("/metrics", &format!("Origin: {origin}\r\n"));
        assert_eq!((answer.status, answer.code()), (403, "csrf.failed".into()), "{origin}");
    }
}

#[test]
fn only_get_and_head_are_answered() {
    let admin = Running::start(None);
    let head = admin.ask("HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let answer = admin.ask(&format!("{method} /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(
            (answer.status, answer.code()),
            (405, "method.not_allowed".into()),
            "{method}"
        );
        assert!(answer.head.contains("allow: get, head"), "{}", answer.head);
    }
}

#[test]
fn a_second_request_on_a_connection_is_not_read() {
    let admin = Running::start(None);
    let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = admin.ask(&request.repeat(2));
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
}

#[test]
#[doc = "RS-02"]
fn a_large_head_is_refused() {
    let admin = Running::start(None);
    let many = "A: b\r\n".repeat(HEADERS_MAX + 1);
    assert_eq!(admin.get("/livez", &many).status, 431);
    let long = format!("A: {}\r\n", "b".repeat(HEAD_MAX));
    assert_eq!(admin.get("/livez", &long).status, 431);
}

#[test]
#[doc = "RS-01"]
fn a_slow_client_is_cut_off_after_ten_seconds() {
    for begun in ["", "GET /livez HTTP/1.1\r\nHos"] {
        let admin = Running::start(None);
        let mut client = admin.connect();
        client.write_all(begun.as_bytes()).unwrap();
        // Its time begins when it is accepted, and it is once a later one has its answer.
        assert_eq!(admin.get("/livez", "").status, 200);
        admin.clock.advance(Duration::from_secs(9));
        // Turns the wheel, which must not end anything yet.
        assert_eq!(admin.get("/livez", "").status, 200);
        client.set_nonblocking(true).unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        client.set_nonblocking(false).unwrap();
        admin.clock.advance(Duration::from_secs(1));
        assert_eq!(Answer::read(&mut client).status, 0);
    }
}

#[test]
#[doc = "RS-03"]
fn silent_connections_hold_up_the_others_only_until_their_time_is_over() {
    let admin = Running::start(None);
    let silent: Vec<Client> = (0..CONNECTIONS_MAX).map(|_| admin.connect()).collect();
    let mut late = admin.connect();
    late.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    late.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let mut answer = Vec::new();
    // Time stands still until all are accepted, and moves a second whenever the answer has not come.
    for _ in 0..3000 {
        match late.read_to_end(&mut answer) {
            Ok(_) => break,
            Err(_) => admin.clock.advance(Duration::from_secs(1)),
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    drop(silent);
}

#[test]
fn the_end_of_the_listener_ends_what_is_idle_at_once() {
    let mut admin = Running::start(None);
    let mut idle = admin.connect();
    assert_eq!(admin.get("/livez", "").status, 200);
    admin.stop.cancel();
    assert_eq!(Answer::read(&mut idle).status, 0);
    admin.thread.take().unwrap().join().unwrap();
    assert!(Client::connect(admin.address).is_err());
}
