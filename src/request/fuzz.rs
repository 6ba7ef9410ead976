//! What the fuzz targets and the tests of their corpora share: any bytes go in, and what must hold for them is asserted.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri, Version};

use super::client;
use super::framing;
use super::headers::{HeaderPolicy, Sender, clean_answer, clean_answer_trailers};
use super::host::Host;
use super::path::NormalPath;
use super::readings;
use super::target::{self, Target};
use crate::base::net::AddressSet;
use crate::base::peer::{Peer, Trusted};
use crate::config::spec::PathAllow;

/// A request target, asked for at the host `h`.
pub fn path(data: &[u8]) {
    let Ok(uri) = Uri::from_maybe_shared(Bytes::copy_from_slice(data)) else {
        return;
    };
    let fields = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("h"))]);
    let Ok(host) = Host::read(&fields, Version::HTTP_11) else {
        return;
    };
    let Ok(Target::Path(path)) = target::read(&Method::GET, &uri, &host, 8192) else {
        return;
    };
    check_path(&path);
    let strict = path.permit(PathAllow::default()).is_ok();
    assert_eq!(strict, path.oddities() == PathAllow::default());
    let mut first = true;
    readings::all(path.path().as_bytes(), |reading| {
        if std::mem::take(&mut first) {
            assert_eq!(
                reading.exact,
                path.path().as_bytes(),
                "the path itself is the first reading"
            );
        } else {
            assert!(!path.is_plain(), "a plain path has one reading");
        }
        assert_eq!(
            &*readings::fold(reading.folded),
            reading.folded,
            "folding twice changes nothing"
        );
        true
    });
    if let Some(Ok(stripped)) = path.without_prefix("/a") {
        check_path(&stripped);
    }
}

fn check_path(path: &NormalPath) {
    let text = path.path();
    assert!(text.starts_with('/'));
    assert!(
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#')
    );
    assert!(path.path_and_query().as_str().len() <= 8192);
    let dots = |segment: &str| matches!(segment, "." | "..");
    assert!(!path.segments().any(dots), "a dot segment came through");
}

/// The lines of a head, `name: value`, in a request and in an answer.
pub fn headers(data: &[u8]) {
    let sent = fields(data);
    let _ = Host::read(&sent, Version::HTTP_11);
    if let Ok(framing) = framing::of_request(Version::HTTP_11, &sent) {
        assert!(framing.content_length.is_none() || !framing.chunked);
    }
    let answer_framing = framing::of_answer(StatusCode::OK, Version::HTTP_11, &sent);
    let listed = HeaderName::from_static("x_listed");
    let policy = HeaderPolicy::new([listed.clone()], [], []);
    for sender in [Sender::Stranger, Sender::TrustedProxy] {
        let mut left = sent.clone();
        if policy.clean(&mut left, sender).is_err() {
            continue;
        }
        for name in left.keys() {
            let reads_as = name.as_str().replace('_', "-");
            let reserved = ["x-auth-", "x-portcullis-", "x-forwarded-", "x-original-", "proxy-"];
            assert!(
                !reserved.iter().any(|prefix| reads_as.starts_with(prefix)),
                "{name} came through"
            );
            assert!(!name.as_str().contains('_') || *name == listed, "{name} came through");
        }
        assert!(!left.contains_key(header::CONNECTION) && !left.contains_key(header::TRANSFER_ENCODING));
        let again = left.clone();
        policy
            .clean(&mut left, sender)
            .expect("what was clean once is clean twice");
        assert_eq!(left, again);
    }
    if let Ok(framing) = answer_framing {
        let mut answer = sent.clone();
        clean_answer(&mut answer, &framing);
        assert!(!answer.keys().any(|name| name.as_str().starts_with("x-portcullis-")));
        assert!(answer.get_all(header::CONTENT_LENGTH).iter().count() <= 1);
    }
    let mut trailers = sent;
    clean_answer_trailers(&mut trailers);
    assert!(!trailers.contains_key(header::SET_COOKIE));
}

/// The lines that a trusted proxy passes on. Whatever they are, what it then adds itself decides.
pub fn forwarded(data: &[u8]) {
    let networks = AddressSet::new([ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8).into()]);
    let trusted = Trusted::new(networks, true);
    let peer = Peer::Ip(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
    let mut sent = fields(data);
    let client = client::resolve(peer, &trusted, &sent);
    let is_canonical = |peer: Peer| peer.ip().is_some_and(|address| address == address.to_canonical());
    assert!(client.candidates().all(is_canonical));
    let stranger = Peer::Ip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    assert_eq!(client::resolve(stranger, &trusted, &sent).peer, stranger);
    let through_socket = client::resolve(Peer::Unix, &trusted, &sent);
    assert_eq!(through_socket.peer == Peer::Unix, client.peer == peer);
    assert!(!client::append_forwarded_for(&sent, Peer::Unix).is_empty());
    let grown = client::append_forwarded_for(&sent, peer);
    assert!(grown.as_bytes().ends_with(b"10.0.0.1"));

    let appended = client::append_forwarded_for(&sent, stranger);
    sent.insert("x-forwarded-for", appended);
    sent.remove(header::FORWARDED);
    for proxy in [peer, Peer::Unix] {
        assert_eq!(client::resolve(proxy, &trusted, &sent).peer, stranger);
    }
}

fn fields(data: &[u8]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in data.split(|&byte| byte == b'\n').take(100) {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            fields.append(name, value);
        }
    }
    fields
}
