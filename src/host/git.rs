//! What a push depends on, asked of git itself with commands that run nothing a repository brings.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::environment::{Environment, var};
use super::githooks::{self, PRE_PUSH};
use super::program;
use crate::model::{GitRepository, Pushed};

/// Branch and configuration of the repository around a directory; none where there is none, or git cannot say.
///
/// `git config --list`, `for-each-ref` and `symbolic-ref` start no hook, filter or helper; the caller's own `GIT_*` are kept
/// away, because the command line's own are judged by themselves.
pub(super) fn repository(dir: &str, environment: &Environment) -> Option<GitRepository> {
    if !Path::new(dir).ancestors().any(|a| a.join(".git").exists() || a.join("HEAD").exists()) {
        return None;
    }
    let config = run(dir, &["config", "--list", "-z"], environment)?;
    let heads =
        run(dir, &["for-each-ref", "--format=%(HEAD)%(refname:lstrip=2)", "refs/heads"], environment)?;
    let branches = heads.lines().filter_map(|l| l.get(1..)).map(str::to_owned).collect();
    // A branch without a commit is in no list of refs.
    let branch = (heads.lines().find_map(|l| l.strip_prefix('*')).map(str::to_owned)).or_else(|| {
        run(dir, &["symbolic-ref", "-q", "--short", "HEAD"], environment).map(|b| b.trim_end().to_owned())
    });
    let pairs =
        config.split('\0').filter(|entry| !entry.is_empty()).map(|entry| match entry.split_once('\n') {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None => (entry.to_owned(), "true".to_owned()),
        });
    let mut repository = GitRepository { branch, branches, config: pairs.collect(), skipped_hooks: None };
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
        return no(&format!("{name} of {dir} is in no commit"));
    }
    let status =
        ask(&["status", "--porcelain", "--untracked-files=all", "--ignore-submodules=all", "--", name]);
    match status {
        Some(changes) if changes.is_empty() => {}
        Some(_) => return no(&format!("{name} of {dir} has changes that are in no commit")),
        None => return no("git cannot say what is committed"),
    }
    match ask(&["for-each-ref", "--count=1", "--contains", "HEAD", "--format=x", "refs/remotes"]) {
        Some(refs) if !refs.trim().is_empty() => Pushed::Yes,
        Some(_) => no("its last commit is on no remote"),
        None => no("git cannot say what is pushed"),
    }
}

/// Why the pre-push hook that was installed here, or for all repositories, is not the one git would run.
fn skipped(dir: &str, repository: &GitRepository, environment: &Environment) -> Option<String> {
    let global = githooks::global::folder(environment);
    let common = run(dir, &["rev-parse", "--path-format=absolute", "--git-common-dir"], environment)?;
    let own = Path::new(common.trim_end()).join("hooks");
    if ![&own, &global].into_iter().any(|folder| marked(folder)) {
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
    // A repository that has hooks of its own elsewhere (husky) was never in the global one's reach.
    let local = marked(&own) || path.is_none_or(|path| Path::new(path) == global);
    local.then(|| {
        format!(
            "{} holds no pre-push hook of rwenv that git would run; rwenv hooks install",
            in_force.display()
        )
    })
}

/// True where the pre-push hook of a folder asks rwenv.
fn marked(folder: &Path) -> bool {
    githooks::asks(&folder.join(PRE_PUSH))
}

fn run(dir: &str, arguments: &[&str], environment: &Environment) -> Option<String> {
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
