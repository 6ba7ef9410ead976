//! What every engine promises: one suite, run on each of them.

use super::*;
use crate::base::random::Random;
use crate::identity::keys::NewKey;
use crate::identity::model::api_key::State;
use crate::identity::model::revocation::{Target, What};
use crate::identity::store::last_used::LastUsed;
use crate::storage::tests::Stage;

/// A store, and another way into the same one, as a second process has it.
fn sqlite(stage: &Stage) -> (Store, Store) {
    (Store::sqlite(stage.open()), Store::sqlite(stage.open()))
}

macro_rules! promises {
    ($($(#[$meta:meta])* async fn $name:ident($one:ident: Store, $other:ident: Store) $body:block)*) => {
        mod on_sqlite {
            use super::*;

            $($(#[$meta])* #[test] fn $name() {
                let stage = Stage::new();
                let ($one, $other) = sqlite(&stage);
                stage.runtime.block_on(async move $body);
            })*
        }
    };
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn made() -> NewKey {
    NewKey::make(&mut Random::system())
}

fn revocation(id: &str, until: Option<u64>) -> Revocation {
    Revocation {
        target: Target::new(What::Token, Some("idp"), id).unwrap(),
        until: until.map(at),
    }
}

promises! {
    async fn a_key_comes_back_as_it_was_made(one: Store, other: Store) {
        let made = made();
        let key = ApiKey { expires: Some(at(9000)), scopes: vec!["ünï \"quoted\"".into()], ..ApiKey::for_test(&made, "billing") };
        one.create(key.clone()).await.unwrap();
        assert_eq!(other.find(made.id.clone()).await.unwrap(), Some(key.clone()));
        let again = one.create(key).await;
        assert!(matches!(again, Err(StoreFault::Exists)), "{again:?}");
    }

    #[doc = "AK-02"]
    async fn only_the_whole_key_presents_it(one: Store, other: Store) {
        let (mine, yours) = (made(), made());
        one.create(ApiKey::for_test(&mine, "billing")).await.unwrap();
        let found = other.present(mine.id.clone(), mine.hash.clone()).await.unwrap().unwrap();
        assert_eq!(found.id, mine.id);
        assert_eq!(one.present(mine.id.clone(), yours.hash.clone()).await.unwrap(), None);
        assert_eq!(one.present(yours.id.clone(), yours.hash).await.unwrap(), None);
        // What an id that nobody has is compared with lets nobody in either.
        let zeros = KeyHash::from_bytes(&[0; 32]).unwrap();
        assert_eq!(one.present(yours.id, zeros).await.unwrap(), None);
    }

    #[doc = "AK-01"]
    async fn nothing_that_is_kept_is_the_key(one: Store, _other: Store) {
        let made = made();
        one.create(ApiKey::for_test(&made, "billing")).await.unwrap();
        let kept = one.find(made.id.clone()).await.unwrap().unwrap();
        assert_eq!(kept.hash, KeyHash::of(made.text.expose()));
    }

    async fn keys_are_listed_by_age_and_by_owner(one: Store, other: Store) {
        let (old, new, foreign) = (made(), made(), made());
        one.create(ApiKey { created: at(3000), ..ApiKey::for_test(&new, "billing") }).await.unwrap();
        one.create(ApiKey { created: at(2000), ..ApiKey::for_test(&old, "billing") }).await.unwrap();
        one.create(ApiKey { created: at(1000), ..ApiKey::for_test(&foreign, "x' OR '1'='1") }).await.unwrap();
        let ids = |keys: Vec<ApiKey>| keys.into_iter().map(|key| key.id).collect::<Vec<_>>();
        let all = other.list(None).await.unwrap();
        assert_eq!(ids(all), [foreign.id.clone(), old.id.clone(), new.id.clone()]);
        assert_eq!(ids(other.list(Some("billing".into())).await.unwrap()), [old.id, new.id]);
        assert_eq!(ids(other.list(Some("x' OR '1'='1".into())).await.unwrap()), [foreign.id]);
        assert_eq!(ids(other.list(Some("nobody".into())).await.unwrap()), []);
    }

    #[doc = "AK-04, CA-03"]
    async fn a_revoked_key_is_revoked_and_everybody_hears_of_it(one: Store, other: Store) {
        let made = made();
        one.create(ApiKey { expires: Some(at(9000)), ..ApiKey::for_test(&made, "billing") }).await.unwrap();
        let before = other.sequence().await.unwrap();
        assert_eq!(one.revoke(made.id.clone(), at(5000)).await.unwrap(), Revoked::Now);
        assert!(other.sequence().await.unwrap() > before);
        let told = other.since(before, 10).await.unwrap();
        let expected = Revocation { target: Target::key(made.id.as_str()), until: Some(at(9000)) };
        assert_eq!(told.into_iter().map(|(_, told)| told).collect::<Vec<_>>(), [expected]);
        let found = other.present(made.id.clone(), made.hash.clone()).await.unwrap().unwrap();
        assert_eq!(found.state(at(6000)), State::Revoked { at: at(5000) });

        let quiet = other.sequence().await.unwrap();
        assert_eq!(other.revoke(made.id.clone(), at(6000)).await.unwrap(), Revoked::Before);
        assert_eq!(other.revoke(super::made().id, at(6000)).await.unwrap(), Revoked::Unknown);
        assert_eq!(one.sequence().await.unwrap(), quiet);
        assert_eq!(one.find(made.id).await.unwrap().unwrap().revoked, Some(at(5000)));
    }

    async fn the_last_use_is_gathered_and_never_goes_back(one: Store, other: Store) {
        let (used, unused) = (made(), made());
        one.create(ApiKey::for_test(&used, "billing")).await.unwrap();
        one.create(ApiKey::for_test(&unused, "billing")).await.unwrap();
        let quiet = one.sequence().await.unwrap();
        let uses = LastUsed::default();
        for now in [4000, 7000, 6000] {
            uses.note(used.id.as_str(), at(now));
        }
        assert_eq!(other.find(used.id.clone()).await.unwrap().unwrap().last_used, None);
        uses.write(&*one).await.unwrap();
        other.touch(vec![(used.id.clone(), at(5000)), (made().id, at(5000))]).await.unwrap();
        assert_eq!(other.find(used.id).await.unwrap().unwrap().last_used, Some(at(7000)));
        assert_eq!(other.find(unused.id).await.unwrap().unwrap().last_used, None);
        assert_eq!(one.sequence().await.unwrap(), quiet, "a use is no change that anybody must notice");
    }

    #[doc = "CA-03"]
    async fn revocations_are_read_on_from_where_one_stopped(one: Store, other: Store) {
        let written = [revocation("a", None), revocation("b", Some(5000)), revocation("c", None)];
        let mut places = Vec::new();
        for each in &written {
            places.push(one.add(each.clone()).await.unwrap());
        }
        let expected: Vec<_> = places.iter().copied().zip(written.clone()).collect();
        assert_eq!(other.since(0, 10).await.unwrap(), expected);
        assert_eq!(other.since(0, 2).await.unwrap(), expected[..2]);
        assert_eq!(other.since(places[1], 2).await.unwrap(), expected[2..]);
        assert_eq!(other.sequence().await.unwrap(), places[2]);
        let subject = Target::new(What::Subject, Some("idp"), "alice").unwrap();
        let anywhere = Target::new(What::Session, None, "s").unwrap();
        for target in [subject, anywhere] {
            let revocation = Revocation { target, until: None };
            let place = one.add(revocation.clone()).await.unwrap();
            assert_eq!(other.since(place - 1, 10).await.unwrap(), [(place, revocation)]);
        }
    }

    async fn what_is_over_is_forgotten_and_nothing_else(one: Store, other: Store) {
        for (id, until) in [("for ever", None), ("over", Some(5000)), ("not yet", Some(5001))] {
            one.add(revocation(id, until)).await.unwrap();
        }
        let before = one.sequence().await.unwrap();
        assert_eq!(one.purge(at(5000)).await.unwrap(), 1);
        let left = other.since(0, 10).await.unwrap();
        let left: Vec<_> = left.iter().map(|(_, left)| left.target.id()).collect();
        assert_eq!(left, ["for ever", "not yet"]);
        assert_eq!(one.add(revocation("new", None)).await.unwrap(), before + 1);
    }

    async fn all_who_ask_for_a_signing_key_get_the_same(one: Store, other: Store) {
        let ask = |store: Store, name: &'static str, fresh: &'static [u8]| async move {
            store.signing_key(name.into(), Secret::new(fresh.to_vec()), at(1)).await.unwrap()
        };
        let (first, second) = tokio::join!(ask(one.clone(), "identity", b"mine"), ask(other.clone(), "identity", b"yours"));
        assert!(first.same_as(&second));
        assert!(ask(other, "another", b"third").await.matches(b"third"));
        assert!(ask(one, "identity", b"later").await.same_as(&first));
    }
}
