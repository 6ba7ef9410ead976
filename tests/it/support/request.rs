//! Well-formed requests, as bytes. Whatever is malformed is written out by its test.

use super::HOST;

#[derive(Clone, Debug)]
pub struct Request {
    line: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

pub fn get(target: &str) -> Request {
    Request::new("GET", target)
}

pub fn post(target: &str, body: impl AsRef<[u8]>) -> Request {
    Request::new("POST", target).body(body)
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            line: format!("{method} {target} HTTP/1.1"),
            fields: vec![("Host".into(), HOST.into())],
            body: Vec::new(),
        }
    }

    pub fn host(mut self, host: &str) -> Self {
        self.fields[0].1 = host.to_owned();
        self
    }

    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body with its length.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        let length = self.body.len().to_string();
        self.field("Content-Length", &length)
    }

    /// Only the head of a body of this length.
    pub fn announcing(self, length: u64) -> Self {
        self.field("Content-Length", &length.to_string())
    }

    /// Only the head of a chunked body.
    pub fn chunked(self) -> Self {
        self.field("Transfer-Encoding", "chunked")
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.line).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

impl From<Request> for Vec<u8> {
    fn from(request: Request) -> Self {
        request.bytes()
    }
}

impl From<&Request> for Vec<u8> {
    fn from(request: &Request) -> Self {
        request.bytes()
    }
}
