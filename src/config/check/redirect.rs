//! Where a redirect may lead: to a path of the same host, or to a host that the configuration names.

use http::uri::Authority;
use http::{HeaderValue, StatusCode};

use super::Checking;
use crate::config::faults::Code;
use crate::config::pattern::{HostPattern, PathPattern, Segment};
use crate::config::raw::RawRedirect;
use crate::config::spec::RedirectSpec;
use crate::config::values::literal_segments;

const STATUSES: [u64; 5] = [301, 302, 303, 307, 308];

pub(super) fn redirect(
    raw: &RawRedirect,
    from: Option<&PathPattern>,
    hosts: &Hosts<'_>,
    cx: &mut Checking<'_>,
) -> Option<RedirectSpec> {
    let status = raw.status.value().and_then(|status| {
        let known = STATUSES.contains(&status.0);
        if !known {
            let message = format!(
                "{} is no redirect with a target; write 301, 302, 303, 307 or 308",
                status.0
            );
            cx.findings.fault(raw.status.place(raw.at), Code::ValueRange, message);
        }
        known.then(|| StatusCode::from_u16(u16::try_from(status.0).ok()?).ok())?
    });
    let to = raw.to.written().and_then(|to| {
        let text = &*to.value.text;
        match target(text, from, hosts) {
            Ok(value) => Some(value),
            Err(way_out) => {
                let message = format!("`{}` is no target for a redirect: {way_out}", to.value.shown());
                cx.findings.fault(to.at, Code::RedirectTarget, message);
                None
            }
        }
    });
    Some(RedirectSpec {
        to: to?,
        status: status?,
    })
}

/// The hosts that routes are for; `None` when one of them could not be read.
pub(super) struct Hosts<'a>(pub(super) Option<Vec<&'a HostPattern>>);

impl Hosts<'_> {
    fn name(&self, host: &str) -> bool {
        let Some(hosts) = &self.0 else { return true };
        hosts.iter().any(|pattern| match pattern {
            HostPattern::Any => false,
            HostPattern::Exact(exact) => **exact == *host,
            HostPattern::Suffix(suffix) => host.len() > suffix.len() && host.ends_with(&**suffix),
        })
    }
}

fn target(text: &str, from: Option<&PathPattern>, hosts: &Hosts<'_>) -> Result<HeaderValue, &'static str> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?#[]%".contains(&byte);
    if text.contains('\\') {
        return Err("browsers read `\\` as `/`");
    }
    if !text.bytes().all(legal) {
        return Err("it holds a character that a URL spells with `%` and two hexadecimal digits");
    }
    if text.starts_with('/') {
        path_of_this_host(text, from)?;
    } else {
        url_of_a_known_host(text, hosts)?;
    }
    HeaderValue::from_str(text).map_err(|_| "it cannot be sent in a header")
}

fn path_of_this_host(text: &str, from: Option<&PathPattern>) -> Result<(), &'static str> {
    let behind = text.get(1..).unwrap_or("").to_ascii_lowercase();
    // `//host` leads to another host, and some unescape before they look.
    if behind.starts_with('/') || behind.starts_with("%2f") || behind.starts_with("%5c") {
        return Err("it begins with exactly one `/`, because two lead to another host");
    }
    let path = text.split(['?', '#']).next().unwrap_or(text);
    let literal = |segments: &[Segment]| segments.iter().all(|segment| matches!(segment, Segment::Literal(_)));
    if let Some(from) = from
        && literal(&from.segments)
        && literal_segments(path).is_ok_and(|to| to == from.segments)
    {
        return Err("it leads to this route again");
    }
    Ok(())
}

fn url_of_a_known_host(text: &str, hosts: &Hosts<'_>) -> Result<(), &'static str> {
    const SHAPE: &str = "write a path like `/new`, or a URL like `https://api.example.com/new`";
    let (scheme, rest) = text.split_once("://").ok_or(SHAPE)?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(SHAPE);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err("a user or a password has no place in it");
    }
    let authority: Authority = authority.parse().map_err(|_| SHAPE)?;
    let port = authority.as_str().strip_prefix(authority.host()).unwrap_or("");
    if !port.is_empty()
        && port
            .strip_prefix(':')
            .and_then(|port| port.parse::<u16>().ok())
            .is_none()
    {
        return Err("behind the colon stands a port, 1 to 65535");
    }
    let host = authority.host().to_ascii_lowercase();
    if !hosts.name(host.strip_suffix('.').unwrap_or(&host)) {
        return Err("no route has its host as `host`, so it leads to a stranger");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "PATH-10"]
    fn a_redirect_stays_at_the_hosts_that_are_named() {
        let (exact, suffix) = (
            HostPattern::Exact("api.example.com".into()),
            HostPattern::Suffix(".example.org".into()),
        );
        let hosts = Hosts(Some(vec![&HostPattern::Any, &exact, &suffix]));
        let goes = |text: &str| target(text, None, &hosts).is_ok();
        for text in [
            "/",
            "/new",
            "/new/?a=b#c",
            "https://api.example.com/x",
            "http://API.example.com.:8080",
            "https://a.example.org",
        ] {
            assert!(goes(text), "{text}");
        }
        for text in [
            "",
            "new",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%2fevil.example",
            "/%5Cevil.example",
            "https://evil.example",
            "https://example.org",
            "https://api.example.com@evil.example/",
            "ftp://api.example.com",
            "https:api.example.com",
            "javascript:alert(1)",
            "/a b",
            "/a\"b",
            "https://api.example.com.evil.example",
            "https://",
            "https://api.example.com:",
            "https://api.example.com:99999",
            "https:///x",
            "/é",
        ] {
            assert!(!goes(text), "{text}");
        }
    }
}
