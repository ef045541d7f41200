//! Charts that lie in the repository itself: nothing here renders them, but what changes in one changes what is made of it.

use std::collections::BTreeSet;

use rwenv_core::manifest::tree::{Tree, join};
use rwenv_core::manifest::yaml::Node;

use super::view::is_touched;
use crate::catalog::knowledge::{AppliedObject, Applier, Knowledge};

/// True where an object takes a chart out of this repository, and source-controller would make a new artifact of it
/// (`HelmChartSpec.reconcileStrategy`: by the chart's version, or with every revision).
pub(super) fn is_other(
    before: &Knowledge<'_>,
    after: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    paths: &BTreeSet<String>,
) -> bool {
    if !matches!(&*found.resource.kind, "HelmRelease" | "HelmChart") {
        return false;
    }
    let content = after.content(found);
    let spec = match &*found.resource.kind {
        "HelmRelease" => content.path(&["spec", "chart", "spec"]),
        _ => content.get("spec"),
    };
    let Some(spec) = spec.filter(|spec| spec.str(&["sourceRef", "kind"]) == Some("GitRepository")) else {
        return false;
    };
    let cluster = after.clusters.get(after.cluster_of(found));
    let prefix = cluster.map_or("", |cluster| cluster.prefix.as_str());
    let Some(folder) = spec.str(&["chart"]).and_then(|chart| join(prefix, chart)) else { return false };
    let versions = [before.tree, after.tree].map(|tree| version(tree, &folder));
    if !versions.iter().any(Option::is_some) {
        return false;
    }
    let files = spec.get("valuesFiles").map(Node::items).unwrap_or_default();
    let files = files.iter().filter_map(|file| join(prefix, file.text()?));
    let depends: BTreeSet<String> = files.chain([format!("{folder}/")]).collect();
    let always = spec.str(&["reconcileStrategy"]) == Some("Revision");
    let [old, new] = versions;
    is_touched(&depends, paths) && (always || old != new)
}

/// The chart a unit applies, where that lies in the repository: Argo CD renders it with every revision.
pub(super) fn folder_of_unit(known: &Knowledge<'_>, unit: usize) -> Option<String> {
    let unit = known.units.get(unit).filter(|unit| unit.applier == Applier::Argo)?;
    let folder = unit.folder.as_ref()?;
    join(folder, "Chart.yaml").filter(|path| known.tree.has_file(path)).map(|_| format!("{folder}/"))
}

/// The version a chart has; none where there is no chart.
fn version(tree: &Tree, folder: &str) -> Option<String> {
    let file = tree.files.get(&join(folder, "Chart.yaml")?)?;
    Some(file.documents.first().and_then(|document| document.string(&["version"])).unwrap_or_default())
}
