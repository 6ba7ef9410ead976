//! The order of the stages, and the only place that knows it.
//!
//! Each stage consumes what the stage before it made, and nothing else can make it: a request reaches an upstream or
//! an endpoint only with a permit.

pub mod endpoint;
pub mod exit;
pub mod rejection;
pub mod snapshot;

pub use exit::{Exit, WayOut};
pub use rejection::Rejection;
pub use snapshot::Snapshot;

use http::Response;

use crate::authn::Identity;
use crate::authz::Rule;
use crate::base::task::TaskHandle;
pub use crate::forward::Answer;
use crate::request::Arrived;
use crate::request::body::Pace;
use crate::route::Route;
use crate::telemetry::events::Lookups;

/// Is told how far a request got, while it gets there: a client may leave at any moment.
pub trait Observer {
    fn routed(&mut self, route: &Route);
    /// Told whether or not it led to an identity.
    fn looked_up(&mut self, lookups: Lookups);
    fn identified(&mut self, identity: &Identity);
    fn permitted(&mut self, rule: Rule);
}

/// One request from its arrival to the head of its answer.
pub async fn serve(
    parts: &Snapshot,
    exit: &impl WayOut,
    task: &TaskHandle,
    arrived: Arrived,
    observer: &mut impl Observer,
) -> Result<Response<Answer>, Rejection> {
    let routed = parts.router.route(arrived)?;
    observer.routed(routed.route());
    let admitted = parts.admission.admit(routed)?;
    let pace = Pace {
        idle: parts.timeouts.body_idle,
        task,
    };
    let mut lookups = Lookups::default();
    let identified = parts.verifier.identify(admitted, pace, &mut lookups).await;
    observer.looked_up(lookups);
    let identified = identified?;
    observer.identified(identified.identity());
    let permitted = parts.policy.decide(identified)?;
    observer.permitted(permitted.rule());
    exit.send(permitted, parts, task).await
}

#[cfg(test)]
mod tests {
    use crate::admission::Admitted;
    use crate::authn::Identified;
    use crate::authz::Permitted;
    use crate::request::Arrived;
    use crate::route::Routed;

    #[test]
    fn everything_from_arrival_to_permit_may_change_threads() {
        fn is_send<T: Send>() {}
        is_send::<Arrived>();
        is_send::<Routed<'_>>();
        is_send::<Admitted<'_>>();
        is_send::<Identified<'_>>();
        is_send::<Permitted<'_>>();
    }
}
