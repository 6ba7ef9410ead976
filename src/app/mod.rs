//! The composition root: from a configuration to a running gateway, and back.

mod carry;
mod compile;
mod worker;
pub mod watch;
