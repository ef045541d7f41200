//! What is here to begin with: contexts that no rwenv owns, how each is best guarded, and what is found when it is tried.

use kube::api::{Api, DynamicObject, ListParams};
use serde_json::{Map, Value, json};

use super::rwenvs::ConfigObject;
use rwenv_core::model::{ClusterIdentity, Place, Rwenv, RwenvName, SeenContext, host, is_loopback};
use rwenv_flux::cluster::{Cluster, ClusterError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::program;
use rwenv_gate::facts::{config, identity, kubeconfig};

/// Words in names of contexts and servers that mean production.
const PRODUCTION: [&str; 6] = ["prod", "production", "prd", "live", "main", "primary"];
/// Words that mean a stage before it.
const BEFORE: [&str; 9] =
    ["dev", "develop", "development", "test", "qa", "stage", "staging", "stg", "sandbox"];
/// Beginnings of contexts of programs that make clusters to be thrown away.
const THROWAWAY: [&str; 7] =
    ["kind-", "k3d-", "minikube", "docker-desktop", "colima", "rancher-desktop", "orbstack"];
/// Programs of agents, as `rwenv install --agent` names them.
const AGENTS: [(&str, &str); 6] = [
    ("claude", "claude"),
    ("codex", "codex"),
    ("gemini", "gemini"),
    ("cursor", "cursor-agent"),
    ("copilot", "copilot"),
    ("opencode", "opencode"),
];

/// How a rwenv is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposedMode {
    /// Nothing of it is changed.
    ReadOnly,
    /// It is changed through Git.
    GitOpsOnly,
    /// It may be changed.
    Writable,
}

impl ProposedMode {
    /// How it is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::GitOpsOnly => "gitops-only",
            Self::Writable => "writable",
        }
    }

    /// The mode of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::ReadOnly, Self::GitOpsOnly, Self::Writable].into_iter().find(|mode| mode.as_str() == word)
    }
}

/// A rwenv that may be made of a context.
#[derive(Clone, Debug)]
pub struct ProposedRwenv {
    /// Its name.
    pub name: RwenvName,
    /// The context.
    pub context: String,
    /// How it is guarded.
    pub mode: ProposedMode,
    /// Why so.
    pub why: &'static str,
    /// What was found when it was tried.
    pub tried: Result<TriedCluster, String>,
}

/// What a cluster answered.
#[derive(Clone, Debug, Default)]
pub struct TriedCluster {
    /// Its server.
    pub server: String,
    /// Its namespaces.
    pub namespaces: usize,
    /// URL and branch of the repository that Flux follows there, and the folder it applies.
    pub flux: Option<FoundFlux>,
}

/// The repository of a cluster, as Flux' own objects name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundFlux {
    /// Its URL.
    pub url: String,
    /// The branch, where one is named.
    pub branch: Option<String>,
    /// The folder.
    pub path: Option<String>,
}

/// The rwenvs that may be made of the contexts of the person's kubeconfig that no rwenv has, each tried.
///
/// # Errors
/// Where the runtime cannot be started.
pub fn proposals(environment: &Environment) -> std::io::Result<Vec<ProposedRwenv>> {
    let files = kubeconfig::usual(environment);
    let rwenvs = config::rwenvs(&environment.config_dir);
    let mut taken: Vec<String> = rwenvs.all.iter().map(|rwenv| rwenv.name.to_string()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all = Vec::new();
    for context in identity::contexts(&files) {
        if rwenvs.all.iter().any(|rwenv| rwenv.has_context(&context)) {
            continue;
        }
        let Some(name) = name_for(&context, &taken) else { continue };
        taken.push(name.to_string());
        let server = match identity::seen(&files, Some(&context), environment) {
            SeenContext::Cluster(ClusterIdentity { server, .. }) => server,
            _ => String::new(),
        };
        let tried = runtime.block_on(tried(&name, &context, environment)).map_err(|error| error.to_string());
        let has_flux = tried.as_ref().is_ok_and(|tried| tried.flux.is_some());
        let (mode, why) = mode_for(&context, &server, has_flux);
        all.push(ProposedRwenv { name, context, mode, why, tried });
    }
    // A program that hangs while it gets credentials is not waited for.
    runtime.shutdown_background();
    Ok(all)
}

/// The name of a context without what clouds put before it: `gke_PROJECT_ZONE_NAME`, `arn:aws:eks:…/NAME`, `USER@NAME`, `kind-NAME`.
fn name_for(context: &str, taken: &[String]) -> Option<RwenvName> {
    let last = context.rsplit(['/', '@']).next().unwrap_or(context);
    let last = if last.starts_with("gke_") { last.rsplit('_').next().unwrap_or(last) } else { last };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' };
    let base: String = last.chars().map(plain).collect();
    let base = base.trim_matches('-').to_owned();
    let numbered = (2..100).map(|number| format!("{base}-{number}"));
    let free = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name))?;
    RwenvName::new(&free).ok()
}

fn mode_for(context: &str, server: &str, has_flux: bool) -> (ProposedMode, &'static str) {
    let text = format!("{context} {server}").to_ascii_lowercase();
    let has =
        |words: &[&str]| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| words.contains(&word));
    let here = is_loopback(host(server));
    if THROWAWAY.iter().any(|start| context.starts_with(start)) && here {
        (ProposedMode::Writable, "a throw-away cluster of this machine")
    } else if has(&PRODUCTION) {
        (ProposedMode::ReadOnly, "looks like production")
    } else if has_flux && has(&BEFORE) {
        (ProposedMode::GitOpsOnly, "no production, and Flux runs it")
    } else {
        (ProposedMode::ReadOnly, "nothing says that it may be changed")
    }
}

/// Asks the cluster of a context, by GETs alone.
async fn tried(
    name: &RwenvName,
    context: &str,
    environment: &Environment,
) -> Result<TriedCluster, ClusterError> {
    let place = Place { kubeconfig_path: None, kubernetes_context: Some(context.to_owned()) };
    let rwenv = Rwenv { places: vec![place], ..Rwenv::named(name.clone()) };
    let cluster = Cluster::of(&rwenv, environment).await?;
    let namespaces = objects(&cluster, "namespaces").await?.len();
    let sources = objects(&cluster, "gitrepositories.source.toolkit.fluxcd.io").await.unwrap_or_default();
    let roots = objects(&cluster, "kustomizations.kustomize.toolkit.fluxcd.io").await.unwrap_or_default();
    let flux = found_flux(&sources, &roots);
    Ok(TriedCluster { server: cluster.server().to_owned(), namespaces, flux })
}

async fn objects(cluster: &Cluster, word: &str) -> Result<Vec<DynamicObject>, ClusterError> {
    let Some((resource, _)) = cluster.resource(word).await? else { return Ok(Vec::new()) };
    let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
    Ok(cluster.list(&api, ListParams::default(), &resource.plural).await?.unwrap_or_default())
}

/// The source that Flux was bootstrapped from: the one of its own name, or the only one.
fn found_flux(sources: &[DynamicObject], roots: &[DynamicObject]) -> Option<FoundFlux> {
    let own = |all: &[DynamicObject]| {
        let named = all.iter().find(|object| object.metadata.name.as_deref() == Some("flux-system"));
        named.or(if let [only] = all { Some(only) } else { None }).cloned()
    };
    let text = |object: &DynamicObject, path: &str| object.data.pointer(path)?.as_str().map(str::to_owned);
    let source = own(sources)?;
    let path = own(roots).and_then(|root| text(&root, "/spec/path"));
    let path = path.map(|path| path.trim_start_matches("./").to_owned()).filter(|path| !path.is_empty());
    Some(FoundFlux { url: text(&source, "/spec/url")?, branch: text(&source, "/spec/ref/branch"), path })
}

impl ProposedRwenv {
    /// Its fields, as `envs.json` has them.
    #[must_use]
    pub fn fields(&self) -> ConfigObject {
        let mut fields = Map::new();
        fields.insert("kubernetesContext".to_owned(), json!(self.context));
        if self.context.starts_with("gke_") {
            fields.insert("type".to_owned(), json!("gke"));
            let project = self.context.split('_').nth(1).map(Value::from);
            fields.extend(project.map(|project| ("gcpProject".to_owned(), project)));
        }
        match self.mode {
            ProposedMode::ReadOnly => drop(fields.insert("readOnly".to_owned(), json!(true))),
            ProposedMode::GitOpsOnly => drop(fields.insert("gitOpsOnly".to_owned(), json!(true))),
            ProposedMode::Writable => {}
        }
        if let Some(flux) = self.tried.as_ref().ok().and_then(|tried| tried.flux.as_ref()) {
            fields.insert("fluxGitRepo".to_owned(), json!(flux.url));
            let kind = if flux.url.contains("github.com") { "github" } else { "gitea" };
            fields.insert("fluxGitRepoType".to_owned(), json!(kind));
            fields.extend(flux.branch.iter().map(|branch| ("fluxBranch".to_owned(), json!(branch))));
            fields.extend(flux.path.iter().map(|path| ("fluxPath".to_owned(), json!(path))));
        }
        fields
    }
}

/// The agents that are installed on this machine, as `rwenv install --agent` names them.
#[must_use]
pub fn agents_here(environment: &Environment) -> Vec<&'static str> {
    let here = AGENTS.iter().filter(|(_, name)| program::find(name, environment).is_some());
    here.map(|(agent, _)| *agent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_get_short_names_and_careful_modes() {
        let name = |context: &str| name_for(context, &["taken".to_owned()]).unwrap().to_string();
        for (context, wanted) in [
            ("gke_acme-prod_europe-west1_shop-prod", "shop-prod"),
            ("arn:aws:eks:eu-west-1:1234:cluster/Staging", "staging"),
            ("admin@home.lab", "home-lab"),
            ("kind-dev", "kind-dev"),
            ("taken", "taken-2"),
        ] {
            assert_eq!(name(context), wanted);
        }
        let local = "https://127.0.0.1:6443";
        for (context, server, flux, mode) in [
            ("kind-dev", local, false, ProposedMode::Writable),
            ("kind-prod", "https://k8s.example.com", true, ProposedMode::ReadOnly),
            ("default", local, false, ProposedMode::ReadOnly),
            ("shop", "https://api.prod.example.com", true, ProposedMode::ReadOnly),
            ("shop-staging", "https://k8s.example.com", true, ProposedMode::GitOpsOnly),
            ("shop-staging", "https://k8s.example.com", false, ProposedMode::ReadOnly),
            ("product-team", "https://k8s.example.com", false, ProposedMode::ReadOnly),
        ] {
            assert_eq!(mode_for(context, server, flux).0, mode, "{context} {server}");
        }
    }
}
