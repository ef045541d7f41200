//! A deployment from its wish to its end, on a rwenv that no other run deploys to meanwhile: what is begun, gone on with,
//! undone or taken back. How it is asked for and told does not belong here; each step is in `deploy`.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use rwenv_core::model::Rwenv;
use rwenv_flux::deploy::{
    self, DeployError, Deployment, DeploymentParts, DeploymentStep, DeploymentWish, FileEdit, Journal,
};
use rwenv_flux::operate::WaitProgress;
use rwenv_flux::repos::FluxRepository;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::{clock, files};
use rwenv_gate::doors::push;
use rwenv_gate::judge::Permit;

/// Time between two looks at a pull request.
const LOOK: Duration = Duration::from_secs(5);

/// What a step tells how far it is.
pub type Tell<'t> = &'t mut dyn FnMut(WaitProgress);

/// Somebody who is told what goes on, and can be asked.
pub trait Audience {
    /// Tells something beside the result.
    fn note(&self, text: &str);
    /// Asks before more changes than was named.
    ///
    /// # Errors
    /// If nobody can be asked.
    fn confirm(&self, question: &str) -> anyhow::Result<bool>;
    /// Runs a step, which tells how far it is.
    fn during(&self, step: &mut dyn FnMut(Tell<'_>));
}

/// How a change is deployed.
#[derive(Clone, Copy, Debug)]
pub struct DeploymentOptions {
    /// Nothing is changed, and the change is shown.
    pub dry_run: bool,
    /// The merge is waited for.
    pub wait: bool,
    /// Longest wait for it, and for each object.
    pub limit: Duration,
}

/// How far a deployment came.
#[derive(Debug)]
pub enum DeploymentEnd {
    /// It is as was wished already.
    Nothing(Deployment),
    /// What would be changed; nothing was.
    Shown(Deployment, Vec<FileEdit>),
    /// What would be taken back; nothing was.
    Back(Deployment),
    /// It had ended before.
    Closed(Deployment),
    /// It went as far as it goes now.
    Advanced(Deployment),
    /// Nothing of it is left.
    Undone(Deployment),
    /// The policy said no.
    Refused(String),
}

/// A rwenv, and how its changes are deployed. No other run deploys to it for as long as this is there.
pub struct DeploymentSession<'s> {
    rwenv: Rwenv,
    flux: FluxRepository,
    how: DeploymentOptions,
    environment: &'s Environment,
    permit: Permit,
    audience: &'s dyn Audience,
    _lock: files::Lock,
}

impl<'s> DeploymentSession<'s> {
    /// Begins to work on a rwenv.
    ///
    /// # Errors
    /// If it has no Flux repository, or another run is at work on it.
    pub fn open(
        rwenv: Rwenv,
        how: DeploymentOptions,
        permit: Permit,
        audience: &'s dyn Audience,
        environment: &'s Environment,
    ) -> anyhow::Result<Self> {
        let flux = FluxRepository::of(&rwenv, environment)?;
        let Some(lock) = files::try_lock(&environment.config_dir, &format!("deploy-{}", rwenv.name))? else {
            bail!("another rwenv deploy is at work on rwenv '{}'; wait for it", rwenv.name);
        };
        deploy::sweep(&flux, environment)?;
        Ok(Self { rwenv, flux, how, environment, permit, audience, _lock: lock })
    }

    fn journal(&self) -> Journal {
        Journal::of(self.rwenv.name.as_str(), self.environment)
    }

    /// Does something with all that a deployment works with.
    fn with<T>(
        &self,
        what: impl FnOnce(&mut DeploymentParts<'_>) -> Result<T, DeployError>,
    ) -> anyhow::Result<T> {
        let judge = |dir: &Path, commit: &str, branch: &str| {
            push::own(dir, &self.flux.url, (commit, branch), &self.permit, self.environment)
        };
        let (mut what, mut done) = (Some(what), None);
        self.audience.during(&mut |tell| {
            let mut parts = DeploymentParts {
                rwenv: &self.rwenv,
                flux: &self.flux,
                environment: self.environment,
                judge: &judge,
                permit: &self.permit,
                tell,
                limit: self.how.limit,
            };
            done = what.take().map(|what| what(&mut parts));
        });
        match done {
            Some(done) => Ok(done?),
            None => bail!("the step was not run"),
        }
    }

    /// Makes a change, and sees it as far as it gets.
    ///
    /// # Errors
    /// If a deployment was interrupted, the wish does not fit the repository, nobody wants what it does besides, or a step
    /// fails.
    pub fn begun(&self, wish: &DeploymentWish) -> anyhow::Result<DeploymentEnd> {
        if !self.how.dry_run {
            self.nothing_interrupted()?;
        }
        let opened = self.with(|parts| deploy::open(wish, parts))?;
        let deployment = opened.deployment;
        opened.skipped.iter().for_each(|why| self.audience.note(why));
        if deployment.changes.is_empty() {
            return Ok(DeploymentEnd::Nothing(deployment));
        }
        if self.how.dry_run {
            return Ok(DeploymentEnd::Shown(deployment, opened.files));
        }
        // The same change, asked for again, or for another service whose image is set at the same place.
        let same = |one: &Deployment| one.is_open() && one.changes == deployment.changes;
        if let Some(same) = self.journal().all()?.into_iter().find(same) {
            self.audience.note(&format!("{} is on its way already, by {}", same.title, same.id));
            return self.advanced(same);
        }
        for change in &deployment.changes {
            self.audience.note(&deploy::described(&deployment, change));
            if let Some(policy) = &change.policy {
                self.audience.note(&format!(
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
        self.audience.note(&format!("the same place counts for: {affected}"));
        if deployment.direct
            && !self.audience.confirm(&format!("This deploys to {affected} as well. Go on?"))?
        {
            bail!("nothing was changed");
        }
        Ok(())
    }

    fn nothing_interrupted(&self) -> anyhow::Result<()> {
        let all = self.journal().all()?;
        match all.into_iter().find(Deployment::is_interrupted) {
            Some(one) => bail!(DeployError::Unfinished { id: one.id, at: one.step.label().to_owned() }),
            None => Ok(()),
        }
    }

    /// The deployment of an identifier, or the latest that is fit.
    ///
    /// # Errors
    /// If there is none.
    pub fn chosen(
        &self,
        id: &str,
        what: &str,
        fits: impl Fn(&Deployment) -> bool,
    ) -> anyhow::Result<Deployment> {
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

    /// Sees a deployment as far as it gets.
    ///
    /// # Errors
    /// If a step fails, or the wait for the merge takes too long.
    pub fn advanced(&self, mut deployment: Deployment) -> anyhow::Result<DeploymentEnd> {
        if !deployment.is_open() {
            return Ok(DeploymentEnd::Closed(deployment));
        }
        let until = clock::monotonic() + self.how.limit;
        let mut done = self.with(|parts| deploy::advance(&mut deployment, parts));
        while done.is_ok() && self.how.wait && deployment.step == DeploymentStep::Opened {
            if clock::monotonic() >= until {
                bail!(
                    "{} is not merged after {} s; rwenv deploy --continue {} --wait waits on",
                    deployment.pull.as_deref().unwrap_or("the pull request"),
                    self.how.limit.as_secs(),
                    deployment.id
                );
            }
            std::thread::sleep(LOOK);
            done = self.with(|parts| deploy::advance(&mut deployment, parts));
        }
        match done.map_err(|error| error.downcast::<DeployError>()) {
            Ok(()) => Ok(DeploymentEnd::Advanced(deployment)),
            Err(Ok(DeployError::Refused(why))) => Ok(DeploymentEnd::Refused(why)),
            Err(Ok(error)) if error.is_wish() && deployment.step == DeploymentStep::Started => {
                self.forgotten(deployment)?;
                bail!(error)
            }
            Err(Ok(error)) => {
                let (id, words) = (&deployment.id, deployment.step.label());
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

    /// Undoes what was not merged yet.
    ///
    /// # Errors
    /// If a step fails.
    pub fn aborted(&self, mut deployment: Deployment) -> anyhow::Result<DeploymentEnd> {
        self.with(|parts| deploy::abort(&mut deployment, parts))?;
        Ok(DeploymentEnd::Undone(deployment))
    }

    /// Takes what was merged back, with a new commit.
    ///
    /// # Errors
    /// If a deployment was interrupted, there is none to take back, or a step fails.
    pub fn reverted(&self, id: &str) -> anyhow::Result<DeploymentEnd> {
        self.nothing_interrupted()?;
        let of = self.chosen(id, "that was merged", |one| {
            matches!(one.step, DeploymentStep::Merged | DeploymentStep::Applied)
        })?;
        let back = self.with(|parts| Ok(deploy::revert(&of, parts)))?;
        let Some(back) = back else { bail!("{} has no commit to take back; it was never made", of.id) };
        if self.how.dry_run {
            return Ok(DeploymentEnd::Back(back));
        }
        self.advanced(back)
    }
}
