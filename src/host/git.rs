//! What a push depends on, asked of git itself with commands that run nothing a repository brings.

use std::path::Path;
use std::process::{Command, Stdio};

use super::environment::{Environment, var};
use super::program;
use crate::model::GitRepository;

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
    Some(GitRepository { branch, branches, config: pairs.collect() })
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
