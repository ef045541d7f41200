//! What the server would make of a manifest, by its own dry run.

use std::collections::BTreeMap;

use hyper::Request;
use serde_json::Value;

use super::difference::{Difference, Field, ObjectFate, fields};
use super::{Flux, FluxError};
use rwenv_core::manifest::yaml;

/// A manifest by what it names.
struct NamedManifest<'d> {
    version: String,
    kind: String,
    namespace: String,
    name: String,
    text: &'d str,
    encrypted: bool,
}

impl<'d> NamedManifest<'d> {
    fn of(text: &'d str) -> Option<Self> {
        let parsed = yaml::parse(text);
        let root = parsed.documents.first()?;
        Some(Self {
            version: root.string(&["apiVersion"])?,
            kind: root.string(&["kind"])?,
            namespace: root.string(&["metadata", "namespace"]).unwrap_or_default(),
            name: root.string(&["metadata", "name"])?,
            text,
            encrypted: root.get("sops").is_some(),
        })
    }

    fn difference(&self, fate: ObjectFate, fields: Vec<Field>, why: Option<String>) -> Difference {
        let [kind, namespace, name] = [&self.kind, &self.namespace, &self.name].map(Clone::clone);
        Difference { fate, kind, namespace, name, fields, why, with: None }
    }

    /// Its identity in an inventory (cli-utils, `object.ObjMetadata.String`).
    fn id(&self) -> String {
        let group = self.version.split_once('/').map_or("", |(group, _)| group);
        format!("{}_{}_{group}_{}", self.namespace, self.name.replace(':', "__"), self.kind)
    }
}

/// What would become of one manifest.
pub(super) struct Told {
    /// Its identity in an inventory.
    pub(super) id: String,
    /// None where it would stay as it is.
    pub(super) difference: Option<Difference>,
    /// The object as it would be.
    pub(super) after: Option<Value>,
    /// Why the server would not take it.
    pub(super) refused: Option<String>,
}

/// What the server answers in the place of an object.
pub(super) struct ServerRefusal {
    /// The HTTP status.
    pub(super) code: u16,
    /// The reason in words. It may repeat values.
    message: String,
}

/// What came of a dry run.
#[derive(Default)]
struct DryRun {
    difference: Option<Difference>,
    after: Option<Value>,
    refused: Option<String>,
}

/// Asks what would become of a manifest, which is in this namespace where it names none, and applied by this manager; none for what is no
/// manifest.
pub(super) async fn document(
    flux: &Flux,
    text: &str,
    (namespace, manager): (&str, &str),
    kinds: &mut Kinds,
) -> Result<Option<Told>, FluxError> {
    let Some(mut named) = NamedManifest::of(text) else { return Ok(None) };
    let known = kinds.find(flux, &named.version, &named.kind).await?;
    if known.as_ref().is_some_and(|(_, namespaced)| *namespaced) && named.namespace.is_empty() {
        namespace.clone_into(&mut named.namespace);
    }
    let why = match (&known, named.encrypted) {
        (_, true) => Some("it is encrypted, and only the controller can read it".to_owned()),
        (None, _) => Some(format!("the cluster has no {} {} yet", named.version, named.kind)),
        _ => None,
    };
    let DryRun { difference, after, refused } = match (why, known) {
        (None, Some((plural, _))) => compared(flux, &named, &plural, manager).await?,
        (why, _) => DryRun {
            difference: Some(named.difference(ObjectFate::Unknown, Vec::new(), why)),
            ..DryRun::default()
        },
    };
    Ok(Some(Told { id: named.id(), difference, after, refused }))
}

/// Why the server would not take the manifest of an object as this manager applies it; none where it would, or cannot be asked. What names
/// another object is not asked about.
pub(super) async fn refusal(
    flux: &Flux,
    text: &str,
    wanted: (&str, &str, &str),
    place: (&str, &str),
) -> Result<Option<String>, FluxError> {
    let Some(named) = NamedManifest::of(text) else { return Ok(None) };
    let namespace = if named.namespace.is_empty() { place.0 } else { &named.namespace };
    if (named.kind.as_str(), namespace, named.name.as_str()) != wanted {
        return Ok(None);
    }
    Ok(document(flux, text, place, &mut Kinds::default()).await?.and_then(|told| told.refused))
}

/// Kinds that were asked for: plural and whether they are in namespaces, by version and kind.
#[derive(Default)]
pub(super) struct Kinds {
    all: BTreeMap<String, Vec<(String, String, bool)>>,
}

impl Kinds {
    pub(super) async fn find(
        &mut self,
        flux: &Flux,
        version: &str,
        kind: &str,
    ) -> Result<Option<(String, bool)>, FluxError> {
        if !self.all.contains_key(version) {
            let resources = flux.cluster.resources(version).await?.into_iter();
            let all = resources.map(|resource| (resource.kind, resource.name, resource.namespaced)).collect();
            self.all.insert(version.to_owned(), all);
        }
        let found = self.all.get(version).into_iter().flatten().find(|(known, _, _)| known == kind);
        Ok(found.map(|(_, plural, namespaced)| (plural.clone(), *namespaced)))
    }
}

/// The path of an object on the server.
pub(super) fn path(version: &str, plural: &str, namespace: &str, name: &str) -> String {
    let root = if version.contains('/') { "apis" } else { "api" };
    let place = if namespace.is_empty() { String::new() } else { format!("namespaces/{namespace}/") };
    format!("/{root}/{version}/{place}{plural}/{name}")
}

/// What would happen to one object, none where it would stay as it is; and the object as it would be.
async fn compared(
    flux: &Flux,
    named: &NamedManifest<'_>,
    plural: &str,
    manager: &str,
) -> Result<DryRun, FluxError> {
    let path = path(&named.version, plural, &named.namespace, &named.name);
    let applied = format!("{path}?dryRun=All&force=true&fieldManager={manager}");
    let request = Request::patch(applied).header("content-type", "application/apply-patch+yaml");
    let before = ask(flux, Request::get(&path), Vec::new()).await?;
    let after = ask(flux, request, named.text.as_bytes().to_vec()).await?;
    Ok(match (before, after) {
        (Ok(before), Ok(after)) => {
            let fields = fields(&named.kind, &before, &after);
            let changed = (!fields.is_empty()).then(|| named.difference(ObjectFate::Changed, fields, None));
            DryRun { difference: changed, after: Some(after), refused: None }
        }
        (Err(no), Ok(after)) if no.code == 404 => {
            let created = named.difference(ObjectFate::Created, Vec::new(), None);
            DryRun { difference: Some(created), after: Some(after), refused: None }
        }
        // Its namespace is made by the same Kustomization.
        (Err(before), Err(after)) if before.code == 404 && after.code == 404 => DryRun {
            difference: Some(named.difference(ObjectFate::Created, Vec::new(), None)),
            ..DryRun::default()
        },
        (_, Err(no)) | (Err(no), _) => {
            let why = format!("the server answered {} to the dry run", no.code);
            DryRun {
                difference: Some(named.difference(ObjectFate::Unknown, Vec::new(), Some(why))),
                after: None,
                refused: is_invalid(no.code).then_some(no.message),
            }
        }
    })
}

/// True for an answer that says of an object that it is wrong: the server does not read it, or does not take it. A field that a kind does
/// not have was an internal error before Kubernetes 1.31.
fn is_invalid(code: u16) -> bool {
    matches!(code, 400 | 422 | 500)
}

/// The object, or what the server answers instead.
pub(super) async fn ask(
    flux: &Flux,
    request: hyper::http::request::Builder,
    body: Vec<u8>,
) -> Result<Result<Value, ServerRefusal>, FluxError> {
    let asked = async {
        let request = request.body(body).map_err(kube::Error::HttpError)?;
        match flux.cluster.client().request::<Value>(request).await {
            Ok(object) => Ok(Ok(object)),
            Err(kube::Error::Api(status)) if !matches!(status.code, 401 | 403) => {
                Ok(Err(ServerRefusal { code: status.code, message: status.message.clone() }))
            }
            Err(error) => Err(error),
        }
    };
    Ok(flux.cluster.answer("try a change (dry run)", asked).await?)
}
