//! `rwenv where`.

use anyhow::bail;
use schemars::JsonSchema;
use serde::Serialize;

use super::args::WhereArgs;
use super::source::named;
use crate::cli::out;
use rwenv_flux::catalog::definitions;
use rwenv_flux::catalog::knowledge::Knowledge;
use rwenv_flux::catalog::lookup::{self, Hit};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::index;

/// Objects that were looked for, and where they are defined.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct FoundObjects {
    /// The objects.
    objects: Vec<Hit>,
    /// Why others are told than those that were meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl FoundObjects {
    fn exact(objects: Vec<Hit>) -> Self {
        Self { objects, note: None }
    }
}

/// Kind and name that are meant.
fn meant(args: &WhereArgs) -> anyhow::Result<(&str, Option<&str>)> {
    Ok(match args.what.split_once('/') {
        Some((kind, name)) => (kind, Some(named(name)?)),
        None => (named(&args.what)?, args.name.as_deref()),
    })
}

/// The objects that are meant, and where they are defined.
pub(in crate::cli) fn found(args: &WhereArgs, environment: &Environment) -> anyhow::Result<FoundObjects> {
    let opened = args.source.open(environment)?;
    let known = opened.knowledge()?;
    let (kind, name) = meant(args)?;
    let namespace = args.namespace.as_deref();
    match lookup::kind_of(kind, &known) {
        Some(full) => of_kind(&known, &full, name, namespace),
        None if name.is_none() => Ok(FoundObjects::exact(of_any(&known, kind, namespace)?)),
        None => {
            let kinds = known.objects.iter().map(|found| found.resource.kind.to_lowercase());
            let kinds: std::collections::BTreeSet<String> = kinds.collect();
            let near =
                lookup::proposal(&lookup::near(&kind.to_lowercase(), kinds.iter().map(String::as_str)));
            bail!("no object of kind '{kind}' is in this repository.{near}")
        }
    }
}

pub(in crate::cli) fn find(args: &WhereArgs, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(key) = &args.key {
        let (kind, name) = meant(args)?;
        let opened = args.source.open(environment)?;
        return line_of(&opened.knowledge()?, name.unwrap_or(kind), key, args);
    }
    let FoundObjects { objects: hits, note } = found(args, environment)?;
    note.iter().for_each(|note| out::note(note));
    if args.source.output.json {
        out::json(&hits)?;
        return Ok(0);
    }
    for hit in &hits {
        let namespace = hit.namespace.as_ref().map(|ns| format!(" in {ns}")).unwrap_or_default();
        let cluster = hit.cluster.as_ref().map(|cluster| format!(", cluster {cluster}")).unwrap_or_default();
        let generated = if hit.generated { ", generated" } else { "" };
        let by = match hit.chain.last() {
            Some(unit) => format!("applied by {unit}{cluster}{generated}"),
            None => "nothing applies it".to_owned(),
        };
        out::line(&format!("{}:{}  {} {}{namespace}  ({by})", hit.file, hit.line, hit.kind, hit.name));
    }
    Ok(0)
}

fn of_kind(
    known: &Knowledge<'_>,
    kind: &str,
    name: Option<&str>,
    namespace: Option<&str>,
) -> anyhow::Result<FoundObjects> {
    let hits = lookup::find(known, kind, name, namespace);
    let Some(name) = name.filter(|_| hits.is_empty()) else { return Ok(FoundObjects::exact(hits)) };
    let makers = if kind == "Secret" { lookup::makers(known, name, namespace) } else { Vec::new() };
    if !makers.is_empty() {
        let note = format!("Secret {name} has no file of its own; this has it made:");
        return Ok(FoundObjects { objects: makers, note: Some(note) });
    }
    // What a release makes has no file of its own.
    let by = index::releases(kind, name)
        .map(|release| lookup::find(known, "HelmRelease", Some(release), namespace))
        .find(|hits| !hits.is_empty());
    if let Some(hits) = by {
        let note = format!("{kind} {name} has no file of its own; a HelmRelease of that name may make it:");
        return Ok(FoundObjects { objects: hits, note: Some(note) });
    }
    let templates = lookup::templates(known, kind, name);
    if !templates.is_empty() {
        let note = format!(
            "{kind} {name} is in no manifest; a template of a chart may make it (charts are not rendered):"
        );
        return Ok(FoundObjects { objects: templates, note: Some(note) });
    }
    let near = lookup::near_objects(known, kind, name);
    let near = lookup::proposal(&near);
    let within = namespace.map(|ns| format!(" in namespace {ns}")).unwrap_or_default();
    bail!("{kind} {name}{within} is defined nowhere in this repository.{near}")
}

fn of_any(known: &Knowledge<'_>, name: &str, namespace: Option<&str>) -> anyhow::Result<Vec<Hit>> {
    let mut kinds: Vec<String> = known.objects.iter().map(|found| found.resource.kind.to_string()).collect();
    kinds.sort();
    kinds.dedup();
    let hits: Vec<Hit> =
        kinds.iter().flat_map(|kind| lookup::find(known, kind, Some(name), namespace)).collect();
    if hits.is_empty() {
        let near = lookup::near(name, known.objects.iter().map(|found| found.resource.first_name()));
        let near = lookup::proposal(&near);
        bail!("'{name}' is neither a kind nor the name of an object in this repository.{near}");
    }
    Ok(hits)
}

/// Where a key of a ConfigMap is set.
fn line_of(known: &Knowledge<'_>, map: &str, key: &str, args: &WhereArgs) -> anyhow::Result<u8> {
    let wanted = format!("{map}/{key}");
    let mut hits: Vec<_> = definitions::entries(known, None)
        .into_iter()
        .filter(|entry| entry.kind == "configmap-key" && entry.name == wanted)
        .filter(|entry| args.namespace.as_ref().is_none_or(|namespace| entry.namespace == *namespace))
        .collect();
    hits.sort();
    hits.dedup();
    if hits.is_empty() {
        bail!("no ConfigMap {map} with the key {key} is defined in this repository");
    }
    for entry in &hits {
        if args.source.output.json {
            let (file, line) = entry.place.rsplit_once(':').unwrap_or((&entry.place, "1"));
            out::json(
                &serde_json::json!({ "configMap": map, "key": key, "namespace": entry.namespace, "file": file, "line": line.parse::<u32>().ok() }),
            )?;
        } else {
            out::line(&format!("{}  {key} of ConfigMap {map} in {}", entry.place, entry.namespace));
        }
    }
    Ok(0)
}
