//! The provider is away, slow, or answers with something else than its keys. Time is the test's, so that minutes and days
//! of it pass at once.

use std::thread;
use std::time::Duration;

use super::{Provider, Site, fetches, present, refreshed};

#[test]
#[doc = "KEY-03, CF-06"]
fn while_the_provider_is_dead_known_keys_are_good_and_unknown_ones_an_outage() {
    let (provider, site) = (Provider::start(), Site::new());
    let gateway = site.before(&provider).start();
    let known = provider.one_of_each();
    present(&gateway, &known[0]).is(200);
    provider.tell("/keys/add");
    let fresh = provider.signed("ES256");
    provider.tell("/die");
    for _ in 0..3 {
        refreshed(&gateway, "failed");
        // The remembered one and those that were never seen.
        for token in &known {
            present(&gateway, token).is(200);
        }
        present(&gateway, &fresh).is_problem(503, "issuer.unavailable");
    }
    assert_eq!(gateway.ask_admin("/readyz").is(200).text(), "degraded\n");
    provider.tell("/return");
    refreshed(&gateway, "ok");
    assert_eq!(gateway.ask_admin("/readyz").is(200).text(), "ok\n");
    present(&gateway, &fresh).is(200);
    for token in &known {
        present(&gateway, token).is(200);
    }
}

#[test]
#[doc = "KEY-04"]
fn after_a_day_without_the_provider_its_keys_are_not_used_any_more() {
    let (provider, site) = (Provider::start(), Site::new());
    let gateway = site.before(&provider).start();
    let known = provider.one_of_each();
    present(&gateway, &known[0]).is(200);
    provider.tell("/die");
    gateway.clock.advance_secs(24 * 60 * 60 - 400);
    refreshed(&gateway, "failed");
    for token in &known {
        present(&gateway, token).is(200);
    }
    refreshed(&gateway, "failed");
    for token in &known {
        present(&gateway, token).is_problem(503, "issuer.unavailable");
    }
    provider.tell("/return");
    refreshed(&gateway, "ok");
    for token in &known {
        present(&gateway, token).is(200);
    }
}

#[test]
#[doc = "KEY-01, KEY-02, KEY-03, CF-06"]
fn a_provider_out_of_its_mind_changes_nothing() {
    let (provider, site) = (Provider::start(), Site::new());
    let gateway = site.before(&provider).start();
    let known = provider.one_of_each();
    for token in &known {
        present(&gateway, token).is(200);
    }
    provider.tell("/keys/add");
    let fresh = provider.signed("EdDSA");
    for mode in ["500", "garbage", "huge", "redirect", "empty", "foreign"] {
        provider.tell(&format!("/mode/{mode}"));
        refreshed(&gateway, "failed");
        for token in &known {
            present(&gateway, token).is(200);
        }
        gateway.get("/open").is(200);
        // It is asked once more for the sake of this one.
        present(&gateway, &fresh).is_problem(503, "issuer.unavailable");
    }
    assert_eq!(provider.seen("/elsewhere/.well-known/openid-configuration"), 0);
    provider.tell("/mode/good");
    refreshed(&gateway, "ok");
    present(&gateway, &fresh).is(200);
}

#[test]
#[doc = "KEY-01, CF-06, RS-07"]
fn nobody_but_the_asker_waits_for_a_provider_that_hangs() {
    let (provider, site) = (Provider::start(), Site::new());
    let gateway = site.before(&provider).start();
    let known = provider.one_of_each();
    present(&gateway, &known[0]).is(200);
    provider.tell("/keys/add");
    let fresh = provider.signed("RS256");
    provider.tell("/mode/hang");
    let metadata = "/.well-known/openid-configuration";
    let asked = provider.seen(metadata);
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| present(&gateway, &fresh))).collect();
        while provider.seen(metadata) == asked {
            thread::yield_now();
        }
        // Time stands still: whoever is answered now did not wait for the provider.
        for token in &known {
            present(&gateway, token).is(200);
        }
        for _ in 0..20 {
            gateway.get("/open").is(200);
        }
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
        gateway.clock.advance(Duration::from_secs(1));
        for waiting in waiting {
            // The provider has not failed yet: whether the key exists is open.
            waiting.join().unwrap().is_problem(503, "issuer.unavailable");
        }
    });
    assert_eq!(provider.seen(metadata), asked + 1);
    let failed = fetches(&gateway, "failed");
    gateway.clock.soon("the end of the fetch", |_| {
        (fetches(&gateway, "failed") > failed).then_some(())
    });
    provider.tell("/mode/good");
    refreshed(&gateway, "ok");
    present(&gateway, &fresh).is(200);
}
