//! A good token, bent: other segments, other spellings of its base64, other signatures (RFC 7515 sections 3 and 5, RFC
//! 7516, RFC 8725 section 3.1).

use super::tokens::{HS, SIGNERS, b64, claims, setup};
use super::{Answer, Case, IN, ISSUER, MALFORMED, MISSING, SIGNATURE};
use crate::support::{Upstream, get};

pub fn cases() -> Vec<Case> {
    let mut cases = segments();
    cases.extend(spellings());
    cases.extend(signatures());
    cases
}

fn add(cases: &mut Vec<Case>, name: &str, token: &str, wanted: Answer) {
    cases.push(Case::bearer(name, "/", token, wanted));
}

fn segments() -> Vec<Case> {
    let good = claims().signed();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!()
    };
    let mut cases = Vec::new();
    let cases_ref = &mut cases;
    let mut bad = |name: &str, token: &str| add(cases_ref, name, token, MALFORMED);
    bad("one segment", header);
    bad("two segments", &format!("{header}.{payload}"));
    bad("two segments and a dot", &format!("{header}.{payload}."));
    bad("no header", &format!(".{payload}.{signature}"));
    bad("no payload", &format!("{header}..{signature}"));
    bad("dots alone", "..");
    bad("one dot", ".");
    bad("a dot in front", &format!(".{good}"));
    bad("a dot behind", &format!("{good}."));
    bad("two dots inside", &format!("{header}..{payload}.{signature}"));
    bad("four segments", &format!("{good}.{signature}"));
    bad(
        "five segments",
        &format!("{header}.{header}.{payload}.{payload}.{signature}"),
    );
    bad("two tokens", &format!("{good}.{good}"));
    bad("two tokens and a comma", &format!("{good},{good}"));
    bad("two tokens and a space", &format!("{good} {good}"));
    bad("a word in front", &format!("Bearer {good}"));
    bad("in quotes", &format!("\"{good}\""));
    bad("in angle brackets", &format!("<{good}>"));
    bad("with a parameter", &format!("{good}, realm=x"));
    bad("a semicolon behind", &format!("{good};"));
    bad("a dot escaped", &good.replace('.', "%2E"));
    bad("a dot of another script", &good.replacen('.', "\u{3002}", 1));
    bad("a letter of another script", &good.replacen('e', "\u{435}", 1));
    bad("a tab inside", &good.replacen('.', ".\t", 1));
    bad("a space inside", &good.replacen('.', ". ", 1));
    bad("a hyphen", "-");
    bad("a word", "null");
    bad("a number", "1234567890");
    bad("base64 of JSON", &b64(r#"{"alg":"HS256"}"#));
    let jwe = b64(r#"{"alg":"dir","enc":"A256GCM"}"#);
    bad("a JWE", &format!("{jwe}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA"));
    bad("a JWE of three segments", &format!("{jwe}.{payload}.{signature}"));
    let (general, flat) = (
        format!(r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#),
        format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#),
    );
    bad("JSON serialisation", &general);
    bad("flattened JSON serialisation", &flat);
    bad("JSON serialisation in base64", &b64(general));
    bad("SD-JWT", &format!("{good}~WyJhIiwiYiIsImMiXQ~"));
    bad("PASETO", "v4.public.eyJzdWIiOiJhbGljZSJ9AAAAAAAAAAAAAAAA");
    // What stands where claims stand names no issuer.
    let exchanged = format!("{payload}.{header}.{signature}");
    add(&mut cases, "header and payload exchanged", &exchanged, ISSUER);
    add(&mut cases, "a space behind", &format!("{good} "), IN);
    cases.push(Case::new("nothing", get("/").field("Authorization", "Bearer"), MISSING));
    cases.push(Case::new(
        "a space",
        get("/").field("Authorization", "Bearer "),
        MISSING,
    ));
    cases
}

fn spellings() -> Vec<Case> {
    let mut cases = Vec::new();
    // 28 bytes: two characters stand for the last one, and four bits of them for nothing.
    let header = r#"{"alg":"HS256","typ":"JWT" }"#;
    let payload = claims().but("sub", r#""a?>~""#);
    let payload = (0..3)
        .map(|more| format!("{}{}", payload.text(), " ".repeat(more)))
        .find(|text| text.len() % 3 == 1)
        .unwrap();
    let sign = |header: &str, payload: &str| {
        let signed = format!("{header}.{payload}");
        format!("{signed}.{}", b64(SIGNERS.hs.sign(signed.as_bytes())))
    };
    let (head, load) = (b64(header), b64(payload));
    let good = sign(&head, &load);
    add(&mut cases, "canonical base64url", &good, IN);
    let cases_ref = &mut cases;
    let mut bad = |name: &str, token: &str| add(cases_ref, name, token, MALFORMED);
    bad("bits left over in the header", &sign(&next(&head), &load));
    bad("bits left over in the payload", &sign(&head, &next(&load)));
    bad("bits left over in the signature", &next(&good));
    bad("padding behind the header", &sign(&format!("{head}=="), &load));
    bad("padding behind the payload", &sign(&head, &format!("{load}==")));
    bad("padding behind the signature", &format!("{good}="));
    bad("escaped padding behind the signature", &format!("{good}%3D"));
    bad(
        "a lone character behind the header",
        &sign(&format!("{head}AAA"), &load),
    );
    bad(
        "the other alphabet in the payload",
        &sign(&head, &format!("{}+/", &load[..load.len() - 2])),
    );
    bad(
        "a line break escaped in the payload",
        &sign(&head, &format!("{load}\\n")),
    );
    bad("a lone character behind the signature", &format!("{good}AA"));
    cases
}

/// The text with its last character another one that only differs in bits that stand for nothing.
fn next(text: &str) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(text.chars().last().unwrap()).unwrap();
    format!("{}{}", &text[..text.len() - 1], &alphabet[at + 1..at + 2])
}

fn signatures() -> Vec<Case> {
    let good = claims().signed();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let made = SIGNERS.hs.sign(signed.as_bytes());
    let mut cases = Vec::new();
    let cases_ref = &mut cases;
    let mut bad = |name: &str, signature: &[u8]| {
        add(cases_ref, name, &format!("{signed}.{}", b64(signature)), SIGNATURE);
    };
    for bit in [0, 7, 100, 248, 255] {
        let mut flipped = made.clone();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        bad(&format!("bit {bit} of the signature"), &flipped);
    }
    bad("a byte of signature", &made[..1]);
    bad("half the signature", &made[..16]);
    bad("a byte less of signature", &made[..31]);
    bad("a byte more of signature", &[&made[..], &[0]].concat());
    bad("the signature twice", &[&made[..], &made].concat());
    bad("zeros", &[0; 32]);
    bad(
        "a signature in hexadecimal",
        made.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .as_bytes(),
    );
    bad(
        "the signature of the payload alone",
        &SIGNERS.hs.sign(signed.split_once('.').unwrap().1.as_bytes()),
    );
    bad("the signature of nothing", &SIGNERS.hs.sign(b""));
    bad("a long signature", &[7; 2000]);
    let other = claims().but("sub", "\"root\"").text();
    add(
        &mut cases,
        "another payload",
        &format!("{}.{}.{signature}", b64(HS), b64(other)),
        SIGNATURE,
    );
    add(
        &mut cases,
        "letters of the signature in capitals",
        &format!("{signed}.{}", capitals(signature)),
        SIGNATURE,
    );
    let unsigned = format!("{}.{}", b64(r#"{"alg":"none"}"#), b64(claims().text()));
    add(
        &mut cases,
        "none and an empty signature",
        &format!("{unsigned}."),
        MALFORMED,
    );
    add(
        &mut cases,
        "none and a signature",
        &format!("{unsigned}.{signature}"),
        SIGNATURE,
    );
    let empty = super::tokens::Signer::Shared(Vec::new());
    add(
        &mut cases,
        "an empty secret",
        &empty.token(HS, claims().text()),
        SIGNATURE,
    );
    let word = super::tokens::Signer::Shared(b"secret".to_vec());
    add(
        &mut cases,
        "a word as the secret",
        &word.token(HS, claims().text()),
        SIGNATURE,
    );
    cases
}

/// In capitals but for the last letter, whose case could make it no base64 at all.
fn capitals(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    format!("{}{last}", rest.to_uppercase())
}

#[test]
#[doc = "JWT-01, JWT-03, JWT-10, JWT-12, CA-06"]
fn shapes_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
