use proptest::prelude::*;

use super::*;

/// Of the reference implementation's own tests: `password`.
const ARGON2ID: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const ARGON2I: &str = "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";
/// `abc123xyz`.
const BCRYPT: &str = "$2a$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
/// `U*U`.
const BCRYPT_QUICK: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn plain(text: &str) -> PlainPassword {
    PlainPassword::new(text).unwrap()
}

fn matches(hash: &str, password: &str) -> bool {
    PasswordHash::parse(hash).unwrap().verify(&plain(password)).unwrap()
}

fn fault(hash: &str) -> HashFault {
    PasswordHash::parse(hash).unwrap_err()
}

#[test]
#[doc = "ID-01"]
fn a_new_hash_is_argon2id_with_the_parameters_of_the_day() {
    let hash = PasswordHash::of(&plain("correct horse battery"), *b"saltsaltsaltsalt").unwrap();
    let text = hash.as_text();
    assert!(
        text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"),
        "{text}"
    );
    assert!(!hash.is_weak());
    assert_eq!(hash.memory(), 19_456 * 1024);
    assert!(matches(text, "correct horse battery"));
    assert!(!matches(text, "correct horse batterY"));
    assert!(!matches(text, ""));
}

#[test]
#[doc = "ID-01"]
fn hashes_of_other_software_verify() {
    assert!(matches(ARGON2ID, "password") && !matches(ARGON2ID, "Password"));
    assert!(matches(ARGON2I, "password") && !matches(ARGON2I, "Password"));
    assert!(matches(BCRYPT, "abc123xyz") && !matches(BCRYPT, "abc123xyZ"));
    for version in ["2a", "2b", "2y"] {
        let text = BCRYPT_QUICK.replacen("2a", version, 1);
        assert!(matches(&text, "U*U") && !matches(&text, "U*V"));
    }
}

#[test]
#[doc = "ID-02"]
fn bcrypt_does_not_cut_a_long_password_off() {
    let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    let seen = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    assert!(matches(hash, seen));
    assert!(!matches(hash, &format!("{seen}chars after 72 are ignored")));
}

#[test]
#[doc = "ID-02"]
fn bcrypt_does_not_take_a_nul_for_the_end() {
    let text = bcrypt::hash_with_salt("a", 4, [7; 16]).unwrap().to_string();
    assert!(
        bcrypt::verify("a\0a", &text).unwrap(),
        "the algorithm itself cannot tell them apart"
    );
    assert!(matches(&text, "a"));
    assert!(!matches(&text, "a\0a"));
}

#[test]
#[doc = "ID-01"]
fn a_text_that_is_no_usual_hash_is_refused() {
    for text in [
        "",
        "password",
        "$",
        "$$",
        "$argon2d$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$6$salt$hash",
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    ] {
        assert_eq!(fault(text), HashFault::Unknown, "{text}");
    }
    for (from, to) in [
        ("$v=19", ""),
        ("v=19", "v=16"),
        ("v=19", "v=20"),
        ("m=65536", "m=065536"),
        ("m=65536", "m=7"),
        ("m=65536", "m=4294967296"),
        ("m=65536,t=2", "t=2,m=65536"),
        (",p=1", ""),
        ("p=1", "p=0"),
        ("t=2", "t=0"),
        ("p=1", "p=1,data=AAAA"),
        ("p=1", "p=1,keyid=AAAA"),
        ("p=1", "p=1,p=1"),
        ("c29tZXNhbHQ", "c29t"),
        ("c29tZXNhbHQ", "c29tZXNhbHR"),
        ("c29tZXNhbHQ", "c29tZXNhbHQ="),
        ("c29tZXNhbHQ", "é29tZXNhbHQ"),
        ("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFhFdXPJO1aFaM"),
        ("$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", ""),
        ("GRPPc", "GRPPc\n"),
        ("GRPPc", "GRPPc$"),
    ] {
        let text = ARGON2ID.replacen(from, to, 1);
        assert_ne!(text, ARGON2ID);
        assert_eq!(fault(&text), HashFault::Malformed, "{text}");
    }
    for text in [
        "$2a$",
        "$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$+5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCC€E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ] {
        assert_eq!(fault(text), HashFault::Malformed, "{text}");
    }
}

#[test]
#[doc = "ID-03"]
fn a_hash_cannot_ask_for_the_whole_machine() {
    for (from, to) in [
        ("m=65536", "m=131073"),
        ("m=65536", "m=4194304"),
        ("m=65536", "m=4294967295"),
        ("t=2", "t=9"),
        ("t=2", "t=4294967295"),
        ("p=1", "p=17"),
    ] {
        let text = ARGON2ID.replacen(from, to, 1);
        assert_eq!(fault(&text), HashFault::Excessive, "{text}");
    }
    for cost in ["15", "31", "99"] {
        let text = BCRYPT_QUICK.replacen("05", cost, 1);
        assert_eq!(fault(&text), HashFault::Excessive, "{text}");
    }
    for (from, to) in [("m=65536", "m=131072"), ("t=2", "t=8"), ("p=1", "p=16")] {
        assert!(PasswordHash::parse(&ARGON2ID.replacen(from, to, 1)).is_ok());
    }
    assert!(PasswordHash::parse(&BCRYPT_QUICK.replacen("05", "14", 1)).is_ok());
}

#[test]
fn a_hash_that_is_quick_to_guess_is_known_as_such() {
    let weak = |text: &str| PasswordHash::parse(text).unwrap().is_weak();
    assert!(weak(&ARGON2ID.replacen("m=65536", "m=1024", 1)));
    assert!(weak(&ARGON2ID.replacen("m=65536,t=2", "m=19456,t=1", 1)));
    assert!(!weak(&ARGON2ID.replacen("m=65536,t=2", "m=7168,t=5", 1)));
    assert!(weak(BCRYPT_QUICK) && !weak(BCRYPT));
}

#[test]
#[doc = "LG-01"]
fn a_hash_never_prints() {
    assert_eq!(
        format!("{:?}", PasswordHash::parse(ARGON2ID).unwrap()),
        "PasswordHash(…)"
    );
}

proptest! {
    #[test]
    #[doc = "ID-01"]
    fn no_text_panics(text in "(\\$(argon2id|argon2i|2a|2b|2y))?.{0,120}") {
        let _ = PasswordHash::parse(&text);
    }

    #[test]
    #[doc = "ID-01"]
    fn what_is_taken_was_spelled_the_usual_way(
        at in 0..ARGON2ID.len(), byte in prop::sample::select(b"$=,0129aZ+/. -".to_vec())
    ) {
        let mut bytes = ARGON2ID.as_bytes().to_vec();
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(hash) = PasswordHash::parse(&text) {
            prop_assert_eq!(hash.as_text(), text);
            prop_assert!(hash.memory() <= 128 * 1024 * 1024);
        }
    }
}
