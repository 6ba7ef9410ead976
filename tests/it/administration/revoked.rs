//! Revoked means refused: from the answer to the call on, whoever asks at the same time (CA-03).

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::{KEY, KEY_ID, guarded, revoke, store_in};
use crate::support::token::Token;
use crate::support::{Client, LIMIT, Request, Upstream, get};

/// Eight clients that ask without pause on two workers; every request that begins after the call has returned gets `code`.
#[track_caller]
fn refused_from_then_on(request: &Request, body: &str, code: &str) {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).workers(2).start();
    let (revoked, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let counts: Vec<_> = (0..8)
        .map(|_| Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]))
        .collect();
    let threads: Vec<_> = counts
        .iter()
        .map(|count| {
            let (revoked, over, count) = (Arc::clone(&revoked), Arc::clone(&over), Arc::clone(count));
            let (address, request, code) = (gateway.address(), request.bytes(), code.to_owned());
            thread::spawn(move || {
                let mut client = Client::to(address);
                while !over.load(Ordering::SeqCst) {
                    let began_after = revoked.load(Ordering::SeqCst);
                    let answer = client.ask(request.clone());
                    if began_after || answer.status != 200 {
                        answer.is_problem(401, &code);
                    }
                    count[usize::from(began_after)].fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let until = Instant::now() + LIMIT;
    let each_has = |place: usize, least: usize| {
        while counts.iter().any(|count| count[place].load(Ordering::SeqCst) < least) {
            assert!(Instant::now() < until, "the clients do not get on");
            thread::yield_now();
        }
    };
    each_has(0, 20);
    revoke(&gateway, body);
    revoked.store(true, Ordering::SeqCst);
    let seen = || upstream.requests().len();
    each_has(1, 1);
    // What began before has ended by now.
    let before = seen();
    each_has(1, 30);
    over.store(true, Ordering::SeqCst);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(seen(), before);
}

fn bearing(token: &Token) -> Request {
    get("/").field("Authorization", &token.bearer())
}

#[test]
#[doc = "CA-03"]
fn no_request_with_a_revoked_token_is_let_in_after_the_call_has_returned() {
    let token = Token::of("alice").claim("jti", "t");
    refused_from_then_on(&bearing(&token), r#"{"token":"t"}"#, "token.revoked");
}

#[test]
#[doc = "CA-03"]
fn no_request_of_a_revoked_subject_is_let_in_after_the_call_has_returned() {
    let body = r#"{"subject":"alice","authenticator":"idp"}"#;
    refused_from_then_on(&bearing(&Token::of("alice")), body, "token.revoked");
}

#[test]
#[doc = "CA-03"]
fn no_request_of_a_revoked_session_is_let_in_after_the_call_has_returned() {
    let token = Token::of("alice").claim("sid", "s");
    refused_from_then_on(&bearing(&token), r#"{"session":"s"}"#, "session.expired");
}

#[test]
#[doc = "CA-03"]
fn no_request_with_a_revoked_key_is_let_in_after_the_call_has_returned() {
    let body = format!("{{\"key\":\"{KEY_ID}\"}}");
    refused_from_then_on(&get("/").field("X-API-KEY", KEY), &body, "key.revoked");
}

#[test]
#[doc = "CA-03"]
fn a_revocation_concerns_nobody_else_and_ends_with_its_time() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let ask = |token: &Token| gateway.ask(bearing(token));
    let (one, other) = (
        Token::of("alice").claim("jti", "1"),
        Token::of("alice").claim("jti", "2"),
    );
    ask(&one).is(200);
    revoke(&gateway, r#"{"token":"1","expires":"10m"}"#);
    ask(&one).is_problem(401, "token.revoked");
    ask(&other).is(200);
    gateway.ask(get("/").field("X-API-KEY", KEY)).is(200);
    // Longer than the revocation and the pause between two rounds of forgetting.
    gateway.clock.advance_secs(599);
    ask(&one).is_problem(401, "token.revoked");
}

#[test]
#[doc = "CA-03"]
fn what_another_process_revokes_in_the_store_is_refused_within_a_second() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let gateway = guarded(&upstream).top(&store_in(folder.path())).start();
    let token = Token::of("alice").claim("jti", "t");
    gateway.ask(bearing(&token)).is(200);
    let file = folder.path().join("elsewhere.yaml");
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:0\" }}]\nadmin: {{ addr: \"127.0.0.1:1\" }}\n{}\nroutes: []\n",
        store_in(folder.path())
    );
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["token", "revoke", "-c", file.to_str().unwrap(), "--id", "t"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // A second, and no more of it, whatever the machine takes for reading the store.
    gateway.clock.advance_secs(1);
    let until = Instant::now() + LIMIT;
    while gateway.ask(bearing(&token)).status != 401 {
        assert!(Instant::now() < until, "the revocation does not come in");
    }
    gateway.ask(bearing(&token)).is_problem(401, "token.revoked");
}
