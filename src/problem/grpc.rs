//! A refusal in the words of gRPC: its callers look at `grpc-status`, not at the status of HTTP, and read no body. The
//! answer is a head alone, which gRPC calls trailers-only.

use std::fmt::Write as _;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use bytes::Bytes;

use super::{Code, Problem};

/// What of gRPC's list refusals need, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrpcStatus {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl GrpcStatus {
    pub const ALL: &'static [Self] = &[
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::Unauthenticated,
    ];

    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The status and what it means here, as fields: of a head, or of the trailers behind an answer that has begun.
    pub fn told(self, message: &str) -> HeaderMap {
        let mut fields = HeaderMap::with_capacity(2);
        fields.insert(GRPC_STATUS, self.number().into());
        // Nothing but printable ASCII is left in it.
        if let Ok(message) = HeaderValue::try_from(escaped(message)) {
            fields.insert(GRPC_MESSAGE, message);
        }
        fields
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl Code {
    /// Where gRPC says what a status of HTTP stands for, that; what tells its callers to try again is said only of what
    /// may go away by itself. No catch-all: whoever adds a code decides here.
    pub const fn grpc_status(self) -> GrpcStatus {
        match self {
            Self::PathAmbiguous
            | Self::HeaderInvalid
            | Self::HostMismatch
            | Self::CredentialConflict
            | Self::InputInvalid
            | Self::InputConflict
            | Self::MediaTypeUnsupported => GrpcStatus::InvalidArgument,
            Self::RequestTimeout | Self::UpstreamTimeout => GrpcStatus::DeadlineExceeded,
            Self::AddressDenied | Self::CsrfFailed => GrpcStatus::PermissionDenied,
            Self::BodyTooLarge | Self::UriTooLong | Self::HeadersTooLarge => GrpcStatus::ResourceExhausted,
            Self::RouteNone | Self::MethodNotAllowed | Self::MethodUnknown | Self::VersionUnsupported => {
                GrpcStatus::Unimplemented
            }
            Self::RequestMalformed | Self::ExpectationFailed | Self::Internal => GrpcStatus::Internal,
            Self::UpstreamUnreachable
            | Self::UpstreamProtocol
            | Self::UpstreamUnavailable
            | Self::UpstreamOverloaded
            | Self::ServerOverloaded
            | Self::IssuerUnavailable
            | Self::StoreUnavailable => GrpcStatus::Unavailable,
            Self::CredentialMissing
            | Self::CredentialRefused
            | Self::TokenMalformed
            | Self::TokenExpired
            | Self::TokenNotYetValid
            | Self::TokenSignature
            | Self::TokenIssuer
            | Self::TokenAudience
            | Self::TokenRevoked
            | Self::KeyUnknown
            | Self::KeyExpired
            | Self::KeyRevoked
            | Self::SignatureInvalid
            | Self::SignatureExpired
            | Self::SignatureReplayed
            | Self::SessionExpired => GrpcStatus::Unauthenticated,
        }
    }
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

impl Problem {
    /// The code first: it is what programs look at.
    pub fn grpc(&self) -> Response<Bytes> {
        let told = self.detail.as_deref().unwrap_or(self.code.title());
        let message = format!("{}: {told}", self.code.as_str());
        let mut answer = Response::new(Bytes::new());
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.extend(self.code.grpc_status().told(&message));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }
}

/// As gRPC wants it: printable ASCII but `%` as it is, every other byte as a percent sign and two digits.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | ..b' ' | 0x7f.. => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
            _ => escaped.push(char::from(byte)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_a_call_is_a_head_with_a_status_and_a_message() {
        let problem = Problem::new(Code::CredentialMissing).with_detail("100% caf\u{e9}\n");
        let answer = problem.grpc();
        assert_eq!(answer.status(), 200);
        assert!(answer.body().is_empty());
        assert_eq!(answer.headers()["content-type"], "application/grpc");
        assert_eq!(answer.headers()["grpc-status"], "16");
        assert_eq!(
            answer.headers()["grpc-message"],
            "credential.missing: 100%25 caf%C3%A9%0A"
        );
        let bare = Problem::new(Code::RouteNone).grpc();
        assert_eq!(bare.headers()["grpc-message"], "route.none: Nothing is here");
    }

    #[test]
    fn a_status_is_told_in_two_fields_whatever_its_message() {
        let fields = GrpcStatus::Unavailable.told("gone\r\n\0");
        assert_eq!(fields.len(), 2);
        assert_eq!(fields["grpc-status"], "14");
        assert_eq!(fields["grpc-message"], "gone%0D%0A%00");
    }

    #[test]
    fn the_docs_list_every_code_under_its_status_of_grpc() {
        let docs = include_str!("../../docs/errors.md");
        for status in GrpcStatus::ALL {
            let codes = Code::ALL.iter().filter(|code| code.grpc_status() == *status);
            let codes: Vec<String> = codes.map(|code| format!("`{}`", code.as_str())).collect();
            let row = format!("| {} | `{}` | {} |", status.number(), status.name(), codes.join(" "));
            assert!(
                docs.lines().any(|line| line == row),
                "docs/errors.md lacks the row\n{row}"
            );
        }
    }
}
