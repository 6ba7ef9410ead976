use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::base::background::CallFailed;
use crate::base::random::Random;
use crate::base::secret::Secret;
use crate::config::{Given, Kinds, parse};
use crate::identity::keys::NewKey;
use crate::identity::model::revocation::Revocation;
use crate::identity::store::{Answer, Changes, Revocations, Revoked, SigningKeys};
use crate::storage::tests::{NOW, Stage};

pub(super) const KINDS: Kinds = Kinds::new(&[&ApiKey]);

pub(super) fn file(settings: &str) -> String {
    let rest = "listen: [{ addr: \"127.0.0.1:8080\" }]\nupstreams: { a: { builtin: echo } }\n\
                routes: [{ path: /, upstream: a, auth: keys }]\n";
    format!("version: 1\nauth: {{ keys: {{ api_key: {settings} }} }}\n{rest}")
}

fn method(settings: &str, store: Option<Store>, stage: &Stage) -> Arc<dyn Method> {
    let text = format!("store: sqlite://data/a.db\n{}", file(settings));
    let loaded = parse(&text, "gateway.yaml", KINDS, &Given::nothing()).unwrap_or_else(|faults| panic!("{faults}"));
    let spec = loaded.config.auth.first().unwrap();
    let planned = spec
        .plan
        .as_any()
        .downcast_ref::<crate::authn::method::Planned>()
        .unwrap();
    let supplies = Supplies {
        background: stage.background.clone(),
        store,
        ..Supplies::for_test(stage.runtime.handle(), stage.clock.clone())
    };
    planned.0.start(&spec.name, &supplies)
}

/// What the method makes of a key, at a time.
fn judge(method: &dyn Method, credential: &[u8], now: Timestamp, stage: &Stage) -> Result<Verified, Refusal> {
    let asked = crate::request::Asked::for_test("GET", "/", &[]);
    let asking = Asking {
        asked: &asked,
        body: None,
        now,
    };
    stage.runtime.block_on(method.verify(credential, asking))
}

fn code(outcome: Result<Verified, Refusal>) -> Code {
    outcome.map(|verified| verified.principal.id).unwrap_err().code
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn hash(key: &str) -> String {
    KeyHash::of(key.as_bytes()).spelled()
}

#[test]
fn a_key_of_the_file_says_who_holds_it_and_what_they_may() {
    let stage = Stage::new();
    let settings = format!(
        "{{ keys: [{{ id: billing, hash: \"{}\", roles: [svc], permissions: [\"orders:read\"], scopes: [orders], \
         expires: 2027-01-01, networks: [10.0.0.0/8], limit: 50/s }}, {{ id: two, owner: crm, hash: \"{}\" }}] }}",
        hash("a key of any shape"),
        hash("another")
    );
    let method = method(&settings, None, &stage);
    let verified = judge(&*method, b"a key of any shape", at(0), &stage).unwrap();
    let principal = &verified.principal;
    assert_eq!(&*principal.id, "billing");
    assert_eq!(
        (&*principal.roles[0], &*principal.permissions[0], &*principal.scopes[0]),
        ("svc", "orders:read", "orders")
    );
    let per = Duration::from_secs(1);
    assert_eq!(principal.limit, Some(RateText { count: 50, per }));
    assert_eq!(verified.expires, Some(at(1_798_761_600_000)));
    assert!(verified.networks.unwrap().contains("10.1.2.3".parse().unwrap()));
    assert_eq!(verified.handles.key.as_deref(), Some("billing"));

    let other = judge(&*method, b"another", at(0), &stage).unwrap();
    assert_eq!(
        (&*other.principal.id, other.handles.key.as_deref()),
        ("crm", Some("two"))
    );
    assert_eq!((other.expires, other.networks), (None, None));
    assert_eq!(method.memory(), Memory::Verdict { ttl: None });
    assert_eq!(
        method.challenge().plain,
        "ApiKey realm=\"portcullis\", header=\"X-API-KEY\""
    );
}

#[test]
#[doc = "AK-02, AK-03"]
fn only_the_exact_key_is_taken_and_only_its_holder_hears_that_it_has_expired() {
    let stage = Stage::new();
    let settings = format!(
        "{{ keys: [{{ id: a, hash: \"{}\", expires: 2027-01-01 }}] }}",
        hash("Secret-Key")
    );
    let method = method(&settings, None, &stage);
    let end = 1_798_761_600_000;
    assert!(judge(&*method, b"Secret-Key", at(end - 1), &stage).is_ok());
    assert_eq!(code(judge(&*method, b"Secret-Key", at(end), &stage)), Code::KeyExpired);
    let others: [&[u8]; 9] = [
        b"secret-key",
        b"Secret-Ke",
        b"Secret-Key ",
        b" Secret-Key",
        b"Secret-Key\0",
        b"Secret-Keyx",
        b"a",
        b"",
        b"\xff",
    ];
    for other in others {
        assert_eq!(
            code(judge(&*method, other, at(end), &stage)),
            Code::KeyUnknown,
            "{other:?}"
        );
    }
    let whole_hash = hash("Secret-Key");
    assert_eq!(
        code(judge(&*method, whole_hash.as_bytes(), at(0), &stage)),
        Code::KeyUnknown
    );
}

#[test]
#[doc = "AK-01, AK-02, AK-04"]
fn a_key_of_the_store_is_found_by_its_id_and_proven_by_its_secret() {
    let stage = Stage::new();
    let store = Store::sqlite(stage.open());
    let [live, expired, revoked, unknown] = [(); 4].map(|()| NewKey::make(&mut Random::system()));
    stage.runtime.block_on(async {
        store.create(stored::ApiKey::for_test(&live, "billing")).await.unwrap();
        let ended = stored::ApiKey {
            expires: Some(at(5000)),
            ..stored::ApiKey::for_test(&expired, "billing")
        };
        store.create(ended).await.unwrap();
        store
            .create(stored::ApiKey::for_test(&revoked, "billing"))
            .await
            .unwrap();
        store.revoke(revoked.id.clone(), at(1)).await.unwrap();
    });
    let settings = format!(
        "{{ store: true, keys: [{{ id: file, hash: \"{}\" }}] }}",
        hash("file key")
    );
    let method = method(&settings, Some(store.clone()), &stage);
    assert_eq!(method.memory(), Memory::Shared { ttl: None });

    let verified = judge(&*method, live.text.expose(), NOW, &stage).unwrap();
    assert_eq!(&*verified.principal.id, "billing");
    assert_eq!(verified.handles.key.as_deref(), Some(live.id.as_str()));
    assert_eq!(&*verified.principal.roles[1], "two, words");
    assert!(!verified.networks.unwrap().contains("192.0.2.1".parse().unwrap()));
    assert_eq!(
        &*judge(&*method, b"file key", NOW, &stage).unwrap().principal.id,
        "file"
    );

    assert_eq!(
        code(judge(&*method, expired.text.expose(), NOW, &stage)),
        Code::KeyExpired
    );
    assert_eq!(
        code(judge(&*method, revoked.text.expose(), NOW, &stage)),
        Code::KeyRevoked
    );
    assert_eq!(
        code(judge(&*method, unknown.text.expose(), NOW, &stage)),
        Code::KeyUnknown
    );
    // Who knows only the id learns nothing of the key's state.
    for made in [&live, &expired, &revoked] {
        let mut wrong = made.text.expose().to_vec();
        *wrong.last_mut().unwrap() ^= 1;
        wrong.retain(u8::is_ascii);
        assert_eq!(code(judge(&*method, &wrong, NOW, &stage)), Code::KeyUnknown);
    }
    stage.runtime.block_on(async {
        store.last_used().write(&*store).await.unwrap();
        assert_eq!(store.find(live.id.clone()).await.unwrap().unwrap().last_used, Some(NOW));
        assert_eq!(store.find(expired.id.clone()).await.unwrap().unwrap().last_used, None);
    });
}

#[test]
fn without_the_switch_keys_of_the_store_are_unknown() {
    let stage = Stage::new();
    let store = Store::sqlite(stage.open());
    let made = NewKey::make(&mut Random::system());
    stage
        .runtime
        .block_on(store.create(stored::ApiKey::for_test(&made, "billing")))
        .unwrap();
    let settings = format!("{{ keys: [{{ id: file, hash: \"{}\" }}] }}", hash("file key"));
    let method = method(&settings, Some(store), &stage);
    assert_eq!(code(judge(&*method, made.text.expose(), NOW, &stage)), Code::KeyUnknown);
}

/// Writes down what it is asked, and gives the answers that were put in.
#[derive(Debug, Default)]
struct Scripted {
    asked: Arc<Mutex<Vec<String>>>,
    answers: Mutex<VecDeque<Result<Option<stored::ApiKey>, StoreFault>>>,
}

fn never<T: Send + 'static>() -> Answer<'static, T> {
    Box::pin(async { Err(StoreFault::Content("nobody asks for this here")) })
}

impl crate::identity::store::ApiKeys for Scripted {
    fn create(&self, _: stored::ApiKey) -> Answer<'_, ()> {
        never()
    }

    fn present(&self, id: KeyId, _: KeyHash) -> Answer<'_, Option<stored::ApiKey>> {
        self.asked
            .lock()
            .unwrap()
            .push(format!("present {}", id.as_str().len()));
        let answer = self.answers.lock().unwrap().pop_front().unwrap();
        Box::pin(std::future::ready(answer))
    }

    fn find(&self, _: KeyId) -> Answer<'_, Option<stored::ApiKey>> {
        never()
    }

    fn list(&self, _: Option<Box<str>>) -> Answer<'_, Vec<stored::ApiKey>> {
        never()
    }

    fn revoke(&self, _: KeyId, _: Timestamp) -> Answer<'_, Revoked> {
        never()
    }

    fn touch(&self, _: Vec<(KeyId, Timestamp)>) -> Answer<'_, ()> {
        never()
    }
}

impl Revocations for Scripted {
    fn add(&self, _: Revocation) -> Answer<'_, u64> {
        never()
    }

    fn since(&self, _: u64, _: u32) -> Answer<'_, Vec<(u64, Revocation)>> {
        never()
    }

    fn purge(&self, _: Timestamp) -> Answer<'_, u64> {
        never()
    }
}

impl SigningKeys for Scripted {
    fn signing_key(&self, _: Box<str>, _: Secret, _: Timestamp) -> Answer<'_, Secret> {
        never()
    }
}

impl Changes for Scripted {
    fn sequence(&self) -> Answer<'_, u64> {
        never()
    }

    fn close(&self) -> Answer<'_, ()> {
        never()
    }
}

fn scripted(
    answers: impl IntoIterator<Item = Result<Option<stored::ApiKey>, StoreFault>>,
) -> (Store, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::default();
    let engine = Scripted {
        asked: Arc::clone(&asked),
        answers: Mutex::new(answers.into_iter().collect()),
    };
    (Store::for_test(engine), asked)
}

#[test]
#[doc = "CF-06"]
fn an_outage_of_the_store_is_ours_and_spares_the_keys_of_the_file() {
    let stage = Stage::new();
    let outages = [
        StoreFault::Call(CallFailed::Late),
        StoreFault::Call(CallFailed::Busy),
        StoreFault::Content("a list of a key"),
    ];
    let count = outages.len();
    let (store, asked) = scripted(outages.map(Err));
    let settings = format!(
        "{{ store: true, keys: [{{ id: file, hash: \"{}\" }}] }}",
        hash("file key")
    );
    let method = method(&settings, Some(store), &stage);
    let made = NewKey::make(&mut Random::system());
    for _ in 0..count {
        let refusal = judge(&*method, made.text.expose(), NOW, &stage).unwrap_err();
        assert_eq!(refusal.code, Code::StoreUnavailable);
        assert!(!refusal.is_definitive());
    }
    assert!(judge(&*method, b"file key", NOW, &stage).is_ok());
    // What cannot be a key of the store is judged without it.
    assert_eq!(code(judge(&*method, b"nonsense", NOW, &stage)), Code::KeyUnknown);
    assert_eq!(asked.lock().unwrap().len(), count);
}

#[test]
#[doc = "AK-02"]
fn an_unknown_id_and_a_wrong_secret_ask_the_same_and_hear_the_same() {
    let stage = Stage::new();
    let (store, asked) = scripted([Ok(None), Ok(None)]);
    let method = method("{ store: true }", Some(store), &stage);
    let [one, other] = [(); 2].map(|()| NewKey::make(&mut Random::system()));
    let first = judge(&*method, one.text.expose(), NOW, &stage).unwrap_err();
    let second = judge(&*method, other.text.expose(), NOW, &stage).unwrap_err();
    assert_eq!(first, second);
    assert_eq!(*asked.lock().unwrap(), ["present 12", "present 12"]);
    for made in [one, other] {
        assert!(!first.why.contains(made.id.as_str()));
    }
}

/// VR-07. The bound: over many turns, the middle times of both differ by less than a quarter.
#[test]
#[doc = "AK-02"]
fn an_unknown_id_takes_as_long_as_a_wrong_secret() {
    const TURNS: usize = 400;
    let stage = Stage::new();
    let store = Store::sqlite(stage.open());
    let made = NewKey::make(&mut Random::system());
    stage
        .runtime
        .block_on(store.create(stored::ApiKey::for_test(&made, "billing")))
        .unwrap();
    let method = method("{ store: true }", Some(store), &stage);
    let mut wrong = made.text.expose().to_vec();
    *wrong.last_mut().unwrap() = if wrong.ends_with(b"a") { b'b' } else { b'a' };
    let unknown = NewKey::make(&mut Random::system()).text;

    let clock = crate::base::clock::Clock::system();
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..TURNS * 2 {
        let presented = [wrong.as_slice(), unknown.expose()][turn % 2];
        let before = clock.now();
        let outcome = judge(&*method, presented, NOW, &stage);
        times[turn % 2].push(clock.now().since(before));
        assert_eq!(code(outcome), Code::KeyUnknown);
    }
    let [wrong, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[TURNS / 2].as_secs_f64()
    });
    assert!((0.75..1.33).contains(&(wrong / unknown)), "{wrong} s and {unknown} s");
}
