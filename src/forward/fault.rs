//! What goes wrong between the permit and the head of the answer, and whose fault it is.

use super::upgrade::SwitchFault;
use crate::authn::standing::Lost;
use crate::request::body::BodyFault;
use crate::request::framing::FramingFault;
use crate::upstream::{CallFailed, ConnectFailed, TakeFailed};

#[derive(Debug, thiserror::Error)]
pub enum ForwardFault {
    /// The client's body: too large, too slow, malformed.
    #[error(transparent)]
    Body(#[from] BodyFault),
    #[error("no server of this upstream accepts a connection: {0}")]
    Unreachable(#[source] ConnectFailed),
    #[error("{0}")]
    Overloaded(#[source] TakeFailed),
    #[error("the upstream did not answer in time")]
    TimedOut,
    /// METH-05: in a call that went on before its answer began.
    #[error(transparent)]
    Lost(Lost),
    #[error("the upstream closed the connection or sent no valid answer: {0}")]
    Broken(#[source] hyper::Error),
    #[error(transparent)]
    Switch(#[from] SwitchFault),
    #[error("the upstream's answer is not valid: {0}")]
    Invalid(#[from] FramingFault),
    #[error("the name of a field of the upstream's answer is no token")]
    FieldName,
    /// HTTP-16: on a stream, where nothing but the status says so.
    #[error("the upstream sent a body with an answer that has none")]
    Surplus,
    /// The server did not look at the request, twice.
    #[error("the upstream takes no more requests: {0}")]
    Refused(#[source] CallFailed<BodyFault>),
    #[error("the upstream gave no valid answer: {0}")]
    Stream(#[source] CallFailed<BodyFault>),
    #[error("the host of the request cannot be written as an authority")]
    Authority(#[source] http::Error),
}
