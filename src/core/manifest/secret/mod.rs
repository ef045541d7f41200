//! Hard-coded secrets: by their own form (`ghp_…`), by where they stand (`password: …`), and by what a Secret holds. Whatever stands
//! inside of something else is looked at too: base64, blocks of text, files in ConfigMaps. Not by entropy alone: digests and
//! checksums are as random as keys are.

mod held;
mod keywords;
mod reference;
mod sink;
mod stand_in;
mod text;
mod typed;
mod walk;

use std::collections::BTreeSet;

use sink::{SecretSink, Trust};

use super::finding::Finding;
use super::tree::File;
use super::yaml::{At, Node, Value, parse};

/// Rules whose finding is no secret where a schema only describes what may be written.
const DESCRIBED: [&str; 2] = [typed::URL, typed::PRIVATE_KEY];

/// Secrets whose form gives them away, anywhere in a text.
pub(super) fn typed(text: &str, path: &str) -> Vec<Option<Finding>> {
    typed::typed(text, path)
}

/// The first secret of a file that a generator makes a Secret of. With `variables`, each of its lines is one.
pub(super) fn in_source(path: &str, text: &str, variables: bool) -> Option<Finding> {
    held::in_source(path, text, variables, in_text_document)
}

/// True where a text may hold a secret of some form.
pub(super) fn is_hinted(bytes: &[u8]) -> bool {
    typed::is_hinted(bytes)
}

/// All secrets of a file. Of values that are only shown, those whose form gives them away.
pub(super) fn in_file(file: &File, shown: bool) -> Vec<Option<Finding>> {
    let Some(text) = &file.text else { return Vec::new() };
    let mut found = typed(text, &file.path);
    let mut kinds = file.documents.iter().filter_map(|document| document.str(&["kind"])).peekable();
    if kinds.peek().is_some() && kinds.all(|kind| kind == "CustomResourceDefinition") {
        found.retain(|f| f.as_ref().is_none_or(|f| !DESCRIBED.contains(&f.rule)));
    }
    if shown {
        return found;
    }
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let trust = if name.starts_with("values") || names_values(name) { Trust::Values } else { Trust::Texts };
    let mut sink = SecretSink::new(&file.path, in_text_document);
    for document in &file.documents {
        walk::in_document(document, None, trust, 0, &mut sink);
    }
    comments(text, &mut sink);
    with(found, sink)
}

/// A document that stands in a text.
fn in_text_document(document: &Node, trust: Trust, texts: usize, sink: &mut SecretSink<'_>) {
    walk::in_document(document, None, trust, texts, sink);
}

/// Comments that say what a secret is.
fn comments(text: &str, sink: &mut SecretSink<'_>) {
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains('#')) {
        let comment = line.trim_start().strip_prefix('#').or_else(|| Some(line.split_once(" #")?.1));
        let Some(comment) = comment else { continue };
        let before = At { line: u32::try_from(number).unwrap_or(u32::MAX), ..At::START };
        text::lines(&format!("# {comment}"), before, sink);
    }
}

/// What is found by its form is told once.
fn with(mut found: Vec<Option<Finding>>, sink: SecretSink<'_>) -> Vec<Option<Finding>> {
    let mut taken: BTreeSet<u32> = found.iter().flatten().map(|f| f.line).collect();
    let mut more: Vec<Finding> = sink.found.into_iter().flatten().collect();
    more.sort();
    for finding in more {
        if taken.insert(finding.line) {
            found.push(Some(finding));
        }
    }
    found
}

/// Names of files of variables and settings, whose values are meant.
fn names_values(name: &str) -> bool {
    let lower = name.to_lowercase();
    let shown = ["example", "sample", "template", "dist", "tmpl"];
    let ends = [".env", ".tfvars", ".ini", ".properties", ".conf", ".cfg", ".toml", ".kubeconfig"];
    !shown.iter().any(|word| lower.contains(word))
        && (ends.iter().any(|end| lower.ends_with(end))
            || lower.starts_with(".env")
            || lower.ends_with(".tfvars.json")
            || ["kubeconfig", "talosconfig", "credentials"].contains(&lower.as_str()))
}

/// True for files that hold a document of YAML under another name.
fn is_document(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.ends_with(".json") || lower.ends_with("kubeconfig") || lower == "talosconfig"
}

/// All secrets of a file that is none of YAML by its name.
pub(super) fn in_other(path: &str, text: &str) -> Vec<Option<Finding>> {
    let found = typed(text, path);
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut sink = SecretSink::new(path, in_text_document);
    if is_document(name) {
        let trust = if names_values(name) { Trust::Values } else { Trust::Texts };
        let parsed = parse(text);
        let structured = parsed.documents.iter().filter(|d| !matches!(d.value, Value::Scalar { .. }));
        structured.for_each(|document| walk::in_document(document, None, trust, 0, &mut sink));
    } else if names_values(name) {
        text::lines(text, At { line: 0, ..At::START }, &mut sink);
    }
    with(found, sink)
}

/// True for names of files of which more than the forms is looked at.
pub(super) fn is_read(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    is_document(name) || names_values(name)
}
