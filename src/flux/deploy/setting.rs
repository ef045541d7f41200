//! The edit that sets a value: of a release in its values, of an Application in those of its chart, of anything else in its
//! manifest, where it has to be a field of the kind.

use super::DeployError;
use super::change::{NodeEdit, PlannedEdit, ValueChange};
use super::fields::{Leads, Takes, follow};
use super::tagged::set_is_shared;
use super::target::Setting;
use crate::catalog::knowledge::{AppliedObject, Knowledge};
use crate::catalog::lookup::near;
use crate::catalog::values::{ChartSource, Form, Values, chart_sources, values_of};
use crate::edit::{PathStep, ReachedNode, WrittenScalar, reach};
use rwenv_core::manifest::kustomize::resource::Resource;
use rwenv_core::manifest::yaml::Node;

/// What says which object it is.
const IDENTITY: [&str; 7] = [
    "apiVersion",
    "kind",
    "metadata",
    "metadata.generateName",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
/// Where the fields are that people leave the beginning off.
const BEGINNINGS: [&[&str]; 5] = [
    &["spec"],
    &["spec", "template", "spec"],
    &["metadata"],
    &["spec", "template", "metadata"],
    &["spec", "source"],
];
/// Fields of an Argo CD Application that have a value (v1alpha1; `*` is an item, or any key).
const APPLICATION: [&str; 40] = [
    "metadata.annotations.*",
    "metadata.labels.*",
    "spec.destination.name",
    "spec.destination.namespace",
    "spec.destination.server",
    "spec.project",
    "spec.revisionHistoryLimit",
    "spec.source.chart",
    "spec.source.directory.exclude",
    "spec.source.directory.include",
    "spec.source.directory.recurse",
    "spec.source.helm.ignoreMissingValueFiles",
    "spec.source.helm.kubeVersion",
    "spec.source.helm.namespace",
    "spec.source.helm.passCredentials",
    "spec.source.helm.releaseName",
    "spec.source.helm.skipCrds",
    "spec.source.helm.skipSchemaValidation",
    "spec.source.helm.skipTests",
    "spec.source.helm.version",
    "spec.source.kustomize.commonAnnotations.*",
    "spec.source.kustomize.commonLabels.*",
    "spec.source.kustomize.forceCommonLabels",
    "spec.source.kustomize.namePrefix",
    "spec.source.kustomize.nameSuffix",
    "spec.source.kustomize.namespace",
    "spec.source.name",
    "spec.source.path",
    "spec.source.ref",
    "spec.source.repoURL",
    "spec.source.targetRevision",
    "spec.syncPolicy.automated.allowEmpty",
    "spec.syncPolicy.automated.enabled",
    "spec.syncPolicy.automated.prune",
    "spec.syncPolicy.automated.selfHeal",
    "spec.syncPolicy.managedNamespaceMetadata.annotations.*",
    "spec.syncPolicy.managedNamespaceMetadata.labels.*",
    "spec.syncPolicy.retry.backoff.duration",
    "spec.syncPolicy.retry.backoff.maxDuration",
    "spec.syncPolicy.retry.limit",
];

/// The edit that sets a value.
pub(super) fn set(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    setting: &Setting,
) -> Result<PlannedEdit, DeployError> {
    match &*found.resource.kind {
        "HelmRelease" => release(known, found, setting),
        "Application" if found.resource.generated => made_by_set(known, found, setting),
        "Application" => application(known, found, setting),
        _ => manifest(known, found, setting),
    }
}

/// Where the value is written, or in the values that count most.
fn release(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    setting: &Setting,
) -> Result<PlannedEdit, DeployError> {
    let layers = values_of(known, found);
    if let Some(edit) = layers.iter().find_map(|layer| written(known, setting, &layer.node)) {
        return Ok(edit);
    }
    if let Some(layer) = layers.first() {
        return new(found, setting, &layers, added(known, setting, &layer.node));
    }
    let Some(spec) = found.resource.content.get("spec") else {
        return Err(DeployError::Wish(format!("{} has no spec", found.resource.name)));
    };
    new(found, setting, &layers, below(known, setting, spec, &["values"]))
}

/// An edit that writes a value no layer has, where that is wished: nothing here knows what a chart reads, and what it does not read
/// changes nothing.
fn new(
    found: &AppliedObject<'_>,
    setting: &Setting,
    layers: &[Values],
    edit: PlannedEdit,
) -> Result<PlannedEdit, DeployError> {
    if setting.may_be_new {
        return Ok(edit);
    }
    let mut there = Vec::new();
    layers.iter().for_each(|layer| value_paths(&layer.node, String::new(), &mut there));
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let mut meant: Vec<String> =
        there.iter().filter(|path| last(path) == last(&setting.path)).cloned().collect();
    meant.extend(near(&setting.path, there.iter().map(String::as_str)));
    meant.dedup();
    meant.truncate(3);
    let meant = match meant.as_slice() {
        [] => String::new(),
        meant => format!(" Did you mean {}?", meant.join(" or ")),
    };
    Err(DeployError::Wish(format!(
        "{} {} sets no value {}.{meant} To write it as a new one, at {}:{}, add --create",
        found.resource.kind, found.resource.name, setting.path, edit.change.file, edit.change.line
    )))
}

/// The paths of the values below a node; of parameters, their names.
fn value_paths(node: &Node, path: String, all: &mut Vec<String>) {
    let items = node.items().iter().filter_map(|item| item.str(&["name"]));
    all.extend(items.map(str::to_owned).filter(|_| path.is_empty()));
    match node.entries() {
        [] if !path.is_empty() => all.push(path),
        entries => entries.iter().for_each(|(key, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            let key = key.text().unwrap_or_default().replace('.', "\\.");
            value_paths(value, format!("{path}{dot}{key}"), all);
        }),
    }
}

/// Among the files of values of an Application that an ApplicationSet makes: what the set says, it says for all it makes.
fn made_by_set(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    setting: &Setting,
) -> Result<PlannedEdit, DeployError> {
    let layers = values_of(known, found);
    let there = layers.iter().find_map(|layer| written(known, setting, &layer.node));
    let edit = there.or_else(|| layers.first().map(|layer| added(known, setting, &layer.node)));
    edit.ok_or_else(|| set_is_shared(known, found))
}

/// The same among the parameters and values of its chart; what begins as a field of the Application is one.
fn application(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    setting: &Setting,
) -> Result<PlannedEdit, DeployError> {
    let layers = values_of(known, found);
    let all: Vec<(&Values, PlannedEdit)> = layers
        .iter()
        .filter_map(|layer| {
            let edit = match layer.form {
                Form::Parameters => parameter(known, setting, &layer.node),
                Form::Tree | Form::File => written(known, setting, &layer.node),
            };
            Some((layer, edit?))
        })
        .collect();
    let name = &found.resource.name;
    let several = |sources: &[&str]| {
        let sources = sources.join(", ");
        DeployError::Wish(format!(
            "{name} has several charts ({sources}), and {} may be meant for any of them; change it by hand",
            setting.path
        ))
    };
    let mut within: Vec<&str> = all.iter().map(|(layer, _)| layer.within.as_str()).collect();
    within.dedup();
    if within.len() > 1 {
        return Err(several(&within));
    }
    if let Some((_, edit)) = all.into_iter().next() {
        return Ok(edit);
    }
    if is_own_field(setting) {
        return manifest(known, found, setting);
    }
    let sources = chart_sources(&found.resource.content);
    match sources.as_slice() {
        [] => Err(DeployError::Wish(format!("{name} has no chart to set a value for"))),
        [source] => new(found, setting, &layers, new_value(known, setting, source, &layers)?),
        all => Err(several(&all.iter().map(|source| source.yq.as_str()).collect::<Vec<_>>())),
    }
}

/// A value that is new goes to the others: into the mapping or the text of values, else among the parameters, else into a file.
fn new_value(
    known: &Knowledge<'_>,
    setting: &Setting,
    source: &ChartSource<'_>,
    layers: &[Values],
) -> Result<PlannedEdit, DeployError> {
    let of = |form: Form| layers.iter().find(|layer| layer.form == form);
    let text = source.node.path(&["helm", "values"]).filter(|node| node.text().is_some());
    match (of(Form::Tree), text, of(Form::Parameters), of(Form::File)) {
        (Some(layer), ..) => Ok(added(known, setting, &layer.node)),
        (None, Some(text), ..) => {
            let (file, line) = known.place(text.at);
            let why = "has values in a string that is not a block (|); write it as a block, or set the value by hand";
            Err(DeployError::Place { file, line, why: why.to_owned() })
        }
        (_, _, Some(layer), _) => {
            let how = NodeEdit::Append(setting.path.clone());
            Ok(PlannedEdit { value: as_text(setting), ..edit(known, setting, &layer.node, how) })
        }
        (.., Some(layer)) => Ok(added(known, setting, &layer.node)),
        _ => Ok(match source.node.get("helm").filter(|helm| !helm.is_null()) {
            Some(helm) => below(known, setting, helm, &["valuesObject"]),
            None => below(known, setting, source.node, &["helm", "valuesObject"]),
        }),
    }
}

/// The parameter of this name.
fn parameter(known: &Knowledge<'_>, setting: &Setting, list: &Node) -> Option<PlannedEdit> {
    let one = list.items().iter().find(|one| one.str(&["name"]) == Some(&setting.path))?;
    let value = as_text(setting);
    Some(PlannedEdit { value, ..edit(known, setting, one.get("value")?, NodeEdit::Replace) })
}

/// A parameter's value is a text, and helm makes of it what `--set` does.
fn as_text(setting: &Setting) -> WrittenScalar {
    WrittenScalar { is_text: true, ..setting.value.clone() }
}

fn is_own_field(setting: &Setting) -> bool {
    let own = ["apiVersion", "kind", "metadata", "operation", "spec", "status"];
    matches!(setting.steps.first(), Some(PathStep::Key(key)) if own.contains(&key.as_str()))
}

/// A field of an object: one that is there, or that its kind has.
pub(super) fn manifest(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    setting: &Setting,
) -> Result<PlannedEdit, DeployError> {
    let (resource, content) = (&found.resource, &*found.resource.content);
    let value = checked(resource, setting).map_err(DeployError::Wish)?;
    let made = written(known, setting, content).unwrap_or_else(|| added(known, setting, content));
    Ok(PlannedEdit { value, ..made })
}

/// The value as the field takes it, where it is one that may be set.
fn checked(resource: &Resource<'_>, setting: &Setting) -> Result<WrittenScalar, String> {
    let (kind, path, name) = (&resource.kind, &setting.path, &resource.name);
    if IDENTITY.contains(&path.as_str()) {
        return Err(format!(
            "{path} identifies the object and cannot be set; {name} would become another object"
        ));
    }
    if matches!(setting.steps.first(), Some(PathStep::Key(key)) if key == "status" || key == "operation") {
        return Err(format!("{path} is written by the cluster and cannot be set"));
    }
    let is_there = matches!(reach(&resource.content, &setting.steps), ReachedNode::Value(_));
    match leads(resource, &setting.steps) {
        Some(Leads::To(takes)) => fitting(setting, takes),
        _ if is_there => Ok(setting.value.clone()),
        Some(_) => {
            let article = if kind.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" };
            Err(format!("{article} {kind} has no field {path}{}", proposed(resource, setting)))
        }
        None => Err(format!(
            "{name} has no {path}, and rwenv does not know the fields of a {kind}; only existing fields can be set{}",
            proposed(resource, setting)
        )),
    }
}

/// Where a path leads by what is known of the kind.
fn leads(resource: &Resource<'_>, steps: &[PathStep]) -> Option<Leads> {
    if let [PathStep::Key(metadata), PathStep::Key(list), PathStep::Key(_)] = steps
        && metadata == "metadata"
        && matches!(list.as_str(), "annotations" | "labels")
    {
        return Some(Leads::To(Takes::Text));
    }
    if resource.kind == "Application" {
        let found = APPLICATION.iter().any(|known| is_like(known, steps));
        return Some(if found { Leads::To(Takes::Any) } else { Leads::Nowhere(0, &[]) });
    }
    let slash = if resource.group.is_empty() { "" } else { "/" };
    follow(&format!("{}{slash}{}", resource.group, resource.version), &resource.kind, steps)
}

/// True for the steps of a known path; what holds for the only source holds for each of several.
fn is_like(known: &str, steps: &[PathStep]) -> bool {
    let plain: Vec<&str> = steps
        .iter()
        .filter_map(|step| match step {
            PathStep::Key(key) if key == "sources" => Some("source"),
            PathStep::Key(key) => Some(key.as_str()),
            PathStep::Item(_) => None,
        })
        .collect();
    let keys: Vec<&str> = known.split('.').collect();
    keys.len() == plain.len() && keys.iter().zip(plain).all(|(known, own)| *known == "*" || *known == own)
}

/// The value, in the form a field takes it.
fn fitting(setting: &Setting, takes: Takes) -> Result<WrittenScalar, String> {
    let value = setting.value.clone();
    // What a variable is replaced by is not known here.
    if value.text.contains("${") {
        return Ok(value);
    }
    let is = match takes {
        Takes::Truth => !value.is_text && matches!(value.text.as_str(), "true" | "false"),
        Takes::Whole => !value.is_text && value.text.parse::<i64>().is_ok(),
        Takes::Number => !value.is_text && value.text.parse::<f64>().is_ok(),
        Takes::Text => return Ok(WrittenScalar { is_text: true, ..value }),
        Takes::Any => true,
        Takes::More => false,
    };
    let wanted = match takes {
        Takes::Truth => "takes true or false",
        Takes::Whole => "takes a whole number",
        Takes::Number => "takes a number",
        _ => "is a mapping or a list; name one of its values",
    };
    if is { Ok(value) } else { Err(format!("{} {wanted}", setting.path)) }
}

/// The field that may have been meant.
fn proposed(resource: &Resource<'_>, setting: &Setting) -> String {
    let is_field = |steps: &[PathStep]| {
        matches!(leads(resource, steps), Some(Leads::To(takes)) if takes != Takes::More)
            || matches!(reach(&resource.content, steps), ReachedNode::Value(node) if node.text().is_some())
    };
    let begun = |keys: &&[&str]| {
        let keys = keys.iter().map(|key| PathStep::Key((*key).to_owned()));
        keys.chain(setting.steps.iter().cloned()).collect::<Vec<PathStep>>()
    };
    let container = |list: &str| {
        let keys = ["spec", "template", "spec", list].map(|key| PathStep::Key(key.to_owned()));
        keys.into_iter()
            .chain([PathStep::Item(0)])
            .chain(setting.steps.iter().cloned())
            .collect::<Vec<PathStep>>()
    };
    let mut all = vec![setting.steps.clone()];
    all.extend(BEGINNINGS.iter().map(begun));
    all.push(container("containers"));
    let fit = all.iter().find(|steps| is_field(steps)).cloned();
    let fit = fit.or_else(|| all.iter().filter_map(|steps| mended(resource, steps)).find(|s| is_field(s)));
    fit.map(|steps| format!("; did you mean {}?", shown(&steps))).unwrap_or_default()
}

/// A path with the nearest field in the place of the one that is not there.
fn mended(resource: &Resource<'_>, steps: &[PathStep]) -> Option<Vec<PathStep>> {
    let put = |at: usize, key: String| {
        let mut all = steps.to_vec();
        *all.get_mut(at)? = PathStep::Key(key);
        Some(all)
    };
    let close = |at: usize, fields: &mut dyn Iterator<Item = &'static str>| match steps.get(at) {
        Some(PathStep::Key(key)) => near(key, fields).into_iter().next(),
        _ => None,
    };
    if resource.kind == "Application" {
        return (0..steps.len()).find_map(|at| {
            let fields = APPLICATION.iter().filter_map(|known| known.split('.').nth(at));
            // A field that fits here leads on to the others.
            let mut fields = fields.filter(|field| {
                put(at, (*field).to_owned()).is_some_and(|all| APPLICATION.iter().any(|k| is_like(k, &all)))
            });
            put(at, close(at, &mut fields)?)
        });
    }
    let Some(Leads::Nowhere(at, fields)) = leads(resource, steps) else { return None };
    put(at, close(at, &mut fields.iter().copied())?)
}

/// A path as it is given.
pub(super) fn shown(steps: &[PathStep]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            PathStep::Item(number) => text.push_str(&format!("[{number}]")),
            PathStep::Key(key) => {
                let dot = if text.is_empty() { "" } else { "." };
                text.push_str(&format!("{dot}{}", key.replace('.', "\\.")));
            }
        }
    }
    text
}

/// The edit of a value that is there.
fn written(known: &Knowledge<'_>, setting: &Setting, base: &Node) -> Option<PlannedEdit> {
    let ReachedNode::Value(node) = reach(base, &setting.steps) else { return None };
    Some(edit(known, setting, node, NodeEdit::Replace))
}

/// The edit that adds a value that is not there.
fn added(known: &Knowledge<'_>, setting: &Setting, base: &Node) -> PlannedEdit {
    let ReachedNode::Upto(node, number) = reach(base, &setting.steps) else {
        return edit(known, setting, base, NodeEdit::Replace);
    };
    let missing = setting.steps.get(number..).unwrap_or_default().to_vec();
    edit(known, setting, node, NodeEdit::Add(missing))
}

/// The edit that adds a value below keys that are not there either.
fn below(known: &Knowledge<'_>, setting: &Setting, node: &Node, keys: &[&str]) -> PlannedEdit {
    let keys = keys.iter().map(|key| PathStep::Key((*key).to_owned()));
    edit(known, setting, node, NodeEdit::Add(keys.chain(setting.steps.iter().cloned()).collect()))
}

fn edit(known: &Knowledge<'_>, setting: &Setting, node: &Node, how: NodeEdit) -> PlannedEdit {
    let (file, line) = known.place(node.at);
    let old = if matches!(how, NodeEdit::Replace) { node.text().map(str::to_owned) } else { None };
    let new = setting.value.text.clone();
    let change = ValueChange { file, line, what: setting.path.clone(), old, new, policy: None };
    PlannedEdit { change, node: node.clone(), how, value: setting.value.clone(), variable: None }
}
