//! What would be decided about a call that ran before. Nothing is recorded, and nobody is asked.

use serde_json::{Value, json};

use crate::base::environment::Environment;
use crate::doors::{call, claude};
use rwenv_core::model::Verdict;

/// A call that ran before, and what would be decided about it now.
#[derive(Debug)]
pub struct PastVerdict {
    /// What it ran.
    pub command: String,
    /// What would be decided.
    pub verdict: Verdict,
}

/// Weighs a call of a tool, in the form of Claude Code's hook; none where that is nothing we judge.
///
/// # Errors
/// Where the hook would not understand it.
pub fn weigh(
    tool: &str,
    input: &Value,
    cwd: &str,
    environment: &Environment,
) -> Result<Option<PastVerdict>, String> {
    let event =
        json!({ "hook_event_name": "PreToolUse", "cwd": cwd, "tool_name": tool, "tool_input": input });
    let heard = claude::past(event.to_string().as_bytes(), environment)?;
    Ok(heard.map(|call| {
        let (verdict, command) = call::weigh(&call, environment);
        PastVerdict { command, verdict }
    }))
}
