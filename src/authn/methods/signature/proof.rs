//! A signature that was right.

use super::keys::Key;

/// Who signed, and what of the request may be used once.
#[derive(Debug)]
pub(super) struct Proof<'k> {
    pub(super) key: &'k Key,
    /// Whether another key may use the same once more.
    pub(super) of_key: bool,
    /// The nonce, or what stands for the signature or the message.
    pub(super) once: Box<[u8]>,
}
