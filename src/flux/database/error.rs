//! Why a query has no answer.

use crate::cluster::ClusterError;

/// The key of the Secret that has the password.
pub(super) const PASSWORD: &str = "password";

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The configuration lacks something.
    #[error("database '{name}' has no {field} in envs.json; add it to databases.{name}")]
    Missing {
        /// The database.
        name: String,
        /// What it lacks.
        field: &'static str,
    },
    /// The credentials are not there.
    #[error(
        "Secret {namespace}/{secret} has no data.{PASSWORD}, and no client certificate (tls.crt, tls.key); databases.{name}.secretName says where the credentials are"
    )]
    NoPassword {
        /// The database.
        name: String,
        /// The namespace.
        namespace: String,
        /// The Secret.
        secret: String,
    },
    /// There is no tunnel.
    #[error("no way to {service} of namespace {namespace}: {why}")]
    Tunnel {
        /// The service.
        service: String,
        /// Its namespace.
        namespace: String,
        /// Why not.
        why: String,
    },
    /// The database says no.
    #[error("{name}: {why}")]
    Query {
        /// The database.
        name: String,
        /// What it says.
        why: String,
    },
    /// From the cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}
