//! The agents' own credential of a rwenv: fetched from the cluster with the person's credentials, kept where sessions find it, and
//! renewed before it ends.

use std::collections::BTreeMap;

use rwenv_core::model::{Rwenv, Rwenvs};
use rwenv_flux::cluster::{Cluster, ClusterError};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError};
use rwenv_gate::facts::credential::{self, KeptCredential};

/// Mode of the kubeconfig: nobody writes into it.
const CLOSED: u32 = 0o400;

/// A credential cannot be had, or not be kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The cluster issues none.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// It cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Has a token issued for the service account of a rwenv's agents, and keeps it with the kubeconfig around it. Both files are replaced
/// whole, the kubeconfig first: who reads in between has a token that is good for longer than the record says.
///
/// # Errors
/// Where the cluster refuses, or the files cannot be written.
pub async fn fetch(
    rwenv: &Rwenv,
    (namespace, account): (&str, &str),
    lifetime: u64,
    environment: &Environment,
) -> Result<KeptCredential, CredentialError> {
    let cluster = Cluster::of(rwenv, environment).await?;
    let issued = clock::now().as_secs();
    let token = cluster.issue((namespace, account), lifetime).await?;
    let name = rwenv.name.as_str();
    let text = cluster.kubeconfig_with(&token.token, name)? + "\n";
    let kept = KeptCredential {
        namespace: namespace.to_owned(),
        account: account.to_owned(),
        lifetime,
        issued,
        expires: token.expires,
    };
    let folder = credential::folder(environment);
    files::make_private_dir(&folder)?;
    let _lock = files::lock(&folder)?;
    files::write(&credential::kubeconfig(name, environment), &text, CLOSED)?;
    let record = serde_json::to_string_pretty(&kept).unwrap_or_default() + "\n";
    files::write(&credential::record(name, environment), &record, 0o600)?;
    Ok(kept)
}

/// The rwenvs whose credential is to be renewed now.
#[must_use]
pub fn due(rwenvs: &Rwenvs, environment: &Environment) -> BTreeMap<String, KeptCredential> {
    let now = clock::now().as_secs();
    let kept =
        |rwenv: &Rwenv| Some((rwenv.name.to_string(), credential::kept(rwenv.name.as_str(), environment)?));
    rwenvs.all.iter().filter_map(kept).filter(|(_, kept)| kept.is_due(now)).collect()
}

/// Takes away what is kept of rwenvs that are gone.
pub fn forget(rwenvs: &Rwenvs, environment: &Environment) {
    let entries = std::fs::read_dir(credential::folder(environment)).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let ours = path.extension().is_some_and(|extension| extension == "yaml" || extension == "json");
        if ours && stem.is_some_and(|name| rwenvs.get(name).is_none()) {
            let _ = std::fs::remove_file(path);
        }
    }
}
