use proptest::prelude::*;

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

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn cleaned(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = map(fields);
    HeaderPolicy::default().clean(&mut headers, Sender::Stranger).unwrap();
    headers
}

#[track_caller]
fn assert_removed(name: &str) {
    let left = cleaned(&[("accept", "*/*"), (name, "x"), ("host", "h")]);
    assert_eq!(names(&left), ["accept", "host"], "{name}");
}

#[test]
fn ordinary_fields_pass_untouched() {
    let fields = [
        ("host", "h"),
        ("accept", "*/*"),
        ("authorization", "Bearer x"),
        ("content-type", "text/plain"),
        ("cookie", "a=b"),
        ("x-request-id", "1"),
        ("x-custom", "1"),
        ("x-authority", "1"),
        ("x-api-key", "k"),
        ("x-forward", "1"),
        ("forwarder", "1"),
        ("prox", "1"),
        ("tea", "1"),
        ("traceparent", "1"),
        ("via", "1.1 p"),
        ("sec-websocket-key", "1"),
        ("range", "bytes=0-"),
        ("if-none-match", "*"),
    ];
    let mut headers = map(&fields);
    let before = headers.clone();
    let summary = HeaderPolicy::default().clean(&mut headers, Sender::Stranger).unwrap();
    assert_eq!(headers, before);
    assert_eq!(summary, Cleaned::default());
}

#[test]
#[doc = "HDR-01"]
fn nobody_but_us_says_who_is_asking() {
    for name in [
        "x-auth-subject",
        "X-Auth-Roles",
        "x-auth-anything",
        "X-Portcullis-Rule",
        "x-auth_subject",
        "x_auth_subject",
        "X_AUTH-SUBJECT",
        "x_portcullis_x",
        "remote-user",
        "Remote_User",
        "remote-groups",
        "remote-name",
        "remote-email",
        "x-forwarded-user",
        "x-ssl-client-cert",
        "x-ssl-client-s-dn",
        "ssl-client-cert",
        "ssl_client_verify",
        "x-client-cert",
        "x-client-cert-chain",
        "client-cert",
        "client-cert-chain",
        "x-forwarded-client-cert",
    ] {
        assert_removed(name);
    }
}

#[test]
#[doc = "HDR-05"]
fn nobody_but_us_says_where_the_client_is() {
    for name in [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-anything",
        "x-forwarded",
        "forwarded",
        "X_Forwarded_For",
        "x-real-ip",
        "x_real_ip",
        "true-client-ip",
        "cf-connecting-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "client-ip",
        "x-remote-addr",
        "fastly-client-ip",
    ] {
        assert_removed(name);
    }
}

#[test]
#[doc = "HDR-05"]
fn a_trusted_proxy_may_add_an_address_of_its_own_naming() {
    let mut headers = map(&[
        ("cf-connecting-ip", "192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-auth-subject", "x"),
    ]);
    HeaderPolicy::default()
        .clean(&mut headers, Sender::TrustedProxy)
        .unwrap();
    assert_eq!(names(&headers), ["cf-connecting-ip"]);
}

#[test]
#[doc = "HDR-06, METH-02"]
fn no_field_changes_the_target_or_the_method() {
    for name in [
        "x-original-url",
        "x-original-uri",
        "x-original-method",
        "x-original-host",
        "x-rewrite-url",
        "x-override-url",
        "x-forwarded-uri",
        "x-forwarded-prefix",
        "x-forwarded-method",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "X_HTTP_METHOD_OVERRIDE",
    ] {
        assert_removed(name);
    }
}

#[test]
#[doc = "HTTP-04, HTTP-15, HTTP-18, METH-03"]
fn fields_of_one_connection_end_here() {
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "proxy-authenticate",
        "proxy",
        "te",
        "trailer",
        "transfer-encoding",
        "content-length",
        "expect",
        "upgrade",
        "http2-settings",
        "transfer_encoding",
        "content_length",
    ] {
        assert_removed(name);
    }
}

#[test]
#[doc = "HTTP-18"]
fn fields_named_in_connection_end_here_too() {
    let left = cleaned(&[
        ("connection", "close, X-Hop ,,x-other;, \"x\", host"),
        ("connection", "X-Second"),
        ("x-hop", "1"),
        ("x-hop", "2"),
        ("x-second", "1"),
        ("x-third", "1"),
        ("host", "h"),
    ]);
    assert_eq!(names(&left), ["host", "x-third"]);
}

#[test]
#[doc = "HTTP-18"]
fn what_is_set_after_cleaning_stays() {
    let mut headers = cleaned(&[
        ("connection", "x-auth-subject, x-forwarded-for"),
        ("x-auth-subject", "admin"),
    ]);
    headers.insert("x-auth-subject", HeaderValue::from_static("alice"));
    assert_eq!(
        names(&headers),
        ["x-auth-subject"],
        "nothing is left that could remove it further on"
    );
}

#[test]
#[doc = "HDR-02"]
fn underscores_pass_only_by_name_and_once() {
    let listed = HeaderPolicy::new(
        ["x_legacy", "x_twice", "x_auth_subject"].map(HeaderName::from_static),
        [],
        [],
    );
    let mut headers = map(&[
        ("x_legacy", "1"),
        ("x_other", "1"),
        ("x_twice", "1"),
        ("x_twice", "2"),
        ("x_auth_subject", "admin"),
        ("x-ok", "1"),
    ]);
    listed.clean(&mut headers, Sender::Stranger).unwrap();
    assert_eq!(names(&headers), ["x-ok", "x_legacy"]);
}

#[test]
#[doc = "HDR-01"]
fn configured_identity_names_are_ours_in_any_spelling() {
    let policy = HeaderPolicy::new(
        [HeaderName::from_static("x_user")],
        [HeaderName::from_static("x-user"), header::FROM],
        [],
    );
    let mut headers = map(&[
        ("X-User", "admin"),
        ("x_user", "admin"),
        ("from", "admin"),
        ("x-users", "1"),
    ]);
    let summary = policy.clean(&mut headers, Sender::TrustedProxy).unwrap();
    assert_eq!(names(&headers), ["x-users"]);
    assert!(summary.claims_removed);
}

#[test]
#[doc = "HDR-08"]
fn what_decides_is_sent_once() {
    let policy = HeaderPolicy::new([], [], [HeaderName::from_static("x-partner-key")]);
    for name in [
        "authorization",
        "content-type",
        "x-api-key",
        "x-signature",
        "x-signature-key",
        "x-signature-timestamp",
        "x-signature-nonce",
        "signature",
        "signature-input",
        "stripe-signature",
        "x-hub-signature-256",
        "x-slack-signature",
        "webhook-signature",
        "x-partner-key",
    ] {
        let mut twice = map(&[("accept", "a"), (name, "1"), (name, "1")]);
        let fault = policy.clean(&mut twice, Sender::Stranger).unwrap_err();
        assert_eq!(fault, HeaderFault::Repeated(name.parse().unwrap()));
        assert!(
            policy
                .clean(
                    &mut map(&[("accept", "a"), ("accept", "b"), (name, "1")]),
                    Sender::Stranger
                )
                .is_ok()
        );
    }
}

#[test]
fn trailers_are_taken_where_te_says_so() {
    let te = |value: &str| {
        HeaderPolicy::default()
            .clean(&mut map(&[("te", value)]), Sender::Stranger)
            .unwrap()
            .te_trailers
    };
    assert!(te("trailers"));
    assert!(te("gzip, Trailers"));
    assert!(!te("gzip"));
    assert!(!te("xtrailers"));
}

#[test]
#[doc = "HDR-10, HTTP-04, HTTP-18"]
fn an_answer_keeps_its_own_fields_only() {
    let mut headers = map(&[
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("content-length", "5"),
        ("trailer", "x-sum"),
        ("upgrade", "h2c"),
        ("proxy-authenticate", "Basic"),
        ("x-portcullis-rule", "1"),
        ("x_portcullis_rule", "1"),
        ("www-authenticate", "Basic"),
        ("server", "s"),
        ("x-auth-token", "t"),
        ("set-cookie", "a=b"),
    ]);
    clean_answer(&mut headers, &Framing::default());
    assert_eq!(
        names(&headers),
        ["server", "set-cookie", "trailer", "www-authenticate", "x-auth-token"]
    );
}

#[test]
#[doc = "HDR-10"]
fn an_upstream_sets_its_own_cookies_and_none_of_ours() {
    let mut headers = map(&[
        ("set-cookie", "a=1"),
        ("set-cookie", "__Host-portcullis=evil; Path=/; Secure"),
        ("set-cookie", "b=2"),
        ("set-cookie", "__host-PORTCULLIS-csrf=evil"),
        ("set-cookie", "=__Host-portcullis=evil"),
        ("set-cookie", " = __Host-portcullis=evil"),
        ("set-cookie", "__Host-port=3"),
        ("set-cookie", ""),
    ]);
    clean_answer(&mut headers, &Framing::default());
    let left: Vec<_> = headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert_eq!(left, ["a=1", "b=2", "__Host-port=3", ""]);
}

#[test]
#[doc = "HTTP-03, HTTP-16"]
fn an_answer_tells_its_length_in_one_spelling() {
    let spelled = |lengths: &[&str], content_length: Option<u64>| {
        let mut headers = map(&lengths
            .iter()
            .map(|length| ("content-length", *length))
            .collect::<Vec<_>>());
        let framing = Framing {
            content_length,
            ..Framing::default()
        };
        clean_answer(&mut headers, &framing);
        let left: Vec<_> = headers
            .get_all("content-length")
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        left
    };
    assert_eq!(spelled(&["50"], Some(50)), ["50"]);
    assert_eq!(spelled(&["0"], Some(0)), ["0"]);
    assert_eq!(spelled(&["0050"], Some(50)), ["50"]);
    assert_eq!(spelled(&["00"], Some(0)), ["0"]);
    assert_eq!(spelled(&["50", "50"], Some(50)), ["50"]);
    assert_eq!(spelled(&["50"], None), [""; 0], "a 304 or 204 needs none");
}

#[test]
fn what_the_configuration_may_not_set_is_not_the_clients_to_say() {
    use crate::config::reserved::{is_framing, is_owned};
    let remade = ["x-request-id", "traceparent", "tracestate"];
    for name in [
        "x-auth-a",
        "x-portcullis-a",
        "forwarded",
        "x-forwarded-for",
        "x-real-ip",
        "te",
        "upgrade",
        "expect",
        "proxy-authorization",
    ] {
        assert!(is_owned(name) || is_framing(name), "{name}");
        assert!(!remade.contains(&name));
        assert_removed(name);
    }
}

#[test]
#[doc = "HTTP-14, HDR-10"]
fn trailers_of_an_answer_say_nothing_about_what_came_before() {
    let mut trailers = map(&[
        ("grpc-status", "0"),
        ("grpc-message", "ok"),
        ("content-length", "5"),
        ("set-cookie", "a=b"),
        ("location", "/"),
        ("x-portcullis-x", "1"),
        ("content-type", "a/b"),
    ]);
    clean_answer_trailers(&mut trailers);
    assert_eq!(names(&trailers), ["grpc-message", "grpc-status"]);
}

fn field_name() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "x",
        "auth",
        "forwarded",
        "for",
        "real",
        "ip",
        "client",
        "cert",
        "portcullis",
        "ssl",
        "remote",
        "user",
        "a",
        "http",
        "method",
        "original",
        "url",
        "host",
    ]);
    let joint = prop::sample::select(vec!["-", "_", "--", ""]);
    prop::collection::vec((word, joint, any::<bool>()), 1..5).prop_map(|parts| {
        let mut name = String::new();
        for (word, joint, upper) in parts {
            name.push_str(&if upper { word.to_uppercase() } else { word.to_owned() });
            name.push_str(joint);
        }
        name.trim_end_matches(['-', '_']).to_owned()
    })
}

proptest! {
    #[test]
    fn an_underscore_is_seen_wherever_it_stands(name in "[a-z_`^\u{5e}\u{60}-]{0,30}") {
        prop_assert_eq!(has_underscore(&name), name.contains('_'));
    }

    #[test]
    #[doc = "VR-04, HDR-01"]
    fn no_field_of_a_reserved_name_ever_comes_from_the_client(
        sent in prop::collection::vec(field_name(), 0..20),
        listed in prop::collection::vec(field_name(), 0..4),
        named in prop::collection::vec(field_name(), 0..4),
        trusted in any::<bool>(),
    ) {
        let mut headers = HeaderMap::new();
        for name in sent.iter().chain(&named) {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("x"));
        }
        if !named.is_empty() {
            headers.append(header::CONNECTION, HeaderValue::from_str(&named.join(", ")).unwrap());
        }
        let listed: Vec<HeaderName> = listed.iter().map(|name| name.parse().unwrap()).collect();
        let policy = HeaderPolicy::new(listed.iter().cloned(), [], []);
        let sender = if trusted { Sender::TrustedProxy } else { Sender::Stranger };
        policy.clean(&mut headers, sender).unwrap();
        for name in headers.keys() {
            let reads_as = name.as_str().replace('_', "-");
            for reserved in ["x-auth-", "x-portcullis-", "x-forwarded-", "x-ssl-client", "x-original-"] {
                prop_assert!(!reads_as.starts_with(reserved), "{}", name);
            }
            prop_assert!(!["x-real-ip", "forwarded", "remote-user", "client-cert", "connection", "x-http-method"].contains(&&*reads_as));
            prop_assert!(!name.as_str().contains('_') || listed.contains(name));
            prop_assert!(*name == header::HOST || !named.iter().any(|gone| gone.eq_ignore_ascii_case(name.as_str())));
        }
        for name in &sent {
            let plain = ["a", "host", "url", "user"].contains(&&*name.to_lowercase());
            prop_assert!(!plain || headers.contains_key(name) || named.iter().any(|gone| gone.eq_ignore_ascii_case(name)));
        }
    }
}
