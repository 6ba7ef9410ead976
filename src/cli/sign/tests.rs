//! What is printed for arguments, on a machine that is made up.

use clap::Parser;

use super::*;
use crate::config::Given;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    sign: Sign,
}

const NOW: u64 = 1_614_265_330;

fn signed(arguments: &[&str]) -> Result<String, String> {
    let machine = Given::nothing()
        .with_variable("SECRET", "0123456789abcdef0123456789abcdef")
        .with_variable("EMPTY", "")
        .with_file("secret", "0123456789abcdef0123456789abcdef\n")
        .with_file("it's.json", "{\"a\":1}");
    let line = std::iter::once("sign").chain(arguments.iter().copied());
    let line = Line::try_parse_from(line).map_err(|error| format!("usage: {error}"))?;
    let signed = line.sign.signed(&machine, NOW, b"0123456789abcdef");
    signed.map_err(|Complaint { code, message }| format!("{code}: {message}"))
}

const V1: [&str; 6] = ["--scheme", "v1", "--key-id", "acme", "--secret-env", "SECRET"];

/// Python: `hmac.new(secret, "\n".join(["v1", "acme", "POST", "/hooks/in?x=1&y=%20", "h:8080", "1614265330",
/// "30313233343536373839616263646566", sha256(b'{"a":1}').hexdigest()]).encode(), "sha256").hexdigest()`.
const MAC: &str = "c974c8e03c942f20b0dbb95be14bacc8045c05cc1f2a6bf04fac79d97cc09170";

#[test]
fn a_curl_line_holds_the_whole_request() {
    let url = "http://H:8080/hooks/in?x=1&y=%20";
    let rest = ["POST", url, "-H", "X-Note: it's 1", "--data-file", "it's.json"];
    let expected = format!(
        "curl --globoff --path-as-is -X POST -H 'X-Note: it'\\''s 1' -H 'X-Signature-Key: acme' \
         -H 'X-Signature-Timestamp: 1614265330' -H 'X-Signature-Nonce: 30313233343536373839616263646566' \
         -H 'X-Signature: v1={MAC}' --data-binary '@it'\\''s.json' 'http://h:8080/hooks/in?x=1&y=%20'\n"
    );
    assert_eq!(signed(&[&V1[..], &rest].concat()).unwrap(), expected);
    let by_file = ["--scheme", "v1", "--key-id", "acme", "--secret-file", "secret"];
    assert_eq!(signed(&[&by_file[..], &rest].concat()).unwrap(), expected);
}

#[test]
fn fields_alone_are_one_a_line() {
    let rest = [
        "POST",
        "http://h:8080/hooks/in?x=1&y=%20",
        "-d",
        "{\"a\":1}",
        "--headers-only",
    ];
    assert_eq!(
        signed(&[&V1[..], &rest].concat()).unwrap(),
        format!(
            "X-Signature-Key: acme\nX-Signature-Timestamp: 1614265330\n\
             X-Signature-Nonce: 30313233343536373839616263646566\nX-Signature: v1={MAC}\n"
        )
    );
}

#[test]
fn nothing_in_an_argument_leaves_its_quotes() {
    let rest = ["HEAD", "http://h/'$(id)'", "-d", "@/etc/passwd'; id #"];
    let line = signed(&[&V1[..], &rest].concat()).unwrap();
    assert!(line.contains(" --head "), "{line}");
    assert!(line.contains(" --data-raw '@/etc/passwd'\\''; id #' "), "{line}");
    assert!(line.ends_with(" 'http://h/'\\''$(id)'\\'''\n"), "{line}");
}

#[test]
fn a_message_signature_covers_what_is_asked_for() {
    let arguments = [
        "--scheme",
        "rfc9421",
        "--key-id",
        "acme",
        "--secret-env",
        "SECRET",
        "--cover",
        "x-tenant",
        "POST",
        "https://H:443/a",
        "-H",
        "X-Tenant: t",
        "-d",
        "x",
        "--headers-only",
    ];
    let fields = signed(&arguments).unwrap();
    let input = "Signature-Input: sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" \
                 \"x-tenant\");created=1614265330;keyid=\"acme\";nonce=\"30313233343536373839616263646566\";\
                 alg=\"hmac-sha256\"\n";
    assert!(fields.starts_with("Content-Digest: sha-256=:"), "{fields}");
    assert!(fields.contains(input), "{fields}");
    assert!(fields.contains("\nSignature: sig1=:"), "{fields}");
}

#[test]
fn what_cannot_be_signed_is_told_with_the_way_out() {
    let fault = |rest: &[&str]| signed(&[&V1[..], rest].concat()).unwrap_err();
    for (rest, part) in [
        (&["get", "http://h/"][..], "GET, HEAD"),
        (&["GET", "/path"], "neither `http://`"),
        (&["GET", "ftp://h/"], "neither `http://`"),
        (&["GET", "http://u@h/"], "holds a user"),
        (&["GET", "http://h/#x"], "fragment"),
        (&["GET", "http://h/a/../b"], "dot segment"),
        (&["GET", "http://h/", "-H", "no field"], "Name: value"),
        (&["GET", "http://h/", "-H", "Host: other"], "leave `Host` out"),
        (&["GET", "http://h/", "--data-file", "absent"], "cannot be read"),
        (&["GET", "http://h/", "--cover", "x"], "leave `--cover` out"),
        (&["GET", "http://h/", "-d", "a", "--data-file", "b"], "usage:"),
        (&["GET", "http://h/", "--secret-file", "secret"], "usage:"),
        (&["GET", "http://h/", "--alg", "ed25519"], "leave `--alg` out"),
    ] {
        let told = fault(rest);
        assert!(told.contains(part), "{rest:?}: {told}");
        let is_usage = told.starts_with("2: ") || told.starts_with("usage: ");
        assert_eq!(is_usage, part != "cannot be read", "{told}");
    }
    for (arguments, part) in [
        (
            &["--scheme", "v1", "--secret-env", "SECRET", "GET", "http://h/"][..],
            "usage:",
        ),
        (&["--scheme", "v1", "--key-id", "a", "GET", "http://h/"], "usage:"),
        (
            &["--scheme", "github", "--secret-env", "ABSENT", "GET", "http://h/"],
            "is not set",
        ),
        (
            &["--scheme", "github", "--secret-env", "EMPTY", "GET", "http://h/"],
            "is empty",
        ),
        (
            &[
                "--scheme",
                "standard-webhooks",
                "--secret-env",
                "SECRET",
                "GET",
                "http://h/",
            ],
            "whsec_",
        ),
        (
            &[
                "--scheme",
                "rfc9421",
                "--key-id",
                "a",
                "--private-key",
                "secret",
                "GET",
                "http://h/",
            ],
            "PEM",
        ),
    ] {
        let told = signed(arguments).unwrap_err();
        assert!(told.contains(part), "{arguments:?}: {told}");
        assert!(!told.contains("0123456789abcdef"), "{told}");
        assert!(told.starts_with("1: ") || part == "usage:", "{told}");
    }
}
