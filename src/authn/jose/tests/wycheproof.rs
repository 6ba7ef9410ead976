//! The cases of Project Wycheproof for every primitive that signs tokens (JWT-10): what other people's libraries once
//! got wrong, asked of our keys as they are read from PEM.

use wycheproof::TestResult;
use wycheproof::ecdsa::{self, TestName as Ecdsa};
use wycheproof::eddsa::{self, TestName as Eddsa};
use wycheproof::mac::{self, TestName as Mac};
use wycheproof::rsa_pkcs1_verify::{self as pkcs1, TestName as Pkcs1};
use wycheproof::rsa_pss_verify::{self as pss, TestName as Pss};

use super::super::algorithm::Algorithm;
use super::super::key::{Key, KeyFault};
use super::super::pem;
use crate::base::secret::Secret;

/// How the cases of a set came out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    taken: usize,
    refused: usize,
    /// Those that a verifier may take or refuse, and that are refused here.
    optional: usize,
}

impl Tally {
    #[track_caller]
    fn note(&mut self, case: &str, wanted: TestResult, taken: bool) {
        match (wanted, taken) {
            (TestResult::Valid, true) => self.taken += 1,
            (TestResult::Invalid, false) => self.refused += 1,
            (TestResult::Acceptable, false) => self.optional += 1,
            _ => panic!("{case} is {wanted:?}, and taken: {taken}"),
        }
    }

    /// No case went missing.
    #[track_caller]
    fn is(&self, taken: usize, refused: usize, optional: usize) {
        let wanted = Self {
            taken,
            refused,
            optional,
        };
        assert_eq!(*self, wanted);
    }
}

fn key(pem: &str, algorithm: Algorithm) -> Key {
    pem::read(pem.as_bytes(), &[algorithm]).unwrap_or_else(|fault| panic!("{fault}: {pem}"))
}

#[test]
#[doc = "JWT-10"]
fn ecdsa_as_wycheproof_has_it() {
    let mut tally = Tally::default();
    for (name, algorithm) in [
        (Ecdsa::EcdsaSecp256r1Sha256P1363, Algorithm::Es256),
        (Ecdsa::EcdsaSecp384r1Sha384P1363, Algorithm::Es384),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let key = key(&group.pem, algorithm);
            for test in group.tests {
                let case = format!("{name:?} {} {}", test.tc_id, test.comment);
                tally.note(&case, test.result, key.verifies(&test.msg, &test.sig));
            }
        }
    }
    tally.is(366, 176, 0);
}

#[test]
#[doc = "JWT-10"]
fn eddsa_as_wycheproof_has_it() {
    let mut tally = Tally::default();
    for group in eddsa::TestSet::load(Eddsa::Ed25519).unwrap().test_groups {
        let key = key(&group.pem, Algorithm::EdDsa);
        for test in group.tests {
            let case = format!("{} {}", test.tc_id, test.comment);
            tally.note(&case, test.result, key.verifies(&test.msg, &test.sig));
        }
    }
    tally.is(88, 63, 0);
}

#[test]
#[doc = "JWT-10"]
fn rsa_of_pkcs1_as_wycheproof_has_it() {
    let mut tally = Tally::default();
    for (name, algorithm) in [
        (Pkcs1::Rsa2048Sha256, Algorithm::Rs256),
        (Pkcs1::Rsa3072Sha256, Algorithm::Rs256),
        (Pkcs1::Rsa4096Sha256, Algorithm::Rs256),
        (Pkcs1::Rsa8192Sha256, Algorithm::Rs256),
        (Pkcs1::Rsa2048Sha384, Algorithm::Rs384),
        (Pkcs1::Rsa3072Sha384, Algorithm::Rs384),
        (Pkcs1::Rsa4096Sha384, Algorithm::Rs384),
        (Pkcs1::Rsa2048Sha512, Algorithm::Rs512),
        (Pkcs1::Rsa3072Sha512, Algorithm::Rs512),
        (Pkcs1::Rsa4096Sha512, Algorithm::Rs512),
    ] {
        for group in pkcs1::TestSet::load(name).unwrap().test_groups {
            let key = key(&group.pem, algorithm);
            for test in group.tests {
                let case = format!("{name:?} {} {}", test.tc_id, test.comment);
                tally.note(&case, test.result, key.verifies(&test.msg, &test.sig));
            }
        }
    }
    tally.is(75, 2503, 10);
}

#[test]
#[doc = "JWT-10"]
fn rsa_of_pss_as_wycheproof_has_it() {
    let mut tally = Tally::default();
    for (name, algorithm) in [
        (Pss::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Pss::RsaPss3072Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Pss::RsaPss4096Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Pss::RsaPss2048Sha384Mgf1SaltLen48, Algorithm::Ps384),
        (Pss::RsaPss4096Sha384Mgf1SaltLen48, Algorithm::Ps384),
        (Pss::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::Ps512),
    ] {
        for group in pss::TestSet::load(name).unwrap().test_groups {
            let key = key(&group.pem, algorithm);
            for test in group.tests {
                let case = format!("{name:?} {} {}", test.tc_id, test.comment);
                tally.note(&case, test.result, key.verifies(&test.msg, &test.sig));
            }
        }
    }
    tally.is(511, 274, 0);
}

/// RFC 7518 section 3.5: the salt is as long as the hash, and the mask is made with the same hash.
#[test]
#[doc = "JWT-10"]
fn what_pss_allows_and_tokens_do_not_is_refused() {
    let mut refused = 0;
    for (name, algorithm) in [
        (Pss::RsaPss2048Sha256Mgf1SaltLen0, Algorithm::Ps256),
        (Pss::RsaPss2048Sha256Mgf1Sha1_20, Algorithm::Ps256),
        (Pss::RsaPss2048Sha1Mgf1SaltLen20, Algorithm::Ps256),
        (Pss::RsaPss4096Sha512Mgf1SaltLen32, Algorithm::Ps512),
    ] {
        for group in pss::TestSet::load(name).unwrap().test_groups {
            let key = key(&group.pem, algorithm);
            for test in group.tests {
                // What is wrong for the set is right for a token.
                let ours = test.comment == "s_len changed to 32" && name == Pss::RsaPss2048Sha256Mgf1SaltLen0;
                assert_eq!(key.verifies(&test.msg, &test.sig), ours, "{name:?} {}", test.tc_id);
                refused += usize::from(!ours);
            }
        }
    }
    assert_eq!(refused, 475);
}

/// A MAC cut short is none here, and a secret shorter than the hash is no key, whatever a MAC alone would allow.
#[test]
#[doc = "JWT-10, JWT-11"]
fn hmac_as_wycheproof_has_it() {
    let (mut tally, mut short, mut cut) = (Tally::default(), 0, 0);
    for (name, algorithm, length) in [
        (Mac::HmacSha256, Algorithm::Hs256, 32),
        (Mac::HmacSha384, Algorithm::Hs384, 48),
        (Mac::HmacSha512, Algorithm::Hs512, 64),
    ] {
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let case = format!("{name:?} {} {}", test.tc_id, test.comment);
                let key = match Key::shared(&Secret::new(test.key.to_vec()), algorithm) {
                    Ok(key) => key,
                    Err(KeyFault::Short(least)) => {
                        assert!(test.key.len() < least, "{case}");
                        short += 1;
                        continue;
                    }
                    Err(fault) => panic!("{case}: {fault}"),
                };
                let taken = key.verifies(&test.msg, &test.tag);
                if test.tag.len() < length {
                    assert!(!taken, "{case}");
                    cut += 1;
                } else {
                    tally.note(&case, test.result, taken);
                }
            }
        }
    }
    tally.is(90, 162, 0);
    assert_eq!((short, cut), (18, 252));
}
