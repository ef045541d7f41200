//! The steps of a deployment. Each is done, then written down; each looks first whether it was done before.

use std::path::Path;
use std::time::Duration;

use super::change::ValueChange;
use super::draft::{Draft, FileEdit};
use super::forge::{Pull, pull_of};
use super::journal::{Deployment, DeploymentStep, Journal, Reverted};
use super::target::{DeploymentWish, ObjectName};
use super::{DeployError, watch};
use crate::operate::WaitProgress;
use crate::repos::{self, Base, FluxRepository, RepoError, Work};
use rwenv_core::manifest::{Finding, Level};
use rwenv_core::model::{Rwenv, WantedField};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::content::{self, Commit};
use rwenv_gate::judge::Permit;
use rwenv_gate::ledger::accepted::{self, SearchedPlace};

/// Most keys that a subject names.
const MOST_TOLD: usize = 3;
/// Attempts at a push that others come before.
const ATTEMPTS: usize = 3;

/// Asks the policy about a push: folder, commit, branch of the remote. Says why not.
pub(super) type PushJudge<'j> = dyn Fn(&Path, &str, &str) -> Result<Permit, String> + 'j;

/// What a deployment works with.
pub struct DeploymentParts<'p> {
    /// The rwenv.
    pub rwenv: &'p Rwenv,
    /// Its repository.
    pub flux: &'p FluxRepository,
    /// For finding programs, and the configuration.
    pub environment: &'p Environment,
    /// The decision about the push.
    pub judge: &'p PushJudge<'p>,
    /// For what is done on the cluster.
    pub permit: &'p Permit,
    /// Who is told what is done.
    pub tell: &'p mut dyn FnMut(WaitProgress),
    /// How long a cluster is waited for.
    pub limit: Duration,
}

impl DeploymentParts<'_> {
    fn journal(&self) -> Journal {
        Journal::of(self.rwenv.name.as_str(), self.environment)
    }

    fn done(&mut self, text: String) {
        (self.tell)(WaitProgress::Done(text));
    }

    fn waits(&mut self, text: &str) {
        (self.tell)(WaitProgress::Waiting(text.to_owned()));
    }

    /// Brings the clone's picture of the other side up to date; what is in the clone is not touched where it is the user's.
    fn synced(&mut self) -> Result<(Base, Commit), DeployError> {
        self.waits("fetching the Flux repository");
        let tell = &mut *self.tell;
        repos::sync(self.flux, repos::CloneWish::Forward, self.environment, &mut |step| {
            tell(WaitProgress::Waiting(format!("{} {} %", step.what, step.percent)));
        })?;
        let base = repos::base(self.flux)?;
        let commit = Commit::read(&self.flux.clone_dir(), &base.commit, self.environment)?;
        Ok((base, commit))
    }
}

/// A change that may be deployed, and the files it changes.
pub struct OpenedDeployment {
    /// The deployment; nothing of it is written down yet.
    pub deployment: Deployment,
    /// The files.
    pub files: Vec<FileEdit>,
    /// Why fields that are wanted stay as they are.
    pub skipped: Vec<String>,
}

/// Finds out what a wish changes. Nothing is changed by it but the picture of the other side.
///
/// # Errors
/// Where the repository cannot be fetched, the service is not there, or what is to be set cannot be.
pub fn open(wish: &DeploymentWish, parts: &mut DeploymentParts<'_>) -> Result<OpenedDeployment, DeployError> {
    let (base, commit) = parts.synced()?;
    let draft = Draft::make(&commit, wish, &parts.flux.root)?;
    let name = &draft.target.object.name;
    let id = parts.journal().identifier(name, &clock::rfc3339(clock::now()));
    let (subject, title) = words(&draft, wish);
    let deployment = Deployment {
        branch: format!("deploy/{id}"),
        id,
        rwenv: parts.rwenv.name.to_string(),
        service: draft.target.key.clone(),
        step: DeploymentStep::Started,
        started: clock::now().as_secs(),
        wish: wish.clone(),
        reverts: None,
        base: base.branch,
        direct: parts.rwenv.direct_push,
        subject,
        title,
        changes: draft.changes.clone(),
        affected: draft.affected.clone(),
        object: draft.target.object.clone(),
        chain: if draft.target.by_flux { draft.target.chain.clone() } else { Vec::new() },
        commit: None,
        patch: None,
        pull: None,
        merged: None,
        revision: None,
    };
    Ok(OpenedDeployment { deployment, files: draft.files(), skipped: draft.skipped })
}

/// A deployment that takes another one back.
#[must_use]
pub fn revert(of: &Deployment, parts: &DeploymentParts<'_>) -> Option<Deployment> {
    let (commit, patch) = of.merged.clone().or_else(|| of.commit.clone()).zip(of.patch.clone())?;
    let id = parts.journal().identifier(&of.object.name, &clock::rfc3339(clock::now()));
    let back = |change: &ValueChange| ValueChange {
        old: Some(change.new.clone()),
        new: change.old.clone().unwrap_or_default(),
        ..change.clone()
    };
    Some(Deployment {
        branch: format!("deploy/{id}"),
        id,
        step: DeploymentStep::Started,
        started: clock::now().as_secs(),
        reverts: Some(Reverted { id: of.id.clone(), commit, patch }),
        direct: parts.rwenv.direct_push,
        subject: format!("revert: {}", of.subject),
        title: format!("Revert \"{}\"", of.title),
        changes: of.changes.iter().map(back).collect(),
        commit: None,
        patch: None,
        pull: None,
        merged: None,
        revision: None,
        ..of.clone()
    })
}

/// Subject of the commit (Conventional Commits 1.0.0) and title of the pull request. Values that are set may be anything, and
/// are not repeated; tags are.
fn words(draft: &Draft<'_>, wish: &DeploymentWish) -> (String, String) {
    let name = &draft.target.object.name;
    let keys: Vec<&str> =
        wish.set.iter().chain(&wish.set_string).filter_map(|s| Some(s.split_once('=')?.0)).collect();
    let fields: Vec<String> =
        wish.objects.iter().flat_map(|object| &object.fields).map(WantedField::title).collect();
    let mut keys: Vec<&str> = keys.into_iter().chain(fields.iter().map(String::as_str)).collect();
    if keys.len() > MOST_TOLD {
        keys.truncate(MOST_TOLD);
        keys.push("…");
    }
    let keys = keys.join(", ");
    let version = wish.chart_version.as_ref();
    let mut done: Vec<String> = wish.tag.iter().map(|tag| format!("update image tag to {tag}")).collect();
    done.extend(version.map(|version| format!("update chart to {version}")));
    let mut titles: Vec<String> = wish.tag.iter().map(|tag| format!("{name} {tag}")).collect();
    titles.extend(version.map(|version| format!("chart {version} of {name}")));
    if titles.is_empty() {
        return (format!("chore({name}): set {keys}"), format!("Configure {name}: {keys}"));
    }
    let scope = if wish.tag.is_some() { &draft.target.group } else { name };
    let (set, and_set) = if keys.is_empty() {
        (String::new(), String::new())
    } else {
        (format!(", set {keys}"), format!(", and set {keys}"))
    };
    (format!("chore({scope}): {}{set}", done.join(", ")), format!("Deploy {}{and_set}", titles.join(", ")))
}

/// A change in words. Tags are shown; values that are set may be anything, and are not.
#[must_use]
pub fn described(deployment: &Deployment, change: &ValueChange) -> String {
    let is_told = deployment.wish.tag.is_some() || deployment.wish.chart_version.is_some();
    let is_tag = is_told && change.what.starts_with(['.', '(']);
    let values = match &change.old {
        Some(old) if is_tag => format!(": {old} -> {}", change.new),
        _ => String::new(),
    };
    format!("{}:{} {}{values}", change.file, change.line, change.what)
}

/// What the commit says below its subject, and the pull request.
fn body(deployment: &Deployment) -> String {
    let mut text = String::new();
    for change in &deployment.changes {
        text.push_str(&format!("- {}\n", described(deployment, change)));
    }
    if !deployment.affected.is_empty() {
        text.push_str(&format!("\nThe same place counts for: {}\n", deployment.affected.join(", ")));
    }
    if let Some(reverted) = &deployment.reverts {
        text.push_str(&format!("\nThis takes back {} ({}).\n", reverted.id, reverted.commit));
    }
    text
}

/// Goes on with a deployment until it is applied, waits for people, or cannot go on. Every step is written down.
///
/// # Errors
/// Where a step cannot be done; what was done before it is on record.
pub fn advance(deployment: &mut Deployment, parts: &mut DeploymentParts<'_>) -> Result<(), DeployError> {
    let journal = parts.journal();
    journal.record(deployment)?;
    loop {
        let before = deployment.step;
        if before >= DeploymentStep::Opened {
            // What is elsewhere has no need of a place here any more.
            work(deployment, parts, &journal.worktree(&deployment.id)).discard()?;
        }
        match before {
            DeploymentStep::Started => committed(deployment, parts)?,
            DeploymentStep::Committed => pushed(deployment, parts)?,
            DeploymentStep::Pushed if deployment.direct => {
                deployment.merged.clone_from(&deployment.commit);
                deployment.step = DeploymentStep::Merged;
            }
            DeploymentStep::Pushed => opened(deployment, parts)?,
            DeploymentStep::Opened => merged(deployment, parts)?,
            DeploymentStep::Merged => applied(deployment, parts)?,
            DeploymentStep::Applied | DeploymentStep::Aborted => {}
        }
        journal.record(deployment)?;
        if deployment.step == before {
            return Ok(());
        }
    }
}

fn work<'w>(deployment: &'w Deployment, parts: &'w DeploymentParts<'_>, dir: &'w Path) -> Work<'w> {
    Work { flux: parts.flux, dir, branch: &deployment.branch, environment: parts.environment }
}

/// The change as a commit, in a worktree of its own.
fn committed(deployment: &mut Deployment, parts: &mut DeploymentParts<'_>) -> Result<(), DeployError> {
    let (base, commit) = parts.synced()?;
    deployment.base = base.branch;
    let dir = parts.journal().worktree(&deployment.id);
    let files = match &deployment.reverts {
        Some(_) => Vec::new(),
        None => Draft::make(&commit, &deployment.wish, &parts.flux.root)?.files(),
    };
    if files.is_empty() && deployment.reverts.is_none() {
        // Somebody else has brought the branch there in the meantime.
        deployment.merged = Some(base.commit);
        deployment.step = DeploymentStep::Merged;
        return Ok(());
    }
    let work = work(deployment, parts, &dir);
    work.start(&base.commit)?;
    let staged = match &deployment.reverts {
        Some(reverted) => taken_back(&work, reverted),
        None => {
            let files = files.iter().map(|file| (file.path.as_str(), file.after.as_str()));
            work.stage(files).map_err(DeployError::from)
        }
    };
    let checked = staged
        .and_then(|()| lint(&dir, parts.environment))
        .and_then(|()| watch::accepted(deployment, parts.rwenv, &dir, parts.environment));
    let is_accepted = match checked {
        Ok(is_accepted) => is_accepted,
        Err(error) => {
            work.discard()?;
            return Err(error);
        }
    };
    let message = format!("{}\n\n{}", deployment.subject, body(deployment));
    let (commit, patch) = work.commit(&message)?;
    if is_accepted {
        parts.done(format!("the cluster of '{}' would take it (dry run)", parts.rwenv.name));
    }
    parts.done(format!("committed {} on {}", short(&commit), deployment.branch));
    deployment.commit = Some(commit);
    deployment.patch = Some(patch);
    deployment.step = DeploymentStep::Committed;
    Ok(())
}

fn taken_back(work: &Work<'_>, reverted: &Reverted) -> Result<(), DeployError> {
    work.take_back(&reverted.patch).map_err(|error| match error {
        RepoError::Git(why) => DeployError::Wish(format!(
            "{} cannot be reverted: its changes were changed again since ({why}); deploy the version you want instead",
            reverted.id
        )),
        other => other.into(),
    })
}

/// The checks of what is staged, as a push would have them.
fn lint(dir: &Path, environment: &Environment) -> Result<(), DeployError> {
    let mut report = content::staged(dir, environment)?.report;
    accepted::sift(&mut report, &SearchedPlace::of(dir, environment), environment);
    let errors = report.findings.iter().filter(|finding| finding.level == Level::Error);
    let line = |finding: &Finding| {
        let Finding { path, line, column, rule, message, instead, .. } = finding;
        format!("  {path}:{line}:{column}: {message} [{rule}]\n    instead: {instead}")
    };
    let errors: Vec<String> = errors.map(line).collect();
    if errors.is_empty() { Ok(()) } else { Err(DeployError::Lint(errors)) }
}

/// The branch it is pushed to.
fn destination(deployment: &Deployment) -> &str {
    if deployment.direct { &deployment.base } else { &deployment.branch }
}

fn pushed(deployment: &mut Deployment, parts: &mut DeploymentParts<'_>) -> Result<(), DeployError> {
    for attempt in 1..=ATTEMPTS {
        let dir = parts.journal().worktree(&deployment.id);
        let commit = deployment.commit.clone().unwrap_or_default();
        parts.waits("pushing");
        let there = repos::tip(parts.flux, destination(deployment), parts.environment)?;
        if is_there(deployment, parts, there.as_deref(), &commit) {
            return sent(deployment, parts);
        }
        if !dir.join(".git").exists() {
            // Somebody has tidied up: the commit may be gone with it.
            committed(deployment, parts)?;
        }
        if deployment.step == DeploymentStep::Merged {
            return Ok(());
        }
        let commit = deployment.commit.clone().unwrap_or_default();
        let permit = (parts.judge)(&dir, &commit, destination(deployment)).map_err(|why| {
            DeployError::Refused(format!(
                "{}\nThe change is prepared in {}; a person sends it with rwenv deploy --continue, or drops it with rwenv deploy --abort.",
                why.trim_end(),
                dir.display()
            ))
        })?;
        match send(&work(deployment, parts, &dir), &commit, destination(deployment), permit) {
            Ok(()) => return sent(deployment, parts),
            // Others were first: the change is made anew, of what they have left.
            Err(RepoError::Git(_))
                if deployment.direct && attempt < ATTEMPTS && moved(parts, deployment, there)? =>
            {
                committed(deployment, parts)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(DeployError::None(format!(
        "other pushes came first {ATTEMPTS} times; rwenv deploy --continue retries"
    )))
}

/// Sends a commit, as it was judged.
fn send(work: &Work<'_>, commit: &str, to: &str, _: Permit) -> Result<(), RepoError> {
    work.push(commit, to)
}

/// True where the other side has the commit already.
fn is_there(deployment: &Deployment, parts: &DeploymentParts<'_>, tip: Option<&str>, commit: &str) -> bool {
    let Some(tip) = tip else { return false };
    tip == commit || (deployment.direct && watch::is_in(parts.flux, tip, commit, parts.environment))
}

fn sent(deployment: &mut Deployment, parts: &mut DeploymentParts<'_>) -> Result<(), DeployError> {
    parts.done(format!("pushed to {} of {}", destination(deployment), parts.flux.shown_url()));
    deployment.step = DeploymentStep::Pushed;
    Ok(())
}

/// True where the branch is no longer at what it was.
fn moved(
    parts: &DeploymentParts<'_>,
    deployment: &Deployment,
    before: Option<String>,
) -> Result<bool, DeployError> {
    Ok(repos::tip(parts.flux, destination(deployment), parts.environment)? != before)
}

fn opened(deployment: &mut Deployment, parts: &mut DeploymentParts<'_>) -> Result<(), DeployError> {
    parts.waits("opening the pull request");
    let body = body(deployment);
    let Deployment { branch, base, title, .. } = &*deployment;
    let url = pull_of(
        parts.flux,
        &parts.flux.clone_dir(),
        &Pull { branch, base, title, body: &body },
        parts.environment,
    )?;
    parts.done(format!("pull request {url}"));
    deployment.pull = Some(url);
    deployment.step = DeploymentStep::Opened;
    Ok(())
}

/// Looks whether the branch Flux follows has the change: as the commit itself, or as what it makes, which is all that is left
/// of it where forges squash.
fn merged(deployment: &mut Deployment, parts: &mut DeploymentParts<'_>) -> Result<(), DeployError> {
    let (base, commit) = parts.synced()?;
    let own = deployment.commit.clone().unwrap_or_default();
    let there = repos::holds(parts.flux, &base.commit, &own) || {
        deployment.reverts.is_none()
            && Draft::make(&commit, &deployment.wish, &parts.flux.root)?.changes.is_empty()
    };
    if there {
        parts.done(format!("{} has it, at {}", base.branch, short(&base.commit)));
        deployment.merged = Some(base.commit);
        deployment.step = DeploymentStep::Merged;
    }
    Ok(())
}

fn applied(deployment: &mut Deployment, parts: &mut DeploymentParts<'_>) -> Result<(), DeployError> {
    if deployment.chain.is_empty() {
        parts.done(
            "no Flux Kustomization applies it; whatever does will apply it on its own schedule".to_owned(),
        );
        deployment.step = DeploymentStep::Applied;
        return Ok(());
    }
    let commit = deployment.merged.clone().unwrap_or_default();
    let (flux, environment) = (parts.flux, parts.environment);
    let mut holds = |revision: &str| watch::is_in(flux, revision, &commit, environment);
    let mut tell = |progress| (parts.tell)(progress);
    let waiting = (parts.limit, &mut tell as &mut dyn FnMut(WaitProgress));
    let revision = watch::applied(deployment, (parts.rwenv, parts.permit), environment, waiting, &mut holds)?;
    deployment.revision = Some(revision);
    deployment.step = DeploymentStep::Applied;
    Ok(())
}

/// Removes what killed runs have left of deployments that need no place here any more.
///
/// # Errors
/// Where it cannot be removed.
pub fn sweep(flux: &FluxRepository, environment: &Environment) -> Result<(), DeployError> {
    let journal = Journal::of(flux.name.as_str(), environment);
    for done in journal.all()?.iter().filter(|one| one.step >= DeploymentStep::Opened) {
        Work { flux, dir: &journal.worktree(&done.id), branch: &done.branch, environment }.discard()?;
    }
    Ok(())
}

/// Undoes what a deployment has done, as long as the branch Flux follows has none of it.
///
/// # Errors
/// Where it has, or where the other side says no.
pub fn abort(deployment: &mut Deployment, parts: &mut DeploymentParts<'_>) -> Result<(), DeployError> {
    let id = deployment.id.clone();
    let too_late = || {
        DeployError::None(format!(
            "{id} is on the branch Flux follows; revert it with a new commit: rwenv deploy --revert {id}"
        ))
    };
    if !deployment.is_open() || deployment.step >= DeploymentStep::Merged {
        return Err(too_late());
    }
    let dir = parts.journal().worktree(&deployment.id);
    let commit = deployment.commit.clone();
    if let Some(commit) = &commit {
        let there = repos::tip(parts.flux, destination(deployment), parts.environment)?;
        if deployment.direct {
            let in_it = there.is_some_and(|tip| watch::is_in(parts.flux, &tip, commit, parts.environment));
            if in_it {
                return Err(too_late());
            }
        } else if there.as_ref() == Some(commit) {
            work(deployment, parts, &dir).delete(commit)?;
            parts.done(format!("{} is deleted from the remote", deployment.branch));
        } else if there.is_some() {
            return Err(DeployError::None(format!(
                "{} has other commits on the remote by now; nothing was changed. Delete it there if you do not need it",
                deployment.branch
            )));
        }
    }
    work(deployment, parts, &dir).discard()?;
    deployment.step = DeploymentStep::Aborted;
    parts.journal().record(deployment)
}

/// The object that is deployed, for people.
#[must_use]
pub fn named(object: &ObjectName) -> String {
    format!("{} {}/{}", object.kind, object.namespace, object.name)
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}
