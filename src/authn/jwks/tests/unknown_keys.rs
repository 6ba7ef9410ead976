//! Tokens that name a key nobody has seen yet.

use futures_util::future::join_all;

use super::*;

#[test]
#[doc = "KEY-03, KEY-04"]
fn a_new_key_works_on_first_use_and_a_hundred_who_ask_cause_one_fetch() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        bench.publish(&["a", "b"]);
        join_all((0..100).map(|_| remote.refetch("b"))).await;
        assert_eq!(remote.kids(), kids(["a", "b"]));
        assert_eq!((bench.fetches(), remote.generation()), (2, 2));
    });
}

#[test]
#[doc = "KEY-03"]
fn a_flood_of_invented_ids_causes_one_fetch_in_half_a_minute() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        for half_minute in 1..=4 {
            for number in 0..300 {
                remote.refetch(&format!("invented {half_minute} {number}")).await;
            }
            assert_eq!(bench.fetches(), 1 + half_minute);
            assert_eq!(remote.kids(), kids(["a"]));
            bench.clock.advance(seconds(30));
        }
    });
}

#[test]
#[doc = "KEY-03"]
fn time_alone_counts_also_when_there_is_no_set() {
    run(async {
        let bench = Bench::new().await;
        bench.fail();
        let remote = bench.remote().fetched(1).await;
        // The failed start has spent nothing.
        remote.refetch("a").await;
        assert_eq!(bench.fetches(), 2);
        remote.refetch("a").await;
        remote.refetch("b").await;
        assert_eq!(bench.fetches(), 2);
        bench.publish(&["a"]);
        // What was begun by time goes on meanwhile.
        bench.after(seconds(1), &remote).await;
        assert_eq!(remote.kids(), kids(["a"]));
    });
}

#[test]
#[doc = "KEY-03, CF-06"]
fn who_waits_for_an_unknown_key_waits_a_second_at_most() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        bench.issuer.on("/keys", Reply::Silence);
        let moved = async {
            bench.issuer.until("/keys", 2).await;
            bench.clock.advance(seconds(1));
        };
        tokio::join!(remote.refetch("b"), remote.refetch("c"), moved);
        assert_eq!((remote.kids(), bench.fetches()), (kids(["a"]), 2));
    });
}

#[test]
#[doc = "KEY-03"]
fn who_comes_during_the_first_fetch_waits_for_it() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote();
        while remote.0.unknown().begun() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(remote.kids(), None);
        remote.refetch("a").await;
        assert_eq!((remote.kids(), bench.fetches()), (kids(["a"]), 1));
    });
}

#[test]
#[doc = "KEY-03"]
fn an_old_token_does_not_spend_the_fetch_of_a_new_key() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        remote.refetch("retired").await;
        bench.clock.advance(seconds(30));
        remote.refetch("retired").await;
        assert_eq!(bench.fetches(), 2);
        bench.publish(&["a", "b"]);
        remote.refetch("b").await;
        assert_eq!((remote.kids(), bench.fetches()), (kids(["a", "b"]), 3));
    });
}
