use std::sync::Arc;
use std::time::Duration;

use super::feed::{Feed, PAUSE, RevokeFault};
use super::*;
use crate::authn::principal::Handles;
use crate::base::clock::Clock;
use crate::base::timers::Timers;
use crate::identity::keys::NewKey;
use crate::identity::model::api_key::ApiKey;
use crate::identity::store::Store;
use crate::storage::tests::{NOW, Stage};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn list(capacity: usize) -> Revocations {
    Revocations::new(capacity, &mut Random::system())
}

fn verified(subject: &str, handles: Handles) -> Verified {
    Verified {
        handles,
        ..Verified::of(subject)
    }
}

fn token(id: &str) -> Verified {
    verified(
        "alice",
        Handles {
            token: Some(id.into()),
            ..Handles::default()
        },
    )
}

fn revocation(what: What, authenticator: Option<&str>, id: &str, until: Option<u64>) -> Revocation {
    Revocation {
        target: Target::new(what, authenticator, id).unwrap(),
        until: until.map(at),
    }
}

#[test]
fn a_revocation_meets_what_it_names_and_nothing_else() {
    let all = verified(
        "alice",
        Handles {
            token: Some("t".into()),
            key: Some("k".into()),
            session: Some("s".into()),
        },
    );
    for (what, id) in [
        (What::Token, "t"),
        (What::Key, "k"),
        (What::Session, "s"),
        (What::Subject, "alice"),
    ] {
        let list = list(10);
        list.revoke(&revocation(what, Some("idp"), id, None), NOW).unwrap();
        assert_eq!(list.is_revoked("idp", &all), Some(what));
        assert_eq!(
            list.is_revoked("other", &all),
            None,
            "{what:?} of another authenticator"
        );
        assert_eq!(list.is_revoked("idp", &verified("bob", Handles::default())), None);
        // The same text as another kind of name.
        let swapped = verified(
            "k",
            Handles {
                token: Some("s".into()),
                key: Some("t".into()),
                session: Some("alice".into()),
            },
        );
        assert_eq!(list.is_revoked("idp", &swapped), None, "{what:?}");
    }
    let anywhere = list(10);
    anywhere.revoke(&revocation(What::Token, None, "t", None), NOW).unwrap();
    assert_eq!(anywhere.is_revoked("idp", &all), Some(What::Token));
    assert_eq!(anywhere.is_revoked("other", &all), Some(What::Token));
}

#[test]
fn two_texts_never_run_into_one() {
    let list = list(10);
    list.revoke(&revocation(What::Token, Some("ab"), "c", None), NOW)
        .unwrap();
    assert_eq!(list.is_revoked("a", &token("bc")), None);
    assert_eq!(list.is_revoked("", &token("abc")), None);
    assert_eq!(list.is_revoked("ab", &token("c")), Some(What::Token));
    let anywhere = self::list(10);
    anywhere
        .revoke(&revocation(What::Token, Some(""), "c", None), NOW)
        .unwrap();
    assert_eq!(
        anywhere.is_revoked("ab", &token("c")),
        None,
        "no authenticator is not one without a name"
    );
}

#[test]
#[doc = "CA-08"]
fn the_epoch_changes_with_every_revocation_and_with_nothing_else() {
    let list = list(10);
    let first = list.epoch();
    assert_eq!(list.is_revoked("idp", &token("t")), None);
    assert_eq!(list.epoch(), first);
    list.revoke(&revocation(What::Token, None, "t", Some(5000)), at(0))
        .unwrap();
    let second = list.epoch();
    assert_ne!(second, first);
    list.forget(at(9000));
    assert_eq!((list.epoch(), list.len()), (second, 0));
}

#[test]
fn what_is_over_is_forgotten_and_a_longer_end_counts() {
    let list = list(10);
    for (id, until) in [
        ("a", Some(5000)),
        ("b", Some(5001)),
        ("c", None),
        ("d", Some(100)),
        ("d", None),
        ("d", Some(100)),
    ] {
        list.revoke(&revocation(What::Token, None, id, until), at(0)).unwrap();
    }
    assert_eq!(list.len(), 4);
    list.forget(at(5000));
    let left: Vec<&str> = ["a", "b", "c", "d"]
        .into_iter()
        .filter(|id| list.is_revoked("x", &token(id)).is_some())
        .collect();
    assert_eq!(left, ["b", "c", "d"]);
}

#[test]
#[doc = "CA-08"]
fn a_full_list_refuses_and_forgets_nothing_early() {
    let list = list(3);
    list.revoke(&revocation(What::Token, None, "short", Some(1000)), at(0))
        .unwrap();
    for id in ["a", "b"] {
        list.revoke(&revocation(What::Token, None, id, None), at(0)).unwrap();
    }
    let more = revocation(What::Token, None, "more", None);
    assert_eq!(list.revoke(&more, at(999)), Err(Full(3)));
    for id in ["short", "a", "b"] {
        assert!(list.is_revoked("x", &token(id)).is_some(), "{id}");
    }
    list.revoke(&revocation(What::Token, None, "a", None), at(999)).unwrap();
    list.revoke(&more, at(1000)).unwrap();
    assert!(list.is_revoked("x", &token("more")).is_some());
    assert_eq!(list.len(), 3);
}

#[test]
#[doc = "CA-03"]
fn whoever_asks_after_a_revocation_sees_it() {
    let list = Arc::new(list(CAPACITY));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let list = Arc::clone(&list);
            scope.spawn(move || {
                for number in 0..500 {
                    let id = format!("{worker}-{number}");
                    let before = list.epoch();
                    list.revoke(&revocation(What::Token, None, &id, None), NOW).unwrap();
                    assert!(list.epoch() > before);
                    assert_eq!(list.is_revoked("x", &token(&id)), Some(What::Token));
                }
            });
        }
    });
    assert_eq!(list.len(), 2000);
}

#[test]
fn streams_are_woken() {
    let list = list(10);
    let mut waiting = list.subscribe();
    assert!(!waiting.has_changed().unwrap());
    list.revoke(&revocation(What::Session, None, "s", None), NOW).unwrap();
    assert!(waiting.has_changed().unwrap());
    assert_eq!(*waiting.borrow_and_update(), list.epoch());
}

#[test]
#[doc = "CA-03"]
fn what_another_process_revokes_is_in_force_within_a_second() {
    let stage = Stage::new();
    let (here, there) = (Store::sqlite(stage.open()), Store::sqlite(stage.open()));
    let made = NewKey::make(&mut Random::system());
    let presented = verified(
        "billing",
        Handles {
            key: Some(made.id.as_str().into()),
            ..Handles::default()
        },
    );
    let list = Arc::new(list(100));
    stage.runtime.block_on(async {
        let early = revocation(What::Token, None, "early", None);
        there.add(early).await.unwrap();
        there.create(ApiKey::for_test(&made, "billing")).await.unwrap();
        let feed = Feed::load(Arc::clone(&list), here, stage.clock.clone()).await.unwrap();
        assert_eq!(
            list.is_revoked("idp", &token("early")),
            Some(What::Token),
            "not there before readiness"
        );
        assert_eq!(list.is_revoked("keys", &presented), None);

        let mut changed = list.subscribe();
        let timers = stage.background.timers().clone();
        stage.background.spawn("follow", feed.follow(timers));
        there.revoke(made.id.clone(), NOW).await.unwrap();
        const { assert!(PAUSE.as_millis() < 500, "a look that just missed it, and the next one") };
        let patience = Timers::new(Clock::system());
        let heard = async {
            // Where the task did not yet wait when the clock was moved, it is moved once more.
            for _ in 0..100 {
                stage.clock.advance(PAUSE);
                if patience
                    .within(Duration::from_millis(100), changed.changed())
                    .await
                    .is_some()
                {
                    return;
                }
            }
            panic!("it was never heard of");
        };
        tokio::select! {
            () = patience.clone().run() => unreachable!("the wheel turns for ever"),
            () = heard => {}
        }
        assert_eq!(list.is_revoked("keys", &presented), Some(What::Key));
    });
}

#[test]
#[doc = "CA-03"]
fn one_look_sees_everything_that_was_written_before_it() {
    let stage = Stage::new();
    let (here, there) = (Store::sqlite(stage.open()), Store::sqlite(stage.open()));
    let list = Arc::new(list(100));
    stage.runtime.block_on(async {
        let mut feed = Feed::load(Arc::clone(&list), here, stage.clock.clone()).await.unwrap();
        let quiet = list.epoch();
        feed.look().await.unwrap();
        feed.look().await.unwrap();
        for id in ["a", "b"] {
            there.add(revocation(What::Token, None, id, None)).await.unwrap();
            feed.look().await.unwrap();
            assert!(list.is_revoked("x", &token(id)).is_some(), "{id}");
        }
        assert_eq!(list.epoch(), quiet + 2, "a look without a change is no change");
    });
}

#[test]
#[doc = "CF-06"]
fn a_store_that_is_gone_leaves_the_revocation_in_force_here() {
    let stage = Stage::new();
    let store = Store::sqlite(stage.open());
    let list = Arc::new(list(100));
    stage.runtime.block_on(async {
        let mut feed = Feed::load(Arc::clone(&list), store.clone(), stage.clock.clone())
            .await
            .unwrap();
        let kept = revocation(What::Token, None, "kept", None);
        list.revoke_and_keep(kept, &store, &stage.clock).await.unwrap();
        store.close().await.unwrap();
        let lost = revocation(What::Token, None, "lost", None);
        let outcome = list.revoke_and_keep(lost, &store, &stage.clock).await;
        assert!(matches!(outcome, Err(RevokeFault::NotKept(_))), "{outcome:?}");
        assert!(feed.look().await.is_err());
        for id in ["kept", "lost"] {
            assert!(list.is_revoked("x", &token(id)).is_some(), "{id}");
        }
    });
}
