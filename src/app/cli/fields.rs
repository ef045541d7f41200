//! The fields of a rwenv: flags of `rwenv add` and `edit`, and what they write into `envs.json`.

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use crate::ops::rwenvs::ConfigObject;
use rwenv_core::model::TargetKind;
use rwenv_core::table::is_none_of;

/// Every field of a rwenv, as a flag.
#[derive(Debug, Default, Args)]
pub(super) struct RwenvFields {
    #[command(flatten)]
    pub(super) people: People,
    #[command(flatten)]
    pub(super) cluster: ClusterFields,
    #[command(flatten)]
    pub(super) changes: Changes,
    #[command(flatten)]
    pub(super) flux: FluxFields,
    #[command(flatten)]
    pub(super) custody: CustodyFields,
}

/// What is only shown.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "For people")]
pub(super) struct People {
    /// Description of the rwenv
    #[arg(long)]
    pub(super) description: Option<String>,
    /// Service and its URL; repeatable
    #[arg(long = "service", value_name = "NAME=URL")]
    pub(super) services: Vec<String>,
}

/// How the cluster is reached.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterFields {
    /// Type of cluster: k3s, gke or any other word
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: Option<String>,
    /// Path of the kubeconfig
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<String>,
    /// Name of the Kubernetes context
    #[arg(long)]
    pub(super) context: Option<String>,
    /// Path of the kubeconfig on this machine, where the dev container has another
    #[arg(long, value_name = "FILE")]
    pub(super) local_kubeconfig: Option<String>,
    /// Name of the context on this machine, where the dev container has another
    #[arg(long, value_name = "CONTEXT")]
    pub(super) local_context: Option<String>,
    /// Path of the kubeconfig in the dev container
    #[arg(long, value_name = "FILE")]
    pub(super) container_kubeconfig: Option<String>,
    /// Name of the context in the dev container
    #[arg(long, value_name = "CONTEXT")]
    pub(super) container_context: Option<String>,
    /// Server, account, project or host that is this rwenv's own, such as argocd=argocd.example.com; repeatable
    #[arg(long = "target", value_name = "KIND=VALUE")]
    pub(super) targets: Vec<String>,
    /// Google Cloud project
    #[arg(long, value_name = "PROJECT")]
    pub(super) gcp_project: Option<String>,
    /// How calls are led to the cluster: by the session's kubeconfig, or by flags added to them
    #[arg(long, value_name = "WAY", value_parser = ["session", "rewrite"])]
    pub(super) pin: Option<String>,
}

/// What may be changed, and by whom.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "What is allowed")]
pub(super) struct Changes {
    /// Deny every change
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) read_only: Option<bool>,
    /// Allow changes through Git only
    #[arg(long = "gitops-only", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) git_ops_only: Option<bool>,
    /// How much an agent does without a person
    #[arg(long, value_name = "LEVEL", value_parser = ["manual", "prompted", "standard"])]
    pub(super) autonomy: Option<String>,
    /// Command or http(s) address that is told what an agent changed without a question
    #[arg(long, value_name = "COMMAND|URL")]
    pub(super) notify: Option<String>,
    /// Approve lines that only read, without the agent's own question
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) auto_approve: Option<bool>,
    /// Decision on plain reads in pods of a read-only rwenv
    #[arg(long, value_name = "DECISION", value_parser = ["ask", "allow"])]
    pub(super) exec_reads: Option<String>,
    /// Most objects that a change of the Flux repository removes from the cluster before a person is asked [default: 10]
    #[arg(long, value_name = "COUNT")]
    pub(super) impact_limit: Option<u32>,
    /// Optional policy that applies to the rwenv; repeatable
    #[arg(long = "policy", value_name = "NAME")]
    pub(super) policies: Vec<String>,
    /// Folder that defines infrastructure [level: manual]; repeatable
    #[arg(long = "terraform-path", value_name = "FOLDER[=LEVEL]")]
    pub(super) terraform_paths: Vec<String>,
    /// Pattern of files with Argo CD Applications that may be applied by hand; repeatable
    #[arg(long = "argocd-app", value_name = "PATTERN")]
    pub(super) argocd_apps: Vec<String>,
}

/// Where the cluster's desired state is.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Flux repository")]
pub(super) struct FluxFields {
    /// URL of the Flux repository
    #[arg(long, value_name = "URL")]
    pub(super) flux_repo: Option<String>,
    /// Host of the Flux repository
    #[arg(long, value_name = "HOST", value_parser = ["github", "gitea"])]
    pub(super) flux_repo_type: Option<String>,
    /// Folder of the repository that this cluster applies, such as clusters/prod
    #[arg(long, value_name = "FOLDER")]
    pub(super) flux_path: Option<String>,
    /// Branch that Flux follows
    #[arg(long, value_name = "BRANCH")]
    pub(super) flux_branch: Option<String>,
    /// Branch that agents may not push to; repeatable
    #[arg(long = "protected-branch", value_name = "BRANCH")]
    pub(super) protected_branches: Vec<String>,
    /// Deny commits to protected branches of a project too
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) protect_commits: Option<bool>,
    /// Allow pushes to the Flux branch
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) direct_push: Option<bool>,
    /// Time between two fetches of the Flux repository, such as 30s or 5m
    #[arg(long, value_name = "TIME")]
    pub(super) sync_interval: Option<String>,
}

/// What confined programs find.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "In rwenv run")]
pub(super) struct CustodyFields {
    /// File or folder that stays in sessions of the rwenv; repeatable
    #[arg(long, value_name = "PATH")]
    pub(super) custody_allow: Vec<String>,
    /// File or folder that is hidden from every session; repeatable
    #[arg(long, value_name = "PATH")]
    pub(super) custody_hide: Vec<String>,
    /// By what git's remotes are reached: pass, broker
    #[arg(long, value_name = "WAY")]
    pub(super) custody_git: Option<String>,
    /// Remote that the broker reaches with your credentials; repeatable
    #[arg(long, value_name = "URL")]
    pub(super) custody_remote: Vec<String>,
}

impl CustodyFields {
    fn values(&self) -> ConfigObject {
        let lists =
            [("allow", &self.custody_allow), ("hide", &self.custody_hide), ("remotes", &self.custody_remote)];
        given_lists(&lists).chain(given(&[("git", &self.custody_git)])).collect()
    }
}

impl RwenvFields {
    /// The fields that were given, by their names in the file. Those of a place are in its object.
    pub(super) fn values(&self) -> anyhow::Result<ConfigObject> {
        let Self { people, cluster, changes, flux, custody } = self;
        let mut out = ConfigObject::new();
        let texts = [
            ("description", &people.description),
            ("type", &cluster.kind),
            ("kubeconfigPath", &cluster.kubeconfig),
            ("kubernetesContext", &cluster.context),
            ("gcpProject", &cluster.gcp_project),
            ("pin", &cluster.pin),
            ("autonomy", &changes.autonomy),
            ("notify", &changes.notify),
            ("execReads", &changes.exec_reads),
            ("fluxGitRepo", &flux.flux_repo),
            ("fluxGitRepoType", &flux.flux_repo_type),
            ("fluxPath", &flux.flux_path),
            ("fluxBranch", &flux.flux_branch),
        ];
        out.extend(given(&texts));
        let switches = [
            ("readOnly", changes.read_only),
            ("gitOpsOnly", changes.git_ops_only),
            ("autoApprove", changes.auto_approve),
            ("protectCommits", flux.protect_commits),
            ("directPush", flux.direct_push),
        ];
        for (name, value) in switches {
            out.extend(value.map(|v| (name.to_owned(), Value::from(v))));
        }
        out.extend(changes.impact_limit.map(|limit| ("impactLimit".to_owned(), Value::from(limit))));
        let lists = [
            ("policies", &changes.policies),
            ("argocdApps", &changes.argocd_apps),
            ("protectedBranches", &flux.protected_branches),
        ];
        out.extend(given_lists(&lists));
        let custody = custody.values();
        out.extend((!custody.is_empty()).then(|| ("custody".to_owned(), custody.into())));
        let places = [
            ("local", &cluster.local_kubeconfig, &cluster.local_context),
            ("container", &cluster.container_kubeconfig, &cluster.container_context),
        ];
        for (name, kubeconfig, context) in places {
            let place: ConfigObject =
                given(&[("kubeconfigPath", kubeconfig), ("kubernetesContext", context)]).collect();
            out.extend((!place.is_empty()).then(|| (name.to_owned(), place.into())));
        }
        // A number is one of seconds.
        let interval = flux
            .sync_interval
            .as_ref()
            .map(|text| text.parse::<u64>().map_or(text.as_str().into(), Value::from));
        out.extend(interval.map(|value| ("syncInterval".to_owned(), value)));
        out.extend(services(&people.services)?.map(|value| ("services".to_owned(), value)));
        out.extend(targets(&cluster.targets)?.map(|value| ("targets".to_owned(), value)));
        out.extend(folders(&changes.terraform_paths)?.map(|value| ("terraformPaths".to_owned(), value)));
        Ok(out)
    }
}

fn given<'a>(texts: &'a [(&'a str, &'a Option<String>)]) -> impl Iterator<Item = (String, Value)> + 'a {
    texts.iter().filter_map(|(name, value)| Some(((*name).to_owned(), Value::from(value.as_deref()?))))
}

/// Lists that were given. An entry that is empty stands for a list without any.
fn given_lists<'a>(lists: &'a [(&'a str, &'a Vec<String>)]) -> impl Iterator<Item = (String, Value)> + 'a {
    lists.iter().filter(|(_, values)| !values.is_empty()).map(|(name, values)| {
        let values = values.iter().filter(|value| !value.is_empty()).map(|value| Value::from(value.as_str()));
        ((*name).to_owned(), values.collect())
    })
}

fn services(pairs: &[String]) -> anyhow::Result<Option<Value>> {
    let mut all = ConfigObject::new();
    for pair in pairs {
        let Some((name, url)) = pair.split_once('=') else { bail!("--service {pair}: write NAME=URL") };
        all.insert(name.to_owned(), Value::from(url));
    }
    Ok((!all.is_empty()).then(|| all.into()))
}

/// Targets by kind. One that is empty stands for none at all.
pub(super) fn targets(pairs: &[String]) -> anyhow::Result<Option<Value>> {
    let mut all = ConfigObject::new();
    for pair in pairs.iter().filter(|pair| !pair.is_empty()) {
        let known = || TargetKind::ALL.iter().map(|kind| kind.as_str());
        let Some((kind, value)) = pair.split_once('=').filter(|(_, value)| !value.is_empty()) else {
            let kinds = known().collect::<Vec<_>>().join(", ");
            bail!("--target {}: write KIND=VALUE; kinds are {kinds}", pair.escape_debug());
        };
        if TargetKind::from_word(kind).is_none() {
            bail!("--target: {}", is_none_of(kind, known()));
        }
        let list = all.entry(kind).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut().into_iter().for_each(|list| list.push(value.into()));
    }
    Ok((!pairs.is_empty()).then(|| all.into()))
}

/// Folders of infrastructure: a list where none has a level of its own.
fn folders(all: &[String]) -> anyhow::Result<Option<Value>> {
    let pairs =
        all.iter().map(|one| one.rsplit_once('=').map_or((one.as_str(), None), |(f, l)| (f, Some(l))));
    let pairs: Vec<(&str, Option<&str>)> = pairs.filter(|(folder, _)| !folder.is_empty()).collect();
    for level in pairs.iter().filter_map(|(_, level)| *level) {
        if !matches!(level, "manual" | "prompted" | "standard") {
            bail!(
                "--terraform-path: '{}' is not a level; write manual, prompted or standard",
                level.escape_debug()
            );
        }
    }
    if all.is_empty() {
        return Ok(None);
    }
    Ok(Some(if pairs.iter().all(|(_, level)| level.is_none()) {
        pairs.into_iter().map(|(folder, _)| Value::from(folder)).collect()
    } else {
        let levels =
            pairs.into_iter().map(|(folder, level)| (folder.to_owned(), level.unwrap_or("manual").into()));
        Value::Object(levels.collect())
    }))
}
