//! Claude Code's PreToolUse hook: JSON on standard input; the answer by exit code, standard error, or JSON on
//! standard output (code.claude.com/docs/en/hooks, read for versions up to 2.1.329).

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The event as the agent sends it. Fields we do not read are not named, and may be anything.
#[derive(Debug, serde::Deserialize)]
pub struct Event<'a> {
    /// The session.
    #[serde(borrow)]
    pub session_id: Option<Cow<'a, str>>,
    /// The sub-agent the call comes from; none for the agent itself. It is only recorded, so it may be anything.
    #[serde(borrow)]
    pub agent_id: Option<&'a RawValue>,
    /// Its kind, such as `Explore`.
    #[serde(borrow)]
    pub agent_type: Option<&'a RawValue>,
    /// The directory the agent's shell is in now.
    #[serde(borrow)]
    pub cwd: Option<Cow<'a, str>>,
    /// `default`, `plan`, `acceptEdits`, `auto`, `dontAsk`, `bypassPermissions`.
    #[serde(borrow)]
    pub permission_mode: Option<Cow<'a, str>>,
    /// `PreToolUse`.
    #[serde(borrow)]
    pub hook_event_name: Option<Cow<'a, str>>,
    /// `Bash`, `Edit`, `mcp__server__tool`, …; events that are about no tool have none.
    #[serde(borrow)]
    pub tool_name: Option<Cow<'a, str>>,
    /// The tool's own fields, not read yet.
    #[serde(borrow)]
    pub tool_input: Option<&'a RawValue>,
}

/// What ConfigChange says beside.
#[derive(Debug, serde::Deserialize)]
pub struct ConfigChange<'a> {
    /// Which settings have changed: `user_settings`, `project_settings`, `local_settings`, `policy_settings`, `skills`.
    #[serde(borrow)]
    pub source: Option<Cow<'a, str>>,
    /// The file that has changed.
    #[serde(borrow)]
    pub file_path: Option<Cow<'a, str>>,
}

/// The input of the tools that run a command line.
#[derive(Debug, serde::Deserialize)]
pub struct ShellInput<'a> {
    /// The command line.
    #[serde(borrow)]
    pub command: Cow<'a, str>,
}

/// The input of the tool that uses a skill.
#[derive(Debug, serde::Deserialize)]
pub struct SkillInput<'a> {
    /// Its name; a plugin's stands before it.
    #[serde(borrow)]
    pub skill: Cow<'a, str>,
}

/// The input of the tools that write a file.
#[derive(Debug, serde::Deserialize)]
pub struct FileInput<'a> {
    /// The file (`Write`, `Edit`, `MultiEdit`).
    #[serde(borrow)]
    pub file_path: Option<Cow<'a, str>>,
    /// The notebook (`NotebookEdit`).
    #[serde(borrow)]
    pub notebook_path: Option<Cow<'a, str>>,
    /// All of it (`Write`).
    pub content: Option<String>,
    /// What is replaced (`Edit`).
    pub old_string: Option<String>,
    /// By what (`Edit`).
    pub new_string: Option<String>,
    /// Several of these (`MultiEdit`).
    pub edits: Option<Vec<Replacement>>,
}

/// One text in place of another.
#[derive(Debug, serde::Deserialize)]
pub struct Replacement {
    /// What is replaced.
    #[serde(default)]
    pub old_string: String,
    /// By what.
    #[serde(default)]
    pub new_string: String,
}

/// The answer that has the agent ask a person.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HookOutput<'a> {
    /// The answer.
    pub hook_specific_output: HookSpecificOutput<'a>,
}

/// The answer that decides nothing and is shown to the person (`systemMessage`, for every event).
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HookMessage<'a> {
    /// What they see.
    pub system_message: &'a str,
}

/// The part of the answer that is this event's own.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HookSpecificOutput<'a> {
    /// Has to be there, or the answer is passed over.
    pub hook_event_name: &'a str,
    /// `ask` or `allow`.
    pub permission_decision: &'a str,
    /// Shown to the person.
    pub permission_decision_reason: &'a str,
    /// In the place of the whole input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_input: Option<serde_json::Value>,
}

/// Exit status that blocks the call; nothing overrides it.
pub const BLOCK: u8 = 2;
