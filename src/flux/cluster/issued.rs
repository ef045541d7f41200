//! Tokens that a cluster issues for a service account (TokenRequest), and the kubeconfig that has one.

use std::path::Path;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::Kubeconfig;
use serde_json::{Value, json};

use super::{Cluster, ClusterError};

/// A token.
pub struct IssuedToken {
    /// The token itself.
    pub token: String,
    /// When it ends, in seconds since 1970.
    pub expires: u64,
}

impl Cluster {
    /// Has a token issued for a service account. Nothing is changed in the cluster by it.
    ///
    /// # Errors
    /// Where there is no such account, or these credentials may not ask for one.
    pub async fn issue(
        &self,
        (namespace, account): (&str, &str),
        seconds: u64,
    ) -> Result<IssuedToken, ClusterError> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let spec = TokenRequestSpec {
            expiration_seconds: i64::try_from(seconds).ok(),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let what = format!("issue a token for the service account {namespace}/{account}");
        let sent = PostParams::default();
        let asked = accounts.create_token_request(account, &sent, &request);
        let issued = self.answer(&what, asked).await?;
        let refused = |why: &str| ClusterError::Refused {
            server: self.server().to_owned(),
            what: what.clone(),
            why: why.to_owned(),
        };
        let status = issued.status.and_then(|status| {
            let expires = u64::try_from(status.expiration_timestamp?.0.as_second()).ok()?;
            Some(IssuedToken { token: status.token?, expires })
        });
        status.ok_or_else(|| refused("the answer has no token, or says not when it ends"))
    }

    /// The kubeconfig of whoever has a token: this cluster under its own context's name, and nothing of the person's credentials.
    ///
    /// # Errors
    /// Where the person's kubeconfig cannot be read.
    pub fn kubeconfig_with(&self, token: &str, name: &str) -> Result<String, ClusterError> {
        let (path, context) = (self.place.path.clone(), self.place.context.clone());
        let failed = |why: String| ClusterError::Kubeconfig { path: path.clone(), why };
        let config = Kubeconfig::read_from(&path).map_err(|error| failed(error.to_string()))?;
        let of = config.contexts.iter().find(|known| known.name == context);
        let of = of.and_then(|named| named.context.as_ref()).map(|context| context.cluster.clone());
        let cluster = config.clusters.into_iter().find(|known| Some(&known.name) == of.as_ref());
        let cluster = cluster.and_then(|named| named.cluster);
        let cluster = cluster.ok_or_else(|| failed(format!("context '{context}' names no cluster")))?;
        let mut cluster = serde_json::to_value(cluster).map_err(|error| failed(error.to_string()))?;
        inline(&mut cluster, &path)?;
        let config = json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{ "name": name, "cluster": cluster }],
            "users": [{ "name": name, "user": { "token": token } }],
            "contexts": [{ "name": context, "context": {
                "cluster": name, "user": name, "namespace": self.namespace(),
            } }],
            "current-context": context,
        });
        serde_json::to_string_pretty(&config).map_err(|error| failed(error.to_string()))
    }
}

/// Puts the authority's certificate in the place of its file, which another folder would look for elsewhere.
fn inline(cluster: &mut Value, kubeconfig: &Path) -> Result<(), ClusterError> {
    use base64::Engine as _;
    let Some(fields) = cluster.as_object_mut() else { return Ok(()) };
    let Some(file) = fields.get("certificate-authority").and_then(Value::as_str).map(str::to_owned) else {
        return Ok(());
    };
    let folder = kubeconfig.parent().unwrap_or(kubeconfig);
    let bytes = std::fs::read(folder.join(&file)).map_err(|error| ClusterError::Kubeconfig {
        path: kubeconfig.to_owned(),
        why: format!("{file}: {error}"),
    })?;
    fields.remove("certificate-authority");
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    fields.insert("certificate-authority-data".to_owned(), Value::from(data));
    Ok(())
}
