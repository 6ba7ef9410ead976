//! Signed requests of scheme `v1`, each part of what is signed changed after signing (HM-01 to HM-03). A good one comes
//! once: the second time it is replayed.

use aws_lc_rs::{digest, hmac};

use super::super::with;
use super::{Answer, Case, IN, MISSING, REPEATED};
use crate::support::token::{NOW, SECRET};
use crate::support::{HOST, Request, Setup, Upstream};

const INVALID: Answer = Answer(401, "signature.invalid");
const OLD: Answer = Answer(401, "signature.expired");
const REPLAYED: Answer = Answer(401, "signature.replayed");

fn setup(upstream: &Upstream) -> Setup {
    let partner = "  partner: { signature: { scheme: v1, keys: [{ id: acme, secret: \"${env:SECRET}\" }, \
                   { id: other, secret: \"${env:OTHER}\" }] } }\n";
    with(upstream, partner, "{ path: /**, upstream: up, auth: partner }").variable("OTHER", &SECRET.to_uppercase())
}

/// What is signed and what is sent, apart.
#[derive(Clone)]
struct Signed {
    version: String,
    key: String,
    method: String,
    target: String,
    host: String,
    time: String,
    nonce: String,
    body: Vec<u8>,
    secret: String,
}

impl Signed {
    fn good(nonce: &str) -> Self {
        Self {
            version: "v1".into(),
            key: "acme".into(),
            method: "POST".into(),
            target: "/in?x=1&y=%20".into(),
            host: HOST.into(),
            time: NOW.to_string(),
            nonce: nonce.into(),
            body: b"{\"a\":1}".into(),
            secret: SECRET.into(),
        }
    }

    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn mac(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let body = hex(digest::digest(&digest::SHA256, &self.body).as_ref());
        let Self {
            version,
            key,
            method,
            target,
            host,
            time,
            nonce,
            ..
        } = self;
        let message = format!("{version}\n{key}\n{method}\n{target}\n{host}\n{time}\n{nonce}\n{body}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        hex(hmac::sign(&key, message.as_bytes()).as_ref())
    }

    fn sent(&self, signature: &str) -> Request {
        Request::new(&self.method, &self.target)
            .host(&self.host)
            .body(&self.body)
            .field("X-Signature-Key", &self.key)
            .field("X-Signature-Timestamp", &self.time)
            .field("X-Signature-Nonce", &self.nonce)
            .field("X-Signature", signature)
    }

    fn request(&self) -> Request {
        self.sent(&format!("v1={}", self.mac()))
    }
}

pub fn cases() -> Vec<Case> {
    let mut cases = changed();
    cases.extend(fields());
    let mut once = |name: &str, signed: &Signed| {
        let good = Case::new(name, signed.request(), IN);
        cases.push(Case {
            again: REPLAYED,
            ..good
        });
    };
    once("a good one", &Signed::good("good-nonce-000001"));
    once(
        "a good one of another key",
        &Signed::good("good-nonce-000001").but(|signed| {
            signed.key = "other".into();
            signed.secret = SECRET.to_uppercase();
        }),
    );
    once(
        "without a body",
        &Signed::good("good-nonce-000002").but(|signed| signed.body.clear()),
    );
    once(
        "of bytes",
        &Signed::good("good-nonce-000003").but(|signed| signed.body = (0..=255).collect()),
    );
    once(
        "of five minutes ago",
        &Signed::good("good-nonce-000004").but(|signed| signed.time = (NOW - 300).to_string()),
    );
    once(
        "of in five minutes",
        &Signed::good("good-nonce-000005").but(|signed| signed.time = (NOW + 300).to_string()),
    );
    once("with a short nonce", &Signed::good("n_-4567890123456"));
    once("with a long nonce", &Signed::good(&"n".repeat(128)));
    let upper = Signed::good("good-nonce-000006");
    let upper_sent = upper.sent(&format!("v1={}", upper.mac().to_uppercase()));
    cases.push(Case {
        again: REPLAYED,
        ..Case::new("in capitals", upper_sent, IN)
    });
    cases
}

/// Signed as one thing, sent as another.
fn changed() -> Vec<Case> {
    let good = Signed::good("bent-nonce-000001");
    let mut cases = Vec::new();
    let mut sent = |name: &str, sent: Signed, wanted: Answer| {
        cases.push(Case::new(name, sent.sent(&format!("v1={}", good.mac())), wanted));
    };
    for method in ["PUT", "PATCH", "DELETE"] {
        sent(
            &format!("method {method}"),
            good.clone().but(|sent| sent.method = method.into()),
            INVALID,
        );
    }
    for target in [
        "/",
        "/in",
        "/In?x=1&y=%20",
        "/in/?x=1&y=%20",
        "/in?x=1",
        "/in?x=2&y=%20",
        "/in?y=%20&x=1",
        "/in?x=1&y=+",
        "/in?x=1&y=%20&z",
        "/in?x=1&y=%20&",
    ] {
        sent(
            &format!("target {target}"),
            good.clone().but(|sent| sent.target = target.into()),
            INVALID,
        );
    }
    for host in ["EXAMPLE.test", "example.test:80", "example.test.", "other.test"] {
        sent(
            &format!("host {host}"),
            good.clone().but(|sent| sent.host = host.into()),
            INVALID,
        );
    }
    for (time, wanted) in [
        (NOW + 1, INVALID),
        (NOW - 1, INVALID),
        (NOW - 301, OLD),
        (NOW + 301, OLD),
        (1, OLD),
        (NOW * 1000, INVALID),
    ] {
        sent(
            &format!("time {time}"),
            good.clone().but(|sent| sent.time = time.to_string()),
            wanted,
        );
    }
    for key in ["other", "nobody", "ACME", "ac", "*"] {
        sent(
            &format!("key {key}"),
            good.clone().but(|sent| sent.key = key.into()),
            INVALID,
        );
    }
    sent(
        "nonce",
        good.clone().but(|sent| sent.nonce = "bent-nonce-000002".into()),
        INVALID,
    );
    for body in [&b""[..], b"{\"a\":2}", b"{\"a\":1} ", b"{\"a\": 1}", b"\0"] {
        sent(
            &format!("body {}", body.escape_ascii()),
            good.clone().but(|sent| sent.body = body.into()),
            INVALID,
        );
    }
    let mut signed = |name: &str, change: fn(&mut Signed)| {
        let mac = good.clone().but(change).mac();
        cases.push(Case::new(name, good.sent(&format!("v1={mac}")), INVALID));
    };
    signed("another version signed", |signed| signed.version = "v2".into());
    signed("another secret", |signed| signed.secret = SECRET.to_uppercase());
    signed("an empty secret", |signed| signed.secret.clear());
    signed("a space behind the secret", |signed| signed.secret.push(' '));
    signed("a line break signed for another", |signed| {
        signed.method = "POST\n/in".into()
    });
    signed("nothing but the body signed otherwise", |signed| signed.body.clear());
    cases
}

/// The fields of the signature themselves.
fn fields() -> Vec<Case> {
    let good = Signed::good("bent-nonce-000003");
    let mac = good.mac();
    let mut cases = Vec::new();
    for (name, value) in [
        ("no version", mac.clone()),
        ("another version", format!("v2={mac}")),
        ("no version before the sign", format!("={mac}")),
        ("a version in capitals", format!("V1={mac}")),
        ("a digit less", format!("v1={}", &mac[..63])),
        ("a byte less", format!("v1={}", &mac[..62])),
        ("half of it", format!("v1={}", &mac[..32])),
        ("a byte more", format!("v1={mac}00")),
        ("nothing", "v1=".to_owned()),
        ("not hexadecimal", format!("v1={}", "g".repeat(64))),
        ("zeros", format!("v1={}", "0".repeat(64))),
        ("in quotes", format!("v1=\"{mac}\"")),
        ("two with a comma", format!("v1={mac},v1={mac}")),
        ("a space inside", format!("v1= {mac}")),
        (
            "another last digit",
            format!("v1={}{}", &mac[..63], if mac.ends_with('0') { '1' } else { '0' }),
        ),
    ] {
        cases.push(Case::new(format!("signature: {name}"), good.sent(&value), INVALID));
    }
    for time in [
        "",
        "0",
        "+2000000000",
        "02000000000",
        "2000000000.0",
        "2e9",
        "0x77359400",
        "-1",
        "now",
        "2000000000,2000000000",
        "9999999999999",
    ] {
        let bent = good.clone().but(|signed| signed.time = time.into());
        cases.push(Case::new(format!("time as {time:?}"), bent.request(), INVALID));
    }
    for nonce in [
        "",
        "short",
        "fifteen-bytes-x",
        "a nonce with spaces",
        "a.nonce.with.dots",
        "nonce/with+slash==",
        "nönce-of-letters",
    ] {
        let bent = good.clone().but(|signed| signed.nonce = nonce.into());
        cases.push(Case::new(format!("nonce as {nonce:?}"), bent.request(), INVALID));
    }
    let long = good.clone().but(|signed| signed.nonce = "n".repeat(129));
    cases.push(Case::new("a nonce of 129", long.request(), INVALID));
    for name in [
        "X-Signature-Key",
        "X-Signature-Timestamp",
        "X-Signature-Nonce",
        "X-Signature",
    ] {
        let twice = good.request().field(name, "x");
        cases.push(Case::new(format!("{name} twice"), twice, REPEATED));
        let mut without = Request::new(&good.method, &good.target).body(&good.body);
        for (own, value) in [
            ("X-Signature-Key", &good.key),
            ("X-Signature-Timestamp", &good.time),
            ("X-Signature-Nonce", &good.nonce),
            ("X-Signature", &format!("v1={mac}")),
        ] {
            if own != name {
                without = without.field(own, value);
            }
        }
        let wanted = if name == "X-Signature" { MISSING } else { INVALID };
        cases.push(Case::new(format!("no {name}"), without, wanted));
    }
    cases
}

#[test]
#[doc = "HM-01, HM-02, HM-03, HDR-08"]
fn signed_requests() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
