//! Who a call comes from: the agent, its session and sub-agent, the worktree, the job of a CI system. As far as the agent's event and its
//! variables tell: whoever may set these may say something else.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::environment::var;
use crate::base::files;

/// What a door knows of who calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// The agent's session.
    pub session: Option<&'a str>,
    /// The sub-agent: its kind, or its name.
    pub subagent: Option<&'a str>,
    /// The ID of the request in the cluster's own audit log.
    pub audit_id: Option<&'a str>,
    /// It comes over a connection: the variables of this process are not the caller's.
    pub remote: bool,
}

/// An agent, as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentRecord {
    /// Its name, as doors have it.
    pub name: String,
    /// Its version, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The sub-agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent: Option<String>,
    /// Its session, by its variables: at doors that no event reaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// A job of a CI system, as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CiRecord {
    /// `github`, `gitlab`, `jenkins`, or `ci`.
    pub system: String,
    /// The job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The run: its address, or its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// Variables that agents set for what they start, with the name that doors have for the agent, and the variable of the session.
const AGENTS: [(&str, &str, Option<&str>); 8] = [
    ("CLAUDECODE", "claude", Some("CLAUDE_CODE_SESSION_ID")),
    ("CLAUDE_CODE_ENTRYPOINT", "claude", Some("CLAUDE_CODE_SESSION_ID")),
    ("CODEX_THREAD_ID", "codex", Some("CODEX_THREAD_ID")),
    ("CODEX_SANDBOX", "codex", None),
    ("GEMINI_CLI", "gemini", Some("GEMINI_SESSION_ID")),
    ("CURSOR_AGENT", "cursor", None),
    ("COPILOT_CLI", "copilot", None),
    ("OPENCODE", "opencode", None),
];
/// Doors that are agents.
const DOORS: [&str; 6] = ["claude", "codex", "gemini", "cursor", "copilot", "opencode"];

impl Caller<'_> {
    /// The agent; none where none is known.
    pub(super) fn agent(&self, door: &str) -> Option<AgentRecord> {
        let of_door = DOORS.contains(&door).then(|| door.to_owned());
        if self.remote {
            return None;
        }
        let marked = AGENTS.iter().find(|(variable, ..)| var(variable).is_some());
        let said = var("AI_AGENT").map(|text| named(&text));
        let of_variable = marked.map(|(_, name, _)| (*name).to_owned());
        let name = of_door.or(of_variable).or_else(|| said.as_ref().map(|(name, _)| name.clone()))?;
        // What an agent says of itself may be of another one that started it.
        let version = said.filter(|(own, _)| own.starts_with(&name)).and_then(|(_, version)| version);
        let session = marked.and_then(|(_, _, session)| var((*session)?)).filter(|_| self.session.is_none());
        Some(AgentRecord { name, version, subagent: self.subagent.map(str::to_owned), session })
    }

    /// The job of a CI system; none outside of one.
    pub(super) fn ci(&self) -> Option<CiRecord> {
        if self.remote { None } else { ci() }
    }
}

/// The name and version in `AI_AGENT`: `claude-code_2-1-332_agent`, or `NAME/VERSION`.
fn named(text: &str) -> (String, Option<String>) {
    let mut words = text.split(['_', '/', '@', ' ']);
    let name = words.next().unwrap_or_default().to_owned();
    let version = words.next().map(|word| word.replace('-', "."));
    (name, version.filter(|version| version.starts_with(|c: char| c.is_ascii_digit())))
}

/// The job that this process is in, by the variables of each system's own documentation.
fn ci() -> Option<CiRecord> {
    let record = |system: &str, job: Option<String>, run: Option<String>| {
        Some(CiRecord { system: system.to_owned(), job, run })
    };
    if var("GITHUB_ACTIONS").is_some() {
        let run = var("GITHUB_SERVER_URL").zip(var("GITHUB_REPOSITORY")).zip(var("GITHUB_RUN_ID"));
        return record(
            "github",
            var("GITHUB_JOB"),
            run.map(|((server, repository), id)| format!("{server}/{repository}/actions/runs/{id}")),
        );
    }
    if var("GITLAB_CI").is_some() {
        return record("gitlab", var("CI_JOB_NAME"), var("CI_JOB_URL").or_else(|| var("CI_JOB_ID")));
    }
    if var("JENKINS_URL").is_some() {
        return record("jenkins", var("JOB_NAME"), var("BUILD_URL").or_else(|| var("BUILD_TAG")));
    }
    var("RWENV_CI").or_else(|| var("CI")).filter(|value| value != "false")?;
    record("ci", None, None)
}

/// The linked worktree of Git that a directory is in, by name.
pub(super) fn worktree(cwd: &str) -> Option<String> {
    let git = Path::new(cwd).ancestors().map(|dir| dir.join(".git")).find(|git| git.exists())?;
    if git.is_dir() {
        return None;
    }
    let text = files::read(&git).ok()??;
    let (_, name) = text.trim().strip_prefix("gitdir: ")?.rsplit_once("/worktrees/")?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_call_themselves_is_read() {
        let named = |text: &str| named(text);
        assert_eq!(
            named("claude-code_2-1-332_agent"),
            ("claude-code".to_owned(), Some("2.1.332".to_owned()))
        );
        assert_eq!(named("codex/0.99.1"), ("codex".to_owned(), Some("0.99.1".to_owned())));
        assert_eq!(named("1"), ("1".to_owned(), None));
        assert_eq!(named("goose"), ("goose".to_owned(), None));
    }
}
