//! Which of the rwenvs of a Flux repository a revision reaches, and what it removes from their clusters. Building both trees is the
//! catalog's: `rwenv` is asked.

use std::process::Command;
use std::time::Duration;

use crate::base::{process, program};
use rwenv_core::decide::Plan;
use rwenv_core::model::{
    Facts, GitRepository, PullRequest, Question, Reaching, Rwenv, Rwenvs, from_root, names_repository,
    same_repository,
};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers the questions of a plan that ask it. What nobody can tell yet stays open: a branch that is not here, a first push.
pub(super) fn answers(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Vec<((String, String), Reaching)> {
    let mut answers = Vec::new();
    for question in &plan.questions {
        let Question::Reached { dir, tip } = question else { continue };
        let named = PullRequest::from_revision(tip).and_then(|request| request.repository);
        let here = facts.repositories.iter().find(|(d, _)| d == dir).and_then(|(_, r)| r.as_ref());
        let sharing = |rwenv: &&Rwenv| match (&named, here) {
            (Some(named), _) => {
                rwenv.flux_git_repo.as_deref().is_some_and(|url| names_repository(named, url))
            }
            (None, Some(repository)) => shares(rwenv, repository, dir),
            (None, None) => false,
        };
        let sharing: Vec<&Rwenv> = rwenvs.all.iter().filter(sharing).collect();
        // Where the only one is not to be changed, it does not matter what is sent.
        if !matches!(sharing.as_slice(), [] | [Rwenv { read_only: true, .. }]) {
            answers.extend(ask(dir, tip).map(|found| ((dir.clone(), tip.clone()), found)));
        }
    }
    answers
}

/// True where the repository around a folder has the rwenv's Flux repository as a remote.
fn shares(rwenv: &Rwenv, repository: &GitRepository, dir: &str) -> bool {
    let urls = repository.config.iter().filter(|(key, _)| key.starts_with("remote.") && key.ends_with("url"));
    let is = |url: &str| urls.clone().any(|(_, remote)| same_repository(&from_root(dir, remote), url));
    rwenv.flux_git_repo.as_deref().is_some_and(is)
}

fn ask(dir: &str, tip: &str) -> Option<Reaching> {
    let mut command = Command::new(program::beside("rwenv")?);
    command.args(["impact", "--json", "--dir", dir, "--reached", tip]);
    let said = process::printed("rwenv impact", &mut command, b"", PATIENCE);
    let read = |said: String| {
        serde_json::from_str(&said).map_err(|_| "rwenv impact is of another version".to_owned())
    };
    said.and_then(read).transpose()
}
