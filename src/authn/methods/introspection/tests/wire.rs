//! The method at work with the client of the gateway: what an issuer gets to see.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use socket2::{Domain, SockAddr, Socket, Type};

use super::*;
use crate::base::clock::Clock;

const YES: &str = r#"{"active":true,"sub":"u1"}"#;

/// An issuer that answers one request, and what it was asked.
fn issuer() -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        while !asked.ends_with(b"hint=access_token") {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&asked));
            asked.extend_from_slice(&buffer[..read]);
        }
        let length = YES.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all((head + YES).as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (port, served)
}

/// What the plan for `url` says about a token, asked on a runtime of its own as a worker would.
fn asked(url: &str) -> Result<Verified, Refusal> {
    let background = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let supplies = Supplies::for_test(background.handle(), Clock::system());
    let plan = IntrospectionPlan {
        reads: [Reads::share(Place::Bearer, Share::Rest)],
        called: Called {
            url: url.into(),
            at: crate::config::node::Span::default(),
        },
        client: Arc::new(Client {
            id: "g w".into(),
            secret: Secret::new(b"p:s%".to_vec()),
        }),
        ttl: Duration::from_secs(60),
        judging: Arc::new(judging()),
    };
    let tokens = plan.tokens("corp", &supplies);
    let worker = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let verdict = worker.block_on(tokens.inquire("a+b/c==", Timestamp::from_millis(NOW * 1000)));
    background.block_on(async { drop(supplies) });
    verdict
}

#[test]
#[doc = "KEY-01"]
fn the_issuer_gets_a_form_and_our_name() {
    let (port, served) = issuer();
    let verified = asked(&format!("http://127.0.0.1:{port}/introspect")).unwrap();
    assert_eq!(&*verified.principal.id, "u1");
    let request = served.join().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /introspect http/1.1\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-www-form-urlencoded"),
        "{head}"
    );
    assert!(head.contains("accept: application/json"), "{head}");
    assert_eq!(body, "token=a%2Bb%2Fc%3D%3D&token_type_hint=access_token");
    // `g+w:p%3As%25`: both are encoded before they are joined (RFC 6749 section 2.3.1).
    assert!(request.contains("Basic Zyt3OnAlM0FzJTI1\r\n"), "{request}");
}

#[test]
#[doc = "KEY-01"]
fn an_issuer_that_is_away_is_an_outage() {
    // Bound, so that nobody else gets the port, and not listened on.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0))))
        .unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let refusal = asked(&format!("http://127.0.0.1:{port}/introspect")).unwrap_err();
    assert_eq!(refusal.code, Code::IssuerUnavailable, "{refusal}");
}

#[test]
#[doc = "KEY-01"]
fn a_url_in_clear_text_is_never_called() {
    let refusal = asked("http://login.example.com/introspect").unwrap_err();
    assert_eq!(refusal.code, Code::IssuerUnavailable, "{refusal}");
    assert!(refusal.why.contains("its URL may not be called"), "{refusal}");
}
