//! The answer to a refused request: problem+json (RFC 9457), or a small page where a browser asks. In: a code, a
//! sentence safe for strangers, the request's id. Knows nothing of why; the log does.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response};
use serde::Serialize;
use serde_json::Value as Json;

use super::Code;
use crate::base::accept::quality;
use crate::base::id::RequestId;

/// What a refused client is told.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: Code,
    /// For this one refusal; what holds for every refusal of the code is its title.
    pub detail: Option<Cow<'static, str>>,
    /// The request's id, with which the log is searched.
    pub instance: Option<RequestId>,
    /// What is wrong one by one, where several things can be.
    pub errors: Vec<Json>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    code: &'a str,
    #[serde(skip_serializing_if = "<[Json]>::is_empty")]
    errors: &'a [Json],
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            instance: None,
            errors: Vec::new(),
        }
    }

    pub fn with_detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    pub fn with_errors(self, errors: Vec<Json>) -> Self {
        Self { errors, ..self }
    }

    pub fn for_request(self, id: RequestId) -> Self {
        Self {
            instance: Some(id),
            ..self
        }
    }

    /// The whole answer, in the form that `asked`, the request's header fields, like better.
    pub fn answer(&self, asked: &HeaderMap) -> Response<Bytes> {
        self.in_form(Form::liked_by(asked))
    }

    pub fn in_form(&self, form: Form) -> Response<Bytes> {
        match form {
            Form::Json => self.json(),
            Form::Page => self.html(),
            Form::Grpc => self.grpc(),
        }
    }

    pub fn json(&self) -> Response<Bytes> {
        let mut uri = String::from(TYPE_PREFIX);
        uri.push_str(self.code.as_str());
        let body = Body {
            r#type: &uri,
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.as_deref(),
            instance: self.instance.as_ref().map(RequestId::as_str),
            code: self.code.as_str(),
            errors: &self.errors,
        };
        // Texts and a number always make JSON.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        self.response(HeaderValue::from_static("application/problem+json"), body)
    }

    pub fn html(&self) -> Response<Bytes> {
        let mut answer = self.response(
            HeaderValue::from_static("text/html; charset=utf-8"),
            self.page().into_bytes(),
        );
        let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        answer
    }

    fn page(&self) -> String {
        let (status, title) = (self.code.status().as_u16(), Escaped(self.code.title()));
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{status} {title}</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n"
        );
        // Writing to a string cannot fail.
        if let Some(detail) = &self.detail {
            let _ = writeln!(page, "<p>{}</p>", Escaped(detail));
        }
        let _ = writeln!(page, "<p>{status} <code>{}</code></p>", Escaped(self.code.as_str()));
        if let Some(instance) = &self.instance {
            let _ = writeln!(page, "<p>Request <code>{instance}</code></p>");
        }
        page.push_str("</main>\n");
        page
    }

    fn response(&self, content_type: HeaderValue, body: Vec<u8>) -> Response<Bytes> {
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = self.code.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer
    }
}

/// A name, not an address: nothing has to be reachable for it to be stable.
const TYPE_PREFIX: &str = "urn:portcullis:error:";

const STYLE: &str = ":root{color-scheme:light dark}main{font:1rem/1.5 sans-serif;max-width:40rem;margin:15vh auto;\
                     padding:0 1rem}h1{font-size:1.5rem}code{overflow-wrap:anywhere}";

/// How a refusal is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Page,
    /// For a caller of gRPC, whatever it accepts.
    Grpc,
}

impl Form {
    /// A machine that takes anything gets JSON; a page is for who likes one better.
    pub fn liked_by(asked: &HeaderMap) -> Self {
        // Without naming it nobody likes HTML better: most requests end here.
        let names_html = |value: &HeaderValue| memchr::memmem::find(value.as_bytes(), b"html").is_some();
        if !asked.get_all(ACCEPT).iter().any(names_html) {
            return Self::Json;
        }
        let json = quality(asked, "application/problem+json").max(quality(asked, "application/json"));
        if quality(asked, "text/html") > json {
            Self::Page
        } else {
            Self::Json
        }
    }
}

/// Text in a page: whatever could mean something to a browser is written as a number.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            if c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ',' | ':' | '-' | '_') {
                f.write_char(c)?;
            } else {
                write!(f, "&#{};", u32::from(c))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::random::Random;
    use http::header::ACCEPT;

    fn id() -> RequestId {
        RequestId::new(Timestamp::from_millis(1_800_000_000_000), &mut Random::counting())
    }

    fn text(answer: &Response<Bytes>) -> &str {
        std::str::from_utf8(answer.body()).unwrap()
    }

    fn asking(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))])
    }

    #[test]
    #[doc = "LG-04"]
    fn a_refusal_is_problem_json_and_is_not_kept() {
        let problem = Problem::new(Code::BodyTooLarge)
            .with_detail("The body may be 10 MiB.")
            .for_request(id());
        let answer = problem.answer(&HeaderMap::new());
        assert_eq!(answer.status(), 413);
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        let expected = format!(
            r#"{{"type":"urn:portcullis:error:body.too_large","title":"The body is too large","status":413,"detail":"The body may be 10 MiB.","instance":"{}","code":"body.too_large"}}"#,
            id()
        );
        assert_eq!(text(&answer), expected);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let answer = Problem::new(Code::RouteNone).json();
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        let mut names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["code", "status", "title", "type"]);
    }

    #[test]
    fn a_page_is_for_who_likes_one_better() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, html) in [
            (browser, true),
            ("text/html;q=0.5, application/json;q=0.4", true),
            ("text/html;q=0.5, application/json;q=0.5", false),
            ("text/html;q=0.3, application/problem+json", false),
            ("*/*", false),
            ("text/*", false),
            ("text/html;q=0", false),
            ("application/json", false),
            ("", false),
        ] {
            let answer = Problem::new(Code::RouteNone).answer(&asking(accept));
            let is_html = answer.headers()[CONTENT_TYPE] == "text/html; charset=utf-8";
            assert_eq!(is_html, html, "{accept}");
        }
        assert_eq!(
            Problem::new(Code::RouteNone).answer(&HeaderMap::new()).headers()[CONTENT_TYPE],
            "application/problem+json"
        );
    }

    #[test]
    fn a_page_says_what_the_json_says_and_runs_nothing() {
        let hostile = "<script>alert('&\"')</script>\u{2028}";
        let answer = Problem::new(Code::AddressDenied)
            .with_detail(hostile)
            .for_request(id())
            .html();
        let page = text(&answer);
        assert!(!page.contains("<script") && !page.contains('\''), "{page}");
        assert!(
            page.contains("&#60;script&#62;alert&#40;&#39;&#38;&#34;&#39;&#41;"),
            "{page}"
        );
        assert!(
            page.contains("<title>403 This address may not come here</title>"),
            "{page}"
        );
        assert!(
            page.contains("<code>address.denied</code>") && page.contains(&id().to_string()),
            "{page}"
        );
        assert!(!page.contains("http"), "no foreign asset: {page}");
        let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }

    #[test]
    fn the_docs_list_every_code_with_its_status_and_title() {
        let docs = include_str!("../../docs/errors.md");
        for code in Code::ALL {
            let row = format!(
                "| {} | `{}` | {}. |",
                code.status().as_u16(),
                code.as_str(),
                code.title()
            );
            assert!(
                docs.lines().any(|line| line.starts_with(&row)),
                "docs/errors.md lacks the row that begins\n{row}"
            );
        }
        let is_row = |line: &&str| {
            line.get(2..5)
                .is_some_and(|status| status.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let rows = docs.lines().filter(is_row).count();
        assert_eq!(
            rows,
            Code::ALL.len(),
            "docs/errors.md has rows of codes that do not exist"
        );
    }
}
