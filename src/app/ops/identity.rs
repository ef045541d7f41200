//! An identity for agents in the cluster of a rwenv: made by a person with their own kubectl, and its credential.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::check::Check;
use super::export::agents::AgentSubjects;
use super::rights::beyond_rights;
use crate::credential::{self, CredentialError};
use rwenv_core::model::Rwenv;
use rwenv_flux::cluster::{Cluster, ClusterError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::{process, program, redact::redact};
use rwenv_gate::facts::credential::{self as facts, KeptCredential};

/// Shortest life of a token that a cluster issues (TokenRequest), and the longest that is asked for.
pub const SHORTEST: u64 = 600;
/// Longest life of a token that is asked for.
pub const LONGEST: u64 = 24 * 3600;
/// Longest time kubectl may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Who the server says applied the objects.
const MANAGER: &str = "--field-manager=rwenv";

/// The identity cannot be made, or its credential not be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// kubectl is missing.
    #[error("kubectl is not on PATH; rwenv makes the objects with it")]
    NoKubectl,
    /// kubectl did not do it.
    #[error("{what} failed: {why}")]
    Kubectl {
        /// What it was to do.
        what: String,
        /// What it said.
        why: String,
    },
    /// The rwenv leads nowhere.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// No credential.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// No runtime.
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Runs the person's kubectl on the cluster of a rwenv.
fn kubectl(
    rwenv: &Rwenv,
    arguments: &[&str],
    input: &str,
    environment: &Environment,
) -> Result<String, IdentityError> {
    let program = program::find("kubectl", environment).ok_or(IdentityError::NoKubectl)?;
    let (file, context) = Cluster::place(rwenv, environment)?;
    let mut command = Command::new(program);
    command.arg("--kubeconfig").arg(file).args(["--context", &context]).args(arguments);
    let what = || format!("kubectl {}", arguments.first().unwrap_or(&""));
    let failed = |why: String| IdentityError::Kubectl { what: what(), why };
    let said = process::output(&mut command, input.as_bytes(), PATIENCE)
        .ok_or_else(|| failed(format!("no answer within {} s", PATIENCE.as_secs())))?;
    if said.success { Ok(said.stdout) } else { Err(failed(redact(said.stderr.trim()))) }
}

/// Applies objects to the cluster of a rwenv. Gives what the server says of each.
///
/// # Errors
/// Where kubectl does not do it.
pub fn apply(
    rwenv: &Rwenv,
    objects: &[Value],
    environment: &Environment,
) -> Result<Vec<String>, IdentityError> {
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    let arguments = ["apply", "--server-side", MANAGER, "-f", "-"];
    let said = kubectl(rwenv, &arguments, &list.to_string(), environment)?;
    Ok(said.lines().map(str::to_owned).collect())
}

/// Takes the service account away and makes it again: the tokens of the one that was are good for nothing.
///
/// # Errors
/// Where kubectl does not do it.
pub fn replace_account(
    rwenv: &Rwenv,
    (namespace, account): (&str, &str),
    environment: &Environment,
) -> Result<(), IdentityError> {
    kubectl(rwenv, &["delete", "serviceaccount", account, "-n", namespace], "", environment)?;
    let object = serde_json::json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": false,
        "metadata": AgentSubjects::of(rwenv).metadata(account, Some(namespace)),
    });
    apply(rwenv, &[object], environment).map(drop)
}

/// Has a credential issued for the agents of a rwenv, and keeps it.
///
/// # Errors
/// Where the cluster refuses, or it cannot be kept.
pub fn fetch(
    rwenv: &Rwenv,
    of: (&str, &str),
    lifetime: u64,
    environment: &Environment,
) -> Result<KeptCredential, IdentityError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fetched = runtime.block_on(credential::fetch(rwenv, of, lifetime, environment));
    // A program that hangs while it gets credentials is not waited for.
    runtime.shutdown_background();
    Ok(fetched?)
}

/// The kubeconfig of a rwenv's agents.
#[must_use]
pub fn kubeconfig(rwenv: &Rwenv, environment: &Environment) -> PathBuf {
    facts::kubeconfig(rwenv.name.as_str(), environment)
}

/// What the agents' credential may do beyond reading, by what the cluster says: nothing, or an example.
///
/// # Errors
/// Why that is not known.
pub fn beyond_reading(rwenv: &Rwenv, environment: &Environment) -> Result<Option<String>, String> {
    let (_, context) = Cluster::place(rwenv, environment).map_err(|error| error.to_string())?;
    beyond_rights(&kubeconfig(rwenv, environment), &context, environment)
}

/// What the doctor says of the agents' credential; nothing where there is none.
pub(super) fn examine(rwenv: &Rwenv, offline: bool, environment: &Environment) -> Option<Check> {
    let name = rwenv.name.as_str();
    let kept = facts::kept(name, environment)?;
    let account = format!("{}/{}", kept.namespace, kept.account);
    if facts::session(name, environment).is_none() {
        let says = format!("the agents' credential of {account} has ended, and rwenvd has not renewed it");
        return Some(Check::warn("identity", says, format!("rwenv identity kubeconfig {name}")));
    }
    if offline {
        return Some(Check::ok("identity", format!("agents have a credential of {account}")));
    }
    Some(match beyond_reading(rwenv, environment) {
        Ok(None) => {
            Check::ok("identity", format!("agents have a credential of {account}, which may only read"))
        }
        Ok(Some(may)) if rwenv.read_only => {
            let says = format!("the agents' credential of {account} may {may}");
            Check::warn("identity", says, format!("rwenv policy verify --env {name}"))
        }
        Ok(Some(may)) => {
            Check::ok("identity", format!("agents have a credential of {account}, which may {may}"))
        }
        Err(why) => {
            let says = format!("what the agents' credential of {account} may do is not known ({why})");
            Check::warn("identity", says, format!("rwenv policy verify --env {name}"))
        }
    })
}
