//! What is derived from a Flux repository, made anew when its clone is at another commit: the catalog, the index of definitions
//! and the findings about its content. The commit stands in the file, so that a run which was killed before it is made up for by the next.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::state::{Area, Shared, lock};
use rwenv_core::manifest::LintReport;
use rwenv_flux::catalog::generate;
use rwenv_flux::repos::{self, FluxRepository};
use rwenv_gate::base::{clock, files};
use rwenv_gate::ledger::accepted::{self, SearchedPlace};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings<'a> {
    commit: &'a str,
    generated_at: String,
    #[serde(flatten)]
    report: LintReport,
}

#[derive(Deserialize)]
struct KnownCommit {
    commit: String,
}

fn path(flux: &FluxRepository, shared: &Shared) -> PathBuf {
    shared.environment.config_dir.join("catalog").join(flux.name.as_str()).join("findings.json")
}

/// Called after every sync, and when a clone changed; `new` where commits came.
pub(super) fn after(flux: &FluxRepository, new: bool, shared: &Shared) {
    if new {
        tracing::info!(rwenv = %flux.name, commit = repos::commit(flux).as_deref(), "new commits");
        // The clone may be there only now.
        shared.changed.add(Area::Folders);
    }
    let Some(commit) = repos::commit(flux) else { return };
    let path = path(flux, shared);
    let known =
        files::read(&path).ok().flatten().and_then(|text| serde_json::from_str::<KnownCommit>(&text).ok());
    if known.is_some_and(|known| known.commit == commit) {
        return;
    }
    if let Err(error) = write(flux, &commit, shared) {
        tracing::warn!(rwenv = %flux.name, %error, "could not rebuild the catalog");
    }
}

fn write(flux: &FluxRepository, commit: &str, shared: &Shared) -> Result<(), Box<dyn std::error::Error>> {
    let known = lock(&shared.readings).remove(flux.name.as_str());
    let reading = match known.filter(|reading| reading.dir == flux.clone_dir()) {
        Some(reading) => reading.again(&shared.environment)?,
        None => generate::read(flux, &shared.environment)?,
    };
    let mut report = reading.folder.lint(&reading.dir);
    let place = SearchedPlace::of(&reading.dir, &shared.environment);
    for said in accepted::sift(&mut report, &place, &shared.environment) {
        tracing::warn!(rwenv = %flux.name, "{said}");
    }
    let path = path(flux, shared);
    files::make_private_dir(path.parent().unwrap_or(&path))?;
    let findings = Findings { commit, generated_at: clock::rfc3339(clock::now()), report };
    // The findings come last: their commit says that all of it was made.
    let made = generate::make(flux, &reading, &shared.environment)?;
    tracing::debug!(rwenv = %flux.name, read = reading.folder.read, services = made.services, "catalog rebuilt");
    lock(&shared.readings).insert(flux.name.to_string(), reading);
    files::write(&path, &format!("{}\n", serde_json::to_string_pretty(&findings)?), 0o600)?;
    Ok(())
}
