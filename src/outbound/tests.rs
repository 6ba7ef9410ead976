use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

use http::StatusCode;
use tokio::sync::Notify;

use super::scripted::{Identity, Reply, Server, background, clock, outbound, run, seconds, spec};
use super::*;
use crate::base::resolve::Lookup;
use crate::base::secret::Secret;

async fn get(outbound: &Outbound, url: &str) -> Result<Answer, CallError> {
    outbound.call(Call::get(outbound.written(url).unwrap())).await
}

fn said(error: CallError) -> String {
    error.to_string()
}

#[test]
#[doc = "KEY-01"]
fn a_host_whose_certificate_a_company_authority_signed_is_called() {
    run(async {
        let background = background(&clock());
        let identity = Identity::of("login.example");
        let server = Server::with_tls(&background, &identity).await;
        server.on("/keys?x=1", Reply::json("{}"));
        let mut spec = spec();
        spec.ca = vec![identity.certificate.clone()];
        let outbound = outbound(&spec, &background);
        let answer = get(&outbound, &format!("https://login.example:{}/keys?x=1", server.port())).await;
        let answer = answer.unwrap();
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, b"{}".as_slice()));
        let request = server.requests().remove(0);
        let mut lines: Vec<&str> = request.lines().filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        let host = format!("host: login.example:{}", server.port());
        assert_eq!(
            lines,
            [
                "GET /keys?x=1 HTTP/1.1",
                "accept: application/json",
                &host,
                "user-agent: portcullis"
            ]
        );
    });
}

#[test]
#[doc = "KEY-01"]
fn a_certificate_of_nobody_trusted_or_for_another_name_is_refused() {
    run(async {
        let background = background(&clock());
        let identity = Identity::of("login.example");
        let server = Server::with_tls(&background, &identity).await;
        server.on("/", Reply::json("{}"));
        let stranger = outbound(&spec(), &background);
        let fault = said(
            get(&stranger, &format!("https://login.example:{}/", server.port()))
                .await
                .unwrap_err(),
        );
        assert!(fault.contains("invalid peer certificate"), "{fault}");
        let mut spec = spec();
        spec.ca = vec![identity.certificate.clone()];
        let company = outbound(&spec, &background);
        let fault = said(
            get(&company, &format!("https://other.example:{}/", server.port()))
                .await
                .unwrap_err(),
        );
        assert!(fault.contains("not valid for name"), "{fault}");
        assert_eq!(server.requests(), Vec::<String>::new());
    });
}

#[test]
#[doc = "KEY-01"]
fn http_is_for_loopback_addresses_and_named_hosts() {
    let mut spec = spec();
    spec.allow_plaintext_hosts = vec!["keycloak.internal".into(), "[fd00::1]".into()];
    let taken = |url: &str| Location::written(url, &spec).map(|location| location.to_string());
    for url in [
        "https://login.example.com/a",
        "http://127.0.0.1:8080/",
        "http://127.9.9.9/",
        "http://[::1]:80/x",
        "http://keycloak.internal:8080/",
        "http://KEYCLOAK.internal./",
        "http://[fd00:0::1]/",
    ] {
        assert!(taken(url).is_ok(), "{url}");
    }
    for url in [
        "http://login.example.com/",
        "http://localhost/",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
        "http://keycloak.internal.example.com/",
        "http://x.keycloak.internal/",
        "http://[::2]/",
    ] {
        assert_eq!(taken(url), Err(LocationFault::Plaintext), "{url}");
    }
    for (url, fault) in [
        ("login.example.com", LocationFault::Malformed),
        ("https://", LocationFault::Malformed),
        ("ftp://login.example.com/", LocationFault::Scheme),
        ("file:///etc/passwd", LocationFault::Scheme),
        ("https://a:b@login.example.com/", LocationFault::UserInfo),
        ("https://a@login.example.com/", LocationFault::UserInfo),
        ("https://login.example.com/#x", LocationFault::Fragment),
    ] {
        assert_eq!(taken(url), Err(fault), "{url}");
    }
    // Another spelling of a loopback address is that address.
    assert_eq!(taken("http://0x7f.1/").unwrap(), "http://127.0.0.1/");
}

#[test]
#[doc = "KEY-01"]
fn redirects_are_not_followed_and_cookies_not_kept() {
    run(async {
        let background = background(&clock());
        let server = Server::start(&background).await;
        let there = format!("location: {}\r\nset-cookie: a=b\r\n", server.url("/there"));
        server.on("/here", Reply::new("302 Found", &there, ""));
        server.on("/there", Reply::json("{}"));
        let outbound = outbound(&spec(), &background);
        for _ in 0..2 {
            let answer = get(&outbound, &server.url("/here")).await.unwrap();
            assert_eq!(answer.status, StatusCode::FOUND);
        }
        assert_eq!((server.count("/here"), server.count("/there")), (2, 0));
        assert!(!server.requests().concat().to_lowercase().contains("cookie"));
        assert_eq!(server.connections(), 1, "a connection serves many calls");
    });
}

#[test]
#[doc = "KEY-01"]
fn an_answer_above_1_mib_is_cut_off() {
    run(async {
        let background = background(&clock());
        let server = Server::start(&background).await;
        server.on("/full", Reply::json(&" ".repeat(ANSWER_MAX)));
        server.on("/more", Reply::json(&" ".repeat(ANSWER_MAX + 1)));
        server.on("/endless", Reply::Endless);
        let head = format!("x: {}\r\n", "x".repeat(2 * HEAD_MAX));
        server.on("/head", Reply::new("200 OK", &head, ""));
        let outbound = outbound(&spec(), &background);
        assert_eq!(
            get(&outbound, &server.url("/full")).await.unwrap().body.len(),
            ANSWER_MAX
        );
        for path in ["/more", "/endless"] {
            let fault = get(&outbound, &server.url(path)).await.unwrap_err();
            assert!(matches!(fault, CallError::TooLarge), "{path}: {fault}");
        }
        assert!(matches!(
            get(&outbound, &server.url("/head")).await,
            Err(CallError::Request(_))
        ));
    });
}

#[test]
#[doc = "KEY-01, CF-06"]
fn a_server_that_does_not_answer_is_given_up_after_five_seconds() {
    run(async {
        let clock = clock();
        let background = background(&clock);
        let server = Server::start(&background).await;
        server.on("/", Reply::Silence);
        let outbound = outbound(&spec(), &background);
        let url = server.url("/");
        let moved = async {
            server.until("/", 1).await;
            clock.advance(seconds(5));
        };
        let (fault, ()) = tokio::join!(get(&outbound, &url), moved);
        assert!(
            matches!(fault, Err(CallError::Late(_) | CallError::Background(_))),
            "{fault:?}"
        );
    });
}

/// Answers nothing, and says that it was asked.
struct NoAnswer(Arc<Notify>);

impl Resolve for NoAnswer {
    fn resolve(&self, _: Arc<str>) -> Lookup {
        self.0.notify_one();
        Box::pin(std::future::pending())
    }
}

#[test]
#[doc = "KEY-01"]
fn connecting_may_take_two_seconds() {
    run(async {
        let clock = clock();
        let background = background(&clock);
        let asked = Arc::new(Notify::new());
        let resolve: Arc<dyn Resolve> = Arc::new(NoAnswer(Arc::clone(&asked)));
        let outbound = Outbound::start(&spec(), &background, &resolve).unwrap();
        let moved = async {
            asked.notified().await;
            clock.advance(seconds(2));
        };
        let (fault, ()) = tokio::join!(get(&outbound, "https://login.example/"), moved);
        let fault = said(fault.unwrap_err());
        assert!(fault.contains("connecting took longer than 2s"), "{fault}");
    });
}

/// Gives the addresses it was told last.
struct Book(Mutex<Vec<IpAddr>>);

impl Resolve for Book {
    fn resolve(&self, _: Arc<str>) -> Lookup {
        let found = self.0.lock().unwrap().clone();
        Box::pin(std::future::ready(match found.is_empty() {
            true => Err(io::Error::other("no such host")),
            false => Ok(found),
        }))
    }
}

#[test]
#[doc = "KEY-02"]
fn a_host_that_metadata_names_must_have_a_public_address() {
    run(async {
        let background = background(&clock());
        let server = Server::start(&background).await;
        server.on("/", Reply::json("{}"));
        let mut spec = spec();
        spec.allow_plaintext_hosts = ["inside.example", "named.example", "login.example"]
            .map(Into::into)
            .into();
        spec.allow_private_hosts = vec!["named.example".into()];
        let outbound = outbound(&spec, &background);
        let url = |host: &str| format!("http://{host}:{}/", server.port());
        let source = outbound.written(&url("login.example")).unwrap();
        let learnt = async |host: &str| {
            let location = outbound.learnt(&url(host), &source).unwrap();
            outbound.call(Call::get(location)).await
        };
        // The configuration may name it, and its open connection is not lent to those who may not.
        assert!(get(&outbound, &url("inside.example")).await.is_ok());
        assert!(get(&outbound, &url("127.0.0.1")).await.is_ok());
        for host in ["inside.example", "127.0.0.1", "0x7f.1"] {
            let fault = said(learnt(host).await.unwrap_err());
            assert!(fault.contains("no public address"), "{host}: {fault}");
        }
        assert_eq!(server.requests().len(), 2);
        for host in ["named.example", "login.example"] {
            assert!(learnt(host).await.is_ok(), "{host}");
        }
        assert_eq!(
            outbound.learnt("http://else.example/", &source),
            Err(LocationFault::Plaintext)
        );
    });
}

#[test]
#[doc = "KEY-02"]
fn only_the_public_ones_of_several_addresses_are_tried() {
    run(async {
        let clock = clock();
        let background = background(&clock);
        let book = Arc::new(Book(Mutex::default()));
        let resolve: Arc<dyn Resolve> = Arc::clone(&book) as _;
        let connector = |reach| Connector::new(Arc::clone(&resolve), background.timers().clone(), reach);
        let later = clock.now() + seconds(2);
        let addresses = async |reach| connector(reach).addresses("a.example", later).await;
        assert!(matches!(
            addresses(Reach::Anywhere).await,
            Err(ConnectFault::Unresolved(Some(_)))
        ));
        *book.0.lock().unwrap() = ["10.0.0.1", "::ffff:127.0.0.1", "192.0.3.1", "fe80::1"]
            .map(|text| text.parse().unwrap())
            .into();
        assert_eq!(
            addresses(Reach::Public).await.unwrap(),
            ["192.0.3.1".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(addresses(Reach::Anywhere).await.unwrap().len(), 4);
    });
}

#[test]
#[doc = "CF-03"]
fn a_form_carries_its_credential_and_prints_nothing() {
    run(async {
        let background = background(&clock());
        let server = Server::start(&background).await;
        server.on("/introspect", Reply::json("{\"active\":false}"));
        let outbound = outbound(&spec(), &background);
        let to = outbound.written(&server.url("/introspect?q=hidden")).unwrap();
        let secret = Secret::new(b"p:a ss+".to_vec());
        let call = Call::form(to, &[("token", "a b&c=\u{e9}"), ("hint", "x")]).with_client("g w", &secret);
        let printed = format!("{call:?}");
        assert!(
            printed.starts_with("Call(POST http://127.0.0.1:") && printed.ends_with("/introspect)"),
            "{printed}"
        );
        assert_eq!(outbound.call(call).await.unwrap().status, StatusCode::NOT_FOUND);
        let request = server.requests().remove(0);
        // `g+w:p%3Aa+ss%2B`
        assert!(
            request.contains("authorization: Basic Zyt3OnAlM0FhK3NzJTJC\r\n"),
            "{request}"
        );
        assert!(request.ends_with("\r\n\r\ntoken=a+b%26c%3D%C3%A9&hint=x"), "{request}");
    });
}
