//! `signing:`.

use std::sync::Arc;

use crate::base::signer::Signer;
use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape, settings};
use crate::config::values::SecretText;

settings! {
    /// What this gateway signs with: the tokens that tell upstreams who is asking (`forward.identity_jwt`). The public
    /// keys are published at `/.well-known/jwks.json`.
    struct RawSigning as "signing" {
        /// A private key in PEM (PKCS#8, not encrypted): Ed25519, ECDSA on P-256 or P-384, or RSA of 2048 to 8192 bits.
        /// Absent = a key that is made once and kept in the store. Another key signs from the reload on that brings it;
        /// the one before stays published until its last token has ended.
        optional key: PrivateKey,
    }
}

/// A private key behind a reference.
#[derive(Clone, Debug)]
pub(crate) struct PrivateKey(pub(crate) Arc<Signer>);

impl Setting for PrivateKey {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let SecretText(secret) = SecretText::decode(node, cx)?;
        match Signer::from_pem(secret.expose()) {
            Ok(signer) => Some(Self(Arc::new(signer))),
            Err(fault) => {
                let message = format!("this cannot sign: {fault}; make one with `openssl genpkey -algorithm ed25519`");
                cx.fault(node.span, Code::ValueKey, message);
                None
            }
        }
    }

    fn describe(book: &mut Book) -> Shape {
        let secret = SecretText::describe(book);
        Shape::new(secret.schema, "private key in PEM, a secret: exactly one reference")
    }
}
