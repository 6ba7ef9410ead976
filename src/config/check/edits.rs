//! What `defaults` and a route together say of headers and addresses.

use std::collections::HashSet;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::Checking;
use crate::config::faults::Code;
use crate::config::pattern::Segment;
use crate::config::raw::{ForwardHost as RawHost, RawForward, RawHeaders, RawNetworks, RawResponse};
use crate::config::reserved;
use crate::config::settings::{At, Field};
use crate::config::spec::{ForwardHost, HeaderEdits, IdentityNames, Networks};
use crate::config::values::{List, Written, literal_segments};

/// `forward` of one place, before it is joined with the other's.
#[derive(Clone, Debug, Default)]
pub(super) struct Forward {
    pub(super) strip_prefix: Option<Prefix>,
    pub(super) host: Option<ForwardHost>,
    pub(super) strip_credentials: Option<bool>,
    pub(super) identity: Option<IdentityNames>,
    /// The header of the signed token.
    pub(super) token: Option<At<HeaderName>>,
    pub(super) edits: HeaderEdits,
}

#[derive(Clone, Debug)]
pub(super) struct Prefix {
    pub(super) text: Arc<str>,
    pub(super) segments: Vec<Segment>,
    pub(super) at: crate::config::node::Span,
}

/// `networks` of one place.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    pub(super) allow: Option<Vec<IpNet>>,
    pub(super) deny: Vec<IpNet>,
}

pub(super) fn networks(raw: &RawNetworks, cx: &mut Checking<'_>) -> Option<Ranges> {
    if let Some(allow) = raw.allow.written()
        && allow.value.is_empty()
    {
        let message = "an empty list could mean nobody or everybody; leave `allow` out for everybody";
        cx.findings.fault(allow.at, Code::ValueEmpty, message);
        return None;
    }
    let list = |list: &List<crate::config::values::Network>| -> Option<Vec<IpNet>> {
        list.whole.then(|| list.values().map(|network| network.0).collect())
    };
    Some(Ranges {
        allow: super::optional(&raw.allow, list)?,
        deny: list(raw.deny.value()?)?,
    })
}

/// A route's `allow` counts instead of the default's; what either denies stays denied.
pub(super) fn joined_networks(default: &Ranges, route: &Ranges) -> Networks {
    let allow = route
        .allow
        .as_ref()
        .or(default.allow.as_ref())
        .cloned()
        .unwrap_or_default();
    let mut deny = default.deny.clone();
    deny.extend(route.deny.iter().filter(|network| !default.deny.contains(network)));
    Networks { allow, deny }
}

pub(super) fn forward(raw: &RawForward, cx: &mut Checking<'_>) -> Option<Forward> {
    let strip_prefix = match &raw.strip_prefix {
        Field::Written(text) => prefix(text, cx).map(Some),
        Field::Bad => None,
        _ => Some(None),
    };
    let host = super::optional(&raw.host, |host| {
        Some(match host {
            RawHost::Client => ForwardHost::Client,
            RawHost::Upstream => ForwardHost::Upstream,
        })
    });
    let identity = super::optional(&raw.headers, |headers| super::identity::names(headers, cx));
    let token = super::identity::token(&raw.identity_jwt, cx);
    let edits = edits(&raw.set, &raw.remove, Direction::Forward, cx);
    Some(Forward {
        token: token?,
        strip_credentials: super::optional(&raw.strip_credentials, |strip| Some(*strip))?,
        identity: identity?,
        strip_prefix: strip_prefix?,
        host: host?,
        edits: edits?,
    })
}

pub(super) fn response(raw: &RawResponse, cx: &mut Checking<'_>) -> Option<HeaderEdits> {
    edits(&raw.set, &raw.remove, Direction::Response, cx)
}

/// Where both name a header, the route wins.
pub(super) fn joined_edits(default: &HeaderEdits, route: &HeaderEdits) -> HeaderEdits {
    let named = |name: &HeaderName| route.remove.contains(name) || route.set.iter().any(|(set, _)| set == name);
    let mut set: Vec<(HeaderName, HeaderValue)> =
        default.set.iter().filter(|(name, _)| !named(name)).cloned().collect();
    set.extend(route.set.iter().cloned());
    let mut remove: Vec<HeaderName> = default.remove.iter().filter(|name| !named(name)).cloned().collect();
    remove.extend(route.remove.iter().cloned());
    HeaderEdits { set, remove }
}

fn prefix(text: &At<Written>, cx: &mut Checking<'_>) -> Option<Prefix> {
    let written = &text.value.text;
    let refused = match literal_segments(written) {
        Err(way_out) => way_out,
        Ok(segments) if matches!(segments.last(), Some(Segment::Literal(last)) if last.is_empty()) => {
            "it ends without a `/`".into()
        }
        Ok(segments) => {
            let spelled: String = segments
                .iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => format!("/{text}"),
                    _ => String::new(),
                })
                .collect();
            return Some(Prefix {
                text: spelled.into(),
                segments,
                at: text.at,
            });
        }
    };
    let message = format!("`{}` is not a prefix to strip: {refused}", text.value.shown());
    cx.findings.fault(text.at, Code::ValuePath, message);
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Response,
}

fn edits(
    set: &Field<RawHeaders>,
    remove: &Field<List<HeaderName>>,
    direction: Direction,
    cx: &mut Checking<'_>,
) -> Option<HeaderEdits> {
    let mut seen = HashSet::new();
    let mut edits = HeaderEdits::default();
    for (At { value: name, at }, text) in set.value().map(|map| map.entries.as_slice()).unwrap_or_default() {
        refuse_reserved(name, *at, direction, cx);
        if name == http::header::SET_COOKIE
            && text
                .value
                .value
                .as_bytes()
                .starts_with(reserved::COOKIE_PREFIX.as_bytes())
        {
            let message = format!(
                "cookies that begin with `{}` are the gateway's own",
                reserved::COOKIE_PREFIX
            );
            cx.findings.fault(text.at, Code::HeaderReserved, message);
        }
        if !seen.insert(name) {
            let message = format!("`{name}` stands here in another spelling already; keep one");
            cx.findings.fault(*at, Code::KeyConflict, message);
        }
        edits.set.push((name.clone(), text.value.value.clone()));
    }
    for At { value: name, at } in remove.value().map(|list| list.items.as_slice()).unwrap_or_default() {
        refuse_reserved(name, *at, direction, cx);
        if !seen.insert(name) {
            let message = format!("`{name}` is set or removed here already; keep one");
            cx.findings.fault(*at, Code::KeyConflict, message);
        }
        edits.remove.push(name.clone());
    }
    let whole = set.value()?.whole && remove.value()?.whole;
    whole.then_some(edits)
}

fn refuse_reserved(name: &HeaderName, at: crate::config::node::Span, direction: Direction, cx: &mut Checking<'_>) {
    let name = name.as_str();
    let owned = match direction {
        Direction::Forward => reserved::is_owned(name),
        Direction::Response => reserved::is_owned_in_answers(name),
    };
    let message = if direction == Direction::Forward && name == "host" {
        "`host` is chosen by the key `host` of `forward`: `client` or `upstream`".to_owned()
    } else if reserved::is_framing(name) {
        format!("`{name}` belongs to one connection and is written anew on each; leave it out")
    } else if owned {
        format!("`{name}` is a header of the gateway, which others trust; leave it out")
    } else {
        return;
    };
    cx.findings.fault(at, Code::HeaderReserved, message);
}
