//! Tokens, signed as an identity provider would.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::clock::START;

/// Seconds of the moment at which every test begins.
pub const NOW: u64 = START / 1000;

/// What tests sign HS256 tokens with.
pub const SECRET: &str = "a secret of at least thirty-two bytes";

/// Whom tokens of tests are from and for.
pub const ISSUER: &str = "https://login.example.test";
pub const AUDIENCE: &str = "api://orders";

#[derive(Clone, Debug)]
pub struct Token {
    header: Header,
    claims: Value,
    secret: String,
}

impl Token {
    /// A good one, which ends in an hour.
    pub fn of(subject: &str) -> Self {
        Self {
            header: Header::new(Algorithm::HS256),
            claims: json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": NOW, "exp": NOW + 3600 }),
            secret: SECRET.to_owned(),
        }
    }

    /// With this claim, or without it when the value is null.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        match value.into() {
            Value::Null => drop(self.claims.as_object_mut().unwrap().remove(name)),
            value => self.claims[name] = value,
        }
        self
    }

    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = secret.to_owned();
        self
    }

    pub fn text(&self) -> String {
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        jsonwebtoken::encode(&self.header, &self.claims, &key).unwrap()
    }

    /// As `Authorization` has it.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.text())
    }
}
