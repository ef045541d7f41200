//! `rwenv impact`: what a change of a Flux repository would change in clusters, for people, for pull requests and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::flux::{LiveDifferences, live};
use super::out;
use super::shared::{Output, directory, named_or_selected};
use rwenv_core::model::same_repository;
use rwenv_flux::impact::{
    self, BlastRadius, Cascade, ChangeKind, ChangedObject, ClaimFate, ComparedTrees, LostClaim, RootName,
    TouchedRoot,
};
use rwenv_flux::repos::{self, CloneWish, FluxRepository};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::objects::{Budget, ObjectRepository};
use rwenv_gate::facts::{config, content};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of a command line")]
pub(super) struct RadiusArgs {
    /// Compare the index with the last commit
    #[arg(long, group = "what", help_heading = "What is compared")]
    staged: bool,
    /// Compare a range of commits: A..B, or A (short for A..HEAD)
    #[arg(long, group = "what", help_heading = "What is compared", value_name = "A..B")]
    range: Option<String>,
    /// Compare a pull request (or merge request) with the branch that Flux follows
    #[arg(long, group = "what", help_heading = "What is compared", value_name = "NUMBER")]
    pr: Option<u64>,
    /// Compare the working tree with the last commit [default]
    #[arg(long, group = "what", help_heading = "What is compared")]
    worktree: bool,
    /// Print the rwenvs that a revision reaches; empty for the files as they are (asked by the doors)
    #[arg(long, group = "what", value_name = "REVISION", hide = true, requires = "json")]
    reached: Option<String>,
    /// Ask the clusters as well: a dry run of what each touched Kustomization would apply
    #[arg(long, conflicts_with_all = ["staged", "reached", "md"])]
    live: bool,
    #[command(flatten)]
    output: Output,
    /// Print Markdown, for a pull request
    #[arg(long, conflicts_with_all = ["json", "printed"])]
    md: bool,
    /// Directory in the repository [default: the current one]
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// What a change reaches, as far as it was asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RadiusView {
    /// What roots would apply.
    #[serde(flatten)]
    radius: BlastRadius,
    /// What the clusters of the touched roots say, where they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Vec<LiveDifferences>>,
}

/// The directory that is meant.
fn folder(args: &RadiusArgs) -> anyhow::Result<PathBuf> {
    let dir = directory(args.dir.as_deref());
    if !dir.is_dir() {
        bail!("{}: there is no such folder", dir.display());
    }
    Ok(dir)
}

/// What a change would change in clusters.
pub(super) fn radius(args: &RadiusArgs, environment: &Environment) -> anyhow::Result<RadiusView> {
    let dir = folder(args)?;
    let (dir, radius) = match args.pr {
        Some(number) => pull_request(&dir, number, environment)?,
        None => {
            let radius = impact::blast_radius(&dir, &compared(args), environment)?;
            (dir, radius)
        }
    };
    let live = args.live.then(|| asked(&radius, &dir, environment)).transpose()?;
    Ok(RadiusView { radius, live })
}

pub(super) fn impact(args: &RadiusArgs, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(tip) = &args.reached {
        let tip = Some(tip.as_str()).filter(|tip| !tip.is_empty());
        out::json(&impact::reached(&folder(args)?, tip, environment)?)?;
        return Ok(0);
    }
    let reached = radius(args, environment)?;
    if args.output.json {
        out::json(&reached)?;
    } else if args.md {
        markdown(&reached.radius);
    } else {
        show(&reached.radius);
        reached.live.iter().flatten().for_each(LiveDifferences::show);
    }
    Ok(0)
}

fn compared(args: &RadiusArgs) -> ComparedTrees {
    match &args.range {
        Some(range) => {
            let (from, to) = range.split_once("..").unwrap_or((range, "HEAD"));
            let to = if to.is_empty() { "HEAD" } else { to.trim_start_matches('.') };
            ComparedTrees::Range { from: from.to_owned(), to: to.to_owned() }
        }
        None if args.staged => ComparedTrees::Staged,
        None => ComparedTrees::Worktree,
    }
}

/// Fetches a pull request into the mirror of the repository around a directory, elsewhere into that of the selected rwenv, and compares
/// it with the branch that is followed.
fn pull_request(
    dir: &Path,
    number: u64,
    environment: &Environment,
) -> anyhow::Result<(PathBuf, BlastRadius)> {
    let here = ObjectRepository::at(dir, environment, Budget::ample());
    let remotes = here.map(|repository| content::remotes(&repository)).unwrap_or_default();
    let all = config::load(&environment.config_dir)?.rwenvs.all;
    let own = all.into_iter().find(|rwenv| {
        let url = rwenv.flux_git_repo.as_deref();
        url.is_some_and(|url| remotes.iter().any(|remote| same_repository(remote, url)))
    });
    let rwenv = own.map_or_else(|| named_or_selected(None, environment), Ok)?;
    let repository = FluxRepository::of(&rwenv, environment)?;
    repos::sync(&repository, CloneWish::Forward, environment, &mut |_| {})?;
    let to = repos::pull_request(&repository, number, environment)?;
    let from = repos::followed_commit(&repository)
        .with_context(|| format!("the branch that rwenv '{}' follows is not in its mirror", rwenv.name))?;
    let compared = ComparedTrees::Range { from, to };
    Ok((repository.mirror(), impact::blast_radius_in_mirror(&repository, &compared, environment)?))
}

/// What the clusters of the touched roots say.
fn asked(
    radius: &BlastRadius,
    dir: &Path,
    environment: &Environment,
) -> anyhow::Result<Vec<LiveDifferences>> {
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for touched in &radius.roots {
        let stays = touched.objects.iter().filter(|object| object.with.is_none());
        let names: BTreeSet<String> = stays.map(|object| object.applied_by.clone()).collect();
        for rwenv in &touched.root.rwenvs {
            wanted.entry(rwenv).or_default().extend(names.clone());
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let commit = Some(radius.after.as_str()).filter(|after| *after != "worktree");
    let top = match commit {
        Some(_) => dir.to_owned(),
        None => {
            let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
            PathBuf::from(repository.text(&["rev-parse", "--show-toplevel"])?)
        }
    };
    Ok(wanted.iter().map(|(rwenv, names)| live(rwenv, names, (&top, commit), environment)).collect())
}

fn show(radius: &BlastRadius) {
    for touched in &radius.roots {
        out::line(&format!("{}: {}", title(&touched.root), figures(touched)));
        let mut table = out::plain_table();
        for object in &touched.objects {
            let namespace = object.namespace.clone().unwrap_or_default();
            let place = format!("{}:{}", object.file, object.line);
            table.add_row([String::new(), word(object), name(object), namespace, place]);
        }
        if !touched.objects.is_empty() {
            out::print(&table);
        }
        for loss in losses(touched) {
            out::line(&format!("  ! {loss}"));
        }
    }
    for cause in causes(radius) {
        out::note(&cause);
    }
    out::note(&summary(radius));
}

fn markdown(radius: &BlastRadius) {
    out::line("### What this changes in clusters\n");
    if radius.roots.is_empty() {
        out::line("Nothing.");
        return;
    }
    out::line("| Root | rwenv | Added | Changed | Removed | Pruned | Restarted |");
    out::line("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for touched in &radius.roots {
        let rwenvs = Some(touched.root.rwenvs.join(", ")).filter(|names| !names.is_empty());
        let count = |change| touched.of(change).count();
        let incomplete = if touched.incomplete { " (incomplete)" } else { "" };
        out::line(&format!(
            "| `{}`{incomplete} | {} | {} | {} | {} | {} | {} |",
            touched.root.folder,
            cell(&rwenvs.unwrap_or_else(|| "no rwenv".to_owned())),
            count(ChangeKind::Added),
            count(ChangeKind::Changed),
            taken(touched),
            touched.pruned().count(),
            touched.restarted().count(),
        ));
    }
    let of_root = |touched: &TouchedRoot| {
        let told = losses(touched).into_iter();
        told.map(|loss| format!("- `{}`: {}", touched.root.folder, cell(&loss))).collect::<Vec<_>>()
    };
    let mut told: Vec<String> = radius.roots.iter().flat_map(of_root).collect();
    told.extend(causes(radius).iter().map(|cause| format!("- {}", cell(cause))));
    if !told.is_empty() {
        out::line(&format!("\n{}", told.join("\n")));
    }
    for touched in radius.roots.iter().filter(|touched| !touched.objects.is_empty()) {
        let root = &touched.root.folder;
        out::line(&format!("\n<details><summary><code>{root}</code></summary>\n"));
        out::line("| Change | Object | Namespace | Defined in |");
        out::line("| --- | --- | --- | --- |");
        for object in &touched.objects {
            let namespace = object.namespace.as_deref().unwrap_or_default();
            let place = format!("{}:{}", object.file, object.line);
            let cells = [word(object), name(object), namespace.to_owned(), place];
            out::line(&format!("| {} |", cells.map(|text| cell(&text)).join(" | ")));
        }
        out::line("\n</details>");
    }
}

/// Text that ends no cell of a table and begins no tag.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

fn title(root: &RootName) -> String {
    match root.rwenvs.as_slice() {
        [] => format!("{} (no rwenv)", root.folder),
        [one] => format!("{} (rwenv {one})", root.folder),
        several => format!("{} (rwenvs {})", root.folder, several.join(", ")),
    }
}

fn figures(touched: &TouchedRoot) -> String {
    let mut parts: Vec<String> = match touched.change {
        ChangeKind::Added => vec!["a new root".to_owned()],
        ChangeKind::Removed => vec!["the root goes".to_owned()],
        ChangeKind::Changed => Vec::new(),
    };
    let counts = [
        (touched.of(ChangeKind::Added).count(), "added"),
        (touched.of(ChangeKind::Changed).count(), "changed"),
        (taken(touched), "removed"),
        (touched.pruned().count(), "pruned"),
        (touched.of(ChangeKind::Removed).filter(|object| object.kept).count(), "no longer applied"),
        (touched.restarted().count(), "restarted"),
    ];
    parts.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(n, what)| format!("{n} {what}")));
    if touched.incomplete {
        parts.push("incomplete".to_owned());
    }
    if parts.is_empty() { "no object changes".to_owned() } else { parts.join(", ") }
}

/// How many objects go because what applies them goes.
fn taken(touched: &TouchedRoot) -> usize {
    touched.of(ChangeKind::Removed).filter(|object| object.with.is_some()).count()
}

fn word(object: &ChangedObject) -> String {
    match object.change {
        ChangeKind::Added => "added",
        ChangeKind::Changed if object.restarts => "restarted",
        ChangeKind::Changed => "changed",
        ChangeKind::Removed if object.kept => "no longer applied",
        ChangeKind::Removed if object.with.is_none() => "pruned",
        ChangeKind::Removed => "removed",
    }
    .to_owned()
}

fn name(object: &ChangedObject) -> String {
    format!("{}/{}", object.kind, object.name)
}

/// What taking the change back does not bring back, a sentence each.
fn losses(touched: &TouchedRoot) -> Vec<String> {
    let losses = touched.losses();
    let namespaces = losses.namespaces.iter();
    let namespaces = namespaces.map(|o| format!("namespace {} goes, with everything in it", o.name));
    let kinds = losses.crds.iter().map(|o| format!("the kind {} goes, with all of its objects", o.name));
    let claims = losses.claims.iter().map(|claim| {
        let LostClaim { kind, name, .. } = claim;
        let place = claim.namespace.as_ref().map(|ns| format!("{ns}/")).unwrap_or_default();
        let volume = claim.claim.as_deref().unwrap_or_default();
        match claim.fate {
            ClaimFate::Removed => format!("the volume of {place}{volume} goes"),
            ClaimFate::Orphaned => {
                format!("the volumes {place}{volume} stay when {kind} {name} goes, and nothing owns them")
            }
            ClaimFate::Uncertain => format!("volumes that {kind} {place}{name} made may go with it"),
        }
    });
    namespaces.chain(kinds).chain(claims).chain(touched.cascades.iter().filter_map(cascade)).collect()
}

/// What goes along, where the other sentences do not say it.
fn cascade(cascade: &Cascade) -> Option<String> {
    let place = cascade.namespace.as_ref().map(|ns| format!("{ns}/")).unwrap_or_default();
    let name = format!("{} {place}{}", cascade.kind, cascade.name);
    match cascade.kind.as_str() {
        "HelmRelease" => Some(format!("{name} is uninstalled, with everything that its chart made")),
        "Kustomization" if cascade.more => Some(format!("{name} goes, with everything that it applies")),
        "Kustomization" => {
            Some(format!("{name} goes, with {} that it applies", out::count(cascade.objects, "object")))
        }
        _ => None,
    }
}

fn causes(radius: &BlastRadius) -> Vec<String> {
    let told = radius.causes.iter().map(|cause| {
        let roots = cause.roots.join(", ");
        format!("cannot be determined for {roots}: {} ({}:{})", cause.message, cause.file, cause.line)
    });
    told.collect()
}

fn summary(radius: &BlastRadius) -> String {
    let all = radius.roots.len() + radius.untouched.len();
    let paths = out::count(radius.paths.len(), "path");
    if radius.roots.is_empty() {
        return format!("{paths} changed; no root would apply anything else");
    }
    format!(
        "{paths} changed; {} of {} would apply something else",
        radius.roots.len(),
        out::count(all, "root")
    )
}
