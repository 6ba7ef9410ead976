//! Requests that other people's libraries sign, and what our own command line signs in their verifiers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::keys::Keys;
use super::{Found, node, python};
use crate::support::token::NOW;
use crate::support::{Gateway, HOST, Request, Response, Setup, Upstream};

#[test]
#[doc = "HM-01, HM-02, HM-03, HM-04"]
fn what_libraries_of_pypi_sign_goes_on_once_and_as_it_was_signed() {
    let keys = Keys::make();
    let mut signer = python("signatures.py");
    let found = Found::by(
        signer
            .arg(keys.folder())
            .args(["--now", &NOW.to_string(), "--host", HOST]),
    );
    found.held(51);
    asked(&found, &keys, 150);
}

#[test]
#[doc = "HM-01, HM-02, HM-03, HM-04"]
fn what_libraries_of_npm_sign_goes_on_once_and_as_it_was_signed() {
    let keys = Keys::make();
    let mut signer = node("signatures.js");
    let found = Found::by(
        signer
            .arg(keys.folder())
            .args(["--now", &NOW.to_string(), "--host", HOST]),
    );
    found.held(43);
    asked(&found, &keys, 100);
}

#[test]
#[doc = "HM-01"]
fn what_the_command_line_signs_is_verified_by_others() {
    let keys = Keys::make();
    let binary = env!("CARGO_BIN_EXE_portcullis");
    Found::by(python("sign_check.py").arg(binary).arg(keys.folder())).held(7);
    Found::by(node("sign_check.js").arg(binary).arg(keys.folder())).held(8);
}

/// Each scheme on the path of its name.
fn gateway(keys: &Keys, upstream: &Upstream) -> Gateway {
    let pem = |id: &str, file: &str| format!("{{ id: {id}, public_key: \"{}\" }}", keys.file(file).display());
    let old_rsa = pem("rsa-v1_5-sha256", "rsa.pem").replace(" }", ", alg: rsa-v1_5-sha256 }");
    let shared = "{ id: hmac-sha256, secret: \"${env:SECRET}\" }";
    let rfc9421 = [
        shared,
        &pem("ed25519", "ed25519.pem"),
        &pem("ecdsa-p256-sha256", "p256.pem"),
        &pem("rsa-pss-sha512", "rsa.pem"),
        &old_rsa,
    ];
    let schemes = [
        ("rfc9421", rfc9421.join(", ")),
        ("stripe", shared.to_owned()),
        ("slack", shared.to_owned()),
        ("github", shared.to_owned()),
        ("standard-webhooks", shared.replace("SECRET", "WEBHOOK")),
    ];
    let mut auth = "auth:\n".to_owned();
    let mut setup = Setup::new()
        .variable("SECRET", &keys.secret())
        .variable("WEBHOOK", &format!("whsec_{}", STANDARD.encode(keys.secret())))
        .upstream("up", upstream);
    for (scheme, keys) in schemes {
        auth.push_str(&format!(
            "  {scheme}: {{ signature: {{ scheme: {scheme}, keys: [{keys}] }} }}\n"
        ));
        setup = setup.route(&format!("{{ path: /{scheme}/**, upstream: up, auth: {scheme} }}"));
    }
    setup.top(&auth).start()
}

/// A request as a library signed it.
#[derive(Clone)]
struct Signed {
    method: String,
    target: String,
    host: String,
    fields: Vec<(String, String)>,
    body: String,
}

impl Signed {
    fn of(case: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let fields = case["fields"].as_array().unwrap().iter();
        Self {
            method: text(&case["method"]),
            target: text(&case["target"]),
            host: HOST.to_owned(),
            fields: fields.map(|field| (text(&field[0]), text(&field[1]))).collect(),
            body: text(&case["body"]),
        }
    }

    /// With this part another one than the one that was signed.
    fn bent(&self, part: &str) -> Self {
        let mut bent = self.clone();
        match part {
            "method" => bent.method = if self.body.is_empty() { "DELETE" } else { "PUT" }.to_owned(),
            "path" => bent.target = self.target.replace("/in?", "/on?"),
            "query" => bent.target = self.target.replace("x=1", "x=2"),
            "host" => bent.host = "other.test".to_owned(),
            "body" => bent.body = self.body.replace('7', "8"),
            "date" => bent.bend_field("date"),
            "field" => bent.bend_field("content-type"),
            name => bent.bend_field(name),
        }
        bent
    }

    /// Its last character another one.
    fn bend_field(&mut self, name: &str) {
        let field = self.fields.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(name));
        let (_, value) = field.unwrap_or_else(|| panic!("no {name}"));
        let last = value.pop().unwrap();
        value.push(if last == '1' { '2' } else { '1' });
    }

    fn ask(&self, gateway: &Gateway) -> Response {
        let mut request = Request::new(&self.method, &self.target).host(&self.host);
        for (name, value) in &self.fields {
            request = request.field(name, value);
        }
        if !self.body.is_empty() {
            request = request.body(&self.body);
        }
        gateway.ask(request)
    }
}

/// Every request bent first, then as it is, then once more.
#[track_caller]
fn asked(found: &Found, keys: &Keys, at_least: usize) {
    let upstream = Upstream::ok();
    let gateway = gateway(keys, &upstream);
    let (mut asked, mut wrong) = (0, Vec::new());
    let mut judge = |name: String, answer: &Response, status: u16, code: &str| {
        asked += 1;
        let told = answer.status != 200 && answer.json()["code"] != code;
        if answer.status != status || told {
            wrong.push(format!("{name}: {} {}", answer.status, answer.text()));
        }
    };
    let good = || found.cases.iter().filter(|case| case["status"] == 200);
    for case in found.cases.iter().filter(|case| case["status"] != 200) {
        let answer = Signed::of(case).ask(&gateway);
        judge(case["case"].to_string(), &answer, 401, case["code"].as_str().unwrap());
    }
    for case in good() {
        for part in case["signed"].as_array().unwrap() {
            let part = part.as_str().unwrap();
            let answer = Signed::of(case).bent(part).ask(&gateway);
            judge(
                format!("{} with another {part}", case["case"]),
                &answer,
                401,
                "signature.invalid",
            );
        }
    }
    upstream.saw_nothing();
    for case in good() {
        let signed = Signed::of(case);
        judge(case["case"].to_string(), &signed.ask(&gateway), 200, "");
        let seen = upstream.requests().pop().unwrap();
        assert_eq!(
            (seen.target(), &seen.body[..]),
            (&*signed.target, signed.body.as_bytes())
        );
        // GitHub signs nothing that tells one delivery from the next.
        let (status, code) = match signed.target.starts_with("/github/") {
            true => (200, ""),
            false => (401, "signature.replayed"),
        };
        judge(
            format!("{} once more", case["case"]),
            &signed.ask(&gateway),
            status,
            code,
        );
    }
    assert!(
        wrong.is_empty(),
        "{} answers differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(asked >= at_least, "only {asked} requests were sent");
}
