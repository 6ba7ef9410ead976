//! Who is asking, from the credential found to the identity: the whole stage, taken out of a compiled configuration. The
//! request is read, routed and admitted before the clock runs, and is dropped after it.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run should say so and stop")]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, hmac};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use portcullis::app::{Question, Rehearsal};
use portcullis::authn::{Identity, KINDS};
use portcullis::base::task::TaskHandle;
use portcullis::config::{self, Process};
use portcullis::request::body::Pace;
use portcullis::telemetry::events::Lookups;
use rcgen::{KeyPair, SignatureAlgorithm};
use serde_json::json;

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "api://orders";
const SECRET: &str = "measured with a secret of thirty-two bytes";
const KEYS: usize = 10_000;

/// A gate with one authenticator, and the requests that it lets in.
struct Gate {
    rehearsal: Rehearsal,
    task: TaskHandle,
}

impl Gate {
    fn of(method: &str) -> Self {
        let text = format!(
            "version: 1\nlisten: [{{ addr: \"127.0.0.1:0\" }}]\nauth: {{ gate: {method} }}\n\
             upstreams: {{ up: {{ urls: [\"http://127.0.0.1:9\"] }} }}\n\
             routes: [{{ path: /**, upstream: up, auth: gate }}]\n"
        );
        let loaded = config::parse(&text, "bench.yaml", KINDS, &Process);
        let loaded = loaded.unwrap_or_else(|faults| unreachable!("{faults:?}"));
        let rehearsal = Rehearsal::of(&loaded.config).unwrap();
        let task = rehearsal.task();
        Self { rehearsal, task }
    }

    /// How long it takes to know who sends requests with the fields that `next` gives.
    fn measure(&self, criterion: &mut Criterion, name: &str, mut next: impl FnMut() -> HeaderMap) {
        let snapshot = self.rehearsal.snapshot();
        let admitted = |headers: HeaderMap| {
            let question = Question {
                method: Method::GET,
                url: "http://api.example.com/orders/4711?full=1".parse().unwrap(),
                headers,
                body: bytes::Bytes::new(),
                from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            };
            let arrived = self.rehearsal.arrive(question, &self.task).unwrap().unwrap();
            snapshot
                .admission
                .admit(snapshot.router.route(arrived).unwrap())
                .unwrap()
        };
        criterion.bench_function(name, |bencher| {
            bencher.iter_batched(
                || admitted(next()),
                |admitted| {
                    let mut lookups = Lookups::default();
                    let pace = Pace {
                        idle: snapshot.timeouts.body_idle,
                        task: &self.task,
                    };
                    let identified = snapshot.verifier.identify(black_box(admitted), pace, &mut lookups);
                    // Nothing that is measured here waits for anything.
                    let identified = identified.now_or_never().unwrap().unwrap();
                    assert!(matches!(identified.identity(), Identity::Known { .. }));
                    identified
                },
                BatchSize::SmallInput,
            );
        });
    }
}

fn fields(list: &[(&'static str, &str)]) -> HeaderMap {
    let host = ("host", "api.example.com");
    let all = [host, ("user-agent", "bench"), ("accept", "*/*")]
        .into_iter()
        .chain(list.iter().copied());
    all.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn now() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the gateway under measurement reads the same clock"
    )]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token of 700 bytes, as identity providers issue them.
fn token(algorithm: Algorithm, key: &EncodingKey, number: usize) -> String {
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": format!("0199a6b4-7c1e-7d3a-9a51-{number:012}"), "exp": now() + 86_400,
        "roles": ["viewer", "editor"], "scope": "orders:read orders:write", "note": "x".repeat(120),
    });
    format!(
        "Bearer {}",
        jsonwebtoken::encode(&Header::new(algorithm), &claims, key).unwrap()
    )
}

fn tokens(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let pair = |of: &'static SignatureAlgorithm| KeyPair::generate_for(of).unwrap();
    let (rsa, ec, ed) = (
        pair(&rcgen::PKCS_RSA_SHA256),
        pair(&rcgen::PKCS_ECDSA_P256_SHA256),
        pair(&rcgen::PKCS_ED25519),
    );
    let public = |name: &str, pair: &KeyPair| {
        let file = folder.path().join(name);
        fs::write(&file, pair.public_key_pem()).unwrap();
        format!("public_key: {}", file.display())
    };
    let all = [
        (
            Algorithm::HS256,
            EncodingKey::from_secret(SECRET.as_bytes()),
            format!("secret: \"${{file:{}}}\"", secret.display()),
        ),
        (
            Algorithm::RS256,
            EncodingKey::from_rsa_pem(rsa.serialize_pem().as_bytes()).unwrap(),
            public("rsa.pem", &rsa),
        ),
        (
            Algorithm::ES256,
            EncodingKey::from_ec_pem(ec.serialize_pem().as_bytes()).unwrap(),
            public("ec.pem", &ec),
        ),
        (
            Algorithm::EdDSA,
            EncodingKey::from_ed_pem(ed.serialize_pem().as_bytes()).unwrap(),
            public("ed.pem", &ed),
        ),
    ];
    for (algorithm, key, source) in &all {
        let method = |cache: &str| {
            format!("{{ jwt: {{ issuer: \"{ISSUER}\", audience: \"{AUDIENCE}\", {source}, cache: {cache} }} }}")
        };
        let sent = fields(&[("authorization", &token(*algorithm, key, 0))]);
        let fresh = format!("verify/{algorithm:?}, each time");
        Gate::of(&method("off")).measure(criterion, &fresh, || sent.clone());
        if *algorithm != Algorithm::RS256 {
            continue;
        }
        let gate = Gate::of(&method("on"));
        gate.measure(criterion, "verify/token, remembered", || sent.clone());
        let many: Vec<HeaderMap> = (0..KEYS)
            .map(|number| fields(&[("authorization", &token(*algorithm, key, number))]))
            .collect();
        let mut in_turn = many.iter().cycle();
        let next = || in_turn.next().unwrap().clone();
        gate.measure(criterion, "verify/token, remembered, one of 10,000", next);
    }
}

fn api_keys(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.yaml");
    let text = |number: usize| format!("gk_{number:040}");
    let mut listed = String::new();
    for number in 0..KEYS {
        let hash = hex(digest::digest(&digest::SHA256, text(number).as_bytes()).as_ref());
        writeln!(listed, "- {{ id: client{number}, hash: \"sha256:{hash}\" }}").unwrap();
    }
    fs::write(&file, listed).unwrap();
    let gate = Gate::of(&format!("{{ api_key: {{ keys_file: {} }} }}", file.display()));
    let one = fields(&[("x-api-key", &text(4711))]);
    gate.measure(criterion, "verify/API key of 10,000, remembered", || one.clone());
    let mut numbers = (0..KEYS).cycle();
    let next = || fields(&[("x-api-key", &text(numbers.next().unwrap()))]);
    gate.measure(criterion, "verify/API key of 10,000, each in turn", next);
}

fn signatures(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let gate = Gate::of(&format!(
        "{{ signature: {{ scheme: v1, keys: [{{ id: acme, secret: \"${{file:{}}}\" }}] }} }}",
        secret.display()
    ));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let body = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let mut nonces = 0_u64..;
    gate.measure(criterion, "verify/signature v1", || {
        let (nonce, made) = (format!("{:032}", nonces.next().unwrap()), now().to_string());
        let signed = format!("v1\nacme\nGET\n/orders/4711?full=1\napi.example.com\n{made}\n{nonce}\n{body}");
        let mac = format!("v1={}", hex(hmac::sign(&key, signed.as_bytes()).as_ref()));
        fields(&[
            ("x-signature-key", "acme"),
            ("x-signature-timestamp", &made),
            ("x-signature-nonce", &nonce),
            ("x-signature", &mac),
        ])
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Short: every signature that is measured stays in the list of those that were used, which holds a million.
fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = short();
    targets = tokens, api_keys, signatures
}
criterion_main!(benches);
