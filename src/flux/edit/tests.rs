//! Edits of texts.

use super::*;
use rwenv_core::manifest::yaml::{At, parse};

fn node<'n>(documents: &'n [Node], path: &str) -> &'n Node {
    match reach(&documents[0], &steps(path).unwrap()) {
        ReachedNode::Value(node) => node,
        ReachedNode::Upto(..) => panic!("{path}"),
    }
}

fn text(text: &str) -> WrittenScalar {
    WrittenScalar { text: text.into(), is_text: true }
}

fn typed(text: &str) -> WrittenScalar {
    WrittenScalar { text: text.into(), is_text: false }
}

fn replaced(yaml: &str, path: &str, new: &str) -> Result<String, String> {
    let parsed = parse(yaml);
    replace(yaml, node(&parsed.documents, path), &text(new)).map_err(|e| e.why)
}

#[test]
fn nothing_but_the_value_changes() {
    for (before, after) in [
        (
            "a:\n  # why\n  tag: v1   # {\"$imagepolicy\": \"x:y:tag\"}\n",
            "a:\n  # why\n  tag: v2   # {\"$imagepolicy\": \"x:y:tag\"}\n",
        ),
        ("a: {tag: v1, b: [1,  2]}\n", "a: {tag: v2, b: [1,  2]}\n"),
        ("a: {b: 1, tag: v1}", "a: {b: 1, tag: v2}"),
        ("a:\r\n    tag: 'v1'\r\n", "a:\r\n    tag: 'v2'\r\n"),
        ("a:\n    tag: \"v1\" # x", "a:\n    tag: \"v2\" # x"),
        ("\u{feff}a:\n  tag: &t v1\n  b: *t\n", "\u{feff}a:\n  tag: &t v2\n  b: *t\n"),
        ("a:\n  tag: !!str v1\nb: ö\n", "a:\n  tag: !!str v2\nb: ö\n"),
        ("a:\n  ö: ü\n  tag:    v1", "a:\n  ö: ü\n  tag:    v2"),
    ] {
        assert_eq!(replaced(before, "a.tag", "v2").as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn what_was_a_text_stays_one() {
    for (new, written) in [
        ("1.10", "\"1.10\""),
        ("1.10.2", "1.10.2"),
        ("1e5", "\"1e5\""),
        ("1234567", "\"1234567\""),
        ("0x1f", "\"0x1f\""),
        ("12_000", "\"12_000\""),
        ("2026-01-02", "\"2026-01-02\""),
        ("12:30", "\"12:30\""),
        ("no", "\"no\""),
        ("NaN", "NaN"),
        (".nan", "\".nan\""),
        ("v1", "v1"),
        ("pr-12-0a1b2c3", "pr-12-0a1b2c3"),
        ("a b", "\"a b\""),
        ("", "\"\""),
    ] {
        assert_eq!(replaced("tag: v0\n", "tag", new).unwrap(), format!("tag: {written}\n"));
    }
    let number = parse("n: 1\n");
    let node = number.documents[0].get("n").unwrap();
    assert_eq!(replace("n: 1\n", node, &typed("2")).unwrap(), "n: 2\n");
    assert_eq!(replace("n: 1\n", node, &typed("off")).unwrap(), "n: off\n");
    assert_eq!(replace("n: 1\n", node, &text("2")).unwrap(), "n: \"2\"\n");
}

#[test]
fn values_in_a_text_that_is_yaml_are_changed_there() {
    let yaml = "data:\n  values.yaml: |\n    image:\n      tag: v1  # pinned\n    n: 1\n";
    let at = At { file: 0, line: 4, column: 12 };
    let inner = Node { at, value: Value::Scalar { text: "v1".into(), plain: true } };
    let made = replace(yaml, &inner, &text("v2")).unwrap();
    assert_eq!(made, yaml.replace("v1", "v2"));
}

#[test]
fn what_cannot_be_edited_is_refused() {
    for (yaml, path, why) in [
        ("a: &x v1\ntag: *x\n", "tag", "alias"),
        ("tag: |\n  v1\n", "tag", "several lines"),
        ("tag: \"v\\u0031\"\n", "tag", "escapes"),
        ("tag: one\n  two\n", "tag", "several lines"),
        ("tag: {a: 1}\n", "tag", "mapping"),
    ] {
        let error = replaced(yaml, path, "v2").unwrap_err();
        assert!(error.contains(why), "{yaml}: {error}");
    }
}

#[test]
fn entries_are_added_behind_the_others() {
    let added = |yaml: &str, path: &str, value: WrittenScalar| {
        let parsed = parse(yaml);
        let path = steps(path).unwrap();
        match reach(&parsed.documents[0], &path) {
            ReachedNode::Upto(map, number) => add(yaml, map, &path[number..], &value).map_err(|e| e.why),
            ReachedNode::Value(_) => panic!("{yaml}"),
        }
    };
    for (before, path, value, after) in [
        ("v:\n  a: 1\n", "v.b", typed("2"), "v:\n  a: 1\n  b: 2\n"),
        (
            "v:\n  a: 1\n  # last\n\nz: 1\n",
            "v.b.c",
            text("x"),
            "v:\n  a: 1\n  b:\n    c: x\n  # last\n\nz: 1\n",
        ),
        (
            "v:\n  a: |\n    # text\n\n    more\nz: 1",
            "v.b",
            typed("true"),
            "v:\n  a: |\n    # text\n\n    more\n  b: true\nz: 1",
        ),
        ("v:\n  a:\n  - x\n  - y\nz: 1\n", "v.b", text("2"), "v:\n  a:\n  - x\n  - y\n  b: \"2\"\nz: 1\n"),
        ("v:\n- a: 1\n- b: 2\n", "v[0].c", typed("3"), "v:\n- a: 1\n  c: 3\n- b: 2\n"),
        ("v: {a: 1}\n", "v.b.c", typed("2"), "v: {b: {c: 2}, a: 1}\n"),
        ("v: {}\n", "v.b", typed("2"), "v: {b: 2}\n"),
        ("v:\n  a: 1", "v.b", typed("2"), "v:\n  a: 1\n  b: 2\n"),
        ("v:\r\n  a: 1\r\n", "w.b", typed("2"), "v:\r\n  a: 1\r\nw:\r\n  b: 2\r\n"),
    ] {
        assert_eq!(added(before, path, value).as_deref(), Ok(after), "{before}");
    }
    assert!(added("v:\n- a\n", "v[3]", typed("1")).unwrap_err().contains("no item 3"));
    assert!(added("v: 1\n", "v.b", typed("1")).is_err());
}

#[test]
fn paths_are_read_as_helm_does() {
    let key = |k: &str| PathStep::Key(k.into());
    assert_eq!(steps("a.b[0].c").unwrap(), [key("a"), key("b"), PathStep::Item(0), key("c")]);
    assert_eq!(steps(r"a\.b.c[1][2]").unwrap(), [key("a.b"), key("c"), PathStep::Item(1), PathStep::Item(2)]);
    for wrong in ["", ".", "a.", "a..b", "[0]", "a[x]", "a\\"] {
        assert!(steps(wrong).is_err(), "{wrong}");
    }
}
