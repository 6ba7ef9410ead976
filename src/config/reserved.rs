//! Header names that a configuration may not touch: those the gateway writes itself, whose meaning an upstream trusts,
//! and those that frame messages, where a second opinion would split requests.

/// Lower-case, and `_` as `-`: the way the most careless upstream reads a name.
fn normalised(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// The headers that tell an upstream who is asking and where the request came from. A client's copy never passes.
pub fn is_owned(name: &str) -> bool {
    let name = normalised(name);
    let name = name.as_str();
    name.starts_with("x-auth-")
        || name.starts_with("x-portcullis-")
        || matches!(
            name,
            "forwarded"
                | "x-forwarded-for"
                | "x-forwarded-proto"
                | "x-forwarded-host"
                | "x-forwarded-port"
                | "x-real-ip"
                | "x-request-id"
                | "traceparent"
                | "tracestate"
        )
}

/// Further headers of a client that no upstream gets to see, because some take them for another request line or for
/// another sender.
pub fn is_dropped(name: &str) -> bool {
    let name = normalised(name);
    is_owned(&name) || name.starts_with("x-forwarded-") || name.starts_with("x-original-") || name == "x-rewrite-url"
}

/// The headers that belong to one connection or delimit one message (RFC 9110 section 7.6.1, RFC 9112 section 6).
pub fn is_framing(name: &str) -> bool {
    matches!(
        normalised(name).as_str(),
        "connection"
            | "content-length"
            | "expect"
            | "http2-settings"
            | "keep-alive"
            | "proxy"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// The headers of an answer that only the gateway may set.
pub fn is_owned_in_answers(name: &str) -> bool {
    let name = normalised(name);
    name.starts_with("x-auth-")
        || name.starts_with("x-portcullis-")
        || matches!(name.as_str(), "x-request-id" | "ratelimit" | "ratelimit-policy")
}

/// How the names of the gateway's own cookies begin.
pub const COOKIE_PREFIX: &str = "__Host-portcullis";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "HDR-01"]
    fn a_reserved_name_is_reserved_in_every_spelling() {
        for name in [
            "X-Auth-Subject",
            "x_auth_roles",
            "X-PORTCULLIS-x",
            "Forwarded",
            "X-Forwarded_For",
            "x-real-ip",
        ] {
            assert!(is_owned(name), "{name}");
        }
        for name in ["X-Authority", "X-Env", "Authorization", "X-Forwarded-Prefix"] {
            assert!(!is_owned(name), "{name}");
        }
        assert!(is_framing("Transfer_Encoding") && is_framing("TE") && !is_framing("Content-Type"));
        assert!(is_owned_in_answers("RateLimit-Policy") && !is_owned_in_answers("Set-Cookie"));
    }
}
