//! A gateway that starts while its provider is there, away, or out of its mind.

use super::{Provider, Site, fetches, present, refreshed};
use crate::support::LIMIT;

#[test]
#[doc = "KEY-03, CF-06"]
fn without_provider_and_memory_it_starts_at_once_and_recovers_by_itself() {
    let (provider, site) = (Provider::start(), Site::new());
    let tokens = provider.one_of_each();
    provider.tell("/die");
    let gateway = site.before(&provider).start();
    gateway.get("/open").is(200);
    for token in &tokens {
        present(&gateway, token).is_problem(503, "issuer.unavailable");
    }
    // Another instance would lack the keys, too: traffic goes on to come.
    assert_eq!(gateway.ask_admin("/readyz").is(200).text(), "degraded\n");
    provider.tell("/return");
    refreshed(&gateway, "ok");
    assert_eq!(gateway.ask_admin("/readyz").is(200).text(), "ok\n");
    for token in &tokens {
        present(&gateway, token).is(200);
    }
}

#[test]
#[doc = "KEY-04"]
fn who_comes_with_the_start_waits_for_the_keys() {
    let (provider, site) = (Provider::start(), Site::new());
    let token = provider.signed("ES256");
    for _ in 0..3 {
        let gateway = site.before(&provider).start();
        present(&gateway, &token).is(200);
        drop(gateway);
        std::fs::remove_dir_all(site.keep.path()).unwrap();
    }
}

#[test]
#[doc = "KEY-04, CF-06"]
fn what_was_kept_on_disk_serves_while_the_provider_is_away() {
    let (provider, site) = (Provider::start(), Site::new());
    let tokens = provider.one_of_each();
    let gateway = site.before(&provider).start();
    present(&gateway, &tokens[0]).is(200);
    wait_kept(&site);
    drop(gateway);
    let url = provider.url();
    let setup = site.before(&provider);
    // This time the process itself is gone.
    provider.peer.end();
    let gateway = setup.start();
    for token in &tokens {
        present(&gateway, token).is(200);
    }
    assert!(fetches(&gateway, "ok") < 1.0, "{url} answers");
    // The day counts from the fetch and not from the start.
    gateway.clock.advance_secs(24 * 60 * 60 + 1);
    gateway.clock.soon("the end of the keys", |_| {
        (present(&gateway, &tokens[0]).status == 503).then_some(())
    });
    present(&gateway, &tokens[1]).is_problem(503, "issuer.unavailable");
}

#[test]
#[doc = "KEY-05"]
fn keys_that_nobody_can_use_spoil_no_others() {
    let (provider, site) = (Provider::start(), Site::new());
    provider.tell("/mode/strange");
    let gateway = site.before(&provider).start();
    for token in provider.one_of_each() {
        present(&gateway, &token).is(200);
    }
}

/// Until the set is on disk, which nobody waits for.
fn wait_kept(site: &Site) {
    let began = std::time::Instant::now();
    let is_there = |entry: std::fs::DirEntry| entry.path().extension().is_some_and(|kind| kind == "json");
    while !std::fs::read_dir(site.keep.path()).unwrap().flatten().any(is_there) {
        assert!(began.elapsed() < LIMIT, "nothing was kept");
        std::thread::yield_now();
    }
}
