use std::num::NonZeroUsize;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::authn::principal::Principal;
use crate::base::clock::Clock;
use crate::base::timers::Timers;
use crate::config::{Given, Kinds, Warning};
use crate::identity::passwords::PlainPassword;

const KINDS: Kinds = Kinds::new(&[&Open]);

/// The kind itself, but its users can be looked at.
struct Open;

#[derive(Debug)]
struct OpenPlan(Vec<User>);

impl crate::config::authenticators::Plan for OpenPlan {
    fn reads(&self) -> &[Reads] {
        &[]
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Kind for Open {
    fn name(&self) -> &'static str {
        Basic.name()
    }

    fn parse(&self, settings: &Node, cx: &mut Decoding<'_>) -> Option<Arc<dyn crate::config::authenticators::Plan>> {
        Some(Arc::new(OpenPlan(RawBasic::decode(settings, cx)?.check(cx)?)))
    }

    fn describe(&self, book: &mut Book) -> Shape {
        Basic.describe(book)
    }
}

/// `password`, in the reference implementation's own tests.
const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
/// `U*U`.
const QUICK: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn file(settings: &str) -> String {
    format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\nupstreams: {{ a: {{ builtin: echo }} }}\n\
         routes: [{{ path: /, upstream: a, auth: ops }}]\nauth:\n  ops:\n    basic: {settings}\n"
    )
}

fn load(settings: &str) -> Result<(Vec<User>, Vec<Warning>), String> {
    let machine = Given::nothing().with_variable("HASH", HASH);
    let loaded = crate::config::parse(&file(settings), "gateway.yaml", KINDS, &machine);
    let loaded = loaded.map_err(|faults| faults.to_string())?;
    let plan: &OpenPlan = loaded.config.auth[0].plan.as_any().downcast_ref().unwrap();
    Ok((plan.0.clone(), loaded.warnings))
}

fn method(users: &[(&str, &str)]) -> Passwords {
    let user = |(name, hash): &(&str, &str)| User {
        principal: Principal {
            id: (*name).into(),
            roles: vec!["ops".into()],
            ..Principal::default()
        },
        hash: Arc::new(PasswordHash::parse(hash).unwrap()),
    };
    Passwords::of(
        &users.iter().map(user).collect::<Vec<_>>(),
        Arc::new(Pool::for_cores(NonZeroUsize::MIN, Timers::new(Clock::system()))),
    )
}

fn asked(method: &Passwords, pair: &str) -> Result<Verified, Refusal> {
    let credential = STANDARD.encode(pair);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(method.identify(credential.as_bytes()))
}

#[test]
fn the_right_password_makes_the_principal() {
    let method = method(&[("ops", HASH), ("other", QUICK)]);
    let verified = asked(&method, "ops:password").unwrap();
    assert_eq!(&*verified.principal.id, "ops");
    assert_eq!(verified.principal.roles, ["ops".into()]);
    assert_eq!((verified.expires, verified.handles), (None, Default::default()));
    assert_eq!(&*asked(&method, "other:U*U").unwrap().principal.id, "other");
}

#[test]
#[doc = "ID-01"]
fn a_wrong_password_an_unknown_name_and_a_broken_credential_get_one_answer() {
    let method = method(&[("ops", QUICK)]);
    for pair in ["ops:u*u", "ops:", "Ops:U*U", "opt:U*U", "ops", ":U*U", "ops:U*U\n"] {
        assert_eq!(
            asked(&method, pair).unwrap_err().code,
            Code::CredentialRefused,
            "{pair:?}"
        );
    }
    assert!(asked(&method, "ops:U*U").is_ok());
}

#[test]
#[doc = "ID-04"]
fn a_name_that_nobody_has_costs_the_work_of_somebody() {
    let method = method(&[("first", HASH), ("second", QUICK)]);
    let of_a_user = |hash: &Arc<PasswordHash>| method.hashes.iter().any(|own| Arc::ptr_eq(own, hash));
    let chosen: Vec<_> = (0..64)
        .map(|n| method.hash_for(&format!("nobody{n}")).unwrap())
        .collect();
    assert!(chosen.iter().all(|hash| of_a_user(hash)));
    assert!(
        chosen.iter().any(|hash| !Arc::ptr_eq(hash, chosen[0])),
        "not all names cost the same"
    );
    for (n, hash) in chosen.iter().enumerate() {
        let again = method.hash_for(&format!("nobody{n}")).unwrap();
        assert!(Arc::ptr_eq(hash, again), "a name costs the same each time");
    }
    // The password of the user whose hash is chosen is no way in.
    for n in 0..8 {
        assert!(asked(&method, &format!("nobody{n}:U*U")).is_err());
    }
}

#[test]
#[doc = "ID-03"]
fn an_outage_of_the_pool_is_not_the_fault_of_the_client() {
    for fault in [PoolFault::Overloaded, PoolFault::Lost] {
        let refusal = unknown(fault);
        assert_eq!(refusal.code, Code::ServerOverloaded);
        assert!(!refusal.is_definitive());
    }
}

#[test]
fn the_challenge_names_the_encoding() {
    let challenge = method(&[("ops", QUICK)]).challenge();
    assert_eq!(challenge.plain, "Basic realm=\"portcullis\", charset=\"UTF-8\"");
    assert!(!challenge.is_bearer);
}

#[test]
fn the_kind_reads_the_scheme_basic_and_shares_verdicts() {
    let text = file(&format!("{{ users: [{{ name: ops, hash: \"{HASH}\" }}] }}"));
    let loaded = crate::config::parse(&text, "gateway.yaml", crate::authn::KINDS, &Given::nothing()).unwrap();
    assert_eq!(loaded.config.auth[0].plan.reads(), [Reads::whole(Place::Basic)]);
    assert_eq!(method(&[("ops", QUICK)]).memory(), Memory::Shared { ttl: None });
}

#[test]
fn users_are_read_with_what_they_may() {
    let (users, warnings) = load(&format!(
        "{{ users: [{{ name: ops, hash: \"{HASH}\", roles: [a, b], permissions: [\"x:read\"], scopes: [s] }}, \
         {{ name: \"Jürgen\", hash: \"${{env:HASH}}\" }}] }}"
    ))
    .unwrap();
    assert!(warnings.is_empty());
    let first = &users[0].principal;
    assert_eq!((&*first.id, &*users[1].principal.id), ("ops", "Jürgen"));
    assert_eq!(first.roles, ["a".into(), "b".into()]);
    assert_eq!(
        (first.permissions[0].as_ref(), first.scopes[0].as_ref()),
        ("x:read", "s")
    );
    assert!(users[1].principal.roles.is_empty());
}

#[test]
#[doc = "ID-01"]
fn users_that_cannot_be_are_faults_with_a_way_out() {
    let user = |name: &str, hash: &str| format!("{{ name: {name}, hash: \"{hash}\" }}");
    let fault = |users: &[String]| load(&format!("{{ users: [{}] }}", users.join(", "))).unwrap_err();
    for (report, expected) in [
        (load("{}").unwrap_err(), "key.missing: `users` is missing"),
        (fault(&[]), "value.empty: there are no users"),
        (
            fault(&[user("ops", "password")]),
            "hash.invalid: this is not a password hash to verify",
        ),
        (
            fault(&[user("ops", &HASH.replace("t=2", "t=99"))]),
            "verifying it is more work than is allowed",
        ),
        (
            fault(&[user("\"a:b\"", QUICK)]),
            "name.invalid: `a:b` cannot be a user's name",
        ),
        (fault(&[user("\" a\"", QUICK)]), "name.invalid"),
        (fault(&[user("\"a\\nb\"", QUICK)]), "name.invalid: `a\\nb` cannot"),
        (fault(&[user("ops", QUICK), user("ops", HASH)]), "user.duplicate"),
        (fault(&["{ name: ops }".to_owned()]), "key.missing: `hash` is missing"),
        (
            fault(&["{ name: ops, hash: x, role: [] }".to_owned()]),
            "did you mean `roles`?",
        ),
    ] {
        assert!(report.contains(expected), "{report}");
    }
    let report = fault(&[user("ops", "hunter2")]);
    assert!(report.contains("`portcullis hash-password`"), "{report}");
    assert!(
        !report.contains("hunter2"),
        "a password typed in the wrong place is not repeated: {report}"
    );
}

#[test]
fn a_hash_that_is_quick_to_guess_loads_with_a_warning() {
    let (users, warnings) = load(&format!("{{ users: [{{ name: ops, hash: \"{QUICK}\" }}] }}")).unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].code, crate::config::Code::HashWeak);
}

#[test]
#[doc = "LG-01"]
fn nothing_of_a_user_that_is_secret_prints() {
    let printed = format!("{:?}", method(&[("ops", HASH)]));
    assert!(printed.contains("ops") && !printed.contains("CTFhFd"), "{printed}");
    let plain = PlainPassword::new("hunter2").unwrap();
    assert!(!format!("{plain:?}").contains("hunter2"));
}
