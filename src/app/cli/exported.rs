//! `rwenv policy export`: the policy of a rwenv as objects of Kubernetes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::shared::named_or_selected;
use super::{exported_forge, format, out};
use crate::ops::export::agents::AgentSubjects;
use crate::ops::export::forge::ForgeTarget;
use crate::ops::export::{self, ExportTarget, ExportWish, ExportedObjects};
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;

const WHOM: &str = "For whom";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TargetName {
    /// ValidatingAdmissionPolicy of the API server, with its binding
    ValidatingAdmissionPolicy,
    /// An identity for agents: service account, role, binding
    Rbac,
    /// ValidatingPolicy of Kyverno
    Kyverno,
    /// ConstraintTemplate of Gatekeeper, with its constraint
    Gatekeeper,
    /// Rulesets of GitHub for branches and tags
    GithubRuleset,
    /// Protected branches and tags of GitLab
    Gitlab,
    /// Branch and tag protection of Gitea and Forgejo
    Gitea,
}

impl TargetName {
    /// An engine of the cluster's; none for a Git host.
    pub(super) fn target(self) -> Option<ExportTarget> {
        match self {
            Self::ValidatingAdmissionPolicy => Some(ExportTarget::ValidatingAdmissionPolicy),
            Self::Rbac => Some(ExportTarget::Rbac),
            Self::Kyverno => Some(ExportTarget::Kyverno),
            Self::Gatekeeper => Some(ExportTarget::Gatekeeper),
            Self::GithubRuleset | Self::Gitlab | Self::Gitea => None,
        }
    }

    /// A Git host; none for an engine of the cluster's.
    pub(super) fn forge(self) -> Option<ForgeTarget> {
        match self {
            Self::GithubRuleset => Some(ForgeTarget::GithubRuleset),
            Self::Gitlab => Some(ForgeTarget::Gitlab),
            Self::Gitea => Some(ForgeTarget::Gitea),
            _ => None,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct PolicyExport {
    /// For which engines, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', required = true, value_name = "ENGINE")]
    to: Vec<TargetName>,
    /// Write a file for each engine into this directory [default: print]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Ask the cluster for kinds that no table names
    #[arg(long)]
    discover: bool,
    /// Let the identity send dry runs; needs an admission engine, which keeps them dry
    #[arg(long)]
    dry_runs: bool,
    /// A check that a Git host requires; may be repeated
    #[arg(long = "check", value_name = "NAME")]
    checks: Vec<String>,
    #[command(flatten)]
    whom: Whom,
}

/// The agents that are meant.
#[derive(Debug, Args)]
pub(super) struct Whom {
    /// The rwenv whose policy counts [default: the selected rwenv]
    #[arg(long, value_name = "NAME", help_heading = WHOM)]
    pub(super) env: Option<String>,
    /// Service account of its agents [default: rwenv-agents/NAME]
    #[arg(long, value_name = "NAMESPACE/NAME", help_heading = WHOM)]
    service_account: Option<String>,
    /// A group whose members are agents too; may be repeated
    #[arg(long = "group", value_name = "GROUP", help_heading = WHOM)]
    groups: Vec<String>,
    /// Namespace that the identity is for [default: all]; may be repeated
    #[arg(long = "namespace", short, value_name = "NAMESPACE", help_heading = WHOM)]
    namespaces: Vec<String>,
}

impl Whom {
    /// The rwenv, and its agents.
    pub(super) fn of(&self, environment: &Environment) -> anyhow::Result<(Rwenv, AgentSubjects)> {
        let rwenv = named_or_selected(self.env.as_deref(), environment)?;
        let mut agents = AgentSubjects::of(&rwenv);
        if let Some(account) = &self.service_account {
            agents = agents.with_account(account).with_context(|| {
                format!("'{}' is not a service account; write NAMESPACE/NAME", account.escape_debug())
            })?;
        }
        agents.groups.clone_from(&self.groups);
        Ok((rwenv, agents))
    }

    /// True where a service account is named.
    pub(super) fn names_account(&self) -> bool {
        self.service_account.is_some()
    }

    /// What is asked for: these engines, and the kinds of the cluster where they are wanted.
    pub(super) fn wish(
        &self,
        (rwenv, agents): (&Rwenv, AgentSubjects),
        (targets, dry_runs, discover): (Vec<ExportTarget>, bool, bool),
        environment: &Environment,
    ) -> anyhow::Result<ExportWish> {
        let more = if discover {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(export::discovered(rwenv, environment))?
        } else {
            Vec::new()
        };
        Ok(ExportWish { targets, agents, namespaces: self.namespaces.clone(), dry_runs, more })
    }
}

pub(super) fn export(args: &PolicyExport, environment: &Environment) -> anyhow::Result<u8> {
    let targets: Vec<ExportTarget> = args.to.iter().filter_map(|name| name.target()).collect();
    let forges: Vec<ForgeTarget> = args.to.iter().filter_map(|name| name.forge()).collect();
    if !targets.is_empty() && !forges.is_empty() && args.output.is_none() {
        bail!(
            "objects of a cluster are YAML and requests to a Git host JSON; print one of them, or write files: --output DIR"
        );
    }
    if args.dry_runs && !targets.iter().any(|target| target.is_admission()) {
        bail!(
            "--dry-runs grants verbs that only admission keeps dry; add one: --to rbac,validating-admission-policy"
        );
    }
    let (rwenv, agents) = args.whom.of(environment)?;
    if !forges.is_empty() {
        exported_forge::export(&forges, (&rwenv, &args.checks), args.output.as_deref(), environment)?;
        if targets.is_empty() {
            return Ok(0);
        }
    }
    let wish = args.whom.wish((&rwenv, agents), (targets, args.dry_runs, args.discover), environment)?;
    let all = export::export(&rwenv, &wish, environment)?;
    let Some(dir) = &args.output else {
        let each: Vec<String> = all.iter().map(|one| text(&rwenv, one)).collect();
        out::line(each.join("---\n").trim_end());
        return Ok(0);
    };
    for one in &all {
        let path = dir.join(file_name(one.target));
        write(&path, &text(&rwenv, one))?;
        out::line(&path.display().to_string());
    }
    Ok(0)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let dir = path.parent().unwrap_or(path);
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(files::write(path, text, 0o644)?)
}

/// The file of an engine's objects.
pub(super) fn file_name(target: ExportTarget) -> &'static str {
    match target {
        ExportTarget::ValidatingAdmissionPolicy => "validating-admission-policy.yaml",
        ExportTarget::Kyverno => "kyverno.yaml",
        ExportTarget::Gatekeeper => "gatekeeper.yaml",
        ExportTarget::Rbac => "rbac.yaml",
    }
}

/// The objects of an engine as YAML, after what it cannot be told.
pub(super) fn text(rwenv: &Rwenv, one: &ExportedObjects) -> String {
    let mut text = format!(
        "# The policy of rwenv '{}' as rwenv {} reads it. Made by rwenv policy export; change the policy, not this file.\n",
        rwenv.name,
        env!("CARGO_PKG_VERSION")
    );
    if !one.unsaid.is_empty() {
        text.push_str("#\n# What is not in it:\n");
        one.unsaid.iter().for_each(|said| text.push_str(&format!("# - {said}\n")));
    }
    let objects: Vec<String> = one.objects.iter().map(|object: &Value| format::yaml(object)).collect();
    text + &objects.join("---\n")
}
