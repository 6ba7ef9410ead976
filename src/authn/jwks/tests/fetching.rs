//! Where keys come from, how often, and what a fetch changes.

use super::*;

fn of_issuer(issuer: &str) -> RemoteKeys {
    RemoteKeys {
        issuer: Some(issuer.to_owned()),
        jwks_url: None,
        algorithms: Vec::new(),
    }
}

fn metadata(issuer: &str, jwks_uri: &str) -> Reply {
    Reply::json(&serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri, "scopes_supported": [] }).to_string())
}

#[test]
#[doc = "KEY-02"]
fn an_issuer_says_itself_where_its_keys_are() {
    run(async {
        for (issuer, page) in [
            ("", "/.well-known/openid-configuration"),
            ("/realms/main", "/realms/main/.well-known/openid-configuration"),
            ("/realms/main/", "/realms/main/.well-known/openid-configuration"),
            ("/realms/main", "/.well-known/oauth-authorization-server/realms/main"),
        ] {
            let bench = Bench::new().await;
            let issuer = bench.issuer.url(issuer);
            bench.issuer.on(page, metadata(&issuer, &bench.issuer.url("/keys")));
            bench.publish(&["a"]);
            let remote = bench
                .keyring()
                .remote(&"idp".into(), &of_issuer(&issuer))
                .fetched(1)
                .await;
            assert_eq!(remote.kids(), kids(["a"]), "{issuer} {page}");
            assert_eq!(remote.generation(), 1);
        }
    });
}

#[test]
#[doc = "KEY-02"]
fn metadata_that_leads_elsewhere_leads_nowhere() {
    run(async {
        let bench = Bench::new().await;
        let issuer = bench.issuer.url("");
        bench.publish(&["a"]);
        let inside = format!("http://127.0.0.2:{}/keys", bench.issuer.port());
        let (port, own) = (bench.issuer.port(), bench.issuer.url("/keys"));
        for (named, jwks_uri) in [
            // Of another issuer, by as much as a slash.
            (format!("{issuer}/"), own.clone()),
            (format!("http://localhost:{port}"), own),
            // Into this network, in clear, and to what is no place for keys.
            (issuer.clone(), inside),
            (issuer.clone(), "http://keys.example/".to_owned()),
            (issuer.clone(), "file:///etc/passwd".to_owned()),
            (issuer.clone(), "https://a:b@keys.example/".to_owned()),
            (issuer.clone(), "/keys".to_owned()),
        ] {
            let page = metadata(&named, &jwks_uri);
            bench.issuer.on("/.well-known/openid-configuration", page);
            let remote = bench
                .keyring()
                .remote(&"idp".into(), &of_issuer(&issuer))
                .fetched(1)
                .await;
            assert_eq!(remote.kids(), None, "{named} {jwks_uri}");
            assert!(!remote.0.is_reachable());
        }
        assert_eq!(bench.fetches(), 0);
    });
}

#[test]
#[doc = "KEY-01"]
fn a_redirect_of_keys_or_metadata_is_not_followed() {
    run(async {
        let bench = Bench::new().await;
        let (issuer, there) = (
            bench.issuer.url(""),
            format!("location: {}\r\n", bench.issuer.url("/there")),
        );
        bench.issuer.on("/there", Reply::json(&set_of(&["a"])));
        bench.issuer.on("/keys", Reply::new("302 Found", &there, ""));
        bench
            .issuer
            .on("/.well-known/openid-configuration", Reply::new("302 Found", &there, ""));
        for source in [bench.source(), of_issuer(&issuer)] {
            let remote = bench.keyring().remote(&"idp".into(), &source).fetched(1).await;
            assert_eq!(remote.kids(), None);
        }
        assert_eq!(bench.issuer.count("/there"), 0);
    });
}

#[test]
#[doc = "KEY-04"]
fn a_removed_key_is_gone_with_the_next_fetch() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a", "b"]);
        let remote = bench.remote().fetched(1).await;
        assert_eq!(remote.kids(), kids(["a", "b"]));
        bench.publish(&["b"]);
        bench.after(FIVE_MINUTES, &remote).await;
        assert_eq!((remote.kids(), remote.generation()), (kids(["b"]), 2));
    });
}

#[test]
#[doc = "KEY-04"]
fn the_generation_moves_exactly_when_the_keys_change() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a", "b"]);
        let remote = bench.remote().fetched(1).await;
        assert_eq!(remote.generation(), 1);
        let mut expected = 1;
        for (reply, changes) in [
            (Reply::json(r#"{ "keys": [ {"kid": "b"}, {"kid": "a"} ] }"#), false),
            (Reply::new("503 Service Unavailable", "", ""), false),
            (Reply::json(&set_of(&["a", "b"])), false),
            (Reply::json(&set_of(&["a", "c"])), true),
            (Reply::json(&set_of(&[])), false),
            (Reply::json("<html>"), false),
            (Reply::json(&set_of(&["a", "b"])), true),
        ] {
            bench.issuer.on("/keys", reply);
            bench.after(FIVE_MINUTES, &remote).await;
            expected += u64::from(changes);
            assert_eq!(remote.generation(), expected);
        }
    });
}

#[test]
#[doc = "KEY-03, KEY-05, CF-06"]
fn a_failed_broken_or_empty_fetch_takes_no_key_away() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        for reply in [
            Reply::new("500 Internal Server Error", "", ""),
            Reply::new("404 Not Found", "", ""),
            Reply::json(&set_of(&[])),
            Reply::json("{\"keys\":7}"),
            Reply::json(""),
            Reply::Bytes(b"garbage\r\n\r\n".to_vec()),
        ] {
            bench.issuer.on("/keys", reply);
            bench.after(FIVE_MINUTES, &remote).await;
            assert_eq!(remote.kids(), kids(["a"]));
            assert!(!remote.0.is_reachable());
        }
        bench.publish(&["a"]);
        bench.after(seconds(30), &remote).await;
        assert!(remote.0.is_reachable());
    });
}

#[test]
#[doc = "KEY-03, CF-06"]
fn an_issuer_that_is_away_at_the_start_is_asked_again_soon_and_then_seldom() {
    run(async {
        let bench = Bench::new().await;
        bench.fail();
        let remote = bench.remote().fetched(1).await;
        assert_eq!(remote.kids(), None);
        for (attempt, millis) in [
            (1, 250),
            (2, 500),
            (3, 1000),
            (4, 2000),
            (5, 4000),
            (6, 8000),
            (7, 16_000),
            (8, 30_000),
            (9, 30_000),
        ] {
            // The counting randomness makes the pause a hair shorter, never more than a tenth.
            bench.clock.advance(Duration::from_millis(millis * 9 / 10 - 10));
            yield_some().await;
            assert_eq!(bench.fetches(), attempt, "too soon, after {millis} ms");
            bench.after(Duration::from_millis(millis / 10 + 10), &remote).await;
            assert_eq!(bench.fetches(), attempt + 1);
        }
        bench.publish(&["a"]);
        bench.after(seconds(30), &remote).await;
        assert_eq!(remote.kids(), kids(["a"]));
    });
}

#[test]
#[doc = "KEY-04"]
fn a_set_is_fetched_every_five_minutes_or_sooner_where_the_issuer_says_so() {
    run(async {
        for (fields, pause) in [
            ("", 300),
            ("cache-control: max-age=60\r\n", 60),
            ("cache-control: max-age=1\r\n", 60),
            ("cache-control: max-age=86400\r\n", 300),
        ] {
            let bench = Bench::new().await;
            bench.issuer.on("/keys", Reply::new("200 OK", fields, &set_of(&["a"])));
            let remote = bench.remote().fetched(1).await;
            bench.clock.advance(seconds(pause * 9 / 10 - 1));
            yield_some().await;
            assert_eq!(bench.fetches(), 1, "{fields}");
            bench.after(seconds(pause / 10 + 1), &remote).await;
            assert_eq!(bench.fetches(), 2, "{fields}");
        }
    });
}

#[test]
#[doc = "KEY-04, CF-06"]
fn keys_that_nobody_confirmed_for_a_day_are_not_used_any_more() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        bench.fail();
        bench.after(seconds(24 * 3600 - 1), &remote).await;
        assert_eq!(remote.kids(), kids(["a"]));
        // Before any task could notice.
        bench.clock.advance(seconds(1));
        assert_eq!((remote.kids(), remote.generation()), (None, 1));
        bench.after(seconds(30), &remote).await;
        // What was judged by them is forgotten, too.
        assert_eq!((remote.kids(), remote.generation()), (None, 2));
        bench.publish(&["a"]);
        bench.after(seconds(30), &remote).await;
        assert_eq!((remote.kids(), remote.generation()), (kids(["a"]), 3));
    });
}

#[test]
#[doc = "CF-06"]
fn an_issuer_that_says_nothing_holds_nobody_up() {
    run(async {
        let bench = Bench::new().await;
        bench.issuer.on("/keys", Reply::Silence);
        let remote = bench.remote();
        bench.issuer.until("/keys", 1).await;
        assert_eq!(remote.kids(), None);
        bench.after_giving_up(&remote).await;
        bench.publish(&["a"]);
        bench.after(seconds(1), &remote).await;
        assert_eq!(remote.kids(), kids(["a"]));
    });
}

impl Bench {
    async fn after_giving_up(&self, remote: &Remote<Kids>) {
        self.clock.advance(seconds(5));
        remote.0.unknown().has_rested(remote.0.unknown().begun()).await;
    }
}

#[test]
fn nobody_is_asked_for_keys_that_nobody_holds() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        let wanted = Arc::clone(remote.0.wanted());
        drop(remote);
        // The task holds the other one until it ends.
        while Arc::strong_count(&wanted) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bench.fetches(), 1);
        assert!(!bench.scrape().contains("portcullis_jwks_age_seconds{"));
    });
}

#[test]
#[doc = "KEY-05"]
fn a_reload_keeps_the_keys_of_an_unchanged_source_and_mixes_no_two() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        bench.issuer.on("/other", Reply::json(&set_of(&["b"])));
        let other_source = RemoteKeys {
            issuer: None,
            jwks_url: Some(bench.issuer.url("/other")),
            algorithms: Vec::new(),
        };
        let keyring = bench.keyring();
        let name = "idp".into();
        let before = keyring.remote(&name, &bench.source()).fetched(1).await;
        let same = keyring.remote(&name, &bench.source());
        assert_eq!(same.kids(), kids(["a"]), "known at once");
        let other = keyring.remote(&name, &other_source).fetched(1).await;
        let namesake = keyring.remote(&"other".into(), &bench.source()).fetched(1).await;
        for _ in 0..20 {
            // All fetch at once, and one of them for somebody who waits.
            let (round, ..) = (other.0.unknown().begun() + 1, ());
            bench.clock.advance(FIVE_MINUTES);
            tokio::join!(same.refetch("x"), other.refetch("x"), namesake.refetch("x"));
            other.0.unknown().has_rested(round).await;
            assert_eq!((same.kids(), namesake.kids()), (kids(["a"]), kids(["a"])));
            assert_eq!(other.kids(), kids(["b"]));
        }
        drop((before, same));
        assert_eq!(keyring.remote(&name, &other_source).kids(), kids(["b"]));
    });
}

#[test]
fn the_numbers_tell_age_and_outcome() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        bench.fail();
        bench.after(FIVE_MINUTES, &remote).await;
        bench.after(seconds(1), &remote).await;
        let scrape = bench.scrape();
        for line in [
            "portcullis_jwks_age_seconds{authenticator=\"idp\"} 301.0",
            "portcullis_jwks_fetches_total{authenticator=\"idp\",result=\"ok\"} 1",
            "portcullis_jwks_fetches_total{authenticator=\"idp\",result=\"failed\"} 2",
        ] {
            assert!(scrape.lines().any(|have| have == line), "{line} is not in\n{scrape}");
        }
    });
}
