//! What the provider gives out, and whom it lets in.

use super::{ALGORITHMS, Provider, Site, by_name, claims, present};
use crate::support::get;

#[test]
#[doc = "KEY-01, JWT-03, JWT-13"]
fn with_the_name_of_the_issuer_alone_its_tokens_let_in() {
    let (provider, site) = (Provider::start(), Site::new());
    let gateway = site.before(&provider).start();
    for algorithm in ALGORITHMS {
        present(&gateway, &provider.signed(algorithm)).is(200);
    }
    for seen in site.upstream.wait_requests(ALGORITHMS.len()) {
        assert_eq!(seen.field("x-auth-subject"), Some("service"));
        assert_eq!(seen.field("x-auth-roles"), Some("ops,orders%2Cadmin"));
        assert_eq!(seen.field("x-auth-scopes"), Some("read,write"));
        assert_eq!(seen.field("authorization"), None);
    }
    let path = "/.well-known/openid-configuration";
    assert_eq!((provider.seen(path), provider.seen("/jwks")), (1, 1));
}

#[test]
#[doc = "JWT-03"]
fn two_providers_stand_side_by_side() {
    let (one, other, site) = (Provider::start(), Provider::start(), Site::new());
    let gateway = site
        .guarded(&(by_name("one", &one) + &by_name("other", &other)))
        .route("{ path: /both/**, upstream: up, auth: [one, other] }")
        .route("{ path: /**, upstream: up, auth: one }")
        .start();
    let both = |token: &str| gateway.ask(get("/both/x").field("Authorization", &format!("Bearer {token}")));
    for algorithm in ALGORITHMS {
        let (ours, theirs) = (one.signed(algorithm), other.signed(algorithm));
        both(&ours).is(200);
        both(&theirs).is(200);
        present(&gateway, &ours).is(200);
        present(&gateway, &theirs).is_problem(401, "token.issuer");
    }
}

#[test]
#[doc = "JWT-09"]
fn an_id_token_is_no_access_token() {
    let (provider, site) = (Provider::start(), Site::new());
    let idp = format!(
        "  idp: {{ jwt: {{ issuer: \"{url}\", audience: [\"api://orders\", service] }} }}
  typed: {{ jwt: {{ issuer: \"{url}\", audience: [\"api://orders\", service], typ: at+jwt }} }}\n",
        url = provider.url()
    );
    let gateway = site
        .guarded(&idp)
        .route("{ path: /typed, upstream: up, auth: typed }")
        .route("{ path: /**, upstream: up, auth: idp }")
        .start();
    for (kind, claim) in [("nonce", "nonce"), ("hash", "at_hash")] {
        let token = provider.tell(&format!("/id-token/{kind}"));
        let said = claims(&token);
        assert_eq!((&said["aud"], said[claim].is_string()), (&"service".into(), true));
        present(&gateway, &token).is_problem(401, "credential.refused");
        gateway
            .ask(get("/typed").field("Authorization", &format!("Bearer {token}")))
            .is_problem(401, "credential.refused");
    }
    site.upstream.saw_nothing();
    let good = provider.signed("RS256");
    present(&gateway, &good).is(200);
    gateway
        .ask(get("/typed").field("Authorization", &format!("Bearer {good}")))
        .is(200);
}

#[test]
#[doc = "KEY-01, CA-02"]
fn a_token_that_says_nothing_is_asked_about() {
    let (provider, site) = (Provider::start(), Site::new());
    let asked = format!(
        "  asked: {{ introspection: {{ url: \"{url}/token/introspection\", client_id: gateway, \
         client_secret: \"${{env:SECRET}}\", issuer: \"{url}\", roles_from: realm.roles }} }}\n",
        url = provider.url()
    );
    let gateway = site
        .guarded(&(by_name("idp", &provider) + &asked))
        .route("{ path: /**, upstream: up, auth: [idp, asked] }")
        .start();
    let token = provider.opaque();
    for _ in 0..3 {
        present(&gateway, &token).is(200);
    }
    assert_eq!(provider.seen("/token/introspection"), 1);
    // Beside it, those that can be read here are.
    present(&gateway, &provider.signed("ES256")).is(200);
    let seen = site.upstream.wait_requests(4);
    assert_eq!(seen[0].field("x-auth-subject"), Some("service"));
    assert_eq!(seen[0].field("x-auth-roles"), Some("ops,orders%2Cadmin"));
    assert_eq!(provider.seen("/token/introspection"), 1);

    provider
        .ask("service", "/token/revocation", &format!("token={token}"))
        .is(200);
    gateway.clock.advance_secs(61);
    present(&gateway, &token).is_problem(401, "credential.refused");
    // An outage is none of the token's fault.
    let other = provider.opaque();
    provider.tell("/mode/500");
    present(&gateway, &other).is_problem(503, "issuer.unavailable");
    provider.tell("/mode/good");
    present(&gateway, &other).is(200);
}
