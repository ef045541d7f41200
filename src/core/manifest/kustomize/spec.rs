//! What a kustomization file says, and what a Flux Kustomization adds to it.

use std::sync::Arc;

use super::image::Image;
use crate::manifest::yaml::{At, Node, Value};

/// A patch: where its text is, and what it is for.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The text, or the path of the file that has it.
    pub source: PatchSource,
    /// What it is applied to; what it names itself, where there is none.
    pub target: Option<Selector>,
    /// It may change the name.
    pub rename: bool,
    /// It may change the kind.
    pub rekind: bool,
    /// Entry of `patchesJson6902`: names it gives are no new identity.
    pub json_only: bool,
}

/// Where a patch's text is.
#[derive(Clone, Debug)]
pub enum PatchSource {
    /// In the kustomization, at this place.
    Inline(String, At),
    /// In a file.
    Path(String, At),
}

/// What a patch or replacement is applied to: every pattern has to match (kustomize, `types.Selector`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Pattern for the API group.
    pub group: Option<String>,
    /// Pattern for the version.
    pub version: Option<String>,
    /// Pattern for the kind.
    pub kind: Option<String>,
    /// Pattern for the name.
    pub name: Option<String>,
    /// Pattern for the namespace.
    pub namespace: Option<String>,
    /// Requirements on labels.
    pub labels: Option<String>,
    /// Requirements on annotations.
    pub annotations: Option<String>,
}

impl Selector {
    /// Reads a target.
    #[must_use]
    pub fn read(node: &Node) -> Self {
        let text = |key: &str| node.str(&[key]).filter(|t| !t.is_empty()).map(str::to_owned);
        Self {
            group: text("group"),
            version: text("version"),
            kind: text("kind"),
            name: text("name"),
            namespace: text("namespace"),
            labels: text("labelSelector"),
            annotations: text("annotationSelector"),
        }
    }
}

/// A text and where it stands.
pub type Placed = (String, At);

/// `apiVersion` of a kustomization and of a component.
const VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

/// A kustomization, as far as it decides what there is and what it is called.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Files, folders and remote bases.
    pub resources: Vec<Placed>,
    /// Folders of components.
    pub components: Vec<Placed>,
    /// `configMapGenerator` and `secretGenerator`: the kind, and the entry.
    pub generators: Vec<(&'static str, Node)>,
    /// `generatorOptions`.
    pub options: Option<Node>,
    /// Namespace that is set.
    pub namespace: Option<String>,
    /// Put before names.
    pub prefix: String,
    /// Put behind names.
    pub suffix: String,
    /// Labels that are added.
    pub labels: Vec<Arc<(String, String)>>,
    /// Those of them that pods get too.
    pub pod_labels: Vec<Arc<(String, String)>>,
    /// Annotations that are added.
    pub annotations: Vec<Arc<(String, String)>>,
    /// `patchesStrategicMerge`, which come first.
    pub merges: Vec<Patch>,
    /// `patches`.
    pub patches: Vec<Patch>,
    /// `patchesJson6902`, which come after names are set.
    pub json_patches: Vec<Patch>,
    /// `images`.
    pub images: Vec<Arc<Image>>,
    /// `replicas`: names and numbers.
    pub replicas: Vec<(String, String, At)>,
    /// `replacements`.
    pub replacements: Vec<Node>,
    /// `generators`: configurations of plugins.
    pub plugins: Vec<Placed>,
    /// `transformers` and `validators`: configurations of plugins that come last.
    pub transformers: Vec<Placed>,
    /// `configurations`, `crds` and `openapi`: files that say how kustomize builds.
    pub configurations: Vec<Placed>,
    /// How many charts kustomize is to render, and where that is said.
    pub charts: Vec<(usize, At)>,
    /// It is a component.
    pub component: bool,
    /// What kustomize would not take.
    pub problems: Vec<(At, String)>,
}

impl Spec {
    /// Reads a kustomization file's document.
    #[must_use]
    pub fn read(node: &Node) -> Self {
        let texts = |key: &str| -> Vec<Placed> {
            let items = node.get(key).map(Node::items).unwrap_or_default();
            items.iter().filter_map(|item| Some((item.text()?.to_owned(), item.at))).collect()
        };
        let mut spec = Self {
            resources: [texts("resources"), texts("bases")].concat(),
            components: texts("components"),
            options: node.get("generatorOptions").cloned(),
            namespace: node.str(&["namespace"]).filter(|ns| !ns.is_empty()).map(str::to_owned),
            prefix: node.str(&["namePrefix"]).unwrap_or_default().to_owned(),
            suffix: node.str(&["nameSuffix"]).unwrap_or_default().to_owned(),
            plugins: texts("generators"),
            transformers: [texts("transformers"), texts("validators")].concat(),
            configurations: [texts("configurations"), texts("crds")].concat(),
            component: node.str(&["kind"]) == Some("Component"),
            ..Self::default()
        };
        for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
            let items = node.get(field).map(Node::items).unwrap_or_default();
            spec.generators.extend(items.iter().map(|item| (kind, item.clone())));
        }
        spec.read_marks(node);
        spec.read_patches(node);
        let images =
            node.get("images").or_else(|| node.get("imageTags")).map(Node::items).unwrap_or_default();
        spec.images = images.iter().map(|item| Arc::new(image(item))).collect();
        let replicas = node.get("replicas").map(Node::items).unwrap_or_default();
        let scaled = |r: &Node| Some((r.string(&["name"])?, r.string(&["count"]).unwrap_or_default(), r.at));
        spec.replicas = replicas.iter().filter_map(scaled).collect();
        spec.replacements = node.get("replacements").map(Node::items).unwrap_or_default().to_vec();
        let openapi = node.path(&["openapi", "path"]);
        spec.configurations.extend(openapi.and_then(|path| Some((path.text()?.to_owned(), path.at))));
        spec.complain(node);
        spec
    }

    fn read_marks(&mut self, node: &Node) {
        let pairs = |from: Option<&Node>| -> Vec<Arc<(String, String)>> {
            let entries = from.map(Node::entries).unwrap_or_default();
            entries
                .iter()
                .filter_map(|(k, v)| {
                    Some(Arc::new((k.text()?.to_owned(), v.text().unwrap_or_default().to_owned())))
                })
                .collect()
        };
        self.labels = pairs(node.get("commonLabels"));
        self.pod_labels.clone_from(&self.labels);
        for entry in node.get("labels").map(Node::items).unwrap_or_default() {
            let more = pairs(entry.get("pairs"));
            let to_pods = |key: &&str| entry.str(&[key]) == Some("true");
            if ["includeSelectors", "includeTemplates"].iter().any(to_pods) {
                self.pod_labels.extend(more.iter().cloned());
            }
            self.labels.extend(more);
        }
        self.annotations = pairs(node.get("commonAnnotations"));
    }

    fn read_patches(&mut self, node: &Node) {
        for item in node.get("patchesStrategicMerge").map(Node::items).unwrap_or_default() {
            let Some(text) = item.text() else { continue };
            let inline = text.trim().contains('\n') || text.contains(": ");
            let source = if inline {
                PatchSource::Inline(text.to_owned(), item.at)
            } else {
                PatchSource::Path(text.to_owned(), item.at)
            };
            self.merges.push(Patch { source, target: None, rename: false, rekind: false, json_only: false });
        }
        self.patches = patches(node.get("patches"), false);
        self.json_patches = patches(node.get("patchesJson6902"), true);
    }

    fn complain(&mut self, node: &Node) {
        self.problems = super::shape::faults(node);
        let kind = node.str(&["kind"]).unwrap_or("Kustomization");
        if !matches!(kind, "Kustomization" | "Component") {
            self.problems.push((node.at, format!("kind is {kind}, not Kustomization or Component")));
        }
        let wanted = if kind == "Component" { COMPONENT_VERSION } else { VERSION };
        if let Some((version, value)) = node.str(&["apiVersion"]).zip(node.get("apiVersion"))
            && version != wanted
        {
            self.problems.push((value.at, format!("apiVersion is {version}, not {wanted}")));
        }
        for item in
            ["patches", "patchesJson6902"].iter().filter_map(|key| node.get(key)).flat_map(Node::items)
        {
            let given = |key: &str| item.str(&[key]).is_some_and(|text| !text.trim().is_empty());
            if !item.entries().is_empty() && given("patch") == given("path") {
                self.problems.push((item.at, "a patch needs either 'patch' or 'path'".to_owned()));
            }
        }
        let charts = ["helmCharts", "helmChartInflationGenerator"].map(|key| node.entry(key));
        self.charts = (charts.into_iter().flatten())
            .filter(|(_, value)| !value.items().is_empty())
            .map(|(key, value)| (value.items().len(), key.at))
            .collect();
    }

    /// Adds what a Flux Kustomization says, as its controller does (fluxcd/pkg, `kustomize.Generator`).
    pub fn add_flux(&mut self, spec: &Node) {
        let text = |key: &str| spec.str(&[key]).filter(|t| !t.is_empty()).map(str::to_owned);
        if let Some(namespace) = text("targetNamespace") {
            self.namespace = Some(namespace);
        }
        if let Some(prefix) = text("namePrefix") {
            self.prefix = prefix;
        }
        if let Some(suffix) = text("nameSuffix") {
            self.suffix = suffix;
        }
        self.patches.extend(patches(spec.get("patches"), false));
        let inline = spec.get("patchesStrategicMerge").map(Node::items).unwrap_or_default();
        for item in inline.iter().filter(|item| !item.entries().is_empty()) {
            let source = PatchSource::Inline(super::render::yaml(item), item.at);
            self.merges.push(Patch { source, target: None, rename: false, rekind: false, json_only: false });
        }
        for item in spec.get("patchesJson6902").map(Node::items).unwrap_or_default() {
            let Some(patch) = item.get("patch") else { continue };
            let source = PatchSource::Inline(super::render::yaml(patch), patch.at);
            let target = item.get("target").map(Selector::read);
            self.json_patches.push(Patch { source, target, rename: false, rekind: false, json_only: true });
        }
        for item in spec.get("components").map(Node::items).unwrap_or_default() {
            self.components.extend(item.text().map(|text| (text.to_owned(), item.at)));
        }
        for item in spec.get("images").map(Node::items).unwrap_or_default() {
            let new = image(item);
            match self.images.iter_mut().find(|known| known.name == new.name) {
                Some(known) => *known = Arc::new(new),
                None => self.images.push(Arc::new(new)),
            }
        }
    }
}

fn image(node: &Node) -> Image {
    let text = |key: &str| node.str(&[key]).filter(|t| !t.is_empty()).map(str::to_owned);
    let placed = |key: &str| Some((text(key)?, node.get(key)?.at));
    Image {
        name: text("name").unwrap_or_default(),
        new_name: text("newName"),
        new_tag: placed("newTag"),
        digest: placed("digest"),
        at: node.at,
    }
}

fn patches(from: Option<&Node>, json_only: bool) -> Vec<Patch> {
    let mut all = Vec::new();
    for item in from.map(Node::items).unwrap_or_default() {
        let inline = item.get("patch").filter(|n| n.text().is_some_and(|t| !t.trim().is_empty()));
        let source = match (inline, item.get("path").filter(|n| n.text().is_some_and(|t| !t.is_empty()))) {
            (Some(_), Some(_)) => continue,
            (Some(node), None) => PatchSource::Inline(node.text().unwrap_or_default().to_owned(), node.at),
            (None, Some(node)) => PatchSource::Path(node.text().unwrap_or_default().to_owned(), node.at),
            (None, None) => continue,
        };
        let target = item.get("target").filter(|n| matches!(n.resolved().value, Value::Map(_)));
        let allowed = |key: &str| item.str(&["options", key]) == Some("true");
        all.push(Patch {
            source,
            target: target.map(Selector::read),
            rename: allowed("allowNameChange"),
            rekind: allowed("allowKindChange"),
            json_only,
        });
    }
    all
}
