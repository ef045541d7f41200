//! What a confined program finds: which mounts are made for it, which variables it has, and where it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::getuid;
use serde::{Deserialize, Serialize};

use super::custody::{Concealment, CustodyWish, HiddenPath};
use super::mounts::{self, MountStep};
use rwenv_core::model::{GitReach, Rwenv, Rwenvs};
use rwenv_core::policy::CUSTODY;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::program;
use rwenv_gate::facts::guarded;
use rwenv_gate::ledger::audit;
use rwenv_gate::setup::shims;

/// What a person asks for.
#[derive(Clone, Debug, Default)]
pub struct RunWish {
    /// The rwenv whose guard is reached.
    pub rwenv: Option<Rwenv>,
    /// It was named: commands inside count as its.
    pub named: bool,
    /// Where it starts.
    pub cwd: PathBuf,
    /// Paths beside the table.
    pub custody: CustodyWish,
    /// Variables that lead git to the broker, where it reaches the remotes.
    pub broker: BTreeMap<String, String>,
}

/// Why a session cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It would start in a folder that is not there.
    #[error("{} is hidden ({about}), and a session cannot start in it; change to your project's folder first", path.display())]
    HiddenStart {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        about: String,
    },
    /// It would hide the whole home.
    #[error("{} holds your home or the project, and cannot be hidden; name what lies below it", path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
    },
    /// The guard's own files stay as they are.
    #[error("{} belongs to rwenv, and cannot be allowed", path.display())]
    OwnFiles {
        /// The path.
        path: PathBuf,
    },
}

/// One place that differs from what it is outside, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Where.
    pub path: PathBuf,
    /// What stands there.
    pub step: MountStep,
    /// What it holds outside.
    pub about: String,
}

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfinementPlan {
    /// The steps, in their order.
    pub steps: Vec<PlannedStep>,
    /// Variables that are taken away.
    pub removed: Vec<String>,
    /// Variables that are set.
    pub set: BTreeMap<String, String>,
    /// Where the program starts.
    pub cwd: PathBuf,
    /// The empty file that stands where files are hidden.
    pub empty: PathBuf,
    /// What could not be hidden, and should be known.
    pub notes: Vec<String>,
}

/// The folders of `config_dir` that are more than read-only.
const OWN: [(&str, MountStep, &str); 9] = [
    ("guard", MountStep::SealedFolder, "tokens of the API guard"),
    ("kube", MountStep::EmptyFolder(0o700), "kubeconfigs of sessions"),
    ("audit", MountStep::SealedFolder, "the audit log"),
    ("broker", MountStep::SealedFolder, "mirrors of the git broker"),
    ("logs", MountStep::SealedFolder, "the daemon's logs"),
    ("run", MountStep::EmptyFolder(0o700), "sockets, grants and other sessions"),
    ("flux-repos", MountStep::Shown, "clones, which a session works in"),
    ("catalog", MountStep::Shown, "generated knowledge"),
    ("context", MountStep::Shown, "context of sessions"),
];

/// Gathers the steps.
#[derive(Default)]
struct StepList {
    all: Vec<PlannedStep>,
}

impl StepList {
    fn add(&mut self, path: &Path, step: MountStep, about: &str) {
        self.all.push(PlannedStep { path: path.to_owned(), step, about: about.to_owned() });
    }

    /// What covers a path: the nearest step at it or above it.
    fn cover(&self, path: &Path) -> Option<&PlannedStep> {
        let above = self.all.iter().filter(|step| path.starts_with(&step.path));
        above.max_by_key(|step| (step.path.components().count(), step.step.clone()))
    }

    fn is_concealed(&self, path: &Path) -> bool {
        self.cover(path).is_some_and(|cover| cover.step.conceals())
    }

    /// Shows a real path again where it is concealed.
    fn show(&mut self, path: &Path, step: MountStep, about: &str) {
        if path.exists() && self.is_concealed(path) {
            self.add(path, step, about);
        }
    }

    /// Mounts the folders above each step upon themselves, up to the home: a folder that is no mount could be renamed with all that is mounted in
    /// it, and another put in its place.
    fn anchor(&mut self, home: &Path) {
        let above = self
            .all
            .iter()
            .flat_map(|step| step.path.ancestors().skip(1))
            .filter(|path| path.starts_with(home));
        let above: BTreeSet<PathBuf> = above.map(Path::to_owned).collect();
        for path in above {
            if self.cover(&path).is_none_or(|cover| cover.step == MountStep::Shown && cover.path != path) {
                self.add(&path, MountStep::Shown, "the folder of what is hidden or read-only");
            }
        }
    }

    /// What is hidden, at every name it has.
    fn hide(&mut self, hidden: &[HiddenPath], mounts: &[mounts::SeenMount]) {
        for HiddenPath { path, about } in hidden {
            for path in std::iter::once(path.clone()).chain(mounts::aliases(path, mounts)) {
                if self.is_concealed(&path) {
                    continue;
                }
                let step = if path.is_dir() { MountStep::EmptyFolder(0o700) } else { MountStep::EmptyFile };
                self.add(&path, step, about);
            }
        }
    }
}

impl ConfinementPlan {
    /// Makes the plan; `session` is the folder that the session has outside.
    ///
    /// # Errors
    /// What cannot be done.
    pub fn make(
        wish: &RunWish,
        session: &Path,
        rwenvs: &Rwenvs,
        environment: &Environment,
    ) -> Result<Self, PlanError> {
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (cwd, home, own) = (real(&wish.cwd), real(&environment.home), real(&environment.config_dir));
        if let Some(path) =
            wish.custody.allow.iter().find(|path| path.starts_with(&own) || own.starts_with(path))
        {
            return Err(PlanError::OwnFiles { path: path.clone() });
        }
        let project = project(&cwd);
        if let Some(path) =
            wish.custody.hide.iter().find(|path| home.starts_with(path) || project.starts_with(path))
        {
            return Err(PlanError::TooMuch { path: path.clone() });
        }
        let concealment = Concealment::gather(wish.rwenv.as_ref(), rwenvs, &wish.custody, environment);
        let mounts = mounts::seen();
        let mut list = StepList::default();
        shared_folders(&mut list, environment);
        list.show(&home, MountStep::Shown, "your home");
        list.show(&project, MountStep::Shown, "the project");
        list.hide(&concealment.hidden, &mounts);
        if let Some(cover) = list.cover(&cwd).filter(|_| list.is_concealed(&cwd)) {
            return Err(PlanError::HiddenStart { path: cwd, about: cover.about.clone() });
        }
        let mut notes = second_names(&mut list, &concealment, &[home, project]);
        own_files(&mut list, &own, session);
        if let Some(rwenv) = &wish.rwenv {
            let guard = guarded::folder(environment).join(format!("{}.yaml", rwenv.name));
            let place = own.join("guard").join(format!("{}.yaml", rwenv.name));
            list.add(&place, MountStep::InPlace(guard.clone()), "the API guard's kubeconfig");
            replace(&mut list, &concealment.replaced, &guard, &mounts);
        }
        for HiddenPath { path, about } in &concealment.read_only {
            if !list.is_concealed(path) {
                list.add(path, MountStep::ReadOnly, about);
            }
        }
        for path in wish.custody.allow.iter().map(|path| real(path)) {
            list.show(&path, MountStep::Shown, "named with --allow, or in envs.json");
        }
        programs(&mut list);
        let agent = environment::var("SSH_AUTH_SOCK").map(PathBuf::from);
        if let Some(agent) = agent.filter(|_| wish.custody.git == GitReach::Pass) {
            list.show(&real(&agent), MountStep::Shown, "your ssh agent, for git");
        }
        list.anchor(&real(&environment.home));
        if wish.rwenv.is_none() {
            notes.push("no rwenv is selected here: no cluster is reached from inside".to_owned());
        }
        Ok(Self {
            steps: ordered(list.all),
            removed: concealment.removed,
            set: variables(wish, session, environment),
            cwd,
            empty: session.join("empty"),
            notes,
        })
    }
}

impl ConfinementPlan {
    /// True where a path is not there, or empty, for a confined program.
    #[must_use]
    pub fn conceals(&self, path: &Path) -> bool {
        let above = self.steps.iter().filter(|step| path.starts_with(&step.path));
        let cover = above.max_by_key(|step| step.path.components().count());
        cover.is_some_and(|cover| cover.step.conceals())
    }
}

fn ordered(all: Vec<PlannedStep>) -> Vec<PlannedStep> {
    let about: BTreeMap<(PathBuf, MountStep), String> =
        all.iter().map(|step| ((step.path.clone(), step.step.clone()), step.about.clone())).collect();
    let steps = mounts::ordered(all.into_iter().map(|step| (step.path, step.step)).collect());
    let named = steps.into_iter().map(|key| {
        let about = about.get(&key).cloned().unwrap_or_default();
        PlannedStep { path: key.0, step: key.1, about }
    });
    named.collect()
}

/// The repository that a directory is in, or the directory itself.
fn project(cwd: &Path) -> PathBuf {
    cwd.ancestors().find(|dir| dir.join(".git").exists()).unwrap_or(cwd).to_owned()
}

/// What all programs of a machine share: temporary files and sockets.
fn shared_folders(list: &mut StepList, environment: &Environment) {
    let folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
    for (path, mode, about) in
        [("/tmp", 0o1777, "temporary files and sockets of others"), ("/run", 0o755, "sockets")]
    {
        if folder(Path::new(path)) {
            list.add(Path::new(path), MountStep::EmptyFolder(mode), about);
        }
    }
    for path in CUSTODY.kept.iter().map(Path::new) {
        list.show(path, MountStep::ReadOnly, "what name resolution and programs need of /run");
    }
    if let Some(own) = environment.runtime_dir.as_ref().filter(|own| own.is_dir()) {
        list.add(
            own,
            MountStep::EmptyFolder(0o700),
            "sockets of your session: D-Bus, systemd, podman, gpg-agent",
        );
    }
}

/// Hides the second names of what is hidden; says which were not found.
fn second_names(list: &mut StepList, concealment: &Concealment, roots: &[PathBuf]) -> Vec<String> {
    let files = concealment.hidden.iter().map(|hidden| hidden.path.clone());
    let all: Vec<PathBuf> =
        files.chain(concealment.replaced.iter().filter_map(|path| fs::canonicalize(path).ok())).collect();
    let (others, lost) = mounts::second_names(&all, roots);
    for path in others {
        if !list.is_concealed(&path) {
            list.add(&path, MountStep::EmptyFile, "another name of a hidden file");
        }
    }
    let note = |path: &PathBuf| {
        format!("{} has another name (a hard link) that was not found: it can be read there", path.display())
    };
    lost.iter().map(note).collect()
}

/// rwenv's own folder: to read, but for what a session writes, and without what belongs to others.
fn own_files(list: &mut StepList, own: &Path, session: &Path) {
    if !own.is_dir() {
        return;
    }
    list.add(own, MountStep::ReadOnly, "rwenv's configuration and policies");
    for (name, step, about) in OWN {
        if own.join(name).is_dir() {
            list.add(&own.join(name), step, about);
        }
    }
    list.add(session, MountStep::ReadOnly, "where this session hands over its records");
}

/// The guard's kubeconfig in the place of the person's.
fn replace(list: &mut StepList, written: &[PathBuf], guard: &Path, mounts: &[mounts::SeenMount]) {
    let about = "the API guard's kubeconfig instead of yours";
    for path in written {
        let folder = path.parent().and_then(|folder| fs::canonicalize(folder).ok());
        let Some((folder, name)) = folder.zip(path.file_name()) else { continue };
        let place = folder.join(name);
        if list.is_concealed(&place)
            && fs::symlink_metadata(&place).is_ok_and(|meta| !meta.is_dir())
            && !is_file_step(list, &place)
        {
            list.add(&place, MountStep::InPlace(guard.to_owned()), about);
        }
        let Ok(real) = fs::canonicalize(path) else { continue };
        for real in std::iter::once(real.clone()).chain(mounts::aliases(&real, mounts)) {
            if is_file_step(list, &real) {
                list.add(&real, MountStep::InPlace(guard.to_owned()), about);
            }
        }
    }
}

/// True where the very path is hidden by an empty file.
fn is_file_step(list: &StepList, path: &Path) -> bool {
    list.all.iter().any(|step| step.path == path && step.step == MountStep::EmptyFile)
}

/// rwenv's own programs may not be changed, and stay reachable.
fn programs(list: &mut StepList) {
    for path in ["rwenv", "rwenvd", "rwenv-hook"].into_iter().filter_map(program::beside) {
        if let Ok(path) = fs::canonicalize(path) {
            list.add(&path, MountStep::ReadOnly, "rwenv's programs");
        }
    }
}

fn variables(wish: &RunWish, session: &Path, environment: &Environment) -> BTreeMap<String, String> {
    let mut set = BTreeMap::new();
    set.insert(audit::SOCKET_VARIABLE.to_owned(), audit::session_socket(session).display().to_string());
    if let Some(rwenv) = &wish.rwenv {
        let guard = guarded::kubeconfig(rwenv.name.as_str(), environment);
        set.insert("KUBECONFIG".to_owned(), guard.display().to_string());
        if wish.named {
            set.insert("RWENV".to_owned(), rwenv.name.to_string());
        }
    }
    let folder = shims::folder(environment);
    let first = folder.display().to_string();
    if folder.is_dir() && environment.path.split(':').next() != Some(&first) {
        set.insert("PATH".to_owned(), format!("{first}:{}", environment.path));
    }
    set.extend(wish.broker.clone());
    // sudo's, where the session was started by it, is the other user's.
    if getuid().is_root() {
        set.insert("HOME".to_owned(), environment.home.display().to_string());
    }
    set
}
