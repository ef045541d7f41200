//! Who the agents of a rwenv are to its cluster, and what objects written for them are called.

use rwenv_core::model::Rwenv;
use serde_json::{Value, json};

/// The namespace in which agents' service accounts are, where none is named.
pub const NAMESPACE: &str = "rwenv-agents";

/// The agents of a rwenv, as its cluster sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSubjects {
    /// Name of the rwenv.
    pub rwenv: String,
    /// Namespace and name of their service account.
    pub account: (String, String),
    /// Groups whose members are agents too.
    pub groups: Vec<String>,
}

/// A name as Kubernetes takes it (RFC 1123).
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = name.chars().map(plain).collect();
    text.trim_matches('-').to_owned()
}

impl AgentSubjects {
    /// The agents of a rwenv, under the names that rwenv gives.
    #[must_use]
    pub fn of(rwenv: &Rwenv) -> Self {
        let name = rwenv.name.to_string();
        Self { account: (NAMESPACE.to_owned(), slug(&name)), rwenv: name, groups: Vec::new() }
    }

    /// The same with another service account, written `NAMESPACE/NAME`; none where it is not written so.
    #[must_use]
    pub fn with_account(self, account: &str) -> Option<Self> {
        let fits = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        };
        let (namespace, name) = account.split_once('/')?;
        (fits(namespace) && fits(name))
            .then(|| Self { account: (namespace.to_owned(), name.to_owned()), ..self })
    }

    /// What objects written for them are called.
    #[must_use]
    pub fn object(&self) -> String {
        format!("rwenv-agent-{}", slug(&self.rwenv))
    }

    /// The user that the service account is.
    #[must_use]
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.account.0, self.account.1)
    }

    /// Metadata of an object of this name.
    #[must_use]
    pub fn metadata(&self, name: &str, namespace: Option<&str>) -> Value {
        let mut metadata = json!({
            "name": name,
            "labels": { "app.kubernetes.io/managed-by": "rwenv", "app.kubernetes.io/instance": slug(&self.rwenv) },
        });
        if let (Some(namespace), Some(fields)) = (namespace, metadata.as_object_mut()) {
            fields.insert("namespace".to_owned(), json!(namespace));
        }
        metadata
    }
}

#[cfg(test)]
mod tests {
    use rwenv_core::model::RwenvName;

    use super::*;

    #[test]
    fn names_are_such_as_kubernetes_takes() {
        let subjects = AgentSubjects::of(&Rwenv::named(RwenvName::new("Shop_Prod").unwrap()));
        assert_eq!(subjects.user(), "system:serviceaccount:rwenv-agents:shop-prod");
        assert_eq!(subjects.object(), "rwenv-agent-shop-prod");
        let other = subjects.clone().with_account("ci/robot").unwrap();
        assert_eq!(other.user(), "system:serviceaccount:ci:robot");
        for wrong in ["robot", "/robot", "ci/", "ci/a/b", "ci/a'b"] {
            assert_eq!(subjects.clone().with_account(wrong), None, "{wrong}");
        }
    }
}
