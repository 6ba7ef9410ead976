//! JSON that can be read in one way only.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::authn::jose::json::{NotOne, elements, object, text_of};

#[test]
#[doc = "JWT-02, JWT-12"]
fn what_is_not_exactly_one_object_is_refused() {
    let cases: &[(&str, &[u8], NotOne)] = &[
        ("nothing", b"", NotOne::Json),
        ("spaces", b"   ", NotOne::Json),
        ("a list", b"[]", NotOne::Object),
        ("a list with an object", br#"[{"a":1}]"#, NotOne::Object),
        ("a text", b"\"a\"", NotOne::Object),
        ("a number", b"1", NotOne::Object),
        ("null", b"null", NotOne::Object),
        ("a switch", b"true", NotOne::Object),
        ("two objects", b"{}{}", NotOne::Json),
        ("something behind", b"{} x", NotOne::Json),
        ("a NUL behind", b"{}\0", NotOne::Json),
        ("a byte order mark", b"\xef\xbb\xbf{}", NotOne::Json),
        ("UTF-16", b"\xff\xfe{\0}\0", NotOne::Json),
        ("no end", br#"{"a":1"#, NotOne::Json),
        ("a comma at the end", br#"{"a":1,}"#, NotOne::Json),
        ("a comment", br#"{"a":1/**/}"#, NotOne::Json),
        ("single quotes", b"{'a':1}", NotOne::Json),
        ("a bare name", b"{a:1}", NotOne::Json),
        ("a number as name", b"{1:1}", NotOne::Json),
        ("a control character in a text", b"{\"a\":\"\n\"}", NotOne::Json),
        ("bytes that are no UTF-8", b"{\"a\":\"\xff\"}", NotOne::Json),
        ("an overlong NUL", b"{\"a\":\"\xc0\x80\"}", NotOne::Json),
        ("half a surrogate", br#"{"a":"\ud800"}"#, NotOne::Json),
        ("an unknown escape", br#"{"a":"\x41"}"#, NotOne::Json),
        ("not a number", br#"{"a":NaN}"#, NotOne::Json),
        ("infinity", br#"{"a":Infinity}"#, NotOne::Json),
        ("a number beyond all", br#"{"a":1e999}"#, NotOne::Json),
        ("a leading zero", br#"{"a":01}"#, NotOne::Json),
        ("a plus", br#"{"a":+1}"#, NotOne::Json),
        ("hexadecimal", br#"{"a":0x1}"#, NotOne::Json),
        ("a name twice", br#"{"a":1,"a":1}"#, NotOne::Repeated),
        ("a name twice, once escaped", br#"{"a":1,"\u0061":2}"#, NotOne::Repeated),
        ("the empty name twice", br#"{"":1,"":2}"#, NotOne::Repeated),
        ("a name twice inside", br#"{"b":{"a":1,"a":2}}"#, NotOne::Repeated),
        (
            "a name twice in a list",
            br#"{"b":[[{"a":1,"a":2}]]}"#,
            NotOne::Repeated,
        ),
    ];
    for (name, bytes, wanted) in cases {
        assert_eq!(object(bytes).err(), Some(*wanted), "{name}");
    }
}

#[test]
#[doc = "JWT-12"]
fn an_object_is_at_most_32_deep() {
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(object(nested(32).as_bytes()).is_ok());
    for depth in [33, 34, 100, 127, 128, 129, 1000, 100_000] {
        assert_eq!(object(nested(depth).as_bytes()).err(), Some(NotOne::Deep), "{depth}");
    }
    let lists = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(object(lists(31).as_bytes()).is_ok());
    for depth in [32, 1000, 100_000] {
        assert_eq!(object(lists(depth).as_bytes()).err(), Some(NotOne::Deep), "{depth}");
    }
    assert_eq!(object("[".repeat(100_000).as_bytes()).err(), Some(NotOne::Json));
}

#[test]
fn an_object_keeps_what_it_says() {
    let text = r#"{"a":[1,-2,0.5,18446744073709551615,true,null,"\u00e9"],"b":{"c":{}}}"#;
    let wanted = json!({ "a": [1, -2, 0.5, u64::MAX, true, null, "é"], "b": { "c": {} } });
    assert_eq!(Value::Object(object(text.as_bytes()).unwrap()), wanted);
    assert_eq!(object(b" \t\r\n{} \n").unwrap(), serde_json::Map::new());
}

#[test]
#[doc = "KEY-05"]
fn each_element_of_a_list_is_judged_for_itself() {
    let deep = format!("{}{}", "[".repeat(50), "]".repeat(50));
    let text = format!(r#"{{"x":1,"keys":[{{"a":1}},{{"a":1,"a":2}},7,{{"b":{deep}}},{{"c":3}}],"y":[]}}"#);
    let found = elements(text.as_bytes(), "keys").unwrap().unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|element| element.as_ref().map(serde_json::Map::len))
        .collect();
    assert_eq!(
        shown,
        [
            Ok(1),
            Err(&NotOne::Repeated),
            Err(&NotOne::Object),
            Err(&NotOne::Deep),
            Ok(1)
        ]
    );
    assert_eq!(elements(br#"{"a":1}"#, "keys").unwrap(), None);
    for (text, wanted) in [
        (&br#"{"keys":[],"keys":[]}"#[..], NotOne::Repeated),
        (br#"{"keys":[],"a":1,"a":2}"#, NotOne::Repeated),
        (br#"{"keys":{}}"#, NotOne::Json),
        (br#"{"keys":[]} {}"#, NotOne::Json),
        (b"[]", NotOne::Json),
        (br#"{"keys":[{]}"#, NotOne::Json),
    ] {
        assert_eq!(elements(text, "keys").err(), Some(wanted));
    }
}

#[test]
fn one_text_is_found_without_the_rest() {
    assert_eq!(
        text_of(br#"{"a":{"iss":"x"},"iss":"y"}"#, "iss"),
        Ok(Some("y".to_owned()))
    );
    assert_eq!(text_of(br#"{"\u0069ss":"y"}"#, "iss"), Ok(Some("y".to_owned())));
    assert_eq!(text_of(br#"{"iss":["y"]}"#, "iss"), Ok(None));
    assert_eq!(text_of(b"{}", "iss"), Ok(None));
    for text in [
        &br#"{"iss":"x","iss":"y"}"#[..],
        b"[]",
        br#"{"iss":"y"}x"#,
        b"",
        b"\xff",
    ] {
        assert_eq!(text_of(text, "iss"), Err(NotOne::Json));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(pairs in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}", 0..8)) {
        let value = json!(pairs);
        let read = object(value.to_string().as_bytes()).unwrap();
        prop_assert_eq!(Value::Object(read), value);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = object(&bytes);
        let _ = elements(&bytes, "keys");
        let _ = text_of(&bytes, "iss");
    }
}
