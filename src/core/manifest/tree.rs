//! The files of a repository as one value: which there are, and what the YAML among them holds.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;

use super::text::{Decoded, decode};
use super::yaml::{At, LONGEST, Node, Problem, ProblemKind, parse_from};

/// File names of a kustomization, as kustomize looks for them.
pub const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skipped {
    /// A template of a Helm chart: no YAML before it is rendered.
    HelmTemplate,
    /// A template in another place.
    Template,
    /// No text.
    Binary,
}

/// A YAML file, read.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Path from the root of the repository.
    pub path: String,
    /// Its number in the tree, from 1.
    pub number: u32,
    /// The text; none where it is none.
    pub text: Option<String>,
    /// The documents that could be read.
    pub documents: Vec<Node>,
    /// What is wrong with it as YAML.
    pub problems: Vec<Problem>,
    /// Why it is not read, if it is not.
    pub skipped: Option<Skipped>,
    /// It is a pointer into Git LFS.
    pub large_file: bool,
}

/// An object of Kubernetes and where it is defined.
#[derive(Clone, Copy, Debug)]
pub struct Object<'t> {
    /// The file.
    pub path: &'t str,
    /// The document.
    pub node: &'t Node,
    /// `apiVersion` without its version: `apps`, `kustomize.toolkit.fluxcd.io`, empty for the core.
    pub group: &'t str,
    /// `kind`.
    pub kind: &'t str,
    /// `metadata.name`; empty where there is none.
    pub name: &'t str,
    /// `metadata.namespace`, where it is given.
    pub namespace: Option<&'t str>,
}

impl<'t> Object<'t> {
    /// The object a document is, if it is one.
    #[must_use]
    pub fn of(path: &'t str, node: &'t Node) -> Option<Self> {
        let version = node.str(&["apiVersion"])?;
        let kind = node.str(&["kind"])?;
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let name = node.str(&["metadata", "name"]).unwrap_or_default();
        Some(Self { path, node, group, kind, name, namespace: node.str(&["metadata", "namespace"]) })
    }

    /// Where its name stands, or the object begins.
    #[must_use]
    pub fn at(&self) -> At {
        self.node.path(&["metadata", "name"]).map_or(self.node.at, |n| n.at)
    }

    /// `Kind/name` for people.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.kind, if self.name.is_empty() { "(without a name)" } else { self.name })
    }
}

/// A repository's files.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The YAML files by path.
    pub files: BTreeMap<String, File>,
    /// The paths of the YAML files by their number, from 1.
    names: Vec<String>,
    /// The paths of all files.
    paths: BTreeSet<String>,
    /// The paths that are symbolic links.
    links: BTreeSet<String>,
    /// URLs under which this very repository is known.
    pub remotes: Vec<String>,
    /// What files hold that kustomizations name and that are not read as YAML, as far as it was handed in.
    named: BTreeMap<String, Vec<u8>>,
}

/// A file that a generator of kustomize makes a Secret of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SecretSource {
    /// Its path.
    pub(super) path: String,
    /// Each of its lines is a variable.
    pub(super) variables: bool,
}

impl Tree {
    /// Reads files: all paths there are, and the bytes of those that are YAML. Several at a time.
    #[must_use]
    pub fn new(paths: Vec<String>, contents: Vec<(String, Vec<u8>)>, remotes: Vec<String>) -> Self {
        Self { remotes, ..Self::default() }.renewed(paths, &contents).0
    }

    /// The tree with other paths, and other contents of some files; what is not among the contents stays as it was read. False
    /// where another folder has become a chart, or one no longer is: then everything has to be handed in.
    #[must_use]
    pub fn renewed(mut self, paths: Vec<String>, contents: &[(String, Vec<u8>)]) -> (Self, bool) {
        let paths: BTreeSet<String> = paths.into_iter().collect();
        let charts = charts_in(&paths);
        let whole = self.files.is_empty() || charts_in(&self.paths) == charts;
        let mut numbered: Vec<(u32, &(String, Vec<u8>))> = Vec::with_capacity(contents.len());
        for content in contents {
            numbered.push((self.number(&content.0), content));
        }
        let files =
            side_by_side(&numbered, |(number, (path, bytes))| File::read(path, *number, bytes, &charts));
        self.files.retain(|path, _| paths.contains(path));
        self.files.extend(files.into_iter().map(|file| (file.path.clone(), file)));
        drop(charts);
        self.paths = paths;
        (self, whole)
    }

    /// The number of a path, which stays the same for as long as the tree lives.
    fn number(&mut self, path: &str) -> u32 {
        if let Some(file) = self.files.get(path) {
            return file.number;
        }
        self.names.push(path.to_owned());
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    /// True for names of files that may hold manifests, whatever reads them: kustomize takes any name, and JSON is YAML.
    #[must_use]
    pub fn may_be_manifest(path: &str) -> bool {
        let ends = |end: &str| {
            path.len() > end.len()
                && path.get(path.len() - end.len()..).is_some_and(|e| e.eq_ignore_ascii_case(end))
        };
        Self::is_yaml(path) || [".yaml", ".yml", ".json"].into_iter().any(ends)
    }

    /// True for names of files that hold YAML.
    #[must_use]
    pub fn is_yaml(path: &str) -> bool {
        path.ends_with(".yaml") || path.ends_with(".yml") || path.rsplit('/').next() == Some("Kustomization")
    }

    /// The file a place is in.
    #[must_use]
    pub fn file_of(&self, at: At) -> &str {
        let number = usize::try_from(at.file).ok().and_then(|n| n.checked_sub(1));
        number.and_then(|n| self.names.get(n)).map_or("", String::as_str)
    }

    /// The same tree, these paths of it known as symbolic links.
    #[must_use]
    pub fn with_links(mut self, links: BTreeSet<String>) -> Self {
        self.links = links;
        self
    }

    /// The same tree, with these files in it that are too large to be read.
    #[must_use]
    pub fn with_large(mut self, large: Vec<String>) -> Self {
        for path in large {
            let number = self.number(&path);
            let at = At { file: number, ..At::START };
            let message = format!("is too large to check (limit: {LONGEST} bytes)");
            let problems = vec![Problem { at, kind: ProblemKind::Limit, message }];
            let file = File { path: path.clone(), number, problems, ..File::default() };
            self.files.insert(path, file);
        }
        self
    }

    /// True for a symbolic link, and for what lies behind one.
    #[must_use]
    pub fn is_link(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        !self.links.is_empty()
            && ends.into_iter().any(|end| path.get(..end).is_some_and(|p| self.links.contains(p)))
    }

    /// True for values that a chart only shows: its defaults, and those of its tests and examples.
    #[must_use]
    pub(super) fn is_shown_by_chart(&self, path: &str) -> bool {
        let (folder, name) = (folder_of(path), path.rsplit('/').next().unwrap_or_default());
        let is_chart = |folder: &str| join(folder, "Chart.yaml").is_some_and(|chart| self.has_file(&chart));
        let beside = matches!(folder.rsplit('/').next(), Some("ci" | "example" | "examples"));
        (matches!(name, "values.yaml" | "values.yml") && is_chart(folder))
            || (beside && is_chart(folder_of(folder)))
    }

    /// True for the templates of a chart.
    #[must_use]
    pub(super) fn is_chart_template(&self, path: &str) -> bool {
        let folders = path.match_indices("templates/").filter_map(|(at, _)| path.get(..at));
        folders.into_iter().any(|folder| self.has_file(&format!("{folder}Chart.yaml")))
    }

    /// True where there is a file of this path.
    #[must_use]
    pub fn has_file(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// True where a file lies below this folder; the root is the empty path.
    #[must_use]
    pub fn has_folder(&self, path: &str) -> bool {
        path.is_empty() || self.below(path).next().is_some()
    }

    /// The paths of the files below a folder.
    pub fn below<'t>(&'t self, folder: &str) -> impl Iterator<Item = &'t str> + use<'t> {
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        self.paths.range(start.clone()..).take_while(move |p| p.starts_with(&start)).map(String::as_str)
    }

    /// The kustomization of a folder.
    #[must_use]
    pub fn kustomization(&self, folder: &str) -> Option<&File> {
        KUSTOMIZATION.iter().find_map(|name| self.files.get(&join(folder, name)?))
    }

    /// The files that generators make Secrets of.
    #[must_use]
    pub(super) fn secret_sources(&self) -> Vec<SecretSource> {
        let named = |name: &str| KUSTOMIZATION.contains(&name.rsplit('/').next().unwrap_or_default());
        let mut all = Vec::new();
        for file in self.files.values().filter(|file| named(&file.path)) {
            let generators = file.documents.iter().filter_map(|document| document.get("secretGenerator"));
            for generator in generators.flat_map(Node::items) {
                for (key, variables) in [("files", false), ("envs", true), ("env", true)] {
                    let Some(value) = generator.get(key) else { continue };
                    let texts = value.items().iter().filter_map(Node::text).chain(value.text());
                    let paths = texts.map(|text| text.split_once('=').map_or(text, |(_, path)| path));
                    let paths = paths.filter_map(|path| join(file.folder(), path));
                    all.extend(
                        paths.filter(|path| self.has_file(path)).map(|path| SecretSource { path, variables }),
                    );
                }
            }
        }
        all
    }

    /// The same tree with what these files hold, which are not read as YAML.
    #[must_use]
    pub fn with_named(mut self, contents: Vec<(String, Vec<u8>)>) -> Self {
        self.named = contents.into_iter().collect();
        self
    }

    /// What a file holds that is not read as YAML.
    #[must_use]
    pub fn named(&self, path: &str) -> Option<&[u8]> {
        self.named.get(path).map(Vec::as_slice)
    }

    /// The text of a file.
    #[must_use]
    pub fn text_of(&self, path: &str) -> Option<Cow<'_, str>> {
        if let Some(file) = self.files.get(path) {
            return file.text.as_deref().map(Cow::Borrowed);
        }
        match decode(self.named.get(path)?) {
            Decoded::Text(text) => Some(Cow::Owned(text)),
            Decoded::Binary | Decoded::LargeFile => None,
        }
    }

    /// Every object of every file.
    pub fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        self.files.values().flat_map(File::objects)
    }
}

impl File {
    fn read(path: &str, number: u32, bytes: &[u8], charts: &BTreeSet<&str>) -> Self {
        let mut file = Self { path: path.to_owned(), number, ..Self::default() };
        match decode(bytes) {
            Decoded::Binary => file.skipped = Some(Skipped::Binary),
            Decoded::LargeFile => file.large_file = true,
            Decoded::Text(text) if in_chart(path, charts) => {
                file.skipped = Some(Skipped::HelmTemplate);
                file.text = Some(text);
            }
            Decoded::Text(text) => {
                let parsed = parse_from(&text, At { file: number, line: 0, column: 0 });
                let broken = parsed.problems.iter().any(|p| p.kind == ProblemKind::Syntax);
                if broken && text.contains("{{") {
                    file.skipped = Some(Skipped::Template);
                } else {
                    file.documents = parsed.documents;
                    file.problems = parsed.problems;
                }
                file.text = Some(text);
            }
        }
        file
    }

    /// The objects it defines, those in lists (`kind: List`) too.
    pub fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        self.documents.iter().flat_map(|document| {
            let listed = document.str(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
            let items = if listed { document.get("items").map(Node::items).unwrap_or_default() } else { &[] };
            let own = (!listed).then_some(document);
            own.into_iter().chain(items).filter_map(|node| Object::of(&self.path, node))
        })
    }

    /// The folder it lies in.
    #[must_use]
    pub fn folder(&self) -> &str {
        folder_of(&self.path)
    }
}

/// Does the same work on every item, several at a time, and keeps their order.
pub fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(workers).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let chunks = items.chunks(share);
        let handles: Vec<_> =
            chunks.map(|chunk| scope.spawn(move || chunk.iter().map(work).collect::<Vec<R>>())).collect();
        let results = handles.into_iter().map(|handle| match handle.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        results.flatten().collect()
    })
}

/// The folder of a path; empty for the root.
#[must_use]
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folders of charts, with a slash at their ends.
fn charts_in(paths: &BTreeSet<String>) -> BTreeSet<&str> {
    let folders = paths.iter().filter_map(|path| path.strip_suffix("Chart.yaml"));
    folders.filter(|folder| folder.is_empty() || folder.ends_with('/')).collect()
}

/// True for the templates of a chart.
fn in_chart(path: &str, charts: &BTreeSet<&str>) -> bool {
    charts.iter().any(|chart| path.strip_prefix(chart).is_some_and(|rest| rest.starts_with("templates/")))
}

/// The folder that Flux takes for a path: what leads out of the source ends at its root (`securejoin.SecureJoin`).
#[must_use]
pub fn secure_join(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Where a path leads from a folder; none where it leaves the repository.
#[must_use]
pub fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = if path.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').filter(|p| !p.is_empty()).collect()
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
