//! Which of the rwenvs that share a repository a revision reaches. Building both trees is the catalog's: `rwenv` is asked, and only
//! where several rwenvs share the repository.

use std::process::Command;
use std::time::Duration;

use crate::base::{process, program};
use rwenv_core::decide::Plan;
use rwenv_core::model::{Facts, GitRepository, Question, Rwenv, Rwenvs, same_repository};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers the questions of a plan that ask it. What cannot be told stays open.
pub(super) fn answers(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Vec<((String, String), Vec<String>)> {
    let mut answers = Vec::new();
    for question in &plan.questions {
        let Question::Reached { dir, tip } = question else { continue };
        let Some(Some(repository)) = facts.repositories.iter().find(|(d, _)| d == dir).map(|(_, r)| r) else {
            continue;
        };
        if rwenvs.all.iter().filter(|rwenv| shares(rwenv, repository)).nth(1).is_some() {
            answers.extend(ask(dir, tip).map(|names| ((dir.clone(), tip.clone()), names)));
        }
    }
    answers
}

/// True where the repository has the rwenv's Flux repository as a remote.
fn shares(rwenv: &Rwenv, repository: &GitRepository) -> bool {
    let urls = repository.config.iter().filter(|(key, _)| key.starts_with("remote.") && key.ends_with("url"));
    let is = |url: &str| urls.clone().any(|(_, remote)| same_repository(remote, url));
    rwenv.flux_git_repo.as_deref().is_some_and(is)
}

fn ask(dir: &str, tip: &str) -> Option<Vec<String>> {
    let mut command = Command::new(program::beside("rwenv")?);
    command.args(["impact", "--json", "--dir", dir, "--reached", tip]);
    let said = process::printed("rwenv impact", &mut command, b"", PATIENCE).ok()?;
    serde_json::from_str(&said).ok()
}
