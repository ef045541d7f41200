//! `rwenv impact`: what a change of a Flux repository would change in clusters, for people, for pull requests and as JSON.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::out;
use super::shared::directory;
use rwenv_flux::impact::{
    self, BlastRadius, ChangeKind, ChangedObject, ClaimFate, Compared, LostClaim, RootName, TouchedRoot,
};
use rwenv_gate::base::environment::Environment;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of a command line")]
pub(super) struct RadiusArgs {
    /// Compare the index with the last commit
    #[arg(long, group = "what")]
    staged: bool,
    /// Compare a range of commits: A..B, or A (short for A..HEAD)
    #[arg(long, group = "what", value_name = "A..B")]
    range: Option<String>,
    /// Compare the working tree with the last commit [default]
    #[arg(long, group = "what")]
    worktree: bool,
    /// Print the rwenvs that a revision reaches; empty for the files as they are (asked by the doors)
    #[arg(long, group = "what", value_name = "REVISION", hide = true, requires = "json")]
    reached: Option<String>,
    /// Print JSON
    #[arg(long, group = "form")]
    json: bool,
    /// Print Markdown, for a pull request
    #[arg(long, group = "form")]
    md: bool,
    /// Directory in the repository [default: the current one]
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(super) fn impact(args: &RadiusArgs, environment: &Environment) -> anyhow::Result<u8> {
    let dir = directory(args.dir.as_deref());
    if !dir.is_dir() {
        bail!("{}: there is no such folder", dir.display());
    }
    if let Some(tip) = &args.reached {
        let tip = Some(tip.as_str()).filter(|tip| !tip.is_empty());
        out::json(&impact::reached(&dir, tip, environment)?)?;
        return Ok(0);
    }
    let compared = match &args.range {
        Some(range) => {
            let (from, to) = range.split_once("..").unwrap_or((range, "HEAD"));
            let to = if to.is_empty() { "HEAD" } else { to.trim_start_matches('.') };
            Compared::Range { from: from.to_owned(), to: to.to_owned() }
        }
        None if args.staged => Compared::Staged,
        None => Compared::Worktree,
    };
    let radius = impact::blast_radius(&dir, &compared, environment)?;
    if args.json {
        out::json(&radius)?;
    } else if args.md {
        markdown(&radius);
    } else {
        show(&radius);
    }
    Ok(0)
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
    out::line("| Root | rwenv | Added | Changed | Removed | Restarted |");
    out::line("| --- | --- | ---: | ---: | ---: | ---: |");
    for touched in &radius.roots {
        let rwenvs = Some(touched.root.rwenvs.join(", ")).filter(|names| !names.is_empty());
        let count = |change| touched.of(change).count();
        let incomplete = if touched.incomplete { " (incomplete)" } else { "" };
        out::line(&format!(
            "| `{}`{incomplete} | {} | {} | {} | {} | {} |",
            touched.root.folder,
            cell(&rwenvs.unwrap_or_else(|| "no rwenv".to_owned())),
            count(ChangeKind::Added),
            count(ChangeKind::Changed),
            count(ChangeKind::Removed),
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
        (touched.of(ChangeKind::Removed).count(), "removed"),
        (touched.restarted().count(), "restarted"),
    ];
    parts.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(n, what)| format!("{n} {what}")));
    if touched.incomplete {
        parts.push("incomplete".to_owned());
    }
    if parts.is_empty() { "no object changes".to_owned() } else { parts.join(", ") }
}

fn word(object: &ChangedObject) -> String {
    match object.change {
        ChangeKind::Added => "added",
        ChangeKind::Changed if object.restarts => "restarted",
        ChangeKind::Changed => "changed",
        ChangeKind::Removed if object.kept => "no longer applied",
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
    namespaces.chain(kinds).chain(claims).collect()
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
