//! Every refusal of every stage, and the one place that picks its code.

use std::borrow::Cow;

use http::HeaderValue;

use crate::admission::AdmissionFault;
use crate::authn::IdentityFault;
use crate::authz::PolicyFault;
use crate::forward::ForwardFault;
use crate::problem::Code;
use crate::request::ArrivalFault;
use crate::request::body::BodyFault;
use crate::route::RouteFault;
use crate::upstream::TakeFailed;

/// Why a request gets no answer from behind the gate.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    #[error(transparent)]
    Arrival(#[from] ArrivalFault),
    #[error(transparent)]
    Route(#[from] RouteFault),
    #[error(transparent)]
    Admission(#[from] AdmissionFault),
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    #[error(transparent)]
    Policy(#[from] PolicyFault),
    #[error(transparent)]
    Forward(#[from] ForwardFault),
    /// A body that one of our own endpoints reads.
    #[error(transparent)]
    Body(#[from] BodyFault),
    /// A stage panicked.
    #[error("a stage panicked")]
    Panicked,
}

impl Rejection {
    /// The stable code. No catch-all: whoever adds a fault decides here how it is answered.
    pub fn code(&self) -> Code {
        match self {
            Self::Arrival(fault) => fault.code(),
            Self::Route(fault) => match fault {
                RouteFault::NoRoute => Code::RouteNone,
                RouteFault::Spelling(_)
                | RouteFault::Ambiguous
                | RouteFault::Prefix(_)
                | RouteFault::Protected
                | RouteFault::NoPrefix => Code::PathAmbiguous,
            },
            Self::Admission(fault) => match fault {
                AdmissionFault::AddressDenied => Code::AddressDenied,
                AdmissionFault::BodyTooLarge => Code::BodyTooLarge,
            },
            Self::Identity(IdentityFault::Refused(refused)) => refused.refusal.code,
            Self::Identity(IdentityFault::Body(fault)) => fault.code(),
            Self::Policy(PolicyFault::Unknown) => Code::CredentialMissing,
            Self::Forward(fault) => match fault {
                ForwardFault::Body(fault) => fault.code(),
                ForwardFault::Unreachable(_) => Code::UpstreamUnreachable,
                ForwardFault::Overloaded(TakeFailed::QueueFull | TakeFailed::NoneFreed) => Code::UpstreamOverloaded,
                ForwardFault::Overloaded(TakeFailed::Connect(_)) => Code::UpstreamUnreachable,
                ForwardFault::TimedOut => Code::UpstreamTimeout,
                ForwardFault::Lost(lost) => lost.code(),
                ForwardFault::Refused(_) => Code::UpstreamUnavailable,
                ForwardFault::Authority(_) => Code::RequestMalformed,
                ForwardFault::Broken(_)
                | ForwardFault::Stream(_)
                | ForwardFault::Switch(_)
                | ForwardFault::Invalid(_)
                | ForwardFault::Surplus
                | ForwardFault::FieldName => Code::UpstreamProtocol,
            },
            Self::Body(fault) => fault.code(),
            Self::Panicked => Code::Internal,
        }
    }

    /// What a stranger may be told beyond the title.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            // About the request itself: its sender knows all of it already.
            Self::Arrival(fault) => fault.to_string().into(),
            Self::Route(fault) => fault.to_string().into(),
            Self::Admission(AdmissionFault::BodyTooLarge) => AdmissionFault::BodyTooLarge.to_string().into(),
            Self::Forward(ForwardFault::Body(fault)) | Self::Body(fault) => fault.to_string().into(),
            Self::Forward(fault @ ForwardFault::Authority(_)) => fault.to_string().into(),
            // About what stands behind the gate: the log has it.
            Self::Admission(AdmissionFault::AddressDenied) => "Ask the operator which networks may come here.".into(),
            Self::Forward(ForwardFault::TimedOut) => "Try again later.".into(),
            Self::Forward(
                ForwardFault::Unreachable(_)
                | ForwardFault::Overloaded(_)
                | ForwardFault::Broken(_)
                | ForwardFault::Stream(_)
                | ForwardFault::Refused(_)
                | ForwardFault::Switch(_)
                | ForwardFault::Invalid(_)
                | ForwardFault::Surplus
                | ForwardFault::FieldName,
            ) => "Try again later; the operator finds the reason under the request id.".into(),
            Self::Forward(ForwardFault::Lost(lost)) => lost.to_string().into(),
            Self::Panicked => "The operator finds the reason under the request id.".into(),
            Self::Identity(IdentityFault::Body(fault)) => fault.to_string().into(),
            Self::Identity(IdentityFault::Refused(refused)) if refused.refusal.code == Code::CredentialMissing => {
                "Send what `WWW-Authenticate` asks for.".into()
            }
            Self::Identity(IdentityFault::Refused(_)) | Self::Policy(_) => {
                "The operator finds the exact reason under the request id.".into()
            }
        }
    }

    /// What the client could present instead, for `WWW-Authenticate`.
    pub fn challenges(&self) -> &[HeaderValue] {
        match self {
            Self::Identity(IdentityFault::Refused(refused)) => &refused.challenges,
            _ => &[],
        }
    }

    /// Whether the connection cannot be trusted to be at the start of a next request (HTTP-09).
    pub fn closes(&self) -> bool {
        match self {
            Self::Arrival(_) => self.code().status().is_client_error() || self.code().status().as_u16() == 505,
            Self::Forward(ForwardFault::Body(_)) | Self::Body(_) | Self::Panicked => true,
            Self::Admission(AdmissionFault::BodyTooLarge) => true,
            Self::Identity(IdentityFault::Body(_)) => true,
            Self::Route(_)
            | Self::Admission(_)
            | Self::Identity(IdentityFault::Refused(_))
            | Self::Policy(_)
            | Self::Forward(_) => false,
        }
    }

    /// Whether the upstream, not the client, is to blame.
    pub fn is_upstreams(&self) -> bool {
        self.code().status().is_server_error()
    }
}
