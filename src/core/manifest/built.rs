//! What kustomize, Flux and Argo CD would make nothing of: every kustomization is built as they build it. What follows from something
//! that cannot be read here is counted with it, and is no finding of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::flux;
use super::kustomization::is_kustomization;
use super::kustomize::resource::Resource;
use super::kustomize::{Build, BuildProblem, Builder, Fault};
use super::tree::{Tree, folder_of, join};
use super::yaml::At;

/// What the builds of a tree come to.
#[derive(Default)]
struct BuildFindings {
    problems: BTreeSet<BuildProblem>,
    hidden: BTreeMap<At, BTreeSet<BuildProblem>>,
    paths: BTreeSet<String>,
}

impl BuildFindings {
    fn take(&mut self, build: Build<'_>) {
        self.problems.extend(build.problems);
        self.paths.extend(build.paths);
        for (cause, problem) in build.hidden {
            self.hidden.entry(cause).or_default().insert(problem);
        }
    }
}

/// Everything that cannot be built, and what may hide more.
pub(super) fn check(tree: &Tree) -> Vec<Option<Finding>> {
    let read = |path: &str| tree.named(path).map(<[u8]>::to_vec);
    let mut builder = Builder::new(tree, &read);
    let mut all = BuildFindings::default();
    let (whole, components) = folders(tree);
    let mut found = Vec::new();
    let applied = flux::applied(tree);
    // With its own components: without them the folder may lack what its patches are for.
    let completed: BTreeSet<&str> = applied
        .iter()
        .filter(|(_, spec)| spec.get("components").is_some())
        .map(|(f, _)| f.as_str())
        .collect();
    for (folder, is_inner) in
        whole.iter().filter(|(folder, inner)| *inner || !completed.contains(folder.as_str()))
    {
        let build = builder.kustomize(folder);
        if !is_inner {
            found.extend(chartless(tree, &build, "flux.no-chart"));
        }
        all.take(build);
    }
    for (folder, spec) in &applied {
        let build = builder.flux(folder, spec);
        found.extend(chartless(tree, &build, "flux.no-source"));
        all.take(build);
    }
    let sure: BTreeSet<_> =
        found.iter().flatten().filter(|f: &&Finding| f.rule == "flux.no-source").map(place).collect();
    found.retain(|f| f.as_ref().is_none_or(|f| f.rule == "flux.no-source" || !sure.contains(&place(f))));
    // A component that nothing includes has nothing to change: only what it names is looked at.
    let names =
        |problem: &BuildProblem| matches!(problem.fault, Fault::Missing | Fault::Outside | Fault::Field);
    for folder in components {
        let file = tree.kustomization(&folder).map(|file| file.path.as_str()).unwrap_or_default();
        if !all.paths.contains(file) {
            let build = builder.kustomize(&folder);
            all.problems.extend(build.problems.into_iter().filter(names));
        }
    }
    found.extend(all.problems.iter().map(|problem| finding(tree, problem, &all)));
    found
}

fn place(finding: &Finding) -> (String, u32) {
    (finding.path.clone(), finding.line)
}

/// Releases that are without a chart once everything is built. A fragment that nothing builds is none.
fn chartless(tree: &Tree, build: &Build<'_>, rule: &'static str) -> Vec<Option<Finding>> {
    let is_release = |r: &&Resource<'_>| r.kind == "HelmRelease" && r.group == "helm.toolkit.fluxcd.io";
    let is_without = |r: &&Resource<'_>| {
        let source = r.content.path(&["spec", "chart", "spec", "sourceRef"]);
        source.is_none() && r.content.path(&["spec", "chartRef"]).is_none() && r.content.get("spec").is_some()
    };
    let releases = build.resources.iter().filter(is_release).filter(is_without);
    let told = |r: &Resource<'_>| {
        let at = r.content.path(&["metadata", "name"]).map_or(r.at, |name| name.at);
        let message = format!(
            "HelmRelease {} names no chart: neither spec.chart.spec.sourceRef nor spec.chartRef",
            r.first_name()
        );
        Finding::new(rule, tree.file_of(at), at, message)
    };
    releases.map(told).collect()
}

/// The folders of kustomizations and whether another one builds on them, these last; and the folders of components.
fn folders(tree: &Tree) -> (Vec<(String, bool)>, Vec<String>) {
    let files: Vec<_> = tree.files.values().filter(|file| is_kustomization(file)).collect();
    let mut inner = BTreeSet::new();
    for file in &files {
        let document = file.documents.first();
        let named = ["resources", "bases"].iter().filter_map(|key| document?.get(key));
        let paths = named.flat_map(super::yaml::Node::items).filter_map(super::yaml::Node::text);
        inner.extend(paths.filter_map(|path| join(file.folder(), path)));
    }
    let component = |file: &super::tree::File| {
        file.documents.first().is_some_and(|d| d.str(&["kind"]) == Some("Component"))
    };
    let (components, whole): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| component(file));
    let folder = |file: &&super::tree::File| folder_of(&file.path).to_owned();
    let folders = whole.iter().map(folder);
    let mut whole: Vec<(String, bool)> =
        folders.map(|folder| (folder.clone(), inner.contains(&folder))).collect();
    whole.sort_by_key(|(_, is_inner)| *is_inner);
    whole.dedup();
    (whole, components.iter().map(folder).collect())
}

fn finding(tree: &Tree, problem: &BuildProblem, all: &BuildFindings) -> Option<Finding> {
    let rule = match problem.fault {
        _ if problem.unfollowed => "kustomize.unread",
        Fault::Missing => "kustomize.missing",
        Fault::Outside => "kustomize.outside",
        Fault::Link => "kustomize.link",
        Fault::Twice => "object.duplicate",
        Fault::Field => "kustomize.field",
        Fault::Change => "kustomize.patch",
        Fault::Other => "kustomize.build",
        // The file itself is told of.
        Fault::Yaml => return None,
    };
    let hides = all.hidden.get(&problem.at).map_or(0, BTreeSet::len);
    let more = match hides {
        0 => String::new(),
        1 => "; 1 change of what it may hold is not checked".to_owned(),
        many => format!("; {many} changes of what it may hold are not checked"),
    };
    let message = format!("{}{more}", problem.message);
    Finding::new(rule, tree.file_of(problem.at), problem.at, message)
}
