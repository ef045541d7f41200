//! Which fields a kustomization has and what they hold (kustomize, `types.Kustomization`, read as strictly as kustomize does).

use crate::manifest::yaml::{At, Node, Value};

/// What a field holds.
enum FieldShape {
    /// A text.
    Text,
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Number,
    /// Anything.
    Any,
    /// A mapping of names to one sort of values.
    Names(&'static Self),
    /// A list of one sort of items.
    List(&'static Self),
    /// A mapping with these keys.
    Fields(&'static [(&'static str, FieldShape)]),
}

use FieldShape::{Any, Fields, List, Names, Number, Switch, Text};

/// What a selector and the names in it are made of, then what else a field of its sort has.
macro_rules! named_by {
    ($($more:tt)*) => {
        Fields(&[
            ("group", Text), ("version", Text), ("kind", Text), ("name", Text), ("namespace", Text), $($more)*
        ])
    };
}

const SELECTOR: FieldShape = named_by!(("annotationSelector", Text), ("labelSelector", Text));
const PATCH: FieldShape =
    Fields(&[("path", Text), ("patch", Text), ("target", SELECTOR), ("options", Names(&Switch))]);
const IMAGE: FieldShape =
    Fields(&[("name", Text), ("newName", Text), ("tagSuffix", Text), ("newTag", Text), ("digest", Text)]);
const COPIED: FieldShape =
    Fields(&[("delimiter", Text), ("index", Number), ("encoding", Text), ("create", Switch)]);
const REPLACEMENT: FieldShape = Fields(&[
    ("path", Text),
    ("source", named_by!(("fieldPath", Text), ("options", COPIED))),
    ("sourceValue", Text),
    (
        "targets",
        List(&Fields(&[
            ("select", SELECTOR),
            ("reject", List(&SELECTOR)),
            ("fieldPaths", List(&Text)),
            ("options", COPIED),
        ])),
    ),
]);
const LABEL: FieldShape = Fields(&[
    ("pairs", Names(&Text)),
    ("includeSelectors", Switch),
    ("includeTemplates", Switch),
    (
        "fields",
        List(&Fields(&[
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("path", Text),
            ("create", Switch),
        ])),
    ),
]);
const GENERATOR_OPTIONS: FieldShape = Fields(&[
    ("labels", Names(&Text)),
    ("annotations", Names(&Text)),
    ("disableNameSuffixHash", Switch),
    ("immutable", Switch),
]);

/// The fields of a generator, then what else one has.
macro_rules! generator {
    ($($more:tt)*) => {
        Fields(&[
            ("namespace", Text), ("name", Text), ("behavior", Text), ("literals", List(&Text)),
            ("files", List(&Text)), ("envs", List(&Text)), ("env", Text), ("options", GENERATOR_OPTIONS), $($more)*
        ])
    };
}

const VARIABLE: FieldShape = Fields(&[
    ("name", Text),
    (
        "objref",
        Fields(&[
            ("apiVersion", Text),
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("name", Text),
            ("namespace", Text),
        ]),
    ),
    ("fieldref", Fields(&[("fieldPath", Text)])),
]);

const KUSTOMIZATION: FieldShape = Fields(&[
    ("apiVersion", Text),
    ("kind", Text),
    (
        "metadata",
        Fields(&[
            ("name", Text),
            ("namespace", Text),
            ("labels", Names(&Text)),
            ("annotations", Names(&Text)),
        ]),
    ),
    ("openapi", Names(&Text)),
    ("namePrefix", Text),
    ("nameSuffix", Text),
    ("namespace", Text),
    ("commonLabels", Names(&Text)),
    ("labels", List(&LABEL)),
    ("commonAnnotations", Names(&Text)),
    ("patchesStrategicMerge", List(&Text)),
    ("patchesJson6902", List(&PATCH)),
    ("patches", List(&PATCH)),
    ("images", List(&IMAGE)),
    ("imageTags", List(&IMAGE)),
    ("replacements", List(&REPLACEMENT)),
    ("replicas", List(&Fields(&[("name", Text), ("count", Number)]))),
    ("vars", List(&VARIABLE)),
    ("sortOptions", Fields(&[("order", Text), ("legacySortOptions", Any)])),
    ("resources", List(&Text)),
    ("components", List(&Text)),
    ("crds", List(&Text)),
    ("bases", List(&Text)),
    ("configMapGenerator", List(&generator!())),
    ("secretGenerator", List(&generator!(("type", Text)))),
    ("helmGlobals", Any),
    ("helmCharts", List(&Names(&Any))),
    ("helmChartInflationGenerator", List(&Names(&Any))),
    ("generatorOptions", GENERATOR_OPTIONS),
    ("configurations", List(&Text)),
    ("generators", List(&Text)),
    ("transformers", List(&Text)),
    ("validators", List(&Text)),
    ("buildMetadata", List(&Text)),
]);

/// Every field of a kustomization that kustomize does not know, or that holds what it does not take.
pub(super) fn faults(document: &Node) -> Vec<(At, String)> {
    let mut found = Vec::new();
    check(document, &KUSTOMIZATION, "the kustomization", &mut found);
    found
}

fn check(node: &Node, shape: &FieldShape, name: &str, found: &mut Vec<(At, String)>) {
    if node.is_null() || matches!(shape, Any) {
        return;
    }
    let resolved = node.resolved();
    let mut wrong =
        |wanted: &str| found.push((node.at, format!("{name} has to be {wanted}, not {}", sort(resolved))));
    match (shape, &resolved.value) {
        (Text, Value::Scalar { text, plain }) if !*plain || plain_sort(text) == TEXT => {}
        (Switch, Value::Scalar { text, plain: true }) if plain_sort(text) == SWITCH => {}
        (Number, Value::Scalar { text, plain: true }) if plain_sort(text) == NUMBER => {}
        (Text, Value::Scalar { .. }) => wrong("a text; put it in quotes"),
        (Text, _) => wrong("a text"),
        (Switch, _) => wrong("true or false"),
        (Number, _) => wrong("a number"),
        (List(item), Value::List(items)) => {
            items.iter().for_each(|one| check(one, item, &format!("an item of {name}"), found));
        }
        (List(_), _) => wrong("a list"),
        (Names(_) | Fields(_), Value::Map(_)) => {
            for (key, value) in resolved.entries() {
                let Some(text) = key.text().filter(|text| *text != "<<") else { continue };
                let inner = match shape {
                    Names(one) => Some(*one),
                    // Go reads a field whatever the case of its name.
                    Fields(all) => {
                        all.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)).map(|(_, one)| one)
                    }
                    _ => None,
                };
                match inner {
                    Some(inner) => check(value, inner, &format!("'{text}'"), found),
                    None if name == "the kustomization" => {
                        found.push((key.at, format!("kustomize has no field '{text}'")));
                    }
                    None => found.push((key.at, format!("{name} has no field '{text}'"))),
                }
            }
        }
        (Names(_) | Fields(_), _) => wrong("a mapping"),
        (Any, _) => {}
    }
}

const TEXT: &str = "a text";
const SWITCH: &str = "true or false";
const NUMBER: &str = "a number";

fn sort(node: &Node) -> &'static str {
    match &node.value {
        Value::Map(_) => "a mapping",
        Value::List(_) => "a list",
        Value::Scalar { text, plain: true } => plain_sort(text),
        _ => TEXT,
    }
}

/// What Go's YAML takes a text without quotes for (goyaml.v2, `resolve.go`).
fn plain_sort(text: &str) -> &'static str {
    const SWITCHES: [&str; 8] = ["y", "yes", "true", "on", "n", "no", "false", "off"];
    let small = text.to_ascii_lowercase();
    let is_cased = text == small || text == text.to_ascii_uppercase() || {
        let mut rest = text.chars();
        rest.next().is_some_and(|first| first.is_ascii_uppercase()) && rest.all(|c| c.is_ascii_lowercase())
    };
    if is_cased && SWITCHES.contains(&small.as_str()) {
        return SWITCH;
    }
    let digits = text.trim_start_matches(['-', '+']).replace('_', "");
    let radix = |start: &str, radix: u32| {
        digits.strip_prefix(start).is_some_and(|rest| u64::from_str_radix(rest, radix).is_ok())
    };
    let begins = digits.starts_with(|c: char| c.is_ascii_digit())
        || digits.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let is_number =
        begins && (digits.parse::<f64>().is_ok() || radix("0x", 16) || radix("0b", 2) || radix("0o", 8));
    if is_number { NUMBER } else { TEXT }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml::parse;

    #[test]
    fn what_a_plain_text_is_taken_for() {
        for (text, sort) in [
            ("v1", TEXT),
            ("1.2.3", TEXT),
            ("1.2", NUMBER),
            ("1e3", NUMBER),
            ("0x1f", NUMBER),
            ("-3", NUMBER),
            (".5", NUMBER),
            ("on", SWITCH),
            ("No", SWITCH),
            ("nO", TEXT),
            ("2020-01-01", TEXT),
            ("7a", TEXT),
            ("-", TEXT),
        ] {
            assert_eq!(plain_sort(text), sort, "{text}");
        }
    }

    #[test]
    fn fields_are_those_of_kustomize() {
        let told = |text: &str| {
            let documents = parse(text).documents;
            faults(documents.first().unwrap()).into_iter().map(|(_, why)| why).collect::<Vec<_>>()
        };
        for right in [
            "resources: [a.yaml]\nNameSpace: x\nimages: [{name: a, newTag: '1'}]",
            "patches: [{path: a, options: {allowNameChange: true}}, {patch: x, target: {kind: D}}]",
            "commonLabels: {a: '1', b: ~}\nresources:\nreplicas: [{name: a, count: 3}]",
            "helmCharts: [{name: a, anything: {b: 1}}]",
        ] {
            assert_eq!(told(right), Vec::<String>::new(), "{right}");
        }
        for (wrong, why) in [
            ("resource: [a]", "kustomize has no field 'resource'"),
            ("resources: a.yaml", "'resources' has to be a list, not a text"),
            ("patches: [p.yaml]", "an item of 'patches' has to be a mapping, not a text"),
            ("images: [{name: a, tag: b}]", "an item of 'images' has no field 'tag'"),
            ("images: [{name: a, newTag: 1.2}]", "'newTag' has to be a text; put it in quotes, not a number"),
            ("commonLabels: {a: yes}", "'a' has to be a text; put it in quotes, not true or false"),
            ("replicas: [{name: a, count: '3'}]", "'count' has to be a number, not a text"),
            ("namePrefix: [a]", "'namePrefix' has to be a text, not a list"),
        ] {
            assert_eq!(told(wrong), [why], "{wrong}");
        }
    }
}
