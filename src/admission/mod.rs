//! May this address knock now, and is what it announces within bounds?
//!
//! Comes in: a routed request. Goes out: an admitted one. It refuses to know who is asking.

use bytes::Bytes;

use crate::request::body::{BodyFault, Pace, Payload, Room};
use crate::request::{Arrived, Asked};
use crate::route::{Route, Routed};

/// A request whose address may come here.
#[derive(Debug)]
pub struct Admitted<'s> {
    arrived: Arrived,
    route: &'s Route,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionFault {
    #[error("the client's address is not among those this route allows")]
    AddressDenied,
    #[error("the announced body is larger than this route takes")]
    BodyTooLarge,
}

/// Network rules are the route's own, so admission holds nothing yet.
#[derive(Debug, Default)]
pub struct Admission;

impl Admission {
    pub fn admit<'s>(&self, routed: Routed<'s>) -> Result<Admitted<'s>, AdmissionFault> {
        let (arrived, route) = routed.into_parts();
        if !route.networks.permit(&arrived.asked().client) {
            return Err(AdmissionFault::AddressDenied);
        }
        // A body that says it is too large is refused before anybody is asked for it; one that does not say is
        // counted on its way. A call of gRPC is a stream, and has a stream's limits instead.
        let asked = arrived.asked();
        let is_call = asked.grpc.is_some() && route.carries_grpc();
        if asked.content_length.is_some_and(|length| length > route.body_max) && !is_call {
            return Err(AdmissionFault::BodyTooLarge);
        }
        Ok(Admitted { arrived, route })
    }
}

impl<'s> Admitted<'s> {
    pub fn asked(&self) -> &Asked {
        self.arrived.asked()
    }

    pub fn route(&self) -> &'s Route {
        self.route
    }

    pub fn asked_mut(&mut self) -> &mut Asked {
        self.arrived.asked_mut()
    }

    /// The body, read to its end and kept: from here on it is these bytes and no others (HM-04).
    pub async fn hold_body(&mut self, at_most: u64, pace: Pace<'_>, room: &Room) -> Result<Bytes, BodyFault> {
        self.arrived
            .hold_body(at_most.min(self.route.body_max), pace, room)
            .await
    }

    pub fn into_parts(self) -> (Box<Asked>, Payload, &'s Route) {
        let (asked, payload) = self.arrived.into_parts();
        (asked, payload, self.route)
    }
}
