//! HTTP message signatures (RFC 9421), with what they cover, their parameters and their digests bent one by one. A good one
//! comes once: the second time it is replayed.

use aws_lc_rs::digest::{self, SHA256, SHA512};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::super::with;
use super::{Answer, Case, IN, MISSING, REPEATED};
use crate::support::token::{NOW, SECRET};
use crate::support::{HOST, Request, Setup, Upstream, get};

const INVALID: Answer = Answer(401, "signature.invalid");
const OLD: Answer = Answer(401, "signature.expired");
const REPLAYED: Answer = Answer(401, "signature.replayed");

const BODY: &str = "{\"a\":1}";

fn setup(upstream: &Upstream) -> Setup {
    let partner = "  partner: { signature: { scheme: rfc9421, keys: [{ id: acme, secret: \"${env:SECRET}\" }] } }\n";
    let more = partner
        .replace("partner:", "more:")
        .replace("rfc9421,", "rfc9421, cover: [x-tenant],");
    with(
        upstream,
        &format!("{partner}{more}"),
        "{ path: /**, upstream: up, auth: partner }",
    )
    .route("{ path: /more, upstream: up, auth: more }")
}

/// A request of `POST /in?x=1&y=%20`, and what its signature says.
#[derive(Clone)]
struct Message {
    path: &'static str,
    covered: Vec<String>,
    /// Behind the list of what is covered; `NOW` and `NONCE` are filled in.
    parameters: String,
    digest: String,
    nonce: String,
}

/// What a component is worth in this request.
fn value(component: &str, message: &Message) -> String {
    match component {
        "\"@method\"" => "POST".into(),
        "\"@authority\"" => HOST.into(),
        "\"@path\"" => message.path.into(),
        "\"@query\"" => "?x=1&y=%20".into(),
        "\"@target-uri\"" => format!("http://{HOST}{}?x=1&y=%20", message.path),
        "\"@request-target\"" => format!("{}?x=1&y=%20", message.path),
        "\"@scheme\"" => "http".into(),
        "\"@query-param\";name=\"x\"" => "1".into(),
        "\"@query-param\";name=\"y\"" => "%20".into(),
        "\"content-digest\"" => message.digest.clone(),
        "\"content-length\"" => BODY.len().to_string(),
        "\"x-tenant\"" => "a".into(),
        "\"x-list\"" => "1, 2".into(),
        _ => "of nothing".into(),
    }
}

fn digest(name: &str, body: &str) -> String {
    let algorithm = if name == "sha-512" { &SHA512 } else { &SHA256 };
    let made = digest::digest(algorithm, body.as_bytes());
    format!("{name}=:{}:", STANDARD.encode(made.as_ref()))
}

const USUAL: &[&str] = &["@method", "@authority", "@path", "@query", "content-digest"];

fn message(nonce: &str) -> Message {
    Message {
        path: "/in",
        covered: USUAL.iter().map(|name| format!("\"{name}\"")).collect(),
        parameters: ";created=NOW;keyid=\"acme\";nonce=\"NONCE\"".into(),
        digest: digest("sha-256", BODY),
        nonce: nonce.into(),
    }
}

impl Message {
    fn covering(mut self, components: &str) -> Self {
        self.covered = components
            .split(' ')
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect();
        self
    }

    fn saying(mut self, parameters: &str) -> Self {
        self.parameters = parameters.into();
        self
    }

    fn digested(mut self, digest: &str) -> Self {
        self.digest = digest.into();
        self
    }

    fn input(&self) -> String {
        let parameters = self
            .parameters
            .replace("NOW", &NOW.to_string())
            .replace("NONCE", &self.nonce);
        format!("({}){parameters}", self.covered.join(" "))
    }

    fn mac(&self) -> Vec<u8> {
        let line = |name: &String| format!("{name}: {}\n", value(name, self));
        let lines: String = self.covered.iter().map(line).collect();
        let base = format!("{lines}\"@signature-params\": {}", self.input());
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        hmac::sign(&key, base.as_bytes()).as_ref().to_vec()
    }

    fn unsigned(&self) -> Request {
        let request = Request::new("POST", &format!("{}?x=1&y=%20", self.path)).body(BODY);
        let request = request.field("X-Tenant", "a").field("X-List", "1").field("X-List", "2");
        match self.digest.is_empty() {
            true => request,
            false => request.field("Content-Digest", &self.digest),
        }
    }

    fn with(&self, input: &str, signature: &str) -> Request {
        self.unsigned()
            .field("Signature-Input", input)
            .field("Signature", signature)
    }

    fn request(&self) -> Request {
        let signature = format!("sig=:{}:", STANDARD.encode(self.mac()));
        self.with(&format!("sig={}", self.input()), &signature)
    }
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, (components, wanted)) in COVERED.iter().enumerate() {
        let message = message(&format!("covered-{number}")).covering(components);
        cases.push(Case::new(format!("covers {components}"), message.request(), *wanted));
    }
    for (number, (parameters, wanted)) in PARAMETERS.iter().enumerate() {
        let message = message(&format!("says-{number}")).saying(parameters);
        cases.push(Case::new(format!("says {parameters}"), message.request(), *wanted));
    }
    for (name, distance, wanted) in [
        ("300 seconds ago", -300, IN),
        ("301 seconds ago", -301, OLD),
        ("in 300 seconds", 300, IN),
        ("in 301 seconds", 301, OLD),
    ] {
        let created = NOW.strict_add_signed(distance);
        let parameters = format!(";created={created};keyid=\"acme\";nonce=\"NONCE\"");
        cases.push(Case::new(name, message(name).saying(&parameters).request(), wanted));
    }
    cases.extend(digests());
    cases.extend(fields());
    let more = |covered: &str| {
        Message {
            path: "/more",
            ..message("more")
        }
        .covering(covered)
        .request()
    };
    let usual = "\"@method\" \"@target-uri\" \"content-digest\"";
    cases.push(Case::new(
        "a field that must be covered",
        more(&format!("{usual} \"x-tenant\"")),
        IN,
    ));
    cases.push(Case::new(
        "a field that must be covered, left out",
        more(usual),
        INVALID,
    ));
    for case in &mut cases {
        if case.first == IN {
            case.again = REPLAYED;
        }
    }
    cases
}

fn digests() -> Vec<Case> {
    let (right, wrong) = (digest("sha-256", BODY), digest("sha-256", "{\"a\":2}"));
    let (right512, wrong512) = (digest("sha-512", BODY), digest("sha-512", "{\"a\":2}"));
    let cases = [
        ("sha-512", right512.clone(), IN),
        ("both", format!("{right}, {right512}"), IN),
        ("a wrong one", wrong.clone(), INVALID),
        ("a wrong sha-512", wrong512.clone(), INVALID),
        ("a right and a wrong one", format!("{right}, {wrong512}"), INVALID),
        ("a wrong and a right one", format!("{wrong}, {right512}"), INVALID),
        (
            "one of another kind alone",
            "md5=:tQzGjcVmJ8c1G5G0iw5rWw==:".to_owned(),
            INVALID,
        ),
        ("one of no bytes", "sha-256=::".to_owned(), INVALID),
        ("one cut short", format!("{}:", &right[..30]), INVALID),
        ("one in hexadecimal", "sha-256=e3b0c442".to_owned(), INVALID),
        ("one as a text", right.replace(':', "\""), INVALID),
        ("one of the old field", right.replace("=:", "="), INVALID),
        ("a name in capitals", right.replace("sha-256", "SHA-256"), INVALID),
        ("no dictionary", "=".to_owned(), INVALID),
    ];
    let case = |(number, (name, digest, wanted)): (usize, (&str, String, Answer))| {
        let message = message(&format!("digest-{number}")).digested(&digest);
        Case::new(format!("digest: {name}"), message.request(), wanted)
    };
    let mut cases: Vec<Case> = cases.into_iter().enumerate().map(case).collect();
    // Covered, and not there.
    cases.push(Case::new(
        "digest: none",
        message("no-digest").digested("").request(),
        INVALID,
    ));
    let twice = message("digest-twice").request().field("Content-Digest", &right);
    cases.push(Case::new("digest: two fields", twice, INVALID));
    cases
}

/// The two fields of the signature.
fn fields() -> Vec<Case> {
    let good = message("fields");
    let (input, made) = (format!("sig={}", good.input()), good.mac());
    let bytes = |bytes: &[u8]| format!("sig=:{}:", STANDARD.encode(bytes));
    let signature = bytes(&made);
    let mut flipped = made.clone();
    flipped[31] ^= 1;
    let mut cases = Vec::new();
    for (name, input, signature) in [
        ("a bit of it", input.clone(), bytes(&flipped)),
        ("a byte less", input.clone(), bytes(&made[..31])),
        ("half of it", input.clone(), bytes(&made[..16])),
        ("a byte more", input.clone(), bytes(&[&made[..], &[0]].concat())),
        ("no bytes", input.clone(), "sig=::".to_owned()),
        ("under another label", input.clone(), signature.replace("sig=", "gis=")),
        (
            "under a label in capitals",
            input.clone(),
            signature.replace("sig=", "SIG="),
        ),
        ("as a text", input.clone(), signature.replace(':', "\"")),
        ("as a token", input.clone(), "sig=abc".to_owned()),
        ("in a list", input.clone(), format!("sig=({})", &signature[4..])),
        (
            "in base64url",
            input.clone(),
            format!("sig=:{}-_:", URL_SAFE_NO_PAD.encode(&made)),
        ),
        ("not closed", input.clone(), signature.trim_end_matches(':').to_owned()),
        ("with something behind", input.clone(), format!("{signature} x")),
        ("with a comma behind", input.clone(), format!("{signature},")),
        ("the input empty", String::new(), signature.clone()),
        ("the input no dictionary", "=()".to_owned(), signature.clone()),
        ("the input no list", "sig=1".to_owned(), signature.clone()),
        ("the input not closed", input.replace(')', ""), signature.clone()),
        (
            "the input without a key",
            input.replace(";keyid=\"acme\"", ""),
            signature.clone(),
        ),
        (
            "a component less than signed",
            input.replace(" \"@query\"", ""),
            signature.clone(),
        ),
        (
            "components in another order",
            input.replace("\"@method\" \"@authority\"", "\"@authority\" \"@method\""),
            signature.clone(),
        ),
        (
            "a parameter more than signed",
            format!("{input};tag=\"x\""),
            signature.clone(),
        ),
        (
            "parameters in another order",
            input.replace(";keyid=\"acme\";nonce=\"fields\"", ";nonce=\"fields\";keyid=\"acme\""),
            signature.clone(),
        ),
        (
            "another nonce than signed",
            input.replace("fields", "others"),
            signature.clone(),
        ),
        (
            "another time than signed",
            input.replace(&NOW.to_string(), &(NOW + 1).to_string()),
            signature.clone(),
        ),
        (
            "two of ours",
            format!("{input}, b={}", good.input()),
            format!("{signature}, b{}", &signature[3..]),
        ),
    ] {
        cases.push(Case::new(
            format!("signature: {name}"),
            good.with(&input, &signature),
            INVALID,
        ));
    }
    let only = |name: &str, value: &str| good.unsigned().field(name, value);
    cases.push(Case::new(
        "signature: without its input",
        only("Signature", &signature),
        INVALID,
    ));
    cases.push(Case::new(
        "signature: the input alone",
        only("Signature-Input", &input),
        MISSING,
    ));
    for name in ["Signature", "Signature-Input"] {
        let twice = good.request().field(name, "x=1");
        cases.push(Case::new(format!("{name} twice"), twice, REPEATED));
    }
    let beside = message("beside");
    let inputs = format!("proxy=(\"@method\");created=1;keyid=\"proxy\", sig={}", beside.input());
    let signatures = format!("proxy=:AAAA:, sig=:{}:", STANDARD.encode(beside.mac()));
    cases.push(Case::new(
        "beside one of a proxy",
        beside.with(&inputs, &signatures),
        IN,
    ));
    let crowd: String = (0..9)
        .map(|number| format!("p{number}=(\"@method\");keyid=\"proxy\", "))
        .collect();
    let many = good.with(&format!("{crowd}{input}"), &signature);
    cases.push(Case::new("beside nine of proxies", many, INVALID));
    cases.push(Case::new("nothing", get("/in"), MISSING));
    cases
}

const COVERED: &[(&str, Answer)] = &[
    (r#""@method" "@authority" "@path" "@query" "content-digest""#, IN),
    (r#""content-digest" "@query" "@path" "@authority" "@method""#, IN),
    (r#""@method" "@target-uri" "content-digest""#, IN),
    (
        r#""@method" "@target-uri" "content-digest" "@scheme" "@request-target""#,
        IN,
    ),
    (r#""@method" "@target-uri" "content-digest" "content-length""#, IN),
    (r#""@method" "@target-uri" "content-digest" "x-tenant" "x-list""#, IN),
    (
        r#""@method" "@target-uri" "content-digest" "@query-param";name="x""#,
        IN,
    ),
    (
        r#""@method" "@target-uri" "content-digest" "@query-param";name="y""#,
        IN,
    ),
    ("", INVALID),
    (r#""@authority" "@path" "@query" "content-digest""#, INVALID),
    (r#""@method" "@path" "@query" "content-digest""#, INVALID),
    (r#""@method" "@authority" "@query" "content-digest""#, INVALID),
    (r#""@method" "@authority" "@path" "content-digest""#, INVALID),
    (r#""@method" "@authority" "@path" "@query""#, INVALID),
    (r#""@method" "@target-uri""#, INVALID),
    (r#""@method" "@authority" "@request-target" "content-digest""#, INVALID),
    (r#""@method" "@target-uri" "content-digest" "@method""#, INVALID),
    (r#""@method" "@target-uri" "content-digest" "@status""#, INVALID),
    (r#""@method" "@target-uri" "content-digest" "@nothing""#, INVALID),
    (
        r#""@method" "@target-uri" "content-digest" "@signature-params""#,
        INVALID,
    ),
    (r#""@method" "@target-uri" "content-digest" "x-none""#, INVALID),
    (r#""@method" "@target-uri" "content-digest" "X-Tenant""#, INVALID),
    (r#""@method" "@target-uri" "content-digest" "@query-param""#, INVALID),
    (
        r#""@method" "@target-uri" "content-digest" "@query-param";name="z""#,
        INVALID,
    ),
    (r#""@method";req "@target-uri" "content-digest""#, INVALID),
    (r#""@method" "@target-uri";x "content-digest""#, INVALID),
    (r#""@method" "@target-uri" "content-digest";key="sha-256""#, INVALID),
    (r#""@method" "@target-uri" "content-digest";sf"#, INVALID),
    (r#""@method" "@target-uri" "content-digest";bs"#, INVALID),
    (r#""@method" "@target-uri" "content-digest";tr"#, INVALID),
    (r#"@method "@target-uri" "content-digest""#, INVALID),
    (r#"method "@target-uri" "content-digest""#, INVALID),
    (r#""@method" "@target-uri" "content-digest" 1"#, INVALID),
];

const PARAMETERS: &[(&str, Answer)] = &[
    (r#";created=NOW;keyid="acme""#, IN),
    (r#";keyid="acme";created=NOW;nonce="NONCE""#, IN),
    (r#";created=NOW;keyid="acme";nonce="NONCE";alg="hmac-sha256""#, IN),
    (r#";created=NOW;keyid="acme";nonce="NONCE";tag="x""#, IN),
    (r#";created=NOW;keyid="acme";nonce="NONCE";expires=2000000060"#, IN),
    (r#";keyid="acme";nonce="NONCE""#, INVALID),
    (r#";created=NOW;nonce="NONCE""#, INVALID),
    (r#";created="NOW";keyid="acme";nonce="NONCE""#, INVALID),
    (r#";created=NOW.0;keyid="acme";nonce="NONCE""#, INVALID),
    (r#";created=-1;keyid="acme";nonce="NONCE""#, INVALID),
    (r#";created;keyid="acme";nonce="NONCE""#, INVALID),
    (r#";created=0;keyid="acme";nonce="NONCE""#, OLD),
    (r#";created=999999999999999;keyid="acme";nonce="NONCE""#, OLD),
    (r#";created=NOW;keyid="nobody";nonce="NONCE""#, INVALID),
    (r#";created=NOW;keyid="ACME";nonce="NONCE""#, INVALID),
    (r#";created=NOW;keyid=acme;nonce="NONCE""#, INVALID),
    (r#";created=NOW;keyid="";nonce="NONCE""#, INVALID),
    (r#";created=NOW;keyid="acme";nonce="""#, INVALID),
    (r#";created=NOW;keyid="acme";nonce=1"#, INVALID),
    (
        r#";created=NOW;keyid="acme";nonce="NONCE";alg="rsa-pss-sha512""#,
        INVALID,
    ),
    (r#";created=NOW;keyid="acme";nonce="NONCE";alg="HMAC-SHA256""#, INVALID),
    (r#";created=NOW;keyid="acme";nonce="NONCE";alg="none""#, INVALID),
    (r#";created=NOW;keyid="acme";nonce="NONCE";alg="""#, INVALID),
    (r#";created=NOW;keyid="acme";nonce="NONCE";alg=hmac-sha256"#, INVALID),
    (
        r#";created=1999999990;keyid="acme";nonce="NONCE";expires=1999999999"#,
        OLD,
    ),
    (r#";created=NOW;keyid="acme";nonce="NONCE";expires=1999999999"#, INVALID),
    (
        r#";created=NOW;keyid="acme";nonce="NONCE";expires="2000000060""#,
        INVALID,
    ),
    (r#";created=NOW;keyid="acme";nonce="NONCE";expires=-1"#, INVALID),
];

#[test]
#[doc = "HM-01, HM-02, HM-03, HDR-08"]
fn message_signatures() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
