//! Which URLs of a configuration are taken: those that may be called.

use super::*;

fn check(authenticator: &str, outbound: &str) -> Result<Loaded, Faults> {
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\n{outbound}\nupstreams:\n  a: {{ builtin: echo \
         }}\nroutes:\n  - {{ path: /, upstream: a, auth: idp }}\nauth:\n  idp: {authenticator}\n"
    );
    crate::config::parse(&text, "gateway.yaml", crate::authn::KINDS, &machine(&[]))
}

/// By the name of the issuer, by the URL of the keys, and by introspection.
fn each(url: &str) -> [String; 3] {
    [
        format!("{{ jwt: {{ issuer: \"{url}\", audience: x }} }}"),
        format!("{{ jwt: {{ issuer: me, audience: x, jwks_url: \"{url}\" }} }}"),
        format!("{{ introspection: {{ url: \"{url}\", client_id: gw, client_secret: \"${{env:SECRET}}\" }} }}"),
    ]
}

#[test]
#[doc = "KEY-01"]
fn clear_text_is_refused_when_the_file_is_read_unless_it_is_loopback_or_named() {
    for url in [
        "http://login.example.com/a",
        "http://localhost/a",
        "http://10.0.0.1/a",
        "http://127.0.0.1.nip.io/a",
    ] {
        for authenticator in each(url) {
            let faults = check(&authenticator, "")
                .err()
                .unwrap_or_else(|| panic!("{authenticator}"))
                .to_string();
            assert!(faults.contains("outbound.allow_plaintext_hosts"), "{faults}");
            assert!(faults.contains("gateway.yaml:9:"), "{faults}");
        }
    }
    let named = "outbound: { allow_plaintext_hosts: [login.example.com] }";
    for (url, outbound) in [
        ("https://login.example.com/a", ""),
        ("http://127.0.0.1:9/a", ""),
        ("http://127.8.7.6/a", ""),
        ("http://[::1]:9/a", ""),
        ("http://Login.Example.com./a", named),
    ] {
        for authenticator in each(url) {
            let told = check(&authenticator, outbound).err();
            assert!(told.is_none(), "{authenticator}: {}", told.unwrap());
        }
    }
}

#[test]
fn the_name_of_an_issuer_that_nobody_calls_may_be_anything() {
    let secret = "{ jwt: { issuer: \"http://login.example.com\", audience: x, secret: \"${env:SECRET}\" } }";
    let url = "{ jwt: { issuer: \"http://login.example.com\", audience: x, jwks_url: \"https://k.example\" } }";
    for authenticator in [secret, url] {
        assert!(check(authenticator, "").is_ok(), "{authenticator}");
    }
}
