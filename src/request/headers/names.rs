//! The field names that mean something to a gateway. Names arrive lower-case, with `_` already written as `-`: many
//! servers hand both to an application under one name.

use http::header::{self, HeaderName};

/// What becomes of a client's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Passes,
    /// Passes, once.
    Single,
    /// Of this connection and no further, or remade from the body.
    HopByHop,
    Connection,
    Te,
    /// Only this gateway says so, or nobody.
    Claim,
    /// Says where the client is: believed of a trusted proxy only.
    AddressClaim,
    /// Has a `_`, and is nothing else.
    Underscored,
}

/// What is judged here whatever `Connection` says of it: it is meant for the end of the way.
pub(super) fn is_told_to_the_end(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::AUTHORIZATION | header::COOKIE | header::ORIGIN | header::CONTENT_TYPE
    ) || name.as_str() == "sec-fetch-site"
}

/// Asked for every field of every request: the first letter leaves a handful of names to compare with.
pub(super) fn class(name: &str) -> Class {
    match name.as_bytes().first() {
        Some(b'x') => extension(name),
        Some(b'a') => match name {
            "authorization" => Class::Single,
            _ => Class::Passes,
        },
        Some(b'c') => match name {
            "connection" => Class::Connection,
            "content-length" => Class::HopByHop,
            "content-type" => Class::Single,
            "client-cert" | "client-cert-chain" => Class::Claim,
            "client-ip" | "cf-connecting-ip" | "cf-connecting-ipv6" => Class::AddressClaim,
            _ => Class::Passes,
        },
        Some(b'e') if name == "expect" => Class::HopByHop,
        Some(b'f') => match name {
            "forwarded" => Class::Claim,
            "fastly-client-ip" => Class::AddressClaim,
            _ => Class::Passes,
        },
        Some(b'h') if name == "http2-settings" => Class::HopByHop,
        Some(b'k') if name == "keep-alive" => Class::HopByHop,
        // `Proxy` becomes HTTP_PROXY in a CGI environment.
        Some(b'p') if name == "proxy" || name.starts_with("proxy-") => Class::HopByHop,
        Some(b'r') => match name {
            "remote-user" | "remote-groups" | "remote-name" | "remote-email" => Class::Claim,
            _ => Class::Passes,
        },
        Some(b's') => match name {
            _ if name.starts_with("ssl-client") => Class::Claim,
            "signature" | "signature-input" | "stripe-signature" => Class::Single,
            _ => Class::Passes,
        },
        Some(b't') => match name {
            "te" => Class::Te,
            "trailer" | "transfer-encoding" => Class::HopByHop,
            "true-client-ip" => Class::AddressClaim,
            _ => Class::Passes,
        },
        Some(b'u') if name == "upgrade" => Class::HopByHop,
        Some(b'w') => match name {
            "webhook-id" | "webhook-timestamp" | "webhook-signature" => Class::Single,
            _ => Class::Passes,
        },
        _ => Class::Passes,
    }
}

fn extension(name: &str) -> Class {
    let Some(name) = name.strip_prefix("x-") else {
        return Class::Passes;
    };
    if CLAIM_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Class::Claim;
    }
    match name {
        "forwarded" | "real-ip" | "rewrite-url" | "override-url" | "client-cert" => Class::Claim,
        "http-method" | "http-method-override" | "method-override" => Class::Claim,
        "client-ip"
        | "cluster-client-ip"
        | "remote-ip"
        | "remote-addr"
        | "originating-ip"
        | "envoy-external-address" => Class::AddressClaim,
        "api-key" | "signature" | "signature-key" | "signature-timestamp" | "signature-nonce" => Class::Single,
        "hub-signature" | "hub-signature-256" | "slack-signature" | "slack-request-timestamp" => Class::Single,
        _ => Class::Passes,
    }
}

/// After the `x-`.
const CLAIM_PREFIXES: &[&str] = &[
    "auth-",
    "portcullis-",
    "forwarded-",
    "ssl-client",
    "client-cert-",
    "original-",
];

/// Fields of an answer that end here: of one connection, or ours alone.
pub(super) fn is_dropped_from_answers(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'c') => name == "connection",
        Some(b'h') => name == "http2-settings",
        Some(b'k') => name == "keep-alive",
        Some(b'p') => name.starts_with("proxy-"),
        Some(b't') => matches!(name, "te" | "transfer-encoding"),
        Some(b'u') => name == "upgrade",
        Some(b'x') => is_ours(name),
        _ => false,
    }
}

/// `x-portcullis-` with `_` for any `-`.
fn is_ours(name: &str) -> bool {
    const PREFIX: &[u8] = b"x-portcullis-";
    let same = |(&byte, &ours): (&u8, &u8)| byte == ours || (byte == b'_' && ours == b'-');
    name.len() >= PREFIX.len() && name.as_bytes().iter().zip(PREFIX).all(same)
}

/// RFC 9110 section 6.5.1: fields that frame, route, authenticate or tell how to read the content.
pub(super) const NEVER_IN_TRAILERS: &[HeaderName] = &[
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRAILER,
    header::SET_COOKIE,
    header::LOCATION,
    header::WWW_AUTHENTICATE,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_RANGE,
    header::CACHE_CONTROL,
];
