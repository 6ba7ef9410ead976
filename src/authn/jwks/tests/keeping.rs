//! The last good set, on disk.

use std::fs;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// One run that fetched `a` and is over.
async fn earlier_run() -> Bench {
    let bench = Bench::new().await;
    bench.publish(&["a"]);
    let remote = bench.remote().fetched(1).await;
    // The next fetch begins after the set was written.
    bench.after(FIVE_MINUTES, &remote).await;
    bench.fail();
    bench
}

fn files(bench: &Bench) -> Vec<std::path::PathBuf> {
    fs::read_dir(bench.folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn written(bench: &Bench) -> serde_json::Value {
    let [file] = &files(bench)[..] else {
        panic!("{:?}", files(bench))
    };
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
#[doc = "CF-06"]
fn a_start_while_the_issuer_is_away_uses_what_was_kept_for_a_day_from_its_fetch() {
    run(async {
        let bench = earlier_run().await.started_again(23 * HOUR);
        let remote = bench.remote().fetched(1).await;
        assert_eq!((remote.kids(), remote.generation()), (kids(["a"]), 1));
        assert!(
            bench
                .scrape()
                .contains("portcullis_jwks_age_seconds{authenticator=\"idp\"} 82800.0\n")
        );
        bench.clock.advance(HOUR);
        assert_eq!(remote.kids(), None);

        let bench = bench.started_again(25 * HOUR);
        let remote = bench.remote().fetched(1).await;
        assert_eq!((remote.kids(), remote.generation()), (None, 0));
    });
}

#[test]
#[doc = "KEY-04"]
fn what_the_issuer_says_replaces_what_was_kept() {
    run(async {
        let bench = earlier_run().await.started_again(HOUR);
        bench.publish(&["b"]);
        let remote = bench.remote().fetched(1).await;
        assert_eq!((remote.kids(), remote.generation()), (kids(["b"]), 2));
        bench.after(FIVE_MINUTES, &remote).await;
        assert_eq!(written(&bench)["keys"], set_of(&["b"]));
    });
}

#[test]
fn an_unchanged_set_is_written_again_once_an_hour() {
    run(async {
        let bench = Bench::new().await;
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        let mut times = Vec::new();
        for _ in 0..25 {
            bench.after(FIVE_MINUTES, &remote).await;
            times.push(written(&bench)["fetched"].as_u64().unwrap());
        }
        times.dedup();
        assert_eq!(times, [START, START + 3_600_000, START + 7_200_000]);
        assert_eq!(written(&bench)["jwks_url"], bench.issuer.url("/keys"));
    });
}

#[test]
#[doc = "KEY-02"]
fn kept_sets_that_cannot_be_right_are_not_used() {
    run(async {
        let bench = earlier_run().await;
        let file = files(&bench).remove(0);
        let good = fs::read_to_string(&file).unwrap();
        let future = format!("\"fetched\":{}", START + 3_600_000);
        for bad in [
            good.replace(&format!("\"fetched\":{START}"), &future),
            good.replace("/keys\",\"fetched", "/elsewhere\",\"fetched"),
            good.replace("kid", "kind"),
            good.replace("{\\\"keys", "{"),
            good.replace('}', ""),
            String::new(),
        ] {
            assert_ne!(bad, good);
            fs::write(&file, &bad).unwrap();
            let remote = bench.remote().fetched(1).await;
            assert_eq!(remote.kids(), None, "{bad}");
        }
        fs::write(&file, &good).unwrap();
        assert_eq!(bench.remote().fetched(1).await.kids(), kids(["a"]));
    });
}

#[test]
#[doc = "CF-06"]
fn a_folder_that_cannot_be_written_is_no_failure() {
    run(async {
        let bench = Bench::new().await;
        fs::write(bench.folder(), "a file stands in its place").unwrap();
        bench.publish(&["a"]);
        let remote = bench.remote().fetched(1).await;
        bench.publish(&["b"]);
        bench.after(FIVE_MINUTES, &remote).await;
        assert_eq!(remote.kids(), kids(["b"]));
    });
}
