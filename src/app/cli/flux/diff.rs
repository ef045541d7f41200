//! `rwenv flux diff`: which folder is rendered, and how the difference is shown.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::args::Diff;
use super::session::FluxSession;
use crate::cli::out;
use rwenv_flux::operate::{self, Compared, Difference, ObjectFate};
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
        let commit =
            Commit::read(&dir, &revision, environment).with_context(|| format!("the commit {revision}"))?;
        let path = environment.config_dir.join("run").join(format!("export-{}", std::process::id()));
        files::make_private_dir(&path)?;
        let folder = Self { path, made: true };
        commit.export(&folder.path)?;
        Ok(folder)
    }
}

pub(super) fn diff(args: &Diff, environment: &Environment) -> anyhow::Result<u8> {
    let session = FluxSession::open(&args.named.cluster, environment)?;
    let object = session.one(&args.named, &["ks"])?;
    if object.kind.name != "Kustomization" {
        bail!("{} is not a Kustomization; only Kustomizations can be compared", object.label());
    }
    let folder = RenderedFolder::of(args, environment)?;
    let compared = session.run(operate::diff(&session.flux, &object, &folder.path, environment))?;
    if args.named.output.json {
        out::json(&compared)?;
    } else {
        show(&compared);
    }
    let unknown = compared.differences.iter().any(|difference| difference.fate == ObjectFate::Unknown);
    Ok(if unknown { UNKNOWN } else { u8::from(!compared.differences.is_empty()) })
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
    format!("{sign} {} {place}{}{why}", difference.kind, difference.name)
}
