//! What a push depends on, asked of git itself with commands that run nothing a repository brings.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::base::environment::{Environment, var};
use crate::base::program;
use crate::setup::githooks::{self, PRE_PUSH};
use rwenv_core::model::GitRepository;

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

/// When a file was changed last.
pub(super) fn age(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).and_then(|meta| meta.modified()).ok()
}

/// Most files of a folder whose age is compared with a plan's, or a state's.
pub(super) const MOST_FILES: usize = 5_000;

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
