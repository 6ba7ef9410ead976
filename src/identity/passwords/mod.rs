//! Passwords: a plain one comes in, and whether it is the one behind a hash goes out. The work is heavy by design, so it
//! is done on a pool of its own. Whose password it is, is not known here.

mod hash;
mod plain;
mod pool;

pub use hash::{HashFault, OutOfMemory, PasswordHash};
pub use plain::{PlainPassword, TooLong};
pub use pool::{Pool, PoolFault};
