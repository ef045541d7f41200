//! Where the agents' own credential of a rwenv is: a kubeconfig with a token of their service account, which cannot do more in the cluster
//! than that account may.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::clock;
use crate::base::environment::Environment;
use crate::base::files;

/// Seconds for which a token has to be good for a session that starts.
const ENOUGH: u64 = 60;

/// What is kept of a credential beside its kubeconfig; no secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptCredential {
    /// Namespace of the service account.
    pub namespace: String,
    /// Name of the service account.
    pub account: String,
    /// Seconds for which a token is asked for.
    pub lifetime: u64,
    /// When the token was issued, in seconds since 1970.
    pub issued: u64,
    /// When it ends, in seconds since 1970.
    pub expires: u64,
}

impl KeptCredential {
    /// True where a third of its time is left, or less.
    #[must_use]
    pub fn is_due(&self, now: u64) -> bool {
        let whole = self.expires.saturating_sub(self.issued);
        self.expires.saturating_sub(now) <= whole / 3
    }
}

/// Where all of them are.
#[must_use]
pub fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("agents")
}

/// The kubeconfig of a rwenv's agents.
#[must_use]
pub fn kubeconfig(rwenv: &str, environment: &Environment) -> PathBuf {
    folder(environment).join(format!("{rwenv}.yaml"))
}

/// What is kept of it.
#[must_use]
pub fn record(rwenv: &str, environment: &Environment) -> PathBuf {
    folder(environment).join(format!("{rwenv}.json"))
}

/// The credential of a rwenv's agents; none where there is none, or it cannot be read.
#[must_use]
pub fn kept(rwenv: &str, environment: &Environment) -> Option<KeptCredential> {
    let text = files::read_trusted(&record(rwenv, environment)).ok()??;
    serde_json::from_str(&text).ok()
}

/// The kubeconfig for a session that starts: none where there is no credential, or its token has ended or is about to.
#[must_use]
pub fn session(rwenv: &str, environment: &Environment) -> Option<PathBuf> {
    let kept = kept(rwenv, environment)?;
    let path = kubeconfig(rwenv, environment);
    (path.exists() && kept.expires > clock::now().as_secs() + ENOUGH).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_due_when_a_third_of_its_time_is_left() {
        let kept = KeptCredential {
            namespace: "n".to_owned(),
            account: "a".to_owned(),
            lifetime: 3600,
            issued: 1_000,
            expires: 4_600,
        };
        assert!(!kept.is_due(3_399));
        assert!(kept.is_due(3_400) && kept.is_due(5_000));
    }
}
