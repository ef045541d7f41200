//! Two environments side by side: what their repositories make of them, by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::knowledge::{AppliedObject, Knowledge};
use super::uses::{HELM, pod};
use super::values::values_of;
use rwenv_core::manifest::kustomize::image::renamed;
use rwenv_core::manifest::kustomize::render::json;
use rwenv_core::manifest::yaml::Node;

/// What is another in one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherHere {
    /// Kind and name of what it is of.
    pub service: String,
    /// What: `image NAME`, `chart`, `version`, `replicas`, `values.PATH`.
    pub what: String,
    /// What the first has; none where it has nothing there.
    pub first: Option<String>,
    /// What the second has.
    pub second: Option<String>,
}

/// Two environments side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Beside {
    /// What the first has and the second lacks, as kind and name.
    pub only_first: Vec<String>,
    /// What the second has and the first lacks.
    pub only_second: Vec<String>,
    /// What both have, and have differently.
    pub differences: Vec<OtherHere>,
    /// How many both have alike.
    pub same: usize,
}

type Properties = BTreeMap<String, String>;

/// Compares what two repositories, or two roots of one, deploy: workloads, releases, and Argo CD's Applications. Namespaces are no difference:
/// environments are often told apart by them. A name that one of them has in several namespaces goes with its namespace.
#[must_use]
pub fn beside(first: &Knowledge<'_>, second: &Knowledge<'_>) -> Beside {
    let several = |known: &Knowledge<'_>| -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        deployed(known).map(|found| name(found, false)).filter(|name| !seen.insert(name.clone())).collect()
    };
    let several: BTreeSet<String> = several(first).into_iter().chain(several(second)).collect();
    let all = |known| -> BTreeMap<String, Properties> {
        let named = |found| (name(found, several.contains(&name(found, false))), properties(known, found));
        deployed(known).map(named).collect()
    };
    let (first, mut second) = (all(first), all(second));
    let mut out = Beside::default();
    for (service, ours) in first {
        let Some(theirs) = second.remove(&service) else {
            out.only_first.push(service);
            continue;
        };
        let before = out.differences.len();
        for what in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
            let (first, second) = (ours.get(what).cloned(), theirs.get(what).cloned());
            if first != second {
                out.differences.push(OtherHere {
                    service: service.clone(),
                    what: what.clone(),
                    first,
                    second,
                });
            }
        }
        out.same += usize::from(out.differences.len() == before);
    }
    out.only_second = second.into_keys().collect();
    out
}

fn deployed<'k, 't>(known: &'k Knowledge<'t>) -> impl Iterator<Item = &'k AppliedObject<'t>> {
    known.objects.iter().filter(|found| {
        let resource = &found.resource;
        let (group, kind) = (&*resource.group, &*resource.kind);
        matches!(
            (group, kind),
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet")
                | ("batch", "CronJob" | "Job")
                | ("argoproj.io", "Rollout" | "Application")
                | (HELM, "HelmRelease")
        )
    })
}

fn name(found: &AppliedObject<'_>, with_namespace: bool) -> String {
    let resource = &found.resource;
    let namespace = resource.namespace.as_deref().filter(|_| with_namespace);
    let place = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{} {place}{}", resource.kind, resource.name)
}

/// What is compared of an object, each as a text.
fn properties(known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Properties {
    let (resource, mut out) = (&found.resource, Properties::new());
    let content = &*resource.content;
    if let Some(pod) = pod(&resource.kind, content) {
        for list in ["initContainers", "containers"] {
            for container in pod.get(list).map(Node::items).unwrap_or_default() {
                let written = container.string(&["image"]).unwrap_or_default();
                let image =
                    resource.images.iter().fold(written, |image, by| renamed(&image, by).unwrap_or(image));
                let name = container.string(&["name"]).unwrap_or_default();
                out.insert(format!("image {name}"), image);
            }
        }
        out.extend(content.string(&["spec", "replicas"]).map(|replicas| ("replicas".to_owned(), replicas)));
    }
    let charts: [(&str, &[&str]); 5] = [
        ("chart", &["spec", "chart", "spec", "chart"]),
        ("version", &["spec", "chart", "spec", "version"]),
        ("source", &["spec", "source", "path"]),
        ("chart", &["spec", "source", "chart"]),
        ("version", &["spec", "source", "targetRevision"]),
    ];
    for (what, path) in charts {
        out.extend(content.string(path).map(|value| (what.to_owned(), value)));
    }
    // Those that count over others come first.
    for values in values_of(known, found).iter().rev() {
        leaves("values", &json(&values.node), &mut out);
    }
    out
}

/// Single values by their paths; one that comes later takes the place of what was there.
fn leaves(path: &str, value: &serde_json::Value, out: &mut Properties) {
    match value {
        serde_json::Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, value)| leaves(&format!("{path}.{key}"), value, out));
        }
        serde_json::Value::String(text) => drop(out.insert(path.to_owned(), text.clone())),
        other => drop(out.insert(path.to_owned(), other.to_string())),
    }
}
