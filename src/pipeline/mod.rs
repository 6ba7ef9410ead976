//! The order of the stages, and the only place that knows it.
//!
//! Each stage consumes what the stage before it made, and nothing else can make it: a request reaches an upstream or
//! an endpoint only with a permit.

pub mod exit;
pub mod rejection;
pub mod snapshot;

pub use exit::{Answer, Exit};
pub use rejection::Rejection;
pub use snapshot::Snapshot;

use http::Response;

use crate::authz::Rule;
use crate::base::timers::TaskAlarm;
use crate::request::Arrived;
use crate::route::Route;

/// What happened to a request on its way, for whoever keeps records.
#[derive(Debug, Default)]
pub struct Seen<'s> {
    pub route: Option<&'s Route>,
    pub rule: Option<Rule>,
}

/// One request from its arrival to the head of its answer.
pub async fn serve<'s>(
    parts: &'s Snapshot,
    exit: &Exit,
    alarm: &TaskAlarm,
    arrived: Arrived,
    seen: &mut Seen<'s>,
) -> Result<Response<Answer>, Rejection> {
    let routed = parts.router.route(arrived)?;
    seen.route = Some(routed.route());
    let admitted = parts.admission.admit(routed)?;
    let identified = parts.verifier.identify(admitted)?;
    let permitted = parts.policy.decide(identified)?;
    seen.rule = Some(permitted.rule());
    Ok(exit.send(permitted, parts, alarm).await?)
}
