//! A signature that was right.

use super::keys::Key;

/// Who signed, and what of the request may be used once.
#[derive(Debug)]
pub(super) struct Proof<'k> {
    pub(super) key: &'k Key,
    /// The nonce, or what stands for the signature.
    pub(super) once: Box<[u8]>,
}
