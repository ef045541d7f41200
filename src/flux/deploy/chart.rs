//! The edit that gives a release another version of its chart: where the release says it, where the source of the chart does, or
//! where the variable is set that stands there.

use super::DeployError;
use super::change::{NodeEdit, PlannedEdit, ValueChange};
use super::tagged::{assigned, place, set_is_shared, variable};
use crate::catalog::knowledge::{AppliedObject, Knowledge};
use crate::catalog::values::local_chart;
use crate::edit::{PathStep, WrittenScalar};
use rwenv_core::manifest::yaml::Node;

/// Most characters of a version.
const LONGEST: usize = 128;

/// Where a version is written, or belongs.
struct VersionSpot<'k, 't> {
    /// The object that has it.
    owner: &'k AppliedObject<'t>,
    /// What it is called there, for yq.
    what: String,
    /// The version, or the mapping it is missing in.
    node: Node,
    /// It is missing.
    is_missing: bool,
}

/// Checks a version of a chart: what SemVer, its ranges and tags of registries have.
pub(super) fn checked_version(version: &str) -> Result<(), DeployError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-+_~^*<>=, |".contains(c);
    if !version.trim().is_empty() && version.len() <= LONGEST && version.chars().all(fits) {
        return Ok(());
    }
    let shown: String = version.escape_debug().take(80).collect();
    Err(DeployError::Wish(format!("'{shown}' is not a chart version; write it like 1.21.0 or v1.21.0")))
}

/// The edit that gives a release or an Application another version of its chart.
pub(super) fn versioned(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    version: &str,
) -> Result<PlannedEdit, DeployError> {
    let name = &found.resource.name;
    if let Some(folder) = local_chart(known, found) {
        return Err(DeployError::Wish(format!(
            "the chart of {name} lies in this repository ({folder}), which deploys it as it is; change it there"
        )));
    }
    if found.resource.generated {
        return Err(set_is_shared(known, found));
    }
    let spot = match &*found.resource.kind {
        "HelmRelease" => of_release(known, found)?,
        "Application" => of_application(found)?,
        kind => {
            return Err(DeployError::Wish(format!("{name} is a {kind} and has no chart; say --image-tag")));
        }
    };
    edit(known, spot, version)
}

fn edit(known: &Knowledge<'_>, spot: VersionSpot<'_, '_>, version: &str) -> Result<PlannedEdit, DeployError> {
    let VersionSpot { owner, what, node, is_missing } = spot;
    let text = node.text().unwrap_or_default().to_owned();
    let name = variable(&text).map(str::to_owned);
    let node = match &name {
        Some(name) => assigned(known, owner, name).ok_or_else(|| {
            place(known, &node, format!("is the variable {name}, which nothing in this repository sets"))
        })?,
        None => node,
    };
    let old = node.text().map(str::to_owned).filter(|_| !is_missing);
    let (file, line) = known.place(node.at);
    let how = if is_missing {
        let last = what.rsplit('.').next().unwrap_or_default().to_owned();
        NodeEdit::Add(vec![PathStep::Key(last)])
    } else {
        NodeEdit::Replace
    };
    let change = ValueChange { file, line, what, old, new: version.to_owned(), policy: None };
    let value = WrittenScalar { text: version.to_owned(), is_text: true };
    Ok(PlannedEdit { change, node, how, value, variable: name })
}

/// The version of a release: its own, or that of the object its chart comes from.
fn of_release<'k, 't>(
    known: &'k Knowledge<'t>,
    found: &'k AppliedObject<'t>,
) -> Result<VersionSpot<'k, 't>, DeployError> {
    let content = &found.resource.content;
    let name = &found.resource.name;
    if let Some(chart) = content.path(&["spec", "chart", "spec"]) {
        return Ok(at(found, ".spec.chart.spec", chart, "version"));
    }
    let none = || DeployError::Wish(format!("{name} names no chart in this repository"));
    let reference = content.path(&["spec", "chartRef"]).ok_or_else(none)?;
    let (kind, source) = reference.str(&["kind"]).zip(reference.str(&["name"])).ok_or_else(none)?;
    let own = found.resource.namespace().unwrap_or_default();
    let namespace = reference.str(&["namespace"]).unwrap_or(own);
    let target = known.resolve(known.cluster_of(found), kind, namespace, source);
    let Some(target) = target.and_then(|number| known.objects.get(number)) else {
        let why = format!("takes its chart from {kind} {source}, which this repository does not define");
        return Err(place(known, reference, why));
    };
    let spec = target.resource.content.get("spec").ok_or_else(none)?;
    if kind == "HelmChart" {
        return Ok(at(target, ".spec", spec, "version"));
    }
    let reference = spec.get("ref").filter(|reference| !reference.is_null());
    if let Some((key, node)) =
        reference.and_then(|r| ["digest", "semver"].iter().find_map(|key| Some((key, r.get(key)?))))
    {
        let why = format!("chooses the version of {source} by its {key}; change that by hand");
        return Err(place(known, node, why));
    }
    match reference {
        Some(reference) => Ok(at(target, ".spec.ref", reference, "tag")),
        None => Err(place(known, spec, format!("of {source} has no ref; write ref.tag there by hand"))),
    }
}

/// The version of an Application's one chart.
fn of_application<'k, 't>(found: &'k AppliedObject<'t>) -> Result<VersionSpot<'k, 't>, DeployError> {
    let content = &found.resource.content;
    let name = &found.resource.name;
    let many = content.path(&["spec", "sources"]).map(Node::items).unwrap_or_default();
    let numbered = many.iter().enumerate().map(|(number, node)| (format!(".spec.sources[{number}]"), node));
    let one = content.path(&["spec", "source"]).filter(|_| many.is_empty());
    let all = numbered.chain(one.map(|node| (".spec.source".to_owned(), node)));
    let charts: Vec<_> = all.filter(|(_, source)| source.get("chart").is_some()).collect();
    match charts.as_slice() {
        [(what, source)] => Ok(at(found, what, source, "targetRevision")),
        [] => Err(DeployError::Wish(format!("{name} is made of no chart; say --image-tag or --set"))),
        several => {
            let charts: Vec<&str> = several.iter().filter_map(|(_, source)| source.str(&["chart"])).collect();
            Err(DeployError::Wish(format!(
                "{name} has several charts ({}); change the version of one by hand",
                charts.join(", ")
            )))
        }
    }
}

/// The key of a mapping that holds a version, whether it is there or not.
fn at<'k, 't>(owner: &'k AppliedObject<'t>, above: &str, node: &Node, key: &str) -> VersionSpot<'k, 't> {
    let there = node.get(key).filter(|node| node.text().is_some());
    VersionSpot {
        owner,
        what: format!("{above}.{key}"),
        node: there.unwrap_or(node).clone(),
        is_missing: there.is_none(),
    }
}
