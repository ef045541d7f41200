//! Which cluster a context leads to: it is the server's, whatever the context is called.

/// The server a context leads to, and who asks there. It holds no secret, and nothing one could be made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterIdentity {
    /// URL of the server, without a slash at its end.
    pub server: String,
    /// The name in the server's certificate, where it is another than the URL's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_server_name: Option<String>,
    /// Digest of the certificate authority; none where the system's count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserIdentity>,
}

impl ClusterIdentity {
    /// True where both lead to one cluster, whoever asks there. Behind tunnels and on one machine many have one URL; their
    /// authorities differ.
    #[must_use]
    pub fn is_same_cluster(&self, other: &Self) -> bool {
        let cluster = |of: &Self| (of.server.clone(), of.tls_server_name.clone(), of.authority.clone());
        cluster(self) == cluster(other)
    }

    /// True where nothing has changed that matters: of tokens there is a new one every day.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        let lasting = |of: &Self| of.user.as_ref().is_some_and(|user| user.kind.is_lasting());
        self.is_same_cluster(other) && (self.user == other.user || !(lasting(self) || lasting(other)))
    }
}

/// Who asks, without what proves it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UserIdentity {
    /// How it is proved.
    pub kind: UserKind,
    /// Digest of what names it.
    pub digest: String,
}

/// How somebody proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserKind {
    /// A program makes the credentials: named by its command, arguments and variables.
    Exec,
    /// A client certificate: named by its subject.
    Certificate,
    /// A token, or a file with one: every new one is another.
    Token,
    /// A name, or a provider of another kind.
    Other,
}

impl UserKind {
    /// How it is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Certificate => "certificate",
            Self::Token => "token",
            Self::Other => "other",
        }
    }

    /// True where the digest stays the same for as long as the user does, so that another digest is another user. A proxy before many
    /// clusters tells them apart by it.
    #[must_use]
    pub fn is_lasting(self) -> bool {
        matches!(self, Self::Exec | Self::Certificate)
    }
}

/// Where a context leads, as the kubeconfig says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenContext {
    /// There is no kubeconfig, or it cannot be read.
    NoFile,
    /// The kubeconfig has no such context, but these.
    Missing(Vec<String>),
    /// Through the API guard, as this rwenv.
    Guarded(String),
    /// To this cluster.
    Cluster(ClusterIdentity),
}
