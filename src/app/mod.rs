//! The composition root: from a configuration to a running gateway, and back.
//!
//! Start: configuration, snapshot, sockets, workers, admin listener. Stop: the other way round. Nothing else knows
//! every part.

mod administer;
mod banner;
mod carry;
mod compile;
mod control;
mod explain;
mod gateway;
mod ground;
mod notify;
mod rehearsal;
mod reload;
mod run;
mod store;
pub mod watch;
mod worker;

pub use explain::{ExplainedIdentity, ExplainedRoute, Explanation, Outcome, explain};
pub use gateway::{Drained, Gateway, Options, StartError};
pub use notify::Notifier;
pub use rehearsal::{Question, Rehearsal};
pub use reload::{ReloadError, Source};
pub use run::run;
