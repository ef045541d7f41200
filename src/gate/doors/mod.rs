//! Enforcement points that start as a process: the agents' pre-command hooks, and the shims under the tools' names.
//!
//! The failure rule stands here, once. Whatever the caller's bytes do to us — they do not parse, they are too long,
//! too deep, too slow, they crash us — never helps the caller: the answer is a denial. What fails around us (the
//! audit log cannot be written) costs only what would change something.

mod call;
pub mod chain;
mod claude;
mod custody;
mod greeting;
mod others;
mod payload;
pub mod push;
pub mod replay;
mod reply;
mod sandboxed;
pub mod session;
pub mod shim;
mod skill;
mod terminal;

pub use reply::Reply;

use std::borrow::Cow;
use std::ffi::CString;
use std::io::{Read as _, Write as _};

use crate::base::environment::Environment;
use crate::setup::shims;
use crate::standing;
use crate::wire::claude::BLOCK;
use crate::{net, start};
use payload::{LONGEST_PAYLOAD, payload};
use reply::unfit;
use rwenv_core::decide::text;

/// The program: `rwenv-hook claude` reads a call from standard input and answers it; under a tool's name it is that
/// tool's shim. Gives the exit status.
#[must_use]
pub fn main(arguments: &[CString]) -> i32 {
    let texts: Vec<Cow<'_, str>> = arguments.iter().map(|a| a.to_string_lossy()).collect();
    // The path the kernel started counts before the name the caller gives it (`exec -a`).
    let started = start::started_as().as_deref().and_then(shims::shim_at);
    if let Some(name) = started.or_else(|| texts.first().and_then(|name| shims::shim_at(name))) {
        let inherited = net::install(shim::DENIED);
        return i32::from(shim::main(name, arguments, inherited));
    }
    let _ = net::install(BLOCK);
    let reply = match texts.get(1).map(AsRef::as_ref) {
        Some("claude") => {
            let by_plugin = texts.get(2).is_some_and(|word| word == "plugin");
            door(Reply::block, |bytes, environment| claude::answer(bytes, by_plugin, environment))
        }
        Some("statusline") => {
            let silent = |_: &str| Reply::silent();
            door(silent, |bytes, environment| shown(&standing::statusline(bytes, environment)))
        }
        Some("prompt") => {
            let shell = texts.get(2).map_or("terminal", AsRef::as_ref);
            let text = standing::prompt(shell, &Environment::read());
            Reply { stdout: text, ..Reply::silent() }
        }
        Some("--version" | "-V") => {
            Reply { stdout: format!("rwenv-hook {}\n", env!("CARGO_PKG_VERSION")), ..Reply::silent() }
        }
        Some("--help" | "-h") => Reply { stdout: USAGE.to_owned(), ..Reply::silent() },
        other => match others::ADAPTERS.iter().find(|adapter| Some(adapter.name) == other) {
            Some(adapter) if texts.get(2).is_some_and(|word| word == "session") => {
                let unheard = |why: &str| Reply { stderr: format!("{why}\n"), code: 1, ..Reply::silent() };
                door(unheard, |bytes, environment| match event(bytes) {
                    Ok(event) => others::begin(adapter, &event, environment),
                    Err(why) => unheard(&format!("rwenv: this session is not told of its rwenv: {why}")),
                })
            }
            Some(adapter) => {
                let refuse = |why: &str| (adapter.reply)(&call::Judged::denied(why));
                // Of some agents the model reads nothing but their own JSON, whatever ends the hook.
                net::also_say(|why| refuse(why).stdout);
                door(refuse, |bytes, environment| another(adapter, bytes, environment))
            }
            None => Reply::block(&format!(
                "rwenv-hook: '{}' is not a supported agent; register the hook with rwenv install",
                text::escape_and_cut(other.unwrap_or_default(), 80)
            )),
        },
    };
    i32::from(answer(&reply))
}

const USAGE: &str = "\
Judges what an AI agent is about to run. The agent starts it and writes the call to its standard input.

Usage: rwenv-hook claude      Claude Code: PreToolUse, SessionStart, CwdChanged, UserPromptSubmit, ConfigChange
       rwenv-hook codex       Codex: PreToolUse
       rwenv-hook gemini      Gemini CLI: BeforeTool
       rwenv-hook cursor      Cursor: beforeShellExecution, beforeMCPExecution, preToolUse
       rwenv-hook copilot     Copilot CLI: preToolUse
       rwenv-hook opencode    OpenCode, through the plugin that rwenv install writes
       rwenv-hook NAME session  the start of a session of codex, gemini, copilot or opencode
       rwenv-hook statusline    the status line of Claude Code
       rwenv-hook prompt SHELL  the segment of a prompt: bash, zsh, fish, starship (and off) or plain

Started under the name of a tool (kubectl, git, …; rwenv install makes these links), it judges the call and then runs the tool.

Exit status: 0 no objection (or a question, as JSON), 2 blocked (reason on standard error). As a tool: the tool's own
status, 77 if the call is denied, 127 if the tool is not found.
Check a command line by hand with: rwenv check -- COMMAND…
";

/// A line for whoever shows it.
fn shown(line: &str) -> Reply {
    Reply { stdout: format!("{line}\n"), ..Reply::silent() }
}

/// Reads what an agent sends, and answers it; `refuse` is how it is told that this could not be done.
fn door(refuse: impl Fn(&str) -> Reply, answer: impl Fn(&[u8], &Environment) -> Reply) -> Reply {
    let environment = Environment::read();
    let mut bytes = Vec::new();
    match std::io::stdin().lock().take(LONGEST_PAYLOAD + 1).read_to_end(&mut bytes) {
        Ok(_) => answer(&bytes, &environment),
        Err(error) => refuse(&format!("rwenv: the call could not be read from standard input: {error}")),
    }
}

/// True where what an agent sent is understood, or is none of ours; nothing is judged. For the fuzzer.
#[must_use]
pub fn understood(agent: &str, bytes: &[u8]) -> bool {
    if agent == "claude" {
        return claude::understood(bytes);
    }
    let adapter = others::ADAPTERS.iter().find(|adapter| adapter.name == agent);
    let event = payload(bytes).and_then(|text| serde_json::from_str(text).map_err(|e| e.to_string()));
    event.and_then(|event| adapter.map_or(Ok(others::Heard::Nothing), |a| (a.hear)(&event))).is_ok()
}

/// The event an agent sends.
fn event(bytes: &[u8]) -> Result<serde_json::Value, String> {
    payload(bytes).and_then(|text| {
        serde_json::from_str(text).map_err(|e| format!("the payload is not the JSON of an event ({e})"))
    })
}

/// Answers an event of an agent that is no Claude Code.
fn another(adapter: &others::Adapter, bytes: &[u8], environment: &Environment) -> Reply {
    match event(bytes).and_then(|event| (adapter.hear)(&event)) {
        Ok(others::Heard::Call(call)) => (adapter.reply)(&call::judge(&call, environment)),
        Ok(others::Heard::Nothing) => (adapter.reply)(&call::Judged::is_free()),
        Err(why) => (adapter.reply)(&call::Judged::denied(&unfit(&why))),
    }
}

/// Prints the reply. Where it cannot be told, the exit status still is.
fn answer(reply: &Reply) -> u8 {
    let mut told = Ok(());
    if !reply.stdout.is_empty() {
        let mut stdout = std::io::stdout().lock();
        told = stdout.write_all(reply.stdout.as_bytes()).and_then(|()| stdout.flush());
    }
    let _ = std::io::stderr().write_all(reply.stderr.as_bytes());
    // A question nobody gets is no question: it has to end as a denial.
    if told.is_err() { BLOCK } else { reply.code }
}
