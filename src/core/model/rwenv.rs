//! Named environments.

use std::collections::BTreeMap;
use std::fmt;

use super::{TargetKind, glob};

/// A rwenv's name: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`, so that it can be part of a path and of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct RwenvName(String);

/// A name that cannot be a rwenv's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a rwenv name: use letters, digits, '.', '_' and '-', at most 63, starting with a letter or digit"
)]
pub struct RwenvNameError(pub String);

impl RwenvName {
    /// Checks a name.
    ///
    /// # Errors
    /// Where the name could leave its directory, hide in a message, or is empty or too long.
    pub fn new(name: &str) -> Result<Self, RwenvNameError> {
        let mut chars = name.chars();
        let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
        let rest = chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if first && rest && name.len() <= 63 && !name.contains("..") {
            Ok(Self(name.to_owned()))
        } else {
            Err(RwenvNameError(name.escape_debug().take(80).collect()))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RwenvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much an agent may do alone; every level goes through Git.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Autonomy {
    /// The agent proposes, a person commits.
    Manual,
    /// A person approves, the agent commits.
    Prompted,
    /// The agent commits, a person is told.
    #[default]
    Standard,
}

/// How the environment is pinned for an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Pin {
    /// By the session's environment.
    #[default]
    Session,
    /// By rewriting commands.
    Rewrite,
}

/// What becomes of commands on a cluster where no rwenv is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Unselected {
    /// What only looks passes; a change is denied.
    #[default]
    Read,
    /// All of them are denied.
    Deny,
}

/// What happens to plain reads inside a pod of a read-only rwenv.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ExecReads {
    /// A person is asked.
    #[default]
    Ask,
    /// They pass.
    Allow,
}

/// A kubeconfig file and a context in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Path of the kubeconfig, as written in the configuration.
    pub kubeconfig_path: Option<String>,
    /// Name of the context.
    pub kubernetes_context: Option<String>,
}

/// Encryption of a connection to a database, in libpq's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// None.
    Disable,
    /// Where the server offers it. A CA that is known has to have signed its certificate.
    #[default]
    Prefer,
    /// Always; the certificate as for `Prefer`.
    Require,
    /// Always, with a certificate of the CA.
    VerifyCa,
    /// Always, with a certificate of the CA for this host.
    VerifyFull,
}

impl std::fmt::Display for SslMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// A database that is looked into through a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Database {
    /// Namespace of its service, and of its credentials.
    pub namespace: Option<String>,
    /// Secret that holds them.
    pub secret_name: Option<String>,
    /// Host to connect to; its first label is the service.
    pub pgbouncer_host: Option<String>,
    /// Name of the database.
    pub database: Option<String>,
    /// User to connect as.
    pub username: Option<String>,
    /// Secret whose `ca.crt` the server's certificate comes from; none: the one with the credentials.
    pub ca_secret_name: Option<String>,
    /// Whether the connection is encrypted, and what the server has to prove.
    pub ssl_mode: SslMode,
    /// For people.
    pub description: Option<String>,
}

/// By what a confined program reaches git's remotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum GitReach {
    /// By itself: the person's keys, ssh agent and credential helpers stay.
    #[default]
    Pass,
    /// By the process that started it, outside, which holds the credentials.
    Broker,
}

/// What `rwenv run` does otherwise than its table says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CustodyLists {
    /// What stays in sessions of this rwenv.
    pub allow: Vec<String>,
    /// What is hidden as well, in sessions of every rwenv.
    pub hide: Vec<String>,
    /// By what sessions of this rwenv reach git's remotes.
    pub git: GitReach,
    /// Remotes that the broker reaches for sessions of this rwenv, beside its Flux repository; URLs.
    pub remotes: Vec<String>,
}

/// A name in the configuration that means nothing, and nearly is one that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misspelt {
    /// The name.
    pub name: String,
    /// The line it stands in, from 1.
    pub line: usize,
    /// The one that was probably meant.
    pub meant: &'static str,
}

/// A named environment: cluster, Flux repository and what may be done to them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of the configuration file")]
pub struct Rwenv {
    /// Its name.
    pub name: RwenvName,
    /// What it is, for people.
    pub description: Option<String>,
    /// `k3s`, `gke` or another word.
    pub kind: Option<String>,
    /// Where its cluster is reached from this machine, then from the dev container; the flat shape has one.
    pub places: Vec<Place>,
    /// Google Cloud project.
    pub gcp_project: Option<String>,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Changes go through Git only.
    pub git_ops_only: bool,
    /// URL of the Flux repository.
    pub flux_git_repo: Option<String>,
    /// `github` or `gitea`.
    pub flux_git_repo_type: Option<String>,
    /// Folder of the Flux repository that this cluster applies.
    pub flux_path: Option<String>,
    /// Branch Flux follows; none: the remote's HEAD.
    pub flux_branch: Option<String>,
    /// Branches an agent does not push to.
    pub protected_branches: Vec<String>,
    /// An agent does not commit to them either, in a project.
    pub protect_commits: bool,
    /// The Flux branch may be pushed to.
    pub direct_push: bool,
    /// How much an agent may do alone.
    pub autonomy: Autonomy,
    /// How the environment is pinned.
    pub pin: Pin,
    /// Wholly harmless lines are approved without asking the person.
    pub auto_approve: bool,
    /// Plain reads in pods.
    pub exec_reads: ExecReads,
    /// Most objects that a change of the Flux repository removes from its cluster without a person.
    pub impact_limit: usize,
    /// Names of further policies.
    pub policies: Vec<String>,
    /// Folders whose files make infrastructure, with how much an agent does alone there.
    pub terraform_paths: Vec<(String, Autonomy)>,
    /// Patterns of files that hold Argo CD Applications, which are applied once by hand.
    pub argocd_apps: Vec<String>,
    /// Whom the daemon tells what an agent changed without a question: a command, or an address of HTTP.
    pub notify: Option<String>,
    /// Servers, accounts, projects and hosts that are its own; patterns.
    pub targets: BTreeMap<TargetKind, Vec<String>>,
    /// Seconds between two looks at its repository, where it says.
    pub sync_interval: Option<u64>,
    /// What confined programs find of the person's files; paths as they are written.
    pub custody: CustodyLists,
    /// Names of fields that mean nothing, and nearly are some that do.
    pub misspelt: Vec<Misspelt>,
}

impl Rwenv {
    /// Branches that are protected where the configuration names none.
    pub const PROTECTED: [&'static str; 3] = ["main", "master", "production"];
    /// Most objects a change removes without a person, where the configuration names no number.
    pub const IMPACT_LIMIT: usize = 10;

    /// A writable rwenv with nothing but a name.
    #[must_use]
    pub fn named(name: RwenvName) -> Self {
        Self {
            name,
            description: None,
            kind: None,
            places: Vec::new(),
            gcp_project: None,
            read_only: false,
            git_ops_only: false,
            flux_git_repo: None,
            flux_git_repo_type: None,
            flux_path: None,
            flux_branch: None,
            protected_branches: Self::PROTECTED.map(str::to_owned).to_vec(),
            protect_commits: false,
            direct_push: false,
            autonomy: Autonomy::default(),
            pin: Pin::default(),
            auto_approve: false,
            exec_reads: ExecReads::default(),
            impact_limit: Self::IMPACT_LIMIT,
            policies: Vec::new(),
            terraform_paths: Vec::new(),
            argocd_apps: vec!["*argocd-apps/*".to_owned()],
            notify: None,
            targets: BTreeMap::new(),
            sync_interval: None,
            custody: CustodyLists::default(),
            misspelt: Vec::new(),
        }
    }

    /// True where one of its places names a context.
    #[must_use]
    pub fn names_context(&self) -> bool {
        self.places.iter().any(|p| p.kubernetes_context.as_deref().is_some_and(|name| !name.is_empty()))
    }

    /// True where one of its places has this context.
    #[must_use]
    pub fn has_context(&self, context: &str) -> bool {
        self.places.iter().any(|p| p.kubernetes_context.as_deref() == Some(context))
    }
}

/// Clusters that come and go, on this machine or at addresses that a person has named: whoever reaches one may change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Throwaway {
    /// Patterns of their contexts (`kind-*`).
    pub contexts: Vec<String>,
    /// Patterns of hosts beside this machine's own where they may be.
    pub servers: Vec<String>,
}

impl Throwaway {
    /// True where a context of this name that leads to this server is one.
    #[must_use]
    pub fn has(&self, context: &str, server: &str) -> bool {
        let host = host(server);
        self.contexts.iter().any(|pattern| glob(pattern, context))
            && (is_loopback(host) || self.servers.iter().any(|pattern| glob(pattern, host)))
    }
}

/// The host of a URL or address, without port.
#[must_use]
pub fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    match rest.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        // An address of IPv6 without brackets has no port.
        None if rest.matches(':').count() > 1 => rest,
        None => rest.split(':').next().unwrap_or_default(),
    }
}

/// True for a host that is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let address = || host.parse::<core::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// All rwenvs of a person, and what the configuration says beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rwenvs {
    /// In the order of the file.
    pub all: Vec<Rwenv>,
    /// The configuration directory, absolute.
    pub config_dir: String,
    /// The container commands run in, where there is one.
    pub dev_container: Option<String>,
    /// Clusters that belong to no rwenv and may be changed.
    pub throwaway: Throwaway,
    /// Commands on a cluster where no rwenv is selected.
    pub unselected: Unselected,
    /// Why the configuration could not be read, as a sentence, and what counts in its place.
    pub broken: Option<String>,
}

impl Rwenvs {
    /// The rwenv of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Rwenv> {
        self.all.iter().find(|r| r.name.as_str() == name)
    }
}
