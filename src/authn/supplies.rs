//! What methods are given when they are put to work. Filled by `app`.

use std::sync::Arc;

use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::identity::passwords::Pool;
use crate::outbound::Outbound;

/// Everything a method may hold on to.
#[derive(Clone, Debug)]
pub struct Supplies {
    pub clock: Clock,
    /// Where work is done that must not hold a request's thread up.
    pub background: Background,
    /// Where passwords are hashed.
    pub passwords: Arc<Pool>,
    /// For asking issuers.
    pub outbound: Outbound,
}
