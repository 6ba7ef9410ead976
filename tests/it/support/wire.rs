//! A reader of HTTP/1.1 that forgives nothing.
//!
//! It judges what the gateway wrote, to either side: one spelling of every framing field, CRLF only, no extension, no
//! folding. Whatever two parsers could read differently is `Bad`, so each test is a differential test of framing.

/// What the bytes so far amount to.
#[derive(Debug)]
pub enum Step<T> {
    /// A whole message and how many bytes it took.
    Whole(T, usize),
    /// Right so far, but not all of it.
    Partial,
    Bad(String),
}

/// A start line and its fields, as they stood on the wire. Bytes above 127 are kept as the characters of the same number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub line: String,
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The one value of a field; more than one is a failure of the test.
    pub fn field(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "`{name}` stands {} times in {self:?}", all.len());
        all.first().copied()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .filter(same)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    /// Every name, in lower case, in the order of the wire.
    pub fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect()
    }
}

/// A request as the upstream got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub head: Head,
    pub body: Vec<u8>,
    pub chunked: bool,
}

impl Received {
    pub fn line(&self) -> &str {
        &self.head.line
    }

    pub fn method(&self) -> &str {
        self.head.line.split(' ').next().unwrap()
    }

    pub fn target(&self) -> &str {
        self.head.line.split(' ').nth(1).unwrap()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.head.has(name)
    }
}

/// An answer as the client got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status codes of the interim answers that came before it.
    pub interim: Vec<u16>,
    pub status: u16,
    pub head: Head,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    pub framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Response {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.head.has(name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// This is an answer with this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head.line, self.text());
        self
    }

    /// A refused call of gRPC: a head alone, with this status of gRPC and this code.
    #[track_caller]
    pub fn is_refused_call(self, status: u16, code: &str) -> Self {
        let answer = self.is(200);
        assert!(answer.body.is_empty(), "{answer:?}");
        assert_eq!(answer.field("content-type"), Some("application/grpc"));
        assert_eq!(answer.field("grpc-status"), Some(&*status.to_string()), "{answer:?}");
        let told = answer.field("grpc-message").unwrap_or_default();
        assert!(told.starts_with(&format!("{code}: ")), "{told}");
        answer
    }

    /// This is a refusal with this code, worded as RFC 9457 says.
    #[track_caller]
    pub fn is_problem(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(
            answer.field("content-type"),
            Some("application/problem+json"),
            "{}",
            answer.text()
        );
        assert_eq!(answer.json()["code"], code, "{}", answer.text());
        assert_eq!(answer.json()["status"], status, "{}", answer.text());
        answer
    }
}

/// The request at the front of `bytes`.
pub fn request(bytes: &[u8]) -> Step<Received> {
    let (head, start) = match head(bytes) {
        Step::Whole(head, start) => (head, start),
        Step::Partial => return Step::Partial,
        Step::Bad(why) => return Step::Bad(why),
    };
    if let Err(why) = judge_request(&head) {
        return Step::Bad(why);
    }
    let framing = match framing(&head) {
        Ok(framing) => framing,
        Err(why) => return Step::Bad(why),
    };
    match framing {
        Framing::Chunked => match chunks(&bytes[start..]) {
            Step::Whole((_, trailers), _) if !trailers.is_empty() => {
                Step::Bad(format!("a request with trailers {trailers:?}"))
            }
            Step::Whole((body, _), length) => Step::Whole(
                Received {
                    head,
                    body,
                    chunked: true,
                },
                start + length,
            ),
            Step::Partial => Step::Partial,
            Step::Bad(why) => Step::Bad(why),
        },
        Framing::Length(length) if bytes.len() < start + length => Step::Partial,
        Framing::Length(length) => {
            let body = bytes[start..start + length].to_vec();
            Step::Whole(
                Received {
                    head,
                    body,
                    chunked: false,
                },
                start + length,
            )
        }
        Framing::None | Framing::UntilClose => Step::Whole(
            Received {
                head,
                body: Vec::new(),
                chunked: false,
            },
            start,
        ),
    }
}

/// The answer at the front of `bytes`; `closed` when nothing follows them, `bodiless` for the answer to a HEAD.
pub fn response(bytes: &[u8], closed: bool, bodiless: bool) -> Step<Response> {
    let mut interim = Vec::new();
    let mut at = 0;
    loop {
        let (head, length) = match head(&bytes[at..]) {
            Step::Whole(head, length) => (head, length),
            Step::Partial => return Step::Partial,
            Step::Bad(why) => return Step::Bad(why),
        };
        let status = match status(&head.line) {
            Ok(status) => status,
            Err(why) => return Step::Bad(why),
        };
        at += length;
        if status < 200 && status != 101 {
            interim.push(status);
            continue;
        }
        return match body_of_response(&head, status, &bytes[at..], closed, bodiless) {
            Step::Whole((body, trailers, framing), length) => Step::Whole(
                Response {
                    interim,
                    status,
                    head,
                    body,
                    trailers,
                    framing,
                },
                at + length,
            ),
            Step::Partial => Step::Partial,
            Step::Bad(why) => Step::Bad(why),
        };
    }
}

type Fields = Vec<(String, String)>;

fn body_of_response(
    head: &Head,
    status: u16,
    bytes: &[u8],
    closed: bool,
    bodiless: bool,
) -> Step<(Vec<u8>, Fields, Framing)> {
    let framing = match framing(head) {
        Ok(framing) => framing,
        Err(why) => return Step::Bad(why),
    };
    if status == 204 && framing != Framing::None {
        return Step::Bad("a 204 with a framing field".to_owned());
    }
    if bodiless || matches!(status, 101 | 204 | 304) {
        return Step::Whole((Vec::new(), Vec::new(), framing), 0);
    }
    match framing {
        Framing::Chunked => match chunks(bytes) {
            Step::Whole((body, trailers), length) => Step::Whole((body, trailers, framing), length),
            Step::Partial => Step::Partial,
            Step::Bad(why) => Step::Bad(why),
        },
        Framing::Length(length) if bytes.len() < length => Step::Partial,
        Framing::Length(length) => Step::Whole((bytes[..length].to_vec(), Vec::new(), framing), length),
        Framing::None | Framing::UntilClose if closed => {
            Step::Whole((bytes.to_vec(), Vec::new(), Framing::UntilClose), bytes.len())
        }
        Framing::None | Framing::UntilClose => Step::Partial,
    }
}

/// A start line, fields and the empty line.
pub fn head(bytes: &[u8]) -> Step<Head> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return match judge_bytes(bytes.strip_suffix(b"\r").unwrap_or(bytes)) {
            Ok(()) => Step::Partial,
            Err(why) => Step::Bad(why),
        };
    };
    if let Err(why) = judge_bytes(&bytes[..end]) {
        return Step::Bad(why);
    }
    let text: String = bytes[..end].iter().copied().map(char::from).collect();
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let mut fields = Vec::new();
    for line in lines {
        match field(line) {
            Ok(field) => fields.push(field),
            Err(why) => return Step::Bad(why),
        }
    }
    Step::Whole(Head { line, fields }, end + 4)
}

fn judge_bytes(bytes: &[u8]) -> Result<(), String> {
    for (at, byte) in bytes.iter().enumerate() {
        let fine = match byte {
            b'\r' => bytes.get(at + 1).is_none_or(|next| *next == b'\n'),
            b'\n' => at > 0 && bytes[at - 1] == b'\r',
            b'\t' => true,
            0..0x20 | 0x7f => false,
            _ => true,
        };
        if !fine {
            return Err(format!("byte {byte:#04x} at {at} of a head"));
        }
    }
    Ok(())
}

fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| format!("a field without a colon: {line:?}"))?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("a field name that is no token: {line:?}"));
    }
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn judge_request(head: &Head) -> Result<(), String> {
    let parts: Vec<&str> = head.line.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return Err(format!("a request line of {} parts: {:?}", parts.len(), head.line));
    };
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(format!("method {method:?}"));
    }
    if version != "HTTP/1.1" {
        return Err(format!("version {version:?}"));
    }
    if !target.starts_with('/') || target.bytes().any(|b| b <= b' ' || b >= 0x7f || b == b'#') {
        return Err(format!("target {target:?}"));
    }
    if head.all("host").len() != 1 {
        return Err(format!("{} Host fields", head.all("host").len()));
    }
    for gone in ["trailer", "expect", "keep-alive", "proxy-connection", "http2-settings"] {
        if head.has(gone) {
            return Err(format!("`{gone}` was passed on"));
        }
    }
    // The two things the gateway itself may ask of the next hop: to send trailers, or to switch.
    let connection = (
        &head.all("connection")[..],
        &head.all("te")[..],
        &head.all("upgrade")[..],
    );
    match connection {
        ([], [], []) | (["te"], ["trailers"], []) => Ok(()),
        (["upgrade"], [], [protocol]) if !protocol.to_ascii_lowercase().contains("h2c") => Ok(()),
        asked => Err(format!("`Connection`, `TE`, `Upgrade`: {asked:?} were passed on")),
    }
}

fn framing(head: &Head) -> Result<Framing, String> {
    let (lengths, codings) = (head.all("content-length"), head.all("transfer-encoding"));
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(Framing::None),
        ([length], []) => {
            let number: usize = length.parse().map_err(|e| format!("content-length {length:?}: {e}"))?;
            if *length != number.to_string() {
                return Err(format!("content-length {length:?} is not canonical"));
            }
            Ok(Framing::Length(number))
        }
        ([], ["chunked"]) => Ok(Framing::Chunked),
        _ => Err(format!("content-length {lengths:?} with transfer-encoding {codings:?}")),
    }
}

fn status(line: &str) -> Result<u16, String> {
    let rest = line
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| line.strip_prefix("HTTP/1.0 "));
    let digits = rest
        .and_then(|rest| rest.get(..3))
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("status line {line:?}"))
}

/// A chunked body: its data, its trailers.
fn chunks(bytes: &[u8]) -> Step<(Vec<u8>, Fields)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let Some(end) = find(rest, b"\r\n") else {
            let so_far = rest.strip_suffix(b"\r").unwrap_or(rest);
            if so_far.len() > 16 || !so_far.iter().all(u8::is_ascii_hexdigit) {
                return Step::Bad(format!("chunk size {}", so_far.escape_ascii()));
            }
            return Step::Partial;
        };
        let digits = std::str::from_utf8(&rest[..end]).unwrap_or("?");
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Step::Bad(format!("chunk size {digits:?}"));
        }
        let Ok(size) = usize::from_str_radix(digits, 16) else {
            return Step::Bad(format!("chunk size {digits:?}"));
        };
        at += end + 2;
        if size == 0 {
            break;
        }
        if bytes.len() < at + size + 2 {
            return Step::Partial;
        }
        if &bytes[at + size..at + size + 2] != b"\r\n" {
            return Step::Bad("chunk data that does not end in CRLF".to_owned());
        }
        body.extend_from_slice(&bytes[at..at + size]);
        at += size + 2;
    }
    if bytes[at..].starts_with(b"\r\n") {
        return Step::Whole((body, Vec::new()), at + 2);
    }
    let Some(end) = find(&bytes[at..], b"\r\n\r\n") else {
        return Step::Partial;
    };
    let text: String = bytes[at..at + end].iter().copied().map(char::from).collect();
    match text.split("\r\n").map(field).collect::<Result<Fields, _>>() {
        Ok(trailers) => Step::Whole((body, trailers), at + end + 4),
        Err(why) => Step::Bad(why),
    }
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}
