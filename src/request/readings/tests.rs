use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn readings(path: &str) -> Vec<String> {
    let mut all = Vec::new();
    assert!(super::all(path.as_bytes(), |reading| {
        all.push(String::from_utf8_lossy(reading.exact).into_owned());
        true
    }));
    all
}

fn folded(path: &str) -> String {
    String::from_utf8(fold(path.as_bytes()).into_owned()).unwrap()
}

#[test]
fn an_ordinary_path_is_its_only_reading() {
    assert_eq!(readings("/a/b.c"), ["/a/b.c"]);
    assert_eq!(readings("/a/B"), ["/a/B"]);
    assert_eq!(folded("/a/B"), "/a/b");
}

#[test]
#[doc = "PATH-05"]
fn every_reading_that_some_server_makes_is_there() {
    let cases: &[(&str, &[&str])] = &[
        ("/%61dmin", &["/admin"]),
        ("/%2561dmin", &["/%61dmin", "/admin"]),
        ("/a/%2e%2e/admin", &["/a/../admin", "/admin"]),
        ("/a/%252e%252e/admin", &["/a/../admin", "/admin"]),
        ("/a/%252e%252e%252fadmin", &["/admin"]),
        ("/a%2fb", &["/a/b"]),
        ("/a%252fb", &["/a/b"]),
        ("/a%255c..%255cadmin", &["/admin"]),
        ("//admin", &["/admin"]),
        ("/a/b//%2e%2e/%2e%2e/c", &["/c", "/a/c"]),
        ("/admin;x=1/a", &["/admin/a"]),
        ("/a/..%3bx/admin", &["/admin"]),
        ("/admin%3f", &["/admin"]),
        ("/admin%23x", &["/admin"]),
        ("/admin%2500.html", &["/admin"]),
        ("/admin.", &["/admin"]),
        ("/admin%20", &["/admin"]),
        ("/a/..%20/admin", &["/admin"]),
        ("/%EF%BD%81dmin", &["/admin"]),
        ("/a%EF%BC%8Fadmin", &["/a/admin"]),
        ("/a/%EF%BC%8E%EF%BC%8E/admin", &["/admin"]),
        ("/a/%E2%80%A5/admin", &["/admin"]),
        ("/%EF%BC%8561dmin", &["/admin"]),
        ("/a/%c0%ae%c0%ae/admin", &["/admin"]),
        ("/a%e0%80%afadmin", &["/a/admin"]),
    ];
    for (path, expected) in cases {
        let all = readings(path);
        for reading in *expected {
            assert!(all.iter().any(|one| one == reading), "{path} as {reading}: {all:?}");
        }
    }
}

#[test]
#[doc = "PATH-05"]
fn folding_forgets_case_and_the_ends_of_segments() {
    assert_eq!(folded("/ADMIN./X .y. "), "/admin/x .y");
    assert_eq!(folded("/\u{c9}t\u{c9}"), "/\u{e9}t\u{e9}");
    assert_eq!(folded("/\u{212a}"), "/k");
    assert_eq!(folded("/.. ./. "), "/../.");
    assert_eq!(&*fold(b"/\xffA"), b"/\xffa");
}

#[test]
#[doc = "PATH-10"]
fn a_path_with_too_many_readings_agrees_with_nothing() {
    let long = format!("/{}", "aaaaaaaaaaaaaaaaaaaaaa%252fb%255cc%2520/;/".repeat(160));
    let rich =
        "/a%253bx%252f%252f%255cb%2520/%EF%BD%81%252f%252e%252e%252fc%EF%BC%9B/%EF%BC%8F%EF%BC%8E%EF%BC%BCd%2500";
    for soup in [long.as_str(), rich] {
        let (mut readings, mut bytes) = (0, 0);
        let complete = super::all(soup.as_bytes(), |reading| {
            readings += 1;
            bytes += reading.exact.len();
            true
        });
        assert!(!complete, "{readings} readings, {bytes} bytes");
        assert!(
            readings <= MOST_READINGS && bytes <= MOST_BYTES,
            "{readings} readings, {bytes} bytes"
        );
    }
}

#[test]
fn a_long_path_in_another_script_has_few_readings() {
    let path = format!("/{}", "%E6%97%A5%E6%9C%AC/".repeat(440));
    assert!(path.len() > 8000);
    assert_eq!(readings(&path).len(), 2);
}

#[test]
fn the_visit_ends_at_the_first_disagreement() {
    let mut seen = 0;
    assert!(!super::all(b"/%61", |_| {
        seen += 1;
        false
    }));
    assert_eq!(seen, 1);
}

/// The same readings, made the slow and simple way: every subset of the steps, whether it changes something or not.
mod reference {
    use super::*;

    fn decoded(path: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < path.len() {
            let digits = path
                .get(at + 1..at + 3)
                .and_then(|digits| std::str::from_utf8(digits).ok());
            let byte = digits
                .filter(|digits| !digits.contains('+'))
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            match byte {
                Some(byte) if path[at] == b'%' => {
                    out.push(byte);
                    at += 3;
                }
                _ => {
                    out.push(path[at]);
                    at += 1;
                }
            }
        }
        out
    }

    fn nfkc(path: &[u8]) -> Vec<u8> {
        match String::from_utf8(path.to_vec()) {
            Ok(text) => text.nfkc().collect::<String>().into_bytes(),
            Err(_) => {
                let mut out = path.to_vec();
                for byte in 0..=0x7F_u8 {
                    let two = [0xC0 | byte >> 6, 0x80 | byte & 0x3F];
                    let three = [0xE0, 0x80 | byte >> 6, 0x80 | byte & 0x3F];
                    out = replaced(&replaced(&out, &three, &[byte]), &two, &[byte]);
                }
                out
            }
        }
    }

    fn replaced(path: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < path.len() {
            if path[at..].starts_with(from) {
                out.extend_from_slice(to);
                at += from.len();
            } else {
                out.push(path[at]);
                at += 1;
            }
        }
        out
    }

    fn segments(path: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        path.split(|&byte| byte == b'/')
            .map(change)
            .collect::<Vec<_>>()
            .join(&b'/')
    }

    fn step(number: usize, path: &[u8]) -> Vec<u8> {
        match number {
            0 => path
                .split(|byte| matches!(byte, b'?' | b'#' | 0))
                .next()
                .unwrap()
                .to_vec(),
            1 => replaced(path, b"\\", b"/"),
            2 => segments(path, |segment| {
                segment.split(|&byte| byte == b';').next().unwrap().to_vec()
            }),
            3 => segments(path, |segment| {
                let text: String = segment.iter().map(|&byte| char::from(byte)).collect();
                let cut = text.trim_end_matches(['.', ' ']);
                let dots = text.matches('.').count().min(2);
                if cut.is_empty() {
                    b".".repeat(dots)
                } else {
                    cut.chars().map(|char| u8::try_from(char).unwrap()).collect()
                }
            }),
            4 => {
                let mut merged = path.to_vec();
                while merged.windows(2).any(|pair| pair == b"//") {
                    merged = replaced(&merged, b"//", b"/");
                }
                merged
            }
            _ => {
                let mut stack: Vec<&[u8]> = Vec::new();
                let inner: Vec<&[u8]> = path[1..].split(|&byte| byte == b'/').collect();
                for (index, segment) in inner.iter().enumerate() {
                    let last = index + 1 == inner.len();
                    match *segment {
                        b"." if last => stack.push(b""),
                        b"." => {}
                        b".." => {
                            stack.pop();
                            if last {
                                stack.push(b"");
                            }
                        }
                        other => stack.push(other),
                    }
                }
                let mut out = b"/".to_vec();
                out.extend_from_slice(&stack.join(&b'/'));
                out
            }
        }
    }

    pub(super) fn readings(path: &[u8]) -> BTreeSet<Vec<u8>> {
        let once = decoded(path);
        let twice = decoded(&once);
        let bases = [
            path.to_vec(),
            once.clone(),
            twice.clone(),
            nfkc(&once),
            nfkc(&twice),
            decoded(&nfkc(&once)),
        ];
        let mut all = BTreeSet::new();
        for base in bases {
            for subset in 0..1_u32 << 6 {
                let mut reading = base.clone();
                for number in (0..6).filter(|number| subset & (1 << number) != 0) {
                    reading = step(number, &reading);
                }
                all.insert(reading);
            }
        }
        all
    }
}

pub(crate) fn odd_path() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "b",
        "B",
        "/",
        "/",
        "//",
        ".",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5c",
        "%252e",
        "%252f",
        "%255c",
        ";",
        "%3b",
        "%253b",
        "%20",
        "%C3%89",
        "%EF%BC%8F",
        "%EF%BC%8E",
        "%EF%BC%85",
        "2f",
        "%3f",
        "%2500",
        "%c0%af",
        "%e0%80%ae",
        "%ff",
        "%61",
        "%2561",
        ".",
    ]);
    prop::collection::vec(pieces, 0..7).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    #[doc = "PATH-05"]
    fn the_readings_are_those_of_the_reference(path in odd_path()) {
        let mut all = BTreeSet::new();
        let complete = super::all(path.as_bytes(), |reading| { all.insert(reading.exact.to_vec()); true });
        let expected = reference::readings(path.as_bytes());
        if complete {
            prop_assert_eq!(all, expected);
        } else {
            prop_assert!(all.is_subset(&expected));
        }
    }

    #[test]
    fn folding_twice_is_folding_once(path in odd_path()) {
        super::all(path.as_bytes(), |reading| {
            assert_eq!(&*fold(reading.folded), reading.folded);
            true
        });
    }
}
