//! The examples of RFC 7515 appendix A, RFC 7520 section 4 and RFC 8037 appendix A, which every implementation agrees
//! on, and each algorithm against a second implementation.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm as Theirs, DecodingKey};
use serde_json::{Value, json};

use super::{Signer, jwks, read, set};
use crate::authn::jose::algorithm::Algorithm;
use crate::authn::jose::bytes::decoded;
use crate::authn::jose::keys::{KeyFault, KeySet, Unproven};
use crate::authn::jose::token::{Header, Token};
use crate::base::secret::Secret;

const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const FRODO: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUg\
                     cm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0\
                     IGJlIHN3ZXB0IG9mZiB0by4";
const BILBO: &str = "bilbo.baggins@hobbiton.example";

/// Header, payload and signature of an example whose payload need not be an object, so it is taken apart here.
struct Example {
    header: &'static str,
    payload: &'static str,
    signature: &'static str,
    algorithm: Algorithm,
    kid: Option<&'static str>,
}

impl Example {
    fn judge(&self, keys: &KeySet) -> Result<(), Unproven> {
        let signed = format!("{}.{}", self.header, self.payload);
        keys.verify(&Token {
            signed: signed.as_bytes(),
            header: Header {
                algorithm: Some(self.algorithm),
                kid: self.kid.map(Into::into),
                typ: None,
            },
            claims: serde_json::Map::new(),
            signature: decoded(self.signature).unwrap(),
        })
    }

    /// It fits, and stops to fit with one bit changed anywhere that is looked at.
    fn holds(&self, keys: &KeySet) {
        assert_eq!(self.judge(keys), Ok(()));
        let other = Self {
            payload: "e30",
            ..*self
        };
        assert_eq!(other.judge(keys), Err(Unproven::Signature));
    }
}

fn secret(text: &str, algorithm: Algorithm) -> KeySet {
    KeySet::from_secret(&Secret::new(decoded(text).unwrap()), algorithm).unwrap()
}

#[test]
#[doc = "JWT-10"]
fn rfc_7515_a_1_hs256_is_verified() {
    let example = Example {
        header: "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        payload: JOE,
        signature: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        algorithm: Algorithm::Hs256,
        kid: None,
    };
    let keys = secret(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        Algorithm::Hs256,
    );
    example.holds(&keys);
    let whole = format!("{}.{}.{}", example.header, example.payload, example.signature);
    let token = read(&whole);
    assert_eq!(token.issuer(), Some("joe"));
    assert_eq!(keys.verify(&token), Ok(()));
}

#[test]
#[doc = "JWT-10"]
fn rfc_7515_a_2_rs256_is_verified() {
    let key = json!({ "kty": "RSA", "e": "AQAB", "n":
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ\
         S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2\
         R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD\
         TW9gb54h4FRWyuXpoQ" });
    let example = Example {
        header: "eyJhbGciOiJSUzI1NiJ9",
        payload: JOE,
        signature: "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG\
                    bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K\
                    0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6\
                    LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        algorithm: Algorithm::Rs256,
        kid: None,
    };
    example.holds(&set(&[key]));
}

#[test]
#[doc = "JWT-10"]
fn rfc_7515_a_3_es256_is_verified() {
    let key = json!({ "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let example = Example {
        header: "eyJhbGciOiJFUzI1NiJ9",
        payload: JOE,
        signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        algorithm: Algorithm::Es256,
        kid: None,
    };
    example.holds(&set(&[key]));
}

#[test]
#[doc = "JWT-03"]
fn rfc_7515_a_5_without_a_signature_is_no_token() {
    let token = format!("eyJhbGciOiJub25lIn0.{JOE}.");
    assert!(Token::read(token.as_bytes()).is_err());
    let padded = format!("eyJhbGciOiJub25lIn0.{JOE}.AAAA");
    assert_eq!(read(&padded).header.algorithm, None);
}

#[test]
#[doc = "JWT-10"]
fn rfc_8037_a_4_eddsa_is_verified() {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let example = Example {
        header: "eyJhbGciOiJFZERTQSJ9",
        payload: "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        signature: "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        algorithm: Algorithm::EdDsa,
        kid: None,
    };
    example.holds(&set(&[key]));
}

/// RFC 7520 section 3.3.
fn bilbo(algorithm: &str) -> Value {
    json!({ "kty": "RSA", "kid": BILBO, "use": "sig", "alg": algorithm, "e": "AQAB", "n":
        "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2w\
         qVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bT\
         wJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5\
         iaiQkqgc5gHdrNP5zw" })
}

#[test]
#[doc = "JWT-10"]
fn rfc_7520_4_1_rs256_is_verified() {
    let example = Example {
        header: "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
        payload: FRODO,
        signature: "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7P\
                    NDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9e\
                    Ro4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4\
                    uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
        algorithm: Algorithm::Rs256,
        kid: Some(BILBO),
    };
    example.holds(&set(&[bilbo("RS256")]));
    // The same numbers, published for another padding, are another key.
    assert_eq!(example.judge(&set(&[bilbo("PS256")])), Err(Unproven::UnknownKey));
}

#[test]
#[doc = "JWT-10"]
fn rfc_7520_4_2_ps384_is_verified() {
    let example = Example {
        header: "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
        payload: FRODO,
        signature: "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dD\
                    DItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ij\
                    Q7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAj\
                    VKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
        algorithm: Algorithm::Ps384,
        kid: Some(BILBO),
    };
    example.holds(&set(&[bilbo("PS384")]));
}

#[test]
#[doc = "JWT-03"]
fn rfc_7520_4_3_es512_is_no_algorithm_here() {
    let key = json!({ "kty": "EC", "kid": BILBO, "use": "sig", "crv": "P-521",
        "x": "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
        "y": "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1" });
    let (keys, skipped) = KeySet::from_jwks(&jwks(&[key]), &Algorithm::public()).unwrap();
    assert!(keys.is_empty());
    assert_eq!(skipped[0].why, KeyFault::Curve);
    assert_eq!(skipped[0].id.as_deref(), Some(BILBO));
}

#[test]
#[doc = "JWT-10"]
fn rfc_7520_4_4_hs256_is_verified() {
    let example = Example {
        header: "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9",
        payload: FRODO,
        signature: "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
        algorithm: Algorithm::Hs256,
        kid: Some("018c0ae5-4d9b-471b-bfd6-eef314bc7037"),
    };
    example.holds(&secret("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg", Algorithm::Hs256));
}

#[test]
#[doc = "JWT-10"]
fn each_algorithm_agrees_with_a_second_implementation() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::of(*algorithm);
        let token = signer.says(&json!({ "sub": "u" }));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let theirs: Theirs = algorithm.as_str().parse().unwrap();
        let key = match &signer {
            Signer::Shared(_, secret) => DecodingKey::from_secret(secret),
            _ => DecodingKey::from_jwk(&serde_json::from_value::<Jwk>(signer.jwk("one")).unwrap()).unwrap(),
        };
        let agrees = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, theirs);
        assert!(agrees.unwrap(), "{algorithm}");
        assert_eq!(signer.keys().verify(&read(&token)), Ok(()), "{algorithm}");
    }
}
