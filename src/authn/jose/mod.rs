//! Signed tokens (JWS, JWT) and the keys they are signed with (JWK), read strictly and judged. Bytes come in; a token,
//! a key set or a reason comes out. Nothing here opens a socket, asks for the time or knows where a token stood.
//!
//! `jsonwebtoken` reads PEM for us. Its `decode` is not used: it ignores `crit`, keeps the last of two equal members,
//! takes tokens without `aud` and `iss`, and asks the machine what time it is. Signatures go to the provider below it,
//! `aws-lc-rs`, because that one keeps a key in the form that verification needs, while `jsonwebtoken` parses it again
//! for each token.

pub mod algorithm;
mod bytes;
pub mod claims;
pub mod fuzz;
mod grants;
mod jwk;
pub mod json;
mod key;
pub mod keys;
mod pem;
pub mod token;

pub use grants::{ClaimPath, Grants};

#[cfg(test)]
pub(super) mod tests;
