use proptest::prelude::*;

use super::*;

fn read(target: &str) -> Result<NormalPath, PathFault> {
    NormalPath::check(PathAndQuery::try_from(target).unwrap())
}

fn oddities(target: &str) -> PathAllow {
    read(target)
        .unwrap_or_else(|fault| panic!("{target}: {fault}"))
        .oddities()
}

const ALL: PathAllow = PathAllow {
    encoded_slash: true,
    semicolon: true,
    double_slash: true,
    encoded_dot: true,
    non_utf8: true,
};

#[test]
#[doc = "PATH-06"]
fn a_path_is_kept_byte_for_byte() {
    for target in [
        "/",
        "/a/b?x=1&X=2",
        "/a%20b?%7b%7D",
        "/a/?",
        "/a//b;c?//",
        "/%E2%82%AC?%ff",
    ] {
        assert_eq!(read(target).unwrap().path_and_query().as_str(), target);
    }
}

#[test]
fn an_ordinary_path_has_one_reading() {
    for target in [
        "/",
        "/a",
        "/api/orders/42/",
        "/a.b/c..d/.well-known/x",
        "/~a_b-c",
        "/a:b@c!$&'()*+,=",
        "/a?B=%41",
    ] {
        let path = read(target).unwrap();
        assert!(path.is_plain(), "{target}");
        assert_eq!(path.oddities(), PathAllow::default());
    }
    assert_eq!(read("/a/B").unwrap().shape(), Shape::Cased);
    for target in ["/%41", "/a;b", "/a//b", "//", "/a.", "/a./b", "/a.../b"] {
        assert_eq!(read(target).unwrap().shape(), Shape::Odd, "{target}");
    }
}

#[test]
#[doc = "PATH-04"]
fn bytes_that_no_path_may_hold_are_malformed() {
    // The first group is what `http` lets pass.
    for target in [
        "/a\"b",
        "/a{b}",
        "/a|b",
        "/a^b",
        "/a[b]",
        "/caf\u{e9}",
        "/a?\u{e9}",
        "/a?`",
        "/a?\\",
        "/a?{}",
    ] {
        assert_eq!(read(target).unwrap_err(), PathFault::Byte, "{target}");
    }
    for byte in (0..=b' ').chain([b'<', b'>', 0x7F, 0xFF]) {
        let target = [b'/', byte];
        let Ok(target) = PathAndQuery::try_from(&target[..]) else {
            continue;
        };
        assert!(NormalPath::check(target).is_err(), "{byte:#x}");
    }
    for target in [
        "/%", "/%4", "/%zz", "/%4g", "/a%%41", "/%+1", "/% 1", "/a?%", "/a?%4", "/a?%zz",
    ] {
        let Ok(target) = PathAndQuery::try_from(target) else {
            continue;
        };
        assert_eq!(NormalPath::check(target).unwrap_err(), PathFault::Escape);
    }
    for target in ["/%0a", "/%0D", "/%1f", "/%7F", "/a?%0b", "/a?%7f"] {
        assert_eq!(read(target).unwrap_err(), PathFault::Control, "{target}");
    }
    assert!(
        ["?a", "*"]
            .iter()
            .all(|target| read(target).unwrap_err() == PathFault::NotAbsolute)
    );
}

#[test]
#[doc = "PATH-04"]
fn a_query_may_hold_lines_and_any_charset() {
    for target in [
        "/?q=%7B%0A%20a%0d%0a%09%7d",
        "/?q=%e9",
        "/?a/b?c:d@e",
        "/?../..",
        "/?a;b//c",
    ] {
        assert!(read(target).unwrap().is_plain(), "{target}");
    }
    assert_eq!(read("/?a%00").unwrap_err(), PathFault::Nul);
}

#[test]
#[doc = "PATH-05"]
fn what_no_route_can_allow_is_refused_at_once() {
    for target in ["/%00", "/a%00b"] {
        assert_eq!(read(target).unwrap_err(), PathFault::Nul, "{target}");
    }
    for target in ["/a\\b", "/\\", "/a%5cb", "/a%5C"] {
        assert_eq!(read(target).unwrap_err(), PathFault::Backslash, "{target}");
    }
    let dots = [
        "/.",
        "/..",
        "/a/.",
        "/a/..",
        "/./a",
        "/../a",
        "/a/../b",
        "/a/./b",
        "/%2e",
        "/%2e%2e/a",
        "/.%2E/a",
        "/a/%2e./b",
        "/a%2f..%2fb",
        "/..%2fa",
        "/a/..;/b",
        "/a/..;x=1/b",
        "/a/.;/b",
        "/a/%2e%2e;x",
        "/a/..%3b/b",
        "//..",
        "/a//../b",
    ];
    for target in dots {
        assert_eq!(read(target).unwrap_err(), PathFault::DotSegment, "{target}");
    }
}

#[test]
#[doc = "PATH-05"]
fn what_a_route_may_allow_is_noted() {
    let none = PathAllow::default();
    assert_eq!(
        oddities("/a%2Fb"),
        PathAllow {
            encoded_slash: true,
            ..none
        }
    );
    assert_eq!(
        oddities("/a;b"),
        PathAllow {
            semicolon: true,
            ..none
        }
    );
    assert_eq!(
        oddities("/a//b"),
        PathAllow {
            double_slash: true,
            ..none
        }
    );
    assert_eq!(
        oddities("//a"),
        PathAllow {
            double_slash: true,
            ..none
        }
    );
    assert_eq!(
        oddities("/a%2ejson"),
        PathAllow {
            encoded_dot: true,
            ..none
        }
    );
    assert_eq!(oddities("/caf%e9"), PathAllow { non_utf8: true, ..none });
    assert_eq!(oddities("/%c0%af"), PathAllow { non_utf8: true, ..none });
    assert_eq!(oddities("/%ed%a0%80"), PathAllow { non_utf8: true, ..none });
    assert_eq!(oddities("/caf%c3%a9"), none);
    assert_eq!(oddities("/a%2f;//%2eb%ff"), ALL);
}

#[test]
#[doc = "PATH-05"]
fn a_route_permits_only_the_spellings_it_names() {
    let none = PathAllow::default();
    let cases = [
        (
            "/a%2fb",
            PathAllow {
                encoded_slash: true,
                ..none
            },
            PathFault::EncodedSlash,
        ),
        (
            "/a;b",
            PathAllow {
                semicolon: true,
                ..none
            },
            PathFault::Semicolon,
        ),
        (
            "/a//b",
            PathAllow {
                double_slash: true,
                ..none
            },
            PathFault::DoubleSlash,
        ),
        (
            "/a%2eb",
            PathAllow {
                encoded_dot: true,
                ..none
            },
            PathFault::EncodedDot,
        ),
        ("/%ff", PathAllow { non_utf8: true, ..none }, PathFault::NonUtf8),
    ];
    for (target, allow, fault) in cases {
        let path = read(target).unwrap();
        assert_eq!(path.permit(none), Err(fault), "{target}");
        assert_eq!(path.permit(allow), Ok(()), "{target}");
    }
    assert_eq!(read("/a%2f;//%2eb%ff").unwrap().permit(ALL), Ok(()));
    assert_eq!(read("/a/b").unwrap().permit(none), Ok(()));
}

#[test]
fn segments_stand_between_the_slashes() {
    let segments = |target: &str| read(target).unwrap().segments().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(segments("/"), [""]);
    assert_eq!(segments("/a/b?c/d"), ["a", "b"]);
    assert_eq!(segments("/a//b/"), ["a", "", "b", ""]);
}

#[test]
#[doc = "PATH-08"]
fn a_stripped_path_is_judged_again() {
    let strip = |target: &str, prefix: &str| {
        read(target)
            .unwrap()
            .without_prefix(prefix)
            .map(|path| path.map(|path| path.path_and_query().to_string()))
    };
    assert_eq!(strip("/api/a?b", "/api"), Some(Ok("/a?b".into())));
    assert_eq!(strip("/api", "/api"), Some(Ok("/".into())));
    assert_eq!(strip("/api?x=1", "/api"), Some(Ok("/?x=1".into())));
    assert_eq!(strip("/api/", "/api/"), Some(Ok("/".into())));
    assert_eq!(strip("/apiary", "/api"), None);
    assert_eq!(strip("/b/api", "/api"), None);
    // `permit` is asked about the result as well: what was inside is a leading `//` now.
    let stripped = read("/api//host/x").unwrap().without_prefix("/api").unwrap().unwrap();
    assert!(stripped.oddities().double_slash);
}

proptest! {
    /// What survives holds only what RFC 3986 lets a path hold, and says so of every spelling it must be asked about.
    #[test]
    #[doc = "PATH-04, PATH-05"]
    fn what_is_read_is_a_path(target in r"/([a-zA-Z0-9./;%?#\[\\ -]|%2[ef]|%[0-9a-fA-F]{2}|//|\.\./){0,24}") {
        let Ok(target) = PathAndQuery::try_from(target.as_str()) else { return Ok(()) };
        let Ok(path) = NormalPath::check(target.clone()) else { return Ok(()) };
        prop_assert_eq!(path.path_and_query(), &target);
        let text = path.path();
        let lower = text.to_ascii_lowercase();
        let forbidden = br#"\^`{}|[]"<>?#"#;
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !forbidden.contains(&byte)));
        prop_assert_eq!(path.oddities().encoded_slash, lower.contains("%2f"));
        prop_assert_eq!(path.oddities().encoded_dot, lower.contains("%2e"));
        prop_assert_eq!(path.oddities().semicolon, text.contains(';'));
        prop_assert_eq!(path.oddities().double_slash, text.contains("//"));
        let decoded = percent_decode(text.as_bytes()).collect::<Vec<u8>>();
        prop_assert_eq!(path.oddities().non_utf8, std::str::from_utf8(&decoded).is_err());
        prop_assert!(!decoded.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\'));
        prop_assert!(!decoded.split(|byte| *byte == b'/').any(|segment| segment == b"." || segment == b".."));
    }
}
