//! What the log says of key sets.

use std::io::{self, Write};

use tracing::subscriber::with_default;

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn count(&self, words: &str) -> usize {
        String::from_utf8(self.0.lock().unwrap().clone())
            .unwrap()
            .matches(words)
            .count()
    }
}

#[test]
#[doc = "KEY-05, LG-02"]
fn keys_that_are_not_used_are_told_once_for_each_change() {
    let paper = Paper::default();
    let writer = paper.clone();
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    with_default(log, || {
        run(async {
            let bench = Bench::new().await;
            let publish = |keys: &str| bench.issuer.on("/keys", Reply::json(&format!("{{\"keys\":[{keys}]}}")));
            publish(r#"{"kid":"a"},{"kty":"new"}"#);
            let remote = bench.remote().fetched(1).await;
            assert_eq!(remote.kids(), kids(["a"]));
            let told = || paper.count("some keys of the issuer are not used");
            assert_eq!((told(), paper.count("it has no name")), (1, 1));
            bench.after(FIVE_MINUTES, &remote).await;
            // The same in another order.
            publish(r#"{"kty":"new"},{"kid":"a"}"#);
            bench.after(FIVE_MINUTES, &remote).await;
            assert_eq!(told(), 1);
            publish(r#"{"kid":"b"},{"kty":"new"}"#);
            bench.after(FIVE_MINUTES, &remote).await;
            assert_eq!(told(), 2);
            bench.publish(&["b"]);
            bench.after(FIVE_MINUTES, &remote).await;
            assert_eq!(told(), 2);
        });
    });
}
