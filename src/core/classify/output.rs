//! What a template given to `-o` shows: of a Secret its metadata are no secret, its values are.
//!
//! Expressions: Kubernetes' JSONPath support, `kubectl get -o custom-columns`, Go's text/template.

use super::arguments::Arguments;

/// Formats that are followed by a template.
const TEMPLATES: [&str; 4] = ["jsonpath", "jsonpath-as-json", "go-template", "template"];
/// Fields, and what is below them, that hold no value of a Secret. An annotation may hold the whole object.
const PLAIN: [&str; 14] = [
    "apiVersion",
    "kind",
    "type",
    "immutable",
    "metadata.name",
    "metadata.namespace",
    "metadata.labels",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.generation",
    "metadata.ownerReferences",
    "metadata.finalizers",
];

/// True where whole objects are printed, or fields of them beside names, types, labels and the like.
pub(super) fn beyond_metadata(args: &Arguments) -> bool {
    let given = |names: &[&str]| args.value(names).and_then(|given| given.value.as_ref());
    let Some(format) = given(&["-o", "--output"]) else { return given(&["--template"]).is_some() };
    let Some(format) = format.as_literal() else { return true };
    let (format, text) = format.split_once('=').unwrap_or((format, ""));
    let apart = given(&["--template"]);
    let text = match apart {
        Some(apart) if text.is_empty() => apart.as_literal(),
        Some(_) => None,
        None => Some(text),
    };
    let Some(text) = text else { return true };
    match format {
        "name" | "wide" | "" => false,
        "custom-columns" => !columns(text),
        _ if TEMPLATES.contains(&format) => !template(text),
        _ => true,
    }
}

/// True where each column (`HEADER:PATH,…`) is plain.
fn columns(text: &str) -> bool {
    !text.is_empty()
        && text.split(',').all(|column| {
            let path = column.split_once(':').map_or("", |(_, path)| path).trim_matches(['{', '}']);
            is_plain(path.trim_start_matches('.'))
        })
}

/// True where each field that a template names is plain, and it names one.
fn template(text: &str) -> bool {
    let mut rest = text;
    let mut named = false;
    while let Some(at) = rest.find(['.', '@', '$', '[']) {
        let (before, from) = rest.split_at(at);
        let end =
            from.find(|c: char| !(c.is_alphanumeric() || "._[]*@-\\/:\"'".contains(c))).unwrap_or(from.len());
        let (path, behind) = from.split_at(end);
        let path = path.trim_start_matches(['@', '$']);
        let Some(path) = path.strip_prefix('.').filter(|path| !path.contains("..")) else { return false };
        let items = path.strip_prefix("items").map(|path| path.trim_start_matches("[*]"));
        let plain = match items {
            // What is gone through shows nothing itself.
            Some("") => before.trim_end().ends_with("range"),
            Some(below) => below.strip_prefix('.').is_some_and(is_plain),
            None => is_plain(path),
        };
        if !plain {
            return false;
        }
        named = true;
        rest = behind;
    }
    named && !text.contains("{}")
}

fn is_plain(path: &str) -> bool {
    PLAIN.iter().any(|plain| {
        path.strip_prefix(plain).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}
