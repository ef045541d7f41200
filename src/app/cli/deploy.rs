//! `rwenv deploy`: a service's new image or values, by way of Git.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::shared::{ClusterArgs, Output, period};
use super::{out, permit, prompt};
use crate::ops::deployment::{self, Audience, DeploymentEnd, DeploymentSession, Tell};
use rwenv_core::model::Rwenv;
use rwenv_flux::deploy::{self, Deployment, DeploymentStep, DeploymentWish, FileEdit, Journal};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::judge::Permit;

/// Headings of options.
const CHANGE: &str = "The change";
const EARLIER: &str = "Earlier deployments";

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").args(["service", "resume", "abort", "revert", "status"]).required(true))]
pub(super) struct Deploy {
    /// Service, as rwenv services list shows it
    service: Option<String>,
    /// New image tag; sha256:… for a digest
    #[arg(long, value_name = "TAG", requires = "service", help_heading = CHANGE)]
    image_tag: Option<String>,
    /// New chart version of a release or an Argo CD Application
    #[arg(long, value_name = "VERSION", requires = "service", help_heading = CHANGE)]
    chart_version: Option<String>,
    /// Set a release or chart value (replicas=3), or a manifest field (spec.replicas=3)
    #[arg(long, value_name = "KEY=VALUE", requires = "service", help_heading = CHANGE)]
    set: Vec<String>,
    /// Like --set, but always write the value as a string
    #[arg(long, value_name = "KEY=VALUE", requires = "service", help_heading = CHANGE)]
    set_string: Vec<String>,
    /// Also write values that are not there yet
    #[arg(long, requires = "service", help_heading = CHANGE)]
    create: bool,
    /// Image to change: by its name, its container's name, or its path (etcd.image)
    #[arg(long, value_name = "NAME", requires = "image_tag", help_heading = CHANGE)]
    image: Option<String>,
    /// Namespace of the service, when its name is ambiguous
    #[arg(long, short, requires = "service", help_heading = CHANGE)]
    namespace: Option<String>,
    #[command(flatten)]
    how: DeploymentArgs,
    /// Continue the last unfinished deployment, or this one
    #[arg(long = "continue", value_name = "ID", num_args = 0..=1, default_missing_value = "", help_heading = EARLIER)]
    resume: Option<String>,
    /// Undo the last unmerged deployment, or this one
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "", help_heading = EARLIER)]
    abort: Option<String>,
    /// Revert the last merged deployment, or this one, with a new commit
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "", help_heading = EARLIER)]
    revert: Option<String>,
    /// List the deployments of the rwenv and their progress
    #[arg(long, help_heading = EARLIER)]
    status: bool,
}

/// How a change is deployed.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it is deployed")]
pub(super) struct DeploymentArgs {
    /// Show the change as a diff and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Wait until the pull request is merged and the change applied
    #[arg(long)]
    pub(super) wait: bool,
    /// Longest wait for the merge, and for each object in the cluster
    #[arg(long, default_value = "10m", value_name = "TIME")]
    pub(super) timeout: String,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) fn deploy(args: &Deploy, environment: &Environment) -> anyhow::Result<u8> {
    args.how.cluster.named(environment)?;
    permit::under(environment, |permit| run(args, permit, environment))
}

/// The pushes it makes are judged one by one.
fn run(args: &Deploy, permit: Permit, environment: &Environment) -> anyhow::Result<u8> {
    if args.status {
        return list(&args.how, environment);
    }
    let session = args.how.open(permit, environment)?;
    if let Some(id) = &args.resume {
        let one = session.chosen(id, "to go on with", Deployment::is_open)?;
        return args.how.told(session.advanced(one)?);
    }
    if let Some(id) = &args.abort {
        let one = session.chosen(id, "to undo", |one| one.is_open() && one.step < DeploymentStep::Merged)?;
        return args.how.told(session.aborted(one)?);
    }
    if let Some(id) = &args.revert {
        return args.how.told(session.reverted(id)?);
    }
    args.how.told(session.begun(&args.wish()?)?)
}

/// A change that nobody has made.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Proposal {
    /// The deployment it would be.
    deployment: DeploymentView,
    /// The change of files as a diff; empty where everything is so already.
    diff: String,
}

/// The change that a deployment would make. Nothing is changed.
pub(super) fn proposed(args: &Deploy, permit: Permit, environment: &Environment) -> anyhow::Result<Proposal> {
    let session = args.how.open(permit, environment)?;
    match session.begun(&args.wish()?)? {
        DeploymentEnd::Shown(one, files) => {
            Ok(Proposal { deployment: DeploymentView::of(&one), diff: diff(&files)? })
        }
        DeploymentEnd::Nothing(one) => {
            Ok(Proposal { deployment: DeploymentView::of(&one), diff: String::new() })
        }
        DeploymentEnd::Refused(why) => bail!("{}", why.trim_end()),
        _ => bail!("only a new deployment with --dry-run is a proposal"),
    }
}

impl Deploy {
    /// What is to be deployed.
    fn wish(&self) -> anyhow::Result<DeploymentWish> {
        let wish = DeploymentWish {
            service: self.service.clone().unwrap_or_default(),
            namespace: self.namespace.clone(),
            image: self.image.clone(),
            tag: self.image_tag.clone(),
            chart_version: self.chart_version.clone(),
            set: self.set.clone(),
            set_string: self.set_string.clone(),
            create: self.create,
            ..DeploymentWish::default()
        };
        if wish.tag.is_none() && wish.chart_version.is_none() && wish.settings()?.is_empty() {
            bail!("say what to deploy: --image-tag TAG, --chart-version VERSION, or --set key=value");
        }
        Ok(wish)
    }
}

impl Audience for DeploymentArgs {
    fn note(&self, text: &str) {
        out::note(text);
    }

    fn confirm(&self, question: &str) -> anyhow::Result<bool> {
        prompt::confirm(question, self.yes)
    }

    fn during(&self, step: &mut dyn FnMut(Tell<'_>)) {
        out::with_progress(|tell| step(tell));
    }
}

impl DeploymentArgs {
    pub(super) fn open<'s>(
        &'s self,
        permit: Permit,
        environment: &'s Environment,
    ) -> anyhow::Result<DeploymentSession<'s>> {
        self.opened(self.cluster.rwenv(environment)?, permit, environment)
    }

    /// The same in the rwenv of a name, where the arguments name no other.
    pub(super) fn open_in<'s>(
        &'s self,
        name: &str,
        permit: Permit,
        environment: &'s Environment,
    ) -> anyhow::Result<DeploymentSession<'s>> {
        let rwenv = ClusterArgs::of(name).rwenv(environment)?;
        if self.cluster.is_given() && self.cluster.rwenv(environment)?.name != rwenv.name {
            bail!("--cluster and the command name different rwenvs");
        }
        self.opened(rwenv, permit, environment)
    }

    fn opened<'s>(
        &'s self,
        rwenv: Rwenv,
        permit: Permit,
        environment: &'s Environment,
    ) -> anyhow::Result<DeploymentSession<'s>> {
        let limit = period(&self.timeout)?;
        let how = deployment::DeploymentOptions { dry_run: self.dry_run, wait: self.wait, limit };
        DeploymentSession::open(rwenv, how, permit, self, environment)
    }

    /// Tells how a deployment ended; gives the exit status.
    pub(super) fn told(&self, ended: DeploymentEnd) -> anyhow::Result<u8> {
        let (deployment, words) = match ended {
            DeploymentEnd::Refused(why) => {
                out::note(&why);
                return Ok(permit::DENIED);
            }
            DeploymentEnd::Back(back) => {
                back.changes.iter().for_each(|change| out::line(&deploy::described(&back, change)));
                return Ok(0);
            }
            DeploymentEnd::Shown(deployment, files) if !self.output.json => {
                shown(&deployment, &files)?;
                return Ok(0);
            }
            DeploymentEnd::Shown(deployment, _) => (deployment, String::new()),
            DeploymentEnd::Nothing(one) => {
                let words = format!("{} is as it should be already; nothing to deploy", one.service);
                (one, words)
            }
            DeploymentEnd::Closed(one) => {
                let words = format!("{} is {}; there is nothing to go on with", one.id, one.step.label());
                (one, words)
            }
            DeploymentEnd::Undone(one) => {
                let words = format!("{} is undone: the Flux repository has nothing of it", one.id);
                (one, words)
            }
            DeploymentEnd::Advanced(one) => {
                let words = outcome(&one);
                (one, words)
            }
        };
        if self.output.json {
            out::json(&DeploymentView::of(&deployment))?;
        } else {
            out::line(&words);
        }
        Ok(0)
    }
}

/// The changes of files, as git shows them.
fn diff(files: &[FileEdit]) -> anyhow::Result<String> {
    let mut diff = String::new();
    for FileEdit { path, before, after } in files {
        let file = Path::new(path);
        let patch =
            git2::Patch::from_buffers(before.as_bytes(), Some(file), after.as_bytes(), Some(file), None);
        diff.push_str(String::from_utf8_lossy(&patch?.to_buf()?).trim_end());
        diff.push('\n');
    }
    Ok(diff)
}

fn shown(deployment: &Deployment, files: &[FileEdit]) -> anyhow::Result<()> {
    let diff = diff(files)?;
    if !diff.is_empty() {
        out::line(diff.trim_end());
    }
    if !deployment.affected.is_empty() {
        out::note(&format!("the same place counts for: {}", deployment.affected.join(", ")));
    }
    let how = if deployment.direct {
        format!("pushed to {}", deployment.base)
    } else {
        format!("proposed by a pull request to {}", deployment.base)
    };
    out::note(&format!("would be committed as '{}' and {how}", deployment.subject));
    Ok(())
}

/// The deployments of a rwenv; also while one is at work.
fn list(how: &DeploymentArgs, environment: &Environment) -> anyhow::Result<u8> {
    let rwenv = how.cluster.rwenv(environment)?;
    let all = Journal::of(rwenv.name.as_str(), environment).all()?;
    if how.output.json {
        out::json(&all.iter().map(DeploymentView::of).collect::<Vec<_>>())?;
        return Ok(0);
    }
    if all.is_empty() {
        out::note(&format!("nothing was deployed to rwenv '{}' from here yet", rwenv.name));
        return Ok(0);
    }
    let mut table = out::table(&["ID", "STEP", "WHAT", "PULL REQUEST", "STARTED"]);
    for one in &all {
        let step = serde_json::to_value(one.step)?;
        let started = out::ago(Duration::from_secs(one.started));
        let pull = one.pull.clone().unwrap_or_else(|| "-".to_owned());
        let step = step.as_str().unwrap_or("-").to_owned();
        table.add_row([one.id.clone(), step, one.title.clone(), pull, started]);
    }
    out::print(&table);
    Ok(0)
}

/// How a deployment ended, in words.
fn outcome(deployment: &Deployment) -> String {
    let id = &deployment.id;
    let named = deploy::named(&deployment.object);
    match (deployment.step, &deployment.pull, &deployment.revision) {
        (DeploymentStep::Opened, Some(url), _) => format!(
            "{}: {url}\nOnce it is merged, rwenv deploy --continue {id} has it applied and watches; with --wait it waits for the merge.",
            deployment.title
        ),
        (DeploymentStep::Applied, _, Some(revision)) => {
            format!("{}: {named} is applied at {revision}", deployment.title)
        }
        (DeploymentStep::Applied, ..) => {
            format!("{}: it is on {}, and {named} follows at its own time", deployment.title, deployment.base)
        }
        (step, ..) => format!("{id} stands {}", step.label()),
    }
}

/// A deployment for programs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct DeploymentView {
    /// Its identifier.
    id: String,
    /// The rwenv.
    rwenv: String,
    /// The service.
    service: String,
    /// How far it is.
    step: DeploymentStep,
    /// When it began, in seconds since 1970.
    started: u64,
    /// Its branch.
    branch: String,
    /// The branch that Flux follows.
    base: String,
    /// It is pushed to that branch, without a pull request.
    direct: bool,
    /// What it does, in a few words.
    title: String,
    /// The subject of its commit.
    subject: String,
    /// The values that become others.
    changes: Vec<deploy::ValueChange>,
    /// Other services that the same places count for.
    affected: Vec<String>,
    /// Its commit.
    commit: Option<String>,
    /// Its pull request.
    pull_request: Option<String>,
    /// The revision that the cluster has applied.
    revision: Option<String>,
}

impl DeploymentView {
    fn of(one: &Deployment) -> Self {
        Self {
            id: one.id.clone(),
            rwenv: one.rwenv.clone(),
            service: one.service.clone(),
            step: one.step,
            started: one.started,
            branch: one.branch.clone(),
            base: one.base.clone(),
            direct: one.direct,
            title: one.title.clone(),
            subject: one.subject.clone(),
            changes: one.changes.clone(),
            affected: one.affected.clone(),
            commit: one.commit.clone(),
            pull_request: one.pull.clone(),
            revision: one.revision.clone(),
        }
    }
}
