//! `signing:`, `forward.identity_jwt`, and the path at which keys are published.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::base::random::Random;
use crate::base::signer::Signer;
use crate::config::spec::{Answer, OwnAnswer, SigningSpec};

const KEY: &str = "signing: { key: \"${file:/key.pem}\" }";
const STORE: &str = "store: \"sqlite:///var/lib/portcullis.db\"";
const TELLING: &str = "{ path: /, upstream: a, auth: public, forward: { identity_jwt: X-Auth-Identity } }";

fn pem() -> String {
    let der = Signer::make(&mut Random::counting());
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.expose())
    )
}

/// A file with these lines at its top and these routes.
fn file(top: &str, routes: &[&str]) -> String {
    let routes: String = routes.iter().map(|route| format!("  - {route}\n")).collect();
    format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\nupstreams:\n  a: {{ builtin: echo }}\n{top}\nroutes:\n{routes}"
    )
}

fn read(text: &str) -> Result<Loaded, Faults> {
    let machine = Given::nothing()
        .with_file("/key.pem", pem())
        .with_file("/none.pem", "no key");
    crate::config::parse(text, "gateway.yaml", crate::config::Kinds::default(), &machine)
}

fn refused(text: &str) -> Vec<(u32, u32, Code)> {
    let faults = read(text).map(|_| text).unwrap_err();
    faults.iter().map(|fault| (fault.line, fault.col, fault.code)).collect()
}

/// Where the keys are told, for each host.
fn told(loaded: &Loaded) -> Vec<String> {
    let routes = loaded.config.routes.iter();
    let own = routes.filter(|route| route.answer == Answer::Own(OwnAnswer::Keys));
    own.map(|route| format!("{:?} {} {}", route.host, route.path.text, route.id))
        .collect()
}

#[test]
fn nothing_signs_unless_something_is_to_be_signed() {
    let quiet = read(&file("", &["{ path: /, upstream: a, auth: public }"])).unwrap();
    assert!(quiet.config.signing.is_none() && told(&quiet).is_empty());
    let kept = read(&file(STORE, &[TELLING])).unwrap();
    assert!(matches!(kept.config.signing, Some(SigningSpec::Kept)));
    for routes in [["{ path: /, upstream: a, auth: public }"], [TELLING]] {
        let given = read(&file(KEY, &routes)).unwrap();
        let Some(SigningSpec::Given(signer)) = &given.config.signing else {
            panic!("the key of the file does not sign");
        };
        assert_eq!(signer.kid(), Signer::from_pem(pem().as_bytes()).unwrap().kid());
        assert_eq!(told(&given), ["Any /.well-known/jwks.json identity.jwks"]);
    }
}

#[test]
fn a_token_needs_a_key_and_a_key_must_be_one() {
    assert_eq!(refused(&file("", &[TELLING])), [(7, 68, Code::StoreMissing)]);
    let by_default = "defaults: { forward: { identity_jwt: X-Auth-Identity } }";
    let open = "{ path: /, upstream: a, auth: public }";
    assert_eq!(refused(&file(by_default, &[open])), [(5, 38, Code::StoreMissing)]);
    for (key, code) in [
        ("\"${file:/none.pem}\"", Code::ValueKey),
        ("\"${file:/absent.pem}\"", Code::FileUnreadable),
        ("/key.pem", Code::SecretInline),
    ] {
        let top = format!("signing: {{ key: {key} }}");
        // A bad key is one fault: that it is missing is not told besides.
        assert_eq!(refused(&file(&top, &[TELLING])), [(5, 17, code)], "{key}");
    }
}

#[test]
#[doc = "HDR-01"]
fn the_header_of_the_token_is_one_that_is_free() {
    for (name, code) in [
        ("Authorization", Code::HeaderReserved),
        ("Connection", Code::HeaderReserved),
        ("X-Forwarded-For", Code::HeaderReserved),
        ("X_Identity", Code::ValueHeader),
        ("\"a b\"", Code::ValueHeader),
        ("X-Auth-Subject", Code::KeyConflict),
    ] {
        let route = format!("{{ path: /, upstream: a, auth: public, forward: {{ identity_jwt: {name} }} }}");
        assert_eq!(refused(&file(KEY, &[&route])), [(7, 68, code)], "{name}");
    }
}

#[test]
fn the_token_goes_with_every_preset_and_a_route_may_rename_it() {
    let defaults = format!("{KEY}\ndefaults: {{ forward: {{ identity_jwt: X-Default }} }}");
    let routes = [
        "{ path: /a, upstream: a, auth: public, forward: { headers: none } }",
        "{ path: /b, upstream: a, auth: public, forward: { identity_jwt: X-Own } }",
    ];
    let loaded = read(&file(&defaults, &routes)).unwrap();
    let names: Vec<_> = loaded
        .config
        .routes
        .iter()
        .map(|route| route.forward.identity.token.clone())
        .collect();
    assert_eq!(
        names[..2],
        [Some("x-default".parse().unwrap()), Some("x-own".parse().unwrap())]
    );
    let plain: Vec<_> = loaded.config.routes[0].forward.identity.iter().collect();
    assert_eq!(plain, ["x-default"]);
}

#[test]
fn no_route_of_the_file_stands_where_the_keys_are() {
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/jwks.json/",
        "/.well-known/jwks.json/**",
        "/.well-known/jwks.json/{more}",
        "/.Well-Known/JWKS.json",
        "/.well-known/jwks%2Ejson",
    ] {
        for host in ["", "host: a.example, "] {
            let route = format!("{{ {host}path: \"{path}\", upstream: a, auth: public }}");
            let column = u32::try_from(13 + host.len()).unwrap();
            assert_eq!(
                refused(&file(KEY, &[&route])),
                [(7, column, Code::RouteReserved)],
                "{path}"
            );
            read(&file("", &[&route])).unwrap();
        }
    }
    for path in [
        "/**",
        "/.well-known/**",
        "/.well-known/{name}",
        "/{a}/jwks.json",
        "/.well-known/jwks",
    ] {
        let route = format!("{{ path: \"{path}\", upstream: a, auth: public }}");
        read(&file(KEY, &[&route])).unwrap();
    }
}

#[test]
fn keys_are_told_on_every_host_that_a_route_names_and_on_all_others() {
    let routes = [
        "{ host: a.example, path: /x, upstream: a, auth: public }",
        "{ host: a.example, path: /y, upstream: a, auth: public }",
        "{ host: \"*.b.example\", path: /, upstream: a, auth: public }",
    ];
    let hosts = ["Any", "Exact(\"a.example\")", "Suffix(\".b.example\")"];
    let expected = hosts.map(|host| format!("{host} /.well-known/jwks.json identity.jwks"));
    assert_eq!(told(&read(&file(KEY, &routes)).unwrap()), expected);
}
