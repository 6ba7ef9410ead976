use http::{HeaderName, HeaderValue};

use super::*;

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&str, &str)| {
        (
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    fields.iter().map(field).collect()
}

fn request(fields: &[(&str, &str)]) -> Result<Framing, FramingFault> {
    of_request(Version::HTTP_11, &map(fields))
}

fn answer(status: u16, fields: &[(&str, &str)]) -> Result<Framing, FramingFault> {
    of_answer(StatusCode::from_u16(status).unwrap(), Version::HTTP_11, &map(fields))
}

const CHUNKED: Framing = Framing {
    content_length: None,
    is_spelled_plainly: false,
    chunked: true,
    expects_continue: false,
};

fn length(length: u64) -> Framing {
    Framing {
        content_length: Some(length),
        is_spelled_plainly: true,
        chunked: false,
        expects_continue: false,
    }
}

#[test]
fn a_message_says_its_length_in_one_way() {
    assert_eq!(request(&[]), Ok(Framing::default()));
    assert_eq!(request(&[("content-length", "0")]), Ok(length(0)));
    assert_eq!(
        request(&[("content-length", "1234567890123456789")]),
        Ok(length(1_234_567_890_123_456_789))
    );
    assert_eq!(request(&[("transfer-encoding", "chunked")]), Ok(CHUNKED));
    assert_eq!(request(&[("transfer-encoding", "Chunked")]), Ok(CHUNKED));
}

#[test]
#[doc = "HTTP-01"]
fn two_ways_at_once_are_refused() {
    assert_eq!(
        request(&[("content-length", "5"), ("transfer-encoding", "chunked")]),
        Err(FramingFault::Both)
    );
}

#[test]
#[doc = "HTTP-02"]
fn a_coding_is_chunked_and_nothing_else() {
    for coding in [
        "gzip, chunked",
        "chunked, chunked",
        "identity",
        ", chunked",
        "chunked,",
        "",
        "xchunked",
        "chunked;q=1",
        "\"chunked\"",
    ] {
        assert_eq!(
            request(&[("transfer-encoding", coding)]),
            Err(FramingFault::Coding),
            "{coding}"
        );
    }
    let twice = [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
    assert_eq!(request(&twice), Err(FramingFault::Coding));
    let hidden = [("transfer-encoding", "identity"), ("transfer-encoding", "chunked")];
    assert_eq!(request(&hidden), Err(FramingFault::Coding));
    let old = of_request(Version::HTTP_10, &map(&[("transfer-encoding", "chunked")]));
    assert_eq!(old, Err(FramingFault::CodingInHttp10));
}

#[test]
#[doc = "HTTP-03"]
fn a_length_is_digits() {
    for value in [
        "",
        "+5",
        "-1",
        "5,5",
        "5, 5",
        "0x5",
        "5 5",
        "1e3",
        "5.0",
        "00000000000000000005",
        "99999999999999999999",
    ] {
        assert_eq!(
            request(&[("content-length", value)]),
            Err(FramingFault::Length),
            "{value}"
        );
    }
    assert_eq!(
        request(&[("content-length", "0005")]),
        Ok(Framing {
            is_spelled_plainly: false,
            ..length(5)
        }),
        "written upstream as 5"
    );
    assert_eq!(
        request(&[("content-length", "5"), ("content-length", "5")]),
        Ok(Framing {
            is_spelled_plainly: false,
            ..length(5)
        }),
        "written upstream once"
    );
    assert_eq!(
        request(&[("content-length", "5"), ("content-length", "6")]),
        Err(FramingFault::Length)
    );
}

#[test]
#[doc = "HTTP-11"]
fn the_only_expectation_is_100_continue() {
    let expect =
        |value: &str| request(&[("content-length", "1"), ("expect", value)]).map(|framing| framing.expects_continue);
    assert_eq!(expect("100-continue"), Ok(true));
    assert_eq!(expect("100-Continue"), Ok(true));
    for value in ["", "100", "100-continue, x", "x", "100-continue;a"] {
        assert_eq!(expect(value), Err(FramingFault::Expectation), "{value}");
    }
    assert_eq!(
        request(&[("expect", "100-continue"), ("expect", "100-continue")]),
        Err(FramingFault::Expectation)
    );
    let old = of_request(Version::HTTP_10, &map(&[("expect", "100-continue")])).unwrap();
    assert!(!old.expects_continue);
}

#[test]
#[doc = "HTTP-16"]
fn an_answer_is_checked_as_strictly() {
    assert_eq!(answer(200, &[("content-length", "5")]), Ok(length(5)));
    assert_eq!(answer(200, &[("transfer-encoding", "chunked")]), Ok(CHUNKED));
    assert_eq!(answer(200, &[]), Ok(Framing::default()));
    assert_eq!(answer(304, &[("content-length", "5")]), Ok(Framing::default()));
    assert_eq!(
        answer(200, &[("content-length", "5"), ("transfer-encoding", "chunked")]),
        Err(FramingFault::Both)
    );
    assert_eq!(answer(200, &[("transfer-encoding", "gzip")]), Err(FramingFault::Coding));
    assert_eq!(
        answer(200, &[("transfer-encoding", "gzip, chunked")]),
        Err(FramingFault::Coding)
    );
    assert_eq!(answer(200, &[("content-length", "5, 5")]), Err(FramingFault::Length));
}

#[test]
#[doc = "HTTP-16"]
fn an_answer_without_a_body_claims_none() {
    assert_eq!(answer(204, &[("content-length", "0")]), Ok(Framing::default()));
    for status in [103, 204] {
        assert_eq!(
            answer(status, &[("content-length", "5")]),
            Err(FramingFault::Length),
            "{status}"
        );
        assert_eq!(
            answer(status, &[("transfer-encoding", "chunked")]),
            Err(FramingFault::Coding),
            "{status}"
        );
    }
}
