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
    CredentialConflict = BAD_REQUEST "credential.conflict" "More than one credential is presented";
    InputInvalid = BAD_REQUEST "input.invalid" "The input is not valid";
    CredentialMissing = UNAUTHORIZED "credential.missing" "A credential is needed here";
    CredentialRefused = UNAUTHORIZED "credential.refused" "The credential is not accepted";
    TokenMalformed = UNAUTHORIZED "token.malformed" "The token is malformed";
    TokenExpired = UNAUTHORIZED "token.expired" "The token has expired";
    TokenNotYetValid = UNAUTHORIZED "token.not_yet_valid" "The token is not valid yet";
    TokenSignature = UNAUTHORIZED "token.signature" "The signature of the token is not accepted";
    TokenIssuer = UNAUTHORIZED "token.issuer" "The issuer of the token is not accepted";
    TokenAudience = UNAUTHORIZED "token.audience" "The token is not meant for this audience";
    TokenRevoked = UNAUTHORIZED "token.revoked" "The token has been revoked";
    KeyUnknown = UNAUTHORIZED "key.unknown" "The key is not known";
    KeyExpired = UNAUTHORIZED "key.expired" "The key has expired";
    KeyRevoked = UNAUTHORIZED "key.revoked" "The key has been revoked";
    SignatureInvalid = UNAUTHORIZED "signature.invalid" "The signature is not valid";
    SignatureExpired = UNAUTHORIZED "signature.expired" "The signature is too old or from the future";
    SignatureReplayed = UNAUTHORIZED "signature.replayed" "The signature has been used before";
    SessionExpired = UNAUTHORIZED "session.expired" "The session has ended";
    AddressDenied = FORBIDDEN "address.denied" "This address may not come here";
    CsrfFailed = FORBIDDEN "csrf.failed" "The request comes from another site";
    RouteNone = NOT_FOUND "route.none" "Nothing is here";
    MethodNotAllowed = METHOD_NOT_ALLOWED "method.not_allowed" "The method is not allowed here";
    InputConflict = CONFLICT "input.conflict" "This exists already or has changed";
    MediaTypeUnsupported = UNSUPPORTED_MEDIA_TYPE "media_type.unsupported" "The media type is not supported";
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
    IssuerUnavailable = SERVICE_UNAVAILABLE "issuer.unavailable" "Who issued the credential cannot be asked";
    StoreUnavailable = SERVICE_UNAVAILABLE "store.unavailable" "The store cannot be asked";
    UpstreamTimeout = GATEWAY_TIMEOUT "upstream.timeout" "The service behind this gateway took too long";
}
