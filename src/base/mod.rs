//! What every other module may use and what knows none of them: time, randomness, tasks, secrets, addresses, ids, media types.

pub mod accept;
pub mod allocator;
pub mod background;
pub mod bell;
pub mod clock;
pub mod field;
pub mod gather;
pub mod id;
pub mod net;
pub mod peer;
pub mod random;
pub mod resolve;
pub mod secret;
pub mod signer;
pub mod source;
pub mod stream;
pub mod task;
pub mod tasks;
pub mod timers;
