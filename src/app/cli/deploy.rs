//! `rwenv deploy`: a service's new image or values, by way of Git.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::args::Output;
use super::flux::{Cluster, period, rwenv};
use super::{out, permit, prompt};
use rwenv_core::model::Rwenv;
use rwenv_flux::deploy::{self, DeployError, Deployment, FileEdit, Journal, Parts, Step, Wish};
use rwenv_flux::repos::Flux;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::doors::push;
use rwenv_gate::judge::Permit;

/// Time between two looks at a pull request.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").args(["service", "resume", "abort", "revert", "status"]).required(true))]
pub(super) struct Deploy {
    /// Service, as rwenv services list shows it
    service: Option<String>,
    /// New image tag; sha256:… for a digest
    #[arg(long, value_name = "TAG", requires = "service")]
    image_tag: Option<String>,
    /// Set a release or chart value (replicas=3), or a manifest field (spec.replicas=3)
    #[arg(long, value_name = "KEY=VALUE", requires = "service")]
    set: Vec<String>,
    /// Like --set, but always write the value as a string
    #[arg(long, value_name = "KEY=VALUE", requires = "service")]
    set_string: Vec<String>,
    /// Image to change: by its name, its container's name, or its path (etcd.image)
    #[arg(long, value_name = "NAME", requires = "image_tag")]
    image: Option<String>,
    /// Namespace of the service, when its name is ambiguous
    #[arg(long, short, requires = "service")]
    namespace: Option<String>,
    #[command(flatten)]
    how: How,
    /// Continue the last unfinished deployment, or this one
    #[arg(long = "continue", value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    resume: Option<String>,
    /// Undo the last unmerged deployment, or this one
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    abort: Option<String>,
    /// Revert the last merged deployment, or this one, with a new commit
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    revert: Option<String>,
    /// List the deployments of the rwenv and their progress
    #[arg(long)]
    status: bool,
}

/// How a change is deployed.
#[derive(Debug, Args)]
pub(super) struct How {
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
    pub(super) cluster: Cluster,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) fn deploy(args: &Deploy, environment: &Environment) -> anyhow::Result<u8> {
    permit::under(environment, |permit| run(args, permit, environment))
}

/// The pushes it makes are judged one by one.
fn run(args: &Deploy, permit: Permit, environment: &Environment) -> anyhow::Result<u8> {
    if args.status {
        return list(&args.how, environment);
    }
    let session = Session::open(&args.how, permit, environment)?;
    if let Some(id) = &args.resume {
        let one = session.chosen(id, "to go on with", Deployment::is_open)?;
        return session.advanced(one);
    }
    if let Some(id) = &args.abort {
        let one = session.chosen(id, "to undo", |one| one.is_open() && one.step < Step::Merged)?;
        return session.aborted(one);
    }
    if let Some(id) = &args.revert {
        return session.reverted(id);
    }
    let wish = Wish {
        service: args.service.clone().unwrap_or_default(),
        namespace: args.namespace.clone(),
        image: args.image.clone(),
        tag: args.image_tag.clone(),
        set: args.set.clone(),
        set_string: args.set_string.clone(),
    };
    if wish.tag.is_none() && wish.settings()?.is_empty() {
        bail!("say what to deploy: --image-tag TAG, or --set key=value");
    }
    session.begun(&wish)
}

/// A rwenv, and how its changes are deployed. No other run deploys to it for as long as this is there.
pub(super) struct Session<'s> {
    rwenv: Rwenv,
    flux: Flux,
    how: &'s How,
    limit: Duration,
    environment: &'s Environment,
    permit: Permit,
    _lock: files::Lock,
}

impl<'s> Session<'s> {
    pub(super) fn open(how: &'s How, permit: Permit, environment: &'s Environment) -> anyhow::Result<Self> {
        let rwenv = rwenv(&how.cluster, environment)?;
        let flux = Flux::of(&rwenv, environment)?;
        let Some(lock) = files::try_lock(&environment.config_dir, &format!("deploy-{}", rwenv.name))? else {
            bail!("another rwenv deploy is at work on rwenv '{}'; wait for it", rwenv.name);
        };
        deploy::sweep(&flux, environment)?;
        Ok(Self { rwenv, flux, how, limit: period(&how.timeout)?, environment, permit, _lock: lock })
    }

    fn journal(&self) -> Journal {
        Journal::of(self.rwenv.name.as_str(), self.environment)
    }

    /// Does something with all that a deployment works with.
    fn with<T>(&self, what: impl FnOnce(&mut Parts<'_>) -> Result<T, DeployError>) -> anyhow::Result<T> {
        let judge = |dir: &Path, commit: &str, branch: &str| {
            push::own(dir, &self.flux.url, (commit, branch), self.environment)
        };
        out::with_progress(|tell| {
            let mut parts = Parts {
                rwenv: &self.rwenv,
                flux: &self.flux,
                environment: self.environment,
                judge: &judge,
                permit: &self.permit,
                tell,
                limit: self.limit,
            };
            Ok(what(&mut parts)?)
        })
    }

    /// Makes a change, and sees it as far as it gets.
    pub(super) fn begun(&self, wish: &Wish) -> anyhow::Result<u8> {
        if !self.how.dry_run {
            self.nothing_interrupted()?;
        }
        let opened = self.with(|parts| deploy::open(wish, parts))?;
        let deployment = opened.deployment;
        if deployment.changes.is_empty() {
            return self.told(
                &deployment,
                &format!("{} is as it should be already; nothing to deploy", deployment.service),
            );
        }
        if self.how.dry_run {
            return self.shown(&deployment, &opened.files);
        }
        // The same change, asked for again, or for another service whose image is set at the same place.
        let same = |one: &Deployment| one.is_open() && one.changes == deployment.changes;
        if let Some(same) = self.journal().all()?.into_iter().find(same) {
            out::note(&format!("{} is on its way already, by {}", same.title, same.id));
            return self.advanced(same);
        }
        for change in &deployment.changes {
            out::note(&deploy::described(&deployment, change));
            if let Some(policy) = &change.policy {
                out::note(&format!(
                    "  the ImagePolicy {policy} writes this place too, and may set it again; suspend its ImageUpdateAutomation to keep the tag"
                ));
            }
        }
        self.confirmed(&deployment)?;
        self.advanced(deployment)
    }

    /// Others that change with it are told; where nobody looks at a pull request first, a person is asked about them.
    fn confirmed(&self, deployment: &Deployment) -> anyhow::Result<()> {
        if deployment.affected.is_empty() {
            return Ok(());
        }
        let affected = deployment.affected.join(", ");
        out::note(&format!("the same place counts for: {affected}"));
        if deployment.direct
            && !prompt::confirm(&format!("This deploys to {affected} as well. Go on?"), self.how.yes)?
        {
            bail!("nothing was changed");
        }
        Ok(())
    }

    fn nothing_interrupted(&self) -> anyhow::Result<()> {
        let all = self.journal().all()?;
        match all.into_iter().find(Deployment::is_interrupted) {
            Some(one) => bail!(DeployError::Unfinished { id: one.id, at: one.step.words().to_owned() }),
            None => Ok(()),
        }
    }

    /// The deployment of an identifier, or the latest that is fit.
    fn chosen(&self, id: &str, what: &str, fits: impl Fn(&Deployment) -> bool) -> anyhow::Result<Deployment> {
        let mut all = self.journal().all()?;
        let name = &self.rwenv.name;
        if !id.is_empty() {
            let one = all.into_iter().find(|one| one.id == id);
            return one.ok_or_else(|| {
                anyhow::anyhow!(
                    "there is no deployment '{id}' of rwenv '{name}'; rwenv deploy --status lists them"
                )
            });
        }
        all.sort_by_key(|one| !one.is_interrupted());
        let one = all.into_iter().find(fits);
        one.ok_or_else(|| anyhow::anyhow!("there is no deployment of rwenv '{name}' {what}"))
    }

    fn advanced(&self, mut deployment: Deployment) -> anyhow::Result<u8> {
        if !deployment.is_open() {
            let words = deployment.step.words();
            return self
                .told(&deployment, &format!("{} is {words}; there is nothing to go on with", deployment.id));
        }
        let until = rwenv_gate::base::clock::monotonic() + self.limit;
        let mut done = self.with(|parts| deploy::advance(&mut deployment, parts));
        while done.is_ok() && self.how.wait && deployment.step == Step::Opened {
            if rwenv_gate::base::clock::monotonic() >= until {
                bail!(
                    "{} is not merged after {} s; rwenv deploy --continue {} --wait waits on",
                    deployment.pull.as_deref().unwrap_or("the pull request"),
                    self.limit.as_secs(),
                    deployment.id
                );
            }
            std::thread::sleep(LOOK);
            done = self.with(|parts| deploy::advance(&mut deployment, parts));
        }
        match done.map_err(|error| error.downcast::<DeployError>()) {
            Ok(()) => self.told(&deployment, &outcome(&deployment)),
            Err(Ok(DeployError::Refused(why))) => {
                out::note(&why);
                Ok(permit::DENIED)
            }
            Err(Ok(error)) if error.is_wish() && deployment.step == Step::Started => {
                self.forgotten(deployment)?;
                bail!(error)
            }
            Err(Ok(error)) => {
                let (id, words) = (&deployment.id, deployment.step.words());
                Err(anyhow::Error::new(error)
                    .context(format!("{id} stopped {words} (rwenv deploy --continue {id} goes on)")))
            }
            Err(Err(other)) => Err(other),
        }
    }

    /// What never became a commit leaves nothing to go on with.
    fn forgotten(&self, mut deployment: Deployment) -> anyhow::Result<()> {
        self.with(|parts| deploy::abort(&mut deployment, parts))?;
        Ok(self.journal().forget(&deployment)?)
    }

    fn aborted(&self, mut deployment: Deployment) -> anyhow::Result<u8> {
        self.with(|parts| deploy::abort(&mut deployment, parts))?;
        self.told(&deployment, &format!("{} is undone: the Flux repository has nothing of it", deployment.id))
    }

    fn reverted(&self, id: &str) -> anyhow::Result<u8> {
        self.nothing_interrupted()?;
        let of =
            self.chosen(id, "that was merged", |one| matches!(one.step, Step::Merged | Step::Applied))?;
        let back = self.with(|parts| Ok(deploy::revert(&of, parts)))?;
        let Some(back) = back else { bail!("{} has no commit to take back; it was never made", of.id) };
        if self.how.dry_run {
            back.changes.iter().for_each(|change| out::line(&deploy::described(&back, change)));
            return Ok(0);
        }
        self.advanced(back)
    }

    /// Tells how a deployment is.
    fn told(&self, deployment: &Deployment, words: &str) -> anyhow::Result<u8> {
        if self.how.output.json {
            out::json(&Shown::of(deployment))?;
        } else {
            out::line(words);
        }
        Ok(0)
    }

    fn shown(&self, deployment: &Deployment, files: &[FileEdit]) -> anyhow::Result<u8> {
        if self.how.output.json {
            return self.told(deployment, "");
        }
        for FileEdit { path, before, after } in files {
            let file = Path::new(path);
            let patch =
                git2::Patch::from_buffers(before.as_bytes(), Some(file), after.as_bytes(), Some(file), None);
            out::line(String::from_utf8_lossy(&patch?.to_buf()?).trim_end());
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
        Ok(0)
    }
}

/// The deployments of a rwenv; also while one is at work.
fn list(how: &How, environment: &Environment) -> anyhow::Result<u8> {
    let rwenv = rwenv(&how.cluster, environment)?;
    let all = Journal::of(rwenv.name.as_str(), environment).all()?;
    if how.output.json {
        out::json(&all.iter().map(Shown::of).collect::<Vec<_>>())?;
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
        (Step::Opened, Some(url), _) => format!(
            "{}: {url}\nOnce it is merged, rwenv deploy --continue {id} has it applied and watches; with --wait it waits for the merge.",
            deployment.title
        ),
        (Step::Applied, _, Some(revision)) => {
            format!("{}: {named} is applied at {revision}", deployment.title)
        }
        (Step::Applied, ..) => {
            format!("{}: it is on {}, and {named} follows at its own time", deployment.title, deployment.base)
        }
        (step, ..) => format!("{id} stands {}", step.words()),
    }
}

/// A deployment for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'d> {
    id: &'d str,
    rwenv: &'d str,
    service: &'d str,
    step: Step,
    started: u64,
    branch: &'d str,
    base: &'d str,
    direct: bool,
    title: &'d str,
    subject: &'d str,
    changes: &'d [deploy::Change],
    affected: &'d [String],
    commit: Option<&'d str>,
    pull_request: Option<&'d str>,
    revision: Option<&'d str>,
}

impl<'d> Shown<'d> {
    fn of(one: &'d Deployment) -> Self {
        Self {
            id: &one.id,
            rwenv: &one.rwenv,
            service: &one.service,
            step: one.step,
            started: one.started,
            branch: &one.branch,
            base: &one.base,
            direct: one.direct,
            title: &one.title,
            subject: &one.subject,
            changes: &one.changes,
            affected: &one.affected,
            commit: one.commit.as_deref(),
            pull_request: one.pull.as_deref(),
            revision: one.revision.as_deref(),
        }
    }
}
