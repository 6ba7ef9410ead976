//! Answers of upstreams: judged as strictly as requests, and never mixed up.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::upstream::OK;
use crate::support::{Client, Gate, LIMIT, Request, Setup, Upstream, get, shown};

/// The first connection answers with `answer` and stays open; every later one is well behaved.
fn once(answer: impl AsRef<[u8]>) -> Upstream {
    let answer = answer.as_ref().to_vec();
    Upstream::scripted(move |conn| {
        while conn.request().is_some() {
            let bytes = if conn.number() == 0 { &answer[..] } else { OK };
            conn.send(bytes);
        }
    })
}

fn refused(request: &Request, answer: &[u8]) {
    let upstream = once(answer);
    let gateway = Setup::to(&upstream).start();
    gateway.ask(request.clone()).is_problem(502, "upstream.protocol");
    upstream.end_within(0, LIMIT).expect("the connection is kept");
    assert_eq!(gateway.get("/next").is(200).text(), "ok");
    assert_eq!(upstream.connections(), 2);
}

/// Each answer becomes a 502, its connection is dropped, and the next request gets its own answer.
#[track_caller]
fn all_refused(request: &Request, answers: &[(&str, &[u8])]) {
    let mut wrong = String::new();
    for (name, answer) in answers {
        let outcome = catch_unwind(AssertUnwindSafe(|| refused(request, answer)));
        if let Err(panic) = outcome {
            let why = panic.downcast_ref::<String>().cloned();
            let why = why.or_else(|| panic.downcast_ref::<&str>().map(|why| (*why).to_owned()));
            writeln!(wrong, "== {name}\n{}\n-- {}", shown(answer), why.unwrap_or_default()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
#[doc = "HTTP-16"]
fn answers_with_ambiguous_lengths_are_502() {
    all_refused(
        &get("/x"),
        &[
            (
                "both framing fields",
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
            (
                "both, the other way round",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
            ("plus", b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"),
            ("minus", b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"),
            ("hexadecimal", b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok"),
            ("empty", b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok"),
            ("a word", b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok"),
            (
                "overflow",
                b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok",
            ),
            (
                "twenty digits",
                b"HTTP/1.1 200 OK\r\nContent-Length: 00000000000000000002\r\n\r\nok",
            ),
            ("a list", b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok"),
            ("a list of equals", b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"),
            (
                "two lengths",
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            ),
            (
                "chunked in a list",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
            (
                "chunked twice",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
            (
                "unknown coding",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
            ),
            ("identity", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok"),
            (
                "two coding fields",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            ),
            (
                "chunked in 1.0",
                b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
        ],
    );
}

#[test]
#[doc = "HTTP-16"]
fn heads_that_two_parsers_read_differently_are_502() {
    all_refused(
        &get("/x"),
        &[
            ("no HTTP", b"hello\r\n\r\n"),
            ("no version", b"200 OK\r\n\r\n"),
            ("another version", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
            ("two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
            ("four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
            ("below 100", b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
            ("a word for a status", b"HTTP/1.1 two OK\r\nContent-Length: 0\r\n\r\n"),
            (
                "folded",
                b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
            ),
            (
                "space before the colon",
                b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
            ),
            ("no colon", b"HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 0\r\n\r\n"),
            ("NUL", b"HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 0\r\n\r\n"),
            (
                "bare CR",
                b"HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nContent-Length: 0\r\n\r\n",
            ),
            (
                "control in the reason",
                b"HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
    );
}

#[test]
#[doc = "HTTP-16"]
fn an_answer_that_never_comes_is_502() {
    let upstream = Upstream::scripted(|conn| {
        let _asked = conn.request();
    });
    let gateway = Setup::to(&upstream).start();
    gateway.ask(Request::new("POST", "/x")).is(502);
    let upstream = Upstream::scripted(|conn| {
        if conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Len");
        }
    });
    let gateway = Setup::to(&upstream).start();
    gateway.ask(Request::new("POST", "/x")).is(502);
}

#[test]
#[doc = "HTTP-16, METH-03"]
fn a_101_nobody_asked_for_is_502() {
    const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    all_refused(&get("/x"), &[("101", SWITCH)]);
    all_refused(&Request::new("POST", "/x").body("abc"), &[("101 to a POST", SWITCH)]);
    let asked = get("/x").field("Connection", "Upgrade").field("Upgrade", "exotic");
    all_refused(&asked, &[("101 to what was not passed on", SWITCH)]);
}

#[test]
#[doc = "HTTP-16"]
fn a_body_where_none_can_be_is_never_taken_for_the_next_answer() {
    const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let cases = [
        (
            "204 with a length",
            "GET",
            format!(
                "HTTP/1.1 204 No Content\r\nContent-Length: {}\r\n\r\n{POISON}",
                POISON.len()
            ),
        ),
        (
            "204 with chunks",
            "GET",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        (
            "204 with more",
            "GET",
            format!("HTTP/1.1 204 No Content\r\n\r\n{POISON}"),
        ),
        (
            "304 with more",
            "GET",
            format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n{POISON}"),
        ),
        (
            "HEAD with a body",
            "HEAD",
            format!("HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\r\n{POISON}"),
        ),
        (
            "surplus",
            "GET",
            format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{POISON}"),
        ),
        (
            "surplus after chunks",
            "GET",
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{POISON}"),
        ),
        (
            "an answer before it is asked for",
            "GET",
            format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n{POISON}"),
        ),
    ];
    for (name, method, answer) in cases {
        let upstream = once(&answer);
        let gateway = Setup::to(&upstream).start();
        let mut client = gateway.client();
        client.send(Request::new(method, "/x"));
        // Whether the surplus was seen before the answer went out, or after: both are safe.
        let first = if method == "HEAD" {
            client.response_to_head()
        } else {
            client.response()
        };
        assert!(matches!(first.status, 200 | 204 | 304 | 502), "{name}: {first:?}");
        assert!(!first.text().contains("poison"), "{name}: {first:?}");
        for _ in 0..2 {
            assert_eq!(gateway.get("/next").is(200).text(), "ok", "{name}");
        }
        upstream
            .end_within(0, LIMIT)
            .unwrap_or_else(|| panic!("{name}: the connection is kept"));
    }
}

#[test]
#[doc = "HTTP-16, HTTP-17"]
fn surplus_bytes_that_come_later_are_never_taken_for_the_next_answer() {
    let gate = Gate::closed();
    let sent = Gate::closed();
    let (opened, told) = (gate.clone(), sent.clone());
    let upstream = Upstream::scripted(move |conn| {
        while conn.request().is_some() {
            conn.send(OK);
            if conn.number() == 0 {
                opened.wait();
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
                told.open();
                conn.wait_end();
            }
        }
    });
    let gateway = Setup::to(&upstream).start();
    gateway.get("/x").is(200);
    gate.open();
    sent.wait();
    for _ in 0..3 {
        assert_eq!(gateway.get("/next").is(200).text(), "ok");
    }
    upstream
        .end_within(0, LIMIT)
        .expect("a connection that spoke unasked is kept");
    assert_eq!(upstream.connections(), 2);
}

#[test]
#[doc = "HTTP-16"]
fn eight_interim_answers_are_taken_and_a_ninth_is_502() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let ok = String::from_utf8(OK.to_vec()).unwrap();
    let upstream = Upstream::answering(format!("{}{ok}", interim.repeat(8)));
    let gateway = Setup::to(&upstream).start();
    assert_eq!(gateway.get("/x").is(200).text(), "ok");
    all_refused(
        &get("/x"),
        &[
            ("nine at once", format!("{}{ok}", interim.repeat(9)).as_bytes()),
            ("hundreds", format!("{}{ok}", interim.repeat(300)).as_bytes()),
            (
                "nine times 100",
                format!("{}{ok}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(9)).as_bytes(),
            ),
        ],
    );
}

#[test]
#[doc = "HTTP-16"]
fn interim_answers_one_by_one_count_too() {
    let upstream = Upstream::scripted(|conn| {
        while conn.request().is_some() {
            for _ in 0..9 {
                conn.send_slowly(b"HTTP/1.1 102 Processing\r\n\r\n");
            }
            conn.send(OK);
        }
    });
    let gateway = Setup::to(&upstream).start();
    gateway.get("/x").is_problem(502, "upstream.protocol");
}

#[test]
#[doc = "HTTP-16"]
fn an_answers_head_may_have_64_kib_and_no_more() {
    let with = |fields: usize| {
        let padding = format!("X-Pad: {}\r\n", "x".repeat(1014)).repeat(fields);
        format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{padding}\r\nok")
    };
    let upstream = Upstream::answering(with(60));
    let gateway = Setup::to(&upstream).start();
    assert_eq!(gateway.get("/x").is(200).head.all("x-pad").len(), 60);
    all_refused(&get("/x"), &[("70 KiB", with(70).as_bytes())]);
}

#[test]
#[doc = "HTTP-16"]
fn an_answer_that_breaks_off_is_not_completed() {
    let cases: &[(&str, &[u8])] = &[
        (
            "short of its length",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        ),
        (
            "no last chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ),
        (
            "half a chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
        ),
        (
            "bad size",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n",
        ),
        (
            "LF after the size",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\nabc\r\n0\r\n\r\n",
        ),
        (
            "LF after the data",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\na\n0\r\n\r\n",
        ),
        (
            "bad trailer",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX : 1\r\n\r\n",
        ),
    ];
    for (name, answer) in cases {
        let upstream = Upstream::answering_once(answer);
        let gateway = Setup::to(&upstream).start();
        let mut client = gateway.client();
        client.send(get("/x")).send(get("/next"));
        match client.answer(false) {
            Ok(answer) => assert_eq!(answer.status, 502, "{name}"),
            Err(why) => assert!(why.contains("Closed") || why.contains("Reset"), "{name}: {why}"),
        }
        upstream.wait_end(0);
    }
}

#[test]
#[doc = "HTTP-17"]
fn a_cleanly_ended_connection_is_reused() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.get("/a").is(200);
    client.ask(crate::support::post("/b", "abc")).is(200);
    gateway.get("/c").is(200);
    assert_eq!((upstream.connections(), upstream.requests().len()), (1, 3));
}

#[test]
#[doc = "HTTP-17"]
fn a_connection_is_not_reused_when_its_answer_says_so_or_binds_it_to_a_client() {
    let answers: &[&str] = &[
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM TlRMTVNTUAAC\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate oRUw\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: negotiate\r\nContent-Length: 2\r\n\r\nok",
    ];
    for answer in answers {
        let upstream = once(answer);
        let gateway = Setup::to(&upstream).start();
        assert_eq!(gateway.get("/x").text(), "ok", "{answer}");
        upstream
            .end_within(0, LIMIT)
            .unwrap_or_else(|| panic!("kept after {answer}"));
        gateway.get("/next").is(200);
        assert_eq!(upstream.connections(), 2, "{answer}");
    }
}

#[test]
#[doc = "HTTP-17"]
fn an_answer_without_a_length_ends_with_its_connection() {
    let upstream = Upstream::answering_once("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it");
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    assert_eq!(client.get("/x").is(200).text(), "all of it");
    assert_eq!(client.get("/y").is(200).text(), "all of it");
    assert_eq!(upstream.connections(), 2);
}

#[test]
#[doc = "HTTP-17"]
fn an_abandoned_answer_takes_its_connection_with_it() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request().is_some() {
            if conn.number() == 0 {
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsecret");
                held.wait();
                conn.send(b"last");
            } else {
                conn.send(OK);
            }
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    client.read_until(b"secret");
    drop(client);
    upstream.wait_end(0);
    gate.open();
    assert_eq!(gateway.get("/next").is(200).text(), "ok");
}

#[test]
#[doc = "HTTP-17"]
fn many_clients_at_once_each_get_their_own_answer() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request() {
            let target = request.target().to_owned();
            conn.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}",
                target.len()
            ));
        }
    });
    let gateway = Setup::to(&upstream).workers(2).start();
    let address = gateway.address();
    let asked = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let asked = Arc::clone(&asked);
            std::thread::spawn(move || {
                let mut client = Client::to(address);
                for number in 0..200 {
                    let target = format!("/{thread}/{number}");
                    assert_eq!(client.get(&target).is(200).text(), target);
                    asked.fetch_add(1, Ordering::Relaxed);
                    if number % 50 == 49 {
                        client = Client::to(address);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1600);
}
