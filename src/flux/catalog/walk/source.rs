//! Which folder of the repository a unit applies: where its source is this very repository, or is made out of it.

use std::collections::BTreeMap;

use super::super::knowledge::Applier;
use super::artifacts::of_url;
use super::state::Walk;
use rwenv_core::manifest::tree::{folder_of, join, secure_join};
use rwenv_core::manifest::yaml::{At, Node};
use rwenv_core::model::same_repository;

/// Group of GitRepositories and their like.
const SOURCE: &str = "source.toolkit.fluxcd.io";
/// Group of ArtifactGenerators.
const EXTENSIONS: &str = "source.extensions.fluxcd.io";

/// A reference to a source.
#[derive(Clone, Copy, Debug)]
struct SourceReference<'n> {
    kind: &'n str,
    name: &'n str,
    namespace: &'n str,
}

impl Walk<'_, '_> {
    /// The folder a unit applies; none where that is elsewhere, or not there, which is told.
    pub(super) fn folder_of(
        &mut self,
        applier: Applier,
        spec: &Node,
        owner: (usize, &str),
        at: At,
    ) -> Option<String> {
        let (written, place) = match applier {
            Applier::Flux => {
                let path = spec.get("path");
                let text = path.and_then(Node::text).unwrap_or_default();
                (text.to_owned(), (self.flux_folder(spec, owner, text)?, path.map_or(at, |node| node.at)))
            }
            Applier::Argo => {
                let source = super::argo::source(spec)?;
                let path = source.str(&["path"]).unwrap_or_default().to_owned();
                let here = self.argo_is_here(source);
                (path.clone(), (if here { join("", &path) } else { return None }, source.at))
            }
            Applier::Folder => return None,
        };
        let (folder, at) = place;
        match folder.filter(|folder| self.knowledge.tree.has_folder(folder)) {
            Some(folder) => Some(folder),
            None => {
                self.problem(at, format!("applies '{written}', which does not exist"));
                None
            }
        }
    }

    /// Outer none: another repository. Inner none: out of this one.
    fn flux_folder(&self, spec: &Node, owner: (usize, &str), path: &str) -> Option<Option<String>> {
        let (cluster, namespace) = owner;
        // Without a source there is none to be read: something above adds the one it is itself read from. A path has to say which
        // part of that: all of a repository, with what names it again, is never meant.
        let Some(source) = spec.get("sourceRef") else {
            let named = !path.trim_matches(['.', '/']).is_empty();
            return named.then(|| self.within(cluster, path));
        };
        let reference = SourceReference {
            kind: source.str(&["kind"]).unwrap_or("GitRepository"),
            name: source.str(&["name"])?,
            namespace: source.str(&["namespace"]).unwrap_or(namespace),
        };
        if reference.kind == "ExternalArtifact" {
            let folder = self.artifact(cluster, reference, path)?;
            return Some(self.within(cluster, &folder));
        }
        if self.is_here(cluster, reference) {
            return Some(self.within(cluster, path));
        }
        // An artifact of its own, made of a folder of this repository.
        let all = self.defined(cluster, SOURCE, "OCIRepository");
        let meant = all.iter().filter(|_| reference.kind == "OCIRepository").find(|(name, namespace, _)| {
            name == reference.name && namespace.as_ref().is_none_or(|ns| ns == reference.namespace)
        });
        let folder = of_url(&self.pushed, meant?.2.str(&["spec", "url"])?)?;
        Some(join(folder, &secure_join(path)))
    }

    /// True where a source is this repository at the commit that is read.
    fn is_here(&self, cluster: usize, source: SourceReference<'_>) -> bool {
        let Some(root) = self.knowledge.clusters.get(cluster) else { return false };
        if root.source.as_ref().is_some_and(|(kind, name)| kind == source.kind && name == source.name) {
            return true;
        }
        let tree = self.knowledge.tree;
        let all = self.defined(cluster, SOURCE, source.kind);
        let root_source = root.source.as_ref().filter(|(kind, _)| kind == source.kind);
        let root_source = root_source.and_then(|(_, own)| all.iter().find(|(name, ..)| name == own));
        let followed = root_source.and_then(|(.., node)| branch(node));
        all.iter().any(|(name, namespace, node)| {
            let own = name == source.name && namespace.as_ref().is_none_or(|ns| ns == source.namespace);
            let pinned = ["commit", "tag", "semver", "digest"]
                .iter()
                .any(|key| node.str(&["spec", "ref", key]).is_some());
            let aside = followed.is_some() && branch(node).is_some_and(|own| Some(own) != followed);
            let url = node.str(&["spec", "url"]).unwrap_or_default();
            let known = tree.remotes.iter().map(String::as_str).chain(root.url.as_deref());
            own && !pinned && !aside && known.into_iter().any(|known| same_repository(known, url))
        })
    }

    /// Objects of a kind: those applied to the cluster, or, where there are none, those in any file.
    fn defined(&self, cluster: usize, group: &str, kind: &str) -> Vec<(String, Option<String>, Node)> {
        let known = &self.knowledge;
        let applied = known.of_kind(group, kind).filter(|(_, found)| known.cluster_of(found) == cluster);
        let mut all: Vec<_> = applied
            .map(|(_, found)| {
                let resource = &found.resource;
                let namespace = resource.namespace().map(str::to_owned);
                (resource.name.to_string(), namespace, known.content(found).into_owned())
            })
            .collect();
        let declared = self.declared.iter().filter(|o| o.group == group && o.kind == kind);
        all.extend(declared.map(|o| (o.name.to_owned(), o.namespace.map(str::to_owned), o.node.clone())));
        all
    }

    /// The folder of the source that a folder of an artifact is made of (source-watcher, `ArtifactGenerator.spec.artifacts`).
    fn artifact(&self, cluster: usize, artifact: SourceReference<'_>, path: &str) -> Option<String> {
        let path = join("", path)?;
        self.defined(cluster, EXTENSIONS, "ArtifactGenerator").iter().find_map(|(_, namespace, node)| {
            let spec = node
                .get("spec")
                .filter(|_| namespace.as_deref().is_none_or(|ns| ns == artifact.namespace))?;
            let entry =
                spec.get("artifacts")?.items().iter().find(|a| a.str(&["name"]) == Some(artifact.name))?;
            let copies = entry.get("copy").map(Node::items).unwrap_or_default();
            let candidates = copies.iter().filter_map(|copy| {
                let (alias, from) = copy.str(&["from"])?.strip_prefix('@')?.split_once('/')?;
                let source =
                    spec.get("sources")?.items().iter().find(|s| s.str(&["alias"]) == Some(alias))?;
                let reference = SourceReference {
                    kind: source.str(&["kind"])?,
                    name: source.str(&["name"])?,
                    namespace: source.str(&["namespace"]).unwrap_or(artifact.namespace),
                };
                let here = self.is_here(cluster, reference);
                original(from, copy.str(&["to"])?.strip_prefix("@artifact")?, &path).filter(|_| here)
            });
            let there = |folder: &String| {
                self.within(cluster, folder).is_some_and(|full| self.knowledge.tree.has_folder(&full))
            };
            candidates.filter(there).max_by_key(String::len)
        })
    }

    /// The folders of an Application's further sources, each with what it says.
    pub(super) fn more_sources(&self, spec: &Node) -> Vec<(String, Node)> {
        let first = super::argo::source(spec).map(|source| source.at);
        let all = spec.get("sources").map(Node::items).unwrap_or_default();
        let others = all.iter().filter(|source| Some(source.at) != first && source.get("chart").is_none());
        let folders = others.filter_map(|source| {
            let folder = join("", source.str(&["path"])?)?;
            let mut alone = spec.clone();
            alone.remove("sources");
            alone.set("source", source.clone());
            (self.argo_is_here(source) && self.knowledge.tree.has_folder(&folder)).then_some((folder, alone))
        });
        folders.collect()
    }

    /// True where a source of an Application is this repository.
    fn argo_is_here(&self, source: &Node) -> bool {
        let home = self.argo.get_or_init(|| self.argo_home());
        source.str(&["repoURL"]).is_some_and(|url| home.iter().any(|known| same_repository(known, url)))
    }

    /// The URLs under which Applications know this repository: those of its remotes they name, or, where they name none of these, the one
    /// that most of them name for folders that are here.
    fn argo_home(&self) -> Vec<String> {
        let tree = self.knowledge.tree;
        let objects = self.declared.iter().filter(|o| o.group == super::argo::GROUP);
        let specs =
            objects.filter_map(|o| o.node.path(&["spec", "template", "spec"]).or_else(|| o.node.get("spec")));
        let urls = specs.filter_map(|spec| {
            let source = super::argo::source(spec)?;
            let folder = join("", source.str(&["path"])?)?;
            source.str(&["repoURL"]).filter(|_| folder.contains("{{") || tree.has_folder(&folder))
        });
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        urls.for_each(|url| *count.entry(url).or_default() += 1);
        let remote = |url: &&str| tree.remotes.iter().any(|remote| same_repository(remote, url));
        if count.keys().any(remote) {
            return tree.remotes.clone();
        }
        let most = count.iter().max_by_key(|(url, count)| (**count, std::cmp::Reverse(**url)));
        most.map(|(url, _)| vec![(*url).to_owned()]).unwrap_or_default()
    }
}

/// The branch, or other ref, that a source follows.
fn branch(source: &Node) -> Option<&str> {
    let name =
        source.str(&["spec", "ref", "name"]).map(|name| name.strip_prefix("refs/heads/").unwrap_or(name));
    name.or_else(|| source.str(&["spec", "ref", "branch"]))
}

/// The folder that ends up as `path` of an artifact when `from` is copied to `to`.
fn original(from: &str, to: &str, path: &str) -> Option<String> {
    let contents = from.ends_with("/**") || from.ends_with("/*") || from.ends_with('/') || from == "**";
    let base = join("", from.trim_end_matches('*'))?;
    let mut target = join("", to.trim_start_matches('/'))?;
    if !contents && to.ends_with('/') {
        target = join(&target, base.strip_prefix(folder_of(&base))?.trim_start_matches('/'))?;
    }
    let below = if target.is_empty() { Some(path) } else { path.strip_prefix(&target) };
    if let Some(rest) = below.filter(|rest| target.is_empty() || rest.is_empty() || rest.starts_with('/')) {
        return join(&base, rest.trim_start_matches('/'));
    }
    // The artifact has the folders of the source, only fewer of them.
    let above = base.strip_suffix(&target)?;
    target.starts_with(path).then(|| join(above, path)).flatten()
}

#[cfg(test)]
mod tests {
    use super::original;

    #[test]
    fn folders_of_artifacts_lead_back_to_the_source() {
        let folder = |from, to, path| original(from, to, path).unwrap_or_else(|| "none".to_owned());
        assert_eq!(folder("infra/**", "/", "controllers"), "infra/controllers");
        assert_eq!(folder("apps/staging/**", "/staging/", "staging"), "apps/staging");
        assert_eq!(folder("apps/staging/**", "/staging/", "base"), "none");
        assert_eq!(folder("apps/staging/**", "/staging/", ""), "apps");
        assert_eq!(folder("apps/web/app/", "/apps/web/app/", "apps/web/app"), "apps/web/app");
        assert_eq!(folder("apps/web", "/", "web/base"), "apps/web/base");
        assert_eq!(folder("**", "/", "x"), "x");
    }
}
