use crate::authn::revocation::Revocations;
use crate::authn::{Lasting, OwnKeys};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::authn::method::{Place, Share};
use crate::authn::scripted::Scripted;
use crate::base::clock::{Clock, Timestamp};
use crate::base::random::Random;
use crate::config::spec::{AuthList, CacheSpec};
use crate::request::body::Room;

fn verifier() -> Verifier {
    let spec = CacheSpec {
        size: 1 << 20,
        ttl: Duration::from_secs(60),
        negative_ttl: Duration::from_secs(2),
    };
    let verdicts = Arc::new(Verdicts::new(&spec, &mut Random::system()));
    let clock = Clock::manual(Timestamp::from_millis(0));
    let lasting = Lasting {
        verdicts,
        revocations: Arc::new(Revocations::new(10, &mut Random::system())),
        held: Room::new(0),
        own_keys: Arc::new(OwnKeys::new(clock.clone())),
    };
    Verifier::new([], 0, &[], lasting, clock)
}

fn second(n: u64) -> Moment {
    Moment::START + Duration::from_secs(n)
}

async fn ask(
    verifier: &Verifier,
    authenticator: &Authenticator,
    credential: &str,
    now: Moment,
) -> Result<String, Code> {
    look_up(verifier, authenticator, credential, now, &mut Lookups::default()).await
}

async fn look_up(
    verifier: &Verifier,
    authenticator: &Authenticator,
    credential: &str,
    now: Moment,
    lookups: &mut Lookups,
) -> Result<String, Code> {
    let asked = Asked::for_test("GET", "/", &[]);
    let asking = Asking {
        asked: &asked,
        body: None,
        now: Timestamp::from_millis(0),
    };
    let verdict = verifier
        .verdict(authenticator, credential.as_bytes(), (asking, now), lookups)
        .await;
    verdict
        .map(|known| known.id().to_owned())
        .map_err(|refusal| refusal.code)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work)
}

const REMEMBERED: Memory = Memory::Verdict { ttl: None };

#[test]
#[doc = "CA-02"]
fn a_verdict_is_given_once_and_holds_until_its_time_is_over() {
    let (verifier, method) = (verifier(), Scripted::new("", REMEMBERED));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    block_on(async {
        for _ in 0..3 {
            assert_eq!(ask(&verifier, &own, "alice", second(0)).await, Ok("alice".to_owned()));
        }
        assert_eq!(method.times(), 1);
        assert_eq!(ask(&verifier, &own, "alice", second(59)).await, Ok("alice".to_owned()));
        assert_eq!(method.times(), 1);
        ask(&verifier, &own, "alice", second(60)).await.unwrap();
        assert_eq!(method.times(), 2, "the cache's ttl is over");
    });
}

#[test]
#[doc = "CA-01, CA-04"]
fn another_authenticator_another_credential_and_another_key_set_find_nothing() {
    let (verifier, method) = (verifier(), Scripted::new("", REMEMBERED));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    let other = method.at("a", Place::Bearer, Share::Whole, 2);
    block_on(async {
        ask(&verifier, &own, "alice", second(0)).await.unwrap();
        ask(&verifier, &own, "alicf", second(0)).await.unwrap();
        assert_eq!(method.times(), 2);
        ask(&verifier, &other, "alice", second(0)).await.unwrap();
        assert_eq!(method.times(), 3, "other settings are another instance");
        method.generation.store(1, Ordering::SeqCst);
        ask(&verifier, &own, "alice", second(0)).await.unwrap();
        assert_eq!(method.times(), 4, "the keys have been rotated");
        ask(&verifier, &own, "alice", second(0)).await.unwrap();
        assert_eq!(method.times(), 4);
    });
}

#[test]
#[doc = "CA-06"]
fn a_refusal_is_remembered_for_a_moment_and_an_outage_never() {
    let (verifier, method) = (verifier(), Scripted::new("", REMEMBERED));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    block_on(async {
        for _ in 0..3 {
            assert_eq!(ask(&verifier, &own, "bad", second(0)).await, Err(Code::TokenSignature));
        }
        assert_eq!(method.times(), 1);
        ask(&verifier, &own, "bad", second(2)).await.unwrap_err();
        assert_eq!(method.times(), 2);
        for _ in 0..3 {
            assert_eq!(
                ask(&verifier, &own, "away", second(0)).await,
                Err(Code::IssuerUnavailable)
            );
        }
        assert_eq!(method.times(), 5);
    });
}

#[test]
#[doc = "CA-06, CA-08"]
fn bad_credentials_push_out_no_good_ones_and_memory_is_bounded() {
    let (verifier, method) = (verifier(), Scripted::new("", REMEMBERED));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    block_on(async {
        ask(&verifier, &own, "alice", second(0)).await.unwrap();
        for n in 0..20_000 {
            let key = Verdicts::key(n, &own);
            let refusal = Refusal::new(Code::TokenSignature, "bad");
            verifier.verdicts.remember_refusal(key, &refusal, second(0));
        }
        let before = method.times();
        ask(&verifier, &own, "alice", second(0)).await.unwrap();
        assert_eq!(method.times(), before);
    });
}

#[test]
fn a_method_that_wants_to_see_every_request_sees_it() {
    let (verifier, method) = (verifier(), Scripted::new("", Memory::Never));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    block_on(async {
        for _ in 0..3 {
            ask(&verifier, &own, "alice", second(0)).await.unwrap();
        }
    });
    assert_eq!(method.times(), 3);
}

#[test]
#[doc = "CA-07"]
fn one_of_many_does_the_work_and_all_hear_of_it() {
    let (verifier, method) = (verifier(), Scripted::new("", Memory::Shared { ttl: None }));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    let gate = Arc::new(tokio::sync::Notify::new());
    *method.gate.lock().unwrap() = Some(Arc::clone(&gate));
    block_on(async {
        let asking = (0..50).map(|_| ask(&verifier, &own, "alice", second(0)));
        let opening = async {
            while method.times() == 0 {
                tokio::task::yield_now().await;
            }
            gate.notify_one();
        };
        let (all, ()) = futures_util::future::join(futures_util::future::join_all(asking), opening).await;
        assert!(all.iter().all(|one| one.as_deref() == Ok("alice")));
        assert_eq!(method.times(), 1);
    });
}

#[test]
#[doc = "CA-07"]
fn another_takes_over_when_the_one_who_does_the_work_is_cut_off() {
    let (verifier, method) = (verifier(), Scripted::new("", Memory::Shared { ttl: None }));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    let gate = Arc::new(tokio::sync::Notify::new());
    *method.gate.lock().unwrap() = Some(Arc::clone(&gate));
    block_on(async {
        let mut leader = Box::pin(ask(&verifier, &own, "alice", second(0)));
        let mut follower = Box::pin(ask(&verifier, &own, "alice", second(0)));
        assert!(futures_util::poll!(&mut leader).is_pending());
        assert!(futures_util::poll!(&mut follower).is_pending());
        assert_eq!(method.times(), 1);
        drop(leader);
        *method.gate.lock().unwrap() = None;
        assert_eq!(follower.await, Ok("alice".to_owned()));
        assert_eq!(method.times(), 2);
    });
}

#[test]
fn what_was_remembered_is_told_from_what_was_not() {
    let verifier = verifier();
    let (method, never) = (Scripted::new("", REMEMBERED), Scripted::new("", Memory::Never));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    let other = never.at("b", Place::Bearer, Share::Whole, 2);
    let mut lookups = Lookups::default();
    block_on(async {
        for (authenticator, credential, at, hits, misses) in [
            (&own, "alice", 0, 0, 1),
            (&own, "alice", 0, 1, 1),
            (&own, "alice", 60, 1, 2),
            // A refusal is remembered like anything else, an outage is not.
            (&own, "bad", 60, 1, 3),
            (&own, "bad", 60, 2, 3),
            (&own, "away", 60, 2, 4),
            (&own, "away", 60, 2, 5),
            // Nothing is looked for where nothing is kept.
            (&other, "alice", 60, 2, 5),
        ] {
            let _verdict = look_up(&verifier, authenticator, credential, second(at), &mut lookups).await;
            assert_eq!(lookups, Lookups { hits, misses }, "{credential} at {at}");
        }
    });
}

#[test]
#[doc = "CA-07, CF-07"]
fn a_panic_of_the_one_who_does_the_work_hangs_nobody() {
    let (verifier, method) = (verifier(), Scripted::new("", Memory::Shared { ttl: None }));
    let own = method.at("a", Place::Bearer, Share::Whole, 1);
    block_on(async {
        for _ in 0..2 {
            let asking = std::panic::AssertUnwindSafe(ask(&verifier, &own, "panic", second(0)));
            assert!(futures_util::FutureExt::catch_unwind(asking).await.is_err());
        }
        assert_eq!(method.times(), 2, "nothing was remembered of it");
        assert_eq!(ask(&verifier, &own, "alice", second(0)).await, Ok("alice".to_owned()));
    });
}

fn listed(or_public: bool) -> Listed {
    let (one, other) = (Scripted::new("1", REMEMBERED), Scripted::new("2", REMEMBERED));
    let all = [
        one.at("one", Place::Bearer, Share::Issuer("1".into()), 1),
        other.at("other", Place::Bearer, Share::Issuer("2".into()), 2),
    ];
    let list = AuthList {
        items: vec![vec![0], vec![1]],
        or_public,
    };
    Listed::new(&list, &all)
}

fn owner(credential: &str) -> Result<Option<usize>, Code> {
    let asked = Asked::for_test("GET", "/", &[("authorization", credential)]);
    match claim(&listed(false), &asked) {
        Ok(claimed) => Ok(claimed.first().map(|claimed| claimed.member)),
        Err(IdentityFault::Refused(refused)) => Err(refused.refusal.code),
        Err(IdentityFault::Body(_)) => unreachable!(),
    }
}

#[test]
fn each_credential_has_the_owner_that_claims_it() {
    assert_eq!(owner("Bearer 1x"), Ok(Some(0)));
    assert_eq!(owner("Bearer 2x"), Ok(Some(1)));
    assert_eq!(owner("Basic eA=="), Ok(None), "nobody listed reads it");
}

#[test]
#[doc = "AZ-02, P-1"]
fn a_credential_that_nobody_claims_ends_the_request() {
    assert_eq!(owner("Bearer 3x"), Err(Code::TokenIssuer));
}
