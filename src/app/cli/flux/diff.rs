//! `rwenv flux diff`: which folder is rendered, and how the difference is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::args::Diff;
use super::session::FluxSession;
use crate::cli::out;
use crate::cli::shared::ClusterArgs;
use rwenv_flux::operate::{self, Compared, Difference, ObjectFate, kind_of};
use rwenv_flux::repos::{self, CloneWish, FluxRepository};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::content::Commit;

/// Exit status where something cannot be told.
const UNKNOWN: u8 = 2;

/// The folder that is rendered; one that was made for it is gone with the value.
struct RenderedFolder {
    path: PathBuf,
    made: bool,
}

impl Drop for RenderedFolder {
    fn drop(&mut self) {
        if self.made {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl RenderedFolder {
    fn of(args: &Diff, environment: &Environment) -> anyhow::Result<Self> {
        if let Some(dir) = &args.dir {
            return Ok(Self { path: dir.clone(), made: false });
        }
        let repository = FluxRepository::of(&args.named.cluster.rwenv(environment)?, environment)?;
        let clone = repository.clone_dir();
        if !clone.join(".git").exists() {
            repos::sync(&repository, CloneWish::Forward, environment, &mut |_| {})?;
        }
        let (dir, revision) = match (&args.reference, args.pr) {
            (Some(revision), _) => (clone, revision.clone()),
            (None, Some(number)) => {
                (repository.mirror(), repos::pull_request(&repository, number, environment)?)
            }
            (None, None) => return Ok(Self { path: clone, made: false }),
        };
        Self::of_commit(&dir, &revision, environment)
    }

    /// The files of a commit, in a folder of their own.
    fn of_commit(dir: &Path, revision: &str, environment: &Environment) -> anyhow::Result<Self> {
        let commit =
            Commit::read(dir, revision, environment).with_context(|| format!("the commit {revision}"))?;
        let path = environment.config_dir.join("run").join(format!("export-{}", std::process::id()));
        files::make_private_dir(&path)?;
        let folder = Self { path, made: true };
        commit.export(&folder.path)?;
        Ok(folder)
    }
}

/// What the cluster of a rwenv says to a change: the differences by Kustomization, and why some cannot be told.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct LiveDifferences {
    /// The rwenv.
    rwenv: String,
    /// The differences of each Kustomization.
    kustomizations: BTreeMap<String, Compared>,
    /// Why some cannot be told.
    problems: Vec<String>,
}

/// Asks the cluster of a rwenv what would become of its objects, if these Kustomizations (`namespace/name`) were built of a commit, or
/// of a folder as it lies there.
pub(in crate::cli) fn live(
    rwenv: &str,
    kustomizations: &BTreeSet<String>,
    (dir, commit): (&Path, Option<&str>),
    environment: &Environment,
) -> LiveDifferences {
    let mut told =
        LiveDifferences { rwenv: rwenv.to_owned(), kustomizations: BTreeMap::new(), problems: Vec::new() };
    let opened = || -> anyhow::Result<(FluxSession, RenderedFolder)> {
        let folder = match commit {
            Some(commit) => RenderedFolder::of_commit(dir, commit, environment)?,
            None => RenderedFolder { path: dir.to_owned(), made: false },
        };
        Ok((FluxSession::open(&ClusterArgs::of(rwenv), environment)?, folder))
    };
    let (session, folder) = match opened() {
        Ok(opened) => opened,
        Err(error) => {
            told.problems.push(format!("{error:#}"));
            return told;
        }
    };
    for name in kustomizations {
        match of_kustomization(&session, name, &folder.path, environment) {
            Ok(compared) => drop(told.kustomizations.insert(name.clone(), compared)),
            Err(error) => told.problems.push(format!("Kustomization {name}: {error:#}")),
        }
    }
    told
}

fn of_kustomization(
    session: &FluxSession,
    name: &str,
    folder: &Path,
    environment: &Environment,
) -> anyhow::Result<Compared> {
    let (namespace, name) = name.split_once('/').unwrap_or(("flux-system", name));
    let kinds: Vec<_> = kind_of("ks").into_iter().collect();
    let found = session.run(session.flux.find(&kinds, name, Some(namespace)))?;
    let object = found.first().context("the cluster does not have it yet")?;
    session.run(operate::diff(&session.flux, object, folder, environment))
}

impl LiveDifferences {
    /// Prints it.
    pub(in crate::cli) fn show(&self) {
        out::line(&format!("the cluster of rwenv {}:", self.rwenv));
        for (name, compared) in &self.kustomizations {
            out::note(&format!("Kustomization {name}"));
            show(compared);
        }
        for problem in &self.problems {
            out::note(&format!("cannot be determined: {problem}"));
        }
    }
}

/// What would change in the cluster, by the object that applies it; one alone, but where more are asked for.
pub(super) fn compared(args: &Diff, environment: &Environment) -> anyhow::Result<Vec<(String, Compared)>> {
    let session = FluxSession::open(&args.named.cluster, environment)?;
    let object = session.one(&args.named, &["ks"])?;
    let folder = RenderedFolder::of(args, environment)?;
    let (flux, path) = (&session.flux, folder.path.as_path());
    let one = match (object.kind.name, args.recursive) {
        ("Kustomization", true) => return session.run(operate::diff_below(flux, &object, path, environment)),
        ("Kustomization", false) => session.run(operate::diff(flux, &object, path, environment))?,
        ("HelmRelease", false) => session.run(operate::diff_release(flux, &object, path, environment))?,
        ("HelmRelease", true) => bail!("{} applies no Kustomizations; leave --recursive out", object.label()),
        _ => bail!("{} cannot be compared; name a Kustomization or a HelmRelease", object.label()),
    };
    Ok(vec![(object.label(), one)])
}

pub(super) fn diff(args: &Diff, environment: &Environment) -> anyhow::Result<u8> {
    let all = compared(args, environment)?;
    match (args.named.output.json, args.recursive, all.as_slice()) {
        (true, false, [(_, one)]) => out::json(one)?,
        (true, ..) => out::json(&all.iter().map(|(object, one)| Below { object, one }).collect::<Vec<_>>())?,
        (false, ..) => {
            for (object, one) in &all {
                if args.recursive {
                    out::line(&format!("{object}:"));
                }
                show(one);
            }
        }
    }
    let differences = || all.iter().flat_map(|(_, one)| &one.differences);
    let unknown = differences().any(|difference| difference.fate == ObjectFate::Unknown);
    Ok(if unknown { UNKNOWN } else { u8::from(differences().next().is_some()) })
}

/// What becomes of what one object applies.
#[derive(Serialize)]
struct Below<'c> {
    object: &'c str,
    #[serde(flatten)]
    one: &'c Compared,
}

fn show(compared: &Compared) {
    for difference in &compared.differences {
        out::line(&headline(difference));
        for field in &difference.fields {
            let text = |value: &Option<Value>| {
                value.as_ref().map_or_else(
                    || "(none)".to_owned(),
                    |value| match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    },
                )
            };
            out::line(&format!("    {}: {} -> {}", field.path, text(&field.before), text(&field.after)));
        }
    }
    if !compared.unresolved.is_empty() {
        let names: Vec<&str> = compared.unresolved.iter().map(String::as_str).collect();
        out::note(&format!("variables without a value: {}", names.join(", ")));
    }
    out::note(&format!("{} would change, {} would stay the same", compared.differences.len(), compared.same));
}

fn headline(difference: &Difference) -> String {
    let place =
        if difference.namespace.is_empty() { String::new() } else { format!("{}/", difference.namespace) };
    let sign = match difference.fate {
        ObjectFate::Created => "+",
        ObjectFate::Changed => "~",
        ObjectFate::Pruned => "-",
        ObjectFate::Unknown => "?",
    };
    let why = difference.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let with = difference.with.as_ref().map(|with| format!(" (with {with})")).unwrap_or_default();
    format!("{sign} {} {place}{}{with}{why}", difference.kind, difference.name)
}
