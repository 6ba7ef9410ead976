//! What of YAML is read, what is refused, and at which place.

use proptest::prelude::*;

use super::*;

fn read_all(text: &str) -> Result<Node, Vec<(u32, u32, Code)>> {
    let mut findings = Findings::of("test.yaml");
    let node = read(text, &mut findings);
    findings
        .close(node)
        .map(|(node, ..)| node)
        .map_err(|faults| faults.iter().map(|f| (f.line, f.col, f.code)).collect())
}

fn fault(text: &str) -> (u32, u32, Code) {
    // Not `expect_err`: printing what was taken would follow every alias.
    let Err(faults) = read_all(text) else {
        panic!("taken: {text}");
    };
    assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    faults[0]
}

/// The tree as text: `key@line:col value@line:col`.
fn shown(node: &Node) -> String {
    let at = |at: Position| format!("@{}:{}", at.line, at.col);
    let here = at(node.span.start);
    match &node.value {
        Value::Nothing => format!("nothing{here}"),
        Value::Scalar(Scalar {
            text,
            style: Style::Plain,
        }) => format!("{text}{here}"),
        Value::Scalar(Scalar {
            text,
            style: Style::Quoted,
        }) => format!("{text:?}{here}"),
        Value::Scalar(Scalar {
            text,
            style: Style::Block,
        }) => format!("|{text:?}{here}"),
        Value::List(items) => {
            format!(
                "[{}]{here}",
                items.iter().map(|item| shown(item)).collect::<Vec<_>>().join(" ")
            )
        }
        Value::Map(entries) => {
            let entry =
                |entry: &Entry| format!("{}{}={}", entry.key.text, at(entry.key.span.start), shown(&entry.value));
            format!("{{{}}}{here}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn every_key_and_value_has_its_place_and_its_text_as_written() {
    let text =
        "a: 010\nb:\n  - 'x'\n  - c: \"y\\n\"\n    d: >-\n      fold\n      me\ne: { f: [1.10, no], g: }\nh: ~\n";
    let tree = read_all(text).unwrap();
    let expected = "{a@1:1=010@1:4 b@2:1=[\"x\"@3:5 {c@4:5=\"y\\n\"@4:8 d@5:5=|\"fold me\"@6:7}@4:5]@3:3 \
                    e@8:1={f@8:6=[1.10@8:10 no@8:16]@8:9 g@8:21=nothing@8:22}@8:4 h@9:1=nothing@9:4}@1:1";
    assert_eq!(shown(&tree), expected);
}

#[test]
fn columns_count_characters_and_lines_end_in_either_way() {
    let tree = read_all("\u{feff}ü: 'é'\r\nb: c\r\n").unwrap();
    assert_eq!(shown(&tree), "{ü@1:1=\"é\"@1:4 b@2:1=c@2:4}@1:1");
}

#[test]
#[doc = "CF-01"]
fn all_equal_keys_are_told_and_nothing_else() {
    let text = "a: 1\nb: { c: 1, c: 2 }\n\"a\": 2\nd: [x, { e: 1, 'e': 2 }]\n";
    let duplicates = [
        (2, 12, Code::YamlDuplicate),
        (3, 1, Code::YamlDuplicate),
        (4, 16, Code::YamlDuplicate),
    ];
    assert_eq!(read_all(text).unwrap_err(), duplicates);
}

#[test]
fn syntax_faults_come_alone_and_at_their_place() {
    assert_eq!(fault("a: 1\n b: 2\n").2, Code::YamlSyntax);
    assert_eq!(fault("a: 1\nb: \"open"), (2, 4, Code::YamlSyntax));
    assert_eq!(
        fault("a: 1\na: 2\nb: [1\nc: d\n").2,
        Code::YamlSyntax,
        "the first fault that stops the reading"
    );
    assert_eq!(fault("a:\n\t- b\n").2, Code::YamlSyntax);
    assert_eq!(fault("%YAML 1.2\n---\na: 1\n").2, Code::YamlSyntax);
    assert_eq!(fault("a: *nowhere\n").2, Code::YamlSyntax);
}

#[test]
fn a_reference_inside_a_flow_collection_asks_for_quotes() {
    assert_eq!(
        fault("a: 1\nb: { token: ${env:X} }\n"),
        (2, 13, Code::ReferenceUnquoted)
    );
    assert_eq!(fault("b: [a, x${env:X:-y}]\n"), (1, 8, Code::ReferenceUnquoted));
    assert_eq!(fault("b: [${file:/x}]\n"), (1, 5, Code::ReferenceUnquoted));
    assert!(read_all("b: [\"${env:X}\"]\nc: ${env:X}\n").is_ok());
}

#[test]
fn exactly_one_document_without_tags_and_with_text_for_keys() {
    assert_eq!(fault(""), (1, 1, Code::YamlDocument));
    assert_eq!(fault("# nothing but a comment\n"), (1, 1, Code::YamlDocument));
    assert_eq!(fault("a: 1\n---\nb: 2\n"), (2, 1, Code::YamlDocument));
    assert!(read_all("---\na: 1\n...\n").is_ok());
    assert_eq!(fault("a: !!str 1\n").2, Code::YamlTag);
    assert_eq!(fault("a: !secret {}\n").2, Code::YamlTag);
    assert_eq!(fault("? [a]\n: b\n").2, Code::YamlKey);
    assert_eq!(fault("? {a: b}\n: c\n").2, Code::YamlKey);
    assert_eq!(fault(": c\n").2, Code::YamlKey);
    assert_eq!(fault("a: &k b\n*k : c\n").2, Code::YamlKey);
}

#[test]
fn aliases_and_merges_repeat_what_stands_elsewhere() {
    let tree =
        read_all("a: &a { x: 1, y: 2 }\nb: *a\nc:\n  <<: *a\n  y: 3\nd: { <<: [{ z: 1 }, *a], x: 9 }\n").unwrap();
    let expected = "{a@1:1={x@1:9=1@1:12 y@1:15=2@1:18}@1:7 b@2:1={x@1:9=1@1:12 y@1:15=2@1:18}@1:7 \
                    c@3:1={y@5:3=3@5:6 x@1:9=1@1:12}@4:3 d@6:1={x@6:26=9@6:29 z@6:13=1@6:16 y@1:15=2@1:18}@6:4}@1:1";
    assert_eq!(shown(&tree), expected);
    assert_eq!(fault("a: &a [*a]\n").2, Code::YamlAlias);
    assert_eq!(fault("a: { <<: x }\n").2, Code::YamlAlias);
    assert_eq!(fault("a: { <<: [x] }\n").2, Code::YamlAlias);
    assert_eq!(fault("a: { <<: {b: 1}, <<: {c: 1} }\n").2, Code::YamlDuplicate);
}

#[test]
#[doc = "CF-01"]
fn nesting_and_expansion_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read_all(&nested(DEPTH)).is_ok());
    assert_eq!(fault(&nested(DEPTH + 1)).2, Code::YamlDepth);
    assert_eq!(fault(&"- ".repeat(DEPTH + 1)).2, Code::YamlDepth);
    assert_eq!(fault(&"- ".repeat(100_000)).2, Code::YamlDepth);
    assert_eq!(fault(&"[".repeat(100_000)).2, Code::YamlDepth);
    let deep_alias = format!("a: &a {}\nb: {}*a{}\n", nested(40), "[".repeat(30), "]".repeat(30));
    assert_eq!(fault(&deep_alias).2, Code::YamlDepth);

    let laughs = (1..12).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        let before = format!("*a{}", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", vec![before; 9].join(", "))
    });
    assert_eq!(fault(&laughs).2, Code::YamlNodes);
    let merges = (1..12).fold("a0: &a0 {x: 1}\n".to_owned(), |text, n| {
        format!(
            "{text}a{n}: &a{n} {{k{n}: [{}]}}\n",
            vec![format!("*a{}", n - 1); 9].join(", ")
        )
    });
    assert_eq!(fault(&merges).2, Code::YamlNodes);
    let wide = format!("[{}]", "x,".repeat(NODES));
    assert_eq!(fault(&wide).2, Code::YamlNodes);
    assert!(read_all(&format!("[{}]", "x,".repeat(NODES - 1))).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        let _ = read_all(&text);
    }

    #[test]
    fn text_that_looks_like_yaml_is_read_or_refused(text in "[ab:\\-\\[\\]{}&*!|>'\"%@#,?~<. \\n\\t$]{0,60}") {
        let _ = read_all(&text);
    }
}
