//! Claude Code's adapter: its bytes to a command line, our verdict to its answer.

use super::{LONGEST_PAYLOAD, Reply, session, text};
use crate::decide;
use crate::host::{self, Observed, asked, audit, environment::Environment};
use crate::model::{Decision, Object, Verdict};
use crate::wire::claude::{Event, FileInput, Output, ShellInput, Specific};

/// Longest command line Linux hands to a shell as one argument (MAX_ARG_STRLEN less its end); a longer one cannot run.
const LONGEST_COMMAND: usize = 131_071;

/// Answers one event.
pub(super) fn answer(bytes: &[u8], environment: &Environment) -> Reply {
    let unfit =
        |why: String| Reply::block(&format!("rwenv: this call cannot be judged, so it does not run: {why}."));
    let call = match event(bytes) {
        Ok(call) => call,
        Err(why) => return unfit(why),
    };
    match call.hook_event_name.as_deref() {
        None | Some("PreToolUse") => match asked_for(&call) {
            Ok(Some(asked)) => judge(&call, &asked, environment),
            Ok(None) => Reply::silent(),
            Err(why) => unfit(why),
        },
        Some("SessionStart" | "CwdChanged") => session::start(&call, environment),
        Some("UserPromptSubmit") => {
            asked::forget(call.session_id.as_deref().unwrap_or_default(), environment);
            Reply::silent()
        }
        Some(_) => Reply::silent(),
    }
}

fn event(bytes: &[u8]) -> Result<Event<'_>, String> {
    if bytes.len() as u64 > LONGEST_PAYLOAD {
        return Err("the payload is larger than 4 MiB".to_owned());
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(
            "nothing came on standard input; the agent has to write its event's JSON there".to_owned()
        );
    }
    let payload = std::str::from_utf8(bytes).map_err(|e| format!("the payload is not UTF-8 ({e})"))?;
    serde_json::from_str(payload)
        .map_err(|e| format!("the payload is not the JSON of a PreToolUse call ({e})"))
}

/// What a call is about to do.
enum Asked {
    /// Run a command line.
    Line(String),
    /// Write a file.
    File(String),
}

/// What a call is about to do; none where that is nothing we judge.
fn asked_for(call: &Event<'_>) -> Result<Option<Asked>, String> {
    let Some(tool) = call.tool_name.as_deref() else {
        return Err("the payload is not the JSON of a PreToolUse call (it names no tool)".to_owned());
    };
    let runs = matches!(tool, "Bash" | "PowerShell" | "Monitor");
    if !runs && !matches!(tool, "Write" | "Edit" | "MultiEdit" | "NotebookEdit") {
        return Ok(None);
    }
    let Some(input) = call.tool_input else {
        return Err(format!("tool '{tool}' came without tool_input"));
    };
    let not_understood = |e: serde_json::Error| format!("tool_input of '{tool}' is not understood ({e})");
    if runs {
        return command(serde_json::from_str(input.get()).map_err(not_understood)?)
            .map(|line| Some(Asked::Line(line)));
    }
    let Object(file): Object<FileInput<'_>> = serde_json::from_str(input.get()).map_err(not_understood)?;
    match file.file_path.or(file.notebook_path) {
        Some(path) => Ok(Some(Asked::File(path.into_owned()))),
        None => Err(format!("tool_input of '{tool}' names no file")),
    }
}

fn command(Object(shell): Object<ShellInput<'_>>) -> Result<String, String> {
    let command = shell.command.into_owned();
    if command.contains('\0') {
        return Err("the command line holds a NUL character".to_owned());
    }
    if command.len() > LONGEST_COMMAND {
        return Err(format!(
            "the command line has {} bytes, more than a shell takes ({LONGEST_COMMAND})",
            command.len()
        ));
    }
    Ok(command)
}

fn judge(call: &Event<'_>, asked: &Asked, environment: &Environment) -> Reply {
    let context = host::context(call.cwd.as_deref(), environment);
    let tool = call.tool_name.as_deref().unwrap_or_default();
    let (plan, command) = match asked {
        Asked::Line(line) if tool == "PowerShell" => {
            (decide::plan_unread(line, &context, "PowerShell is not analysed"), line.clone())
        }
        Asked::Line(line) => (decide::plan(line, &context), line.clone()),
        Asked::File(path) => (decide::plan_file(path, &context), format!("{tool} {path}")),
    };
    let Observed { plan, facts, rwenvs } = host::observe(plan, environment);
    if plan.is_nothing_of_ours() {
        return Reply::silent();
    }
    let verdict = decide::conclude(&plan, &facts, &rwenvs);
    let (session, rwenvs) = (call.session_id.as_deref(), &decide::concerned(&plan, &facts, &rwenvs));
    let record = audit::Call { door: "claude", session, cwd: &context.cwd, command: &command, rwenvs };
    let recorded = audit::append(record, &verdict, environment);
    if verdict.decision() == Decision::Ask {
        // Without it the shim asks for a person's yes once more, which is no hole.
        let _ = asked::record(&plan, &verdict, call.session_id.as_deref(), environment);
    }
    // Without a record of it, nothing is changed.
    reply(
        &verdict,
        call.permission_mode.as_deref(),
        recorded.err().filter(|_| plan.changes_something()).map(|e| e.to_string()),
    )
}

fn reply(verdict: &Verdict, mode: Option<&str>, unrecorded: Option<String>) -> Reply {
    if let (Decision::Allow | Decision::Ask, Some(why)) = (verdict.decision(), unrecorded) {
        return Reply::block(&text::unrecorded(&why));
    }
    let text = text::of(verdict);
    match verdict.decision() {
        Decision::Allow => Reply::silent(),
        Decision::Deny => Reply::block(&text),
        // Nobody is there to be asked.
        Decision::Ask if mode == Some("dontAsk") => {
            Reply::block(&format!("{text}  A person would be asked, and in this mode nobody can be."))
        }
        Decision::Ask => {
            let output = Output {
                hook_specific_output: Specific {
                    hook_event_name: "PreToolUse",
                    permission_decision: verdict.decision().as_str(),
                    permission_decision_reason: text.trim_end(),
                },
            };
            match serde_json::to_string(&output) {
                Ok(json) => Reply { stdout: format!("{json}\n"), ..Reply::silent() },
                Err(_) => Reply::block(&text),
            }
        }
    }
}
