//! The cluster beside the repository: `rwenv services drift`, and what `regenerate` adds.

use serde::Serialize;

use super::args::SourceArgs;
use super::source::flux_of;
use crate::cli::out;
use rwenv_core::model::Rwenv;
use rwenv_flux::catalog::generate;
use rwenv_flux::catalog::knowledge::Knowledge;
use rwenv_flux::catalog::live::{Comparison, Only, compare};
use rwenv_flux::catalog::selected::root_of;
use rwenv_flux::cluster::{self, Cluster, ClusterError, SeenCluster};
use rwenv_flux::repos::{FluxRepository, WantedRoot};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::{clock, files};

/// `cluster.json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterDocument<'c> {
    #[serde(flatten)]
    comparison: &'c Comparison,
    cluster: &'c str,
    generated_at: String,
}

/// Looks into the cluster of a rwenv.
fn ask(rwenv: &Rwenv, environment: &Environment) -> Result<SeenCluster, LiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = runtime.block_on(async {
        let cluster = Cluster::of(rwenv, environment).await?;
        cluster::look(&cluster).await
    });
    // A program that hangs while it gets credentials is not waited for.
    runtime.shutdown_background();
    Ok(seen?)
}

#[derive(Debug, thiserror::Error)]
enum LiveError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Runtime(#[from] std::io::Error),
}

/// Compares with the cluster where it can be reached, and says once where it cannot.
pub(super) fn beside(
    known: &Knowledge<'_>,
    rwenv: &Rwenv,
    flux: &FluxRepository,
    environment: &Environment,
) -> anyhow::Result<Option<Comparison>> {
    let seen = match ask(rwenv, environment) {
        Ok(seen) => seen,
        Err(error) => {
            out::note(&format!("only the repository was read: {error}"));
            return Ok(None);
        }
    };
    let comparison = compare(known, &seen, root_of(known, &flux.root)?);
    let path = generate::folder(rwenv.name.as_str(), environment).join("cluster.json");
    let cluster =
        rwenv.places.iter().find_map(|place| place.kubernetes_context.as_deref()).unwrap_or_default();
    let compared =
        ClusterDocument { comparison: &comparison, cluster, generated_at: clock::rfc3339(clock::now()) };
    files::make_private_dir(path.parent().unwrap_or(&path))?;
    files::write(&path, &(serde_json::to_string_pretty(&compared)? + "\n"), 0o600)?;
    Ok(Some(comparison))
}

/// How the two sides differ, in one line.
pub(super) fn summary(comparison: &Comparison) -> String {
    format!(
        "Cluster: {} objects are in Git and there, {} only in Git, {} only there (rwenv services drift)",
        comparison.matched,
        comparison.only_in_git.len(),
        comparison.only_in_cluster.len()
    )
}

/// Shows what is on one side only. 1 where something is.
pub(super) fn drift(source: &SourceArgs, environment: &Environment) -> anyhow::Result<u8> {
    let (rwenv, flux) = flux_of(source.rwenv.as_deref(), environment)?;
    let (opened, wanted) = match &source.dir {
        Some(_) => (source.open(environment)?.reading, WantedRoot::default()),
        None => {
            let flux = flux?;
            (generate::read(&flux, environment)?, flux.root)
        }
    };
    let known = opened.knowledge();
    let root = root_of(&known, &wanted)?;
    let seen = ask(&rwenv, environment)?;
    let comparison = compare(&known, &seen, root);
    if source.output.json {
        out::json(&comparison)?;
    } else {
        show("only in Git", &comparison.only_in_git);
        show("only in the cluster", &comparison.only_in_cluster);
        let root = comparison.root.as_ref().map(|root| format!(" ({root})")).unwrap_or_default();
        out::note(&format!("{} objects are on both sides{root}", comparison.matched));
    }
    Ok(u8::from(!comparison.only_in_git.is_empty() || !comparison.only_in_cluster.is_empty()))
}

fn show(title: &str, all: &[Only]) {
    if all.is_empty() {
        return;
    }
    let mut table = out::table(&[&title.to_uppercase(), "NAMESPACE", "NAME", "DEFINED IN"]);
    for only in all {
        table.add_row([&only.kind, &only.namespace, &only.name, only.place.as_deref().unwrap_or("-")]);
    }
    out::print(&table);
}
