//! What a push depends on, asked of git itself with commands that run nothing a repository brings.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::base::environment::{Environment, var};
use crate::base::program;
use crate::facts::terraform;
use crate::setup::githooks::{self, PRE_PUSH};
use rwenv_core::model::{GitRepository, Pushed, Rwenv};

/// Branch and configuration of the repository around a directory; none where there is none, or git cannot say.
///
/// `git config --list`, `for-each-ref` and `symbolic-ref` start no hook, filter or helper; the caller's own `GIT_*` are kept
/// away, because the command line's own are judged by themselves.
pub(super) fn repository(dir: &str, environment: &Environment) -> Option<GitRepository> {
    if !Path::new(dir).ancestors().any(|a| a.join(".git").exists() || a.join("HEAD").exists()) {
        return None;
    }
    let config = run(dir, &["config", "--list", "-z"], environment)?;
    let refs =
        run(dir, &["for-each-ref", "--format=%(HEAD)%(refname)", "refs/heads", "refs/tags"], environment)?;
    let below = |folder: &'static str| {
        let names = refs.lines().filter_map(move |line| line.get(1..)?.strip_prefix(folder));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let (branches, tags) = (below("refs/heads/"), below("refs/tags/"));
    // A branch without a commit is in no list of refs.
    let branch =
        (refs.lines().find_map(|l| l.strip_prefix("*refs/heads/")).map(str::to_owned)).or_else(|| {
            run(dir, &["symbolic-ref", "-q", "--short", "HEAD"], environment).map(|b| b.trim_end().to_owned())
        });
    let pairs =
        config.split('\0').filter(|entry| !entry.is_empty()).map(|entry| match entry.split_once('\n') {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None => (entry.to_owned(), "true".to_owned()),
        });
    let mut repository =
        GitRepository { branch, branches, tags, config: pairs.collect(), skipped_hooks: None };
    repository.skipped_hooks = skipped(dir, &repository, environment);
    Some(repository)
}

/// Whether what a file or folder holds is committed, and the commit on a remote. `status` is asked without the monitor a
/// repository may name, and writes nothing.
pub(super) fn pushed(path: &str, environment: &Environment) -> Pushed {
    let no = |why: &str| Pushed::No(why.to_owned());
    let place = Path::new(path);
    let (dir, name) = if place.is_dir() {
        (path, ".")
    } else {
        let parent = place.parent().and_then(Path::to_str);
        let name = place.file_name().and_then(|name| name.to_str());
        let Some((parent, name)) = parent.zip(name) else { return no("its files are not known") };
        (parent, name)
    };
    let ask =
        |arguments: &[&str]| run(dir, &[&["-c", "core.fsmonitor=false"], arguments].concat(), environment);
    if ask(&["ls-files", "--error-unmatch", "--", name]).is_none_or(|files| files.is_empty()) {
        let made_in = (place.is_file() && name != ".").then(|| generated_in(place, environment)).flatten();
        let Some(made_in) = made_in else { return no(&format!("{name} of {dir} is in no commit")) };
        let made_of = terraform::folder_of(place).filter(|folder| made_in.starts_with(folder));
        return match made_of.unwrap_or(made_in).to_str().map(|folder| pushed(folder, environment)) {
            Some(Pushed::Yes) => {
                made_of.map_or(Pushed::Generated, |folder| terraform::made(place, folder, environment))
            }
            Some(found) => found,
            None => no("its folder has no name that is text"),
        };
    }
    let status =
        ask(&["status", "--porcelain", "--untracked-files=all", "--ignore-submodules=all", "--", name]);
    match status {
        Some(changes) if changes.lines().all(is_new_output) => {}
        Some(_) => return no(&format!("{name} of {dir} has changes that are in no commit")),
        None => return no("git cannot say what is committed"),
    }
    match ask(&["for-each-ref", "--contains", "HEAD", REMOTE_BRANCH, "refs/remotes"]) {
        Some(refs) if refs.trim().is_empty() => no("its last commit is on no remote"),
        Some(refs) => {
            followed(&refs, &ask(&["for-each-ref", REMOTE_BRANCH, "refs/remotes"]).unwrap_or_default())
        }
        None => no("git cannot say what is pushed"),
    }
}

/// A branch of a remote, and the one it stands for: `origin/HEAD` stands for the branch that a clone starts on.
const REMOTE_BRANCH: &str = "--format=%(refname:lstrip=3) %(symref:lstrip=3)";

/// Whether one of the branches that have a commit is deployed from: the remote's default branch, else those that are protected
/// unless somebody says otherwise. Where a remote has none of these, each of its branches may be.
fn followed(having: &str, all: &str) -> Pushed {
    let named: Vec<&str> =
        all.lines().filter_map(|line| line.split_once(' ').map(|(name, _)| name)).collect();
    let default = all.lines().filter_map(|line| line.strip_prefix("HEAD ").filter(|name| !name.is_empty()));
    let mut followed: Vec<&str> = default.collect();
    if followed.is_empty() {
        followed.extend(Rwenv::PROTECTED.into_iter().filter(|name| named.contains(name)));
    }
    let on = having.lines().filter_map(|line| line.split_once(' ').map(|(name, _)| name));
    let mut on: Vec<&str> = on.filter(|name| *name != "HEAD").collect();
    on.dedup();
    if followed.is_empty() || on.iter().any(|name| followed.contains(name)) {
        return Pushed::Yes;
    }
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Pushed::Aside { on: owned(on), followed: owned(followed) }
}

/// True for a line of `git status` about a file that git has not, and that output is written to.
fn is_new_output(line: &str) -> bool {
    line.strip_prefix("?? ").is_some_and(|name| is_output(name.trim_matches('"')))
}

/// True for names of files that output is written to, and that no configuration is read from.
pub(super) fn is_output(name: &str) -> bool {
    [".log", ".txt", ".out", ".err", ".plan", ".tfplan"].iter().any(|end| name.ends_with(end))
}

/// The folder a file is made in that git is told to ignore: the one that holds the ignored file or, where a folder is ignored
/// whole, that folder.
fn generated_in<'p>(file: &'p Path, environment: &Environment) -> Option<&'p Path> {
    let ignored = |path: &Path| {
        let (dir, name) = (path.parent()?.to_str()?, path.file_name()?.to_str()?);
        run(dir, &["check-ignore", "-q", "--", name], environment)
    };
    ignored(file)?;
    let outermost = file.ancestors().take_while(|path| ignored(path).is_some()).last()?;
    outermost.parent()
}

/// When a file was changed last.
pub(super) fn age(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).and_then(|meta| meta.modified()).ok()
}

/// Most files of a folder whose age is compared with a plan's, or a state's.
pub(super) const MOST_FILES: usize = 5_000;

/// Whether a plan was made in this repository, of the commit there is now: a plan outside may be of anything, and one that is older
/// than the last move of HEAD, or than a file of the folder, is of something else. One that is not there does nothing.
pub(super) fn plan(file: &str, dir: &str, environment: &Environment) -> Pushed {
    let no = |why: &str| Pushed::No(format!("the plan {file} {why}"));
    let ask = |arguments: &[&str]| run(dir, arguments, environment).map(|text| text.trim_end().to_owned());
    let real = match fs::canonicalize(file) {
        Ok(real) => real,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Pushed::Yes,
        Err(_) => return no("cannot be looked at"),
    };
    let Some(root) = ask(&["rev-parse", "--show-toplevel"]).and_then(|root| fs::canonicalize(root).ok())
    else {
        return no("is in no repository");
    };
    if !real.starts_with(&root) {
        return no("lies outside the repository");
    }
    if real.is_dir() {
        return pushed(file, environment);
    }
    let moved = ask(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]);
    let Some((made, moved)) = age(&real).zip(moved.and_then(|log| age(Path::new(&log)))) else {
        return no("may be older than the commit there is now");
    };
    if made < moved {
        return no("is older than the commit there is now; plan again");
    }
    let files = run(dir, &["ls-files", "-z"], environment).unwrap_or_default();
    let newer = |name: &str| age(&Path::new(dir).join(name)).is_some_and(|changed| made < changed);
    match files.split('\0').filter(|name| !name.is_empty()).take(MOST_FILES).find(|name| newer(name)) {
        Some(name) => no(&format!("is older than {name}; plan again")),
        None => Pushed::Yes,
    }
}

/// Why the pre-push hook that was installed here is not the one git would run.
fn skipped(dir: &str, repository: &GitRepository, environment: &Environment) -> Option<String> {
    if repository.get("hook.rwenv.event").is_some() {
        let off = matches!(repository.get("hook.rwenv.enabled"), Some("false" | "no" | "off" | "0"));
        let version = run(dir, &["version"], environment).unwrap_or_default();
        let known = githooks::configured::is_known_to(&version);
        return (off || !known)
            .then(|| "hook.rwenv is not what this git starts; rwenv hooks install".to_owned());
    }
    let common = run(dir, &["rev-parse", "--path-format=absolute", "--git-common-dir"], environment)?;
    let own = Path::new(common.trim_end()).join("hooks");
    if !marked(&own) {
        return None;
    }
    let path = repository.get("core.hookspath").filter(|path| !path.is_empty());
    let in_force = match path {
        None => own.clone(),
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => environment.home.join(rest),
            None => Path::new(dir).join(path),
        },
    };
    let runs = fs::metadata(in_force.join(PRE_PUSH)).is_ok_and(|meta| meta.permissions().mode() & 0o100 != 0);
    if runs && marked(&in_force) {
        return None;
    }
    Some(format!(
        "{} holds no pre-push hook of rwenv that git would run; rwenv hooks install",
        in_force.display()
    ))
}

/// True where the pre-push hook of a folder asks rwenv.
fn marked(folder: &Path) -> bool {
    githooks::asks(&folder.join(PRE_PUSH))
}

/// What a command of git prints; none where it fails.
pub(super) fn run(dir: &str, arguments: &[&str], environment: &Environment) -> Option<String> {
    let mut command = Command::new(program::find("git", environment)?);
    command
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .env("HOME", &environment.home)
        .env("PATH", &environment.path)
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    // Where the user's own configuration lies.
    for name in ["XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
        if let Some(value) = var(name) {
            command.env(name, value);
        }
    }
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
