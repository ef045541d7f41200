//! The policy of a rwenv for engines that enforce it beyond this machine: every request that is known is judged by the rules of this
//! machine, and what comes of it is written down as objects of Kubernetes. What an engine cannot be told is said.

mod admission;
pub mod agents;
mod cel;
pub mod forge;
pub mod rbac;
pub mod rows;
mod unsaid;
mod wish;

use serde_json::Value;

use crate::guard::Refusal;
use rows::{JudgedApi, KnownResource};
use rwenv_core::model::Rwenv;
use rwenv_flux::cluster::{Cluster, ClusterError};
use rwenv_gate::base::environment::Environment;
pub use wish::{ExportTarget, ExportWish};

/// The objects for one engine.
#[derive(Clone, Debug)]
pub struct ExportedObjects {
    /// For which.
    pub target: ExportTarget,
    /// What it cannot be told, as sentences.
    pub unsaid: Vec<String>,
    /// The objects, in the order in which they are applied.
    pub objects: Vec<Value>,
}

/// A policy cannot be read, or not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The rules are not known.
    #[error("the policy of this rwenv cannot be judged: {0}; rwenv policy lint shows what is wrong")]
    Policy(String),
    /// The cluster says not what it has.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// How messages begin.
fn title(rwenv: &Rwenv) -> String {
    let name = &rwenv.name;
    match (rwenv.read_only, rwenv.git_ops_only) {
        (true, _) => format!("rwenv '{name}' is read-only"),
        (false, true) => format!("rwenv '{name}' is changed through Git only"),
        (false, false) => format!("rwenv '{name}'"),
    }
}

/// Writes the policy of a rwenv down. Admission comes before the rights that need it.
///
/// # Errors
/// Where the rules are not known.
pub fn export(
    rwenv: &Rwenv,
    wish: &ExportWish,
    environment: &Environment,
) -> Result<Vec<ExportedObjects>, ExportError> {
    let unread = |refusal: Refusal| ExportError::Policy(refusal.why);
    let api = rows::judged(rwenv, &wish.more, environment).map_err(unread)?;
    let namespaces = rows::by_namespace(rwenv, &wish.more, environment).map_err(unread)?;
    Ok(written(rwenv, wish, (&api, &namespaces)))
}

/// The same of what has been judged already.
#[must_use]
pub fn written(
    rwenv: &Rwenv,
    wish: &ExportWish,
    (api, namespaces): (&JudgedApi, &[(String, JudgedApi)]),
) -> Vec<ExportedObjects> {
    let expressions = cel::expressions(&title(rwenv), api, namespaces);
    let mut targets = wish.targets.clone();
    targets.sort_unstable();
    targets.dedup();
    let each = targets.into_iter().map(|target| ExportedObjects {
        target,
        unsaid: unsaid::unsaid(target, wish, (api, namespaces)),
        objects: match target {
            ExportTarget::ValidatingAdmissionPolicy => {
                admission::validating_admission_policy(&wish.agents, &expressions).to_vec()
            }
            ExportTarget::Kyverno => admission::kyverno(&wish.agents, &expressions).to_vec(),
            ExportTarget::Gatekeeper => admission::gatekeeper(&wish.agents, &expressions).to_vec(),
            ExportTarget::Rbac => rbac::rbac(&wish.agents, api, &wish.namespaces, wish.rbac()),
        },
    });
    each.collect()
}

/// What the cluster of a rwenv has, for resources that no table knows.
///
/// # Errors
/// Where it does not answer.
pub async fn discovered(rwenv: &Rwenv, environment: &Environment) -> Result<Vec<KnownResource>, ExportError> {
    let cluster = Cluster::of(rwenv, environment).await?;
    let mut all = Vec::new();
    for (group, version) in cluster.groups().await? {
        // A group whose server is gone has nothing.
        let Ok(listed) = cluster.resources(&format!("{group}/{version}")).await else { continue };
        all.extend(listed.into_iter().map(|resource| KnownResource {
            group: group.clone(),
            version: version.clone(),
            name: resource.name,
            verbs: resource.verbs,
            cluster: !resource.namespaced,
            connects: false,
        }));
    }
    Ok(all)
}
