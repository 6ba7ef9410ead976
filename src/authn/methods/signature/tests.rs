//! The method as the gateway sees it: requests in, verdicts out. Each scheme once right, and then in every way wrong.

use std::sync::Arc;

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::HeaderValue;

use super::keys::tests::shared;
use super::keys::{Key, Keys};
use super::webhooks::Maker;
use super::*;
use crate::request::Asked;

mod attacks;
mod schemes;

const NOW: u64 = 1_614_265_330;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const BODY: &[u8] = b"{\"a\":1}";
const NONCE: &str = "0123456789abcdef";

/// A method at work, with its own clock and memory.
struct Gate {
    method: Signed,
    clock: Clock,
}

impl Gate {
    fn of(scheme: Scheme, keys: Vec<Key>) -> Self {
        let rejects = !matches!(scheme, Scheme::Maker(Maker::Github));
        Self::with(scheme, keys, rejects, Replays::new(1024))
    }

    fn with(scheme: Scheme, keys: Vec<Key>, rejects_replays: bool, replays: Replays) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(NOW * 1000));
        let plan = Plan {
            reads: [scheme.reads()],
            scheme,
            keys: Arc::new(Keys::new(keys)),
            max_age: Duration::from_secs(300),
            body_max: 1 << 20,
            rejects_replays,
        };
        let method = Signed {
            name: "partner".into(),
            plan,
            clock: clock.clone(),
            replays: Arc::new(replays),
        };
        Self { method, clock }
    }

    /// What is said before the body is read.
    fn preview(&self, asked: &Asked) -> Result<(), Code> {
        let asking = Asking {
            asked,
            body: None,
            now: self.clock.wall(),
        };
        let previewed = self.method.preview(&self.credential(asked), asking);
        previewed.map_err(|refusal| refusal.code)
    }

    fn judge(&self, asked: &Asked, body: &[u8]) -> Result<Verified, Code> {
        let (body, credential) = (Bytes::copy_from_slice(body), self.credential(asked));
        let asking = Asking {
            asked,
            body: Some(&body),
            now: self.clock.wall(),
        };
        let verdict = self.method.verify(&credential, asking);
        let verdict = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(verdict);
        verdict.map_err(|refusal| refusal.code)
    }

    fn credential(&self, asked: &Asked) -> Vec<u8> {
        let crate::authn::method::Place::Header(place) = &self.method.plan.reads[0].place else {
            panic!("signatures stand in header fields");
        };
        asked.headers[place].as_bytes().to_vec()
    }
}

fn mac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// A request that `v1` signs, with the MAC written out in another program.
fn v1() -> Asked {
    Asked::for_test(
        "POST",
        "/hooks/in?x=1&y=%20",
        &[
            ("x-signature-key", "acme"),
            ("x-signature-timestamp", "1614265330"),
            ("x-signature-nonce", NONCE),
            ("x-signature", V1_SIGNATURE),
        ],
    )
}

/// Python: `hmac.new(SECRET, "\n".join(["v1", "acme", "POST", "/hooks/in?x=1&y=%20", "h", "1614265330",
/// "0123456789abcdef", sha256(BODY).hexdigest()]).encode(), "sha256").hexdigest()`.
const V1_SIGNATURE: &str = "v1=f279238ff98c7ebfaedd1cc578f978d470752aa549d72405ee4fd6cbee8fca80";

fn v1_gate() -> Gate {
    Gate::of(Scheme::V1, vec![shared("acme", &[SECRET])])
}

fn set(asked: &mut Asked, name: &'static str, value: &str) {
    asked.headers.insert(name, HeaderValue::from_str(value).unwrap());
}
