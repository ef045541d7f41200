//! Seeing a change through in the cluster: what brings the service in is reconciled, the root first, and then waited for.

use super::DeployError;
use super::journal::Deployment;
use super::target::ObjectName;
use crate::operate::{Flux, FluxError, LiveObject, WaitProgress, Waiting, kind_of, reconcile, refused};
use crate::repos;
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::judge::Permit;

use std::path::Path;
use std::time::Duration;

/// How long a cluster is waited for that is only asked whether it would take a change.
const ASKING: Duration = Duration::from_secs(5);

/// Asks the cluster, by a dry run of the server's, whether it would take the object as a folder has it.
///
/// # Errors
/// Where it would not. A cluster that cannot be reached, or that does not let this person try, has no say.
pub(super) fn accepted(
    deployment: &Deployment,
    rwenv: &Rwenv,
    folder: &Path,
    environment: &Environment,
) -> Result<bool, DeployError> {
    let (Some((namespace, name)), Some(kind)) = (deployment.chain.last(), kind_of("ks")) else {
        return Ok(false);
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Ok(false);
    };
    let ObjectName { kind: of, namespace: inside, name: called } = &deployment.object;
    let asked = async {
        let flux = Flux::open(rwenv, environment).await?;
        let by = flux.get(kind, namespace, name).await?;
        refused(&flux, &by, (of, inside, called), folder, environment).await
    };
    match runtime.block_on(async { tokio::time::timeout(ASKING, asked).await }) {
        Ok(Ok(Some(why))) => Err(DeployError::Invalid { object: format!("{of} {inside}/{called}"), why }),
        Ok(Ok(None)) => Ok(true),
        Ok(Err(_)) | Err(_) => Ok(false),
    }
}

/// Has a deployment applied, and waits for it; gives the revision.
///
/// # Errors
/// Where the cluster cannot be asked, something does not get ready, or what is applied does not hold the change.
pub(super) fn applied(
    deployment: &Deployment,
    (rwenv, permit): (&Rwenv, &Permit),
    environment: &Environment,
    waiting: (Duration, &mut dyn FnMut(WaitProgress)),
    holds: &mut dyn FnMut(&str) -> bool,
) -> Result<String, DeployError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| DeployError::None(e.to_string()))?;
    let (limit, tell) = waiting;
    runtime.block_on(async {
        let flux = Flux::open(rwenv, environment).await?;
        let last = chain(&flux, deployment, &mut Waiting { limit, tell: &mut *tell }, permit).await?;
        if let Some(commit) = commit_of(&last.revision)
            && !holds(commit)
        {
            let (object, revision) = (last.label(), last.revision.clone());
            return Err(DeployError::Behind { object, revision, id: deployment.id.clone() });
        }
        let wanted = &deployment.object;
        if let (Some(kind), "HelmRelease") = (kind_of("hr"), wanted.kind.as_str()) {
            let release = flux.get(kind, &wanted.namespace, &wanted.name).await?;
            reconcile(&flux, &release, false, &mut Waiting { limit, tell }, permit).await?;
        }
        Ok(last.revision)
    })
}

/// Reconciles the Kustomizations one after another; gives the last.
async fn chain(
    flux: &Flux,
    deployment: &Deployment,
    waiting: &mut Waiting<'_>,
    permit: &Permit,
) -> Result<LiveObject, DeployError> {
    let none = || DeployError::None(format!("no Flux Kustomization applies {}", deployment.service));
    let kind = kind_of("ks").ok_or_else(none)?;
    let mut source = None;
    let mut last = None;
    for (number, (namespace, name)) in deployment.chain.iter().enumerate() {
        let object = match flux.get(kind, namespace, name).await {
            // A root that is known here by its folder alone has no object of its own.
            Err(FluxError::NotFound { .. }) if number + 1 < deployment.chain.len() => continue,
            other => other?,
        };
        let fresh = source.as_ref() == Some(&object.source);
        source = Some(object.source.clone());
        last = Some(reconcile(flux, &object, !fresh, waiting, permit).await?);
    }
    last.ok_or_else(none)
}

/// The commit in a revision of a GitRepository: `main@sha1:…` (fluxcd/pkg/git, RFC-0005).
fn commit_of(revision: &str) -> Option<&str> {
    revision.rsplit_once("@sha1:").map(|(_, commit)| commit)
}

/// True where a revision is known to have a commit; what is not known here is fetched first.
pub(super) fn is_in(
    flux: &repos::FluxRepository,
    revision: &str,
    commit: &str,
    environment: &Environment,
) -> bool {
    repos::holds(flux, revision, commit)
        || (repos::sync(flux, repos::CloneWish::Forward, environment, &mut |_| {}).is_ok()
            && repos::holds(flux, revision, commit))
}
