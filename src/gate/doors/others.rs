//! Agents beside Claude Code: Codex, Gemini CLI, Cursor, Copilot CLI, OpenCode. Each is a way to read an event and a way to answer.
//!
//! What an agent cannot do is done in its stead: where it passes over a question, a question is a denial. A denial is said in every way
//! the agent reads, because of each it is unknown in some version: exit status 2, standard error, and its own JSON.

use serde_json::{Value, json};

use crate::base::environment::Environment;
use crate::doors::call::{Call, CallContent, Content, Judged, Writing};
use crate::doors::payload::fits;
use crate::doors::reply::Reply;
use crate::doors::session::{self, GivenSession, Variables};
use crate::ledger::pinned;
use crate::wire::claude::BLOCK;
use rwenv_core::classify::patch;
use rwenv_core::decide::quoted;
use rwenv_core::model::Decision;

/// What is heard of an agent.
#[derive(Debug)]
pub(super) enum Heard {
    Call(Box<Call>),
    /// Nothing that is judged.
    Nothing,
}

/// An agent: how its events are read, and how it is answered.
pub(super) struct Adapter {
    pub(super) name: &'static str,
    pub(super) hear: fn(&Value) -> Result<Heard, String>,
    pub(super) reply: fn(&Judged) -> Reply,
    /// Where its session's commands get their variables from; none where it tells no hook of a session.
    pub(super) variables: Option<fn(&str, &Environment) -> Variables>,
    /// How it is told what the session is given.
    pub(super) greet: fn(&GivenSession, &Environment) -> Value,
}

/// The agents that are spoken to in this way.
pub(super) const ADAPTERS: [Adapter; 5] = [
    Adapter { name: "codex", hear: codex, reply: plain, variables: Some(by_bash), greet: context },
    Adapter { name: "gemini", hear: gemini, reply: gemini_reply, variables: Some(nowhere), greet: context },
    Adapter { name: "cursor", hear: cursor, reply: cursor_reply, variables: None, greet: context },
    Adapter { name: "copilot", hear: copilot, reply: copilot_reply, variables: Some(nowhere), greet: flat },
    Adapter {
        name: "opencode",
        hear: opencode,
        reply: opencode_reply,
        variables: Some(answer),
        greet: whole,
    },
];

/// Its settings name a file that bash reads before each command (`session::shell_start`), and that reads the session's.
fn by_bash(session: &str, environment: &Environment) -> Variables {
    pinned::shell_file(session, environment).map_or(Variables::Nowhere, Variables::File)
}

/// Its hooks set no variables, and no setting of a person's does.
fn nowhere(_: &str, _: &Environment) -> Variables {
    Variables::Nowhere
}

fn answer(_: &str, _: &Environment) -> Variables {
    Variables::Answer
}

/// A session that starts: it is given what it can be given. Nothing is judged by it, so what is not understood costs the words alone.
pub(super) fn begin(adapter: &Adapter, event: &Value, environment: &Environment) -> Reply {
    let Some(variables) = adapter.variables else { return Reply::silent() };
    let session = session(event).unwrap_or_default();
    let variables = variables(&session, environment);
    let given = session::begin(&session, directory(event).as_deref(), &variables, environment);
    if given.told.is_empty() && !matches!(variables, Variables::Answer) {
        return Reply::silent();
    }
    Reply { stdout: format!("{}\n", (adapter.greet)(&given, environment)), ..Reply::silent() }
}

/// Codex and Gemini CLI, in Claude Code's form.
fn context(given: &GivenSession, _: &Environment) -> Value {
    json!({ "hookSpecificOutput": { "hookEventName": "SessionStart", "additionalContext": given.told } })
}

fn flat(given: &GivenSession, _: &Environment) -> Value {
    json!({ "additionalContext": given.told })
}

/// The plugin gives the model the text, and every shell the variables.
fn whole(given: &GivenSession, environment: &Environment) -> Value {
    let mut variables = serde_json::Map::new();
    if let Some(shims) = &given.shims {
        variables.insert("PATH".to_owned(), format!("{}:{}", shims.display(), environment.path).into());
    }
    if let Some(kubeconfig) = &given.kubeconfig {
        variables.insert("KUBECONFIG".to_owned(), kubeconfig.display().to_string().into());
    }
    json!({ "context": given.told, "env": variables })
}

fn text(value: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| value.get(name)).and_then(Value::as_str).map(str::to_owned)
}

/// A command line: a text, or a program and its arguments.
fn line(input: &Value) -> Result<String, String> {
    let value = ["command", "cmd", "script"].iter().find_map(|name| input.get(name));
    let line = match value {
        Some(Value::String(line)) => line.clone(),
        Some(Value::Array(words)) => {
            let words: Option<Vec<String>> = words.iter().map(|w| w.as_str().map(quoted)).collect();
            words.ok_or("its command is not a list of strings")?.join(" ")
        }
        _ => return Err("its input names no command".to_owned()),
    };
    fits(line)
}

fn file(input: &Value) -> Result<Writing, String> {
    let path = text(input, &["file_path", "filePath", "path", "absolute_path", "file", "target_file"])
        .ok_or("its input names no file")?;
    let old = text(input, &["old_string", "oldString", "old_str"]);
    let new = text(input, &["new_string", "newString", "new_str"]);
    let whole = text(input, &["content", "contents", "file_text"]);
    let content = match (whole, old, new) {
        (Some(text), ..) => Content::Whole(text),
        (None, Some(old), Some(new)) => Content::Replaced(vec![(old, new)]),
        _ => Content::Unknown,
    };
    Ok(Writing { path, content })
}

/// The files a patch writes.
fn patched(patch: &str) -> Result<CallContent, String> {
    let files = patch::patched(patch).ok_or("its patch names no file")?.into_iter();
    let content = |added: Option<String>| added.map_or(Content::Unknown, Content::Whole);
    Ok(CallContent::Writes(
        files.map(|file| Writing { path: file.path, content: content(file.added) }).collect(),
    ))
}

/// The patch among a tool's arguments: a field, or all there is.
fn patch(input: &Value) -> Result<CallContent, String> {
    let named = text(input, &["input", "patch", "patchText", "patch_text", "command"]);
    let patch = named.or_else(|| input.as_str().map(str::to_owned));
    patched(&patch.ok_or("its patch is missing")?)
}

/// A call, from what an agent calls things.
fn call(door: &'static str, event: &Value, tool: String, asked: CallContent, asks: bool) -> Heard {
    Heard::Call(Box::new(Call {
        door,
        session: session(event),
        subagent: text(event, &["agent_type", "agent_id", "agentId"]),
        cwd: directory(event),
        tool,
        asked,
        asks,
        // Its write_stdin is heard of by no hook.
        typed_into: door == "codex",
        may_see_other: door == "codex",
    }))
}

fn session(event: &Value) -> Option<String> {
    text(event, &["session_id", "sessionId", "sessionID", "conversation_id"])
}

fn directory(event: &Value) -> Option<String> {
    text(event, &["cwd", "directory", "working_directory"]).or_else(|| first_root(event))
}

fn first_root(event: &Value) -> Option<String> {
    event.get("workspace_roots")?.get(0)?.as_str().map(str::to_owned)
}

/// The arguments of a tool; some hosts send them as a text that is JSON. A patch may come as it is.
fn input(event: &Value, names: &[&str]) -> Result<Value, String> {
    match names.iter().find_map(|name| event.get(name)) {
        Some(Value::String(text)) if is_raw_patch(text) => Ok(Value::String(text.clone())),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|e| format!("its arguments are not JSON ({e})"))
        }
        Some(value) => Ok(value.clone()),
        None => Ok(Value::Null),
    }
}

/// True for a patch without JSON around it.
fn is_raw_patch(text: &str) -> bool {
    let start = text.trim_start();
    start.starts_with("***") || (!start.starts_with(['{', '"', '[']) && patch::patched(text).is_some())
}

fn tool_of(event: &Value, names: &[&str]) -> Result<String, String> {
    text(event, names).ok_or_else(|| "the payload names no tool".to_owned())
}

fn not_understood(tool: &str) -> impl FnOnce(String) -> String {
    let tool = tool.to_owned();
    move |why| format!("the call of tool '{tool}' is not understood: {why}")
}

/// A tool none of whose names is known: it may be one behind an MCP server.
fn by_name(door: &'static str, event: &Value, tool: String, input: Value, asks: bool) -> Heard {
    let server =
        event.get("mcp_context").and_then(|context| text(context, &["server_name", "serverName", "server"]));
    let server = server.or_else(|| text(event, &["mcp_server", "server_name"])).unwrap_or_default();
    call(door, event, tool, CallContent::Mcp { server, input }, asks)
}

/// Codex: Claude Code's fields, but nobody can be asked, and a file is written by a patch.
fn codex(event: &Value) -> Result<Heard, String> {
    if text(event, &["hook_event_name"]).is_some_and(|name| name != "PreToolUse") {
        return Ok(Heard::Nothing);
    }
    let tool = tool_of(event, &["tool_name"])?;
    let input = input(event, &["tool_input"])?;
    let asked = match tool.as_str() {
        "Bash" | "shell" | "local_shell" | "exec_command" | "unified_exec" => {
            CallContent::Line(line(&input).map_err(not_understood(&tool))?)
        }
        "apply_patch" => patch(&input).map_err(not_understood(&tool))?,
        _ => return Ok(by_name("codex", event, tool, input, false)),
    };
    Ok(call("codex", event, tool, asked, false))
}

fn gemini(event: &Value) -> Result<Heard, String> {
    if text(event, &["hook_event_name"]).is_some_and(|name| name != "BeforeTool") {
        return Ok(Heard::Nothing);
    }
    let tool = tool_of(event, &["tool_name"])?;
    let input = input(event, &["tool_input"])?;
    let asked = match tool.as_str() {
        "run_shell_command" => CallContent::Line(line(&input).map_err(not_understood(&tool))?),
        "write_file" | "replace" => CallContent::Writes(vec![file(&input).map_err(not_understood(&tool))?]),
        _ => return Ok(by_name("gemini", event, tool, input, false)),
    };
    let mut event = event.clone();
    // A directory of its own, from the folder the session is in.
    if let (Some(inner), Some(event)) = (text(&input, &["directory", "dir_path"]), event.as_object_mut()) {
        let outer = event.get("cwd").and_then(Value::as_str).unwrap_or_default();
        let cwd = if inner.starts_with('/') { inner } else { format!("{outer}/{inner}") };
        event.insert("cwd".to_owned(), cwd.into());
    }
    Ok(call("gemini", &event, tool, asked, false))
}

/// Cursor asks a person before shell commands and MCP tools, and passes over the question elsewhere.
fn cursor(event: &Value) -> Result<Heard, String> {
    let name = text(event, &["hook_event_name"]).unwrap_or_default();
    match name.as_str() {
        "beforeShellExecution" => {
            let asked = CallContent::Line(line(event).map_err(not_understood("Shell"))?);
            Ok(call("cursor", event, "Shell".to_owned(), asked, true))
        }
        "beforeMCPExecution" => {
            let tool = tool_of(event, &["tool_name"])?;
            let input = input(event, &["tool_input"])?;
            let server = text(event, &["server", "server_name", "command", "url"]).unwrap_or_default();
            Ok(call("cursor", event, tool, CallContent::Mcp { server, input }, true))
        }
        "preToolUse" => {
            let tool = tool_of(event, &["tool_name"])?;
            let input = input(event, &["tool_input"])?;
            let asked = match tool.as_str() {
                "Shell" => CallContent::Line(line(&input).map_err(not_understood(&tool))?),
                "Write" | "Edit" | "StrReplace" | "Delete" => {
                    CallContent::Writes(vec![file(&input).map_err(not_understood(&tool))?])
                }
                _ => return Ok(by_name("cursor", event, tool, input, false)),
            };
            Ok(call("cursor", event, tool, asked, false))
        }
        "" => Err("the payload names no event".to_owned()),
        _ => Ok(Heard::Nothing),
    }
}

fn copilot(event: &Value) -> Result<Heard, String> {
    let tool = tool_of(event, &["toolName", "tool_name"])?;
    let input = input(event, &["toolArgs", "tool_input"]).map_err(not_understood(&tool))?;
    let asked = match tool.as_str() {
        "apply_patch" => patch(&input).map_err(not_understood(&tool))?,
        "bash" | "shell" => CallContent::Line(line(&input).map_err(not_understood(&tool))?),
        // An older version's: it types into a shell that is open.
        "write_bash" => CallContent::Line(fits(text(&input, &["input"]).unwrap_or_default())?),
        "powershell" => CallContent::Unanalysed(line(&input).map_err(not_understood(&tool))?),
        "str_replace_editor" if text(&input, &["command"]).as_deref() == Some("view") => {
            return Ok(Heard::Nothing);
        }
        "create" | "edit" | "write" | "str_replace_editor" | "str_replace" | "insert" => {
            CallContent::Writes(vec![file(&input).map_err(not_understood(&tool))?])
        }
        _ => return Ok(by_name("copilot", event, tool, input, true)),
    };
    Ok(call("copilot", event, tool, asked, true))
}

/// OpenCode runs no program itself: the plugin of ours writes what it hears, and throws what it is answered.
fn opencode(event: &Value) -> Result<Heard, String> {
    let tool = tool_of(event, &["tool"])?;
    let input = input(event, &["args", "input"])?;
    let asked = match tool.as_str() {
        "bash" | "shell" => CallContent::Line(line(&input).map_err(not_understood(&tool))?),
        "write" | "edit" | "multiedit" => {
            CallContent::Writes(vec![file(&input).map_err(not_understood(&tool))?])
        }
        "patch" | "apply_patch" => patch(&input).map_err(not_understood(&tool))?,
        _ => return Ok(by_name("opencode", event, tool, input, false)),
    };
    Ok(call("opencode", event, tool, asked, false))
}

/// Silence, or exit status 2 with the reason on standard error.
fn plain(judged: &Judged) -> Reply {
    match judged.decision {
        Decision::Allow => Reply::silent(),
        Decision::Ask | Decision::Deny => Reply::block(&judged.text),
    }
}

/// The plugin lets a call run where it reads this word, so that nothing else that ends well does.
fn opencode_reply(judged: &Judged) -> Reply {
    match judged.decision {
        Decision::Allow => Reply { stdout: "runs\n".to_owned(), ..Reply::silent() },
        Decision::Ask | Decision::Deny => Reply::block(&judged.text),
    }
}

fn with_json(judged: &Judged, json: &Value) -> Reply {
    let code = if judged.decision == Decision::Deny { BLOCK } else { 0 };
    let stderr = if code == BLOCK { format!("{}\n", judged.text.trim_end()) } else { String::new() };
    Reply { stdout: format!("{json}\n"), stderr, code }
}

fn gemini_reply(judged: &Judged) -> Reply {
    match judged.decision {
        Decision::Allow => Reply::silent(),
        _ => with_json(judged, &json!({ "decision": "deny", "reason": judged.text.trim_end() })),
    }
}

fn cursor_reply(judged: &Judged) -> Reply {
    let text = judged.text.trim_end();
    match judged.decision {
        Decision::Allow => Reply::silent(),
        decision => with_json(
            judged,
            &json!({ "permission": decision.as_str(), "user_message": text, "agent_message": text }),
        ),
    }
}

fn copilot_reply(judged: &Judged) -> Reply {
    match judged.decision {
        Decision::Allow => Reply::silent(),
        decision => with_json(
            judged,
            &json!({ "permissionDecision": decision.as_str(), "permissionDecisionReason": judged.text.trim_end() }),
        ),
    }
}
