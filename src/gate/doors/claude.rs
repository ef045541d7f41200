//! Claude Code's adapter: its bytes to a command line, our verdict to its answer.

use serde_json::value::RawValue;

use crate::base::environment::Environment;
use crate::doors::call::{Call, CallContent, Content, Judged, Writing, judge};
use crate::doors::payload::{fits, payload};
use crate::doors::reply::Reply;
use crate::doors::{custody, session, skill};
use crate::ledger::asked;
use crate::wire::claude::{
    Event, FileInput, HookMessage, HookOutput, HookSpecificOutput, ShellInput, SkillInput,
};
use rwenv_core::model::{Decision, FromObject};

/// Answers one event.
pub(super) fn answer(bytes: &[u8], by_plugin: bool, environment: &Environment) -> Reply {
    let unfit = |why: String| Reply::unfit(&why);
    let call = match event(bytes) {
        Ok(call) => call,
        Err(why) => return unfit(why),
    };
    match call.hook_event_name.as_deref() {
        None | Some("PreToolUse") => {
            let input = call.tool_input;
            match heard(&call, environment) {
                Ok(Some(call)) => reply(&judge(&call, environment), input),
                Ok(None) => Reply::silent(),
                Err(why) => unfit(why),
            }
        }
        Some("SessionStart" | "CwdChanged") => {
            if by_plugin {
                session::remember_plugin(&call);
            }
            session::start(&call, environment)
        }
        Some("ConfigChange") => {
            let what = payload(bytes)
                .and_then(|text| serde_json::from_str(text).map_err(|e| format!("ConfigChange: {e}")));
            match what {
                Ok(what) => custody::changed(&call, &what, by_plugin, environment),
                Err(why) => unfit(why),
            }
        }
        Some("UserPromptSubmit") => {
            asked::forget(call.session_id.as_deref().unwrap_or_default(), environment);
            Reply::silent()
        }
        Some(_) => Reply::silent(),
    }
}

/// The call that an event is about; none where that is nothing we judge.
fn heard(event: &Event<'_>, environment: &Environment) -> Result<Option<Call>, String> {
    let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let asked = asked_for(event, Some(environment))?;
    Ok(asked.map(|asked| Call {
        door: "claude",
        session: owned(&event.session_id),
        subagent: [event.agent_type, event.agent_id].into_iter().flatten().find_map(text),
        cwd: owned(&event.cwd),
        tool: owned(&event.tool_name).unwrap_or_default(),
        asked,
        // Nobody is there to be asked.
        asks: event.permission_mode.as_deref() != Some("dontAsk"),
        typed_into: false,
        may_see_other: false,
    }))
}

/// A text, where it is one.
fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The call in the payload of a hook.
pub(super) fn past(bytes: &[u8], environment: &Environment) -> Result<Option<Call>, String> {
    heard(&event(bytes)?, environment)
}

fn event(bytes: &[u8]) -> Result<Event<'_>, String> {
    serde_json::from_str(payload(bytes)?)
        .map_err(|e| format!("the payload is not the JSON of a PreToolUse call ({e})"))
}

/// True where an event is understood, or is none of ours.
pub(super) fn understood(bytes: &[u8]) -> bool {
    event(bytes).and_then(|call| asked_for(&call, None)).is_ok()
}

/// What a call is about to do; none where that is nothing we judge. Without an environment nothing is looked up.
fn asked_for(call: &Event<'_>, environment: Option<&Environment>) -> Result<Option<CallContent>, String> {
    let Some(tool) = call.tool_name.as_deref() else {
        return Err("the payload is not the JSON of a PreToolUse call (it names no tool)".to_owned());
    };
    let runs = matches!(tool, "Bash" | "PowerShell" | "Monitor");
    let mcp = tool.starts_with("mcp__");
    if !runs && !mcp && !matches!(tool, "Skill" | "Write" | "Edit" | "MultiEdit" | "NotebookEdit") {
        return Ok(None);
    }
    let Some(input) = call.tool_input else {
        return Err(format!("tool '{tool}' came without tool_input"));
    };
    let not_understood = |e: serde_json::Error| format!("tool_input of '{tool}' is not understood ({e})");
    if mcp {
        let input = serde_json::from_str(input.get()).map_err(not_understood)?;
        return Ok(Some(CallContent::Mcp { server: String::new(), input }));
    }
    if runs {
        let FromObject(shell): FromObject<ShellInput<'_>> =
            serde_json::from_str(input.get()).map_err(not_understood)?;
        let line = fits(shell.command.into_owned())?;
        return Ok(Some(if tool == "PowerShell" {
            CallContent::Unanalysed(line)
        } else {
            CallContent::Line(line)
        }));
    }
    if tool == "Skill" {
        let FromObject(skill): FromObject<SkillInput<'_>> =
            serde_json::from_str(input.get()).map_err(not_understood)?;
        let lines =
            environment.and_then(|environment| skill::lines(&skill.skill, call.cwd.as_deref(), environment));
        return lines.map(|lines| Ok(CallContent::Line(fits(lines)?))).transpose();
    }
    let FromObject(file): FromObject<FileInput<'_>> =
        serde_json::from_str(input.get()).map_err(not_understood)?;
    let Some(path) = file.file_path.or(file.notebook_path) else {
        return Err(format!("tool_input of '{tool}' names no file"));
    };
    let pairs = file.edits.into_iter().flatten().map(|edit| (edit.old_string, edit.new_string));
    let mut pairs: Vec<(String, String)> = pairs.collect();
    pairs.extend(file.old_string.zip(file.new_string));
    let content = match file.content {
        Some(text) => Content::Whole(text),
        None if pairs.is_empty() => Content::Unknown,
        None => Content::Replaced(pairs),
    };
    Ok(Some(CallContent::Writes(vec![Writing { path: path.into_owned(), content }])))
}

fn reply(judged: &Judged, input: Option<&RawValue>) -> Reply {
    let asks = |decision: Decision, reason: &str| {
        let output = HookOutput {
            hook_specific_output: HookSpecificOutput {
                hook_event_name: "PreToolUse",
                permission_decision: decision.as_str(),
                permission_decision_reason: reason.trim_end(),
                updated_input: judged.pinned.as_deref().and_then(|line| updated(input, line)),
            },
        };
        match serde_json::to_string(&output) {
            Ok(json) => Reply { stdout: format!("{json}\n"), ..Reply::silent() },
            Err(_) => Reply::block(&judged.text),
        }
    };
    match (judged.decision, &judged.pinned) {
        (Decision::Deny, _) => Reply::block(&judged.text),
        (Decision::Ask, _) => asks(Decision::Ask, &judged.text),
        (Decision::Allow, _) if judged.approved => {
            asks(Decision::Allow, "rwenv: every part of it only looks")
        }
        // A changed line comes with a question, or it would run unseen.
        (Decision::Allow, Some(line)) => {
            asks(Decision::Ask, &format!("rwenv runs it where it belongs: {line}"))
        }
        (Decision::Allow, None) if judged.text.is_empty() => Reply::silent(),
        (Decision::Allow, None) => {
            let said = serde_json::to_string(&HookMessage { system_message: &judged.text });
            said.map_or(Reply::silent(), |json| Reply { stdout: format!("{json}\n"), ..Reply::silent() })
        }
    }
}

/// The whole input with another command; every other field as it was.
fn updated(input: Option<&RawValue>, line: &str) -> Option<serde_json::Value> {
    let mut input: serde_json::Value = serde_json::from_str(input?.get()).ok()?;
    input.as_object_mut()?.insert("command".to_owned(), line.into());
    Some(input)
}
