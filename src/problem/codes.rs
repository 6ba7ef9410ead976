//! The stable codes of refusals. Public interface: a code is never renamed, only added.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $code:literal $title:literal;)*) => {
        /// Why a request was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The name in answers, logs and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(Code::$name => StatusCode::$status,)* }
            }

            /// A few words for people.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    RequestMalformed = BAD_REQUEST "request.malformed" "The request is malformed";
    PathAmbiguous = BAD_REQUEST "path.ambiguous" "The path can be read in more than one way";
    HeaderInvalid = BAD_REQUEST "header.invalid" "A header field is invalid";
    CredentialMissing = UNAUTHORIZED "credential.missing" "A credential is needed here";
    CredentialRefused = UNAUTHORIZED "credential.refused" "The credential is not accepted";
    AddressDenied = FORBIDDEN "address.denied" "This address may not come here";
    CsrfFailed = FORBIDDEN "csrf.failed" "The request comes from another site";
    RouteNone = NOT_FOUND "route.none" "Nothing is here";
    MethodNotAllowed = METHOD_NOT_ALLOWED "method.not_allowed" "The method is not allowed here";
    RequestTimeout = REQUEST_TIMEOUT "request.timeout" "The request took too long to arrive";
    BodyTooLarge = PAYLOAD_TOO_LARGE "body.too_large" "The body is too large";
    UriTooLong = URI_TOO_LONG "uri.too_long" "The request target is too long";
    ExpectationFailed = EXPECTATION_FAILED "expectation.failed" "The expectation cannot be met";
    HostMismatch = MISDIRECTED_REQUEST "host.mismatch" "The request is not for this host";
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE "headers.too_large" "The header fields are too large";
    Internal = INTERNAL_SERVER_ERROR "internal" "Something went wrong here";
    MethodUnknown = NOT_IMPLEMENTED "method.unknown" "The method is not known";
    VersionUnsupported = HTTP_VERSION_NOT_SUPPORTED "version.unsupported" "The HTTP version is not supported";
    UpstreamUnreachable = BAD_GATEWAY "upstream.unreachable" "The service behind this gateway cannot be reached";
    UpstreamProtocol = BAD_GATEWAY "upstream.protocol" "The service behind this gateway gave no valid answer";
    UpstreamUnavailable = SERVICE_UNAVAILABLE "upstream.unavailable" "The service behind this gateway is not available";
    UpstreamOverloaded = SERVICE_UNAVAILABLE "upstream.overloaded" "The service behind this gateway has too much to do";
    ServerOverloaded = SERVICE_UNAVAILABLE "server.overloaded" "This gateway has too much to do";
    UpstreamTimeout = GATEWAY_TIMEOUT "upstream.timeout" "The service behind this gateway took too long";
}
