//! Spellings of a path: those with one reading pass unchanged, the others do not pass.

use super::{all_forwarded, all_refused, targets};
use crate::support::{Setup, Upstream};

#[test]
#[doc = "PATH-04"]
fn bytes_and_escapes_outside_the_grammar_are_refused() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream);
    let mut requests = targets(&[
        "/%",
        "/a%",
        "/%4",
        "/%4/",
        "/%zz",
        "/%0g",
        "/%u0041",
        "/%%41",
        "/a%2",
        "/%00",
        "/%00/",
        "/a%0a",
        "/a%0d%0a",
        "/%09",
        "/%1f",
        "/%7f",
        "/\"",
        "/<",
        "/>",
        "/^",
        "/`",
        "/{",
        "/}",
        "/|",
        "/a[b]",
        "/%ff",
        "/%c0%af",
        "/%c0%80",
        "/%e0%80%af",
        "/%ed%a0%80",
        "/%f8%80%80%80%80",
        "/%80",
        "/%c3",
        "/x?%",
        "/x?a=%zz",
        "/x?a=%4",
        "/x?a=%00",
        "/x?a=%1b",
    ]);
    for (name, raw) in [
        ("raw UTF-8", &b"/\xc3\xa9"[..]),
        ("raw high byte", b"/\xff"),
        ("raw NUL", b"/\0"),
        ("raw control", b"/\x01"),
        ("raw DEL", b"/\x7f"),
        ("raw tab", b"/a\tb"),
        ("raw high byte in the query", b"/x?\xe9"),
        ("raw control in the query", b"/x?\x01"),
    ] {
        requests.push((
            name,
            [b"GET ", raw, b" HTTP/1.1\r\nHost: example.test\r\n\r\n"].concat(),
        ));
    }
    all_refused(&setup, &upstream, &[400], &requests);
}

const AMBIGUOUS: &[&str] = &[
    "/a%2fb",
    "/a%2Fb",
    "/%2f",
    "/a%5cb",
    "/a%5Cb",
    "/a\\b",
    "/%2e",
    "/%2e%2e/a",
    "/a/%2e%2e/b",
    "/a/.%2e/b",
    "/a/%2e./b",
    "/a%2eb",
    "/.",
    "/..",
    "/./a",
    "/../a",
    "/a/.",
    "/a/..",
    "/a/./b",
    "/a/../b",
    "//",
    "//a",
    "/a//b",
    "/a//",
    "///",
    "/a;b",
    "/a;",
    "/;",
    "/;a=b/c",
    "/a;x=y/../b",
    "/a/..;/b",
];

#[test]
#[doc = "P-3, PATH-05"]
fn paths_with_more_than_one_reading_are_refused() {
    let upstream = Upstream::ok();
    all_refused(&Setup::to(&upstream), &upstream, &[400], &targets(AMBIGUOUS));
    let gateway = Setup::to(&upstream).start();
    for target in AMBIGUOUS {
        gateway.get(target).is_problem(400, "path.ambiguous");
    }
}

#[test]
#[doc = "PATH-05, PATH-06"]
fn a_route_opts_out_of_one_refusal_at_a_time() {
    let upstream = Upstream::ok();
    let allowing = |what: &str| {
        Setup::new().upstream("up", &upstream).route(&format!(
            "{{ path: /**, upstream: up, auth: public, path_allow: [{what}] }}"
        ))
    };
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "encoded_slash",
            &["/a%2fb", "/a%2Fb"],
            &["/a;b", "/a//b", "/a%2eb", "/%ff", "/a%5cb", "/a%2f..%2fb"],
        ),
        (
            "semicolon",
            &["/a;b=c/d", "/a;"],
            &["/a%2fb", "/a//b", "/a%2eb", "/%ff", "/a/..;/b"],
        ),
        (
            "double_slash",
            &["/a//b", "//a", "/a//"],
            &["/a%2fb", "/a;b", "/a%2eb", "/%ff", "/a//../b"],
        ),
        (
            "encoded_dot",
            &["/a%2eb", "/a%2Eb"],
            &["/a%2fb", "/a;b", "/a//b", "/%ff", "/%2e%2e/b", "/%2e", "/a/%2e"],
        ),
        (
            "non_utf8",
            &["/%ff", "/%c3"],
            &["/a%2fb", "/a;b", "/a//b", "/a%2eb", "/%00"],
        ),
    ];
    for (what, passing, refused) in cases {
        let setup = allowing(what);
        all_forwarded(&setup, &upstream, passing);
        let gateway = setup.start();
        let before = upstream.requests().len();
        for target in *refused {
            let answer = gateway.get(target);
            assert_eq!(answer.status, 400, "{what}: {target}");
        }
        assert_eq!(upstream.requests().len(), before, "{what}");
    }
}

/// `/open/**` for everybody, `/secret/**` for nobody; `/**` is open and allows every odd spelling.
fn guarded(upstream: &Upstream) -> Setup {
    Setup::new()
        .upstream("up", upstream)
        .route(
            "{ path: /**, upstream: up, auth: public, \
             path_allow: [encoded_slash, semicolon, double_slash, encoded_dot, non_utf8] }",
        )
        .route("{ path: /secret/**, upstream: up, auth: public, networks: { deny: [0.0.0.0/0] } }")
}

#[test]
#[doc = "PATH-05, PATH-07"]
fn no_reading_of_a_path_reaches_a_route_that_would_refuse_it() {
    let upstream = Upstream::ok();
    let spellings = [
        "/secret",
        "/secret/x",
        "/SECRET/x",
        "/Secret",
        "/%73ecret/x",
        "/%73%65cret",
        "/secret%2fx",
        "//secret/x",
        "/secret//x",
        "/secret;a/x",
        "/secret;a=b",
        "/;a/secret/x",
        "/a/..;/secret/x",
        "/secret./x",
        "/secret%20/x",
        "/secret%2e/x",
        "/open/..%2fsecret/x",
        "/open%2f../secret/x",
        "/%EF%BD%93ecret/x",
        "/secre%EF%BD%94",
        "/%2573ecret/x",
        "/secret%252fx",
        "/%53ecret",
        "/secret%3bx/y",
    ];
    all_refused(&guarded(&upstream), &upstream, &[400, 403], &targets(&spellings));
    all_forwarded(
        &guarded(&upstream),
        &upstream,
        &["/secretive", "/a/secret", "/secre", "/open;a/x", "/open%2fx"],
    );
}

#[test]
#[doc = "PATH-06"]
fn what_is_unambiguous_arrives_byte_for_byte() {
    let upstream = Upstream::ok();
    all_forwarded(
        &Setup::to(&upstream),
        &upstream,
        &[
            "/",
            "/a",
            "/a/",
            "/A/b",
            "/%41%7e",
            "/%c3%a9/%C3%A9",
            "/a%20b",
            "/~user/-._!$&'()*+,=:@",
            "/*",
            "/a/**/b",
            "/x?",
            "/x?b=2&a=1&b=3",
            "/x?B=%7E&b=%7e&c=+&d=%20",
            "/x?a=/../b//c;d",
            "/x?text=one%0d%0atwo%09three",
            "/x??a=?",
            "/x?a=%2f%2e%2e%5c",
            "/.well-known/x",
            "/a.b/c..d/...",
            "/a%252fb/%252e%252e",
            "/a%3bb/%23c",
        ],
    );
}
