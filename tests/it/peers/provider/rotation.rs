//! The provider changes its keys while its tokens are in use.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, RwLock};
use std::thread;

use super::{Provider, Site, fetches, present, refreshed};
use crate::support::Gateway;

const CLIENTS: usize = 4;
const ROTATIONS: usize = 3;

/// Tokens in use. Whoever asks holds it for reading, so that who holds it for writing may move time: a jump of minutes
/// would be too long a wait for any request under way.
type Used = RwLock<Vec<String>>;

#[test]
#[doc = "KEY-03, KEY-04, KEY-05, CA-04"]
fn keys_change_under_load_and_no_good_token_is_refused() {
    let (provider, site) = (Provider::start(), Site::new());
    let gateway = site.before(&provider).workers(2).start();
    let first = provider.one_of_each();
    let used: Used = RwLock::new(first.clone());
    let (ended, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (gateway, used, ended, served) = (&gateway, &used, &ended, &served);
            scope.spawn(move || {
                let mut turn = client;
                while !ended.load(Ordering::Relaxed) {
                    let used = used.read().unwrap();
                    present(gateway, &used[turn % used.len()]).is(200);
                    served.fetch_add(1, Ordering::Relaxed);
                    turn += 1;
                }
            });
        }
        let _ended = EndsLoad(&ended);
        for rotation in 1..=ROTATIONS {
            serve(&served, 40);
            provider.tell("/keys/add");
            let fresh = provider.one_of_each();
            let asked = provider.seen("/jwks");
            all_at_once(&gateway, &fresh);
            assert_eq!(provider.seen("/jwks"), asked + 1, "rotation {rotation}");
            used.write().unwrap().extend(fresh);
            serve(&served, 40);
            let _nobody_waits = used.write().unwrap();
            gateway.clock.advance_secs(31);
        }
        provider.tell("/keys/retire");
        // They are good until the next refresh, and may be used until then.
        serve(&served, 40);
        let mut used = used.write().unwrap();
        let last = used.split_off(ROTATIONS * first.len());
        refreshed(&gateway, "ok");
        for gone in used.iter() {
            // What was remembered of them counts for nothing, and they stay refused.
            present(&gateway, gone).is_problem(401, "token.signature");
        }
        *used = last;
        drop(used);
        serve(&served, 40);
    });
}

/// Whatever a panic skips, the clients come to an end.
struct EndsLoad<'a>(&'a AtomicBool);

impl Drop for EndsLoad<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Until the clients were answered so many times more.
fn serve(served: &AtomicUsize, more: usize) {
    let until = served.load(Ordering::Relaxed) + more;
    let began = std::time::Instant::now();
    while served.load(Ordering::Relaxed) < until {
        assert!(began.elapsed() < crate::support::LIMIT, "the clients have stopped");
        thread::yield_now();
    }
}

/// Each token by a client of its own, none before the others.
fn all_at_once(gateway: &Gateway, tokens: &[String]) {
    let ready = Barrier::new(tokens.len());
    thread::scope(|scope| {
        for token in tokens {
            scope.spawn(|| {
                ready.wait();
                present(gateway, token).is(200);
            });
        }
    });
}

#[test]
#[doc = "KEY-03"]
fn names_of_keys_that_nobody_has_do_not_reach_the_provider() {
    let (provider, other, site) = (Provider::start(), Provider::start(), Site::new());
    let gateway = site.before(&provider).start();
    present(&gateway, &provider.signed("ES256")).is(200);
    let asked = provider.seen("/jwks");
    // As a stranger would make them: its name, and keys of somebody else.
    let forged = |token: &str| renamed(token, &provider.url());
    for _ in 0..3 {
        for token in other.one_of_each() {
            present(&gateway, &forged(&token)).is_problem(401, "token.signature");
        }
        other.tell("/keys/add");
    }
    assert_eq!(provider.seen("/jwks"), asked + 1);
    assert!(fetches(&gateway, "failed") < 1.0);
    present(&gateway, &provider.signed("RS256")).is(200);
}

/// The token with another issuer, and the signature as it was.
fn renamed(token: &str, issuer: &str) -> String {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let mut claims = super::claims(token);
    claims["iss"] = issuer.into();
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[1] = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    parts.join(".")
}
