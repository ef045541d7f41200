//! What is to be exported, for which engines and for whom.

use super::agents::AgentSubjects;
use super::rbac::RbacWish;
use super::rows::KnownResource;

/// What the policy is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExportTarget {
    /// Admission of the API server itself.
    ValidatingAdmissionPolicy,
    /// Admission by Kyverno.
    Kyverno,
    /// Admission by Gatekeeper.
    Gatekeeper,
    /// Authorization of the API server.
    Rbac,
}

impl ExportTarget {
    /// True where requests are judged by more than verb and resource.
    #[must_use]
    pub fn is_admission(self) -> bool {
        self != Self::Rbac
    }
}

/// What is exported.
#[derive(Clone, Debug)]
pub struct ExportWish {
    /// For which engines.
    pub targets: Vec<ExportTarget>,
    /// For whom.
    pub agents: AgentSubjects,
    /// Namespaces that the identity is for; empty for all.
    pub namespaces: Vec<String>,
    /// The identity may send dry runs.
    pub dry_runs: bool,
    /// Resources that the cluster has beside those of the table.
    pub more: Vec<KnownResource>,
}

impl ExportWish {
    /// What RBAC grants.
    #[must_use]
    pub fn rbac(&self) -> RbacWish {
        let admission = self.targets.iter().any(|target| target.is_admission());
        RbacWish { admission, dry_runs: self.dry_runs }
    }
}
