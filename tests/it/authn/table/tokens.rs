//! Tokens put together from raw parts, so that what no library writes can be written too. The keys are made once.

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use serde_json::{Value, json};

use super::super::with;
use super::{Answer, Case};
use crate::support::token::{AUDIENCE, ISSUER, NOW, SECRET};
use crate::support::{Setup, Upstream};

pub const HS: &str = r#"{"alg":"HS256"}"#;

/// Whoever signs.
pub enum Signer {
    Shared(Vec<u8>),
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

pub struct Signers {
    pub hs: Signer,
    pub rs: Signer,
    pub es: Signer,
    pub ed: Signer,
    /// Has the same name as `es` in the set.
    pub twin: Signer,
    /// A key that nobody trusts.
    pub stranger: Signer,
}

pub static SIGNERS: LazyLock<Signers> = LazyLock::new(|| {
    let ec = || Signer::Ec(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
    Signers {
        hs: Signer::Shared(SECRET.into()),
        rs: Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        es: ec(),
        ed: Signer::Ed(Ed25519KeyPair::generate().unwrap()),
        twin: ec(),
        stranger: ec(),
    }
});

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Shared(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Self::Rsa(pair) => {
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut made)
                    .unwrap();
                made
            }
            Self::Ec(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// Header and payload exactly as they are.
    pub fn token(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", b64(header), b64(payload));
        let signature = b64(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The public half as a set has it.
    pub fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Shared(secret) => json!({ "kid": kid, "kty": "oct", "k": b64(secret) }),
            Self::Rsa(pair) => {
                let der = pair.public_key().as_ref();
                let (n, e) = (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der).unwrap();
                json!({ "kid": kid, "kty": "RSA", "n": b64(n), "e": b64(e) })
            }
            Self::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kid": kid, "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y) })
            }
            Self::Ed(pair) => json!({ "kid": kid, "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key()) }),
        }
    }

    /// The public half as a file has it; of RSA.
    pub fn pem(&self) -> String {
        let Self::Rsa(pair) = self else { panic!("only RSA") };
        let der = pair.public_key().as_der().unwrap();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der.as_ref())
        )
    }
}

/// The claims of a good token, as raw JSON.
#[derive(Clone)]
pub struct Claims(Vec<(String, String)>);

pub fn claims() -> Claims {
    let text = |text: &str| format!("\"{text}\"");
    let members = [
        ("iss", text(ISSUER)),
        ("aud", text(AUDIENCE)),
        ("sub", text("alice")),
        ("iat", NOW.to_string()),
        ("exp", (NOW + 3600).to_string()),
    ];
    Claims(members.map(|(name, value)| (name.to_owned(), value)).into())
}

impl Claims {
    /// With this claim in place of the one of this name, if there was one.
    pub fn but(mut self, name: &str, value: impl ToString) -> Self {
        self = self.without(name);
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| own != name);
        self
    }

    pub fn text(&self) -> String {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// Signed with the shared secret.
    pub fn signed(&self) -> String {
        SIGNERS.hs.token(HS, self.text())
    }
}

/// A token with these claims on `/`.
pub fn says(name: impl Into<String>, claims: &Claims, wanted: Answer) -> Case {
    Case::bearer(name, "/", &claims.signed(), wanted)
}

/// Tokens with the shared secret, on every path; authenticators with other settings on paths of their own.
pub fn setup(upstream: &Upstream) -> Setup {
    let idp = |name: &str, settings: &str| super::super::jwt(name, ISSUER, settings);
    let authenticators = [
        idp("idp", ""),
        idp("typed", "typ: at+jwt"),
        idp("short", "max_lifetime: 1h"),
        idp("exact", "leeway: 0s"),
        idp("tenants", "require_claims: { tenant: [a, b] }"),
        idp("named", "subject_from: user.name"),
        idp("listed", "required: [exp, iss, aud, sub, jti]"),
        idp("in-cookie", "from: [\"cookie:token\"]"),
        idp("in-query", "from: [\"query:token\"]"),
    ];
    let mut setup = with(
        upstream,
        &authenticators.concat(),
        "{ path: /**, upstream: up, auth: idp }",
    );
    for name in [
        "typed",
        "short",
        "exact",
        "tenants",
        "named",
        "listed",
        "in-cookie",
        "in-query",
    ] {
        setup = setup.route(&format!("{{ path: /{name}, upstream: up, auth: {name} }}"));
    }
    setup
}
